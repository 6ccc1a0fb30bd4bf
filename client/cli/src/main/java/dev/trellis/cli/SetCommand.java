package dev.trellis.cli;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `set`: works on sets of elements.
@Command(
    name = "set",
    description = "Work on a set: add, remove, members, contains, size.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis set add langs java clojure",
      "  trellis set remove langs java",
      "  trellis set members langs"
    },
    subcommands = {
      SetCommand.AddCommand.class,
      SetCommand.RemoveCommand.class,
      SetCommand.MembersCommand.class,
      SetCommand.ContainsCommand.class,
      SetCommand.SizeCommand.class
    })
final class SetCommand extends CommandGroup {
  /// What the commands of this group have in common.
  abstract static class OfSet extends StoreCommand {
    @Parameters(index = "0", paramLabel = "KEY", description = "The key.")
    private String key = "";

    final String key() {
      return key;
    }

    final Reply read(Operation operation, ReadOptions options) throws InterruptedException {
      return execute(Payload.ofText(key), operation, options.applyTo(connection().callOptions()));
    }

    final Reply write(Operation operation, WriteOptions options) throws InterruptedException {
      return execute(Payload.ofText(key), operation, options.applyTo(connection().callOptions()));
    }

    static List<Payload> payloads(List<String> elements) {
      return elements.stream().map(Payload::ofText).toList();
    }
  }

  @Command(name = "add", description = "Add elements.")
  static final class AddCommand extends OfSet {
    @Mixin private final WriteOptions write = new WriteOptions();

    @Parameters(
        index = "1..*",
        paramLabel = "ELEMENT",
        arity = "1..*",
        description = "The elements.")
    private List<String> elements = List.of();

    @Option(
        names = "--kind",
        paramLabel = "KIND",
        defaultValue = "orset",
        description =
            "orset, elements can be removed again (default); gset and oset, they cannot, which takes "
                + "less memory.")
    private Kind kind = Kind.ORSET;

    @Override
    int run() throws InterruptedException {
      Reply reply = write(new Mutation.Add(kind, payloads(elements)), write);
      return tellWritten(key(), reply, "added " + changedBy(reply));
    }
  }

  @Command(
      name = "remove",
      description = "Remove elements of an orset. Exits with 1 if none of them was in it.")
  static final class RemoveCommand extends OfSet {
    @Mixin private final WriteOptions write = new WriteOptions();

    @Parameters(
        index = "1..*",
        paramLabel = "ELEMENT",
        arity = "1..*",
        description = "The elements.")
    private List<String> elements = List.of();

    @Override
    int run() throws InterruptedException {
      Reply reply = write(new Mutation.Remove(payloads(elements)), write);
      tellWritten(key(), reply, "removed " + changedBy(reply));
      return changedBy(reply) > 0 ? ExitCode.OK : ExitCode.NEGATIVE;
    }
  }

  @Command(name = "members", description = "Print the elements in byte order, one a line.")
  static final class MembersCommand extends OfSet {
    @Mixin private final ReadOptions read = new ReadOptions();

    @Option(
        names = "--kind",
        paramLabel = "KIND",
        defaultValue = "orset",
        description = "gset, oset or orset (default), where a range is asked for.")
    private Kind kind = Kind.ORSET;

    @Option(names = "--from", paramLabel = "ELEMENT", description = "Start with this element.")
    private @Nullable String from;

    @Option(names = "--to", paramLabel = "ELEMENT", description = "End before this element.")
    private @Nullable String to;

    @Option(names = "--limit", paramLabel = "N", description = "Print at most N.")
    private @Nullable Integer limit;

    @Option(names = "--descending", description = "Print from the end to the start.")
    private boolean descending;

    @Override
    int run() throws InterruptedException {
      boolean isRange = from != null || to != null || limit != null || descending;
      Reply reply =
          read(
              isRange
                  ? new Read.Range(
                      kind,
                      Optional.ofNullable(from).map(Payload::ofText),
                      Optional.ofNullable(to).map(Payload::ofText),
                      limit == null ? Integer.MAX_VALUE : limit,
                      descending)
                  : Read.Get.ANY,
              read);
      return switch (viewOf(reply)) {
        case View.Elements elements -> tellRead(key(), reply);
        case View.Missing missing -> tellRead(key(), reply);
        default ->
            throw new CommandFailure(
                ExitCode.REFUSED,
                "'"
                    + key()
                    + "' holds no set but "
                    + reply.kind().map(Kind::word).orElse("something else")
                    + "; read it with 'trellis get'");
      };
    }
  }

  @Command(
      name = "contains",
      description = "Tell whether an element is in the set: 'true', or 'false' and exit with 1.")
  static final class ContainsCommand extends OfSet {
    @Mixin private final ReadOptions read = new ReadOptions();

    @Parameters(index = "1", paramLabel = "ELEMENT", description = "The element.")
    private String element = "";

    @Option(
        names = "--kind",
        paramLabel = "KIND",
        defaultValue = "orset",
        description = "gset, oset or orset (default); sortedset too.")
    private Kind kind = Kind.ORSET;

    @Override
    int run() throws InterruptedException {
      Reply reply = read(new Read.Contains(kind, payloads(List.of(element))), read);
      boolean contains =
          viewOf(reply) instanceof View.Elements found && !found.elements().isEmpty();
      console()
          .printLine(
              json()
                  ? Json.write(Values.ordered("key", key(), "value", contains))
                  : Boolean.toString(contains));
      return contains ? ExitCode.OK : ExitCode.NEGATIVE;
    }
  }

  @Command(name = "size", description = "Print how many elements there are.")
  static final class SizeCommand extends OfSet {
    @Mixin private final ReadOptions read = new ReadOptions();

    @Option(
        names = "--kind",
        paramLabel = "KIND",
        defaultValue = "orset",
        description = "gset, oset, orset (default), sortedset, map or log.")
    private Kind kind = Kind.ORSET;

    @Override
    int run() throws InterruptedException {
      return tellRead(key(), read(new Read.Size(kind), read));
    }
  }
}
