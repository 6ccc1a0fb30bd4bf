package dev.trellis.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class BackupManifestTest {
  private static final BackupManifest MANIFEST =
      new BackupManifest(
          "a \"cluster\"",
          Instant.parse("2026-01-02T03:04:05.006Z"),
          "1.2",
          List.of(
              new BackupManifest.Shard("node-1", 0, 7, "data.mdb", 3, "364b3fb7"),
              new BackupManifest.Shard("../odd", 1, 1L << 40, "data.mdb", 1L << 50, "00000000")));

  @TempDir Path backup;

  private Path manifest() {
    return backup.resolve(BackupManifest.FILE);
  }

  @Test
  void isReadAsItWasWrittenAndLeavesNothingBeside() throws IOException {
    assertEquals(Optional.empty(), BackupManifest.in(backup));
    MANIFEST.write(backup);
    assertEquals(Optional.of(MANIFEST), BackupManifest.in(backup));
    try (var files = Files.list(backup)) {
      assertEquals(List.of(manifest()), files.toList());
    }
  }

  @Test
  void noFolderOfANodeLiesOutsideOfTheBackup() {
    for (String node : List.of("node-1", "..", ".", "../odd", "/root", "a/b", "%2e", "ä")) {
      Path folder = backup.resolve(BackupManifest.folderName(node));
      assertEquals(backup, folder.normalize().getParent(), node);
    }
    assertEquals("node-1", BackupManifest.folderName("node-1"));
  }

  @Test
  void whateverByteChangesIsNoticed() throws IOException {
    MANIFEST.write(backup);
    byte[] sound = Files.readAllBytes(manifest());
    for (int at = 0; at < sound.length - 1; at++) {
      byte[] changed = sound.clone();
      changed[at] ^= 1;
      Files.write(manifest(), changed);
      CommandFailure failure =
          assertThrows(CommandFailure.class, () -> BackupManifest.in(backup), "at " + at);
      assertEquals(ExitCode.ENVIRONMENT, failure.exitCode());
      assertTrue(
          String.valueOf(failure.getMessage()).contains(backup.toString()), failure::getMessage);
    }
  }

  @Test
  void filesThatAreMissingCutOffOrChangedAreNamed() throws IOException {
    BackupManifest.Shard shard = MANIFEST.shards().getFirst();
    Path file = shard.folder(backup).resolve(shard.file());
    assertEquals(
        Optional.of(file + " is not there"), BackupManifest.problem(backup, shard, read -> {}));
    Files.createDirectories(file.getParent());
    Files.writeString(file, "ab");
    assertEquals(
        Optional.of(file + " has 2 bytes, and manifest.json tells of 3"),
        BackupManifest.problem(backup, shard, read -> {}));
    Files.writeString(file, "abd");
    assertTrue(
        BackupManifest.problem(backup, shard, read -> {})
            .orElseThrow()
            .endsWith(", and manifest.json tells of 364b3fb7"));
    Files.writeString(file, "abc");
    assertEquals(Optional.empty(), BackupManifest.problem(backup, shard, read -> {}));
  }
}
