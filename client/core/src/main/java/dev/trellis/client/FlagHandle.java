package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
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

  private static boolean truth(Reply reply) {
    return switch (Place.view(reply)) {
      case View.Truth view -> view.value();
      case View.Missing missing -> false;
      case View other -> throw Place.unexpected(other);
    };
  }
}
