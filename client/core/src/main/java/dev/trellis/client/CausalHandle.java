package dev.trellis.client;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// A `causal` register: concurrent values stand side by side until a put replaces them.
public final class CausalHandle extends Handle<CausalHandle> {
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.CAUSAL));

  CausalHandle(Place place) {
    super(place);
  }

  @Override
  CausalHandle at(Place other) {
    return new CausalHandle(other);
  }

  @Override
  Read existence() {
    return GET;
  }

  /// The concurrent values, and the context that replaces all of them; no values and an empty
  /// context if the register is missing.
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
  /// @return the context that replaces this value and those beside it
  public CausalContext put(Payload value, CausalContext context) {
    return Blocking.await(putAsync(value, context));
  }

  /// As [#put], with a text.
  public CausalContext putText(String value, CausalContext context) {
    return put(Payload.ofText(value), context);
  }

  /// As [#put].
  public CompletableFuture<CausalContext> putAsync(Payload value, CausalContext context) {
    return place
        .mutateAndShow(new Mutation.PutCausal(value, context), GET)
        .thenApply(reply -> siblings(reply).context());
  }

  static View.Siblings siblings(Reply reply) {
    return switch (Place.view(reply)) {
      case View.Siblings view -> view;
      case View.Missing missing -> new View.Siblings(List.of(), CausalContext.EMPTY);
      case View other -> throw Place.unexpected(other);
    };
  }
}
