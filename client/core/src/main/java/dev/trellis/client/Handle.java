package dev.trellis.client;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;

/// What the handles on values of every kind have in common. Immutable, and safe for any thread.
/// Each operation has a form that waits and one, `…Async`, that does not; both fail with a
/// [TrellisException].
///
/// Where the answer to a mutation is lost with its connection and a repeat finds the work done,
/// what it changed is no longer known: such a count is then 0, or false, although the change was
/// made.
///
/// @param <H> the handle's own type
abstract class Handle<H extends Handle<H>> {
  final Place place;

  Handle(Place place) {
    this.place = place;
  }

  /// The same handle elsewhere, or with other options.
  abstract H at(Place other);

  /// The cheapest read that tells whether the value is there.
  abstract Read existence();

  /// The key of the value, or of the map that it is in.
  public Payload key() {
    return place.key();
  }

  /// The same value, its calls carried out in another way.
  public H withOptions(CallOptions options) {
    return at(place.with(options));
  }

  /// The same value; what is written through this handle lives for `ttl`.
  ///
  /// @throws IllegalArgumentException if not 1 ms to ten years
  public H withTtl(Duration ttl) {
    return withOptions(place.options().withTtl(ttl));
  }

  /// The same value; each call through this handle may take this long.
  ///
  /// @throws IllegalArgumentException if not 1 ms to one day
  public H withTimeout(Duration timeout) {
    return withOptions(place.options().withTimeout(timeout));
  }

  /// The same value; reads through this handle are never further behind what others have written
  /// than `bound`, and fail where that can't be had: see [CallOptions#withMaxStaleness].
  ///
  /// @throws IllegalArgumentException if not 1 ms to one day
  public H withMaxStaleness(Duration bound) {
    return withOptions(place.options().withMaxStaleness(bound));
  }

  /// The same value; `told` is called with the receipt of each call through this handle that is
  /// carried out, before the call returns, and on a thread that must not be blocked:
  ///
  /// ```java
  /// Optional<Payload> value = register.observing(receipt -> log.info("{}", receipt)).get();
  /// ```
  public H observing(Consumer<Receipt> told) {
    return withOptions(place.options().withObserver(told));
  }

  /// Whether the value is there: written, neither deleted nor expired.
  public boolean exists() {
    return Blocking.await(existsAsync());
  }

  /// As [#exists].
  public CompletableFuture<Boolean> existsAsync() {
    return place.read(existence()).thenApply(reply -> !(Place.view(reply) instanceof View.Missing));
  }

  /// Waits until the value is there. It was there once when this returns, and may be gone again: it
  /// may be deleted, or expire.
  ///
  /// @param timeout 1 ms to one day
  /// @throws DefiniteException.NotReached if it does not come in time
  public Reached<Boolean> awaitSeen(Duration timeout) {
    return Blocking.await(awaitSeenAsync(timeout));
  }

  /// As [#awaitSeen(Duration)].
  public CompletableFuture<Reached<Boolean>> awaitSeenAsync(Duration timeout) {
    return place
        .await(new Threshold.Seen(existence().kind(), Optional.empty()), timeout)
        .thenApply(Reached::truth);
  }

  /// Deletes the value, whatever its kind is.
  ///
  /// @return whether there was one
  public boolean delete() {
    return Blocking.await(deleteAsync());
  }

  /// As [#delete].
  public CompletableFuture<Boolean> deleteAsync() {
    return place.mutate(new Mutation.Delete()).thenApply(reply -> Place.changed(reply) > 0);
  }

  @Override
  public String toString() {
    return getClass().getSimpleName() + "[" + place + "]";
  }
}
