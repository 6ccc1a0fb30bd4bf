package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ConnectionOptions;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Failures;
import dev.trellis.cli.Json;
import dev.trellis.cli.LocalClusters;
import dev.trellis.cli.StandardOptions;
import dev.trellis.node.KeptData;
import dev.trellis.node.control.ControlClient;
import dev.trellis.node.control.OrderRefusedException;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;

/// `node`: changes which nodes a cluster has.
@Command(
    name = "node",
    description = {
      "Change the nodes of the cluster of this machine: add, remove, tolerate.",
      "With --address, 'remove' and 'tolerate' are for a cluster that 'trellis up' did not start, as on"
          + " several machines."
    },
    footerHeading = "%nExamples:%n",
    footer = {
      "  trellis node add                    one more, which takes over its share of the keys",
      "  trellis node remove node-1          it hands over its keys and ends",
      "  trellis node remove node-1 --dead   it was lost and never comes back",
      "  trellis node tolerate 2             keep 3 copies of each key, so that any 2 nodes may be lost"
    },
    subcommands = {
      NodeCommand.AddCommand.class,
      NodeCommand.RemoveCommand.class,
      NodeCommand.TolerateCommand.class
    })
final class NodeCommand {
  private static final Pattern LOOPBACK =
      Pattern.compile("(?:127\\.0\\.0\\.1|localhost|\\[::1]):(\\d{1,5})");

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this help.")
  @SuppressWarnings("UnusedVariable") // for picocli
  private boolean help;

  /// What the commands of this group have in common.
  abstract static class OfNode implements Callable<Integer> {
    @Mixin final StandardOptions standard = new StandardOptions();
    @Mixin final LocalOptions local = new LocalOptions();

    @Option(names = "--detach", description = "Return once it has begun, and do not wait for it.")
    boolean detach;

    @Option(
        names = "--wait",
        paramLabel = "TIME",
        defaultValue = "1m",
        description = "How long nothing may move on before the command gives up (default: 1m).")
    Duration patience = Duration.ofMinutes(1);

    final Console console() {
      return standard.console();
    }

    final Waiting<ClusterReport> waiting(ClusterState state) {
      return new Waiting<>(console(), () -> ClusterReport.of(state), patience);
    }

    /// Tells people, who read no JSON.
    final void tell(String line) {
      if (!standard.json()) {
        console().printLine(line);
        console().flush();
      }
    }

    /// Tells programs.
    final void tellJson(Object... namesAndValues) {
      if (standard.json()) {
        Map<String, Object> json = new LinkedHashMap<>();
        for (int at = 0; at < namesAndValues.length; at += 2) {
          json.put((String) namesAndValues[at], namesAndValues[at + 1]);
        }
        console().printLine(Json.write(json));
      }
    }

    /// Changes what is remembered of the cluster, if it is still there.
    final void remember(int portBase, UnaryOperator<ClusterState> change) {
      try (ClusterLock _ = ClusterLock.await(console(), portBase)) {
        ClusterState.read(console(), portBase).map(change).ifPresent(now -> now.write(console()));
      }
    }

    static void order(ClusterState state, ServerState node, Control.Order order) {
      try {
        order.giveTo(
            ControlPort.client(Access.to(state), state.ports().nodeControl(node.number())));
      } catch (OrderRefusedException e) {
        throw new CommandFailure(ExitCode.REFUSED, node.name() + " refuses: " + e.getMessage(), e);
      } catch (IOException e) {
        throw new CommandFailure(ExitCode.UNKNOWN, node.name() + ": " + e.getMessage(), e);
      }
    }

    /// A node of this machine that answers, other than `id`, to give an order to. One that is
    /// leaving may be gone before it gets that.
    static Optional<ServerState> answering(ClusterReport report, String id) {
      return report.nodes().stream()
          .filter(node -> !node.id().equals(id))
          .filter(node -> node.answer().isPresent())
          .sorted(Comparator.comparing(node -> !node.state().equals(NodeAnswer.ACTIVE)))
          .flatMap(node -> node.process().stream())
          .map(ServerReport::server)
          .findFirst();
    }

    static CommandFailure noneAnswers() {
      return new CommandFailure(
          ExitCode.UNREACHABLE,
          "no node of the cluster answers; 'trellis up' starts those again that have ended");
    }
  }

