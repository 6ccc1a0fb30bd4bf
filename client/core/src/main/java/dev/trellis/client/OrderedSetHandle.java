package dev.trellis.client;

import dev.trellis.lattice.Kind;

/// An `oset`: a set that only grows, made to be read in ranges.
public final class OrderedSetHandle extends ElementsHandle<OrderedSetHandle> {
  OrderedSetHandle(Place place) {
    super(place, Kind.OSET);
  }

  @Override
  OrderedSetHandle at(Place other) {
    return new OrderedSetHandle(other);
  }
}
