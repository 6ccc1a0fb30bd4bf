package dev.trellis.cli;

import java.util.Optional;
import picocli.CommandLine.Command;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Option;

/// `trellis` itself: holds what its subcommands share.
@Command(
    name = "trellis",
    synopsisHeading = "",
    customSynopsis = "Usage: trellis COMMAND [OPTION…]",
    description = {
      "Trellis, a key-value store of lattices: values that many can write at once,",
      "and that merge instead of overwriting each other."
    },
    versionProvider = TrellisCommand.Version.class,
    footerHeading = "%nTry:%n",
    footer = {
      "  trellis up --detach            start a cluster on this machine",
      "  trellis put greeting hello     store a value",
      "  trellis get greeting           read it back",
      "  trellis COMMAND --help         how a command is used, with examples"
    })
@SuppressWarnings("UnusedVariable") // the options are for picocli
final class TrellisCommand {
  private final Console console;
  private final Connections connections;
  private final Optional<Target> shell;

  @Option(
      names = {"-V", "--version"},
      versionHelp = true,
      description = "Show the version.")
  private boolean version;

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  private boolean help;

  /// @param shell what the shell that these commands are typed in is connected to; empty outside of
  ///   one
  TrellisCommand(Console console, Connections connections, Optional<Target> shell) {
    this.console = console;
    this.connections = connections;
    this.shell = shell;
  }

  Console console() {
    return console;
  }

  Connections connections() {
    return connections;
  }

  Optional<Target> shellTarget() {
    return shell;
  }

  boolean isShell() {
    return shell.isPresent();
  }

  /// The version that Maven wrote into the jar.
  static final class Version implements IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = TrellisCommand.class.getPackage().getImplementationVersion();
      return new String[] {
        "trellis "
            + (version == null ? "(unpackaged)" : version)
            + ", Java "
            + Runtime.version()
            + ", "
            + System.getProperty("os.name")
            + " "
            + System.getProperty("os.arch")
      };
    }
  }
}
