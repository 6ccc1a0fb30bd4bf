package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// An installed distribution makes its cache of classes at first use, and no command ever suffers
/// from it: neither from its absence, nor its age, nor damage.
class QuickStartIT {
  @TempDir Path folder;
  private Path installed;

  @BeforeEach
  void install() throws IOException {
    Path root = Path.of(System.getProperty("trellis.root"));
    installed = Files.createDirectories(folder.resolve("trellis"));
    Path lib = Files.createDirectories(installed.resolve("lib"));
    try (var jars = Files.list(root.resolve("deploy/launcher/target/trellis/lib"))) {
      for (Path jar : jars.toList()) {
        Files.copy(jar, lib.resolve(jar.getFileName()), StandardCopyOption.COPY_ATTRIBUTES);
      }
    }
    Path script = Files.createDirectories(installed.resolve("bin")).resolve("trellis");
    Files.copy(root.resolve("bin/trellis"), script, StandardCopyOption.COPY_ATTRIBUTES);
  }

  private void version(Map<String, String> more) {
    Execution execution = run(more);
    assertEquals(0, execution.exitCode(), execution.toString());
    assertTrue(execution.output().startsWith("trellis "), execution.toString());
    assertEquals(1, execution.output().lines().count(), execution.toString());
    assertEquals("", execution.error());
  }

  private Execution run(Map<String, String> more) {
    Map<String, String> environment = new HashMap<>();
    environment.put("TRELLIS_HOME", folder.resolve("home").toString());
    environment.put("JAVA_HOME", System.getProperty("java.home"));
    environment.put("TRELLIS_BUILD", "");
    environment.putAll(more);
    return Execution.of(
        folder, environment, List.of(installed.resolve("bin/trellis").toString(), "--version"));
  }

  private Path cache() throws IOException {
    try (var files = Files.list(installed.resolve("aot"))) {
      return files.filter(file -> file.toString().endsWith(".aot")).findFirst().orElseThrow();
    }
  }

  @Test
  void theFirstUseMakesItAndWhateverBecomesOfItCommandsRun() throws IOException {
    version(Map.of("TRELLIS_AOT", "never"));
    version(Map.of("TRELLIS_BUILD", "never"));
    assertFalse(Files.exists(installed.resolve("aot")), "nobody asked for it");
    version(Map.of());
    Path cache = cache();
    assertTrue(
        Files.size(cache) > 1 << 20,
        () -> "the rehearsal failed; its log is in " + installed.resolve("aot"));
    Instant made = Files.getLastModifiedTime(cache).toInstant();
    version(Map.of());
    assertEquals(made, Files.getLastModifiedTime(cache).toInstant(), "it is made once");
    // The JVM takes it: told to insist on it, it would not start otherwise.
    run(Map.of("JDK_JAVA_OPTIONS", "-XX:AOTMode=on")).expect(0);

    // Another jar of the same name.
    Path jar = installed.resolve("lib").resolve(anyJar());
    FileTime before = Files.getLastModifiedTime(jar);
    Files.setLastModifiedTime(jar, FileTime.from(before.toInstant().minusSeconds(100)));
    version(Map.of("TRELLIS_BUILD", "never"));
    Files.setLastModifiedTime(jar, before);

    // Cut short, and nonsense.
    Files.write(cache, new byte[] {1, 2, 3});
    version(Map.of());
    Files.write(cache, new byte[0]);
    version(Map.of());
    assertEquals(0, Files.size(cache), "what failed once is not tried again");

    // A new build: the launcher's jar is newer than what was made before.
    try (var jars = Files.list(installed.resolve("lib"))) {
      Path launcher =
          jars.filter(each -> each.getFileName().toString().startsWith("trellis-deploy-"))
              .findFirst()
              .orElseThrow();
      Files.setLastModifiedTime(launcher, FileTime.from(Instant.now()));
      Files.setLastModifiedTime(cache, FileTime.from(Instant.now().minusSeconds(60)));
    }
    version(Map.of());
    assertTrue(Files.size(cache) > 1 << 20, "it is made anew");
  }

  private String anyJar() throws IOException {
    try (var jars = Files.list(installed.resolve("lib"))) {
      return jars.map(each -> each.getFileName().toString())
          .filter(name -> name.startsWith("picocli"))
          .findFirst()
          .orElseThrow();
    }
  }
}
