package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// The script `bin/trellis` in a source tree of its own, with a JDK and a Maven that just write
/// down how they are called.
class BuildAtFirstUseIT {
  @TempDir Path folder;
  private Path tree;
  private Path script;
  private Path tools;
  private Path calls;

  @BeforeEach
  void makeSourceTree() throws IOException {
    tree = Files.createDirectories(folder.resolve("source tree"));
    script = Files.createDirectories(tree.resolve("bin")).resolve("trellis");
    Files.copy(Path.of(System.getProperty("trellis.root"), "bin", "trellis"), script);
    Files.setPosixFilePermissions(script, PosixFilePermissions.fromString("rwxr-xr-x"));
    Path sources = Files.createDirectories(tree.resolve("proto/src/main/java"));
    Files.createDirectories(tree.resolve("proto/src/test/java"));
    for (Path file :
        List.of(
            tree.resolve("pom.xml"), tree.resolve("proto/pom.xml"), sources.resolve("A.java"))) {
      Files.writeString(file, "");
    }
    tools = Files.createDirectories(folder.resolve("tools"));
    calls = folder.resolve("calls");
    Path jdk = tools.resolve("jdk");
    Files.createDirectories(jdk.resolve("bin"));
    Files.writeString(jdk.resolve("release"), "JAVA_VERSION=\"25.0.1\"\n");
    executable(jdk.resolve("bin/java"), "printf '<%s>' \"${@: -2}\"");
    executable(jdk.resolve("bin/javac"), "");
    maven(
        "mkdir -p deploy/launcher/target/trellis/lib\n: >deploy/launcher/target/trellis/lib/trellis-deploy-1.jar");
    letTimePass();
  }

  /// A Maven that does this after it has written down that it was called.
  private void maven(String what) throws IOException {
    executable(
        tools.resolve("mvn"),
        """
        echo called >>'%s'
        echo '[INFO] Building Trellis proto 1.0                       [1/2]'
        %s
        """
            .formatted(calls, what));
  }

