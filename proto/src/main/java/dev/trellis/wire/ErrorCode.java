package dev.trellis.wire;

import java.util.Optional;

/// Why a request was not, or may not have been, carried out. Numbers and names are part of the wire
/// format and of the REST interface.
public enum ErrorCode {
  BAD_REQUEST(1, true),
  KEY_TOO_LONG(2, true),
  VALUE_TOO_LARGE(3, true),
  KIND_MISMATCH(4, true),
  CLOCK_SKEW(5, true),
  UNAUTHENTICATED(6, true),
  FORBIDDEN(7, true),
  NOT_OWNER(8, true),
  MOVED(9, true),
  STALE_PEER(10, true),
  SUPERSEDED(11, true),
  SESSION_UNAVAILABLE(12, true),
  OVERLOADED(13, true),
  OUT_OF_MEMORY(14, true),
  DISK_FULL(15, true),
  NO_NODES(16, true),
  /// The write is kept by fewer replicas than asked for, and still spreads.
  NOT_ENOUGH_REPLICAS(17, false),
  TIMEOUT(18, false),
  OUTCOME_UNKNOWN(19, false),
  /// What was waited for has not come in time.
  NOT_REACHED(20, true),
  /// The mutation's tag is of an invocation so old that what it did is no more told apart.
  INVOCATION_EXPIRED(21, true);

  /// The greatest [#number] of a known code.
  public static final int NUMBER_MAX = 21;

  private static final ErrorCode[] BY_NUMBER = new ErrorCode[NUMBER_MAX + 1];

  static {
    for (ErrorCode code : values()) {
      BY_NUMBER[code.number] = code;
    }
  }

  private final int number;
  private final boolean definite;

  ErrorCode(int number, boolean definite) {
    this.number = number;
    this.definite = definite;
  }

  /// The number on the wire, 1 or more.
  public int number() {
    return number;
  }

  /// Whether the request did not take effect and never will.
  public boolean isDefinite() {
    return definite;
  }

  /// The code of a wire number; empty for codes that only a newer version knows.
  public static Optional<ErrorCode> ofNumber(int number) {
    return number > 0 && number < BY_NUMBER.length
        ? Optional.ofNullable(BY_NUMBER[number])
        : Optional.empty();
  }
}
