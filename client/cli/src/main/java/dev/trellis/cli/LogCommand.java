package dev.trellis.cli;

import dev.trellis.causal.CausalContext;
import dev.trellis.client.CallOptions;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `log`: works on logs, which records are appended to.
@Command(
    name = "log",
    description = "Work on a log: append, read, trim.",
    footerHeading = "%nExamples:%n",
    footer = {"  trellis log append events 'user 7 came'", "  trellis log read events --limit 20"},
    subcommands = {
      LogCommand.AppendCommand.class,
      LogCommand.ReadCommand.class,
      LogCommand.TrimCommand.class
    })
final class LogCommand extends CommandGroup {
  @Command(name = "append", description = "Append records.")
  static final class AppendCommand extends SetCommand.OfSet {
    @Mixin private final WriteOptions write = new WriteOptions();

    @Parameters(index = "1..*", paramLabel = "RECORD", arity = "1..*", description = "The records.")
    private List<String> records = List.of();

    @Override
    int run() throws InterruptedException {
      Reply reply = write(new Mutation.Append(payloads(records)), write);
      return tellWritten(key(), reply, "appended " + changedBy(reply));
    }
  }

  @Command(name = "read", description = "Print the records, oldest first.")
  static final class ReadCommand extends SetCommand.OfSet {
    @Mixin private final ReadOptions read = new ReadOptions();

    @Option(names = "--limit", paramLabel = "N", description = "Print at most N.")
    private int limit = Integer.MAX_VALUE;

    @Override
    int run() throws InterruptedException {
      return tellRead(key(), read(new Read.Since(CausalContext.EMPTY, limit), read));
    }
  }

  @Command(
      name = "trim",
      description = "Drop the records that the log holds now, or the oldest of them, for good.")
  static final class TrimCommand extends SetCommand.OfSet {
    @Mixin private final WriteOptions write = new WriteOptions();

    @Option(
        names = "--oldest",
        paramLabel = "N",
        description = "Drop the N oldest; all by default.")
    private int oldest = Integer.MAX_VALUE;

    @Override
    int run() throws InterruptedException {
      Payload log = Payload.ofText(key());
      CallOptions options = connection().callOptions();
      Reply read = execute(log, new Read.Since(CausalContext.EMPTY, oldest), options);
      if (!(viewOf(read) instanceof View.Records records)) {
        return tellRead(key(), read);
      }
      Reply trimmed = write(new Mutation.Trim(records.seen()), write);
      return tellWritten(key(), trimmed, "dropped " + changedBy(trimmed));
    }
  }
}
