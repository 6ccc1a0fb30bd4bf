package dev.trellis.lattice;

import dev.trellis.causal.HybridTimestamp;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What a shard stores for a key, and a map for a field: a generation and the value of that
/// generation. Merged lexicographically: the higher generation wins whole, equal generations merge.
///
/// Deleting starts a higher generation with no value, a tombstone, so one rule deletes every kind.
/// Within a generation the value is a map from kind to state, so that merge is total even when two
/// replicas were first written with different kinds; normally there is one kind.
///
/// What commits of several keys have written stands beside the values for a while, see [Commits];
/// all that is said of values here, but [#ownValues], is about both together.
///
/// The one exception to deletion by generation is `lww`, whose tombstone stands in its own
/// timestamp order, so that a later put wins wherever it was made.
public final class Entry implements Lattice<Entry> {
  /// The entry of a key never written.
  public static final Entry BOTTOM =
      new Entry(HybridTimestamp.ZERO, Optional.empty(), new Value<?>[0], Commits.NONE);

  private static final int FIXED_WEIGHT = 16;

  private final HybridTimestamp generation;
  private final Optional<Expiry> expiry;
  private final Value<?>[] own; // without those of commits; ascending by kind number, distinct
  private final Commits commits;
  private final Value<?>[] values; // of both, likewise
  private final long weight;

  private Entry(
      HybridTimestamp generation, Optional<Expiry> expiry, Value<?>[] own, Commits commits) {
    this.generation = generation;
    this.expiry = expiry;
    this.own = own;
    this.commits = commits;
    this.values = commits.parts().isEmpty() ? own : withCommits(own, commits);
    long total = FIXED_WEIGHT + commits.weight();
    for (Value<?> value : own) {
      total += value.weight();
    }
    this.weight = total;
  }

  private static Value<?>[] withCommits(Value<?>[] own, Commits commits) {
    Value<?>[] all = own;
    for (Commits.Part part : commits.parts().values()) {
      for (Value<?> value : part.values()) {
        all = merged(all, value);
      }
    }
    return all;
  }

  /// An entry with nothing in it yet; above generation zero that is a tombstone.
  public static Entry empty(HybridTimestamp generation) {
    return new Entry(generation, Optional.empty(), new Value<?>[0], Commits.NONE);
  }

  /// An entry with a value of one kind, which does not expire as an entry.
  public static Entry of(HybridTimestamp generation, Value<?> value) {
    return new Entry(generation, Optional.empty(), new Value<?>[] {value}, Commits.NONE);
  }

  /// An entry of any legal content. Values of one kind, in any order, are merged.
  public static Entry of(
      HybridTimestamp generation, Optional<Expiry> expiry, Collection<? extends Value<?>> values) {
    Entry entry = new Entry(generation, expiry, new Value<?>[0], Commits.NONE);
    for (Value<?> value : values) {
      entry = entry.with(value);
    }
    return entry;
  }

  /// The times that this key was deleted or expired, as the time of the last; zero for never.
  public HybridTimestamp generation() {
    return generation;
  }

  /// The latest setting of the entry's own expiry; `lww` and `causal` values carry theirs inside.
  public Optional<Expiry> expiry() {
    return expiry;
  }

  /// The values of every kind, dead ones included, ascending by kind number.
  public List<Value<?>> values() {
    return List.of(values);
  }

  /// The values without what commits have written; see [#commits].
  public List<Value<?>> ownValues() {
    return List.of(own);
  }

  /// What commits have written that are still told apart.
  public Commits commits() {
    return commits;
  }

  /// This entry with commits merged into its own.
  public Entry with(Commits more) {
    List<Value<?>> folded = new ArrayList<>();
    Commits merged = commits.merge(more, folded);
    Value<?>[] kept = own;
    for (Value<?> value : folded) {
      kept = merged(kept, value);
    }
    return merged == commits && kept == own ? this : new Entry(generation, expiry, kept, merged);
  }

  /// This entry as who leaves some commits out sees it.
  public Entry without(Collection<CommitId> left) {
    return new Entry(generation, expiry, own, commits.without(left));
  }

