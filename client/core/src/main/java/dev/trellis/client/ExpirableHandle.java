package dev.trellis.client;

import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import java.time.Duration;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;

/// A handle on a value whose expiry belongs to the key and not to each put.
abstract class ExpirableHandle<H extends ExpirableHandle<H>> extends Handle<H> {
  ExpirableHandle(Place place) {
    super(place);
  }

  /// Lets the whole value expire after `ttl`, counted from now.
  ///
  /// @return whether that changed anything; false if there is no value
  /// @throws IllegalArgumentException if not 1 ms to ten years
  public boolean expire(Duration ttl) {
    return Blocking.await(expireAsync(ttl));
  }

  /// As [#expire].
  public CompletableFuture<Boolean> expireAsync(Duration ttl) {
    CallOptions.requireWithin("ttl", ttl, Duration.ofMillis(Limits.TTL_MILLIS_MAX));
    return expiry(OptionalLong.of(ttl.toMillis()));
  }

  /// Lets the value live for ever again.
  ///
  /// @return whether that changed anything
  public boolean persist() {
    return Blocking.await(persistAsync());
  }

  /// As [#persist].
  public CompletableFuture<Boolean> persistAsync() {
    return expiry(OptionalLong.empty());
  }

  private CompletableFuture<Boolean> expiry(OptionalLong ttlMillis) {
    return place
        .mutate(new Mutation.Expire(ttlMillis))
        .thenApply(reply -> Place.changed(reply) > 0);
  }
}
