package dev.trellis.client;

/// The call did not take effect and never will.
public abstract sealed class DefiniteException extends TrellisException {
  private static final long serialVersionUID = 1L;

  DefiniteException(Failure failure) {
    super(failure);
  }

  /// The request makes no sense as it stands: an empty key, a limit of zero, malformed text.
  public static final class BadRequest extends DefiniteException {
    private static final long serialVersionUID = 1L;

    BadRequest(Failure failure) {
      super(failure);
    }
  }

  /// The key is longer than the cluster accepts.
  public static final class KeyTooLong extends DefiniteException {
    private static final long serialVersionUID = 1L;

    KeyTooLong(Failure failure) {
      super(failure);
    }
  }

  /// The value is, or would become, larger than the cluster accepts.
  public static final class ValueTooLarge extends DefiniteException {
    private static final long serialVersionUID = 1L;

    ValueTooLarge(Failure failure) {
      super(failure);
    }
  }

  /// The key holds another kind of value, or two kinds and the read named none.
  public static final class KindMismatch extends DefiniteException {
    private static final long serialVersionUID = 1L;

    KindMismatch(Failure failure) {
      super(failure);
    }
  }

  /// The clocks of client and shard stay too far apart, even after a correction.
  public static final class ClockSkew extends DefiniteException {
    private static final long serialVersionUID = 1L;

    ClockSkew(Failure failure) {
      super(failure);
    }
  }

  /// The cluster does not know who is calling.
  public static final class Unauthenticated extends DefiniteException {
    private static final long serialVersionUID = 1L;

    Unauthenticated(Failure failure) {
      super(failure);
    }
  }

  /// The caller may not do this.
  public static final class Forbidden extends DefiniteException {
    private static final long serialVersionUID = 1L;

    Forbidden(Failure failure) {
      super(failure);
    }
  }

  /// The shards asked do not own the key, although the cluster map says so.
  public static final class NotOwner extends DefiniteException {
    private static final long serialVersionUID = 1L;

    NotOwner(Failure failure) {
      super(failure);
    }
  }

  /// The key is kept elsewhere, and the client could not follow it there.
  public static final class Moved extends DefiniteException {
    private static final long serialVersionUID = 1L;

    Moved(Failure failure) {
      super(failure);
    }
  }

  /// The shard's process was declared gone by its cluster.
  public static final class StalePeer extends DefiniteException {
    private static final long serialVersionUID = 1L;

    StalePeer(Failure failure) {
      super(failure);
    }
  }

  /// The key was deleted or expired since the generation that the call was meant for.
  public static final class Superseded extends DefiniteException {
    private static final long serialVersionUID = 1L;

    Superseded(Failure failure) {
      super(failure);
    }
  }

  /// No replica could meet the guarantees of the session in time.
  public static final class SessionUnavailable extends DefiniteException {
    private static final long serialVersionUID = 1L;

    SessionUnavailable(Failure failure) {
      super(failure);
    }
  }

  /// The shard, or this client's queue for it, is full.
  public static final class Overloaded extends DefiniteException {
    private static final long serialVersionUID = 1L;

    Overloaded(Failure failure) {
      super(failure);
    }
  }

  /// The node's memory is full.
  public static final class OutOfMemory extends DefiniteException {
    private static final long serialVersionUID = 1L;

    OutOfMemory(Failure failure) {
      super(failure);
    }
  }

  /// The node's disk is full.
  public static final class DiskFull extends DefiniteException {
    private static final long serialVersionUID = 1L;

    DiskFull(Failure failure) {
      super(failure);
    }
  }

  /// The invocation whose tag the mutation carries is too old: what it did is no more told apart.
  /// This run of it did nothing; earlier ones may have.
  public static final class InvocationExpired extends DefiniteException {
    private static final long serialVersionUID = 1L;

    InvocationExpired(Failure failure) {
      super(failure);
    }
  }

  /// No node of the cluster could be reached.
  public static final class NoNodes extends DefiniteException {
    private static final long serialVersionUID = 1L;

    NoNodes(Failure failure) {
      super(failure);
    }
  }

  /// What a threshold read waited for was not reached by its deadline, as far as any shard told. It
  /// may be by now. The message names key, threshold and deadline, and how far it came; [#reply]
  /// has the generation that was looked at last.
  public static final class NotReached extends DefiniteException {
    private static final long serialVersionUID = 1L;

    NotReached(Failure failure) {
      super(failure);
    }
  }

  /// The call ended before any shard took it: its time ran out, or the client was closed. The code
  /// is `TIMEOUT`.
  public static final class NotSent extends DefiniteException {
    private static final long serialVersionUID = 1L;

    NotSent(Failure failure) {
      super(failure);
    }
  }
}
