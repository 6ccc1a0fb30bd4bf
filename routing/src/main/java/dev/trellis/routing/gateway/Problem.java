package dev.trellis.routing.gateway;

import java.time.Duration;
import java.util.Optional;

/// Why a request was not carried out, as an RFC 9457 problem.
///
/// @param detail what is wrong with this request and what would be right
/// @param definite whether the request did not take effect and never will
/// @param retryAfter when it is worth another try
/// @param allow for a wrong method, the methods that the path takes
record Problem(
    ProblemType type,
    String detail,
    boolean definite,
    Optional<Duration> retryAfter,
    Optional<String> allow) {
  private static final Duration RETRY_AFTER_DEFAULT = Duration.ofSeconds(1);

  static final String MEDIA_TYPE = "application/problem+json";

  /// A problem that is found before anything was done.
  static Problem of(ProblemType type, String detail) {
    return new Problem(type, detail, true, Optional.empty(), Optional.empty());
  }

  /// What the cluster answered.
  static Problem of(StoreResult.Failed failed) {
    ProblemType type = ProblemType.of(failed.code());
    Optional<Duration> retryAfter =
        type.isTransient()
            ? Optional.of(failed.retryAfter().orElse(RETRY_AFTER_DEFAULT))
            : failed.retryAfter();
    return new Problem(type, failed.message(), failed.definite(), retryAfter, Optional.empty());
  }

  static Problem overloaded(String detail) {
    return new Problem(
        ProblemType.OVERLOADED, detail, true, Optional.of(RETRY_AFTER_DEFAULT), Optional.empty());
  }

  /// The gateway itself has to learn something first.
  static Problem notYet(String detail) {
    return new Problem(
        ProblemType.NO_NODES, detail, true, Optional.of(RETRY_AFTER_DEFAULT), Optional.empty());
  }

  static Problem methodNotAllowed(String detail, String allow) {
    return new Problem(
        ProblemType.METHOD_NOT_ALLOWED, detail, true, Optional.empty(), Optional.of(allow));
  }

  /// The value of `Retry-After`: whole seconds, rounded up.
  Optional<String> retryAfterSeconds() {
    return retryAfter.map(wait -> Long.toString(Math.max(1, (wait.toMillis() + 999) / 1_000)));
  }

  int status() {
    return type.status();
  }

  Problem withDetail(String other) {
    return new Problem(type, other, definite, retryAfter, allow);
  }
}
