package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Threshold;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// An `orset`: a set to add to and remove from. An add wins over a concurrent removal.
public final class SetHandle extends ElementsHandle<SetHandle> {
  SetHandle(Place place) {
    super(place, Kind.ORSET);
  }

  @Override
  SetHandle at(Place other) {
    return new SetHandle(other);
  }

  /// Waits until an element is in the set. It was there once when this returns, and may be removed
  /// by then.
  ///
  /// @param timeout 1 ms to one day
  /// @return just this element
  /// @throws DefiniteException.NotReached if no replica asked had it in time
  public Reached<List<Payload>> awaitSeen(Payload element, Duration timeout) {
    return Blocking.await(awaitSeenAsync(element, timeout));
  }

  /// As [#awaitSeen(Payload, Duration)], of a text.
  public Reached<List<Payload>> awaitSeen(String element, Duration timeout) {
    return awaitSeen(Payload.ofText(element), timeout);
  }

  /// As [#awaitSeen(Payload, Duration)].
  public CompletableFuture<Reached<List<Payload>>> awaitSeenAsync(
      Payload element, Duration timeout) {
    return awaited(new Threshold.Seen(Optional.of(Kind.ORSET), Optional.of(element)), timeout);
  }

  /// Removes elements, at least one, as the replica asked has seen them.
  ///
  /// @return how many were there
  public long remove(Collection<Payload> elements) {
    return Blocking.await(removeAsync(elements));
  }

  /// Removes texts, at least one.
  ///
  /// @return how many were there
  public long remove(String... elements) {
    return remove(payloads(elements));
  }

  /// As [#remove(Collection)].
  public CompletableFuture<Long> removeAsync(Collection<Payload> elements) {
    return place.mutate(new Mutation.Remove(List.copyOf(elements))).thenApply(Place::changed);
  }

  /// As [#remove(String...)].
  public CompletableFuture<Long> removeAsync(String... elements) {
    return removeAsync(payloads(elements));
  }
}
