package dev.trellis.deploy;

import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;

/// Sends many operations, several batches at a time, and bounded in number and size, so that any
/// number of keys takes the same memory. All that is sent here may be carried out twice, so what
/// fails for a reason that passes is sent again.
final class Restorer {
  private static final int BATCH_CALLS = 256;
  private static final long BATCH_BYTES = 1 << 20;
  private static final int BATCHES_UNDER_WAY = 16;
  private static final long BYTES_UNDER_WAY = 32 << 20;
  private static final int ATTEMPTS_MAX = 40;
  private static final Duration RETRY_AFTER = Duration.ofMillis(100);

  private final Trellis trellis;
  private final CallOptions options;
  private final Runnable reopen;
  private final Listener listener;
  private final Deque<Batch> underWay = new ArrayDeque<>();
  private List<Item> items = new ArrayList<>();
  private long itemBytes;
  private long bytesUnderWay;

  /// Is told of each operation, in the order in which they were given.
  interface Listener {
    /// The operation was carried out.
    ///
    /// @param about what was given with it
    void answered(Object about, View view);

    /// The cluster refuses this operation, and would again.
    void refused(Payload key, TrellisException why);
  }

  private record Item(Call call, Object about) {}

  private record Batch(List<Item> items, List<CompletableFuture<Reply>> replies, long bytes) {}

  /// @param reopen has all nodes take merges of clients again, after one has refused them
  Restorer(Trellis trellis, CallOptions options, Runnable reopen, Listener listener) {
    this.trellis = trellis;
    this.options = options;
    this.reopen = reopen;
    this.listener = listener;
  }

  /// Takes an operation; waits while too many are under way.
  ///
  /// @param bytes that it, or its answer, takes of memory, about
  /// @param about is given to the listener with the answer
  /// @throws TrellisException if the cluster can't go on
  void add(Payload key, Operation operation, long bytes, Object about) throws InterruptedException {
    items.add(new Item(new Call(key, operation, options), about));
    itemBytes += bytes;
    if (items.size() >= BATCH_CALLS || itemBytes >= BATCH_BYTES) {
      send();
    }
  }

  /// Sends what is left and waits until all is answered.
  void finish() throws InterruptedException {
    send();
    while (!underWay.isEmpty()) {
      settleOldest();
    }
  }

  private void send() throws InterruptedException {
    while (underWay.size() >= BATCHES_UNDER_WAY
        || (!underWay.isEmpty() && bytesUnderWay + itemBytes > BYTES_UNDER_WAY)) {
      settleOldest();
    }
    if (!items.isEmpty()) {
      List<Call> calls = items.stream().map(Item::call).toList();
      underWay.add(new Batch(items, trellis.executeAll(calls), itemBytes));
      bytesUnderWay += itemBytes;
      items = new ArrayList<>();
      itemBytes = 0;
    }
  }

  private void settleOldest() throws InterruptedException {
    Batch oldest = underWay.remove();
    for (int at = 0; at < oldest.items().size(); at++) {
      settle(oldest.items().get(at), oldest.replies().get(at));
    }
    bytesUnderWay -= oldest.bytes();
  }

  private void settle(Item item, CompletableFuture<Reply> first) throws InterruptedException {
    Call call = item.call();
    CompletableFuture<Reply> reply = first;
    for (int attempt = 1; ; attempt++) {
      try {
        listener.answered(item.about(), viewOf(await(reply)));
        return;
      } catch (TrellisException failure) {
        boolean passes = passes(failure);
        if (!passes && isOfKey(failure)) {
          listener.refused(call.key(), failure);
          return;
        }
        if (!passes || attempt == ATTEMPTS_MAX) {
          throw failure;
        }
        if (failure instanceof DefiniteException.Forbidden) {
          reopen.run(); // it has started again, or is new
        }
        Thread.sleep(failure.retryAfter().orElse(RETRY_AFTER));
        reply = trellis.execute(call.key(), call.operation(), call.options());
      }
    }
  }

  /// Whether asking again may get another answer.
  private static boolean passes(TrellisException failure) {
    return switch (failure) {
      case DefiniteException.Forbidden forbidden -> true;
      case DefiniteException.Overloaded overloaded -> true;
      case DefiniteException.NotSent notSent -> true;
      case DefiniteException.NotOwner notOwner -> true;
      case DefiniteException.Moved moved -> true;
      case IndefiniteException indefinite -> true;
      default -> false;
    };
  }

  /// Whether it is the operation that can't be carried out, not the cluster that can't.
  private static boolean isOfKey(TrellisException failure) {
    return switch (failure) {
      case DefiniteException.OutOfMemory full -> false;
      case DefiniteException.DiskFull full -> false;
      case DefiniteException.NoNodes none -> false;
      case DefiniteException.Unauthenticated unknown -> false;
      default -> true;
    };
  }

  private static Reply await(CompletableFuture<Reply> reply) throws InterruptedException {
    try {
      return reply.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new IllegalStateException("a call failed in an unknown way", e);
    }
  }

  private static View viewOf(Reply reply) {
    return switch (reply.outcome()) {
      case Outcome.Done done -> done.view();
      case Outcome.Failed failed ->
          throw new IllegalStateException("the client passed on a failure: " + failed);
    };
  }
}
