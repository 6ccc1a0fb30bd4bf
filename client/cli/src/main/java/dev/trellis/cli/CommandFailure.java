package dev.trellis.cli;

import dev.trellis.client.DefiniteException;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.wire.ErrorCode;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A command that cannot do what was asked. The message is one sentence or two for people: what is
/// wrong, naming the thing and the value, and what to do.
public final class CommandFailure extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final int exitCode;
  private final transient Optional<ErrorCode> code;

  /// @param exitCode one of [ExitCode]
  public CommandFailure(int exitCode, String message) {
    this(exitCode, message, Optional.empty(), null);
  }

  /// @param exitCode one of [ExitCode]
  public CommandFailure(int exitCode, String message, Throwable cause) {
    this(exitCode, message, Optional.empty(), cause);
  }

  CommandFailure(
      int exitCode, String message, Optional<ErrorCode> code, @Nullable Throwable cause) {
    super(message, cause);
    this.exitCode = exitCode;
    this.code = code;
  }

  /// The failure of a call to the cluster.
  public static CommandFailure of(TrellisException failure) {
    // A call that could not be sent in time is a matter of the way to the cluster, not of its
    // answer.
    boolean unreachable = failure instanceof DefiniteException.NotSent;
    int exitCode = unreachable ? ExitCode.UNREACHABLE : ExitCode.of(failure.code());
    String doubt =
        failure.isDefinite()
            ? ""
            : " (it may have been carried out all the same: read the key to find out)";
    if (failure instanceof IndefiniteException.NotEnoughReplicas shortfall) {
      exitCode = shortfall.isKept() ? ExitCode.UNKNOWN : ExitCode.REFUSED;
      doubt = shortfall.isKept() ? "" : " (nothing was changed)";
    }
    return new CommandFailure(
        exitCode, failure.getMessage() + doubt, Optional.of(failure.code()), failure);
  }

  /// Refuses a value that an option can't have.
  ///
  /// @param option as it is written, such as `--nodes`
  /// @throws CommandFailure naming it, the value and the range, if the value is not within that
  public static void requireWithin(String option, long value, long min, long max) {
    if (value < min || value > max) {
      throw new CommandFailure(
          ExitCode.MISUSE, option + " " + value + " is outside " + min + " to " + max);
    }
  }

  /// One of [ExitCode].
  public int exitCode() {
    return exitCode;
  }

  /// Why the cluster refused, where it did.
  Optional<ErrorCode> code() {
    return code;
  }
}
