package dev.trellis.integration;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;

/// A command that was run to its end: what a person at a terminal would have seen.
record Execution(List<String> command, int exitCode, String output, String error) {
  /// Far beyond what any command takes on a loaded machine.
  private static final long SECONDS_MAX = 120;

  /// Runs a command with nothing on its standard input.
  ///
  /// @param changes of the environment; an empty text takes a variable away
  static Execution of(Path folder, Map<String, String> changes, List<String> command) {
    return of(folder, changes, "", command);
  }

  /// Runs a command with a text on its standard input.
  static Execution of(
      Path folder, Map<String, String> changes, String input, List<String> command) {
    try {
      ProcessBuilder builder = new ProcessBuilder(command).directory(folder.toFile());
      changes.forEach(
          (name, value) -> {
            if (value.isEmpty()) {
              builder.environment().remove(name);
            } else {
              builder.environment().put(name, value);
            }
          });
      Process process = builder.start();
      CompletableFuture<String> output = read(process.getInputStream());
      CompletableFuture<String> error = read(process.getErrorStream());
      try (var stdin = process.getOutputStream()) {
        stdin.write(input.getBytes(StandardCharsets.UTF_8));
      }
      if (!process.waitFor(SECONDS_MAX, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new AssertionError(command + " did not end in " + SECONDS_MAX + " s");
      }
      return new Execution(command, process.exitValue(), output.join(), error.join());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError(command + " was interrupted", e);
    }
  }

  private static CompletableFuture<String> read(InputStream stream) {
    CompletableFuture<String> text = new CompletableFuture<>();
    Thread.ofVirtual()
        .start(
            () -> {
              try (stream) {
                text.complete(new String(stream.readAllBytes(), StandardCharsets.UTF_8));
              } catch (IOException e) {
                text.completeExceptionally(e);
              }
            });
    return text;
  }

  /// The output without the last line feed.
  String line() {
    return output.endsWith("\n") ? output.substring(0, output.length() - 1) : output;
  }

  /// Itself, if the exit code is this one.
  Execution expect(int wanted) {
    if (exitCode != wanted) {
      throw new AssertionError("exit code " + exitCode + " and not " + wanted + " of " + this);
    }
    return this;
  }

  @Override
  public String toString() {
    return String.join(" ", command)
        + "\nexit code "
        + exitCode
        + "\noutput:\n"
        + output
        + "error:\n"
        + error;
  }
}