  /// What those have in common that are for clusters too which `up` did not start.
  abstract static class OfAnyCluster extends OfNode {
    @Mixin final ConnectionOptions connection = new ConnectionOptions();

    /// The cluster that is meant, unless it is one of `up` on this machine: that remembers what is
    /// done to it.
    ///
    /// @throws CommandFailure if it cannot be reached
    final Optional<RemoteCluster> remote() {
      if (local.isGiven()) {
        if (connection.isAddressGiven()) {
          throw new CommandFailure(
              ExitCode.MISUSE,
              "--port-base is for a cluster of 'trellis up' on this machine, and --address for any"
                  + " other; give one of them");
        }
        return Optional.empty();
      }
      List<String> addresses = connection.named();
      Optional<Integer> here =
          addresses.stream().flatMap(address -> portBaseAt(address).stream()).findFirst();
      here.ifPresent(local::name);
      return addresses.isEmpty() || here.isPresent()
          ? Optional.empty()
          : Optional.of(
              new RemoteCluster(connection.connect(), Control.of(connection), console(), patience));
    }

    /// That of the cluster of `up` which is reached at an address, if there is one.
    private Optional<Integer> portBaseAt(String address) {
      Matcher ofThisMachine = LOOPBACK.matcher(address);
      if (!ofThisMachine.matches()) {
        return Optional.empty();
      }
      int port = Integer.parseInt(ofThisMachine.group(1));
      return LocalClusters.ports(console()).stream()
          .filter(
              base ->
                  ClusterState.read(console(), base)
                      .filter(state -> !state.running().isEmpty() && state.servesAt(port))
                      .isPresent())
          .findFirst();
    }
  }

  @Command(
      name = "add",
      description = {
        "Start one more node, and wait until it has its share of the keys. The others serve"
            + " meanwhile.",
        "If it is not waited for (--detach, Ctrl-C), it goes on; 'trellis status' tells how far it is."
      })
  static final class AddCommand extends OfNode {
    @Option(
        names = "--tier",
        paramLabel = "TIER",
        defaultValue = "memory",
        description = "memory, or ssd for a node that keeps its data on disk (default: memory).")
    private String tier = "memory";

    @Override
    public Integer call() throws InterruptedException {
      Tier wanted = requireTier();
      long began = System.nanoTime();
      int portBase = local.portBase(console());
      ClusterState state;
      ServerState added;
      try (ClusterLock _ = ClusterLock.take(console(), portBase)) {
        ClusterState before = local.running(console());
        ClusterReport report = ClusterReport.of(before);
        if (report.answers().isEmpty()) {
          throw noneAnswers();
        }
        LocalCluster cluster = new LocalCluster(console(), report.withoutThoseThatLeft());
        added = start(cluster, report, wanted);
        state = cluster.state();
      }
      ClusterReport report = awaitState(state, added, node -> node.answer().isPresent());
      if (!detach) {
        report = awaitState(state, added, node -> node.state().equals(NodeAnswer.ACTIVE));
        tell(
            String.format(
                Locale.ROOT,
                "%s is active after %.1f s.",
                added.name(),
                (System.nanoTime() - began) / 1e9));
      }
      tellJson(
          "id",
          added.name(),
          "pid",
          added.pid(),
          "state",
          report.node(added.name()).map(NodeReport::state).orElse("starting"));
      return ExitCode.OK;
    }

    private Tier requireTier() {
      try {
        return Tiers.of(tier);
      } catch (IllegalArgumentException e) {
        throw new CommandFailure(ExitCode.MISUSE, "--tier " + e.getMessage(), e);
      }
    }

    private ServerState start(LocalCluster cluster, ClusterReport report, Tier wanted) {
      PlannedNode planned = PlannedNode.next(cluster.state(), report, wanted);
      int shards = cluster.state().shards();
      tell(
          "Starting "
              + planned.id()
              + (wanted == Tier.MEMORY ? ", a " : ", an ")
              + Tiers.spoken(wanted)
              + " node of "
              + (shards == 1 ? "1 shard." : shards + " shards."));
      return cluster.add(planned);
    }

