package dev.trellis.client;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A threshold read under way. It changes nothing, so it is asked for again until its deadline, of
/// whoever holds the key by then: [Lane] does so where a connection or a node is lost, and this
/// where shard after shard has sent it on, or none was to be had.
///
/// The deadline is kept by the shard, which tells what it last saw. The client waits a little
/// longer for that word, and ends the wait itself where none comes.
final class Awaiting {
  /// How much longer than the shard the client waits.
  static final long WORD_MILLIS = 500;

  private static final long PAUSE_MILLIS_MIN = 10;
  private static final long PAUSE_MILLIS_MAX = 500;
  private static final long NANOS_PER_MILLI = 1_000_000;

  private final Cluster cluster;
  private final Function<CallOptions, Pending.OfCall> attempts;
  private final CallOptions options;
  private final String description;
  private final long timeoutMillis;
  private final long deadlineNanos;
  private final CompletableFuture<Reply> reply = new CompletableFuture<>();
  private int pauses; // counted by one attempt after the other

  private Awaiting(
      Cluster cluster,
      Payload key,
      Read.Await await,
      CallOptions options,
      Function<CallOptions, Pending.OfCall> attempts) {
    this.cluster = cluster;
    this.attempts = attempts;
    this.options = options;
    this.timeoutMillis =
        options.timeout().map(Duration::toMillis).orElseGet(cluster::timeoutMillis);
    this.deadlineNanos = System.nanoTime() + timeoutMillis * NANOS_PER_MILLI;
    this.description = Operations.describe(await) + " " + key;
  }

  /// Begins to wait.
  ///
  /// @param attempts makes a call of its options
  static CompletableFuture<Reply> begin(
      Cluster cluster,
      Payload key,
      Read.Await await,
      CallOptions options,
      Function<CallOptions, Pending.OfCall> attempts) {
    Awaiting awaiting = new Awaiting(cluster, key, await, options, attempts);
    awaiting.ask();
    return awaiting.reply;
  }

  private long leftMillis() {
    return (deadlineNanos - System.nanoTime()) / NANOS_PER_MILLI;
  }

  private void ask() {
    if (reply.isDone()) {
      return; // cancelled
    }
    Duration left = Duration.ofMillis(Math.max(1, leftMillis()));
    Pending.OfCall attempt = attempts.apply(options.withTimeout(left));
    var unused = attempt.reply.whenComplete(this::told);
    var unusedEither =
        reply.whenComplete(
            (done, failure) -> {
              if (reply.isCancelled()) {
                attempt.reply.cancel(false);
              }
            });
    cluster.place(attempt, false);
  }

  private void told(@Nullable Reply done, @Nullable Throwable failure) {
    if (done != null) {
      reply.complete(done);
      return;
    }
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    if (!(cause instanceof TrellisException refused)) {
      reply.completeExceptionally(
          cause == null ? new IllegalStateException("failed for no reason", failure) : cause);
    } else if (refused.code() == ErrorCode.NOT_REACHED) {
      reply.completeExceptionally(notReached(refused));
    } else if (cluster.isClosed() || !isPassing(refused.code())) {
      reply.completeExceptionally(refused);
    } else {
      pause(refused);
    }
  }

  /// Whether it may be otherwise elsewhere, or a little later.
  private static boolean isPassing(ErrorCode code) {
    return switch (code) {
      case NOT_OWNER,
          MOVED,
          STALE_PEER,
          NO_NODES,
          NOT_ENOUGH_REPLICAS,
          SESSION_UNAVAILABLE,
          TIMEOUT ->
          true;
      default -> false;
    };
  }

  private void pause(TrellisException refused) {
    long most = Math.min(PAUSE_MILLIS_MAX, PAUSE_MILLIS_MIN << Math.min(pauses, 10));
    long millis = most / 2 + ThreadLocalRandom.current().nextLong(most / 2 + 1);
    pauses++;
    if (leftMillis() <= millis) {
      reply.completeExceptionally(notReached(refused));
      return;
    }
    try {
      var unused = cluster.loops().next().schedule(this::ask, millis, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      reply.completeExceptionally(refused); // the client is closed
    }
  }

  private TrellisException notReached(TrellisException last) {
    Optional<Reply> told = last.reply();
    boolean isWord =
        last.code() == ErrorCode.NOT_REACHED
            && told.isPresent()
            && told.get().outcome() instanceof Outcome.Failed;
    String why =
        isWord
            ? ((Outcome.Failed) told.orElseThrow().outcome()).message()
            : "no shard has told that it was reached, and the last attempt ended with "
                + last.code()
                + ": "
                + last.getMessage();
    return TrellisException.of(
        new TrellisException.Failure(
            ErrorCode.NOT_REACHED,
            description + " within " + timeoutMillis + " ms: " + why,
            told,
            Optional.empty(),
            last));
  }
}
