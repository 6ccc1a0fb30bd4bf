package dev.trellis.faults;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Programs of the machine, such as `ip`: run, and waited for.
final class Tool {
  private Tool() {}

  /// How a program ended.
  ///
  /// @param output what it wrote, errors included
  record Result(List<String> command, int exitCode, String output) {
    boolean succeeded() {
      return exitCode == 0;
    }
  }

  /// Runs a program to its end.
  ///
  /// @throws IOException if it cannot be started
  static Result run(List<String> command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getOutputStream().close();
    String output =
        new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip();
    return new Result(command, exitCodeOf(process), output);
  }

  static Result run(String... command) throws IOException {
    return run(List.of(command));
  }

  /// Runs a program that must succeed, and returns what it wrote.
  ///
  /// @throws IOException if it does not; the message has the command and what it wrote
  static String require(List<String> command) throws IOException {
    Result result = run(command);
    if (!result.succeeded()) {
      throw new IOException(
          "'" + String.join(" ", command) + "' failed: " + result.output().replace('\n', ' '));
    }
    return result.output();
  }

  static String require(String... command) throws IOException {
    return require(List.of(command));
  }

  /// Where a program is; empty if it is not on the path.
  static Optional<Path> find(String program) {
    return Stream.concat(
            Stream.of(System.getenv().getOrDefault("PATH", "").split(":", -1)),
            Stream.of("/usr/sbin", "/sbin"))
        .filter(folder -> !folder.isEmpty())
        .map(folder -> Path.of(folder, program))
        .filter(Files::isExecutable)
        .findFirst();
  }

  /// The end is near once the output has ended: an interrupt may wait for it.
  private static int exitCodeOf(Process process) {
    boolean interrupted = false;
    while (true) {
      try {
        int code = process.waitFor();
        if (interrupted) {
          Thread.currentThread().interrupt();
        }
        return code;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
  }
}
