package dev.trellis.process.http;

import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.ssl.SslContext;
import io.netty.handler.ssl.SslHandler;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Supplier;

/// Looks at the first byte of a connection: 22 begins TLS, and no request of HTTP. Who speaks the
/// other protocol than the port does is told so, and does not wait for an answer that never comes.
/// A connection costs nothing of TLS before it has sent something.
public final class FirstByte extends ChannelInboundHandlerAdapter {
  private static final int HANDSHAKE = 22; // RFC 8446, §5.1, ContentType

  /// A fatal alert, `handshake_failure`: what a client that speaks TLS understands.
  private static final byte[] ALERT = {21, 3, 3, 0, 2, 2, 40};

  private static final String ADVICE =
      "this port speaks HTTPS: ask for it with https:// instead of http://\n";

  private static final byte[] NOT_HERE =
      ("HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: "
              + ADVICE.length()
              + "\r\nConnection: close\r\n\r\n"
              + ADVICE)
          .getBytes(StandardCharsets.US_ASCII);

  private final Optional<Supplier<SslContext>> tls;
  private final Duration handshakeTimeout;

  /// The first handler of a connection.
  ///
  /// @param tls if the port speaks it, with what, asked for each connection anew
  /// @param handshakeTimeout how long a handshake may take
  public FirstByte(Optional<Supplier<SslContext>> tls, Duration handshakeTimeout) {
    this.tls = tls;
    this.handshakeTimeout = handshakeTimeout;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (!(message instanceof ByteBuf bytes) || !bytes.isReadable()) {
      context.fireChannelRead(message);
      return;
    }
    boolean isTls = bytes.getUnsignedByte(bytes.readerIndex()) == HANDSHAKE;
    if (isTls != tls.isPresent()) {
      bytes.release();
      LastWords.say(Unpooled.wrappedBuffer(isTls ? ALERT : NOT_HERE), context);
      return;
    }
    if (tls.isPresent()) {
      SslHandler handler = tls.get().get().newHandler(context.alloc());
      handler.setHandshakeTimeoutMillis(handshakeTimeout.toMillis());
      context.pipeline().addAfter(context.name(), "tls", handler);
    }
    context.fireChannelRead(bytes);
    context.pipeline().remove(this);
  }
}
