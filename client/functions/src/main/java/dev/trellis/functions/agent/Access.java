package dev.trellis.functions.agent;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
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

  /// What is to be done about a message that did not get into a mailbox.
  enum Unsent {
    /// It is sent again, as it is.
    AGAIN,
    /// Its tag is too old: it is sent under another.
    UNDER_ANOTHER_TAG,
    /// It never gets there.
    NEVER
  }

  /// What a message meets that is not about itself passes: a mailbox that nobody reads is full, a
  /// clock is ahead, a host's key has ended.
  ///
  /// @param bytes of the message
  static Unsent unsent(Throwable failed, long bytes, Limits limits) {
    return switch (unwrap(failed)) {
      case DefiniteException.InvocationExpired expired -> Unsent.UNDER_ANOTHER_TAG;
      case DefiniteException.Forbidden forbidden -> Unsent.NEVER;
      case DefiniteException.KeyTooLong tooLong -> Unsent.NEVER;
      case DefiniteException.KindMismatch otherKind -> Unsent.NEVER;
      case IllegalArgumentException none -> Unsent.NEVER;
      // A lesser one fits once the mailbox has forgotten enough of what was there.
      case DefiniteException.ValueTooLarge tooLarge ->
          bytes > limits.valueBytesMax() / 2 ? Unsent.NEVER : Unsent.AGAIN;
      default -> Unsent.AGAIN;
    };
  }

  /// What time it is in the cluster, as far as the client knows: it takes the nodes' clock for its
  /// own where they refuse what it writes by that of its machine.
  static long nowMillis(Trellis trellis) {
    return trellis.stampAfter(HybridTimestamp.ZERO).millis();
  }
}
