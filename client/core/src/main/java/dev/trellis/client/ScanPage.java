package dev.trellis.client;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import java.util.List;
import java.util.Optional;

/// A page of the cluster's live keys in byte order.
///
/// @param keys found; may be fewer than asked for although more follow, where values are large
/// @param next what to pass as `after` for the page that follows; empty if this was the last
public record ScanPage(List<Frame.ScannedKey> keys, Optional<Payload> next) {
  public ScanPage {
    keys = List.copyOf(keys);
  }
}
