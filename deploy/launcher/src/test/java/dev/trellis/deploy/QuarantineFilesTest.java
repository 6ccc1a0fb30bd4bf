package dev.trellis.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class QuarantineFilesTest {
  @TempDir private Path cluster;

  @Test
  void theFinishedFilesOfAllNodesAreFound() throws IOException {
    for (String node : List.of("node-0", "node-1")) {
      Files.createDirectory(cluster.resolve(node));
    }
    Path one = cluster.resolve("node-1/quarantine-node-1-7f-20260102T030405Z.jsonl");
    Path other = cluster.resolve("node-0/quarantine-node-0-8e-20260102T030405Z.jsonl");
    Files.createFile(one);
    Files.createFile(other);
    Files.createFile(cluster.resolve("node-0/quarantine-node-0-9d-x.jsonl.unfinished"));
    Files.createFile(cluster.resolve("node-0/node-0.log"));
    assertEquals(List.of(other, one), QuarantineFiles.in(cluster));
  }

  @Test
  void whereThereIsNoFolderThereIsNoFile() {
    assertEquals(List.of(), QuarantineFiles.in(cluster.resolve("none")));
  }
}
