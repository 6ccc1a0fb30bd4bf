package dev.trellis.client;

import dev.trellis.lattice.Kind;

/// A `gset`: a set that only grows.
public final class GrowSetHandle extends ElementsHandle<GrowSetHandle> {
  GrowSetHandle(Place place) {
    super(place, Kind.GSET);
  }

  @Override
  GrowSetHandle at(Place other) {
    return new GrowSetHandle(other);
  }
}
