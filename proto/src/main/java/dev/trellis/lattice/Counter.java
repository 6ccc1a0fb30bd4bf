package dev.trellis.lattice;

import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import java.math.BigInteger;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// `counter`: counts up and down. Each replica keeps two sums of its own, of what it added and of
/// what it took away; merging takes the greater of each, since each only grows.
///
/// What a mutation with a tag adds stands beside them under that tag, so that it counts once
/// wherever and however often it is carried out; and under the name of the replica that took it. In
/// the end what was taken of old invocations is folded into two more sums for each such replica, by
/// all who hold the counter alike. Of two states of one name the one that has folded more is taken
/// at its word, and the other's tags of that age count as in it. Sums under different names stand
/// side by side, as a name is of one life of one replica: nobody goes on with a name whose state
/// was lost. See decision 33.
///
/// @see "Shapiro et al., A Comprehensive Study of Convergent and Commutative Replicated Data Types,
///   INRIA RR-7506, 2011, specification 7"
public final class Counter implements Value<Counter> {
  /// The sums of one replica.
  ///
  /// @param added at least 0
  /// @param removed at least 0
  public record Sums(long added, long removed) {
    public Sums {
      if (added < 0 || removed < 0) {
        throw new IllegalArgumentException(
            "sums of a counter only grow from 0, but are " + added + " and " + removed);
      }
    }

    Sums merge(Sums other) {
      return new Sums(Math.max(added, other.added), Math.max(removed, other.removed));
    }
  }

  /// What one replica has taken under tags of invocations that are over.
  ///
  /// @param before the births, in milliseconds since the epoch, before which all is in the sums; 0
  ///   for nothing, and then both are 0
  /// @param added 0 to [#MAX]
  /// @param removed 0 to [#MAX]
  public record Fold(long before, BigInteger added, BigInteger removed) {
    private static final int BITS = 127;

    /// Where a sum stays. It takes 2⁶⁴ additions to get there, so none ever will.
    public static final BigInteger MAX = BigInteger.TWO.pow(BITS).subtract(BigInteger.ONE);

    public static final Fold NOTHING = new Fold(0, BigInteger.ZERO, BigInteger.ZERO);

    public Fold {
      requireSum(added);
      requireSum(removed);
      if (before < 0 || (before == 0 && added.signum() + removed.signum() > 0)) {
        throw new IllegalArgumentException(
            "a counter with "
                + added
                + " added and "
                + removed
                + " removed by invocations born before "
                + Long.toUnsignedString(before)
                + ", which is none or out of range");
      }
    }

    private static void requireSum(BigInteger sum) {
      if (sum.signum() < 0 || sum.bitLength() > BITS) {
        throw new IllegalArgumentException(
            "a counter with a folded sum of " + sum + ", which is not 0 to 2^127 - 1");
      }
    }

    boolean isNothing() {
      return before == 0;
    }

    /// The one of the two that was folded later. Two that were folded at one birth are unequal only
    /// if a replica folded what another had more of: any rule that all follow.
    Fold merge(Fold other) {
      if (before != other.before) {
        return before > other.before ? this : other;
      }
      boolean isGreater =
          added.compareTo(other.added) >= 0 && removed.compareTo(other.removed) >= 0;
      return isGreater
          ? this
          : new Fold(before, added.max(other.added), removed.max(other.removed));
    }

    private Fold grown(long bornBefore, long by) {
      BigInteger size = BigInteger.valueOf(by).abs();
      return new Fold(
          bornBefore,
          by > 0 ? added.add(size).min(MAX) : added,
          by < 0 ? removed.add(size).min(MAX) : removed);
    }
  }

  private static final int WEIGHT_PER_REPLICA = 28;

  /// What a tagged addition weighs until it is folded.
  public static final int WEIGHT_PER_TAG = 40;

  private static final int WEIGHT_PER_FOLD = 40;

  public static final Counter ZERO =
      new Counter(
          PersistentMap.empty((replica, sums) -> WEIGHT_PER_REPLICA),
          // Of a replica that has folded nothing there are additions, which weigh enough.
          PersistentMap.empty((replica, fold) -> fold.isNothing() ? 0 : WEIGHT_PER_FOLD),
          TaggedAdditions.NONE);

  private final PersistentMap<ReplicaId, Sums> sums;
  private final PersistentMap<ReplicaId, Fold> folds; // NOTHING just where there are additions
  private final TaggedAdditions tagged; // none that is in a fold
  private final long foldedBefore; // the latest of the folds; derived

  private Counter(
      PersistentMap<ReplicaId, Sums> sums,
      PersistentMap<ReplicaId, Fold> folds,
      TaggedAdditions tagged) {
    this(sums, folds, tagged, latestOf(folds));
  }

