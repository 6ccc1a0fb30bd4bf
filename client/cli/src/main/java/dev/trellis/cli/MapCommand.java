package dev.trellis.cli;

import dev.trellis.client.CallOptions;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `map`: works on maps, each field of which is a value with a kind of its own.
@Command(
    name = "map",
    description = "Work on a map: put, get, remove.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis map put user:7 name Ada",
      "  trellis map put user:7 logins 1 --kind counter     adds 1",
      "  trellis map put user:7 roles admin --kind orset    adds an element",
      "  trellis get user:7                                 prints all fields"
    },
    subcommands = {
      MapCommand.PutCommand.class,
      MapCommand.GetCommand.class,
      MapCommand.RemoveCommand.class
    })
final class MapCommand extends CommandGroup {
  @Command(name = "put", description = "Write a field: put, raise, lower, add, as its kind has it.")
  static final class PutCommand extends SetCommand.OfSet {
    @Mixin private final WriteOptions write = new WriteOptions();

    @Parameters(index = "1", paramLabel = "FIELD", description = "The field's name.")
    private String field = "";

    @Parameters(index = "2", paramLabel = "VALUE", description = "What to write.")
    private String value = "";

    @Option(
        names = "--kind",
        paramLabel = "KIND",
        defaultValue = "lww",
        description =
            "Of the field: lww (default), max, min, flag, counter, gset, oset, orset, sortedset "
                + "(MEMBER=SCORE) or log.")
    private Kind kind = Kind.LWW;

    @Option(names = "--ttl", paramLabel = "TIME", description = "How long the field lives.")
    private @Nullable Duration ttl;

    @Override
    int run() throws InterruptedException {
      CallOptions options = write.applyTo(connection().callOptions());
      Reply reply =
          execute(
              Payload.ofText(key()),
              new Mutation.UpdateField(
                  Payload.ofText(field), Mutations.ofText(kind, Payload.ofText(value))),
              ttl == null ? options : options.withTtl(ttl));
      return tellWritten(key(), reply, "stored field '" + field + "' of '" + key() + "'");
    }
  }

  @Command(name = "get", description = "Print a field.")
  static final class GetCommand extends SetCommand.OfSet {
    @Mixin private final ReadOptions read = new ReadOptions();

    @Parameters(index = "1", paramLabel = "FIELD", description = "The field's name.")
    private String field = "";

    @Override
    int run() throws InterruptedException {
      return tellRead(key(), read(new Read.Field(Payload.ofText(field), Read.Get.ANY), read));
    }
  }

  @Command(name = "remove", description = "Remove a field. Exits with 1 if it was not there.")
  static final class RemoveCommand extends SetCommand.OfSet {
    @Mixin private final WriteOptions write = new WriteOptions();

    @Parameters(index = "1", paramLabel = "FIELD", description = "The field's name.")
    private String field = "";

    @Override
    int run() throws InterruptedException {
      Reply reply =
          write(new Mutation.UpdateField(Payload.ofText(field), new Mutation.Delete()), write);
      tellWritten(key(), reply, "removed " + changedBy(reply));
      return changedBy(reply) > 0 ? ExitCode.OK : ExitCode.NEGATIVE;
    }
  }
}
