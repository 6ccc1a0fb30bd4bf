package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;

/// A `counter`: concurrent additions all count.
public final class CounterHandle extends ExpirableHandle<CounterHandle> {
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.COUNTER));

  CounterHandle(Place place) {
    super(place);
  }

  @Override
  CounterHandle at(Place other) {
    return new CounterHandle(other);
  }

  @Override
  Read existence() {
    return GET;
  }

  /// Adds a number, which may be negative.
  ///
  /// @return the sum now, as the replica asked knows it
  public long add(long number) {
    return Blocking.await(addAsync(number));
  }

  /// As [#add].
  public CompletableFuture<Long> addAsync(long number) {
    return place.mutateAndShow(new Mutation.Increment(number), GET).thenApply(CounterHandle::whole);
  }

  /// The sum; 0 if the counter is missing. It stops at the ends of the range of long.
  public long value() {
    return Blocking.await(valueAsync());
  }

  /// As [#value].
  public CompletableFuture<Long> valueAsync() {
    return place.read(GET).thenApply(CounterHandle::whole);
  }

  /// Waits until all that was added comes to `bound`, what was taken away left aside: the sum goes
  /// up and down, and no value of it could be relied on. That stays so until the key is deleted or
  /// expires.
  ///
  /// @param timeout 1 ms to one day
  /// @return all that was added, `bound` or more; it stops at the end of the range of long
  /// @throws DefiniteException.NotReached if it is not reached in time
  public Reached<Long> awaitIncrementsAtLeast(long bound, Duration timeout) {
    return Blocking.await(awaitIncrementsAtLeastAsync(bound, timeout));
  }

  /// As [#awaitIncrementsAtLeast].
  public CompletableFuture<Reached<Long>> awaitIncrementsAtLeastAsync(
      long bound, Duration timeout) {
    return place
        .await(new Threshold.AtLeast(Kind.COUNTER, bound), timeout)
        .thenApply(Reached::number);
  }

  static long whole(Reply reply) {
    return number(reply).orElse(0);
  }

  static OptionalLong number(Reply reply) {
    return switch (Place.view(reply)) {
      case View.Whole view -> OptionalLong.of(view.value());
      case View.Missing missing -> OptionalLong.empty();
      case View other -> throw Place.unexpected(other);
    };
  }
}
