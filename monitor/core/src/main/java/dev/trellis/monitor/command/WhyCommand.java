package dev.trellis.monitor.command;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ConnectionOptions;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.monitor.decisions.DecisionCodec;
import dev.trellis.monitor.decisions.DecisionLog;
import dev.trellis.monitor.decisions.Recorded;
import dev.trellis.monitor.policy.Decision;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `why`: what the monitor decided, by what, and what came of it.
@Command(
    name = "why",
    description = {
      "Show what the monitor decided, by which numbers, what it expected of it, and what came of it.",
      "It is kept in the store, so no monitor need be there."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis why                    the last ten decisions, the latest last",
      "  trellis why cart:7             those about one key",
      "  trellis why --policy hot-keys --limit 3"
    })
final class WhyCommand implements Callable<Integer> {
  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final ConnectionOptions connection = new ConnectionOptions();

  @Parameters(
      paramLabel = "KEY",
      arity = "0..1",
      description = "Only decisions about this key; all by default.")
  private @Nullable String key;

  @Option(names = "--policy", paramLabel = "NAME", description = "Only those of this policy.")
  private @Nullable String policy;

  @Option(
      names = "--limit",
      paramLabel = "N",
      defaultValue = "10",
      description = "The last N of them (default: 10).")
  private int limit = 10;

  @Override
  public Integer call() throws InterruptedException {
    if (limit < 1) {
      throw new CommandFailure(ExitCode.MISUSE, "--limit " + limit + " is below 1");
    }
    Console console = standard.console();
    List<Recorded> wanted = read().stream().filter(this::isWanted).toList();
    List<Recorded> last = wanted.subList(Math.max(0, wanted.size() - limit), wanted.size());
    if (standard.json()) {
      last.forEach(one -> console.printLine(Json.write(DecisionCodec.json(one))));
      return ExitCode.OK;
    }
    if (last.isEmpty()) {
      console.printLine(
          key == null && policy == null
              ? "Nothing has been decided: all is as it should be, or no monitor has run yet."
              : "Nothing of the kind has been decided.");
    }
    DecisionPrinter printer = new DecisionPrinter(console);
    last.forEach(printer::print);
    return ExitCode.OK;
  }

  private List<Recorded> read() throws InterruptedException {
    Trellis trellis = connection.connect();
    try {
      return new DecisionLog(trellis).read().get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof TrellisException failure) {
        throw failure;
      }
      throw new IllegalStateException("decisions cannot be read", e.getCause());
    }
  }

  private boolean isWanted(Recorded recorded) {
    boolean isOfPolicy =
        policy == null || recorded.decision().explanation().policy().equals(policy);
    return isOfPolicy && (key == null || isAbout(recorded.decision(), key));
  }

  /// Whether a decision is about a key, be it one of many that it names.
  static boolean isAbout(Decision decision, String key) {
    return decision instanceof Decision.Place place
        && place.keys().stream().anyMatch(one -> one.isText() && one.text().equals(key));
  }
}