    private ClusterReport awaitState(
        ClusterState state, ServerState added, Predicate<NodeReport> isReached)
        throws InterruptedException {
      return waiting(state)
          .until(
              report -> {
                requireRunning(state, report, added);
                return report.node(added.name()).filter(isReached).isPresent();
              },
              report -> progress(report, added),
              report ->
                  new CommandFailure(
                      ExitCode.UNKNOWN,
                      progress(report, added)
                          + ", and nothing has moved for "
                          + patience.toSeconds()
                          + " s; it goes on, see 'trellis status' and "
                          + added.log()));
    }

    private static String progress(ClusterReport report, ServerState added) {
      Optional<NodeReport> node = report.node(added.name());
      return node.flatMap(NodeReport::answer)
          .map(
              answer ->
                  String.format(
                      Locale.ROOT,
                      "%s is %s: %,d of %,d partitions to fetch",
                      added.name(),
                      answer.state(),
                      answer.incomplete(),
                      answer.held()))
          .orElse(added.name() + " starts");
    }

    /// A node that ends while it joins is forgotten, unless others have met it: then it may have
    /// taken writes, and counts as lost.
    private void requireRunning(ClusterState state, ClusterReport report, ServerState added) {
      if (Processes.isRunning(added)) {
        return;
      }
      new LocalCluster(console(), state).showEndOfLog(added);
      boolean isMet =
          report.answers().stream()
              .anyMatch(
                  answer ->
                      answer.member(added.name()).isPresent()
                          || answer.holdsForAbsent(added.name()));
      if (!isMet) {
        remember(state.ports().base(), known -> known.without(added.name()));
      }
      throw new CommandFailure(
          ExitCode.ENVIRONMENT,
          added.name()
              + " ended before it had joined; its log is "
              + added.log()
              + (isMet
                  ? "; 'trellis up --detach' starts it again, 'trellis node remove "
                      + added.name()
                      + " --dead' gives it up"
                  : ""));
    }
  }

  @Command(
      name = "remove",
      description = {
        "Take a node away: it hands over its keys, leaves, and its process ends.",
        "With --dead, declare that a node which was lost never comes back: what only it held is lost,"
            + " and the others need not keep what it might have asked for.",
        "With --address, of a cluster that 'trellis up' did not start: on any machines."
      })
  static final class RemoveCommand extends OfAnyCluster {
    @Parameters(paramLabel = "ID", description = "The node, as 'trellis status' names it.")
    private String id = "";

    @Option(names = "--dead", description = "It was lost: its process is gone and stays gone.")
    private boolean dead;

    @Override
    public Integer call() throws InterruptedException {
      Optional<RemoteCluster> remote = remote();
      if (remote.isPresent()) {
        return dead ? declareGone(remote.get()) : leave(remote.get());
      }
      return dead ? declareGone() : leave();
    }

    private int leave(RemoteCluster cluster) throws InterruptedException {
      long began = System.nanoTime();
      cluster.leave(id);
      tellLeaving();
      if (detach) {
        return ExitCode.OK;
      }
      cluster.awaitGone(id);
      RemoteCluster.Size size = cluster.size();
      tellLeft(began, size.nodes(), size.faultTolerance(), "");
      return ExitCode.OK;
    }

    private int declareGone(RemoteCluster cluster) throws InterruptedException {
      cluster.declareGone(id);
      tell(id + " is declared gone: what only it held is lost.");
      tellJson("id", id, "state", "gone");
      return ExitCode.OK;
    }

    private void tellLeaving() {
      tell(id + " hands over its keys and leaves.");
      if (detach) {
        tellJson("id", id, "state", "leaving");
      }
    }

    /// @param advice to who has fewer nodes than copies; may be empty
    private void tellLeft(long began, long left, int faultTolerance, String advice) {
      tell(
          String.format(
              Locale.ROOT, "%s has left after %.1f s.", id, (System.nanoTime() - began) / 1e9));
      if (left <= faultTolerance) {
        tell(
            (left == 1 ? "1 node is" : left + " nodes are")
                + " left, so each key has fewer than the "
                + (faultTolerance + 1)
                + " copies that it should have"
                + advice
                + ".");
      }
      tellJson("id", id, "state", "gone");
    }

