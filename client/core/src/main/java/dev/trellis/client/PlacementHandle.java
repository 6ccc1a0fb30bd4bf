package dev.trellis.client;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// Where a key belongs: on how many nodes of each tier, and in how many shards of each. A key for
/// which nothing was decided belongs where the cluster's default says. What is decided here holds
/// whatever is written to the key, and for keys that are yet to be written; of two decisions the
/// later holds.
///
/// A tier short of nodes borrows from the other, and a key has never fewer replicas than the
/// cluster needs to survive the loss of as many nodes as it must.
public final class PlacementHandle {
  private final Place place;

  PlacementHandle(Place place) {
    this.place = place;
  }

  public Payload key() {
    return place.key();
  }

  /// The same key, its calls carried out in another way.
  public PlacementHandle withOptions(CallOptions options) {
    return new PlacementHandle(place.with(options));
  }

  /// Where the key belongs, and whether that was decided for it. Costs a round trip to the key's
  /// home.
  public View.Placed show() {
    return Blocking.await(showAsync());
  }

  /// As [#show].
  public CompletableFuture<View.Placed> showAsync() {
    return place.read(new Read.Placed()).thenApply(PlacementHandle::placed);
  }

  /// Decides where the key belongs. Its replicas follow from then on; until they have, those that
  /// hold it answer for it.
  ///
  /// @param placement more nodes or shards than there are means all
  /// @return how many nodes have the decision
  public Receipt set(Placement placement) {
    return Blocking.await(setAsync(placement));
  }

  /// As [#set].
  public CompletableFuture<Receipt> setAsync(Placement placement) {
    return place.mutate(new Mutation.Place(Optional.of(placement))).thenApply(Reply::receipt);
  }

  /// Lets the key belong where the default says again.
  ///
  /// @return how many nodes have the decision
  public Receipt reset() {
    return Blocking.await(resetAsync());
  }

  /// As [#reset].
  public CompletableFuture<Receipt> resetAsync() {
    return place.mutate(new Mutation.Place(Optional.empty())).thenApply(Reply::receipt);
  }

  private static View.Placed placed(Reply reply) {
    if (Place.view(reply) instanceof View.Placed placed) {
      return placed;
    }
    throw Place.unexpected(Place.view(reply));
  }
}
