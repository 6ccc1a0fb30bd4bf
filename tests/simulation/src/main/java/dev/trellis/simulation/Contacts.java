package dev.trellis.simulation;

import dev.trellis.access.Caller;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.Origin;
import dev.trellis.placement.Topology;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Whom a client knows, and is connected to: its map of the cluster, where keys are said to be, and
/// its connections.
final class Contacts {
  private static final int MAP_MILLIS_MAX = 3_000;

  /// A connection to one life of one shard.
  record Link(SimulatedShard shard, Origin origin) {}

  /// What a request meets on its way; several times, where the network delivers it several times.
  interface Passage {
    /// It has come to the shard.
    default void arrives() {}

    /// The shard has answered it; the answer has not left its node.
    void answers(Reply reply);

    /// The shard has had it.
    default void passed() {}

    /// The answer has come to the client.
    void returns(Reply reply);
  }

  /// The shard a request is for.
  record Target(String nodeId, int shard) {}

  private final int slot;
  private final long clientId;
  private final SimulatedCluster cluster;
  private final Map<Payload, Placement> placements = new HashMap<>(); // where not the default
  private final Map<Target, Link> links = new HashMap<>();
  private final Map<Long, Long> sequences = new HashMap<>(); // last number, by shard incarnation
  private Optional<Topology> map = Optional.empty();
  private long mapMillis;

  /// @param slot of the client in the network
  Contacts(int slot, long clientId, SimulatedCluster cluster) {
    this.slot = slot;
    this.clientId = clientId;
    this.cluster = cluster;
  }

  void refreshMap() {
    cluster
        .map(slot)
        .ifPresent(
            topology -> {
              map = Optional.of(topology);
              mapMillis = cluster.nowMillis();
            });
  }

  /// The ring that the client goes by; 0 for none.
  long ringVersion() {
    return map.map(Topology::version).orElse(0L);
  }

  /// The shards that may take an operation, as far as the client knows; the best first.
  List<Target> targets(Payload key, Operation operation) {
    if (map.isEmpty() || cluster.nowMillis() - mapMillis > MAP_MILLIS_MAX) {
      refreshMap();
    }
    List<Target> targets = new ArrayList<>();
    if (map.isEmpty()) {
      return targets;
    }
    Topology topology = map.get();
    int partition = SimulatedCluster.partitionOf(key);
    if (operation instanceof Mutation.Place) {
      add(targets, topology, topology.homes(partition), partition, 1);
      return targets;
    }
    Optional<Placement> placement = Optional.ofNullable(placements.get(key));
    int shards = placement.map(Placement::shardsPerNode).orElse(1);
    List<String> former = topology.formerOwners(partition, placement);
    add(targets, topology, former, partition, shards);
    for (String holder : topology.holders(partition, placement)) {
      if (!former.contains(holder)) {
        add(targets, topology, List.of(holder), partition, shards);
      }
    }
    return targets;
  }

  private static void add(
      List<Target> targets, Topology topology, List<String> nodes, int partition, int shards) {
    for (String node : nodes) {
      int shardCount = topology.member(node).orElseThrow().shardPorts().size();
      for (int shard : topology.shardsOf(partition, shardCount, shards)) {
        targets.add(new Target(node, shard));
      }
    }
  }

  /// The connection to a shard, made anew where there is none; empty if nobody answers.
  Optional<Link> link(Target target) {
    Link known = links.get(target);
    if (known != null && known.shard.node().isRunning()) {
      return Optional.of(known);
    }
    Optional<Link> opened =
        cluster
            .connect(slot, target.nodeId, target.shard)
            .map(
                shard ->
                    new Link(
                        shard, new Origin(cluster.nextConnection(), clientId, Caller.ANONYMOUS)));
    links.remove(target);
    opened.ifPresent(link -> links.put(target, link));
    return opened;
  }

  /// The next number of a mutation at a shard.
  long nextSequence(Link link) {
    return sequences.merge(link.shard.incarnation(), 1L, Long::sum);
  }

  /// Sends a request.
  void send(Link link, Request request, Passage passage) {
    SimulatedNode node = link.shard.node();
    boolean[] refused = {false};
    cluster
        .network()
        .send(
            slot,
            node.slot(),
            () ->
                node.execute(
                    () -> {
                      // A connection carries a request once: what was refused stays refused.
                      if (!refused[0]) {
                        passage.arrives();
                        link.shard.handle(
                            link.origin,
                            request,
                            reply -> {
                              refused[0] |= reply.outcome() instanceof Outcome.Failed;
                              passage.answers(reply);
                              cluster
                                  .network()
                                  .send(node.slot(), slot, () -> passage.returns(reply));
                            });
                        passage.passed();
                      }
                    }));
  }

  static Target targetOf(Link link) {
    return new Target(link.shard.node().id(), link.shard.peer().shard());
  }

  /// Counts a connection as lost.
  ///
  /// @param afterMillis when the shard learns of that
  void lose(Link link, long afterMillis) {
    links.remove(targetOf(link), link);
    cluster.disconnect(link.shard, link.origin, afterMillis);
  }

  /// Learns where a key is.
  void place(Payload key, Placement placement) {
    placements.put(key, placement);
  }

  /// Forgets where a key was said to be, so that it is looked for in its default place.
  void forgetPlacement(Payload key) {
    placements.remove(key);
  }
}
