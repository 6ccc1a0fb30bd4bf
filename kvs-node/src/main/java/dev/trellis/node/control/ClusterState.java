package dev.trellis.node.control;

import dev.trellis.node.membership.Incarnation;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Comparator;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// What all nodes of a cluster must come to agree on without anybody deciding: a lattice, which
/// every member keeps and tells the others, so that it survives the death of any. Immutable.
///
/// @param faultTolerance the latest change wins
/// @param known incarnations that have or had a part of the data, and where to look for them
/// @param ended incarnations that never come back; none of them is known any more
/// @param monitorEpoch the highest that a monitor has claimed: orders of lower ones are refused; 0
///   if none ever did
record ClusterState(
    FaultTolerance faultTolerance,
    Map<Incarnation, Known> known,
    Map<Incarnation, Ended> ended,
    long monitorEpoch) {
  /// Ended incarnations of one node that are remembered: the latest. Who lived before them has been
  /// forgotten by all long since.
  private static final int ENDED_PER_NODE_MAX = 32;

  /// @param clockMillis when it was changed; 0 if it was only configured
  /// @param writer the node that changed it
  /// @param nodes lost nodes to survive
  record FaultTolerance(long clockMillis, String writer, int nodes) {
    FaultTolerance merge(FaultTolerance other) {
      Comparator<FaultTolerance> order =
          Comparator.comparingLong(FaultTolerance::clockMillis)
              .thenComparing(FaultTolerance::writer)
              .thenComparingInt(FaultTolerance::nodes);
      return order.compare(this, other) >= 0 ? this : other;
    }
  }

  /// @param address host and port of the control port
  record Known(String address, Tier tier) {}

  /// @param clockMillis when it was found out
  record Ended(long clockMillis, End end) {
    Ended merge(Ended other) {
      return new Ended(
          Math.max(clockMillis, other.clockMillis),
          end.compareTo(other.end) >= 0 ? end : other.end);
    }
  }

  /// Why an incarnation never comes back, the weakest reason first.
  enum End {
    /// Its node started again and has its data.
    FOLLOWED(1),
    /// It handed over all it had.
    LEFT(2),
    /// It was declared gone, or its node started again without its data.
    GONE(3);

    private final int number;

    End(int number) {
      this.number = number;
    }

    static End ofNumber(int number) throws MalformedMessageException {
      return switch (number) {
        case 1 -> FOLLOWED;
        case 2 -> LEFT;
        case 3 -> GONE;
        default -> throw new MalformedMessageException("no end has number " + number);
      };
    }
  }

  ClusterState {
    ended = latest(ended);
    Map<Incarnation, Known> remaining = new HashMap<>(known);
    remaining.keySet().removeAll(ended.keySet());
    known = Map.copyOf(remaining);
  }

  /// That of a node that knows nothing but its configuration.
  static ClusterState initial(int faultTolerance) {
    return new ClusterState(new FaultTolerance(0, "", faultTolerance), Map.of(), Map.of(), 0);
  }

  ClusterState merge(ClusterState other) {
    if (equals(other)) {
      return this;
    }
    Map<Incarnation, Known> bothKnown = new HashMap<>(known);
    other.known.forEach(
        (incarnation, where) -> bothKnown.merge(incarnation, where, (a, b) -> larger(a, b)));
    Map<Incarnation, Ended> bothEnded = new HashMap<>(ended);
    other.ended.forEach((incarnation, why) -> bothEnded.merge(incarnation, why, Ended::merge));
    return new ClusterState(
        faultTolerance.merge(other.faultTolerance),
        bothKnown,
        bothEnded,
        Math.max(monitorEpoch, other.monitorEpoch));
  }

  private static Known larger(Known a, Known b) {
    return Comparator.comparing(Known::address).thenComparing(Known::tier).compare(a, b) >= 0
        ? a
        : b;
  }

  ClusterState withFaultTolerance(FaultTolerance changed) {
    return new ClusterState(faultTolerance.merge(changed), known, ended, monitorEpoch);
  }

  ClusterState withKnown(Incarnation incarnation, Known where) {
    return known.containsKey(incarnation) || ended.containsKey(incarnation)
        ? this
        : merge(new ClusterState(faultTolerance, Map.of(incarnation, where), Map.of(), 0));
  }

  ClusterState withEnded(Incarnation incarnation, Ended why) {
    Ended present = ended.get(incarnation);
    return present != null && present.end().compareTo(why.end()) >= 0
        ? this
        : merge(new ClusterState(faultTolerance, Map.of(), Map.of(incarnation, why), 0));
  }

  ClusterState withMonitorEpoch(long claimed) {
    return claimed <= monitorEpoch ? this : new ClusterState(faultTolerance, known, ended, claimed);
  }

  /// The same, without those who have their data in memory: when all have ended they have none.
  ClusterState ofThoseWithDisks() {
    Map<Incarnation, Known> kept = new HashMap<>(known);
    kept.values().removeIf(one -> one.tier() == Tier.MEMORY);
    return new ClusterState(faultTolerance, kept, ended, monitorEpoch);
  }

  boolean hasEnded(Incarnation incarnation) {
    return ended.containsKey(incarnation);
  }

  boolean isGone(Incarnation incarnation) {
    Ended why = ended.get(incarnation);
    return why != null && why.end() == End.GONE;
  }

  /// Incarnations that were declared gone, or lost their data.
  Set<Incarnation> gone() {
    return ended.keySet().stream().filter(this::isGone).collect(Collectors.toUnmodifiableSet());
  }

  private static Map<Incarnation, Ended> latest(Map<Incarnation, Ended> all) {
    Map<String, Long> perNode =
        all.keySet().stream()
            .collect(Collectors.groupingBy(Incarnation::nodeId, Collectors.counting()));
    if (perNode.values().stream().allMatch(count -> count <= ENDED_PER_NODE_MAX)) {
      return Map.copyOf(all);
    }
    Map<Incarnation, Ended> kept = new HashMap<>();
    Comparator<Map.Entry<Incarnation, Ended>> latestFirst =
        Comparator.<Map.Entry<Incarnation, Ended>>comparingLong(
                entry -> -entry.getValue().clockMillis())
            .thenComparingLong(entry -> entry.getKey().number());
    for (String node : perNode.keySet()) {
      all.entrySet().stream()
          .filter(entry -> entry.getKey().nodeId().equals(node))
          .sorted(latestFirst)
          .limit(ENDED_PER_NODE_MAX)
          .forEach(entry -> kept.put(entry.getKey(), entry.getValue()));
    }
    return Map.copyOf(kept);
  }

  /// Writes equal states as equal bytes; all but the epoch of the monitor, which came later and is
  /// written by those who know where theirs ends.
  void write(DataOutputStream out) throws IOException {
    out.writeLong(faultTolerance.clockMillis());
    out.writeUTF(faultTolerance.writer());
    out.writeInt(faultTolerance.nodes());
    Comparator<Incarnation> order =
        Comparator.comparing(Incarnation::nodeId).thenComparingLong(Incarnation::number);
    Map<Incarnation, Known> sortedKnown = new TreeMap<>(order);
    sortedKnown.putAll(known);
    out.writeInt(sortedKnown.size());
    for (Map.Entry<Incarnation, Known> entry : sortedKnown.entrySet()) {
      out.writeUTF(entry.getKey().nodeId());
      out.writeLong(entry.getKey().number());
      out.writeUTF(entry.getValue().address());
      out.writeByte(entry.getValue().tier().number());
    }
    Map<Incarnation, Ended> sortedEnded = new TreeMap<>(order);
    sortedEnded.putAll(ended);
    out.writeInt(sortedEnded.size());
    for (Map.Entry<Incarnation, Ended> entry : sortedEnded.entrySet()) {
      out.writeUTF(entry.getKey().nodeId());
      out.writeLong(entry.getKey().number());
      out.writeLong(entry.getValue().clockMillis());
      out.writeByte(entry.getValue().end().number);
    }
  }

  static ClusterState read(DataInputStream in) throws IOException {
    FaultTolerance faultTolerance =
        new FaultTolerance(in.readLong(), in.readUTF(), Math.clamp(in.readInt(), 0, 15));
    Map<Incarnation, Known> known = new HashMap<>();
    for (int left = in.readInt(); left > 0; left--) {
      known.put(
          new Incarnation(in.readUTF(), in.readLong()),
          new Known(in.readUTF(), MemberMetadata.tier(in.readByte())));
    }
    Map<Incarnation, Ended> ended = new HashMap<>();
    for (int left = in.readInt(); left > 0; left--) {
      ended.put(
          new Incarnation(in.readUTF(), in.readLong()),
          new Ended(in.readLong(), End.ofNumber(in.readByte())));
    }
    return new ClusterState(faultTolerance, known, ended, 0);
  }
}
