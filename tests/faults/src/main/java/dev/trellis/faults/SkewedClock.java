package dev.trellis.faults;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// The time of day as one process sees it: libfaketime stands between the process and the system,
/// so that the very program that people run is deceived, and all parts of it, whatever they ask.
/// The monotonic clock is left alone, as it is where people set a clock.
final class SkewedClock {
  private static final String LIBRARY = "libfaketimeMT.so.1";
  private static final List<String> FOLDERS =
      List.of("/usr/lib/faketime", "/usr/lib64/faketime", "/usr/local/lib/faketime");

  /// How long the library goes on with what it has read, in seconds.
  private static final int CACHE_SECONDS = 1;

  private final Path library;
  private final Path file;

  private SkewedClock(Path library, Path file) {
    this.library = library;
    this.file = file;
  }

  /// Where libfaketime is; empty if it is not installed.
  static Optional<Path> library() {
    try (Stream<Path> folders = Files.list(Path.of("/usr/lib"))) {
      return Stream.concat(
              FOLDERS.stream().map(Path::of), folders.map(folder -> folder.resolve("faketime")))
          .map(folder -> folder.resolve(LIBRARY))
          .filter(Files::isReadable)
          .findFirst();
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  /// A clock that is right for now.
  ///
  /// @param library of [#library]
  /// @param file where its offset will be kept
  static SkewedClock right(Path library, Path file) throws IOException {
    SkewedClock clock = new SkewedClock(library, file);
    clock.set(Duration.ZERO);
    return clock;
  }

  /// Moves the clock away from the machine's; it follows within [#CACHE_SECONDS].
  ///
  /// @param offset negative for behind
  void set(Duration offset) throws IOException {
    Path draft = file.resolveSibling(file.getFileName() + ".new");
    Files.writeString(draft, String.format(Locale.ROOT, "%+.3f%n", offset.toMillis() / 1e3));
    // As a whole, since it is read at any time.
    Files.move(draft, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
  }

  /// What makes a process live by this clock.
  Map<String, String> environment() {
    return Map.of(
        "LD_PRELOAD",
        library.toString(),
        "FAKETIME_TIMESTAMP_FILE",
        file.toString(),
        "FAKETIME_CACHE_DURATION",
        Integer.toString(CACHE_SECONDS),
        "FAKETIME_DONT_FAKE_MONOTONIC",
        "1",
        "DONT_FAKE_MONOTONIC",
        "1");
  }
}
