package dev.trellis.history;

/// A history that makes no sense: bad EDN, a map that is no operation, an answer that nobody asked
/// for, a value that is none for what was asked. The message says where and what.
public final class HistoryException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  public HistoryException(String message) {
    super(message);
  }

  public HistoryException(String message, Throwable cause) {
    super(message, cause);
  }
}