  /// This entry with the values of all commits among its own: the commits are still told by name,
  /// with the keys that they write.
  public Entry withCommitsNamed() {
    if (commits.parts().isEmpty()) {
      return this;
    }
    SortedMap<CommitId, Commits.Part> named = new TreeMap<>();
    commits.parts().forEach((id, part) -> named.put(id, new Commits.Part(part.keys(), List.of())));
    return new Entry(generation, expiry, values, new Commits(commits.foldedUpTo(), named));
  }

  /// This entry for one who keeps track by himself of what its `multicausal` values depend on.
  public Entry withoutDependencies() {
    if (value(Kind.MULTICAUSAL).isEmpty()) {
      return this;
    }
    Value<?>[] bare = own.clone();
    for (int i = 0; i < bare.length; i++) {
      bare[i] = bare[i] instanceof MultiCausalRegister full ? full.withoutDependencies() : bare[i];
    }
    return new Entry(generation, expiry, bare, commits);
  }

  /// The only one of [#values], where there is but one and nothing beside it; else null.
  public @Nullable Value<?> onlyValue() {
    return own.length == 1 && commits.isEmpty() && expiry.isEmpty() ? own[0] : null;
  }

  /// The state of a kind, dead or alive.
  public Optional<Value<?>> value(Kind kind) {
    for (Value<?> value : values) {
      if (value.kindNumber() == kind.number()) {
        return Optional.of(value);
      }
    }
    return Optional.empty();
  }

  /// The values that a reader at `nowMillis` may see: more than one only after concurrent first
  /// writes of different kinds, none for a key that is missing, deleted or expired.
  public List<Value<?>> liveValues(long nowMillis) {
    List<Value<?>> live = new ArrayList<>(1);
    for (Value<?> value : values) {
      if (isLive(value, nowMillis)) {
        live.add(value);
      }
    }
    return live;
  }

  /// Whether a reader at `nowMillis` finds nothing here.
  public boolean isDead(long nowMillis) {
    for (Value<?> value : values) {
      if (isLive(value, nowMillis)) {
        return false;
      }
    }
    return true;
  }

  /// When the last value of an entry that is dead at some time ended: the tombstone's stamp or the
  /// expiry instant. A function of the state alone, so equal on all replicas.
  public HybridTimestamp endedAt() {
    HybridTimestamp latest = generation;
    for (Value<?> value : values) {
      latest = latest.max(endOf(value));
    }
    if (values.length == 0 && expiry.isPresent()) {
      // A delta that sets the expiry may come before the values it is meant for.
      HybridTimestamp at = HybridTimestamp.ofMillis(expiry.get().atMillis());
      latest = latest.max(at).max(expiry.get().writtenAt());
    }
    return latest;
  }

  /// The first instant after `nowMillis` at which a live value expires; empty if none will.
  public Optional<Long> nextExpiry(long nowMillis) {
    long earliest = Long.MAX_VALUE;
    for (Value<?> value : values) {
      // What is in a map that has ended expires unseen.
      if (isLive(value, nowMillis)) {
        earliest = Math.min(earliest, nextExpiryOf(value, nowMillis));
      }
    }
    return earliest == Long.MAX_VALUE ? Optional.empty() : Optional.of(earliest);
  }

  /// The empty entry of the generation that follows this one's end at `at`: later than this
  /// generation, and the same on every replica that is given the same `at`.
  public Entry startedAnew(HybridTimestamp at) {
    return empty(at.isAfter(generation) ? at : generation.next());
  }

  /// As [#withoutTombstones(HybridTimestamp, long)], with the names of all invocations.
  public Entry withoutTombstones(HybridTimestamp cutoff) {
    return withoutTombstones(cutoff, 0);
  }