    private int leave() throws InterruptedException {
      long began = System.nanoTime();
      int portBase = local.portBase(console());
      ClusterState state;
      ServerState node;
      try (ClusterLock _ = ClusterLock.take(console(), portBase)) {
        ClusterState before = local.running(console());
        ClusterReport report = ClusterReport.of(before);
        node = before.node(id).orElseThrow(() -> unknown(report));
        requireCanLeave(report, node);
        order(before, node, ControlClient::leave);
        state = before.with(node.asLeaving());
        state.write(console());
      }
      tellLeaving();
      if (detach) {
        return ExitCode.OK;
      }
      awaitGone(state);
      remember(portBase, known -> known.without(id));
      long left = state.running().stream().filter(ServerState::isNode).count();
      tellLeft(began, left, state.faultTolerance(), "; 'trellis node add' adds a node");
      return ExitCode.OK;
    }

    private CommandFailure unknown(ClusterReport report) {
      return new CommandFailure(
          ExitCode.MISUSE,
          "there is no node '"
              + id
              + "' here; the nodes are "
              + report.nodes().stream().map(NodeReport::id).collect(Collectors.joining(", ")));
    }

    private void requireCanLeave(ClusterReport report, ServerState node) {
      if (!Processes.isRunning(node)) {
        throw new CommandFailure(
            ExitCode.REFUSED,
            id
                + " does not run, so it has nothing to hand over; 'trellis up --detach' starts it"
                + " again, 'trellis node remove "
                + id
                + " --dead' gives it up");
      }
      if (answering(report, id).isEmpty()) {
        throw new CommandFailure(
            ExitCode.REFUSED,
            "no other node answers that could take over the keys of "
                + id
                + "; 'trellis down' stops the whole cluster");
      }
    }

    /// Waits until the process has ended and the others speak of it no more.
    private void awaitGone(ClusterState state) throws InterruptedException {
      waiting(state)
          .until(
              report ->
                  report
                      .node(id)
                      .map(
                          now -> {
                            requireNotLost(now);
                            return now.state().equals("gone");
                          })
                      .orElse(true),
              report ->
                  report
                      .node(id)
                      .flatMap(NodeReport::answer)
                      .map(NodeAnswer::handingOver)
                      .orElse(id + " ends"),
              report ->
                  new CommandFailure(
                      ExitCode.UNKNOWN,
                      id
                          + " has not left, and nothing has moved for "
                          + patience.toSeconds()
                          + " s: "
                          + report.shortageLine()
                          + "; it goes on, see 'trellis status'"));
    }

    private void requireNotLost(NodeReport node) {
      if (node.state().equals("absent")
          && node.process().filter(ServerReport::isRunning).isEmpty()) {
        throw new CommandFailure(
            ExitCode.ENVIRONMENT,
            id
                + " was lost before it had handed over all; 'trellis up --detach' starts it again,"
                + " 'trellis node remove "
                + id
                + " --dead' gives it up");
      }
    }

    private int declareGone() throws InterruptedException {
      int portBase = local.portBase(console());
      Path data;
      try (ClusterLock _ = ClusterLock.take(console(), portBase)) {
        ClusterState before = local.running(console());
        ClusterReport report = ClusterReport.of(before);
        NodeReport node = report.node(id).orElseThrow(() -> unknown(report));
        requireDead(node);
        ServerState other = answering(report, id).orElseThrow(OfNode::noneAnswers);
        // The others must have noticed before they can be told that it is for good.
        ClusterReport noticed =
            waiting(before)
                .until(
                    now -> now.node(id).filter(RemoveCommand::isSpokenOfAsMember).isEmpty(),
                    _ -> "waiting for the others to go on without " + id,
                    _ ->
                        new CommandFailure(
                            ExitCode.REFUSED,
                            "the other nodes have not removed "
                                + id
                                + " after "
                                + patience.toSeconds()
                                + " s; does it run elsewhere?"));
        if (noticed.node(id).map(NodeReport::state).filter("absent"::equals).isPresent()) {
          order(before, other, client -> client.declareGone(id));
          waiting(before)
              .until(
                  now -> now.answers().stream().noneMatch(one -> one.holdsForAbsent(id)),
                  _ -> "waiting until all nodes know that " + id + " is gone",
                  _ ->
                      new CommandFailure(
                          ExitCode.UNKNOWN,
                          "not all nodes have heard that " + id + " is gone; they will"));
        }
        before.without(id).write(console());
        data = before.folder().resolve(id);
      }
      tell(id + " is declared gone: what only it held is lost.");
      if (KeptData.isIn(data)) {
        giveUp(data);
        tell(
            "What it has in "
                + data
                + " is set aside when a node starts there; 'trellis restore' merges it.");
      }
      tellJson("id", id, "state", "gone");
      return ExitCode.OK;
    }

