package dev.trellis.deploy;

import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.node.control.ControlClient;
import dev.trellis.process.CurveKeys;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/// Has nodes leave by orders to their control ports, and asks all members at once who is one. Any
/// thread may call it.
final class ControlDrain implements NodeDrain {
  private final Supplier<List<NodeDescriptor>> members;
  private final Duration timeout;
  private final Optional<CurveKeys> keys;

  /// @param members of the cluster, as far as they are known; those without a control port are not
  ///   asked
  /// @param timeout how long each may take to answer
  /// @param keys who asks; empty if security is off
  ControlDrain(Supplier<List<NodeDescriptor>> members, Duration timeout, Optional<CurveKeys> keys) {
    this.members = members;
    this.timeout = timeout;
    this.keys = keys;
  }

  @Override
  public Map<String, Standing> standings(Set<String> nodeIds) throws IOException {
    List<NodeAnswer> answers = ask();
    if (answers.isEmpty()) {
      throw new IOException("no node answers on its control port");
    }
    Map<String, Standing> standings = new HashMap<>();
    for (String id : nodeIds) {
      standings.put(
          id,
          // A node that is alone, as others died, knows better of itself than nobody.
          furthest(answers.stream().filter(answer -> !answer.id().equals(id)).toList(), id)
              .or(() -> furthest(answers, id))
              .orElseThrow());
    }
    return standings;
  }

  private List<NodeAnswer> ask() {
    List<CompletableFuture<Optional<NodeAnswer>>> asked = new ArrayList<>();
    try (ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      for (NodeDescriptor node : members.get()) {
        if (node.controlPort() != 0) {
          asked.add(CompletableFuture.supplyAsync(() -> status(node), threads));
        }
      }
    }
    return asked.stream().flatMap(answer -> answer.join().stream()).toList();
  }

  private Optional<NodeAnswer> status(NodeDescriptor node) {
    try {
      return Optional.of(NodeAnswer.ofJson(client(node).status()));
    } catch (IOException e) {
      return Optional.empty();
    }
  }

  private ControlClient client(NodeDescriptor node) {
    return new ControlClient(node.host(), node.controlPort(), timeout, keys);
  }

  /// What is said of a node that is furthest from its being out.
  private static Optional<Standing> furthest(List<NodeAnswer> answers, String id) {
    return answers.stream().map(answer -> standing(answer, id)).max(Comparator.naturalOrder());
  }

  private static Standing standing(NodeAnswer answer, String id) {
    Optional<NodeAnswer.Member> member = answer.member(id);
    if (member.isEmpty()) {
      return answer.holdsForAbsent(id) ? Standing.LOST : Standing.OUT;
    }
    if (member.get().suspected()) {
      return Standing.LOST;
    }
    return member.get().isLeaving() ? Standing.LEAVING : Standing.MEMBER;
  }

  @Override
  public void leave(String nodeId, long epoch) throws IOException {
    NodeDescriptor node =
        members.get().stream()
            .filter(one -> one.id().equals(nodeId))
            .findFirst()
            .orElseThrow(() -> new IOException("it is not known where it is"));
    client(node).leave(epoch);
  }
}
