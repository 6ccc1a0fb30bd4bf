package dev.trellis.routing.gateway;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.trellis.lattice.Payload;
import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import javax.net.ssl.SSLContext;

/// A client that sends just the bytes it is told to, for tests of what a well-behaved one never
/// does.
final class RawHttp implements AutoCloseable {
  private static final int READ_TIMEOUT_MILLIS = 20_000;

  private final Socket socket;
  private final InputStream in;

  /// An answer.
  ///
  /// @param headers by lower-case name
  record Response(int status, Map<String, String> headers, Payload body) {
    String text() {
      return body.text();
    }

    Optional<String> header(String name) {
      return Optional.ofNullable(headers.get(name.toLowerCase(Locale.ROOT)));
    }
  }

  RawHttp(InetSocketAddress address) {
    this(address, Optional.empty());
  }

  /// @param tls to speak it, with these
  RawHttp(InetSocketAddress address, Optional<SSLContext> tls) {
    try {
      socket =
          tls.isPresent()
              ? tls.get().getSocketFactory().createSocket(address.getAddress(), address.getPort())
              : new Socket(address.getAddress(), address.getPort());
      socket.setSoTimeout(READ_TIMEOUT_MILLIS);
      socket.setTcpNoDelay(true);
      in = new BufferedInputStream(socket.getInputStream());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Sends one request over a connection of its own.
  ///
  /// @param headers lines such as `Accept: application/json`
  static Response exchange(
      InetSocketAddress address, String method, String target, byte[] body, String... headers) {
    try (RawHttp http = new RawHttp(address)) {
      return http.request(method, target, body, headers);
    }
  }

  static Response get(InetSocketAddress address, String target, String... headers) {
    return exchange(address, "GET", target, new byte[0], headers);
  }

  static Response post(InetSocketAddress address, String target, String json, String... headers) {
    return exchange(address, "POST", target, json.getBytes(UTF_8), headers);
  }

  static Response put(InetSocketAddress address, String target, String text, String... headers) {
    return exchange(address, "PUT", target, text.getBytes(UTF_8), headers);
  }

  Response request(String method, String target, byte[] body, String... headers) {
    StringBuilder head =
        new StringBuilder(method + " " + target + " HTTP/1.1\r\nHost: localhost\r\n");
    for (String header : headers) {
      head.append(header).append("\r\n");
    }
    if (body.length > 0 || method.equals("PUT")) {
      head.append("Content-Length: ").append(body.length).append("\r\n");
    }
    send(head.append("\r\n").toString());
    send(body);
    return receive(method.equals("HEAD"));
  }

  void send(String text) {
    send(text.getBytes(ISO_8859_1));
  }

  void send(byte[] bytes) {
    try {
      socket.getOutputStream().write(bytes);
      socket.getOutputStream().flush();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  void shutdownOutput() {
    try {
      socket.shutdownOutput();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Reads one answer.
  ///
  /// @param headOnly whether it has no body, whatever its header says
  Response receive(boolean headOnly) {
    try {
      String statusLine = line();
      Map<String, String> headers = new LinkedHashMap<>();
      for (String line = line(); !line.isEmpty(); line = line()) {
        int colon = line.indexOf(':');
        headers.put(
            line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).strip());
      }
      int status = Integer.parseInt(statusLine, 9, 12, 10);
      byte[] body = new byte[0];
      if (!headOnly && headers.containsKey("content-length")) {
        body = in.readNBytes(Integer.parseInt(headers.get("content-length")));
      } else if (!headOnly && status != 100 && !headers.containsKey("transfer-encoding")) {
        body = in.readAllBytes();
      }
      return new Response(status, headers, Payload.of(body));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// The next chunk of a body in chunks; empty text at its end.
  String chunk() {
    try {
      int size = Integer.parseInt(line(), 16);
      String chunk = new String(in.readNBytes(size), UTF_8);
      line();
      return chunk;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /// Whether the other side has closed the connection, and has sent nothing before that.
  boolean isAtEnd() {
    try {
      return in.read() < 0;
    } catch (IOException e) {
      return true;
    }
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private String line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int next = in.read(); next != '\n'; next = in.read()) {
      if (next < 0) {
        throw new EOFException("the connection ended in the middle of '" + line + "'");
      }
      line.write(next);
    }
    String text = line.toString(ISO_8859_1);
    return text.endsWith("\r") ? text.substring(0, text.length() - 1) : text;
  }
}
