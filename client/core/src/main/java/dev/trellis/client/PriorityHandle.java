package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// A `priority` register: of all puts, the one with the lowest priority stays, of equal ones the
/// one with the lowest bytes.
public final class PriorityHandle extends ExpirableHandle<PriorityHandle> {
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.PRIORITY));

  PriorityHandle(Place place) {
    super(place);
  }

  @Override
  PriorityHandle at(Place other) {
    return new PriorityHandle(other);
  }

  @Override
  Read existence() {
    return GET;
  }

  /// The value that is kept; empty if there is none yet.
  public Optional<View.Prioritized> get() {
    return Blocking.await(getAsync());
  }

  /// As [#get].
  public CompletableFuture<Optional<View.Prioritized>> getAsync() {
    return place.read(GET).thenApply(PriorityHandle::value);
  }

  /// Puts a value.
  ///
  /// @param priority any double but NaN
  /// @return the value that is kept, which may be an earlier one
  public View.Prioritized put(double priority, Payload value) {
    return Blocking.await(putAsync(priority, value));
  }

  /// As [#put], with a text.
  public View.Prioritized putText(double priority, String value) {
    return put(priority, Payload.ofText(value));
  }

  /// As [#put].
  public CompletableFuture<View.Prioritized> putAsync(double priority, Payload value) {
    return place
        .mutateAndShow(new Mutation.PutPriority(priority, value), GET)
        // An answer without a value: it expired between the put and the answer.
        .thenApply(reply -> value(reply).orElse(new View.Prioritized(priority, value)));
  }

  private static Optional<View.Prioritized> value(Reply reply) {
    return switch (Place.view(reply)) {
      case View.Prioritized view -> Optional.of(view);
      case View.Missing missing -> Optional.empty();
      case View other -> throw Place.unexpected(other);
    };
  }
}
