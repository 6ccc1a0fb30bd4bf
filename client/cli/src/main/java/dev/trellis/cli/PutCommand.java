package dev.trellis.cli;

import dev.trellis.causal.CausalContext;
import dev.trellis.client.CallOptions;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `put`: writes the one value of a key of a one-valued kind.
@Command(
    name = "put",
    description = "Store a value.",
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis put greeting hello",
      "  trellis put session-7 token --ttl 30m",
      "  trellis put picture - < picture.png",
      "  trellis put best-score 4200 --kind max       keeps the greatest",
      "  trellis put leader node-3 --kind priority --priority 1",
    })
final class PutCommand extends StoreCommand {
  @Mixin private final WriteOptions write = new WriteOptions();

  @Parameters(index = "0", paramLabel = "KEY", description = "The key, 1 to 1,024 bytes.")
  private String key = "";

  @Parameters(
      index = "1",
      paramLabel = "VALUE",
      arity = "0..1",
      description = "The value; '-' to read it from standard input.")
  private @Nullable String value;

  @Option(names = "--file", paramLabel = "FILE", description = "Read the value from a file.")
  private @Nullable Path file;

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      defaultValue = "lww",
      description =
          "What becomes of it when others write the same key: lww, the last write wins (default); "
              + "max or min, the greatest or least number is kept; flag, 'true' for good; priority, the "
              + "lowest priority is kept; causal, concurrent values are all kept.")
  private Kind kind = Kind.LWW;

  @Option(
      names = "--priority",
      paramLabel = "NUMBER",
      description = "The value's priority, for --kind priority.")
  private @Nullable Double priority;

  @Option(
      names = "--replace",
      description =
          "With --kind causal or multicausal: replace the concurrent values that are there now; else"
              + " the value stands beside them.")
  private boolean replace;

  @Option(
      names = "--ttl",
      paramLabel = "TIME",
      description = "How long it lives, such as 500ms, 10s, 5m, 2h or 7d; for ever by default.")
  private @Nullable Duration ttl;

  @Override
  int run() throws InterruptedException {
    CallOptions options = write.applyTo(connection().callOptions());
    return tellWritten(
        key,
        execute(Payload.ofText(key), mutation(), ttl == null ? options : options.withTtl(ttl)),
        "stored '" + key + "'");
  }

  private Mutation mutation() throws InterruptedException {
    Payload given = given();
    if (priority != null && kind != Kind.PRIORITY) {
      throw new IllegalArgumentException("--priority goes with --kind priority only");
    }
    if (replace && kind != Kind.CAUSAL && kind != Kind.MULTICAUSAL) {
      throw new IllegalArgumentException("--replace goes with --kind causal or multicausal only");
    }
    return switch (kind) {
      case LWW, MAX, MIN, FLAG -> Mutations.ofText(kind, given);
      case PRIORITY -> {
        if (priority == null) {
          throw new IllegalArgumentException("--kind priority needs --priority NUMBER");
        }
        yield new Mutation.PutPriority(priority, given);
      }
      case CAUSAL -> new Mutation.PutCausal(given, context());
      case MULTICAUSAL -> new Mutation.PutMultiCausal(given, context(), Map.of());
      case COUNTER -> throw elsewhere("a counter is added to", "incr KEY NUMBER");
      case GSET, OSET, ORSET ->
          throw elsewhere("a set gets elements", "set add KEY ELEMENT --kind " + kind.word());
      case SORTEDSET -> throw elsewhere("a sorted set gets members", "sorted add KEY MEMBER=SCORE");
      case MAP -> throw elsewhere("a map gets fields", "map put KEY FIELD VALUE");
      case LOG -> throw elsewhere("a log gets records", "log append KEY RECORD");
    };
  }

  /// What the value replaces.
  private CausalContext context() throws InterruptedException {
    if (!replace) {
      return CausalContext.EMPTY;
    }
    Reply now =
        execute(Payload.ofText(key), new Read.Get(Optional.of(kind)), connection().callOptions());
    return viewOf(now) instanceof View.Siblings siblings ? siblings.context() : CausalContext.EMPTY;
  }

  private static IllegalArgumentException elsewhere(String why, String command) {
    return new IllegalArgumentException(
        why + ", not put as a whole: use 'trellis " + command + "'");
  }

  private Payload given() {
    if ((value == null) == (file == null)) {
      throw new IllegalArgumentException("give either a VALUE or --file FILE");
    }
    if (value != null && !value.equals("-")) {
      return Payload.ofText(value);
    }
    try (InputStream source = file == null ? console().input() : Files.newInputStream(file)) {
      byte[] bytes = source.readNBytes(Limits.VALUE_BYTES_MAX + 1);
      if (bytes.length > Limits.VALUE_BYTES_MAX) {
        throw new CommandFailure(
            ExitCode.REFUSED,
            (file == null ? "standard input" : file)
                + " holds more than "
                + Limits.VALUE_BYTES_MAX
                + " bytes, the longest value there is");
      }
      return Payload.of(bytes);
    } catch (IOException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, "cannot read " + Failures.of(file, e), e);
    }
  }
}
