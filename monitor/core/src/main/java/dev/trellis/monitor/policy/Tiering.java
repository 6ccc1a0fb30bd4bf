package dev.trellis.monitor.policy;

import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Decision.Place;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/// Keeps in memory what is used: promotes a key of the SSD tier that is accessed, while memory has
/// room, and demotes when memory is above its high mark, down to the middle between the marks, or
/// when a key that is wanted finds no room.
///
/// The paper demotes whatever is used too little, whether there is room or not. Here room decides:
/// a key in memory that nobody needs costs nothing until somebody else needs the place. First those
/// go that were idle for the whole window of promotion; those in use go, the least used first, only
/// if the memory tier is too full and cannot grow.
///
/// @see "Wu et al., VLDB 2019, §5.1, Cross-Tier Data Movement"
final class Tiering implements Situation.Concern {
  /// What stays in memory of a key that has left it, for its home to know where it is.
  static final double RECORD_BYTES = 100;

  @Override
  public String name() {
    return "tiering";
  }

  @Override
  public List<Decision> decide(Situation now) {
    TierView memory = now.memory();
    if (memory.bytesMax() <= 0) {
      return List.of();
    }
    double high = memory.bytesMax() * now.settings().memoryUse().high();
    double middle = memory.bytesMax() * now.settings().memoryUse().middle();
    // What was begun above the high mark goes on to the middle, though it takes several looks.
    if (memory.bytes() > (now.history().isDemoting() ? middle : high)) {
      return demote(now, memory.bytes() - middle, !now.room(Tier.MEMORY).canGrow());
    }
    List<Decision> decisions = new ArrayList<>();
    double lacking = promote(now, high - memory.bytes(), decisions);
    if (lacking > 0) {
      decisions.addAll(demote(now, Math.min(lacking, high - middle), false));
    }
    return decisions;
  }

  /// What may be freed by demoting keys that are idle, in bytes of memory.
  double idleBytes(Situation now) {
    return demote(now, Double.MAX_VALUE, false).stream()
        .mapToDouble(each -> each.explanation().expected().getOrDefault("memoryBytesFreed", 0.0))
        .sum();
  }

  /// Promotes the most wanted that fit.
  ///
  /// @param room in bytes
  /// @return how many bytes were wanted beyond it
  private double promote(Situation now, double room, List<Decision> decisions) {
    List<ClusterView.Key> wanted =
        now.view().keys().stream()
            .filter(
                key ->
                    key.placement().memoryNodes() == 0
                        && key.accessesInWindow() >= now.settings().promoteAccesses()
                        && !now.history().isSettling(key.key()))
            .sorted(Comparator.comparingDouble(ClusterView.Key::accessesInWindow).reversed())
            .toList();
    double left = room;
    double lacking = 0;
    for (ClusterView.Key key : wanted) {
      double bytes = Math.max(1, Numbers.measured(key.bytes()));
      long count = Numbers.atMost(key.count(), left / bytes);
      left -= count * bytes;
      lacking += (key.count() - count) * bytes;
      if (count > 0) {
        decisions.add(promotion(key, count, now));
      }
    }
    return lacking;
  }

  private Decision promotion(ClusterView.Key key, long count, Situation now) {
    TierView memory = now.memory();
    double bytes = count * Numbers.measured(key.bytes());
    return new Place(
        key.key(),
        count,
        Move.PROMOTE,
        key.placement(),
        Placement.ofDefault(now.view().faultTolerance()),
        true,
        new Reasons(name())
            .input("accessesInWindow", Numbers.measured(key.accessesInWindow()))
            .input("keys", (double) count)
            .input("memoryUse", memory.use())
            .threshold("promote.accesses", now.settings().promoteAccesses())
            .expect("memoryBytesTaken", bytes)
            .expect("memoryUse", (memory.bytes() + bytes) / memory.bytesMax())
            .expect("ssdReadsPerSecondSaved", count * Numbers.measured(key.ssdReadsPerSecond()))
            .because("the key is in use, and memory has room for it"));
  }

