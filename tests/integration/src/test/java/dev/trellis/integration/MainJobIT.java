package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.client.Trellis;
import dev.trellis.wire.Frame;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The main job on real input: a Debian machine's package database in the store, by the documented
/// example and the documented commands, compared with a direct computation.
class MainJobIT {
  @TempDir Path folder;

  @Test
  void aSampleOfAPackageDatabase() throws Exception {
    doTheJob(Path.of(MainJobIT.class.getResource("/dpkg/status").toURI()));
  }

  @Test
  void theDatabaseOfThisMachine() throws Exception {
    Path status = Path.of("/var/lib/dpkg/status");
    assumeTrue(Files.isReadable(status), "no Debian machine");
    doTheJob(status);
  }

  private void doTheJob(Path status) throws IOException, InterruptedException {
    DpkgStatus expected = DpkgStatus.read(status);
    Path lines = convert(status);
    int keys =
        expected.packages().size() + expected.sections().size() + expected.maintainers().size() + 1;
    try (LocalTrellis local = new LocalTrellis(folder)) {
      local.up();
      importLines(local, lines, keys);
      assertStored(local, expected, 1);

      String section = expected.sections().firstKey();
      local.trellis("delete", "section:" + section).expect(0);
      assertGone(local, "section:" + section);

      importLines(local, lines, keys);
      // What docs/commands.md says of a second import: a counter is added to again, the rest is
      // the same as before, and what was deleted is back.
      assertStored(local, expected, 2);

      local.trellis("down").expect(0);
      assertEquals(List.of(), local.running(), "processes left by 'trellis down'");
    }
  }

  private Path convert(Path status) {
    Path program =
        Path.of(System.getProperty("trellis.root"), "docs/examples/dpkg/DpkgToJsonLines.java");
    Execution conversion =
        Execution.of(
                folder,
                Map.of(),
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    program.toString(),
                    status.toString()))
            .expect(0);
    assertEquals("", conversion.error());
    try {
      return Files.writeString(folder.resolve("packages.jsonl"), conversion.output());
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static void importLines(LocalTrellis local, Path lines, int keys) {
    JsonNode result =
        LocalTrellis.json(local.trellis("import", lines.toString(), "--json").expect(0).output());
    assertEquals(keys, result.get("imported").asInt());
    assertEquals(0, result.get("failed").asInt());
  }

  private static void assertStored(LocalTrellis local, DpkgStatus expected, int imports)
      throws IOException, InterruptedException {
    Map<String, Long> sizes =
        expected.maintainers().entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, one -> imports * one.getValue()));
    try (Trellis trellis = Trellis.connect(local.address());
        Rest rest = new Rest(local)) {
      List<String> keys = new ArrayList<>();
      for (String name : expected.packages().keySet()) {
        keys.add("pkg:" + name);
        String text = trellis.register("pkg:" + name).getText().orElseThrow();
        assertEquals(expected.packages().get(name), fields(LocalTrellis.json(text)), name);
        JsonNode json = rest.get("pkg:" + name);
        assertEquals("lww", json.get("kind").asText());
        assertEquals(text, json.get("value").asText(), name);
      }
      for (String section : expected.sections().keySet()) {
        keys.add("section:" + section);
        List<String> names = List.copyOf(expected.sections().get(section));
        assertEquals(names, trellis.set("section:" + section).texts(), section);
        JsonNode json = rest.get("section:" + section);
        assertEquals("orset", json.get("kind").asText());
        List<String> shown = new ArrayList<>();
        json.get("value").forEach(name -> shown.add(name.asText()));
        assertEquals(names, shown, section);
      }
      for (String maintainer : sizes.keySet()) {
        keys.add("maintainer:" + maintainer);
        assertEquals(
            sizes.get(maintainer), trellis.counter("maintainer:" + maintainer).value(), maintainer);
        JsonNode json = rest.get("maintainer:" + maintainer);
        assertEquals("counter", json.get("kind").asText());
        assertEquals(sizes.get(maintainer), json.get("value").asLong(), maintainer);
      }
      keys.add("biggest");
      Map<String, Long> biggest = new LinkedHashMap<>();
      trellis
          .sortedSet("biggest")
          .top(1_000)
          .forEach(one -> biggest.put(one.member().text(), (long) one.score()));
      assertEquals(expected.biggest(), biggest);
      assertEquals(
          List.copyOf(expected.biggest().values()), List.copyOf(biggest.values()), "in order");
      Map<String, Long> shown = new LinkedHashMap<>();
      rest.get("biggest")
          .get("value")
          .forEach(one -> shown.put(one.get("member").asText(), one.get("score").asLong()));
      assertEquals(expected.biggest(), shown);

      assertEquals(
          new TreeSet<>(keys),
          trellis
              .keys("")
              .map(Frame.ScannedKey::key)
              .map(key -> key.text())
              .collect(Collectors.toCollection(TreeSet::new)),
          "nothing else is there");
    }
  }

  private static void assertGone(LocalTrellis local, String key)
      throws IOException, InterruptedException {
    try (Trellis trellis = Trellis.connect(local.address());
        Rest rest = new Rest(local)) {
      assertEquals(List.of(), trellis.set(key).texts());
      assertFalse(trellis.keys(key).findAny().isPresent());
      assertEquals(404, rest.status(key));
      Execution read = local.trellis("get", key).expect(1);
      assertTrue(read.error().contains(key), read.error());
    }
  }

  private static Map<String, String> fields(JsonNode object) {
    Map<String, String> fields = new LinkedHashMap<>();
    object.properties().forEach(field -> fields.put(field.getKey(), field.getValue().asText()));
    return fields;
  }

  /// The gateway, read with the JDK's own HTTP client.
  private record Rest(LocalTrellis local, HttpClient client) implements AutoCloseable {
    Rest(LocalTrellis local) {
      this(local, HttpClient.newHttpClient());
    }

    JsonNode get(String key) throws IOException, InterruptedException {
      HttpResponse<String> response = send(key);
      assertEquals(200, response.statusCode(), key);
      return LocalTrellis.json(response.body());
    }

    int status(String key) throws IOException, InterruptedException {
      return send(key).statusCode();
    }

    private HttpResponse<String> send(String key) throws IOException, InterruptedException {
      String segment = URLEncoder.encode(key, StandardCharsets.UTF_8).replace("+", "%20");
      return client.send(
          HttpRequest.newBuilder(
                  URI.create("http://127.0.0.1:" + local.gatewayPort() + "/v1/keys/" + segment))
              .header("Accept", "application/json")
              .build(),
          HttpResponse.BodyHandlers.ofString());
    }

    @Override
    public void close() {
      client.close();
    }
  }
}
