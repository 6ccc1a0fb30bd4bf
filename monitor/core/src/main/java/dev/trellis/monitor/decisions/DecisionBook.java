package dev.trellis.monitor.decisions;

import dev.trellis.monitor.decisions.Recorded.Progress;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.ClusterView.Node;
import dev.trellis.monitor.policy.ClusterView.Taken;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Policies;
import dev.trellis.monitor.policy.PolicySettings;
import dev.trellis.monitor.scaler.Scaler.Answer;
import dev.trellis.wire.NodeDescriptor.State;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// The decisions of late: which are still to come about, and what came of the others. Pure,
/// bounded; not for several threads.
public final class DecisionBook {
  private static final int PLACES_MAX = 2_000;

  /// Apart from places, of which there may be many in a minute, while policies go by changes of
  /// nodes a day ago.
  private static final int RESIZES_MAX = 500;

  private static final int IDS_PER_MILLI = 1_000;

  /// After which what was ordered and has not come about is given up.
  private static final Duration GIVEN_UP = Duration.ofMinutes(15);

  /// The same while nodes hand over what they hold: nobody else would go on with an order that they
  /// have obeyed half.
  private static final Duration HANDOVER_MAX = Duration.ofDays(1);

  /// Who carries out what is decided about nodes.
  public enum By {
    /// Nobody, nor what is decided about keys: it is a dry run.
    NOBODY,
    /// People, or not.
    PEOPLE,
    /// A scaler, which tells how far it is.
    SCALER
  }

  private final Duration settling;
  private final By by;
  private final Map<Long, Recorded> all = new LinkedHashMap<>(); // by id, the oldest first
  private final List<Recorded> changed = new ArrayList<>();
  private final Map<Long, Answer> answers = new HashMap<>(); // of the scaler, to what is open
  private long last; // id

  /// @param settling how long after it was done a decision's effect is measured
  /// @param by who carries out what is decided about nodes
  public DecisionBook(Duration settling, By by) {
    this.settling = settling;
    this.by = by;
  }

  /// Takes up what was recorded before. What was ordered by a monitor that is no more is looked at
  /// as if it had been ordered by this one: it comes about, or is decided anew.
  public void takeUp(Collection<Recorded> recorded) {
    recorded.stream()
        .sorted(Comparator.comparingLong(Recorded::id))
        .forEach(
            one -> {
              all.put(one.id(), one);
              last = Math.max(last, one.id());
            });
    trim();
  }

  /// Writes down what was decided, to be carried out unless it is a dry run.
  public Recorded add(Decision decision, long nowMillis) {
    // Ordered by time over all monitors, and never the same twice here.
    last = Math.max(last + 1, nowMillis * IDS_PER_MILLI);
    Recorded recorded =
        new Recorded(
            last,
            nowMillis,
            decision,
            by == By.NOBODY ? Progress.DRY_RUN : Progress.ORDERED,
            nowMillis,
            "",
            Map.of());
    if (by != By.NOBODY) {
      overtake(decision, nowMillis);
    }
    change(recorded);
    trim();
    return recorded;
  }

  /// Earlier decisions about the same that have not come about never will.
  private void overtake(Decision by, long nowMillis) {
    for (Recorded one : List.copyOf(all.values())) {
      if (one.state() == Progress.ORDERED && isAboutTheSame(one.decision(), by)) {
        change(one.as(Progress.OVERTAKEN, nowMillis, "decided anew"));
      }
    }
  }

  private static boolean isAboutTheSame(Decision a, Decision b) {
    return switch (a) {
      case Decision.Place place ->
          b instanceof Decision.Place other
              && !Collections.disjoint(new HashSet<>(place.keys()), other.keys());
      case Decision.Resize resize ->
          b instanceof Decision.Resize other && other.tier() == resize.tier();
    };
  }

  /// Writes down that something could not be carried out, or has come about by its answer.
  public void settle(long id, Progress state, String problem, long nowMillis) {
    Recorded one = all.get(id);
    if (one != null && one.state() != state) {
      change(one.as(state, nowMillis, problem));
    }
  }

  /// Writes down why something has not come about yet.
  ///
  /// @return whether that is news
  public boolean note(long id, String problem, long nowMillis) {
    Recorded one = all.get(id);
    if (one == null || one.state() != Progress.ORDERED || one.problem().equals(problem)) {
      return false;
    }
    change(one.as(Progress.ORDERED, nowMillis, problem));
    return true;
  }

  /// Takes what the scaler said to an order. That it could not do more just now says nothing of
  /// what it has begun.
  public void heard(long id, Answer answer) {
    Recorded one = all.get(id);
    if (one != null && one.state() == Progress.ORDERED) {
      answers.merge(id, answer, (before, now) -> now instanceof Answer.Failed ? before : now);
    }
  }

