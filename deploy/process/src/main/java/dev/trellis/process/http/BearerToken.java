package dev.trellis.process.http;

import java.util.List;
import java.util.Locale;
import java.util.Optional;

/// The token in the header `Authorization: Bearer TOKEN` of a request (RFC 6750, §2.1). Tokens in
/// the query or in the body are not looked for: those end up in logs.
public final class BearerToken {
  /// What `WWW-Authenticate` says with an answer of 401.
  public static final String CHALLENGE = "Bearer realm=\"trellis\"";

  private static final String SCHEME = "bearer ";

  private BearerToken() {}

  /// Finds the token; empty if there is none.
  ///
  /// @param values of all headers `Authorization`; of several none counts, since two servers might
  ///   believe different ones
  public static Optional<String> of(List<String> values) {
    if (values.size() != 1) {
      return Optional.empty();
    }
    String value = values.getFirst().strip();
    return value.length() > SCHEME.length()
            && value.substring(0, SCHEME.length()).toLowerCase(Locale.ROOT).equals(SCHEME)
        ? Optional.of(value.substring(SCHEME.length()).strip())
        : Optional.empty();
  }
}
