package dev.trellis.monitor.policy;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.List;

/// All that the monitor knows at one moment, and all that a policy may know: two equal views lead
/// to equal decisions. Immutable.
///
/// @param nowMillis the time, as of the monitor's clock
/// @param faultTolerance k, the number of lost nodes to survive
/// @param isWhole whether every range has all its copies and nothing is handed over
/// @param nodes the members of the cluster, by id
/// @param keys those that stand out, by load or by a placement of their own, and those that are a
///   choice to be demoted
/// @param population how the load is spread over all keys
/// @param latency what clients saw
/// @param taken decisions still remembered, the latest first: at least those of the longest grace
///   period
public record ClusterView(
    long nowMillis,
    int faultTolerance,
    boolean isWhole,
    List<Node> nodes,
    List<Key> keys,
    Population population,
    Latency latency,
    List<Taken> taken) {
  public ClusterView {
    nodes = List.copyOf(nodes);
    keys = List.copyOf(keys);
    taken = List.copyOf(taken);
  }

  /// A member of the cluster.
  ///
  /// @param sinceMillis when it came to be in its state
  /// @param isSuspected whether it does not answer, or has told nothing of late; then its numbers
  ///   are the last that are known
  public record Node(
      String id,
      Tier tier,
      State state,
      long sinceMillis,
      boolean isSuspected,
      List<Shard> shards) {
    public Node {
      shards = List.copyOf(shards);
    }

    /// The mean busy share of its shards, 0 to 1.
    public double occupancy() {
      return shards.stream().mapToDouble(Shard::occupancy).average().orElse(0);
    }

    /// What its entries take, in bytes: of memory, or of disk.
    public double bytes() {
      return shards.stream().mapToDouble(Shard::bytes).sum();
    }

    /// What they may take at most, in bytes.
    public double bytesMax() {
      return shards.stream().mapToDouble(Shard::bytesMax).sum();
    }

    public double operationsPerSecond() {
      return shards.stream().mapToDouble(Shard::operationsPerSecond).sum();
    }
  }

  /// A shard, over the last period.
  ///
  /// @param occupancy the share of the time that its thread was busy, 0 to 1
  /// @param bytes what its entries take, of memory or, in the SSD tier, of disk
  /// @param bytesMax what they may take
  public record Shard(
      double occupancy,
      double readsPerSecond,
      double writesPerSecond,
      double entries,
      double bytes,
      double bytesMax) {
    public double operationsPerSecond() {
      return readsPerSecond + writesPerSecond;
    }
  }

  /// A key, or in a model a class of keys that are alike.
  ///
  /// @param count how many keys this stands for; 1 in a real cluster
  /// @param placement where each of them is
  /// @param isDefault whether that is the default placement, with no decision behind it
  /// @param readsPerSecond of each, at all its replicas together
  /// @param writesPerSecond of each, as clients made them
  /// @param bytes what one copy takes
  /// @param ssdReadsPerSecond of the reads, those that the SSD tier answered
  /// @param accessesInWindow accesses of each within the window of promotion
  /// @param idleMillis since about when it has not been accessed; 0 if it is not known to be idle
  public record Key(
      Payload key,
      long count,
      Placement placement,
      boolean isDefault,
      double readsPerSecond,
      double writesPerSecond,
      double bytes,
      double ssdReadsPerSecond,
      double accessesInWindow,
      long idleMillis) {
    public double operationsPerSecond() {
      return readsPerSecond + writesPerSecond;
    }
  }

  /// How the load is spread over the keys.
  ///
  /// @param keys how many there are
  /// @param mean operations per second of a key
  /// @param deviation the standard deviation of these
  public record Population(double keys, double mean, double deviation) {}

  /// What clients saw in the last period, sampled.
  ///
  /// @param samples how many operations were looked at; with 0 the rest says nothing
  /// @param isFromClients false if no client told anything, and these are service times of shards
  public record Latency(long samples, double meanMicros, double p95Micros, boolean isFromClients) {
    /// What is known before anybody told anything.
    public static final Latency NONE = new Latency(0, 0, 0, false);
  }

  /// A decision that was taken.
  ///
  /// @param atMillis when
  /// @param isDone whether what it ordered has come about
  /// @param doneMillis when that was; 0 if it is not
  public record Taken(Decision decision, long atMillis, boolean isDone, long doneMillis) {}

  /// The members of a tier that hold data for good: active, and not about to leave.
  public List<Node> active(Tier tier) {
    return nodes.stream()
        .filter(node -> node.tier() == tier && node.state() == State.ACTIVE)
        .toList();
  }

  /// The members of a tier that are there or on their way, those that leave left out.
  public List<Node> staying(Tier tier) {
    return nodes.stream()
        .filter(node -> node.tier() == tier && node.state() != State.LEAVING)
        .toList();
  }
}
