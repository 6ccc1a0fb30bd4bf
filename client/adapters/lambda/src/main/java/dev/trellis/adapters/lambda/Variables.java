package dev.trellis.adapters.lambda;

import java.util.Optional;

/// Variables of the environment; one that is blank is none.
final class Variables {
  private Variables() {}

  static Optional<String> optional(String name) {
    return Optional.ofNullable(System.getenv(name)).map(String::strip).filter(v -> !v.isEmpty());
  }

  /// @throws IllegalStateException if there is no such variable
  static String required(String name) {
    return optional(name)
        .orElseThrow(
            () ->
                new IllegalStateException(
                    "the environment variable "
                        + name
                        + " is not set, which Lambda sets for its functions"));
  }
}
