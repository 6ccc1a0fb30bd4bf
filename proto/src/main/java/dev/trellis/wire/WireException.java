package dev.trellis.wire;

import java.util.OptionalLong;

/// Bytes from elsewhere that are no legal message: truncated, oversized, too deeply nested or
/// otherwise wrong. The message names what was wrong and what would be right.
public final class WireException extends Exception {
  private static final long serialVersionUID = 1L;

  private final ErrorCode code;
  private final boolean ofRequest; // whether `requestId` means anything
  private final long requestId;

  public WireException(ErrorCode code, String message) {
    super(message);
    this.code = code;
    this.ofRequest = false;
    this.requestId = 0;
  }

  public WireException(ErrorCode code, String message, Throwable cause) {
    super(message, cause);
    this.code = code;
    this.ofRequest = false;
    this.requestId = 0;
  }

  /// The same complaint about the request with an id.
  WireException(WireException complaint, long requestId) {
    super(complaint.getMessage(), complaint);
    this.code = complaint.code;
    this.ofRequest = true;
    this.requestId = requestId;
  }

  /// What to answer: `BAD_REQUEST`, `KEY_TOO_LONG` or `VALUE_TOO_LARGE`.
  public ErrorCode code() {
    return code;
  }

  /// The id of the request that was refused, if the frame was a [Frame.Single] and wrong only after
  /// its id: the receiver can answer that request and go on. Empty otherwise.
  public OptionalLong requestId() {
    return ofRequest ? OptionalLong.of(requestId) : OptionalLong.empty();
  }
}
