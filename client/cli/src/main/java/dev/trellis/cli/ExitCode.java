package dev.trellis.cli;

import dev.trellis.wire.ErrorCode;

/// What a command's exit status means. Scripts rely on these numbers; `docs/commands.md` lists
/// them.
public final class ExitCode {
  /// Done.
  public static final int OK = 0;

  /// Done, and the answer is no: no such key, not an element, not reached in time, nothing runs.
  public static final int NEGATIVE = 1;

  /// The command line makes no sense.
  public static final int MISUSE = 2;

  /// The cluster refused: nothing was changed.
  public static final int REFUSED = 3;

  /// The outcome is unknown: what was asked may have happened, or may yet.
  public static final int UNKNOWN = 4;

  /// No cluster answers at the address.
  public static final int UNREACHABLE = 5;

  /// Something on this machine is in the way: a file, a port, a process that does not start.
  public static final int ENVIRONMENT = 6;

  /// A defect of Trellis.
  public static final int DEFECT = 70;

  /// Ended by Ctrl-C.
  public static final int INTERRUPTED = 130;

  /// The reader of the output went away.
  public static final int OUTPUT_CLOSED = 141;

  private ExitCode() {}

  /// The exit status of a request that failed.
  public static int of(ErrorCode code) {
    return switch (code) {
      case NO_NODES -> UNREACHABLE;
      case NOT_REACHED -> NEGATIVE;
      default -> code.isDefinite() ? REFUSED : UNKNOWN;
    };
  }
}
