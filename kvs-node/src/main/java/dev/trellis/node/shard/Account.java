package dev.trellis.node.shard;

import dev.trellis.access.Allowance;
import dev.trellis.access.Caller;
import dev.trellis.access.Rights;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import org.jspecify.annotations.Nullable;

/// What one principal may still use at a node. Shared by its shards, which come here for portions,
/// seldom, and not for each request.
final class Account {
  private static final VarHandle CELL = MethodHandles.arrayElementVarHandle(long[].class);

  /// Portions that make a second's worth. What all shards together have at hand and have not used
  /// is at most this part of a second's worth, by which the burst is less.
  private static final long PORTIONS = 20;

  private final String principal;
  private final String label;
  private final int shards;
  private final long[] stored; // by shard, each written by it and read by all
  private Allowance allowance = Allowance.UNLIMITED;
  private Rights rights = Rights.NONE;
  private @Nullable TokenBucket operations; // null where there is no limit
  private @Nullable TokenBucket bytes;

  /// @param label by which metrics name it
  Account(String principal, String label, int shards) {
    this.principal = principal;
    this.label = label;
    this.shards = shards;
    this.stored = new long[shards];
  }

  String principal() {
    return principal;
  }

  String label() {
    return label;
  }

  /// Goes by what a principal may from now on. What was used counts on.
  ///
  /// @return whether the bytes that are stored must be counted otherwise than before
  synchronized boolean callerIs(Caller caller, long nowMillis) {
    Allowance before = allowance;
    boolean counts = before.bytesStored() > 0;
    boolean shallCount = caller.allowance().bytesStored() > 0;
    boolean othersRights = !rights.equals(caller.rights());
    allowance = caller.allowance();
    rights = caller.rights();
    operations =
        limited(
            operations, before.operationsPerSecond(), allowance.operationsPerSecond(), nowMillis);
    bytes = limited(bytes, before.bytesPerSecond(), allowance.bytesPerSecond(), nowMillis);
    return counts != shallCount || (shallCount && othersRights);
  }

  private static @Nullable TokenBucket limited(
      @Nullable TokenBucket bucket, long before, long perSecond, long nowMillis) {
    if (perSecond == before) {
      return bucket;
    }
    if (perSecond == 0) {
      return null;
    }
    long burst = Math.max(1, perSecond - perSecond / PORTIONS);
    return bucket == null
        ? new TokenBucket(perSecond, burst, nowMillis)
        : bucket.with(perSecond, burst, nowMillis);
  }

  synchronized Allowance allowance() {
    return allowance;
  }

  synchronized Rights rights() {
    return rights;
  }

  private long portion(long perSecond) {
    return Math.max(1, perSecond / (PORTIONS * shards));
  }

  /// Takes a portion for a shard that has used up the last one.
  ///
  /// @return how many operations it may carry out, 1 or more; or, below zero, for how many
  ///   milliseconds none
  synchronized long takeOperations(long nowMillis) {
    return takePortion(operations, allowance.operationsPerSecond(), nowMillis);
  }

  /// As [#takeOperations], of bytes.
  synchronized long takeBytes(long nowMillis) {
    return takePortion(bytes, allowance.bytesPerSecond(), nowMillis);
  }

  private long takePortion(@Nullable TokenBucket bucket, long perSecond, long nowMillis) {
    if (bucket == null) {
      return Long.MAX_VALUE / 2; // the limit was lifted while the shard came here
    }
    long available = bucket.available(nowMillis);
    if (available < 1) {
      return -bucket.millisToWait(nowMillis);
    }
    // Not more than there is: else who is beyond his rate would have it in bursts, each of which
    // others had to wait for.
    long portion = Math.min(available, portion(perSecond));
    bucket.take(portion, nowMillis);
    return portion;
  }

  /// Takes an operation that a shard has carried out beyond its portion.
  synchronized void oweOperation(long nowMillis) {
    if (operations != null) {
      operations.take(1, nowMillis);
    }
  }

  /// Takes bytes that a shard has moved beyond its portion.
  synchronized void oweBytes(long more, long nowMillis) {
    if (bytes != null) {
      bytes.take(more, nowMillis);
    }
  }

  /// Sets how many bytes a shard has stored.
  void stored(int shard, long weight) {
    CELL.setOpaque(stored, shard, weight);
  }

  /// How many bytes are stored on the node. O(shards).
  long stored() {
    long sum = 0;
    for (int shard = 0; shard < stored.length; shard++) {
      sum += (long) CELL.getOpaque(stored, shard);
    }
    return sum;
  }
}
