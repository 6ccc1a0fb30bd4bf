package dev.trellis.deploy;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/// Files in which nodes that were declared gone have left what they held.
final class QuarantineFiles {
  private QuarantineFiles() {}

  /// Those of the nodes of a cluster, by name; none where they cannot be looked for.
  ///
  /// @param cluster the folder in which each node has one
  static List<Path> in(Path cluster) {
    try (Stream<Path> files =
        Files.find(
            cluster,
            2,
            (path, attributes) ->
                attributes.isRegularFile()
                    && path.getFileName().toString().matches("quarantine-.*\\.jsonl"))) {
      return files.sorted().toList();
    } catch (IOException | UncheckedIOException e) {
      return List.of(); // what else there is to tell matters more
    }
  }
}
