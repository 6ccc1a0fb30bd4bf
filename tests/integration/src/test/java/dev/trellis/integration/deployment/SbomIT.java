package dev.trellis.integration.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/// The list of what is shipped, beside what is shipped: with the profile `sbom`, which makes it.
@EnabledIfSystemProperty(named = "trellis.sbom", matches = ".+")
class SbomIT {
  private static final Path LIB = Tree.DEPLOY.resolve("launcher/target/trellis/lib");

  private static JsonNode bom() throws IOException {
    return new ObjectMapper().readTree(new File(System.getProperty("trellis.sbom")));
  }

  @Test
  void theListHasWhatIsInTheDistributionAndNothingElse() throws Exception {
    JsonNode bom = bom();
    assertEquals("CycloneDX", bom.get("bomFormat").asText());
    assertEquals("trellis-deploy", bom.at("/metadata/component/name").asText());
    Map<String, String> listed = new TreeMap<>(); // SHA-256 by file
    for (JsonNode component : bom.get("components")) {
      String purl = component.get("purl").asText();
      String version = component.get("version").asText();
      boolean isOurs = component.get("group").asText().startsWith("dev.trellis");
      assertTrue(isOurs || !version.contains("SNAPSHOT"), purl);
      String classifier =
          purl.contains("classifier=")
              ? "-" + purl.replaceFirst(".*classifier=([^&]*).*", "$1")
              : "";
      listed.put(
          component.get("name").asText() + "-" + version + classifier + ".jar",
          isOurs ? "" : sha256(component));
    }
    Map<String, String> shipped = new TreeMap<>();
    try (Stream<Path> jars = Files.list(LIB)) {
      for (Path jar : jars.toList()) {
        String name = jar.getFileName().toString();
        if (!name.startsWith("trellis-deploy-")) {
          shipped.put(name, name.startsWith("trellis-") ? "" : sha256(jar));
        }
      }
    }
    assertFalse(shipped.isEmpty());
    assertEquals(shipped, listed);
  }

  private static String sha256(JsonNode component) {
    for (JsonNode hash : component.get("hashes")) {
      if (hash.get("alg").asText().equals("SHA-256")) {
        return hash.get("content").asText();
      }
    }
    throw new AssertionError("no hash of " + component);
  }

  private static String sha256(Path jar) throws IOException, GeneralSecurityException {
    return HexFormat.of()
        .formatHex(MessageDigest.getInstance("SHA-256").digest(Files.readAllBytes(jar)));
  }
}
