package dev.trellis.functions.agent;

import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Frame;
import dev.trellis.wire.ReadMode;
import java.util.concurrent.CompletionException;

/// How agents get at the store: what they write is on k + 1 nodes, what they read is asked of all.
final class Access {
  private Access() {}

  /// A lone node has what there is; else a client's own default must not make less of it.
  static CallOptions writing(Trellis trellis) {
    Frame.ClusterMap map = trellis.clusterMap();
    return map.nodes().size() > map.faultTolerance()
        ? CallOptions.DEFAULT.withAcknowledgement(Acknowledgement.REPLICATED)
        : CallOptions.DEFAULT;
  }

  static CallOptions reading() {
    return CallOptions.DEFAULT.withReadMode(ReadMode.ALL);
  }

  static Throwable unwrap(Throwable failed) {
    return failed instanceof CompletionException && failed.getCause() != null
        ? failed.getCause()
        : failed;
  }

  /// Whether to try again would end the same.
  static boolean isFinal(Throwable failed) {
    Throwable cause = unwrap(failed);
    return cause instanceof DefiniteException.BadRequest
        || cause instanceof DefiniteException.KeyTooLong
        || cause instanceof DefiniteException.ValueTooLarge
        || cause instanceof DefiniteException.KindMismatch
        || cause instanceof DefiniteException.Unauthenticated
        || cause instanceof DefiniteException.Forbidden
        || cause instanceof IllegalArgumentException;
  }

  static boolean isExpired(Throwable failed) {
    return unwrap(failed) instanceof DefiniteException.InvocationExpired;
  }
}
