package dev.trellis.cli;

import dev.trellis.client.CallOptions;
import dev.trellis.wire.ReadMode;
import picocli.CommandLine.Option;

/// The options of commands that read.
final class ReadOptions {
  @Option(
      names = "--read",
      paramLabel = "MODE",
      defaultValue = "any",
      description = "Ask 'any' replica (the default), or 'all' and merge their answers.")
  private ReadMode mode = ReadMode.ANY;

  CallOptions applyTo(CallOptions options) {
    return options.withReadMode(mode);
  }
}
