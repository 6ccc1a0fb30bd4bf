package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Threshold;
import java.time.Duration;
import java.util.Collection;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/// A `gset`: a set that only grows.
public final class GrowSetHandle extends ElementsHandle<GrowSetHandle> {
  GrowSetHandle(Place place) {
    super(place, Kind.GSET);
  }

  @Override
  GrowSetHandle at(Place other) {
    return new GrowSetHandle(other);
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
    return awaited(new Threshold.Contains(Kind.GSET, List.copyOf(elements)), timeout);
  }
}
