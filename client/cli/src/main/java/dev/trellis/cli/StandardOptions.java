package dev.trellis.cli;

import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/// The options that every command has: mix it in.
@SuppressWarnings("UnusedVariable") // --help is for picocli; --verbose is looked for in the text
public final class StandardOptions {
  @Spec(Spec.Target.MIXEE)
  private @Nullable CommandSpec command;

  @Option(
      names = "--json",
      description = "Write JSON, one object a line; errors too, to standard error.")
  private boolean json;

  @Option(
      names = "--verbose",
      description = "Show the stack trace of an error, for a report to the makers of Trellis.")
  private boolean verbose;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;

  /// Whether to write JSON.
  public boolean json() {
    return json;
  }

  /// Where the command reads and writes.
  public Console console() {
    return root().console();
  }

  TrellisCommand root() {
    if (command == null) {
      throw new IllegalStateException("StandardOptions is not mixed into a command");
    }
    return (TrellisCommand) command.root().userObject();
  }
}
