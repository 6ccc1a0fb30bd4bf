package dev.trellis.integration;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/// What a process holds.
///
/// @param heapBytes of objects that are reachable
/// @param residentBytes all memory of the process
/// @param sockets open files included
record Vitals(long heapBytes, long residentBytes, int threads, int sockets) {
  private static final Pattern TOTAL = Pattern.compile("(?m)^Total\\s+\\d+\\s+(\\d+)");
  private static final Pattern RESIDENT = Pattern.compile("(?m)^VmRSS:\\s+(\\d+) kB");

  /// Looks at a process, after a full garbage collection.
  static Vitals of(long pid) {
    Execution histogram =
        Execution.of(
                Path.of("/"),
                Map.of(),
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "jcmd").toString(),
                    Long.toString(pid),
                    "GC.class_histogram"))
            .expect(0);
    Path proc = Path.of("/proc", Long.toString(pid));
    try {
      return new Vitals(
          number(TOTAL, histogram.output()),
          number(RESIDENT, Files.readString(proc.resolve("status"))) << 10,
          count(proc.resolve("task")),
          count(proc.resolve("fd")));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static long number(Pattern pattern, String text) {
    Matcher matcher = pattern.matcher(text);
    if (!matcher.find()) {
      throw new AssertionError(pattern + " is not in " + text);
    }
    return Long.parseLong(matcher.group(1));
  }

  private static int count(Path folder) throws IOException {
    try (Stream<Path> entries = Files.list(folder)) {
      return (int) entries.count();
    }
  }

  /// How many files and sockets a process has open.
  static int sockets(long pid) {
    try {
      return count(Path.of("/proc", Long.toString(pid), "fd"));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public String toString() {
    return (heapBytes >> 20)
        + " MiB of heap, "
        + (residentBytes >> 20)
        + " MiB in all, "
        + threads
        + " threads, "
        + sockets
        + " files and sockets";
  }
}
