package dev.trellis.cli;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Demand;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `get`: prints the value of a key, whatever its kind.
@Command(
    name = "get",
    description = "Print a value.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis get greeting",
      "  trellis get picture --raw > picture.png",
      "  trellis get visits --json",
      "  trellis get visits --receipt"
    })
final class GetCommand extends StoreCommand {
  private static final Demand RECEIPT = new Demand(HybridTimestamp.ZERO, true, false);

  @Mixin private final ReadOptions read = new ReadOptions();

  @Parameters(paramLabel = "KEY", description = "The key.")
  private String key = "";

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      description = "Insist on a kind of value; any will do by default.")
  private @Nullable Kind kind;

  @Option(names = "--raw", description = "Print the bytes of a value with no line feed after them.")
  private boolean raw;

  @Option(
      names = "--receipt",
      description = {
        "Tell too how new the value is and where it comes from:",
        "on the standard error, or with --json as a member."
      })
  private boolean receipt;

  @Override
  int run() throws InterruptedException {
    CallOptions options = read.applyTo(connection().callOptions());
    Reply reply =
        execute(
            Payload.ofText(key),
            new Read.Get(Optional.ofNullable(kind)),
            receipt ? options.withDemand(RECEIPT) : options);
    int code = tell(reply);
    if (receipt && !json()) {
      console().flush(); // what it is about comes first
      console().errorLine(Receipts.line(reply));
    }
    return code;
  }

  private int tell(Reply reply) {
    if (raw && !json() && viewOf(reply) instanceof View.Bytes bytes) {
      console().print(bytes.value());
      return ExitCode.OK;
    }
    return tellRead(key, reply);
  }
}
