package dev.trellis.bench;

import dev.trellis.bench.peers.Machine;
import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ConnectionOptions;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.StandardOptions;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.functions.agent.Agent;
import dev.trellis.functions.agent.AgentContext;
import dev.trellis.functions.agent.AgentHost;
import dev.trellis.functions.agent.AgentName;
import dev.trellis.functions.agent.AgentSettings;
import dev.trellis.functions.agent.Agents;
import dev.trellis.functions.agent.Message;
import dev.trellis.functions.agent.NoReplyException;
import dev.trellis.lattice.Payload;
import java.lang.management.ManagementFactory;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.IntStream;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/// `bench-agents`: how long agents take to be activated, to answer, and to go on elsewhere once
/// their host is gone, with a word or without. Each counts the questions it was asked, so that one
/// that was lost or counted twice shows.
@Command(
    name = "bench-agents",
    description = {
      "Measure how long agents take from the first question to the answer, from later ones, and from the"
          + " end of their host to the answer from another.",
      "Asker and hosts have a client each. Each agent counts what it is asked: where a count is wrong,"
          + " the command fails."
    },
    footerHeading = "%nExamples:%n",
    footer = {"  trellis bench-agents", "  trellis bench-agents --agents 1000 --lease 3s --json"})
@SuppressWarnings("FieldCanBeFinal") // picocli sets them
final class BenchAgentsCommand implements Callable<Integer> {
  private static final int AGENTS_MAX = 10_000;
  private static final Duration PATIENCE = Duration.ofSeconds(60);

  @Mixin private final StandardOptions standard = new StandardOptions();
  @Mixin private final ConnectionOptions connection = new ConnectionOptions();

  @Option(
      names = "--agents",
      paramLabel = "N",
      defaultValue = "100",
      description = "How many, 1 to 10000 (${DEFAULT-VALUE}).")
  private int agents;

  @Option(
      names = "--lease",
      paramLabel = "TIME",
      defaultValue = "1s",
      description = "After how much silence a host counts as gone, 100ms to 1h (${DEFAULT-VALUE}).")
  private Duration lease = Duration.ofSeconds(1);

  /// Answers how many questions it has been asked.
  private static final class Counter implements Agent {
    @Override
    public void handle(Message message, AgentContext context) {
      int count = context.state().isEmpty() ? 1 : Integer.parseInt(context.state().text()) + 1;
      Payload counted = Payload.ofText(Integer.toString(count));
      context.setState(counted);
      context.reply(counted);
    }
  }

  @Override
  public Integer call() {
    if (agents < 1 || agents > AGENTS_MAX) {
      throw new CommandFailure(
          ExitCode.MISUSE, "--agents " + agents + " is outside 1 to " + AGENTS_MAX);
    }
    AgentSettings settings;
    try {
      settings = AgentSettings.DEFAULT.withLease(lease).withIdle(Duration.ofHours(1));
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, "--lease: " + e.getMessage());
    }
    String type = "bench-" + Long.toHexString(System.nanoTime()); // nobody's state from before
    List<AgentName> names =
        IntStream.range(0, agents).mapToObj(i -> new AgentName(type, "no/" + i)).toList();
    Map<String, Object> result = new LinkedHashMap<>();
    result.put("agents", (long) agents);
    result.put("leaseMillis", lease.toMillis());
    try (Trellis asker = connect();
        Trellis first = connect();
        Trellis second = connect();
        Agents asking = Agents.over(asker, settings)) {
      measure(type, names, settings, asking, first, second, result);
    } catch (TrellisException e) {
      throw CommandFailure.of(e);
    } catch (NoReplyException e) {
      throw new CommandFailure(ExitCode.ENVIRONMENT, String.valueOf(e.getMessage()));
    }
    result.put("machine", Machine.describe());
    result.put("load", ManagementFactory.getOperatingSystemMXBean().getSystemLoadAverage());
    result.put("commit", Machine.commit(Path.of(System.getProperty("trellis.home", "."))));
    if (standard.json()) {
      standard.console().printLine(Json.write(result));
    } else {
      result.forEach((name, value) -> standard.console().printLine(name + ": " + value));
    }
    return ExitCode.OK;
  }

  private Trellis connect() {
    return Trellis.connect(connection.config().withEventLoopThreads(1));
  }

  private static void measure(
      String type,
      List<AgentName> names,
      AgentSettings settings,
      Agents asking,
      Trellis first,
      Trellis second,
      Map<String, Object> result) {
    AgentHost killed = host(type, settings, first);
    AgentHost heir = null;
    AgentHost last = null;
    try {
      result.put("firstAnswer", millis(oneByOne(asking, names, 1)));
      result.put(
          "activationAtHost",
          millis(killed.activationNanos().stream().mapToLong(each -> each).toArray()));
      result.put("laterAnswer", millis(oneByOne(asking, names, 2)));
      heir = host(type, settings, second);
      killed.kill();
      result.put("answerAfterKill", millis(together(asking, names, 3)));
      last = host(type, settings, first);
      long closing = System.nanoTime();
      heir.close();
      result.put("closeMillis", (System.nanoTime() - closing) / 1e6);
      result.put("answerAfterClose", millis(together(asking, names, 4)));
    } finally {
      killed.close();
      if (heir != null) {
        heir.close();
      }
      if (last != null) {
        last.close();
      }
    }
  }

  private static AgentHost host(String type, AgentSettings settings, Trellis client) {
    return AgentHost.over(client)
        .serving(type, name -> new Counter())
        .withSettings(settings)
        .start();
  }

  private static long[] oneByOne(Agents asking, List<AgentName> names, int expected) {
    long[] took = new long[names.size()];
    for (int i = 0; i < took.length; i++) {
      long begun = System.nanoTime();
      requireCount(names.get(i), asking.ask(names.get(i), Payload.EMPTY, PATIENCE), expected);
      took[i] = System.nanoTime() - begun;
    }
    return took;
  }

  /// All at once, as each of them waits for the same.
  private static long[] together(Agents asking, List<AgentName> names, int expected) {
    long begun = System.nanoTime();
    List<CompletableFuture<Long>> answers = new ArrayList<>();
    for (AgentName name : names) {
      answers.add(
          asking
              .askAsync(name, Payload.EMPTY, PATIENCE)
              .thenApply(
                  count -> {
                    requireCount(name, count, expected);
                    return System.nanoTime() - begun;
                  }));
    }
    try {
      return answers.stream().mapToLong(CompletableFuture::join).toArray();
    } catch (CompletionException e) {
      throw e.getCause() instanceof RuntimeException known ? known : e;
    }
  }

  private static void requireCount(AgentName name, Payload count, int expected) {
    if (!count.text().equals(Integer.toString(expected))) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          "agent " + name + " has counted " + count.text() + " questions of " + expected);
    }
  }

  /// Median, 99th percentile and greatest, in milliseconds.
  private static Map<String, Object> millis(long[] nanos) {
    long[] sorted = nanos.clone();
    Arrays.sort(sorted);
    Map<String, Object> told = new LinkedHashMap<>();
    if (sorted.length > 0) {
      told.put("p50", sorted[sorted.length / 2] / 1e6);
      told.put("p99", sorted[(int) Math.ceil(sorted.length * 0.99) - 1] / 1e6);
      told.put("max", sorted[sorted.length - 1] / 1e6);
    }
    return told;
  }
}
