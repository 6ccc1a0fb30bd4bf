package dev.trellis.cli;

import dev.trellis.lattice.Payload;
import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.PrintWriter;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/// Where a command reads and writes: the streams and the environment of the process, or of a test.
/// Text is UTF-8 whatever the locale. Not safe for use by several threads at once, except
/// [#errorLine] and [#progress].
public final class Console {
  /// The reader of standard output has gone, as `head` does: not worth a message.
  static final class OutputClosed extends RuntimeException {
    private static final long serialVersionUID = 1L;

    OutputClosed(IOException cause) {
      super("nobody reads the output any more", cause);
    }
  }

  /// The variable that names the folder of what Trellis keeps for this user.
  public static final String HOME = "TRELLIS_HOME";

  private static final String ERASE_LINE = "\r\u001b[K";

  private final InputStream input;
  private final OutputStream output;
  private final OutputStream error;
  private final boolean inputIsTerminal;
  private final boolean outputIsTerminal;
  private final boolean errorIsTerminal;
  private final Map<String, String> environment;

  /// A console made of the given parts.
  ///
  /// @param output is buffered by the caller or cheap to write to; flushed by [#flush]
  public Console(
      InputStream input,
      OutputStream output,
      OutputStream error,
      boolean inputIsTerminal,
      boolean outputIsTerminal,
      boolean errorIsTerminal,
      Map<String, String> environment) {
    this.input = input;
    this.output = output;
    this.error = error;
    this.inputIsTerminal = inputIsTerminal;
    this.outputIsTerminal = outputIsTerminal;
    this.errorIsTerminal = errorIsTerminal;
    this.environment = Map.copyOf(environment);
  }

  /// The console of this process. `bin/trellis` says in system properties which streams are
  /// terminals, since Java cannot tell for each.
  public static Console ofProcess() {
    return new Console(
        new FileInputStream(FileDescriptor.in),
        new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16),
        new FileOutputStream(FileDescriptor.err),
        Boolean.getBoolean("trellis.input.terminal"),
        Boolean.getBoolean("trellis.output.terminal"),
        Boolean.getBoolean("trellis.error.terminal"),
        System.getenv());
  }

  /// Standard input.
  public InputStream input() {
    return input;
  }

  /// Whether people, not programs, write standard input.
  public boolean inputIsTerminal() {
    return inputIsTerminal;
  }

  /// Whether people, not programs, read standard output.
  public boolean outputIsTerminal() {
    return outputIsTerminal;
  }

  /// Whether people read standard error: then progress is shown.
  public boolean errorIsTerminal() {
    return errorIsTerminal;
  }

  /// An environment variable; empty too where its text is empty.
  public Optional<String> variable(String name) {
    return Optional.ofNullable(environment.get(name)).filter(text -> !text.isEmpty());
  }

  /// The folder of what Trellis keeps for this user: `TRELLIS_HOME`, or `~/.trellis`.
  public Path home() {
    return variable(HOME)
        .map(Path::of)
        .orElseGet(() -> Path.of(System.getProperty("user.home"), ".trellis"))
        .toAbsolutePath();
  }

  /// Writes text to standard output.
  public void print(String text) {
    write(text.getBytes(StandardCharsets.UTF_8));
  }

  /// Writes text and a line feed to standard output.
  public void printLine(String text) {
    print(text);
    print("\n");
  }

  /// Writes bytes as they are to standard output.
  public void print(Payload bytes) {
    try {
      output.write(bytes.toBytes());
    } catch (IOException e) {
      throw new OutputClosed(e);
    }
  }

  /// Writes a line to standard error, at once.
  public void errorLine(String text) {
    errorText(text + "\n");
  }

  /// Shows people how far a long command is, in place of the line that was shown before: on a
  /// terminal only. An empty text takes the line away.
  public void progress(String text) {
    if (errorIsTerminal) {
      errorText(ERASE_LINE + text);
    }
  }

  /// Writes text to standard error, at once. Nobody is told when that fails.
  synchronized void errorText(String text) {
    try {
      error.write(text.getBytes(StandardCharsets.UTF_8));
      error.flush();
    } catch (IOException e) {
      // There is no other place to tell it.
    }
  }

  /// Sends on what was written to standard output.
  public void flush() {
    try {
      output.flush();
    } catch (IOException e) {
      throw new OutputClosed(e);
    }
  }

  /// Standard output for picocli.
  PrintWriter outputWriter() {
    return new PrintWriter(output, false, StandardCharsets.UTF_8);
  }

  /// Standard error for picocli.
  PrintWriter errorWriter() {
    return new PrintWriter(error, true, StandardCharsets.UTF_8);
  }

  private void write(byte[] bytes) {
    try {
      output.write(bytes);
    } catch (IOException e) {
      throw new OutputClosed(e);
    }
  }
}
