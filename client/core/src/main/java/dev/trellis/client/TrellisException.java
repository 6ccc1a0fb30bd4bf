package dev.trellis.client;

import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A call that did not end as asked. A [DefiniteException] did not take effect and never will; an
/// [IndefiniteException] may have. Catch one of the two, or the subclass of an error code.
public abstract sealed class TrellisException extends RuntimeException
    permits DefiniteException, IndefiniteException {
  private static final long serialVersionUID = 1L;

  /// All there is to say of a failed call.
  ///
  /// @param reply what the shard answered; empty where no answer came, or none was asked for
  record Failure(
      ErrorCode code,
      String message,
      Optional<Reply> reply,
      Optional<Duration> retryAfter,
      @Nullable Throwable cause) {
    Failure(ErrorCode code, String message) {
      this(code, message, Optional.empty(), Optional.empty(), null);
    }

    Failure(ErrorCode code, String message, @Nullable Throwable cause) {
      this(code, message, Optional.empty(), Optional.empty(), cause);
    }
  }

  private final transient Failure failure;

  TrellisException(Failure failure) {
    super(failure.message, failure.cause);
    this.failure = failure;
  }

  /// The exception of a failure, of the class that its code has.
  static TrellisException of(Failure failure) {
    return switch (failure.code) {
      case BAD_REQUEST -> new DefiniteException.BadRequest(failure);
      case KEY_TOO_LONG -> new DefiniteException.KeyTooLong(failure);
      case VALUE_TOO_LARGE -> new DefiniteException.ValueTooLarge(failure);
      case KIND_MISMATCH -> new DefiniteException.KindMismatch(failure);
      case CLOCK_SKEW -> new DefiniteException.ClockSkew(failure);
      case UNAUTHENTICATED -> new DefiniteException.Unauthenticated(failure);
      case FORBIDDEN -> new DefiniteException.Forbidden(failure);
      case NOT_OWNER -> new DefiniteException.NotOwner(failure);
      case MOVED -> new DefiniteException.Moved(failure);
      case STALE_PEER -> new DefiniteException.StalePeer(failure);
      case SUPERSEDED -> new DefiniteException.Superseded(failure);
      case SESSION_UNAVAILABLE -> new DefiniteException.SessionUnavailable(failure);
      case OVERLOADED -> new DefiniteException.Overloaded(failure);
      case OUT_OF_MEMORY -> new DefiniteException.OutOfMemory(failure);
      case DISK_FULL -> new DefiniteException.DiskFull(failure);
      case NO_NODES -> new DefiniteException.NoNodes(failure);
      case INVOCATION_EXPIRED -> new DefiniteException.InvocationExpired(failure);
      case NOT_ENOUGH_REPLICAS -> new IndefiniteException.NotEnoughReplicas(failure);
      case TIMEOUT -> new IndefiniteException.TimedOut(failure);
      case NOT_REACHED -> new DefiniteException.NotReached(failure);
      case OUTCOME_UNKNOWN -> new IndefiniteException.OutcomeUnknown(failure);
    };
  }

  /// The exception of a failure that arises in front of a client, as in a session.
  public static TrellisException of(ErrorCode code, String message) {
    return of(new Failure(code, message));
  }

  /// The exception of a reply whose outcome is a failure.
  public static TrellisException of(Reply reply, Outcome.Failed failed, String message) {
    return of(new Failure(failed.code(), message, Optional.of(reply), failed.retryAfter(), null));
  }

  /// The same failure with the stack trace of the calling thread; the first one is its cause.
  TrellisException here() {
    Failure again =
        new Failure(failure.code, failure.message, failure.reply, failure.retryAfter, this);
    return this instanceof DefiniteException.NotSent
        ? new DefiniteException.NotSent(again)
        : of(again);
  }

  /// Why the call failed.
  public ErrorCode code() {
    return failure.code;
  }

  /// Whether the call did not take effect and never will.
  public boolean isDefinite() {
    return this instanceof DefiniteException;
  }

  /// What the shard answered: its clock, the key's generation, the receipt. Empty where the failure
  /// arose in the client.
  public Optional<Reply> reply() {
    return failure.reply;
  }

  /// When it is worth another try, where the shard says so.
  public Optional<Duration> retryAfter() {
    return failure.retryAfter;
  }
}