  private Counter(
      PersistentMap<ReplicaId, Sums> sums,
      PersistentMap<ReplicaId, Fold> folds,
      TaggedAdditions tagged,
      long foldedBefore) {
    this.sums = sums;
    this.folds = folds;
    this.tagged = tagged;
    this.foldedBefore = foldedBefore;
  }

  private static long latestOf(PersistentMap<ReplicaId, Fold> folds) {
    long latest = 0;
    for (Map.Entry<ReplicaId, Fold> one : folds) {
      latest = Math.max(latest, one.getValue().before());
    }
    return latest;
  }

  /// A counter of just these sums, for codecs and tests.
  public static Counter of(Map<ReplicaId, Sums> sums) {
    return of(sums, Map.of(), Map.of());
  }

  /// A counter of any legal content, for codecs and tests. Additions that are in a fold are left
  /// out.
  ///
  /// @param folds by the replicas that took what is in them
  /// @param tagged likewise
  public static Counter of(
      Map<ReplicaId, Sums> sums,
      Map<ReplicaId, Fold> folds,
      Map<ReplicaId, ? extends Map<Tag, Long>> tagged) {
    Map<ReplicaId, Fold> all = new HashMap<>(folds);
    all.values().removeIf(Fold::isNothing);
    PersistentMap<ReplicaId, Fold> folded = ZERO.folds.withAll(all);
    TaggedAdditions kept = TaggedAdditions.of(tagged).unfolded(folded, latestOf(folded));
    return new Counter(ZERO.sums.withAll(sums), folded.merge(takersOf(kept), Fold::merge), kept);
  }

  /// The replicas that have taken additions, as if none of them had folded anything.
  private static PersistentMap<ReplicaId, Fold> takersOf(TaggedAdditions tagged) {
    Map<ReplicaId, Fold> takers = new HashMap<>();
    tagged
        .byTag()
        .forEach(one -> one.getValue().forEach((taker, by) -> takers.put(taker, Fold.NOTHING)));
    return ZERO.folds.withAll(takers);
  }

  /// The delta by which `replica` adds `by`, which may be negative. O(log replicas).
  ///
  /// @throws ArithmeticException if the replica's own sum would exceed the range of long
  public Counter increment(ReplicaId replica, long by) {
    Sums before = sumsOf(replica);
    Sums after =
        by >= 0
            ? new Sums(Math.addExact(before.added, by), before.removed)
            : new Sums(before.added, Math.addExact(before.removed, Math.negateExact(by)));
    return of(Map.of(replica, after));
  }

  /// The delta by which the mutation of a tag adds `by`, which may be negative, as `replica` takes
  /// it. O(1).
  ///
  /// @param replica names one life of one replica, as in [#increment(ReplicaId, long)]
  /// @throws IllegalArgumentException if tags of that age are folded here
  public Counter increment(ReplicaId replica, Tag tag, long by) {
    if (tag.invocation().bornMillis() < foldedBefore) {
      throw new IllegalArgumentException(
          "tag " + tag + " is older than " + foldedBefore + ", before which all is folded");
    }
    return new Counter(
        ZERO.sums,
        ZERO.folds.with(replica, Fold.NOTHING),
        TaggedAdditions.NONE.with(tag, new TaggedAdditions.One(replica, by)),
        0);
  }

  /// What a tag has added here; empty if nothing, or if it is folded.
  public OptionalLong addedBy(Tag tag) {
    TaggedAdditions.@Nullable Addition addition = tagged.find(tag);
    return addition == null ? OptionalLong.empty() : OptionalLong.of(addition.greatest());
  }

  /// The part of this counter that is under a tag, as a state of its own.
  public Counter only(Tag tag) {
    TaggedAdditions part = tagged.only(tag);
    return part.isEmpty() ? ZERO : new Counter(ZERO.sums, takersOf(part), part, 0);
  }

  /// Additions by tag that are not folded, in the order of tags, by the replicas that took them, in
  /// the order of their ids. O(n), also in memory.
  public Map<ReplicaId, Map<Tag, Long>> tagged() {
    Map<ReplicaId, Map<Tag, Long>> byTaker = new LinkedHashMap<>();
    folds.forEach(one -> byTaker.put(one.getKey(), new LinkedHashMap<>()));
    for (Map.Entry<Tag, TaggedAdditions.Addition> one : tagged.byTag()) {
      one.getValue()
          .forEach((taker, by) -> Objects.requireNonNull(byTaker.get(taker)).put(one.getKey(), by));
    }
    byTaker.values().removeIf(Map::isEmpty);
    return byTaker;
  }

  /// How many tags of additions are not folded.
  public int taggedCount() {
    return tagged.byTag().size();
  }