  /// Looks at what has come about, and measures what came of it. Nodes are as many as they are to
  /// be once the scaler says so too: it may have to go on after the last of them has left, to end
  /// what is left of it.
  public void observe(ClusterView view) {
    for (Recorded one : List.copyOf(all.values())) {
      if (one.state() == Progress.ORDERED
          && one.decision() instanceof Decision.Resize resize
          && isReached(resize, view)
          && isThere(one, resize)) {
        change(one.as(Progress.DONE, view.nowMillis(), ""));
      }
      boolean isDue =
          one.state() == Progress.DONE
              && one.effect().isEmpty()
              && view.nowMillis() - one.stateMillis() >= settling.toMillis();
      if (isDue) {
        Map<String, Double> seen = Effects.of(one.decision(), view);
        change(one.withEffect(seen));
      }
    }
  }

  /// Which nodes left does not matter: a scaler need not be able to choose.
  private static boolean isReached(Decision.Resize resize, ClusterView view) {
    List<Node> tier = view.nodes().stream().filter(node -> node.tier() == resize.tier()).toList();
    return tier.size() == resize.to()
        && tier.stream().allMatch(node -> node.state() == State.ACTIVE);
  }

  private boolean isThere(Recorded one, Decision.Resize resize) {
    return by != By.SCALER
        || (answers.get(one.id()) instanceof Answer.Taken taken
            && taken.progress().running() == resize.to()
            && taken.progress().leaving() == 0);
  }

  /// Gives up what has not come about for long.
  public void giveUp(long nowMillis) {
    for (Recorded one : open()) {
      Duration patience = isHandingOver(one) ? HANDOVER_MAX : GIVEN_UP;
      if (nowMillis - one.atMillis() > patience.toMillis()) {
        String problem = "it has not come about within " + patience.toMinutes() + " minutes";
        change(one.as(Progress.FAILED, nowMillis, problem));
      }
    }
  }

  /// Whether nodes are leaving, as the scaler said last, or may be, as it was not asked yet since
  /// this monitor took the order up.
  private boolean isHandingOver(Recorded one) {
    return by == By.SCALER
        && one.decision() instanceof Decision.Resize
        && switch (answers.get(one.id())) {
          case null -> true;
          case Answer.Taken taken -> taken.progress().leaving() > 0;
          case Answer.Refused _, Answer.Failed _ -> false;
        };
  }

  /// What is to be ordered again until it has come about, the oldest first.
  public List<Recorded> open() {
    return all.values().stream().filter(one -> one.state() == Progress.ORDERED).toList();
  }

  /// What policies have to know of decisions before, the latest first. What failed or was overtaken
  /// is not among them: it may be decided again. Nor is, unless this is a dry run, what one
  /// decided: nothing came of it.
  public List<Taken> taken(long nowMillis, PolicySettings settings) {
    List<Taken> taken = new ArrayList<>();
    for (Recorded one : all.values()) {
      boolean isDone =
          one.state() == Progress.DONE || (one.state() == Progress.DRY_RUN && by == By.NOBODY);
      if (isDone || one.state() == Progress.ORDERED) {
        taken.add(
            new Taken(one.decision(), one.atMillis(), isDone, isDone ? one.stateMillis() : 0));
      }
    }
    taken.removeIf(one -> !Policies.matters(one, nowMillis, settings));
    return taken.reversed();
  }

  /// All that are remembered, the latest first.
  public List<Recorded> latest() {
    return new ArrayList<>(all.values()).reversed();
  }

  /// What has changed since this was asked last, to be kept.
  public List<Recorded> drainChanges() {
    List<Recorded> drained = List.copyOf(changed);
    changed.clear();
    return drained;
  }

  private void change(Recorded recorded) {
    all.put(recorded.id(), recorded);
    changed.add(recorded);
    if (recorded.state() != Progress.ORDERED) {
      answers.remove(recorded.id());
    }
  }

  private void trim() {
    long resizes = all.values().stream().filter(DecisionBook::isResize).count();
    long places = all.size() - resizes;
    var oldest = all.values().iterator();
    while (places > PLACES_MAX || resizes > RESIZES_MAX) {
      boolean isResize = isResize(oldest.next());
      if (isResize && resizes > RESIZES_MAX) {
        resizes--;
        oldest.remove();
      } else if (!isResize && places > PLACES_MAX) {
        places--;
        oldest.remove();
      }
    }
  }

  private static boolean isResize(Recorded recorded) {
    return recorded.decision() instanceof Decision.Resize;
  }
}
