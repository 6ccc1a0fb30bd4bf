package dev.trellis.history.knossos;

/// Knossos is not on the class path.
public final class KnossosMissingException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  KnossosMissingException(Throwable cause) {
    super(
        "Knossos is not on the class path: it is published on Clojars only; build with"
            + " 'mvn -P knossos package', which fetches it from there",
        cause);
  }
}
