package dev.trellis.monitor.policy;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.policy.ClusterView.Taken;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Decision.Place;
import dev.trellis.monitor.policy.Decision.Resize;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// What was decided before, as far as it bears on what may be decided now.
final class History {
  /// What has not come about after so many grace periods is not waited for any longer: a scaler
  /// that failed may not keep the rest from being done.
  private static final int PATIENCE = 10;

  /// A tier that grew so many times `shrinkAfter`, or less, after it had shrunk, swings.
  private static final int SWING = 6;

  /// A tier that swings stays as it is for so many times `shrinkAfter`: for a day, if that is eight
  /// minutes.
  private static final int STAY = 180;

  private final ClusterView view;
  private final PolicySettings settings;
  private final long nodesSinceMillis;
  private final Map<Payload, Taken> placed = new HashMap<>(); // the latest of each key

  /// @param nodesSinceMillis when the last node came to be active
  History(ClusterView view, PolicySettings settings, long nodesSinceMillis) {
    this.view = view;
    this.settings = settings;
    this.nodesSinceMillis = nodesSinceMillis;
    for (Taken taken : view.taken()) {
      if (taken.decision() instanceof Place place) {
        for (Payload key : place.keys()) {
          placed.merge(
              key, taken, (one, other) -> one.atMillis() >= other.atMillis() ? one : other);
        }
      }
    }
  }

  /// How long changes of nodes have to be remembered for these settings.
  static Duration memory(PolicySettings settings) {
    Duration patience = settings.grace().multipliedBy(PATIENCE);
    Duration stay = settings.shrinkAfter().multipliedBy(STAY);
    return patience.compareTo(stay) > 0 ? patience : stay;
  }

  /// Whether a decision has to be remembered still.
  static boolean matters(Taken taken, long nowMillis, PolicySettings settings) {
    long ageMillis = nowMillis - (taken.isDone() ? taken.doneMillis() : taken.atMillis());
    return switch (taken.decision()) {
      case Resize _ -> ageMillis < memory(settings).toMillis();
      case Place _ ->
          ageMillis < settings.keyGrace().toMillis()
              || (!taken.isDone() && ageMillis < settings.grace().toMillis() * PATIENCE);
    };
  }

  /// Whether a key is being placed, or was so lately, so that nothing more is decided about it.
  boolean isSettling(Payload key) {
    Taken taken = placed.get(key);
    return taken != null
        && (isPending(taken) || sinceMillis(taken) < settings.keyGrace().toMillis());
  }

  /// Whether any key was given more replicas so lately that its effect is not seen yet.
  boolean isSpreading() {
    return placed.values().stream()
        .anyMatch(
            taken ->
                taken.decision() instanceof Place place
                    && place.move() == Move.REPLICATE
                    && (isPending(taken)
                        || sinceMillis(taken) < settings.keyGrace().toMillis() / 4));
  }

  /// Whether keys are being demoted, or were so lately.
  boolean isDemoting() {
    return placed.values().stream()
        .anyMatch(
            taken ->
                taken.decision() instanceof Place place
                    && place.move() == Move.DEMOTE
                    && isSettling(place.key()));
  }

  /// Whether a change of a tier has been ordered and has not come about.
  boolean isResizing(Tier tier) {
    return view.taken().stream()
        .anyMatch(
            taken ->
                taken.decision() instanceof Resize resize
                    && resize.tier() == tier
                    && isPending(taken));
  }

  /// Whether nodes were changed within the grace period, by whomever.
  boolean isGrace() {
    return isGrown() || isShrunk(Tier.MEMORY) || isShrunk(Tier.SSD);
  }

  /// Whether nodes came within the grace period.
  boolean isGrown() {
    return (nodesSinceMillis > 0 && isInGrace(view.nowMillis() - nodesSinceMillis))
        || view.taken().stream()
            .anyMatch(taken -> taken.isDone() && isGrowth(taken) && isInGrace(sinceMillis(taken)));
  }

  /// Whether nodes of a tier went within the grace period.
  boolean isShrunk(Tier tier) {
    return view.taken().stream()
        .anyMatch(
            taken ->
                taken.isDone()
                    && taken.decision() instanceof Resize resize
                    && resize.tier() == tier
                    && !isGrowth(taken)
                    && isInGrace(sinceMillis(taken)));
  }

  private boolean isInGrace(long ageMillis) {
    return ageMillis < settings.grace().toMillis();
  }

  /// Whether nothing is on its way, and nothing was done lately: only then a tier may shrink.
  boolean isQuiet() {
    return !isGrace()
        && view.taken().stream().noneMatch(this::isPending)
        && placed.values().stream()
            .noneMatch(taken -> sinceMillis(taken) < settings.keyGrace().toMillis());
  }

  /// Whether a tier grew so lately that it may not shrink yet. One that had shrunk not long before
  /// stays much longer: a load that goes up and down is met by staying up.
  boolean isToStay(Tier tier) {
    List<Taken> resizes =
        view.taken().stream()
            .filter(taken -> taken.decision() instanceof Resize resize && resize.tier() == tier)
            .toList();
    long shrinkMillis = settings.shrinkAfter().toMillis();
    return resizes.stream()
        .filter(History::isGrowth)
        .anyMatch(
            growth ->
                sinceMillis(growth)
                    < shrinkMillis * (isSwing(growth, resizes, shrinkMillis) ? STAY : 1));
  }

  private static boolean isSwing(Taken growth, List<Taken> resizes, long shrinkMillis) {
    return resizes.stream()
        .filter(taken -> !isGrowth(taken))
        .mapToLong(shrink -> growth.atMillis() - shrink.atMillis())
        .anyMatch(gapMillis -> gapMillis >= 0 && gapMillis < SWING * shrinkMillis);
  }

  private static boolean isGrowth(Taken taken) {
    return taken.decision() instanceof Resize resize && resize.to() > resize.from();
  }

  private boolean isPending(Taken taken) {
    return !taken.isDone()
        && view.nowMillis() - taken.atMillis() < settings.grace().toMillis() * PATIENCE;
  }

  /// Since it came about; since it was decided, if it did not yet.
  private long sinceMillis(Taken taken) {
    return view.nowMillis() - (taken.isDone() ? taken.doneMillis() : taken.atMillis());
  }
}
