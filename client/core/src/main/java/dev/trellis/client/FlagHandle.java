package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// A `flag`: false until enabled, then true until deleted.
public final class FlagHandle extends ExpirableHandle<FlagHandle> {
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.FLAG));

  FlagHandle(Place place) {
    super(place);
  }

  @Override
  FlagHandle at(Place other) {
    return new FlagHandle(other);
  }

  @Override
  Read existence() {
    return GET;
  }

  /// Sets the flag.
  ///
  /// @return how many replicas have it
  public Receipt enable() {
    return Blocking.await(enableAsync());
  }

  /// As [#enable].
  public CompletableFuture<Receipt> enableAsync() {
    return place.mutate(new Mutation.Enable()).thenApply(Reply::receipt);
  }

  /// Whether it is set; false if it is missing.
  public boolean isEnabled() {
    return Blocking.await(isEnabledAsync());
  }

  /// As [#isEnabled].
  public CompletableFuture<Boolean> isEnabledAsync() {
    return place.read(GET).thenApply(FlagHandle::truth);
  }

  /// Waits until it is set, which it stays until the key is deleted or expires.
  ///
  /// @param timeout 1 ms to one day
  /// @throws DefiniteException.NotReached if it is not in time
  public Reached<Boolean> awaitEnabled(Duration timeout) {
    return Blocking.await(awaitEnabledAsync(timeout));
  }

  /// As [#awaitEnabled].
  public CompletableFuture<Reached<Boolean>> awaitEnabledAsync(Duration timeout) {
    return place.await(new Threshold.Enabled(Kind.FLAG), timeout).thenApply(Reached::truth);
  }

  static boolean truth(Reply reply) {
    return switch (Place.view(reply)) {
      case View.Truth view -> view.value();
      case View.Missing missing -> false;
      case View other -> throw Place.unexpected(other);
    };
  }
}
