package dev.trellis.monitor.policy;

import dev.trellis.monitor.policy.Decision.Resize;
import dev.trellis.monitor.policy.PolicySettings.Band;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Gives a tier nodes when it is above its high mark, or has fewer than k or the user need, and
/// takes disks away when they are below their low mark and have little to do. The memory tier is
/// not made smaller for being empty, as in the paper: [ComputeElasticity] does that, and leaves
/// room for what is stored.
///
/// @see "Wu et al., VLDB 2019, §5.3, Elasticity"
final class StorageElasticity implements Situation.Concern {
  private final Tiering tiering = new Tiering(); // says what need not have room

  @Override
  public String name() {
    return "storage";
  }

  @Override
  public List<Decision> decide(Situation now) {
    if (now.view().nodes().isEmpty()) {
      return List.of(); // rather blind than alone
    }
    List<Decision> decisions = new ArrayList<>();
    for (Tier tier : Tier.values()) {
      Room room = now.room(tier);
      need(room).or(() -> grow(room)).or(() -> shrink(room)).ifPresent(decisions::add);
    }
    return decisions;
  }

  /// What k and the user need is ordered at once, however many nodes that are.
  private Optional<Decision> need(Room room) {
    int nodes = room.tier().nodes();
    int least = room.needed();
    if (least <= nodes || room.isChanging()) {
      return Optional.empty();
    }
    return Optional.of(
        resize(
            room,
            least,
            describe(room)
                .input("faultTolerance", room.now().view().faultTolerance())
                .threshold("nodes.min", least)
                .expect("nodes", least)
                .because("fewer nodes than copies and settings ask for")));
  }

  private Optional<Decision> grow(Room room) {
    TierView tier = room.tier();
    Band use = room.now().settings().use(tier.tier());
    double idle = tier.tier() == Tier.MEMORY ? tiering.idleBytes(room.now()) : 0;
    double kept = Numbers.ratio(Math.max(0, tier.bytes() - idle), tier.bytesMax());
    boolean isUrgent = tier.use() > (use.high() + 1) / 2;
    History history = room.now().history();
    boolean isGrace = history.isGrown() || history.isShrunk(tier.tier());
    if (kept <= use.high() || room.isChanging() || (isGrace && !isUrgent)) {
      return Optional.empty();
    }
    int to = room.atMost(Numbers.ceiling(tier.nodes() * kept / use.middle()));
    if (to <= tier.nodes()) {
      return Optional.empty();
    }
    return Optional.of(
        resize(
            room,
            to,
            describe(room)
                .input("idleBytes", idle)
                .threshold(word(tier) + ".use.high", use.high())
                .expect("use", kept * tier.nodes() / to)
                .expect("costPerHour", room.cost(to))
                .because("the %s tier is fuller than its high mark".formatted(word(tier)))));
  }

  private Optional<Decision> shrink(Room room) {
    TierView tier = room.tier();
    Band use = room.now().settings().use(tier.tier());
    boolean isWasted =
        tier.tier() == Tier.SSD
            && tier.bytesMax() > 0
            && tier.use() < use.low()
            && tier.median() < room.now().settings().occupancy().low();
    boolean isTooMany = tier.nodes() > room.now().settings().nodes(tier.tier()).max();
    if (!(isWasted || isTooMany) || !room.isCalm()) {
      return Optional.empty();
    }
    int wanted =
        isTooMany
            ? room.now().settings().nodes(tier.tier()).max()
            : Numbers.ceiling(
                tier.nodes()
                    * Math.max(
                        tier.use() / use.middle(),
                        tier.median() / room.now().settings().occupancy().middle()));
    int to = room.atLeast(wanted);
    if (to >= tier.nodes()) {
      return Optional.empty();
    }
    return Optional.of(
        resize(
            room,
            to,
            describe(room)
                .threshold(
                    isTooMany ? word(tier) + ".nodes.max" : word(tier) + ".use.low",
                    isTooMany ? room.now().settings().nodes(tier.tier()).max() : use.low())
                .expect("use", tier.use() * tier.nodes() / to)
                .expect("costPerHour", room.cost(to))
                .because(
                    isTooMany
                        ? "more nodes than the settings allow"
                        : "what is stored needs fewer nodes")));
  }

  private static String word(TierView tier) {
    return tier.tier().word();
  }

  private Reasons describe(Room room) {
    TierView tier = room.tier();
    return new Reasons(name())
        .input("nodes", tier.nodes())
        .input("use", tier.use())
        .input("bytes", tier.bytes());
  }

  private static Decision resize(Room room, int to, Explanation explanation) {
    int from = room.tier().nodes();
    return new Resize(room.tier().tier(), from, to, room.leaving(from - to), explanation);
  }
}
