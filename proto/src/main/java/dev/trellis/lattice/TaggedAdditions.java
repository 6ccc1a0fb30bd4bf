package dev.trellis.lattice;

import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import java.math.BigInteger;
import java.util.Iterator;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// What mutations with tags have added to a counter, by tag, with its sums. A mutation that several
/// replicas have carried out, none of which had heard of the others, stands under the name of each
/// and counts once: as the greatest. Immutable.
final class TaggedAdditions {
  /// What the mutation of a tag has added, by the replicas that have carried it out.
  sealed interface Addition {
    /// What counts.
    long greatest();

    int takers();

    void forEach(BiConsumer<ReplicaId, Long> consumer);

    /// This with what was added at one replica more, of two at the same one the greater.
    Addition with(ReplicaId taker, long by);

    default Addition merge(Addition other) {
      if (other instanceof One one) {
        return with(one.taker, one.by);
      }
      Addition merged = this;
      for (Map.Entry<ReplicaId, Long> one : ((Several) other).byTaker) {
        merged = merged.with(one.getKey(), one.getValue());
      }
      return merged;
    }

    /// This without what is folded; null if all is.
    @Nullable Addition unfolded(long bornMillis, PersistentMap<ReplicaId, Counter.Fold> folds);

    /// This with the objects that are there already as names, which saves 32 bytes each.
    Addition named(PersistentMap<ReplicaId, ?> names);
  }

  /// As nearly all are. It takes no more memory than the number alone.
  record One(ReplicaId taker, long by) implements Addition {
    @Override
    public long greatest() {
      return by;
    }

    @Override
    public int takers() {
      return 1;
    }

    @Override
    public void forEach(BiConsumer<ReplicaId, Long> consumer) {
      consumer.accept(taker, by);
    }

    @Override
    public Addition with(ReplicaId replica, long added) {
      if (replica.equals(taker)) {
        return added > by ? new One(taker, added) : this;
      }
      return new Several(Several.NONE.with(taker, by).with(replica, added), Math.max(by, added));
    }

    @Override
    public @Nullable Addition unfolded(
        long bornMillis, PersistentMap<ReplicaId, Counter.Fold> folds) {
      return isFolded(taker, bornMillis, folds) ? null : this;
    }

    @Override
    public Addition named(PersistentMap<ReplicaId, ?> names) {
      @Nullable ReplicaId name = names.keyLike(taker);
      return name == null || name == taker ? this : new One(name, by);
    }
  }

  /// @param byTaker two or more
  /// @param greatest derived
  record Several(PersistentMap<ReplicaId, Long> byTaker, long greatest) implements Addition {
    private static final PersistentMap<ReplicaId, Long> NONE =
        PersistentMap.empty((taker, by) -> Counter.WEIGHT_PER_TAG);

    @Override
    public int takers() {
      return byTaker.size();
    }

    @Override
    public void forEach(BiConsumer<ReplicaId, Long> consumer) {
      byTaker.forEach(one -> consumer.accept(one.getKey(), one.getValue()));
    }

    @Override
    public Addition with(ReplicaId replica, long added) {
      @Nullable Long before = byTaker.find(replica);
      return before != null && before >= added
          ? this
          : new Several(byTaker.with(replica, added), Math.max(greatest, added));
    }

    @Override
    public @Nullable Addition unfolded(
        long bornMillis, PersistentMap<ReplicaId, Counter.Fold> folds) {
      PersistentMap<ReplicaId, Long> kept = byTaker;
      for (Map.Entry<ReplicaId, Long> one : byTaker) {
        kept = isFolded(one.getKey(), bornMillis, folds) ? kept.without(one.getKey()) : kept;
      }
      if (kept == byTaker || kept.isEmpty()) {
        return kept.isEmpty() ? null : this;
      }
      long left = Long.MIN_VALUE;
      for (Map.Entry<ReplicaId, Long> one : kept) {
        left = Math.max(left, one.getValue());
      }
      return kept.size() == 1
          ? new One(kept.iterator().next().getKey(), left)
          : new Several(kept, left);
    }

    @Override
    public Addition named(PersistentMap<ReplicaId, ?> names) {
      return this;
    }
  }

  private static boolean isFolded(
      ReplicaId taker, long bornMillis, PersistentMap<ReplicaId, Counter.Fold> folds) {
    Counter.@Nullable Fold fold = folds.find(taker);
    return fold != null && bornMillis < fold.before();
  }

  static final TaggedAdditions NONE =
      new TaggedAdditions(
          PersistentMap.empty((tag, addition) -> (long) Counter.WEIGHT_PER_TAG * addition.takers()),
          BigInteger.ZERO,
          BigInteger.ZERO);