    private static void giveUp(Path data) {
      try {
        KeptData.giveUp(data);
      } catch (IOException e) {
        throw new CommandFailure(
            ExitCode.ENVIRONMENT, "cannot note that in " + Failures.of(data, e), e);
      }
    }

    private static boolean isSpokenOfAsMember(NodeReport node) {
      return !node.state().equals("absent") && !node.state().equals("gone");
    }

    private void requireDead(NodeReport node) {
      Optional<ServerReport> process = node.process().filter(ServerReport::isRunning);
      if (process.isEmpty()) {
        return;
      }
      long pid = process.get().server().pid();
      throw new CommandFailure(
          ExitCode.REFUSED,
          node.answer().isPresent()
              ? id
                  + " answers (process "
                  + pid
                  + "), so it is not dead; 'trellis node remove "
                  + id
                  + "' has it hand over its keys and leave"
              : id
                  + " does not answer, but its process "
                  + pid
                  + " is there; end that first, or let it go on");
    }
  }

  @Command(
      name = "tolerate",
      description =
          "Change how many nodes may be lost at once without losing data: each key is kept by one"
              + " node more than that. 1 unless it was changed.")
  static final class TolerateCommand extends OfAnyCluster {
    private static final int MAX = 15;

    @Parameters(paramLabel = "K", description = "The number of nodes, 0 to 15.")
    private int nodes;

    @Override
    public Integer call() throws InterruptedException {
      if (nodes < 0 || nodes > MAX) {
        throw new CommandFailure(ExitCode.MISUSE, "K " + nodes + " is outside 0 to " + MAX);
      }
      Optional<RemoteCluster> remote = remote();
      return remote.isPresent() ? tolerate(remote.get()) : tolerate();
    }

    private int tolerate(RemoteCluster cluster) throws InterruptedException {
      cluster.tolerate(nodes);
      if (!detach) {
        cluster.awaitTolerance(nodes);
      }
      return tellTolerated(cluster.size().nodes(), "there are more");
    }

    private int tolerate() throws InterruptedException {
      int portBase = local.portBase(console());
      ClusterState state;
      try (ClusterLock _ = ClusterLock.take(console(), portBase)) {
        ClusterState before = local.running(console());
        ServerState node = answering(ClusterReport.of(before), "").orElseThrow(OfNode::noneAnswers);
        order(before, node, client -> client.changeFaultTolerance(nodes));
        state = before.withFaultTolerance(nodes);
        state.write(console());
      }
      if (!detach) {
        awaitWhole(state);
      }
      long there = state.running().stream().filter(ServerState::isNode).count();
      return tellTolerated(there, "'trellis node add' adds more");
    }

    /// @param until what ends that there are too few
    private int tellTolerated(long there, String until) {
      tell(
          there > nodes
              ? "Each key is kept by " + count(nodes + 1) + "."
              : "Each key is to be kept by "
                  + count(nodes + 1)
                  + "; there "
                  + (there == 1 ? "is 1" : "are " + there)
                  + ", so each keeps all until "
                  + until
                  + ".");
      tellJson("faultTolerance", nodes, "nodes", there);
      return ExitCode.OK;
    }

    private static String count(int nodes) {
      return nodes == 1 ? "1 node" : nodes + " nodes";
    }

    private void awaitWhole(ClusterState state) throws InterruptedException {
      waiting(state)
          .until(
              report ->
                  report.isWhole()
                      && report.answers().stream().allMatch(one -> one.faultTolerance() == nodes),
              ClusterReport::shortageLine,
              report ->
                  new CommandFailure(
                      ExitCode.UNKNOWN,
                      "it is changed, but the cluster is not whole, and nothing has moved for "
                          + patience.toSeconds()
                          + " s: "
                          + report.shortageLine()));
    }
  }
}
