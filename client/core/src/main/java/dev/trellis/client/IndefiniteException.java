package dev.trellis.client;

import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;

/// The call may have taken effect, or may yet. Who needs to know reads the key.
public abstract sealed class IndefiniteException extends TrellisException {
  private static final long serialVersionUID = 1L;

  IndefiniteException(Failure failure) {
    super(failure);
  }

  /// The write is kept by fewer replicas than asked for, and still spreads; or by none, see
  /// [#isKept].
  public static final class NotEnoughReplicas extends IndefiniteException {
    private static final long serialVersionUID = 1L;

    NotEnoughReplicas(Failure failure) {
      super(failure);
    }

    /// How many nodes have the write; no copies for a read, and for a write that no complete
    /// replica could take.
    public Receipt receipt() {
      return reply().map(Reply::receipt).orElse(Receipt.NONE);
    }

    /// Whether any node has the write. If none has, nothing happened, and nothing will.
    public boolean isKept() {
      return receipt().copies() > 0;
    }
  }

  /// No answer came in time, although the call was sent.
  public static final class TimedOut extends IndefiniteException {
    private static final long serialVersionUID = 1L;

    TimedOut(Failure failure) {
      super(failure);
    }
  }

  /// The call was sent, and it can no longer be found out whether it was carried out; or it was, or
  /// waits for the commit of a session, and what it was to show can't be read.
  public static final class OutcomeUnknown extends IndefiniteException {
    private static final long serialVersionUID = 1L;

    OutcomeUnknown(Failure failure) {
      super(failure);
    }
  }
}