  /// What those weigh.
  public long taggedWeight() {
    return tagged.byTag().weight();
  }

  /// What was folded, by the replicas that had taken it, in the order of their ids; with
  /// [Fold#NOTHING] for those of which nothing is.
  public Iterable<Map.Entry<ReplicaId, Fold>> folds() {
    return folds;
  }

  /// Invocations born before then, in milliseconds since the epoch, have added their part for good.
  public long foldedBefore() {
    return foldedBefore;
  }

  /// What those have added, less what they took away. O(replicas).
  public BigInteger foldedSum() {
    BigInteger sum = BigInteger.ZERO;
    for (Map.Entry<ReplicaId, Fold> one : folds) {
      sum = sum.add(one.getValue().added()).subtract(one.getValue().removed());
    }
    return sum;
  }

  /// What [#folded] would fold, with the sums that it would be added to; zero if there is nothing.
  Counter toFold(long bornBefore) {
    TaggedAdditions old = tagged.bornBefore(bornBefore);
    return old.isEmpty() ? ZERO : new Counter(ZERO.sums, foldsBeside(old), old);
  }

  /// The folds as they are in a part with just these additions.
  private PersistentMap<ReplicaId, Fold> foldsBeside(TaggedAdditions part) {
    return onlyFolded().merge(takersOf(part), Fold::merge);
  }

  private PersistentMap<ReplicaId, Fold> onlyFolded() {
    PersistentMap<ReplicaId, Fold> folded = folds;
    for (Map.Entry<ReplicaId, Fold> one : folds) {
      folded = one.getValue().isNothing() ? folded.without(one.getKey()) : folded;
    }
    return folded;
  }

  /// This counter with sums in place of what invocations born before then have added; itself if
  /// there is nothing of them. A function of this state and the birth alone: what several replicas
  /// took of one mutation counts in the sum of the first of them. O(log n + folded).
  Counter folded(long bornBefore) {
    TaggedAdditions old = tagged.bornBefore(bornBefore);
    if (old.isEmpty()) {
      return this;
    }
    Map<ReplicaId, Fold> grown = new HashMap<>();
    for (Map.Entry<Tag, TaggedAdditions.Addition> one : old.byTag()) {
      long[] by = {one.getValue().greatest()};
      one.getValue()
          .forEach(
              (taker, own) -> {
                Fold before =
                    grown.computeIfAbsent(
                        taker, absent -> Objects.requireNonNull(folds.find(absent)));
                grown.put(taker, before.grown(bornBefore, by[0]));
                by[0] = 0;
              });
    }
    return new Counter(sums, folds.withAll(grown), tagged.without(old, bornBefore));
  }

  /// The exact sum over all replicas and tags. O(replicas).
  public BigInteger exactValue() {
    BigInteger total = tagged.added().subtract(tagged.removed()).add(foldedSum());
    for (Map.Entry<ReplicaId, Sums> one : sums) {
      total =
          total
              .add(BigInteger.valueOf(one.getValue().added))
              .subtract(BigInteger.valueOf(one.getValue().removed));
    }
    return total;
  }

  /// The sum over all replicas; where it exceeds the range of long, the end of that range.
  /// O(replicas).
  public long value() {
    BigInteger exact = exactValue();
    if (exact.bitLength() < Long.SIZE) {
      return exact.longValue();
    }
    return exact.signum() > 0 ? Long.MAX_VALUE : Long.MIN_VALUE;
  }

  /// All that was ever added, under tags or without, what was taken away left aside; at most the
  /// greatest long. It only grows. O(replicas).
  public long increments() {
    BigInteger total = tagged.added();
    for (Map.Entry<ReplicaId, Fold> one : folds) {
      total = total.add(one.getValue().added());
    }
    for (Map.Entry<ReplicaId, Sums> one : sums) {
      total = total.add(BigInteger.valueOf(one.getValue().added));
    }
    return total.bitLength() < Long.SIZE ? total.longValue() : Long.MAX_VALUE;
  }

  /// What one replica added and removed; zeros if it never did.
  public Sums sumsOf(ReplicaId replica) {
    @Nullable Sums found = sums.find(replica);
    return found == null ? new Sums(0, 0) : found;
  }

  /// The sums by replica, in the order of replica ids.
  public Iterable<Map.Entry<ReplicaId, Sums>> sums() {
    return sums;
  }

  /// The number of replicas that ever counted here.
  public int replicaCount() {
    return sums.size();
  }

