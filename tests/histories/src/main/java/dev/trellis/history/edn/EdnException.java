package dev.trellis.history.edn;

/// A text that is no EDN. The message says where, and what is wrong there.
public final class EdnException extends IllegalArgumentException {
  private static final long serialVersionUID = 1L;

  EdnException(long line, long column, String problem) {
    super("line " + line + ", column " + column + ": " + problem);
  }
}
