package dev.trellis.cli;

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

  /// One of [ExitCode].
  public int exitCode() {
    return exitCode;
  }

  /// Why the cluster refused, where it did.
  Optional<ErrorCode> code() {
    return code;
  }
}