  private final PersistentMap<Tag, Addition> byTag;
  private final BigInteger added; // both derived, at least 0
  private final BigInteger removed;

  private TaggedAdditions(
      PersistentMap<Tag, Addition> byTag, BigInteger added, BigInteger removed) {
    this.byTag = byTag;
    this.added = added;
    this.removed = removed;
  }

  private static TaggedAdditions of(PersistentMap<Tag, Addition> byTag) {
    BigInteger added = BigInteger.ZERO;
    BigInteger removed = BigInteger.ZERO;
    for (Map.Entry<Tag, Addition> one : byTag) {
      long by = one.getValue().greatest();
      added = by > 0 ? added.add(BigInteger.valueOf(by)) : added;
      removed = by < 0 ? removed.subtract(BigInteger.valueOf(by)) : removed;
    }
    return new TaggedAdditions(byTag, added, removed);
  }

  static TaggedAdditions of(Map<ReplicaId, ? extends Map<Tag, Long>> byTaker) {
    SortedMap<Tag, Addition> all = new TreeMap<>();
    byTaker.forEach(
        (taker, tagged) ->
            tagged.forEach(
                (tag, by) ->
                    all.compute(
                        tag,
                        (same, others) ->
                            others == null ? new One(taker, by) : others.with(taker, by))));
    return of(NONE.byTag.withAll(all));
  }

  PersistentMap<Tag, Addition> byTag() {
    return byTag;
  }

  /// What was added, that which was taken away left aside.
  BigInteger added() {
    return added;
  }

  /// What was taken away, at least 0.
  BigInteger removed() {
    return removed;
  }

  boolean isEmpty() {
    return byTag.isEmpty();
  }

  @Nullable Addition find(Tag tag) {
    return byTag.find(tag);
  }

  /// What was added under one tag only.
  TaggedAdditions only(Tag tag) {
    @Nullable Addition addition = byTag.find(tag);
    return addition == null ? NONE : NONE.replaced(tag, null, addition);
  }

  /// These with an addition more; themselves if they have it.
  TaggedAdditions with(Tag tag, Addition addition) {
    @Nullable Addition before = byTag.find(tag);
    Addition after = before == null ? addition : before.merge(addition);
    return after == before ? this : replaced(tag, before, after);
  }

  private TaggedAdditions replaced(Tag tag, @Nullable Addition before, @Nullable Addition after) {
    long was = before == null ? 0 : before.greatest();
    long is = after == null ? 0 : after.greatest();
    BigInteger more =
        BigInteger.valueOf(Math.max(is, 0)).subtract(BigInteger.valueOf(Math.max(was, 0)));
    BigInteger less =
        BigInteger.valueOf(Math.min(was, 0)).subtract(BigInteger.valueOf(Math.min(is, 0)));
    return new TaggedAdditions(
        after == null ? byTag.without(tag) : byTag.with(tag, after),
        more.signum() == 0 ? added : added.add(more),
        less.signum() == 0 ? removed : removed.add(less));
  }

  /// These without what is folded. O(log n + those of invocations so old that some may be).
  ///
  /// @param before the latest of the folds
  TaggedAdditions unfolded(PersistentMap<ReplicaId, Counter.Fold> folds, long before) {
    TaggedAdditions kept = this;
    for (Map.Entry<Tag, Addition> one : byTag) {
      long born = one.getKey().invocation().bornMillis();
      if (born >= before) {
        break;
      }
      @Nullable Addition rest = one.getValue().unfolded(born, folds);
      if (rest != one.getValue()) {
        kept = kept.replaced(one.getKey(), one.getValue(), rest);
      }
    }
    return kept;
  }

  /// Those of invocations that were born before then. O(log n + found).
  TaggedAdditions bornBefore(long bornMillis) {
    Iterator<Map.Entry<Tag, Addition>> first = byTag.iterator();
    return first.hasNext() && first.next().getKey().invocation().bornMillis() < bornMillis
        ? of(byTag.below(Tag.firstBorn(bornMillis)))
        : NONE;
  }

  /// These without those of invocations that were born before then.
  ///
  /// @param old these
  TaggedAdditions without(TaggedAdditions old, long bornMillis) {
    return new TaggedAdditions(
        byTag.from(Tag.firstBorn(bornMillis)),
        added.subtract(old.added),
        removed.subtract(old.removed));
  }

  /// In ranges of tags, none of which weighs more unless it is one tag.
  Stream<TaggedAdditions> split(long weightMax) {
    return byTag.ranges(weightMax, 0).map(TaggedAdditions::of);
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof TaggedAdditions additions && byTag.equals(additions.byTag);
  }

  @Override
  public int hashCode() {
    return byTag.hashCode();
  }

  @Override
  public String toString() {
    return byTag.toString();
  }
}
