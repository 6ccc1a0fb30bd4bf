package dev.trellis.deploy;

import java.io.IOException;
import java.io.InputStream;
import java.net.HttpURLConnection;
import java.net.InetAddress;
import java.net.Proxy;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;

/// The admin port of a process on this machine. Uses the plain old HTTP client of the JDK, which is
/// there in a tenth of the time that the new one takes.
final class Admin {
  private static final int TIMEOUT_MILLIS = (int) Duration.ofSeconds(2).toMillis();

  private Admin() {}

  /// What a process answered.
  record Response(int status, String text) {
    boolean isOk() {
      return status == HttpURLConnection.HTTP_OK;
    }
  }

  /// Asks for a path such as `/readyz`; empty if nobody answers.
  static Optional<Response> get(int port, String path) {
    String host = InetAddress.getLoopbackAddress().getHostAddress();
    try {
      HttpURLConnection connection =
          (HttpURLConnection)
              URI.create("http://" + host + ":" + port + path)
                  .toURL()
                  .openConnection(Proxy.NO_PROXY);
      connection.setConnectTimeout(TIMEOUT_MILLIS);
      connection.setReadTimeout(TIMEOUT_MILLIS);
      int status = connection.getResponseCode();
      try (InputStream body =
          status < HttpURLConnection.HTTP_BAD_REQUEST
              ? connection.getInputStream()
              : connection.getErrorStream()) {
        String text =
            body == null ? "" : new String(body.readAllBytes(), StandardCharsets.UTF_8).strip();
        return Optional.of(new Response(status, text));
      }
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
