package dev.trellis.integration.broken.causal;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/// A pure package that does output.
public final class WritesAFile {
  private WritesAFile() {}

  /// Never called.
  public static void write(Path path) throws IOException {
    Files.writeString(path, "");
  }
}
