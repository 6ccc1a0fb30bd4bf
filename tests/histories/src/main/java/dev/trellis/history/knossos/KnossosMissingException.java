package dev.trellis.history.knossos;

/// Knossos is not on the class path, or not with all that it needs.
public final class KnossosMissingException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  private static final String HOW =
      "it is published on Clojars only; build with 'mvn -P knossos package', which fetches it from"
          + " there";

  private KnossosMissingException(String message, Throwable cause) {
    super(message + ": " + HOW, cause);
  }

  static KnossosMissingException notThere(Throwable cause) {
    return new KnossosMissingException("Knossos is not on the class path", cause);
  }

  /// @param cause what Clojure said when it loaded Knossos
  static KnossosMissingException notLoading(Throwable cause) {
    Throwable root = cause;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return new KnossosMissingException(
        "Knossos is on the class path and does not load (" + root.getMessage() + ")", cause);
  }
}
