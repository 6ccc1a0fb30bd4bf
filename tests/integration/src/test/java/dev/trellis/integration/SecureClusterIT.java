package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A cluster of `up --secure` as people use it: real processes, each with its own secrets.
class SecureClusterIT {
  private static final int UNREACHABLE = 5;
  private static final int REFUSED = 3;
  private static final int MISUSE = 2;

  @TempDir static Path home;
  private static LocalTrellis local;

  @TempDir Path folder;

  @BeforeAll
  static void up() {
    local = new LocalTrellis(home);
    Execution up = local.up("--secure", "--monitor", "--memory-nodes", "2");
    assertTrue(up.output().contains("https://127.0.0.1:" + local.gatewayPort()), up::toString);
  }

  @AfterAll
  static void down() {
    local.close();
  }

  private static Path secrets() {
    return local.home().resolve("clusters/" + local.portBase() + "/secrets");
  }

  private static String authority() {
    return secrets().resolve("client/ca.crt").toString();
  }

  /// A new principal's key.
  private Path principal(String name, String... grant) {
    Path key = folder.resolve(name + ".key");
    local.trellis("acl", "create", name, "--out", key.toString()).expect(0);
    if (grant.length > 0) {
      local.trellis("acl", "grant", name, grant[0], grant[1]).expect(0);
    }
    return key;
  }

  private static String id(Path key) throws IOException {
    return Files.readString(key).substring("trellis_".length()).substring(0, 16);
  }

  /// Repeats a command until it exits so: what is written reaches all processes within a moment.
  private static Execution until(int exitCode, String... arguments) {
    Execution[] last = new Execution[1];
    RecordedLoad.Conditions.await(
        String.join(" ", arguments) + " exits with " + exitCode,
        () -> {
          last[0] = local.trellis(arguments);
          return last[0].exitCode() == exitCode;
        });
    return last[0];
  }

  @Test
  void whoHasAKeyMayDoWhatItsPrincipalWasGrantedAndNobodyElseAnything() throws Exception {
    until(0, "put", "greeting", "hello");
    assertEquals("hello", local.trellis("get", "greeting").expect(0).line());

    Path shop = principal("shop", "shop/", "read,write");
    until(0, "put", "shop/1", "apple", "--key-file", shop.toString());
    assertEquals(
        "apple", local.trellis("get", "shop/1", "--key-file", shop.toString()).expect(0).line());
    for (String[] refused :
        new String[][] {{"put", "greeting", "hi"}, {"get", "greeting"}, {"delete", "greeting"}}) {
      List<String> command = new ArrayList<>(List.of(refused));
      command.addAll(List.of("--key-file", shop.toString()));
      Execution no = local.trellis(command.toArray(String[]::new)).expect(REFUSED);
      for (String part :
          List.of("'shop'", refused[0].equals("get") ? "read" : "write", "greeting")) {
        assertTrue(no.error().contains(part), no::toString);
      }
    }
    assertEquals("hello", local.trellis("get", "greeting").expect(0).line());

    Execution none =
        local.trellis("get", "greeting", "--address", local.address(), "--ca", authority());
    assertEquals(REFUSED, none.exitCode(), none::toString);
    assertTrue(none.error().contains("--key-file"), none::toString);
    Execution plain = local.trellis("get", "greeting", "--address", local.address());
    assertTrue(List.of(REFUSED, UNREACHABLE).contains(plain.exitCode()), plain::toString);
    assertTrue(plain.error().contains("TLS"), plain::toString);
    Path other = folder.resolve("other");
    local.trellis("security", "init", other.toString(), "--cluster", "other").expect(0);
    Execution foreign =
        local
            .trellis(
                "get",
                "greeting",
                "--address",
                local.address(),
                "--ca",
                other.resolve("client/ca.crt").toString(),
                "--key-file",
                other.resolve("client/admin.key").toString())
            .expect(UNREACHABLE);
    assertTrue(
        foreign.error().contains("certificate") && foreign.error().contains("ca.crt"),
        foreign::toString);
    Execution bare =
        local
            .trellis("get", "x", "--address", local.address(), "--key-file", shop.toString())
            .expect(MISUSE);
    assertTrue(bare.error().contains("--ca"), bare::toString);

    local.trellis("acl", "revoke", id(shop)).expect(0);
    Execution revoked = until(REFUSED, "get", "shop/1", "--key-file", shop.toString());
    assertFalse(revoked.error().contains(Files.readString(shop).strip()), revoked::toString);
  }