  /// This entry without what ended inside its values at `cutoff` or before: tombstones of members
  /// and fields, fields and siblings that expired. Also without what only invocations born before
  /// `bornBefore` could ask for: the dots of what they wrote that is gone, and what each of them
  /// added to a counter, which becomes a sum. Loses what a merge would need, so it is for replicas
  /// that know that every other has seen the same. Returns `this` if there is none. O(1) for kinds
  /// without such parts and sorted sets that have none, O(log n + such dots) for those with dots,
  /// O(fields) for maps, O(siblings) for causal registers.
  ///
  /// @param bornBefore in milliseconds since the epoch; 0 for no invocation
  public Entry withoutTombstones(HybridTimestamp cutoff, long bornBefore) {
    if (!commits.parts().isEmpty()) {
      return this; // a commit may have what a tombstone hides
    }
    Value<?>[] kept = values;
    for (int at = 0; at < values.length; at++) {
      Value<?> pruned =
          switch (values[at]) {
            case SortedSet set -> set.withoutTombstones(cutoff);
            case LatticeMap map -> map.withoutTombstones(cutoff, bornBefore);
            case CausalRegister register ->
                register.withoutExpired(cutoff).withoutTombstones(bornBefore);
            // The names of replaced values stay: values of other keys may depend on them.
            case MultiCausalRegister register -> register.withoutExpired(cutoff);
            case Counter counter -> counter.folded(bornBefore);
            case ObservedRemoveSet set -> set.withoutTombstones(bornBefore);
            case Log log -> log.withoutTombstones(bornBefore);
            default -> values[at];
          };
      if (pruned != values[at]) {
        kept = kept == values ? values.clone() : kept;
        kept[at] = pruned;
      }
    }
    return kept == values ? this : new Entry(generation, expiry, kept, commits);
  }

  /// What [#withoutTombstones] would leave out or fold, but for what has expired, as a state of its
  /// own; the bottom entry if that is nothing. Who has merged it may leave it out too once all
  /// others have.
  public Entry tombstones(HybridTimestamp cutoff, long bornBefore) {
    Entry ended = BOTTOM;
    if (!commits.parts().isEmpty()) {
      return ended;
    }
    for (Value<?> value : values) {
      Value<?> part =
          switch (value) {
            case SortedSet set -> set.tombstones(cutoff);
            case LatticeMap map -> map.tombstones(cutoff, bornBefore);
            case CausalRegister register -> register.tombstones(bornBefore);
            case Counter counter -> counter.toFold(bornBefore);
            case ObservedRemoveSet set -> set.tombstones(bornBefore);
            case Log log -> log.tombstones(bornBefore);
            default -> null;
          };
      if (part != null && part.weight() > 0) {
        ended = (ended == BOTTOM ? empty(generation) : ended).with(part);
      }
    }
    return ended;
  }

  /// This entry with `value` merged into the state of its kind.
  public Entry with(Value<?> value) {
    Value<?>[] changed = merged(own, value);
    return changed == own ? this : new Entry(generation, expiry, changed, commits);
  }

  /// @return `values` itself if `value` brings nothing new
  private static Value<?>[] merged(Value<?>[] values, Value<?> value) {
    int at = 0;
    while (at < values.length && values[at].kindNumber() < value.kindNumber()) {
      at++;
    }
    Value<?>[] changed;
    if (at < values.length && values[at].kindNumber() == value.kindNumber()) {
      Value<?> merged = mergeSameKind(values[at], value);
      if (merged == values[at]) {
        return values;
      }
      changed = values.clone();
      changed[at] = merged;
    } else {
      changed = new Value<?>[values.length + 1];
      System.arraycopy(values, 0, changed, 0, at);
      changed[at] = value;
      System.arraycopy(values, at, changed, at + 1, values.length - at);
    }
    return changed;
  }

  /// This entry with the later of its own and this expiry setting.
  public Entry withExpiry(Expiry setting) {
    Optional<Expiry> merged = later(expiry, Optional.of(setting));
    return merged.equals(expiry) ? this : new Entry(generation, merged, own, commits);
  }

  @Override
  public Entry merge(Entry other) {
    if (this == other) {
      return this;
    }
    int order = generation.compareTo(other.generation);
    if (order != 0) {
      return order > 0 ? this : other;
    }
    Entry merged = this;
    for (Value<?> value : other.own) {
      merged = merged.with(value);
    }
    if (!other.commits.isEmpty()) {
      merged = merged.with(other.commits);
    }
    return other.expiry.isPresent() ? merged.withExpiry(other.expiry.get()) : merged;
  }

