package dev.trellis.cli;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Parameters;

/// `incr`: adds to a counter.
@Command(
    name = "incr",
    description = "Add to a counter and print its value.",
    footerHeading = "%nExamples:%n",
    footer = {"  trellis incr visits", "  trellis incr stock -3"})
final class IncrementCommand extends StoreCommand {
  @Mixin private final WriteOptions write = new WriteOptions();

  @Parameters(index = "0", paramLabel = "KEY", description = "The counter's key.")
  private String key = "";

  @Parameters(
      index = "1",
      paramLabel = "NUMBER",
      arity = "0..1",
      defaultValue = "1",
      description = "What to add (default: 1).")
  private long by = 1;

  @Override
  int run() throws InterruptedException {
    return tellWritten(
        key,
        execute(
            Payload.ofText(key),
            new Mutation.Increment(by),
            write.applyTo(connection().callOptions())),
        "added");
  }
}
