package dev.trellis.wire;

/// Bytes from elsewhere that are no legal message: truncated, oversized, too deeply nested or
/// otherwise wrong. The message names what was wrong and what would be right.
public final class WireException extends Exception {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;

  public WireException(ErrorCode code, String message) {
    super(message);
    this.code = code;
  }

  public WireException(ErrorCode code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
  }

  /// What to answer: `BAD_REQUEST`, `KEY_TOO_LONG` or `VALUE_TOO_LARGE`.
  public ErrorCode code() {
    return code;
  }
}
