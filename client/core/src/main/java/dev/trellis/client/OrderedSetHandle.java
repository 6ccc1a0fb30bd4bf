package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Threshold;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/// An `oset`: a set that only grows, made to be read in ranges.
public final class OrderedSetHandle extends ElementsHandle<OrderedSetHandle> {
  OrderedSetHandle(Place place) {
    super(place, Kind.OSET);
  }

  @Override
  OrderedSetHandle at(Place other) {
    return new OrderedSetHandle(other);
  }

  /// Waits until the set has all of these elements, which it keeps until the key is deleted or
  /// expires.
  ///
  /// @param elements 1 to [Threshold#ELEMENTS_MAX]
  /// @param timeout 1 ms to one day
  /// @return the elements waited for, ascending
  /// @throws DefiniteException.NotReached if some are missing at the end
  public Reached<List<Payload>> awaitContains(Collection<Payload> elements, Duration timeout) {
    return Blocking.await(awaitContainsAsync(elements, timeout));
  }

  /// Waits until the set has a text.
  ///
  /// @param timeout 1 ms to one day
  /// @throws DefiniteException.NotReached if it is missing at the end
  public Reached<List<Payload>> awaitContains(String element, Duration timeout) {
    return awaitContains(payloads(element), timeout);
  }

  /// As [#awaitContains(Collection, Duration)].
  public CompletableFuture<Reached<List<Payload>>> awaitContainsAsync(
      Collection<Payload> elements, Duration timeout) {
    return awaited(new Threshold.Contains(Kind.OSET, List.copyOf(elements)), timeout);
  }
}
