package dev.trellis.integration.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;
import org.junit.jupiter.api.io.TempDir;

/// The container image, as far as that can be looked at without anything to run it: with the
/// profile `image`, which makes it.
@EnabledIfSystemProperty(named = "trellis.image", matches = ".+")
class ImageIT {
  private static final Pattern FLAG = Pattern.compile("--[^ )\n]+");

  @TempDir private Path folder;
  private JsonNode config;
  private final List<String> files = new ArrayList<>();

  @BeforeEach
  void unpack() throws Exception {
    var _ =
        Command.run(
            folder,
            "tar",
            "--warning=no-unknown-keyword",
            "-xf",
            System.getProperty("trellis.image"));
    ObjectMapper json = new ObjectMapper();
    JsonNode manifest = json.readTree(folder.resolve("manifest.json").toFile()).get(0);
    assertEquals("[\"trellis:latest\"]", manifest.get("RepoTags").toString());
    JsonNode all = json.readTree(folder.resolve(manifest.get("Config").asText()).toFile());
    config = all.get("config");
    assertEquals("linux", all.get("os").asText());
    assertEquals(manifest.get("Layers").size(), all.get("rootfs").get("diff_ids").size());
    for (JsonNode layer : manifest.get("Layers")) {
      Path file = folder.resolve(layer.asText());
      assertTrue(Files.size(file) > 0, layer::asText);
      Command.run(folder, "tar", "--warning=no-unknown-keyword", "-tzf", file.toString())
          .lines()
          .forEach(files::add);
    }
  }

  private static List<String> texts(JsonNode array) {
    return StreamSupport.stream(array.spliterator(), false).map(JsonNode::asText).toList();
  }

  @Test
  void itRunsTheCommandLineAsNobodyWithTheFlagsThatServersNeed() {
    List<String> entrypoint = texts(config.get("Entrypoint"));
    assertEquals("java", entrypoint.getFirst());
    assertEquals("dev.trellis.cli.TrellisCli", entrypoint.getLast());
    assertEquals("65532:65532", config.get("User").asText());
    String script = Tree.read(Tree.ROOT.resolve("bin/trellis"));
    List<String> flags = entrypoint.subList(1, entrypoint.indexOf("-cp"));
    assertTrue(flags.contains("-XX:+ExitOnOutOfMemoryError"), flags::toString);
    flags.forEach(flag -> assertTrue(script.contains(flag), flag));
    String quiet =
        script.substring(script.indexOf("quiet=("), script.indexOf(")", script.indexOf("quiet=(")));
    List<String> opened = FLAG.matcher(quiet).results().map(MatchResult::group).toList();
    assertEquals(4, opened.size(), opened::toString);
    assertTrue(flags.containsAll(opened), flags::toString);
    assertTrue(texts(config.get("Env")).contains("MALLOC_ARENA_MAX=1"));
  }

  @Test
  void itSaysWhichPortsThereAreAndWhatItIs() {
    Set<String> ports = new TreeSet<>();
    config.get("ExposedPorts").fieldNames().forEachRemaining(ports::add);
    assertEquals(
        Set.of(7400, 7401, 7480, 7490, 7491, 7500, 7501, 7502, 7503).stream()
            .map(port -> port + "/tcp")
            .collect(Collectors.toCollection(TreeSet::new)),
        ports);
    Map<String, String> labels = new TreeMap<>();
    config
        .get("Labels")
        .properties()
        .forEach(label -> labels.put(label.getKey(), label.getValue().asText()));
    assertEquals("Trellis", labels.get("org.opencontainers.image.title"));
    assertEquals("Apache-2.0", labels.get("org.opencontainers.image.licenses"));
    assertTrue(labels.containsKey("org.opencontainers.image.version"));
  }

  @Test
  void itHasTheJarsOfTheDistributionAndNothingElse() throws Exception {
    Set<String> distributed = new TreeSet<>();
    try (var jars = Files.list(Tree.DEPLOY.resolve("launcher/target/trellis/lib"))) {
      jars.map(jar -> jar.getFileName().toString())
          .filter(jar -> !jar.startsWith("trellis-deploy-"))
          .forEach(distributed::add);
    }
    Set<String> contained =
        files.stream()
            .filter(file -> file.endsWith(".jar"))
            .map(file -> file.substring(file.lastIndexOf('/') + 1))
            .collect(Collectors.toCollection(TreeSet::new));
    assertEquals(distributed, contained);
    assertTrue(files.contains("app/classes/dev/trellis/deploy/RunCommand.class"), files::toString);
    assertFalse(files.stream().anyMatch(file -> !file.startsWith("app/")), files::toString);
  }
}
