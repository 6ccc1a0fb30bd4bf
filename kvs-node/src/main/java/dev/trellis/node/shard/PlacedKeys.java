package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.PlacementSetting;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.LongSupplier;
import java.util.function.Predicate;

/// Of which of the keys about whose place something was decided this shard has everything.
///
/// To have all of the key's partition is not enough: while the key was placed elsewhere its writes
/// went there. So such a key is *whole* under one decision at a time. It is if a replica for which
/// it is whole under the same decision has said so; or if it was whole under the decision before,
/// and this shard holds the key under both, as it then got every write. Where neither happened, the
/// others are asked in the background; and if none of them has it whole, as who decided died before
/// anybody heard, what they all have together is taken for all there is, provided that all see the
/// same cluster, and nobody is away who could have more.
final class PlacedKeys {
  /// Keys that are asked about at the same time, at most.
  private static final int QUESTIONS_MAX = 256;

  /// How often doubtful keys are looked at.
  private static final long LOOK_MILLIS = 200;

  private static final long ANSWER_MILLIS_MAX = 2_000;

  /// A question to all who may have a key.
  private static final class Question {
    private final Payload key;
    private final Set<Peer> waiting;
    private final long deadlineMillis;
    private boolean agreed = true; // whether all see the same cluster

    Question(Payload key, Set<Peer> waiting, long deadlineMillis) {
      this.key = key;
      this.waiting = waiting;
      this.deadlineMillis = deadlineMillis;
    }
  }

  private final Entries entries;
  private final Replication replication;
  private final LongSupplier ids;
  private final Map<Payload, PlacementSetting> whole = new HashMap<>();
  private final Set<Payload> doubtful = new LinkedHashSet<>(); // held, and not known to be whole
  private final Map<Long, Question> questions = new HashMap<>(); // by id
  private long lookedMillis;

  /// @param ids gives numbers for questions, none twice
  PlacedKeys(Entries entries, Replication replication, LongSupplier ids) {
    this.entries = entries;
    this.replication = replication;
    this.ids = ids;
  }

  private Roles roles() {
    return replication.roles();
  }

  private boolean holds(Payload key, PlacementSetting setting) {
    return roles().holds(entries.digests().partitionOf(key), setting.placement());
  }

  /// Whether all that there is of a key is here, if this decision is the last.
  boolean isWhole(Payload key, PlacementSetting setting) {
    return setting.equals(whole.get(key));
  }

  /// How many keys this shard holds and cannot vouch for.
  int doubtful() {
    return doubtful.size();
  }

  /// Takes note of a decision before it is stored.
  ///
  /// @param before the one that was known so far
  /// @param wasWhole whether the key was whole here under that
  void decided(
      Payload key, Optional<PlacementSetting> before, boolean wasWhole, PlacementSetting after) {
    boolean follows =
        before.map(one -> one.clock().equals(after.previous())).orElse(after.isFirst());
    forget(key);
    if (holds(key, after)) {
      if (wasWhole && follows) {
        whole.put(key, after);
      } else {
        doubtful.add(key);
      }
    }
  }

  /// Takes note that a replica which has all of a key has told it.
  ///
  /// @return whether that makes it whole here: not if there was another decision since
  boolean learnedWhole(PeerMessage.Change told) {
    Optional<PlacementSetting> setting = entries.settingOf(told.key());
    if (!setting.equals(told.placement())) {
      return false;
    }
    if (setting.isPresent() && holds(told.key(), setting.get())) {
      settled(told.key(), setting.get());
    }
    return true;
  }

  private void settled(Payload key) {
    entries.settingOf(key).ifPresent(setting -> settled(key, setting));
  }

  private void settled(Payload key, PlacementSetting setting) {
    doubtful.remove(key);
    whole.put(key, setting);
  }

  /// Takes note that of some keys something may have been lost here.
  void lost(Predicate<Payload> keys) {
    whole.keySet().removeIf(keys);
    doubtful.removeIf(keys);
    entries.decided().stream()
        .filter(keys)
        .filter(key -> entries.settingOf(key).filter(setting -> holds(key, setting)).isPresent())
        .forEach(doubtful::add);
  }

  /// Takes note that a key is not here any more.
  void forget(Payload key) {
    whole.remove(key);
    doubtful.remove(key);
  }

  /// Takes a new view.
  ///
  /// @param first whether it is the first one, before which this shard took itself for the whole
  ///   cluster
  void view(boolean first) {
    if (first) {
      whole.clear();
    }
    questions.clear();
    for (Payload key : List.copyOf(entries.decided())) {
      PlacementSetting setting = entries.settingOf(key).orElseThrow();
      if (!holds(key, setting)) {
        forget(key);
      } else if (!isWhole(key, setting)) {
        doubtful.add(key);
      }
    }
  }

  /// Takes what is here for all there is.
  void found() {
    List.copyOf(doubtful).forEach(this::settled);
  }

  /// Asks about what is doubtful.
  void tick(long nowMillis, Outbox out) {
    questions
        .values()
        .removeIf(
            question ->
                question.deadlineMillis <= nowMillis
                    || question.deadlineMillis - nowMillis > ANSWER_MILLIS_MAX);
    if (doubtful.isEmpty() || Math.abs(nowMillis - lookedMillis) < LOOK_MILLIS) {
      return;
    }
    lookedMillis = nowMillis;
    Set<Payload> asked = new HashSet<>();
    questions.values().forEach(question -> asked.add(question.key));
    List<Peer> others = roles().everybodyElse();
    others.removeIf(peer -> !roles().isAlive(peer));
    for (Payload key : new ArrayList<>(doubtful)) {
      if (questions.size() >= QUESTIONS_MAX) {
        return;
      }
      if (!asked.contains(key)) {
        ask(key, others, nowMillis, out);
      }
    }
  }

  private void ask(Payload key, List<Peer> others, long nowMillis, Outbox out) {
    long id = ids.getAsLong();
    Question question = new Question(key, new HashSet<>(others), nowMillis + ANSWER_MILLIS_MAX);
    questions.put(id, question);
    others.forEach(peer -> out.send(peer, new PeerMessage.Fetch(id, key)));
    if (others.isEmpty()) {
      allAnswered(id, question);
    }
  }

  /// Whether an answer is to a question that is still open.
  boolean awaits(Peer from, PeerMessage.Fetched answer) {
    Question question = questions.get(answer.id());
    return question != null
        && question.key.equals(answer.state().key())
        && question.waiting.contains(from);
  }

  /// Takes an answer that is awaited, and whose state has been merged.
  void answered(Peer from, PeerMessage.Fetched answer) {
    Question question = Objects.requireNonNull(questions.get(answer.id()), "not awaited");
    question.waiting.remove(from);
    question.agreed &= answer.ringVersion() == roles().version();
    if (!doubtful.contains(question.key)) {
      questions.remove(answer.id());
    } else if (question.waiting.isEmpty()) {
      allAnswered(answer.id(), question);
    }
  }

  /// Nobody has the key whole.
  private void allAnswered(long id, Question question) {
    questions.remove(id);
    boolean away = !roles().view().absent().isEmpty() || !roles().view().suspected().isEmpty();
    if (question.agreed && !away) {
      settled(question.key);
    }
  }
}
