package dev.trellis.lattice;

import dev.trellis.causal.HybridTimestamp;
import java.util.Iterator;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.OptionalDouble;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// `sortedset`: members with scores, read in the order of scores. Each member is a last-writer-wins
/// register of its own; a removed one stays as a tombstone, so that an older add does not bring it
/// back. -0.0 sorts below 0.0, as `Double.compare` has it.
public final class SortedSet implements Value<SortedSet> {
  private static final int SETTING_EXTRA_BYTES = 34;

  /// A member's latest setting.
  ///
  /// @param score any double but NaN; empty for a removed member
  public record Score(HybridTimestamp timestamp, long writer, OptionalDouble score)
      implements Comparable<Score> {
    public Score {
      if (score.isPresent() && Double.isNaN(score.getAsDouble())) {
        throw new IllegalArgumentException("a score of NaN has no order; give a number");
      }
    }

    public boolean isTombstone() {
      return score.isEmpty();
    }

    /// By timestamp, writer, then content, so that even a reused stamp merges the same everywhere.
    @Override
    public int compareTo(Score other) {
      int order = timestamp.compareTo(other.timestamp);
      if (order == 0) {
        order = Long.compare(writer, other.writer);
      }
      if (order == 0) {
        order = Boolean.compare(isTombstone(), other.isTombstone());
      }
      return order == 0 && score.isPresent()
          ? Double.compare(score.getAsDouble(), other.score.orElseThrow())
          : order;
    }
  }

  /// A member at its place in the order.
  public record Ranked(double score, Payload member) implements Comparable<Ranked> {
    @Override
    public int compareTo(Ranked other) {
      int order = Double.compare(score, other.score);
      return order != 0 ? order : member.compareTo(other.member);
    }
  }

  private static final int WEIGHT_PER_MEMBER = 32;

  public static final SortedSet EMPTY =
      new SortedSet(
          PersistentMap.empty((member, score) -> WEIGHT_PER_MEMBER + member.size()),
          PersistentMap.empty((ranked, ignored) -> 0));

  private final PersistentMap<Payload, Score> members; // tombstones included
  private final PersistentMap<Ranked, Boolean> ranking; // the live ones by score; derived

  private SortedSet(PersistentMap<Payload, Score> members, PersistentMap<Ranked, Boolean> ranking) {
    this.members = members;
    this.ranking = ranking;
  }

  /// The set of these settings; also the delta that makes them.
  public static SortedSet of(Map<Payload, Score> members) {
    PersistentMap<Payload, Score> all = EMPTY.members.withAll(members);
    return new SortedSet(all, rankingOf(all));
  }

  private static PersistentMap<Ranked, Boolean> rankingOf(PersistentMap<Payload, Score> members) {
    Map<Ranked, Boolean> ranks = new TreeMap<>();
    for (Map.Entry<Payload, Score> one : members) {
      OptionalDouble score = one.getValue().score();
      score.ifPresent(number -> ranks.put(new Ranked(number, one.getKey()), Boolean.TRUE));
    }
    return EMPTY.ranking.withAll(ranks);
  }

  /// The score of a member; empty if it is not in the set. O(log n).
  public OptionalDouble score(Payload member) {
    @Nullable Score found = members.find(member);
    return found == null ? OptionalDouble.empty() : found.score();
  }

  /// The number of members, tombstones not counted.
  public int size() {
    return ranking.size();
  }

  /// Every setting by member, tombstones included.
  public Iterable<Map.Entry<Payload, Score>> settings() {
    return members;
  }

