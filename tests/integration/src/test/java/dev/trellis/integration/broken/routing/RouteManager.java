package dev.trellis.integration.broken.routing;

import com.google.protobuf.ByteString;
import dev.trellis.integration.broken.bench.Load;

/// A name that says nothing, Protobuf outside the codecs, and a dependency on tests.
public final class RouteManager {
  private RouteManager() {}

  /// Never called.
  public static int bytes() {
    return ByteString.EMPTY.size() + Load.keys();
  }
}
