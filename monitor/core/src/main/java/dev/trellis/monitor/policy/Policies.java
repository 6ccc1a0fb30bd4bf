package dev.trellis.monitor.policy;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Decision.Place;
import dev.trellis.monitor.policy.Decision.Resize;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// All policies, and who has the last word among them:
///
/// 1. what k and the user need,
/// 2. room for what is stored: more nodes, and keys between the tiers,
/// 3. hot keys, before nodes are added that would not serve them,
/// 4. more nodes for the objective,
/// 5. fewer nodes, in a whole cluster in which nothing else is to be done.
///
/// At most one change of a tier is on its way, and at most one decision is made about a key. All
/// targets are absolute. The order is the paper's, but that its policy acts on the tiers first and
/// moves keys then, one after the other; here all that does not contradict is decided at once.
///
/// @see "Wu et al., VLDB 2019, §5.4, End-to-End Policy"
public final class Policies implements Policy {
  private final HotKeys hotKeys = new HotKeys();
  private final Tiering tiering = new Tiering();
  private final StorageElasticity storage = new StorageElasticity();
  private final ComputeElasticity compute = new ComputeElasticity();

  @Override
  public String name() {
    return "policies";
  }

  /// For how long changes of nodes have to stay in [ClusterView#taken] with these settings.
  public static Duration memory(PolicySettings settings) {
    return History.memory(settings);
  }

  /// Whether a decision has to stay in [ClusterView#taken]: changes of nodes for long, what was
  /// decided about a key for its grace period only.
  public static boolean matters(ClusterView.Taken taken, long nowMillis, PolicySettings settings) {
    return History.matters(taken, nowMillis, settings);
  }

  @Override
  public List<Decision> decide(ClusterView view, PolicySettings settings) {
    Situation now = Situation.of(view, settings);
    Map<Tier, Resize> growth = new EnumMap<>(Tier.class);
    List<Resize> shrinking = new ArrayList<>();
    sort(storage.decide(now), growth, shrinking);
    Map<Payload, Place> places = new LinkedHashMap<>();
    for (Situation.Concern concern : List.of(tiering, hotKeys)) {
      for (Decision decision : concern.decide(now)) {
        if (decision instanceof Place place) {
          places.putIfAbsent(place.key(), place);
        }
      }
    }
    if (!isSpreading(now, places)) {
      sort(compute.decide(now), growth, shrinking);
    }
    withinBudget(growth, now);
    List<Decision> decisions = new ArrayList<>(growth.values());
    decisions.addAll(places.values());
    if (decisions.isEmpty() && !shrinking.isEmpty()) {
      decisions.add(shrinking.getFirst()); // one tier at a time
    }
    return decisions;
  }

  /// Keeps the greater growth of each tier.
  private static void sort(
      List<Decision> decisions, Map<Tier, Resize> growth, List<Resize> shrinking) {
    for (Decision decision : decisions) {
      if (decision instanceof Resize resize) {
        if (resize.to() > resize.from()) {
          growth.merge(resize.tier(), resize, (one, other) -> other.to() > one.to() ? other : one);
        } else {
          shrinking.add(resize);
        }
      }
    }
  }

  /// Whether hot keys are being given more replicas, so that it is not known yet what nodes there
  /// are can do.
  private static boolean isSpreading(Situation now, Map<Payload, Place> places) {
    return places.values().stream().anyMatch(place -> place.move() == Move.REPLICATE)
        || now.history().isSpreading();
  }

  /// Each growth is within the budget by itself. If both together are not, that of memory waits,
  /// since disks hold what must not be lost.
  private static void withinBudget(Map<Tier, Resize> growth, Situation now) {
    PolicySettings settings = now.settings();
    Resize memory = growth.get(Tier.MEMORY);
    Resize ssd = growth.get(Tier.SSD);
    if (memory == null || ssd == null || settings.budgetPerHour().isEmpty()) {
      return;
    }
    double cost = memory.to() * settings.memoryPrice() + ssd.to() * settings.ssdPrice();
    boolean isNeeded = memory.from() < now.room(Tier.MEMORY).needed();
    if (cost > settings.budgetPerHour().get() && !isNeeded) {
      growth.remove(Tier.MEMORY);
    }
  }
}