  @Override
  public Stream<Entry> split(long weightMax) {
    boolean folds = commits.foldedUpTo().isAfter(HybridTimestamp.ZERO);
    boolean isOne = own.length == 0 && commits.parts().size() + (folds ? 1 : 0) <= 1;
    if (weight <= weightMax || isOne) {
      return Stream.of(this);
    }
    long left = Math.max(1, weightMax - FIXED_WEIGHT);
    Stream<Entry> values =
        Arrays.stream(own)
            .flatMap(value -> value.split(left))
            .map(part -> new Entry(generation, expiry, new Value<?>[] {part}, Commits.NONE));
    if (commits.isEmpty()) {
      return values;
    }
    // The time last: it says that what is folded is among the values.
    Stream<Entry> parts =
        commits.parts().entrySet().stream()
            .map(
                part ->
                    new Entry(
                        generation,
                        expiry,
                        new Value<?>[0],
                        Commits.of(part.getKey(), part.getValue())));
    if (!folds) {
      return Stream.concat(values, parts);
    }
    Entry time =
        new Entry(
            generation,
            expiry,
            new Value<?>[0],
            new Commits(commits.foldedUpTo(), Collections.emptySortedMap()));
    return Stream.concat(Stream.concat(values, parts), Stream.of(time));
  }

  @Override
  public long weight() {
    return weight;
  }

  @Override
  public int parts() {
    int sum = 1 + commits.partCount();
    for (Value<?> value : own) {
      sum += value.parts();
    }
    return sum;
  }

  @Override
  public long memoryBytes() {
    long sum = FIXED_WEIGHT + PART_BYTES;
    if (!commits.isEmpty()) {
      // Beside what they hold, the values of both together.
      sum += 2 * (commits.weight() + (long) PART_BYTES * commits.partCount());
    }
    for (Value<?> value : own) {
      sum += value.memoryBytes();
    }
    return sum;
  }

  @Override
  public boolean equals(Object other) {
    return this == other
        || (other instanceof Entry entry
            && generation.equals(entry.generation)
            && expiry.equals(entry.expiry)
            && Arrays.equals(own, entry.own)
            && commits.equals(entry.commits));
  }

  @Override
  public int hashCode() {
    return ((31 * generation.hashCode() + expiry.hashCode()) * 31 + Arrays.hashCode(own)) * 31
        + commits.hashCode();
  }

  @Override
  public String toString() {
    return "Entry["
        + generation
        + expiry.map(e -> " expires " + e.atMillis()).orElse("")
        + " "
        + Arrays.toString(own)
        + (commits.isEmpty() ? "" : " " + commits)
        + "]";
  }

  private boolean isLive(Value<?> value, long nowMillis) {
    return switch (value) {
      case LwwRegister register ->
          !register.isTombstone() && !Expiry.isPast(register.expiresAtMillis(), nowMillis);
      case CausalRegister register -> register.isLive(nowMillis);
      case MultiCausalRegister register -> register.register().isLive(nowMillis);
      default -> expiry.isEmpty() || !Expiry.isPast(expiry.get().atMillis(), nowMillis);
    };
  }

  /// When a live value, or the first part of it, expires; the greatest long for never.
  private long nextExpiryOf(Value<?> value, long nowMillis) {
    long own = expiry.map(Expiry::atMillis).orElse(Expiry.NEVER);
    return switch (value) {
      case LwwRegister register -> orGreatest(register.expiresAtMillis());
      case CausalRegister register -> register.nextExpiry(nowMillis);
      case MultiCausalRegister register -> register.register().nextExpiry(nowMillis);
      case LatticeMap map -> Math.min(orGreatest(own), map.nextExpiry(nowMillis));
      default -> orGreatest(own);
    };
  }

  private static long orGreatest(long atMillis) {
    return atMillis == Expiry.NEVER ? Long.MAX_VALUE : atMillis;
  }

  private HybridTimestamp endOf(Value<?> value) {
    return switch (value) {
      case LwwRegister register ->
          register.isTombstone()
              ? register.timestamp()
              : HybridTimestamp.ofMillis(register.expiresAtMillis());
      case CausalRegister register -> HybridTimestamp.ofMillis(register.lastExpiry());
      case MultiCausalRegister register ->
          HybridTimestamp.ofMillis(register.register().lastExpiry());
      default -> HybridTimestamp.ofMillis(expiry.map(Expiry::atMillis).orElse(Expiry.NEVER));
    };
  }

  private static Optional<Expiry> later(Optional<Expiry> a, Optional<Expiry> b) {
    if (a.isEmpty() || b.isEmpty()) {
      return a.isEmpty() ? b : a;
    }
    return Optional.of(a.get().merge(b.get()));
  }

  @SuppressWarnings("unchecked") // equal kind numbers mean equal classes: one class a kind
  private static <V extends Value<V>> Value<?> mergeSameKind(Value<?> a, Value<?> b) {
    return ((V) a).merge((V) b);
  }
}
