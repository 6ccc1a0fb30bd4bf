package dev.trellis.process.http;

import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelFuture;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpHeaders;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.ssl.SslHandler;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import javax.net.ssl.SSLSession;

/// A request, and the way to answer it. For one thread at a time.
public final class HttpExchange {
  private final HttpServerConnection connection;
  private final HttpRequest request;
  private final byte[] body;
  private final HttpHeaders answer = new DefaultHttpHeaders();
  private boolean hasBegun;

  HttpExchange(HttpServerConnection connection, HttpRequest request, byte[] body) {
    this.connection = connection;
    this.request = request;
    this.body = body;
  }

  public String method() {
    return request.method().name();
  }

  /// The path asked for, as it came: percent-encoded, and without the query.
  public String path() {
    String target = request.uri();
    int mark = target.indexOf('?');
    return mark < 0 ? target : target.substring(0, mark);
  }

  /// What stands behind the question mark, as it came; empty if nothing does.
  public String query() {
    String target = request.uri();
    int mark = target.indexOf('?');
    return mark < 0 ? "" : target.substring(mark + 1);
  }

  /// All values of a header of the request.
  public List<String> headers(String name) {
    return request.headers().getAll(name);
  }

  /// The value of a header that stands once; empty if it does not.
  public Optional<String> header(String name) {
    List<String> values = headers(name);
    return values.size() == 1 ? Optional.of(values.getFirst()) : Optional.empty();
  }

  /// The body as text of UTF-8.
  public String body() {
    return new String(body, StandardCharsets.UTF_8);
  }

  /// Where the request came to.
  public InetAddress local() {
    return ((InetSocketAddress) connection.channel().localAddress()).getAddress();
  }

  /// Where the request came from.
  public InetSocketAddress remote() {
    return (InetSocketAddress) connection.channel().remoteAddress();
  }

  /// Of the connection, if it is one of TLS.
  public Optional<SSLSession> session() {
    return Optional.ofNullable(connection.channel().pipeline().get(SslHandler.class))
        .map(tls -> tls.engine().getSession());
  }

  /// Whether an answer is on its way.
  public boolean hasBegun() {
    return hasBegun;
  }

  /// Sets a header of the answer, which must not have begun.
  ///
  /// @throws IllegalArgumentException if the value would be more than one header
  public void set(String name, String value) {
    answer.set(name, value);
  }

  /// Answers with a text; for `HEAD`, with all but that.
  public void respond(int status, String contentType, String text) {
    begin();
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    var response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1,
            HttpResponseStatus.valueOf(status),
            Unpooled.wrappedBuffer(isHead() ? new byte[0] : bytes));
    response.headers().set(answer).set(HttpHeaderNames.CONTENT_TYPE, contentType);
    response.headers().set(HttpHeaderNames.CONTENT_LENGTH, bytes.length);
    connection.answer(response);
  }

  /// Begins an answer of 200 that goes on for as long as both sides want, and ends with the
  /// connection. What is written is sent at once, by which the writer waits; an interrupt ends the
  /// connection.
  public OutputStream stream(String contentType) throws IOException {
    begin();
    HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
    response.headers().set(answer).set(HttpHeaderNames.CONTENT_TYPE, contentType);
    if (request.protocolVersion().equals(HttpVersion.HTTP_1_1)) {
      response.headers().set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
    }
    send(connection.beginStream(response));
    return new OutputStream() {
      @Override
      public void write(int one) throws IOException {
        write(new byte[] {(byte) one});
      }

      @Override
      public void write(byte[] bytes, int from, int length) throws IOException {
        send(
            connection
                .channel()
                .writeAndFlush(new DefaultHttpContent(Unpooled.copiedBuffer(bytes, from, length))));
      }

      @Override
      public void close() {
        connection.endStream(LastHttpContent.EMPTY_LAST_CONTENT);
      }
    };
  }

  private boolean isHead() {
    return request.method().equals(HttpMethod.HEAD);
  }

  private void begin() {
    if (hasBegun) {
      throw new IllegalStateException("a request is answered twice");
    }
    hasBegun = true;
  }

  private void send(ChannelFuture sending) throws IOException {
    try {
      sending.await();
    } catch (InterruptedException e) {
      var _ = connection.channel().close();
      Thread.currentThread().interrupt();
      throw new InterruptedIOException("the stream is no more wanted");
    }
    if (!sending.isSuccess()) {
      throw new IOException("the other side has gone", sending.cause());
    }
  }
}