  private static void executable(Path file, String script) throws IOException {
    Files.writeString(file, "#!/bin/bash\n" + script + "\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  /// Makes everything that is there a minute older, so that what comes is newer.
  private void letTimePass() throws IOException {
    try (var files = Files.walk(tree)) {
      for (Path file : files.toList()) {
        Instant written = Files.getLastModifiedTime(file).toInstant();
        Files.setLastModifiedTime(file, FileTime.from(written.minus(Duration.ofMinutes(1))));
      }
    }
  }

  private Execution run(Path file, String... arguments) {
    List<String> command = new ArrayList<>(List.of(file.toString()));
    command.addAll(List.of(arguments));
    return Execution.of(
        folder,
        Map.of(
            "JAVA_HOME",
            tools.resolve("jdk").toString(),
            "PATH",
            tools + ":/usr/bin:/bin",
            "TRELLIS_BUILD",
            ""),
        command);
  }

  private long builds() throws IOException {
    return Files.exists(calls) ? Files.readAllLines(calls).size() : 0;
  }

  @Test
  void theFirstUseBuildsAndShowsWhichModuleAndTheSecondJustRuns() throws IOException {
    Execution first = run(script, "get", "a b").expect(0);
    assertEquals("<get><a b>", first.output());
    assertEquals(
        """
        Building Trellis (once; the first time also downloads its libraries)
          1/2    Trellis proto
        """,
        first.error());
    Execution second = run(script, "get", "").expect(0);
    assertEquals("<get><>", second.output());
    assertEquals("", second.error());
    assertEquals(1, builds());
  }

  @Test
  void itBuildsAgainWhereSourcesChangedAndForNothingElse() throws IOException {
    run(script).expect(0);
    letTimePass();
    Files.writeString(tree.resolve("proto/src/test/java/ATest.java"), "");
    run(script).expect(0);
    assertEquals(1, builds(), "tests are not in it");
    Files.writeString(tree.resolve("proto/src/main/java/A.java"), "class A {}");
    run(script).expect(0);
    assertEquals(2, builds(), "a file was changed");
    letTimePass();
    Files.delete(tree.resolve("proto/src/main/java/A.java"));
    run(script).expect(0);
    assertEquals(3, builds(), "a file was removed");
    letTimePass();
    Files.writeString(tree.resolve("proto/pom.xml"), "<project/>");
    run(script).expect(0);
    assertEquals(4, builds(), "a module has other dependencies");
    Path deepest = Files.createDirectories(tree.resolve("client/adapters/dapr/src/main/java"));
    letTimePass();
    Files.writeString(deepest.resolve("B.java"), "class B {}");
    run(script).expect(0);
    assertEquals(5, builds(), "a file of a module within modules was changed");
  }

  @Test
  void whatChangesDuringABuildIsBuiltTheNextTime() throws IOException {
    maven(
        """
        mkdir -p deploy/launcher/target/trellis/lib
        sleep 0.02
        echo 'class A {}' >proto/src/main/java/A.java
        : >deploy/launcher/target/trellis/lib/trellis-deploy-1.jar
        """);
    run(script).expect(0);
    run(script).expect(0);
    assertEquals(2, builds());
  }

  @Test
  void itWorksFromAnywhereAndThroughSymbolicLinks() throws IOException {
    Path direct = Files.createSymbolicLink(folder.resolve("direct"), script);
    Path relative = Files.createSymbolicLink(folder.resolve("relative"), folder.relativize(direct));
    assertEquals("<get><a>", run(relative, "get", "a").expect(0).output());
    Execution.of(
            folder,
            Map.of(
                "PATH", tools.resolve("jdk/bin") + ":" + tools + ":/usr/bin:/bin", "JAVA_HOME", ""),
            List.of("bash", "-c", "cd '" + tree + "/proto' && ../bin/trellis get a"))
        .expect(0);
    assertEquals(1, builds());
  }

  @Test
  void twoFirstUsesAtOnceBuildOnce() throws IOException {
    Path finish = folder.resolve("finish");
    maven(
        """
        until [ -e '%s' ]; do sleep 0.01; done
        mkdir -p deploy/launcher/target/trellis/lib
        : >deploy/launcher/target/trellis/lib/trellis-deploy-1.jar
        """
            .formatted(finish));
    CompletableFuture<Execution> one = CompletableFuture.supplyAsync(() -> run(script, "a", "b"));
    CompletableFuture<Execution> two = CompletableFuture.supplyAsync(() -> run(script, "a", "b"));
    while (builds() == 0) {
      Thread.onSpinWait();
    }
    Files.writeString(finish, "");
    assertEquals("<a><b>", one.join().expect(0).output());
    assertEquals("<a><b>", two.join().expect(0).output());
    assertEquals(1, builds());
  }

  @Test
  void aBuildThatFailsIsToldWithTheEndOfItsLog() throws IOException {
    maven("echo '[ERROR] A.java:[1,1] nonsense'; exit 1");
    Execution failed = run(script).expect(6);
    assertTrue(failed.error().contains("\n[ERROR] A.java:[1,1] nonsense\n"), failed.error());
    assertTrue(
        failed
            .error()
            .endsWith(
                "\nerror: the build failed; everything it said is in "
                    + tree.toRealPath()
                    + "/deploy/launcher/target/build.log.\n"),
        failed.error());
    run(script).expect(6);
    assertEquals(2, builds(), "it is tried anew");
  }

  @Test
  void whereMavenIsMissingItSaysWhatToInstall() throws IOException {
    Files.delete(tools.resolve("mvn"));
    Path bare = Files.createDirectories(folder.resolve("bare"));
    for (String tool : List.of("bash", "dirname", "find", "flock", "grep", "readlink")) {
      executable(bare.resolve(tool), "exec /usr/bin/" + tool + " \"$@\"");
    }
    Execution refused =
        Execution.of(
                folder,
                Map.of("JAVA_HOME", tools.resolve("jdk").toString(), "PATH", bare.toString()),
                List.of(script.toString()))
            .expect(6);
    assertEquals(
        "error: Trellis is not built yet, and Maven, which builds it, is not there. install it"
            + " (package maven, or 'sdk install maven') and try again.\n",
        refused.error());
  }

  @Test
  void whatIsInstalledIsNeverBuilt() throws IOException {
    Path lib = Files.createDirectories(folder.resolve("opt/trellis/lib"));
    Files.writeString(lib.resolve("trellis-deploy-1.jar"), "");
    Path installed = Files.createDirectories(folder.resolve("opt/trellis/bin")).resolve("trellis");
    Files.copy(script, installed);
    assertEquals("<get><a>", run(installed, "get", "a").expect(0).output());
    assertEquals(0, builds());
  }

  @Test
  void aBuildCanBeForbidden() throws IOException {
    Execution refused =
        Execution.of(
                folder,
                Map.of("JAVA_HOME", tools.resolve("jdk").toString(), "TRELLIS_BUILD", "never"),
                List.of(script.toString()))
            .expect(6);
    assertTrue(refused.error().startsWith("error: there is nothing to run in "), refused.error());
    assertFalse(Files.exists(calls));
  }
}
