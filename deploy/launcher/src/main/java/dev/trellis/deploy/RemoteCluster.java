package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.client.Trellis;
import dev.trellis.node.control.ControlClient;
import dev.trellis.wire.NodeDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

/// A cluster that `trellis up` did not start here, whose nodes may be on any machine. All that is
/// known of it is what its nodes say, and all that is done to it are orders to them.
final class RemoteCluster {
  private final Trellis trellis;
  private final Control control;
  private final Console console;
  private final Duration patience;

  /// @param trellis connected to it
  /// @param control with which its nodes take orders
  /// @param patience how long nothing may move on until a wait is given up
  RemoteCluster(Trellis trellis, Control control, Console console, Duration patience) {
    this.trellis = trellis;
    this.control = control;
    this.console = console;
    this.patience = patience;
  }

  /// What the nodes that answer say.
  private record Look(List<NodeDescriptor> nodes, List<NodeAnswer> answers) {
    Optional<NodeAnswer> answer(String id) {
      return answers.stream().filter(answer -> answer.id().equals(id)).findFirst();
    }

    private List<NodeAnswer> others(String id) {
      return answers.stream().filter(answer -> !answer.id().equals(id)).toList();
    }

    /// Whether others take it for one of them.
    boolean isMember(String id) {
      return others(id).stream().anyMatch(answer -> answer.member(id).isPresent());
    }

    /// Whether others keep things for it, though they go on without it.
    boolean isAbsent(String id) {
      return others(id).stream().anyMatch(answer -> answer.holdsForAbsent(id));
    }

    /// A node to give an order to, other than `id`. One that is leaving may be gone before it gets
    /// that.
    Optional<NodeDescriptor> answering(String id) {
      return others(id).stream()
          .sorted(Comparator.comparing(answer -> !answer.isActive()))
          .flatMap(answer -> descriptor(answer.id()).stream())
          .findFirst();
    }

    Optional<NodeDescriptor> descriptor(String id) {
      return nodes.stream().filter(node -> node.id().equals(id)).findFirst();
    }

    SortedSet<String> ids() {
      SortedSet<String> ids = new TreeSet<>();
      nodes.forEach(node -> ids.add(node.id()));
      for (NodeAnswer answer : answers) {
        answer.members().forEach(member -> ids.add(member.id()));
        ids.addAll(answer.absent());
      }
      return ids;
    }

    Wholeness wholeness() {
      return Wholeness.of(answers);
    }

    String shortageLine() {
      return String.join("; ", wholeness().shortages());
    }
  }

