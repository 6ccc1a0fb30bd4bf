package dev.trellis.integration.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.MonitorConfig;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.routing.RouterConfig;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/// What is shipped for real networks is protected, and has no secrets in it.
class SecuritySettingsTest {
  private static final List<String> FOLDERS =
      List.of("kubernetes", "compose", "systemd", "prometheus", "grafana");

  /// A private key in PEM, an API key, a CURVE key in a file of keys.
  private static final Pattern SECRET =
      Pattern.compile(
          "PRIVATE KEY-----|trellis_[0-9a-f]{16}_|secret [^\\s]{40}\\n|session\\.key *=");

  private static List<Path> files(String end) {
    List<Path> files = new ArrayList<>();
    FOLDERS.forEach(folder -> files.addAll(Tree.files(Tree.DEPLOY.resolve(folder), end)));
    files.removeIf(
        file -> file.startsWith(Tree.DEPLOY.resolve("compose/secrets")) || !file.toFile().isFile());
    return files;
  }

  @Test
  void everyProcessHasSecurityOnAndAFolderOfItsOwn() {
    Set<String> onOneMachine = new HashSet<>();
    int looked = 0;
    for (Path file : files(".conf")) {
      String name = file.getFileName().toString();
      if (name.equals("trellis-sysusers.conf")) {
        continue;
      }
      String reference =
          name.equals("router.conf")
              ? RouterConfig.reference()
              : name.equals("monitor.conf") ? MonitorConfig.reference() : NodeConfig.reference();
      String more = name.equals("monitor.conf") ? "\nkubernetes.namespace = trellis\n" : "";
      StrictConfig settings = StrictConfig.ofText(reference, Tree.read(file) + more, Map.of());
      assertEquals("on", settings.text("security"), file::toString);
      String folder = settings.text("secrets.folder");
      looked++;
      if (file.toString().contains("systemd")) {
        assertTrue(onOneMachine.add(folder), () -> folder + " is that of two");
        assertTrue(folder.startsWith("/etc/trellis/secrets/"), folder);
      } else {
        assertEquals("/etc/trellis-secrets", folder, file::toString);
      }
    }
    assertEquals(13, looked);
  }

  @Test
  void noFileHasASecretInIt() {
    List<Path> all = files("");
    assertTrue(all.size() > 30, all::toString);
    for (Path file : all) {
      assertTrue(!SECRET.matcher(Tree.read(file)).find(), () -> "there is a secret in " + file);
    }
    assertTrue(SECRET.matcher("  key: trellis_0123456789abcdef_x").find(), "it would be found");
  }

  @Test
  void noProcessWritesItsMemoryIntoAFileWhenItFails() {
    List<Path> starters = new ArrayList<>(files(""));
    starters.add(Tree.ROOT.resolve("bin/trellis"));
    starters.add(Tree.DEPLOY.resolve("launcher/pom.xml"));
    for (Path file : starters) {
      assertTrue(!Tree.read(file).contains("HeapDumpOnOutOfMemoryError"), file::toString);
    }
  }
}
