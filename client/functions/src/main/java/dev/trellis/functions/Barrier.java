package dev.trellis.functions;

import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.CounterHandle;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Handles;
import dev.trellis.client.Place;
import dev.trellis.client.Reached;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// A point that several invocations wait for each other at: a counter under a name, to which each
/// adds one, and once only, however often it is run. Who waits is told by the store when all are
/// there; that stays so, until the barrier is deleted or expires.
///
/// Immutable, and safe for any thread.
public final class Barrier {
  /// How long a barrier is kept after the last one has arrived.
  public static final Duration KEPT = Duration.ofDays(1);

  private static final String PREFIX = "_trellis/barrier/";

  private final CounterHandle counter;
  private final int parties;

  Barrier(Calls calls, String name, int parties) {
    if (parties < 1) {
      throw new IllegalArgumentException(
          "barrier '" + name + "' of " + parties + " parties; at least 1 must arrive");
    }
    Handles handles = key -> Place.of(calls, key);
    this.counter = handles.counter(Payload.ofText(PREFIX + name));
    this.parties = parties;
  }

  /// Tells that an invocation is there. To tell it again changes nothing.
  public void arrive(InvocationId id) {
    Trellis.await(arriveAsync(id));
  }

  /// As [#arrive].
  public CompletableFuture<@Nullable Void> arriveAsync(InvocationId id) {
    return counter
        .withOptions(CallOptions.DEFAULT.withTag(new Tag(id, 1)).withTtl(KEPT))
        .addAsync(1)
        .thenApply(sum -> null);
  }

  /// Waits until all are there.
  ///
  /// @param timeout 1 ms to one day
  /// @throws DefiniteException.NotReached if they are not in time; the message tells how many are
  public void await(Duration timeout) {
    Reached<Long> unused = Trellis.await(awaitAsync(timeout));
  }

  /// As [#await].
  public CompletableFuture<Reached<Long>> awaitAsync(Duration timeout) {
    return counter.awaitIncrementsAtLeastAsync(parties, timeout);
  }

  /// How many are there.
  public long arrived() {
    return counter.value();
  }
}
