package dev.trellis.cli;

import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.util.List;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `sorted`: works on sorted sets, whose members have scores.
@Command(
    name = "sorted",
    description = "Work on a sorted set: add, remove, top, range.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis sorted add players alice=10 bob=7",
      "  trellis sorted top players --limit 3",
      "  trellis sorted range players --min 5 --max 10"
    },
    subcommands = {
      SortedCommand.AddCommand.class,
      SortedCommand.RemoveCommand.class,
      SortedCommand.TopCommand.class,
      SortedCommand.RangeCommand.class
    })
final class SortedCommand extends CommandGroup {
  @Command(name = "add", description = "Add members, or give them new scores.")
  static final class AddCommand extends SetCommand.OfSet {
    @Mixin private final WriteOptions write = new WriteOptions();

    @Parameters(
        index = "1..*",
        paramLabel = "MEMBER=SCORE",
        arity = "1..*",
        description = "The members with their scores, such as alice=10.")
    private List<String> members = List.of();

    @Override
    int run() throws InterruptedException {
      Reply reply =
          write(new Mutation.AddScored(members.stream().map(Mutations::scored).toList()), write);
      return tellWritten(key(), reply, "added or changed " + changedBy(reply));
    }
  }

  @Command(name = "remove", description = "Remove members. Exits with 1 if none of them was there.")
  static final class RemoveCommand extends SetCommand.OfSet {
    @Mixin private final WriteOptions write = new WriteOptions();

    @Parameters(index = "1..*", paramLabel = "MEMBER", arity = "1..*", description = "The members.")
    private List<String> members = List.of();

    @Override
    int run() throws InterruptedException {
      Reply reply = write(new Mutation.RemoveMembers(payloads(members)), write);
      tellWritten(key(), reply, "removed " + changedBy(reply));
      return changedBy(reply) > 0 ? ExitCode.OK : ExitCode.NEGATIVE;
    }
  }

  @Command(
      name = "top",
      description = "Print the members with the greatest scores: score, tab, member.")
  static final class TopCommand extends SetCommand.OfSet {
    @Mixin private final ReadOptions read = new ReadOptions();

    @Option(
        names = "--limit",
        paramLabel = "N",
        defaultValue = "10",
        description = "Print at most N (default: 10).")
    private int limit = 10;

    @Override
    int run() throws InterruptedException {
      return tellRead(key(), read(Read.Scores.top(limit), read));
    }
  }

  @Command(
      name = "range",
      description = "Print the members with scores in a range: score, tab, member.")
  static final class RangeCommand extends SetCommand.OfSet {
    @Mixin private final ReadOptions read = new ReadOptions();

    @Option(names = "--min", paramLabel = "SCORE", description = "Least score, included.")
    private double min = Double.NEGATIVE_INFINITY;

    @Option(names = "--max", paramLabel = "SCORE", description = "Greatest score, included.")
    private double max = Double.POSITIVE_INFINITY;

    @Option(names = "--limit", paramLabel = "N", description = "Print at most N.")
    private int limit = Integer.MAX_VALUE;

    @Option(names = "--descending", description = "Print the greatest first.")
    private boolean descending;

    @Override
    int run() throws InterruptedException {
      return tellRead(key(), read(new Read.Scores(min, max, limit, descending), read));
    }
  }
}
