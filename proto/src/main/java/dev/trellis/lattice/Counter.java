package dev.trellis.lattice;

import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// `counter`: counts up and down. Each replica keeps two sums of its own, of what it added and of
/// what it took away; merging takes the greater of each, since each only grows.
///
/// What a mutation with a tag adds stands beside them under that tag, so that it counts once
/// wherever and however often it is carried out. In the end the tags of old invocations are folded
/// into one sum, by all replicas alike: of two states the one that has folded more is taken at its
/// word, and the other's tags of that age count as in it. See decision 33.
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

  private static final int WEIGHT_PER_REPLICA = 28;

  /// What a tagged addition weighs until it is folded.
  public static final int WEIGHT_PER_TAG = 40;

  private static final int WEIGHT_OF_FOLD = 16;

  public static final Counter ZERO =
      new Counter(
          PersistentMap.empty((replica, sums) -> WEIGHT_PER_REPLICA),
          PersistentMap.empty((tag, by) -> WEIGHT_PER_TAG),
          BigInteger.ZERO,
          0,
          0);

  private final PersistentMap<ReplicaId, Sums> sums;
  private final PersistentMap<Tag, Long> tagged; // none born before `foldedBefore`
  private final BigInteger taggedSum; // derived
  private final long foldedBefore; // births, in milliseconds
  private final long foldedSum; // of all tags of such births; 0 if `foldedBefore` is

  private Counter(
      PersistentMap<ReplicaId, Sums> sums,
      PersistentMap<Tag, Long> tagged,
      BigInteger taggedSum,
      long foldedBefore,
      long foldedSum) {
    this.sums = sums;
    this.tagged = tagged;
    this.taggedSum = taggedSum;
    this.foldedBefore = foldedBefore;
    this.foldedSum = foldedSum;
  }

  /// A counter of just these sums, for codecs and tests.
  public static Counter of(Map<ReplicaId, Sums> sums) {
    return of(sums, Map.of(), 0, 0);
  }

  /// A counter of any legal content, for codecs and tests. Tags of births that are folded are left
  /// out.
  ///
  /// @param foldedBefore in milliseconds since the epoch, 0 for nothing folded
  /// @param foldedSum 0 if nothing is folded
  public static Counter of(
      Map<ReplicaId, Sums> sums, Map<Tag, Long> tagged, long foldedBefore, long foldedSum) {
    if (foldedBefore < 0 || (foldedBefore == 0 && foldedSum != 0)) {
      throw new IllegalArgumentException(
          "a counter with " + foldedSum + " folded of what was born before " + foldedBefore);
    }
    PersistentMap<Tag, Long> all = ZERO.tagged.withAll(tagged);
    return new Counter(ZERO.sums.withAll(sums), all, sumOf(all), foldedBefore, foldedSum)
        .withoutFolded();
  }

  private static BigInteger sumOf(PersistentMap<Tag, Long> tagged) {
    BigInteger sum = BigInteger.ZERO;
    for (Map.Entry<Tag, Long> one : tagged) {
      sum = sum.add(BigInteger.valueOf(one.getValue()));
    }
    return sum;
  }

  /// This counter less the tags that its sum has.
  private Counter withoutFolded() {
    List<Map.Entry<Tag, Long>> old = bornBefore(foldedBefore);
    if (old.isEmpty()) {
      return this;
    }
    PersistentMap<Tag, Long> kept = tagged;
    BigInteger sum = taggedSum;
    for (Map.Entry<Tag, Long> one : old) {
      kept = kept.without(one.getKey());
      sum = sum.subtract(BigInteger.valueOf(one.getValue()));
    }
    return new Counter(sums, kept, sum, foldedBefore, foldedSum);
  }

  /// The tagged additions of invocations that were born before then. O(log n + found).
  private List<Map.Entry<Tag, Long>> bornBefore(long bornMillis) {
    List<Map.Entry<Tag, Long>> found = new ArrayList<>();
    for (Map.Entry<Tag, Long> one : tagged) {
      if (one.getKey().invocation().bornMillis() >= bornMillis) {
        break;
      }
      found.add(one);
    }
    return found;
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

  /// The delta by which the mutation of a tag adds `by`, which may be negative.
  ///
  /// @throws IllegalArgumentException if tags of that age are folded here
  public Counter increment(Tag tag, long by) {
    if (tag.invocation().bornMillis() < foldedBefore) {
      throw new IllegalArgumentException(
          "tag " + tag + " is older than " + foldedBefore + ", before which all is folded");
    }
    return new Counter(ZERO.sums, ZERO.tagged.with(tag, by), BigInteger.valueOf(by), 0, 0);
  }

  /// What a tag has added here; empty if nothing, or if it is folded.
  public OptionalLong addedBy(Tag tag) {
    @Nullable Long by = tagged.find(tag);
    return by == null ? OptionalLong.empty() : OptionalLong.of(by);
  }

  /// Additions by tag that are not folded, in the order of tags.
  public Iterable<Map.Entry<Tag, Long>> tagged() {
    return tagged;
  }

  /// How many additions by tag are not folded.
  public int taggedCount() {
    return tagged.size();
  }

  /// Invocations born before then, in milliseconds since the epoch, have added their part for good.
  public long foldedBefore() {
    return foldedBefore;
  }

  /// What those have added.
  public long foldedSum() {
    return foldedSum;
  }

  /// What [#folded] would fold, with the sum that it would be added to; zero if there is nothing.
  Counter toFold(long bornBefore) {
    List<Map.Entry<Tag, Long>> old = bornBefore(bornBefore);
    if (folded(old).isEmpty()) {
      return ZERO;
    }
    Map<Tag, Long> part = LinkedHashMap.newLinkedHashMap(old.size());
    old.forEach(one -> part.put(one.getKey(), one.getValue()));
    return of(Map.of(), part, foldedBefore, foldedSum);
  }

  /// This counter with one sum in place of what invocations born before then have added; itself if
  /// there is nothing of them, or if the sum would exceed the range of long.
  Counter folded(long bornBefore) {
    OptionalLong sum = folded(bornBefore(bornBefore));
    return sum.isEmpty()
        ? this
        : new Counter(sums, tagged, taggedSum, bornBefore, sum.getAsLong()).withoutFolded();
  }

  private OptionalLong folded(List<Map.Entry<Tag, Long>> old) {
    BigInteger sum = BigInteger.valueOf(foldedSum);
    for (Map.Entry<Tag, Long> one : old) {
      sum = sum.add(BigInteger.valueOf(one.getValue()));
    }
    return old.isEmpty() || sum.bitLength() >= Long.SIZE
        ? OptionalLong.empty()
        : OptionalLong.of(sum.longValue());
  }

  /// The exact sum over all replicas and tags. O(replicas).
  public BigInteger exactValue() {
    BigInteger total = taggedSum.add(BigInteger.valueOf(foldedSum));
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

  /// All that was ever added, what was taken away left aside; at most the greatest long. It only
  /// grows. O(replicas).
  public long increments() {
    long total = 0;
    for (Map.Entry<ReplicaId, Sums> one : sums) {
      total += one.getValue().added;
      if (total < 0) {
        return Long.MAX_VALUE;
      }
    }
    return total;
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

  /// The id with the greatest birth among those of `incarnation` with at least `birthMin`.
  public Optional<ReplicaId> latestOf(long incarnation, long birthMin) {
    Iterator<Map.Entry<ReplicaId, Sums>> down =
        sums.descending(new ReplicaId(incarnation, Long.MAX_VALUE), false);
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
    int order = Long.compare(foldedBefore, other.foldedBefore);
    long folded =
        order == 0
            // Unequal only if a replica folded what another had more of: any rule that all follow.
            ? Math.max(foldedSum, other.foldedSum)
            : order > 0 ? foldedSum : other.foldedSum;
    Counter tags =
        other.tagged.isEmpty() && order >= 0
            ? this
            : mergedTags(other, Math.max(foldedBefore, other.foldedBefore));
    return merged == sums && tags.tagged == tagged && order >= 0 && folded == foldedSum
        ? this
        : new Counter(
            merged,
            tags.tagged,
            tags.taggedSum,
            Math.max(foldedBefore, other.foldedBefore),
            folded);
  }

  /// A counter with the tagged additions of both that were not born before `bornMillis`; of two
  /// under one tag the greater. O(d log n) for d in the smaller one.
  private Counter mergedTags(Counter other, long bornMillis) {
    Counter mine = new Counter(sums, tagged, taggedSum, bornMillis, 0).withoutFolded();
    Counter theirs =
        new Counter(sums, other.tagged, other.taggedSum, bornMillis, 0).withoutFolded();
    boolean mineIsLarger = mine.tagged.size() >= theirs.tagged.size();
    Counter larger = mineIsLarger ? mine : theirs;
    Counter smaller = mineIsLarger ? theirs : mine;
    if (larger.tagged == smaller.tagged) {
      return larger;
    }
    PersistentMap<Tag, Long> merged = larger.tagged;
    BigInteger sum = larger.taggedSum;
    for (Map.Entry<Tag, Long> one : smaller.tagged) {
      @Nullable Long before = merged.find(one.getKey());
      if (before == null || before < one.getValue()) {
        merged = merged.with(one.getKey(), one.getValue());
        sum = sum.add(BigInteger.valueOf(one.getValue()));
        sum = before == null ? sum : sum.subtract(BigInteger.valueOf(before));
      }
    }
    return new Counter(sums, merged, sum, bornMillis, 0);
  }

  @Override
  public Stream<Counter> split(long weightMax) {
    if (weight() <= weightMax) {
      return Stream.of(this);
    }
    Stream<Counter> parts =
        sums.ranges(weightMax, 0)
            .map(range -> new Counter(range, ZERO.tagged, BigInteger.ZERO, 0, 0));
    parts =
        Stream.concat(
            parts,
            tagged
                .ranges(weightMax, 0)
                .map(range -> new Counter(ZERO.sums, range, sumOf(range), 0, 0)));
    return foldedBefore == 0
        ? parts
        : Stream.concat(
            parts,
            Stream.of(
                new Counter(ZERO.sums, ZERO.tagged, BigInteger.ZERO, foldedBefore, foldedSum)));
  }

  @Override
  public int kindNumber() {
    return Kind.COUNTER.number();
  }

  @Override
  public long weight() {
    return sums.weight() + tagged.weight() + (foldedBefore == 0 ? 0 : WEIGHT_OF_FOLD);
  }

  @Override
  public int parts() {
    return sums.parts() + tagged.parts();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Counter counter
        && sums.equals(counter.sums)
        && tagged.equals(counter.tagged)
        && foldedBefore == counter.foldedBefore
        && foldedSum == counter.foldedSum;
  }

  @Override
  public int hashCode() {
    return ((31 * sums.hashCode() + tagged.hashCode()) * 31 + Long.hashCode(foldedBefore)) * 31
        + Long.hashCode(foldedSum);
  }

  @Override
  public String toString() {
    return "Counter"
        + sums
        + (tagged.isEmpty() ? "" : tagged)
        + (foldedBefore == 0 ? "" : " " + foldedSum + " before " + foldedBefore);
  }
}
