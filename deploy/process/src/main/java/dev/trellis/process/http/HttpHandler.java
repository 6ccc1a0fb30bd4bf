package dev.trellis.process.http;

import java.io.IOException;

/// Answers requests.
@FunctionalInterface
public interface HttpHandler {
  /// Answers one. Called on a virtual thread of the request's own, so it may wait; interrupted when
  /// the server closes.
  ///
  /// @throws IOException if the other side has gone
  void handle(HttpExchange exchange) throws IOException;
}
