package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Threshold;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;

/// A `min`: a number that only falls.
public final class MinHandle extends ExpirableHandle<MinHandle> {
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.MIN));

  MinHandle(Place place) {
    super(place);
  }

  @Override
  MinHandle at(Place other) {
    return new MinHandle(other);
  }

  @Override
  Read existence() {
    return GET;
  }

  /// Makes the number at most `to`.
  ///
  /// @return the number now
  public long lower(long to) {
    return Blocking.await(lowerAsync(to));
  }

  /// As [#lower].
  public CompletableFuture<Long> lowerAsync(long to) {
    return place.mutateAndShow(new Mutation.Lower(to), GET).thenApply(CounterHandle::whole);
  }

  /// Waits until the number is at most `bound`, which it stays until the key is deleted or expires.
  ///
  /// @param timeout 1 ms to one day
  /// @return the number, `bound` or less
  /// @throws DefiniteException.NotReached if it is not in time
  public Reached<Long> awaitAtMost(long bound, Duration timeout) {
    return Blocking.await(awaitAtMostAsync(bound, timeout));
  }

  /// As [#awaitAtMost].
  public CompletableFuture<Reached<Long>> awaitAtMostAsync(long bound, Duration timeout) {
    return place.await(new Threshold.AtMost(Kind.MIN, bound), timeout).thenApply(Reached::number);
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
