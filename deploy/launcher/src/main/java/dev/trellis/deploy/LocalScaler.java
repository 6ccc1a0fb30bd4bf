package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.Console;
import dev.trellis.monitor.scaler.Scaler;
import dev.trellis.node.control.OrderRefusedException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;

/// Starts and ends nodes of the cluster of this machine, as `trellis node add` and `node remove`
/// do, and in their presence: who has the [ClusterLock] goes first. What there is, is in the file
/// that they all remember the cluster by, so this remembers nothing.
final class LocalScaler implements Scaler {
  /// Nodes that take part, or are about to, though the others have not heard of them yet.
  private static final List<String> STARTING = List.of("starting", "joining");

  private final Console console;
  private final int portBase;

  LocalScaler(Console console, int portBase) {
    this.console = console;
    this.portBase = portBase;
  }

  @Override
  public String name() {
    return LocalScalerSource.NAME;
  }

  @Override
  public Answer scale(Target target) {
    try (ClusterLock _ = ClusterLock.takeAtOnce(console, portBase)) {
      Optional<ClusterState> known = ClusterState.read(console, portBase);
      if (known.isEmpty()) {
        return new Answer.Failed("no cluster of port " + portBase + " runs on this machine");
      }
      ClusterReport report = ClusterReport.of(known.get());
      Optional<String> overtaken = overtaken(known.get(), report, target.epoch());
      if (overtaken.isPresent()) {
        return new Answer.Refused(overtaken.get());
      }
      ClusterState present = report.withoutThoseThatLeft();
      if (!present.equals(known.get())) {
        present.write(console);
      }
      return step(present, ClusterReport.of(present), target);
    } catch (CommandFailure | IOException e) {
      return new Answer.Failed(String.valueOf(e.getMessage()));
    }
  }

  /// Why the target counts no more: another monitor has a higher epoch.
  private static Optional<String> overtaken(ClusterState state, ClusterReport report, long epoch)
      throws IOException {
    ServerState node =
        NodeCommand.OfNode.answering(report, "")
            .orElseThrow(() -> new IOException("no node of the cluster answers"));
    try {
      ControlPort.claim(Access.to(state), state.ports().nodeControl(node.number()), epoch);
      return Optional.empty();
    } catch (OrderRefusedException e) {
      return Optional.of(String.valueOf(e.getMessage()));
    }
  }

  private Answer step(ClusterState state, ClusterReport report, Target target) throws IOException {
    List<ServerState> there =
        state.nodes().stream().filter(node -> node.isOf(target.tier())).toList();
    List<ServerState> staying =
        there.stream().filter(node -> !node.leaving() && Processes.isRunning(node)).toList();
    int starting = 0;
    for (ServerState node : staying) {
      starting +=
          report.node(node.name()).filter(one -> STARTING.contains(one.state())).isPresent()
              ? 1
              : 0;
    }
    int running = staying.size();
    int leaving =
        (int) there.stream().filter(node -> node.leaving() && Processes.isRunning(node)).count();
    if (running < target.nodes()) {
      LocalCluster current = new LocalCluster(console, state);
      for (; running < target.nodes(); running++, starting++) {
        current.add(PlannedNode.next(current.state(), report, target.tier()));
      }
    } else if (running > target.nodes() && starting == 0) {
      // One after the other: what one hands over the next one need not take and hand over again.
      if (leaving == 0) {
        leave(state, chosen(staying, target), target.epoch());
        running--;
        leaving++;
      }
    }
    return new Answer.Taken(new Progress(target.tier(), running, starting, leaving));
  }

  private static ServerState chosen(List<ServerState> staying, Target target) {
    List<ServerState> byWish = new ArrayList<>(staying);
    byWish.sort(
        Comparator.comparing((ServerState node) -> !target.leaving().contains(node.name()))
            .thenComparing(Comparator.comparingInt(ServerState::number).reversed()));
    return byWish.getFirst();
  }

  private void leave(ClusterState state, ServerState node, long epoch) throws IOException {
    ControlPort.client(Access.to(state), state.ports().nodeControl(node.number())).leave(epoch);
    state.with(node.asLeaving()).write(console);
  }
}
