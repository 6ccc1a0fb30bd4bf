package dev.trellis.monitor.policy;

import dev.trellis.monitor.policy.Decision.Resize;
import dev.trellis.monitor.policy.PolicySettings.Band;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Gives a tier nodes when all of it is busy and clients wait too long, and takes nodes away when
/// it has little to do, clients are answered well within the objective and what is stored fits the
/// rest.
///
/// *All of it is busy* goes by the median of the nodes: a few that hold hot keys are none, and new
/// nodes would not help them ([HotKeys] does). The number wanted is what would bring latency and
/// occupancy to their upper marks, within one step. Unlike the paper it also grows, whatever the
/// latency, when nodes are nearly saturated, since an open load then waits longer with every second
/// that the new nodes take to start; and it grows the SSD tier, but only if memory can't or it is
/// nearly saturated, since promotion relieves it best.
///
/// @see "Wu et al., VLDB 2019, §5.3, Elasticity, and §5.4, End-to-End Policy"
final class ComputeElasticity implements Situation.Concern {
  /// So busy nodes are about to be overrun.
  private static final double SATURATED = 0.75;

  /// By so much a mark must be passed: what is seen is never quite what is.
  private static final double TOLERANCE = 1.05;

  @Override
  public String name() {
    return "compute";
  }

  @Override
  public List<Decision> decide(Situation now) {
    List<Decision> decisions = new ArrayList<>();
    for (Tier tier : Tier.values()) {
      Room room = now.room(tier);
      if (!room.tier().known().isEmpty() && !room.isChanging()) {
        grow(room).or(() -> shrink(room)).ifPresent(decisions::add);
      }
    }
    return decisions;
  }

  private Optional<Decision> grow(Room room) {
    TierView tier = room.tier();
    PolicySettings settings = room.now().settings();
    Objectives objectives = room.now().objectives();
    double busy = tier.median() / settings.occupancy().high();
    double late = objectives.against(settings.latencyFraction().high());
    boolean isSlow = !objectives.isKnown() || late > TOLERANCE;
    boolean isOverrun = tier.median() > Math.max(SATURATED, settings.occupancy().high());
    // Promotion relieves disks best, but not if they are asked for very many keys, each now and
    // then.
    boolean isPromotionBetter =
        tier.tier() == Tier.SSD && !isOverrun && room.now().room(Tier.MEMORY).canGrow();
    boolean isWanted = isOverrun || (busy > 1 && isSlow);
    History history = room.now().history();
    // What is overrun because some went need not wait.
    boolean isGrace = history.isGrown() || (!isOverrun && history.isShrunk(tier.tier()));
    if (!isWanted || isPromotionBetter || isGrace) {
      return Optional.empty();
    }
    int to =
        room.atMost(Numbers.ceiling(tier.nodes() * Math.max(busy, isOverrun ? TOLERANCE : late)));
    if (to <= tier.nodes()) {
      return Optional.empty();
    }
    Reasons reasons =
        describe(room, objectives)
            .threshold("occupancy.high", settings.occupancy().high())
            .expect("occupancy", tier.median() * tier.nodes() / to)
            .expect("costPerHour", room.cost(to));
    if (objectives.isKnown()) {
      reasons.expect("latencyMicros", objectives.micros() * tier.nodes() / to);
    }
    return Optional.of(
        resize(
            room,
            to,
            reasons.because(
                isSlow && objectives.isKnown()
                    ? "clients wait too long, and it is not a few nodes that are busy but all"
                    : "nodes are busier than their high mark")));
  }

  private Optional<Decision> shrink(Room room) {
    if (room.tier().tier() != Tier.MEMORY || !room.isCalm()) {
      return Optional.empty();
    }
    return save(room).or(() -> idle(room));
  }

  /// Goes back to the budget, which may have become less.
  private Optional<Decision> save(Room room) {
    int to = room.atLeast(room.affordable());
    if (to >= room.tier().nodes()) {
      return Optional.empty();
    }
    return Optional.of(
        resize(
            room,
            to,
            describe(room, room.now().objectives())
                .input("costPerHour", room.cost(room.tier().nodes()))
                .threshold("budget.per-hour", room.now().settings().budgetPerHour().orElse(0.0))
                .expect("costPerHour", room.cost(to))
                .because("the nodes cost more than the budget")));
  }

  private Optional<Decision> idle(Room room) {
    TierView tier = room.tier();
    PolicySettings settings = room.now().settings();
    Band occupancy = settings.occupancy();
    Objectives objectives = room.now().objectives();
    double busy = Math.max(tier.mean(), tier.median());
    boolean isQuick =
        objectives.isKnown()
            ? !objectives.isAbove(settings.latencyFraction().low())
            : tier.operationsPerSecond() <= 0;
    if (busy >= occupancy.low() || !isQuick) {
      return Optional.empty();
    }
    int to = room.atLeast(Numbers.ceiling(tier.nodes() * busy / occupancy.middle()));
    if (to >= tier.nodes()) {
      return Optional.empty();
    }
    return Optional.of(
        resize(
            room,
            to,
            describe(room, objectives)
                .input("use", tier.use())
                .threshold("occupancy.low", occupancy.low())
                .expect("occupancy", busy * tier.nodes() / to)
                .expect("use", tier.use() * tier.nodes() / to)
                .expect("costPerHour", room.cost(to))
                .because("the nodes have little to do, and fewer hold what is stored")));
  }

  private Reasons describe(Room room, Objectives objectives) {
    TierView tier = room.tier();
    Reasons reasons =
        new Reasons(name())
            .input("nodes", tier.nodes())
            .input("occupancy", tier.median())
            .input("operationsPerSecond", tier.operationsPerSecond());
    objectives.describe(reasons);
    return reasons;
  }

  private static Decision resize(Room room, int to, Explanation explanation) {
    int from = room.tier().nodes();
    return new Resize(room.tier().tier(), from, to, room.leaving(from - to), explanation);
  }
}