  /// In one shell, so that one JVM does.
  @Test
  void whoMayNothingIsToldSoByEveryCommandInOneLine() throws Exception {
    Path nobody = principal("nobody");
    until(REFUSED, "get", "a", "--key-file", nobody.toString()); // once it is known everywhere
    Path file =
        Files.writeString(
            folder.resolve("one.jsonl"), "{\"key\": \"a\", \"kind\": \"lww\", \"value\": \"v\"}\n");
    List<String> commands =
        List.of(
            "get a",
            "put a 1",
            "delete a",
            "expire a 1h",
            "incr a",
            "set add a b",
            "set members a",
            "sorted add a b=1",
            "sorted top a",
            "map put a b c",
            "map get a b",
            "log append a b",
            "log read a",
            "scan",
            "scan a",
            "watch a --count 1",
            "await a --seen",
            "placement a",
            "placement a --memory 2",
            "mailbox list",
            "mailbox list a",
            "mailbox peek a",
            "mailbox send a b",
            "mailbox delete a",
            "export " + folder.resolve("all.jsonl"),
            "import " + file,
            "why",
            "acl list",
            "acl create other",
            "acl grant nobody a read",
            "bench --keys 10 --time 1s",
            "bench-mailbox --messages 10",
            "bench-agents --agents 1");
    Execution shell =
        local.withInput(
            String.join("\n", commands) + "\n", "shell", "--key-file", nobody.toString());
    assertEquals(REFUSED, shell.exitCode(), shell::toString);
    assertEquals("", shell.output());
    List<String> errors = shell.error().lines().toList();
    for (int at = 0; at < errors.size(); at++) {
      String error = errors.get(at);
      String command = at < commands.size() ? commands.get(at) : "(none)";
      assertTrue(
          error.startsWith("error: ") && error.contains("principal 'nobody' lacks the role"),
          () -> command + ": " + error + " of " + shell);
    }
    assertEquals(commands.size(), errors.size(), shell::toString);
  }

  @Test
  void statusTopAndMetricsAreThereForTheAdministrator() throws Exception {
    JsonNode status = local.status();
    assertTrue(status.get("whole").asBoolean(), status::toString);
    assertEquals("ready", status.at("/router/state").asText(), status::toString);
    assertEquals("ready", status.at("/monitor/state").asText(), status::toString);
    for (JsonNode node : status.get("nodes")) {
      assertEquals("active", node.get("state").asText(), status::toString);
      assertTrue(node.get("shards").size() > 0, status::toString);
    }
    assertTrue(status.at("/addresses/rest").asText().startsWith("https://"));
    assertFalse(local.trellis("top", "--json", "--interval", "300ms").expect(0).output().isEmpty());
    int port = status.at("/router/adminPort").asInt();
    assertTrue(curl(port, "/metrics", true).contains("trellis"));
    assertFalse(curl(port, "/metrics", false).contains("# TYPE"));
  }

  private String curl(int port, String path, boolean withKey) throws IOException {
    Path header = folder.resolve("header");
    Files.writeString(
        header, "Authorization: Bearer " + Files.readString(secrets().resolve("client/admin.key")));
    List<String> command = new ArrayList<>(List.of("curl", "-sS", "--cacert", authority()));
    if (withKey) {
      command.addAll(List.of("-H", "@" + header));
    }
    command.add("https://localhost:" + port + path);
    return Execution.of(folder, local.environment(), command).expect(0).output();
  }

  @Test
  void keysAreExchangedWhileItRuns() throws Exception {
    until(0, "put", "kept", "v");
    String former = Files.readString(secrets().resolve("client/admin.key"));
    Path formerKey = Files.writeString(folder.resolve("former.key"), former);
    local.trellis("security", "rotate", secrets().toString()).expect(0);
    assertEquals("v", until(0, "get", "kept").line());
    until(0, "get", "kept", "--key-file", formerKey.toString());
    local.trellis("node", "add", "--detach").expect(0);
    awaitWholeOf(3);
    local.trellis("security", "rotate", secrets().toString(), "--finish").expect(0);
    assertEquals("v", until(0, "get", "kept").line());
    until(REFUSED, "get", "kept", "--key-file", formerKey.toString());
    awaitWholeOf(3);
    local.trellis("node", "remove", "node-2", "--detach").expect(0);
    awaitWholeOf(2);
    assertEquals("v", local.trellis("get", "kept").expect(0).line());
    local.trellis("security", "status", secrets().toString()).expect(0);
  }

