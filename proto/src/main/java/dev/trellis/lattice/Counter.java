package dev.trellis.lattice;

import dev.trellis.causal.ReplicaId;
import java.math.BigInteger;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// `counter`: counts up and down. Each replica keeps two sums of its own, of what it added and of
/// what it took away; merging takes the greater of each, since each only grows.
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
  public static final Counter ZERO =
      new Counter(PersistentMap.empty((replica, sums) -> WEIGHT_PER_REPLICA));

  private final PersistentMap<ReplicaId, Sums> sums;

  private Counter(PersistentMap<ReplicaId, Sums> sums) {
    this.sums = sums;
  }

  /// A counter of just these sums, for codecs and tests.
  public static Counter of(Map<ReplicaId, Sums> sums) {
    return new Counter(ZERO.sums.withAll(sums));
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
    return new Counter(ZERO.sums.with(replica, after));
  }

  /// The exact sum over all replicas. O(replicas).
  public BigInteger exactValue() {
    BigInteger total = BigInteger.ZERO;
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
    PersistentMap<ReplicaId, Sums> merged =
        sums.merge(
            other.sums,
            (mine, theirs) -> {
              Sums greater = mine.merge(theirs);
              return greater.equals(mine) ? mine : greater;
            });
    return merged == sums ? this : new Counter(merged);
  }

  @Override
  public Stream<Counter> split(long weightMax) {
    return weight() <= weightMax ? Stream.of(this) : sums.ranges(weightMax, 0).map(Counter::new);
  }

  @Override
  public int kindNumber() {
    return Kind.COUNTER.number();
  }

  @Override
  public long weight() {
    return sums.weight();
  }

  @Override
  public int parts() {
    return sums.parts();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Counter counter && sums.equals(counter.sums);
  }

  @Override
  public int hashCode() {
    return sums.hashCode();
  }

  @Override
  public String toString() {
    return "Counter" + sums;
  }
}
