package dev.trellis.functions.mailbox;

/// A question was not answered, or the answer is that it has failed.
public final class NoAnswerException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private final boolean failed;

  NoAnswerException(String message, boolean failed) {
    super(message);
    this.failed = failed;
  }

  /// Whether whoever was asked has said that it failed; else nobody has said anything in time.
  public boolean isFailure() {
    return failed;
  }
}
