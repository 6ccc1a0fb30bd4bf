package dev.trellis.cli;

import picocli.CommandLine.Mixin;

/// A command that is nothing without one of its subcommands.
abstract class CommandGroup {
  @Mixin private final StandardOptions standard = new StandardOptions();

  final Console console() {
    return standard.console();
  }
}