  private static void awaitWholeOf(int nodes) {
    RecordedLoad.Conditions.await(
        "all is whole with " + nodes + " nodes",
        () -> {
          JsonNode status = local.status();
          long active =
              status.get("nodes").findValues("state").stream()
                  .filter(state -> state.asText().equals("active"))
                  .count();
          return active == nodes && status.get("whole").asBoolean();
        });
  }

  @Test
  void noSecretIsAnywhereButInItsOwnFile() throws Exception {
    Path key = principal("leak", "leak/", "read");
    // What is refused is logged.
    until(REFUSED, "put", "leak/1", "v", "--key-file", key.toString());
    Path wrong = folder.resolve("wrong.key");
    Files.writeString(
        wrong, Files.readString(key).strip().substring(0, 64) + "AAAA\n", StandardCharsets.UTF_8);
    Execution unknown = local.trellis("get", "leak/1", "--key-file", wrong.toString());
    Map<String, String> secrets = secretsByFile();
    secrets.put("leak.key", Files.readString(key).strip().substring(25));
    secrets.put("wrong.key", Files.readString(wrong).strip().substring(25));

    Map<String, String> places = new LinkedHashMap<>();
    places.put("an error", unknown.error() + unknown.output());
    JsonNode status = local.status();
    places.put("status", status.toString());
    places.put("acl list", local.trellis("acl", "list", "--json").expect(0).output());
    places.put(
        "security status",
        local.trellis("security", "status", secrets().toString(), "--json").output());
    places.put("metrics", curl(status.at("/router/adminPort").asInt(), "/metrics", true));
    for (JsonNode node : status.get("nodes")) {
      places.put(
          "metrics of " + node.get("id"), curl(node.get("adminPort").asInt(), "/metrics", true));
    }
    for (long process : local.running()) {
      for (String file : List.of("cmdline", "environ")) {
        Path path = Path.of("/proc", Long.toString(process), file);
        places.put(path.toString(), Files.readString(path, StandardCharsets.ISO_8859_1));
      }
      assertFalse(
          places.get("/proc/" + process + "/cmdline").contains("HeapDumpOnOutOfMemoryError"));
    }
    int logs = 0;
    Path cluster = secrets().getParent();
    try (Stream<Path> all = Files.walk(cluster)) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        if (!file.startsWith(secrets())) {
          places.put(file.toString(), Files.readString(file, StandardCharsets.ISO_8859_1));
          logs += file.toString().endsWith(".log") ? 1 : 0;
        }
      }
    }
    assertTrue(logs >= 8, places.keySet()::toString);
    places.forEach(
        (place, text) ->
            secrets.forEach(
                (file, secret) ->
                    assertFalse(text.contains(secret), () -> place + " has that of " + file)));
    String audit =
        places.entrySet().stream()
            .filter(place -> place.getKey().endsWith(".audit.log.refused"))
            .map(Map.Entry::getValue)
            .reduce("", String::concat);
    assertTrue(audit.contains("\"event\":\"refused\""), audit);
    assertTrue(audit.contains("\"principal\":\"leak\""), audit);
  }

  /// Each of them, by the file it is in.
  private static Map<String, String> secretsByFile() throws IOException {
    Map<String, String> found = new LinkedHashMap<>();
    try (Stream<Path> all = Files.walk(secrets())) {
      for (Path file : all.filter(Files::isRegularFile).toList()) {
        String name = file.getFileName().toString();
        String text = Files.readString(file).strip();
        switch (name) {
          case "tls.key", "ca.key" -> found.put(file.toString(), text.lines().toList().get(1));
          case "admin.key" -> found.put(file.toString(), text.substring(25));
          case "session.key" -> found.put(file.toString(), text.lines().toList().getFirst());
          case "curve.key", "curve-server.key" ->
              found.put(
                  file.toString(), text.lines().toList().get(1).substring("secret ".length()));
          default -> {}
        }
      }
    }
    assertTrue(found.size() > 40, found.keySet()::toString);
    return found;
  }
}
