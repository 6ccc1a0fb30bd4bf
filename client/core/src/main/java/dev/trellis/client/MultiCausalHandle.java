package dev.trellis.client;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.View;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// A `multicausal` register: as `causal`, and each value names the versions of other keys that it
/// depends on.
public final class MultiCausalHandle extends Handle<MultiCausalHandle> {
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.MULTICAUSAL));

  MultiCausalHandle(Place place) {
    super(place);
  }

  @Override
  MultiCausalHandle at(Place other) {
    return new MultiCausalHandle(other);
  }

  @Override
  Read existence() {
    return GET;
  }

  /// The concurrent values with their dependencies, and the context that replaces all of them; no
  /// values and an empty context if the register is missing.
  public View.Siblings get() {
    return Blocking.await(getAsync());
  }

  /// As [#get].
  public CompletableFuture<View.Siblings> getAsync() {
    return place.read(GET).thenApply(CausalHandle::siblings);
  }

  /// Puts a value that replaces those in `context` and stands beside the others.
  ///
  /// @param context as read; [CausalContext#EMPTY] to replace nothing
  /// @param dependencies key to version
  /// @return the context that replaces this value and those beside it
  public CausalContext put(
      Payload value, CausalContext context, Map<Payload, CausalContext> dependencies) {
    return Blocking.await(putAsync(value, context, dependencies));
  }

  /// As [#put].
  public CompletableFuture<CausalContext> putAsync(
      Payload value, CausalContext context, Map<Payload, CausalContext> dependencies) {
    return place
        .mutateAndShow(new Mutation.PutMultiCausal(value, context, dependencies), GET)
        .thenApply(reply -> CausalHandle.siblings(reply).context());
  }
}
