package dev.trellis.history.linear;

/// Two engines know better than each other: one of them is wrong.
public final class EnginesDisagreeException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  EnginesDisagreeException(String message) {
    super(message);
  }
}