  /// The members with scores from `min` to `max`, both inclusive; O(log n) to start.
  ///
  /// @param descending greatest first
  public Iterator<Ranked> range(double min, double max, boolean descending) {
    Iterator<Map.Entry<Ranked, Boolean>> walk =
        descending
            ? ranking.descending(beyond(max), true)
            : ranking.ascending(new Ranked(min, Payload.EMPTY));
    return new Iterator<>() {
      private @Nullable Ranked next = advance();

      private @Nullable Ranked advance() {
        if (!walk.hasNext()) {
          return null;
        }
        Ranked candidate = walk.next().getKey();
        boolean within =
            descending
                ? Double.compare(candidate.score, min) >= 0
                : Double.compare(candidate.score, max) <= 0;
        return within ? candidate : null;
      }

      @Override
      public boolean hasNext() {
        return next != null;
      }

      @Override
      public Ranked next() {
        Ranked current = next;
        if (current == null) {
          throw new NoSuchElementException("walked past the end of the range");
        }
        next = advance();
        return current;
      }
    };
  }

  /// The start of the scores above `max`; null, for no bound, above the greatest of all.
  private static @Nullable Ranked beyond(double max) {
    if (max == Double.POSITIVE_INFINITY) {
      return null;
    }
    // Math.nextUp skips from -0.0 over 0.0, which Double.compare tells apart.
    double next = Double.compare(max, -0.0) == 0 ? 0.0 : Math.nextUp(max);
    return new Ranked(next, Payload.EMPTY);
  }

  SortedSet withoutTombstones(HybridTimestamp cutoff) {
    if (members.size() == ranking.size()) {
      return this;
    }
    PersistentMap<Payload, Score> kept = members;
    for (Map.Entry<Payload, Score> member : members) {
      Score score = member.getValue();
      if (score.isTombstone() && !score.timestamp().isAfter(cutoff)) {
        kept = kept.without(member.getKey());
      }
    }
    return kept == members ? this : new SortedSet(kept, ranking);
  }

  /// The tombstones stamped `cutoff` or before, as a state of their own.
  SortedSet tombstones(HybridTimestamp cutoff) {
    if (members.size() == ranking.size()) {
      return EMPTY;
    }
    SortedSet ended = EMPTY;
    for (Map.Entry<Payload, Score> member : members) {
      Score score = member.getValue();
      if (score.isTombstone() && !score.timestamp().isAfter(cutoff)) {
        ended = ended.with(member.getKey(), score);
      }
    }
    return ended;
  }

  private SortedSet with(Payload member, Score score) {
    @Nullable Score before = members.find(member);
    if (before != null && before.compareTo(score) >= 0) {
      return this;
    }
    PersistentMap<Ranked, Boolean> ranks = ranking;
    if (before != null && before.score().isPresent()) {
      ranks = ranks.without(new Ranked(before.score().getAsDouble(), member));
    }
    if (score.score().isPresent()) {
      ranks = ranks.with(new Ranked(score.score().getAsDouble(), member), Boolean.TRUE);
    }
    return new SortedSet(members.with(member, score), ranks);
  }

  @Override
  public SortedSet merge(SortedSet other) {
    if (this == other) {
      return this;
    }
    // Commutative, so the smaller is merged into the larger.
    boolean mineIsLarger = members.size() >= other.members.size();
    SortedSet merged = mineIsLarger ? this : other;
    for (Map.Entry<Payload, Score> member : (mineIsLarger ? other : this).members) {
      merged = merged.with(member.getKey(), member.getValue());
    }
    return merged;
  }

  @Override
  public Stream<SortedSet> split(long weightMax) {
    return weight() <= weightMax
        ? Stream.of(this)
        : members.ranges(weightMax, 0).map(range -> new SortedSet(range, rankingOf(range)));
  }

  @Override
  public int kindNumber() {
    return Kind.SORTEDSET.number();
  }

  @Override
  public long weight() {
    return members.weight();
  }

  @Override
  public int parts() {
    return members.parts() + ranking.parts();
  }

  /// A setting takes more than its two parts: it is in an order by score too, and has a timestamp.
  @Override
  public long memoryBytes() {
    return weight() + (PART_BYTES + SETTING_EXTRA_BYTES / 2) * (long) parts();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SortedSet set && members.equals(set.members);
  }

  @Override
  public int hashCode() {
    return members.hashCode();
  }

  @Override
  public String toString() {
    return "SortedSet" + members;
  }
}