  /// Asks all nodes at once: one that does not answer is waited for.
  private Look look() {
    List<NodeDescriptor> nodes = trellis.clusterMap().nodes();
    List<CompletableFuture<Optional<NodeAnswer>>> asked = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (NodeDescriptor node : nodes) {
        if (node.controlPort() != 0) {
          asked.add(CompletableFuture.supplyAsync(() -> control.status(node), threads));
        }
      }
    }
    return new Look(nodes, asked.stream().flatMap(answer -> answer.join().stream()).toList());
  }

  private Waiting<Look> waiting() {
    return new Waiting<>(console, this::look, patience);
  }

  private CommandFailure unknown(String id, Look now) {
    return now.answers().isEmpty()
        ? noneAnswers(now)
        : new CommandFailure(
            ExitCode.MISUSE,
            "there is no node '" + id + "' in the cluster; the nodes are " + listed(now));
  }

  private static String listed(Look now) {
    return String.join(", ", now.ids());
  }

  /// Tells why: a wrong key, a port that the network does not let through, or no node at all.
  private CommandFailure noneAnswers(Look now) {
    try {
      now.nodes().stream().findFirst().ifPresent(node -> control.ask(node, ControlClient::status));
    } catch (CommandFailure e) {
      return e;
    }
    return new CommandFailure(ExitCode.UNREACHABLE, "no node of the cluster answers");
  }

  /// Has a node begin to hand over its keys.
  ///
  /// @throws CommandFailure if it refuses, does not answer, or nobody could take over
  void leave(String id) {
    Look now = look();
    NodeDescriptor node = now.descriptor(id).orElseThrow(() -> unknown(id, now));
    if (now.answering(id).isEmpty()) {
      throw now.answers().isEmpty()
          ? noneAnswers(now)
          : new CommandFailure(
              ExitCode.REFUSED, "no other node answers that could take over the keys of " + id);
    }
    control.order(node, client -> client.leave());
  }

  /// Waits until the other nodes say that it is none of them any more.
  void awaitGone(String id) throws InterruptedException {
    Look _ =
        waiting()
            .until(
                now -> {
                  if (now.isAbsent(id) && now.answer(id).isEmpty()) {
                    throw new CommandFailure(
                        ExitCode.ENVIRONMENT,
                        id
                            + " was lost before it had handed over all; start it again, or give it"
                            + " up with 'trellis node remove "
                            + id
                            + " --dead'");
                  }
                  return now.answering(id).isPresent() && !now.isMember(id) && !now.isAbsent(id);
                },
                now -> now.answer(id).map(NodeAnswer::handingOver).orElse(id + " ends"),
                now ->
                    new CommandFailure(
                        ExitCode.UNKNOWN,
                        id
                            + " has not left, and nothing has moved for "
                            + patience.toSeconds()
                            + " s: "
                            + now.shortageLine()
                            + "; it goes on"));
  }

  /// Has the others go on without a node for good.
  ///
  /// @throws CommandFailure if it answers, or they have not noticed that it is away
  void declareGone(String id) throws InterruptedException {
    Look first = look();
    if (first.answer(id).isPresent()) {
      throw new CommandFailure(
          ExitCode.REFUSED,
          id
              + " answers"
              + first.descriptor(id).map(node -> " at " + node.host()).orElse("")
              + ", so it is not dead; 'trellis node remove "
              + id
              + "' has it hand over its keys and leave");
    }
    if (!first.isMember(id) && !first.isAbsent(id)) {
      throw unknown(id, first);
    }
    Look noticed =
        waiting()
            .until(
                now -> now.answering(id).isPresent() && !now.isMember(id),
                _ -> "waiting for the others to go on without " + id,
                now ->
                    now.answers().isEmpty()
                        ? noneAnswers(now)
                        : new CommandFailure(
                            ExitCode.REFUSED,
                            "the other nodes have not removed "
                                + id
                                + " after "
                                + patience.toSeconds()
                                + " s; it answers them, though not here"));
    if (!noticed.isAbsent(id)) {
      return;
    }
    NodeDescriptor other = noticed.answering(id).orElseThrow();
    control.order(other, client -> client.declareGone(id));
    Look _ =
        waiting()
            .until(
                now -> now.answering(id).isPresent() && !now.isAbsent(id),
                _ -> "waiting until all nodes know that " + id + " is gone",
                _ ->
                    new CommandFailure(
                        ExitCode.UNKNOWN,
                        "not all nodes have heard that " + id + " is gone; they will"));
  }

  /// Changes how many lost nodes the cluster is to survive.
  void tolerate(int lost) {
    Look now = look();
    NodeDescriptor node = now.answering("").orElseThrow(() -> noneAnswers(now));
    control.order(node, client -> client.changeFaultTolerance(lost));
  }

  /// Waits until all keys have the copies for that.
  void awaitTolerance(int lost) throws InterruptedException {
    Look _ =
        waiting()
            .until(
                now ->
                    now.wholeness().isWhole()
                        && now.answers().stream().allMatch(one -> one.faultTolerance() == lost),
                Look::shortageLine,
                now ->
                    new CommandFailure(
                        ExitCode.UNKNOWN,
                        "it is changed, but the cluster is not whole, and nothing has moved for "
                            + patience.toSeconds()
                            + " s: "
                            + now.shortageLine()));
  }

  /// Nodes that answer, and what they are to survive.
  Size size() {
    List<NodeAnswer> answers = look().answers();
    return new Size(
        answers.size(), answers.stream().mapToInt(NodeAnswer::faultTolerance).max().orElse(0));
  }

  /// @param nodes that answer
  /// @param faultTolerance lost nodes that the cluster is to survive
  record Size(int nodes, int faultTolerance) {}
}