  /// The id with the greatest birth among those of `incarnation` with at least `birthMin`, and less
  /// than `birthEnd`.
  public Optional<ReplicaId> latestOf(long incarnation, long birthMin, long birthEnd) {
    if (birthEnd <= birthMin) {
      return Optional.empty();
    }
    Optional<ReplicaId> counted = latestOf(sums, incarnation, birthMin, birthEnd);
    Optional<ReplicaId> took = latestOf(folds, incarnation, birthMin, birthEnd);
    return took.isEmpty() || (counted.isPresent() && counted.get().compareTo(took.get()) > 0)
        ? counted
        : took;
  }

  private static Optional<ReplicaId> latestOf(
      PersistentMap<ReplicaId, ?> names, long incarnation, long birthMin, long birthEnd) {
    Iterator<? extends Map.Entry<ReplicaId, ?>> down =
        names.descending(new ReplicaId(incarnation, birthEnd - 1), false);
    if (!down.hasNext()) {
      return Optional.empty();
    }
    ReplicaId latest = down.next().getKey();
    return latest.incarnation() == incarnation && latest.birth() >= birthMin
        ? Optional.of(latest)
        : Optional.empty();
  }

  @Override
  public Counter merge(Counter other) {
    if (this == other) {
      return this;
    }
    PersistentMap<ReplicaId, Sums> merged =
        sums.merge(
            other.sums,
            (mine, theirs) -> {
              Sums greater = mine.merge(theirs);
              return greater.equals(mine) ? mine : greater;
            });
    if (other.folds.isEmpty()) {
      return merged == sums ? this : new Counter(merged, folds, tagged, foldedBefore);
    }
    PersistentMap<ReplicaId, Fold> mergedFolds = folds.merge(other.folds, Fold::merge);
    TaggedAdditions mergedTags = mergedTags(other, mergedFolds);
    return merged == sums && mergedFolds == folds && mergedTags == tagged
        ? this
        : new Counter(merged, mergedFolds, mergedTags, Math.max(foldedBefore, other.foldedBefore));
  }

  /// The tagged additions of both that are not in these folds; of two that one replica took under
  /// one tag the greater. O(d log n) for d in the smaller one.
  private TaggedAdditions mergedTags(Counter other, PersistentMap<ReplicaId, Fold> mergedFolds) {
    if (tagged == other.tagged && mergedFolds == folds) {
      return tagged;
    }
    long before = Math.max(foldedBefore, other.foldedBefore);
    TaggedAdditions mine = mergedFolds == folds ? tagged : tagged.unfolded(mergedFolds, before);
    TaggedAdditions theirs = other.tagged.unfolded(mergedFolds, before);
    boolean mineIsLarger = mine.byTag().size() >= theirs.byTag().size();
    TaggedAdditions merged = mineIsLarger ? mine : theirs;
    for (Map.Entry<Tag, TaggedAdditions.Addition> one : (mineIsLarger ? theirs : mine).byTag()) {
      merged = merged.with(one.getKey(), one.getValue().named(mergedFolds));
    }
    return merged;
  }

  @Override
  public Stream<Counter> split(long weightMax) {
    if (weight() <= weightMax) {
      return Stream.of(this);
    }
    Stream<Counter> counted =
        sums.ranges(weightMax, 0)
            .map(range -> new Counter(range, ZERO.folds, TaggedAdditions.NONE, 0));
    if (folds.isEmpty()) {
      return counted;
    }
    Stream<Counter> took =
        tagged.split(weightMax).map(range -> new Counter(ZERO.sums, takersOf(range), range, 0));
    Stream<Counter> folded =
        onlyFolded()
            .ranges(weightMax, 0)
            .map(range -> new Counter(ZERO.sums, range, TaggedAdditions.NONE));
    return Stream.concat(counted, Stream.concat(took, folded));
  }

  @Override
  public int kindNumber() {
    return Kind.COUNTER.number();
  }

  @Override
  public long weight() {
    return sums.weight() + folds.weight() + tagged.byTag().weight();
  }

  @Override
  public int parts() {
    return sums.parts() + folds.parts() + tagged.byTag().parts();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Counter counter
        && sums.equals(counter.sums)
        && folds.equals(counter.folds)
        && tagged.equals(counter.tagged);
  }

  @Override
  public int hashCode() {
    return (31 * sums.hashCode() + folds.hashCode()) * 31 + tagged.hashCode();
  }

  @Override
  public String toString() {
    StringBuilder text = new StringBuilder("Counter").append(sums);
    if (!tagged.isEmpty()) {
      text.append(tagged);
    }
    for (Map.Entry<ReplicaId, Fold> one : onlyFolded()) {
      Fold fold = one.getValue();
      text.append(" +").append(fold.added()).append(" -").append(fold.removed());
      text.append(" of ").append(one.getKey()).append(" before ").append(fold.before());
    }
    return text.toString();
  }
}
