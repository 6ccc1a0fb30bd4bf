package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Threshold;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;

/// A `max`: a number that only rises.
public final class MaxHandle extends ExpirableHandle<MaxHandle> {
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.MAX));

  MaxHandle(Place place) {
    super(place);
  }

  @Override
  MaxHandle at(Place other) {
    return new MaxHandle(other);
  }

  @Override
  Read existence() {
    return GET;
  }

  /// Makes the number at least `to`.
  ///
  /// @return the number now
  public long raise(long to) {
    return Blocking.await(raiseAsync(to));
  }

  /// As [#raise].
  public CompletableFuture<Long> raiseAsync(long to) {
    return place.mutateAndShow(new Mutation.Raise(to), GET).thenApply(CounterHandle::whole);
  }

  /// Waits until the number is at least `bound`, which it stays until the key is deleted or
  /// expires.
  ///
  /// @param timeout 1 ms to one day
  /// @return the number, `bound` or more
  /// @throws DefiniteException.NotReached if it is not in time
  public Reached<Long> awaitAtLeast(long bound, Duration timeout) {
    return Blocking.await(awaitAtLeastAsync(bound, timeout));
  }

  /// As [#awaitAtLeast].
  public CompletableFuture<Reached<Long>> awaitAtLeastAsync(long bound, Duration timeout) {
    return place.await(new Threshold.AtLeast(Kind.MAX, bound), timeout).thenApply(Reached::number);
  }

  /// The number; empty if there is none yet.
  public OptionalLong get() {
    return Blocking.await(getAsync());
  }

  /// As [#get].
  public CompletableFuture<OptionalLong> getAsync() {
    return place.read(GET).thenApply(CounterHandle::number);
  }
}
