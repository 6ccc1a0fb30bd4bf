package dev.trellis.client;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What a caller waits for. It is with one [Lane] at a time, and confined to that lane's event
/// loop, but for its future.
abstract sealed class Pending permits Pending.OfCall, Pending.OfScan {
  private static final Logger log = LoggerFactory.getLogger(Pending.class);

  final long deadlineNanos; // of System.nanoTime
  final long timeoutMillis; // how long the caller would wait in all
  final long weight; // bytes of what it sends, about
  long id; // under which it was last sent

  Pending(long timeoutMillis, long weight) {
    this.timeoutMillis = timeoutMillis;
    this.deadlineNanos = System.nanoTime() + timeoutMillis * 1_000_000;
    this.weight = weight;
  }

  /// Whether nobody waits any more: it was answered, failed or cancelled.
  abstract boolean isDone();

  abstract void fail(TrellisException failure);

  /// What is asked of what, for people.
  abstract String description();

  /// Whether it may have taken effect, so that only a shard can tell.
  abstract boolean mayHaveHappened();

  /// Notes that the connection was lost on which it was sent.
  abstract void lost();

  /// Whether it is a threshold read, which may be answered long after it was sent.
  boolean isAwait() {
    return false;
  }

  /// How long it has taken since it was asked for, time in queues included.
  long tookNanos(long nowNanos) {
    return nowNanos - (deadlineNanos - timeoutMillis * 1_000_000);
  }

  boolean isPast(long nowNanos) {
    return deadlineNanos - nowNanos <= 0;
  }

  /// One operation on one key.
  static final class OfCall extends Pending {
    final Payload key;
    final long keyHash;
    final Operation operation;
    final CallOptions options;
    final CompletableFuture<Reply> reply = new CompletableFuture<>();
    final @Nullable Object batch; // calls with one batch may share a frame
    @Nullable Routing routedBy; // the routing that chose its lane

    Optional<HybridTimestamp> generation;
    @Nullable HybridTimestamp timestamp; // minted once; anew only if surely not applied before
    long sequence; // 0 until it is first sent to `incarnation`
    long incarnation; // of the shard that `sequence` counts for
    boolean ambiguous; // a mutation whose connection was lost before it was answered
    private long ambiguousIncarnation; // where that was
    private long ambiguousSequence; // as what; 0 if there was more than one such
    int follows; // how often it was sent elsewhere
    int restamps; // how often its timestamp was refused
    int rests; // how often it waited out an overload
    int shortages; // how often a shard could not take it for want of other replicas
    int supersedes; // how often it was sent again in another generation
    boolean inGeneration; // the last attempt named one
    HybridTimestamp latestGeneration = HybridTimestamp.ZERO; // that it named, also of a field
    private Set<Routing.Target> refusers =
        Set.of(); // who did not take it, since all had the chance
    private @Nullable Routing refusedUnder; // the routing that led to them

    OfCall(
        Payload key,
        long keyHash,
        Operation operation,
        CallOptions options,
        long timeoutMillis,
        long weight,
        @Nullable Object batch) {
      super(timeoutMillis, weight);
      this.key = key;
      this.keyHash = keyHash;
      this.operation = operation;
      this.options = options;
      this.generation = options.generation();
      this.timestamp = options.stamp().orElse(null);
      this.batch = batch;
    }

    /// Whether it is all the same how often and where it is carried out.
    boolean isRepeatable() {
      return !(operation instanceof Mutation mutation) || mutation.isIdempotent() || isNamedByTag();
    }

    /// Whether it is so because of its tag, whatever its timestamp.
    boolean isNamedByTag() {
      return options.tag().isPresent()
          && operation instanceof Mutation mutation
          && Mutation.isNamedByTag(mutation);
    }

    /// Notes that a shard did not take it: others come first then, as long as the map is the same.
    void refusedBy(Routing.Target target, Routing current) {
      Set<Routing.Target> all = new HashSet<>(refusedUnder == current ? refusers : Set.of());
      all.add(target);
      refusers = all;
      refusedUnder = current;
    }

    boolean wasNeverRefused() {
      return refusers.isEmpty();
    }

    boolean wasRefusedBy(Routing.Target target, Routing current) {
      return refusedUnder == current && refusers.contains(target);
    }

    /// Gives those that did not take it another chance.
    void forgetRefusals() {
      refusers = Set.of();
    }

    /// Makes it an attempt of its own: to be called only if no earlier one can have taken effect.
    void startAnew() {
      sequence = 0;
      ambiguous = false;
    }

    @Override
    boolean isAwait() {
      return operation instanceof Read.Await;
    }

    @Override
    boolean mayHaveHappened() {
      return ambiguous;
    }

    @Override
    void lost() {
      if (!(operation instanceof Mutation)) {
        return;
      }
      boolean other = incarnation != ambiguousIncarnation || sequence != ambiguousSequence;
      ambiguousSequence = ambiguous && other ? 0 : sequence;
      ambiguousIncarnation = incarnation;
      ambiguous = true;
    }

    /// Whether there is but one incarnation that may have carried it out, and under one sequence.
    boolean isAmbiguousOnlyAt(long thisIncarnation, long thisSequence) {
      return ambiguous
          && ambiguousIncarnation == thisIncarnation
          && ambiguousSequence == thisSequence;
    }

    @Override
    boolean isDone() {
      return reply.isDone();
    }

    /// Tells the caller that it was done, and before that whoever observes receipts.
    void answer(Reply done) {
      try {
        options.observer().ifPresent(observer -> observer.accept(done.receipt()));
      } catch (RuntimeException e) {
        log.warn("the observer of the receipt of {} failed", description(), e);
      }
      reply.complete(done);
    }

    @Override
    void fail(TrellisException failure) {
      reply.completeExceptionally(failure);
    }

    @Override
    String description() {
      return Operations.describe(operation) + " " + key;
    }
  }

  /// A page of one shard's keys.
  static final class OfScan extends Pending {
    private static final long WEIGHT = 64;

    final Payload prefix;
    final Optional<Payload> after;
    final int limit;
    final boolean withValues;
    final boolean isSpare; // others hold the same keys: nobody waits for a shard out of reach
    final CompletableFuture<Frame.Scanned> page = new CompletableFuture<>();

    OfScan(
        Payload prefix,
        Optional<Payload> after,
        int limit,
        boolean withValues,
        boolean isSpare,
        long timeoutMillis) {
      super(timeoutMillis, WEIGHT + prefix.size());
      this.prefix = prefix;
      this.after = after;
      this.limit = limit;
      this.withValues = withValues;
      this.isSpare = isSpare;
    }

    @Override
    boolean mayHaveHappened() {
      return false;
    }

    @Override
    void lost() {} // it is a read

    @Override
    boolean isDone() {
      return page.isDone();
    }

    @Override
    void fail(TrellisException failure) {
      page.completeExceptionally(failure);
    }

    @Override
    String description() {
      return "scan " + prefix;
    }
  }
}
