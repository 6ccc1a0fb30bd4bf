package dev.trellis.cli;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `await`: waits until a key has reached a threshold.
@Command(
    name = "await",
    description = {
      "Wait until a value has got somewhere, and print it; --timeout says for how long.",
      "Exits with 1 if it has not in time. What is reached stays reached until the key is deleted or"
          + " expires; what is seen was there once."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis await votes --kind counter --at-least 10 --timeout 1m",
      "  trellis await best --kind min --at-most 3",
      "  trellis await done --kind gset --contains map-1 --contains map-2",
      "  trellis await ready --enabled && echo go",
      "  trellis await config --seen",
      "  trellis await members --kind orset --seen --element ada"
    })
final class AwaitCommand extends StoreCommand {
  @Parameters(paramLabel = "KEY", description = "The key.")
  private String key = "";

  @Option(
      names = "--kind",
      paramLabel = "KIND",
      description =
          "The kind of the value; needed for --at-least (max, counter) and --contains (gset,"
              + " oset).")
  private @Nullable Kind kind;

  /// What is waited for: exactly one of these.
  private static final class Wanted {
    @Option(
        names = "--at-least",
        paramLabel = "N",
        required = true,
        description = "A max is N or more; of a counter, all that was added is.")
    private @Nullable Long atLeast;

    @Option(
        names = "--at-most",
        paramLabel = "N",
        required = true,
        description = "A min is N or less.")
    private @Nullable Long atMost;

    @Option(
        names = "--contains",
        paramLabel = "ELEMENT",
        required = true,
        description = "A gset or oset has the element; several times for several, all of them.")
    private @Nullable List<String> contains;

    @Option(names = "--enabled", required = true, description = "A flag is set.")
    private boolean enabled;

    @Option(
        names = "--seen",
        required = true,
        description = "The key is there, or the --element of an orset.")
    private boolean seen;
  }

  @ArgGroup(multiplicity = "1")
  private Wanted wanted = new Wanted();

  @Option(names = "--element", paramLabel = "ELEMENT", description = "With --seen.")
  private @Nullable String element;

  @Override
  int run() throws InterruptedException {
    Reply reply =
        execute(Payload.ofText(key), new Read.Await(threshold()), connection().callOptions());
    return tellRead(key, reply);
  }

  private Threshold threshold() {
    if (element != null && !wanted.seen) {
      throw new IllegalArgumentException(
          "--element goes with --seen; of a set that only grows," + " wait for --contains");
    }
    if (wanted.atLeast != null) {
      return new Threshold.AtLeast(kindFor("--at-least", "max or counter"), wanted.atLeast);
    }
    if (wanted.atMost != null) {
      return new Threshold.AtMost(kind == null ? Kind.MIN : kind, wanted.atMost);
    }
    if (wanted.contains != null) {
      return new Threshold.Contains(
          kindFor("--contains", "gset or oset"),
          wanted.contains.stream().map(Payload::ofText).toList());
    }
    if (wanted.enabled) {
      return new Threshold.Enabled(kind == null ? Kind.FLAG : kind);
    }
    return new Threshold.Seen(
        Optional.ofNullable(kind), Optional.ofNullable(element).map(Payload::ofText));
  }

  private Kind kindFor(String option, String kinds) {
    if (kind == null) {
      throw new IllegalArgumentException(option + " needs --kind, which is " + kinds);
    }
    return kind;
  }
}
