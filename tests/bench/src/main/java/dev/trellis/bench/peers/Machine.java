package dev.trellis.bench.peers;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;

/// On what, and with what, something was measured.
public final class Machine {
  private Machine() {}

  /// Processor, cores, kernel, JVM, and how busy the machine is with other things.
  public static String describe() {
    return String.format(
        Locale.ROOT,
        "%s, %d cores, %s %s, Java %s, load %s",
        processor(),
        Runtime.getRuntime().availableProcessors(),
        System.getProperty("os.name"),
        System.getProperty("os.version"),
        Runtime.version(),
        load());
  }

  private static String processor() {
    return first("/proc/cpuinfo", "model name").replaceFirst(".*:\\s*", "");
  }

  private static String load() {
    return first("/proc/loadavg", "").split(" ", -1)[0];
  }

  private static String first(String file, String prefix) {
    try (var lines = Files.lines(Path.of(file))) {
      return lines.filter(line -> line.startsWith(prefix)).findFirst().orElse("unknown");
    } catch (IOException e) {
      return "unknown"; // no Linux
    }
  }

  /// The commit of a source tree, and whether files differ from it.
  public static String commit(Path home) {
    try {
      Process git =
          new ProcessBuilder(
                  "git", "-C", home.toString(), "describe", "--always", "--dirty", "--abbrev=10")
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      String commit =
          new String(git.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
      return commit.isEmpty() ? "unknown" : commit;
    } catch (IOException e) {
      return "unknown"; // no git
    }
  }
}
