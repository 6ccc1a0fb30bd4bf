package dev.trellis.history.linear;

import static org.junit.jupiter.api.Assertions.fail;

import java.nio.file.Files;
import java.nio.file.Path;

/// Test data that is not in the repository, but beside it.
final class SharedData {
  private SharedData() {}

  /// A folder of the data. Fails where it is missing: a test without its data would show nothing.
  static Path folder(String name) {
    Path root = Path.of(System.getProperty("trellis.root")).toAbsolutePath();
    // A worktree may lie deeper than the checkout that it belongs to.
    for (Path above = root.getParent(); above != null; above = above.getParent()) {
      Path folder = above.resolve("shared/data").resolve(name);
      if (Files.isDirectory(folder)) {
        return folder;
      }
    }
    return fail(
        "the test data " + name + " is missing: it should be in shared/data beside " + root);
  }
}