  /// Demotes until so many bytes are free: what is idle, and what is used if it must be.
  private List<Decision> demote(Situation now, double bytes, boolean isInUseToo) {
    if (!hasDisks(now)) {
      return List.of();
    }
    List<ClusterView.Key> choice =
        now.view().keys().stream()
            .filter(
                key ->
                    isMovable(key)
                        && !now.history().isSettling(key.key())
                        && (isInUseToo || isIdle(key, now.settings())))
            .sorted(
                Comparator.comparing((ClusterView.Key key) -> !isIdle(key, now.settings()))
                    .thenComparingDouble(key -> Numbers.measured(key.operationsPerSecond()))
                    .thenComparing(
                        Comparator.comparingLong(ClusterView.Key::idleMillis).reversed()))
            .toList();
    double ssdRoom = ssdRoom(now);
    double ssdOperations = ssdOperationsPerSecondMax(now);
    double excess = bytes;
    List<Decision> decisions = new ArrayList<>();
    for (ClusterView.Key key : choice) {
      long count = Numbers.atMost(key.count(), Math.ceil(excess / freed(key)));
      double added = ssdBytesAdded(key, now.view().faultTolerance());
      double operations = Numbers.measured(key.operationsPerSecond());
      count = added > 0 ? Numbers.atMost(count, ssdRoom / added) : count;
      count = operations > 0 ? Numbers.atMost(count, ssdOperations / operations) : count;
      if (count > 0) {
        excess -= count * freed(key);
        ssdRoom -= count * added;
        ssdOperations -= count * operations;
        decisions.add(demotion(key, count, now));
      }
    }
    return decisions;
  }

  private Decision demotion(ClusterView.Key key, long count, Situation now) {
    TierView memory = now.memory();
    int faultTolerance = now.view().faultTolerance();
    double freed = count * freed(key);
    return new Place(
        key.key(),
        count,
        Move.DEMOTE,
        key.placement(),
        new Placement(0, faultTolerance + 1, 1),
        false,
        new Reasons(name())
            .input("memoryUse", memory.use())
            .input("keys", (double) count)
            .input("operationsPerSecond", Numbers.measured(key.operationsPerSecond()))
            .input("idleSeconds", key.idleMillis() / 1e3)
            .threshold("memory.use.high", now.settings().memoryUse().high())
            .expect("memoryBytesFreed", freed)
            .expect("memoryUse", (memory.bytes() - freed) / memory.bytesMax())
            .expect("ssdBytesAdded", count * ssdBytesAdded(key, faultTolerance))
            .expect("ssdReadsPerSecondAdded", count * Numbers.measured(key.readsPerSecond()))
            .because(
                isIdle(key, now.settings())
                    ? "others need its place in memory, and nobody uses the key"
                    : "memory is above its high mark and cannot grow, and the key is used least"));
  }

  private static boolean hasDisks(Situation now) {
    return now.ssd().known().size() > now.view().faultTolerance();
  }

  /// Whether a key is in memory as most are, and worth taking out.
  private static boolean isMovable(ClusterView.Key key) {
    return key.placement().memoryNodes() == 1
        && key.placement().shardsPerNode() == 1
        && key.bytes() > 2 * RECORD_BYTES;
  }

  private static boolean isIdle(ClusterView.Key key, PolicySettings settings) {
    return key.idleMillis() >= settings.promoteWindow().toMillis();
  }

  private static double freed(ClusterView.Key key) {
    return key.bytes() - RECORD_BYTES;
  }

  private static double ssdBytesAdded(ClusterView.Key key, int faultTolerance) {
    return Math.max(0, faultTolerance + 1 - key.placement().ssdNodes()) * key.bytes();
  }

  /// What the SSD tier can take of keys from memory, in bytes: up to half the way from its high
  /// mark to full, so that it comes to grow if need be. Nothing if it has too few nodes for all
  /// copies.
  private static double ssdRoom(Situation now) {
    TierView ssd = now.ssd();
    double most = (now.settings().ssdUse().high() + 1) / 2;
    return hasDisks(now) ? ssd.bytesMax() * most - ssd.bytes() : 0;
  }

  /// How many more operations the SSD tier can take: very many keys that are used now and then are
  /// many operations together. One there is taken to cost at least ten in memory, as what memory
  /// nodes write there costs less, and may be all that was seen so far.
  private static double ssdOperationsPerSecondMax(Situation now) {
    TierView ssd = now.ssd();
    double seconds = Math.max(ssd.secondsPerOperation(), 10 * now.memory().secondsPerOperation());
    double idle = now.settings().occupancy().high() - ssd.median();
    double shards = ssd.known().size() * (double) ssd.shardsPerNode();
    return seconds > 0 ? Math.max(0, idle * shards / seconds) : Double.MAX_VALUE;
  }
}
