package dev.trellis.process;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelPipeline;
import io.netty.handler.ssl.SslHandler;
import java.util.function.Consumer;

/// The first handler of a connection to a port that wants TLS: looks at the first byte, and puts an
/// [SslHandler] in its own place if TLS is spoken, or tells of it if not, so that who has forgotten
/// it is told in a way that he understands.
///
/// Until a byte has come, nothing is made that encrypts, so that a silent connection costs as much
/// as one without TLS. How long a handshake may take is for the next handler to watch, which sees
/// the connection from its beginning.
public final class TlsEntrance extends ChannelInboundHandlerAdapter {
  private static final int HANDSHAKE = 0x16; // RFC 8446, ContentType

  private final Tls tls;
  private final Consumer<ChannelHandlerContext> encrypted;
  private final Runnable plain;

  /// @param plain called if something else is spoken; what has come is thrown away, and what will
  ///   come too
  public TlsEntrance(Tls tls, Runnable plain) {
    this(tls, context -> {}, plain);
  }

  /// @param encrypted called with the context of the [SslHandler], before it has seen a byte
  public TlsEntrance(Tls tls, Consumer<ChannelHandlerContext> encrypted, Runnable plain) {
    this.tls = tls;
    this.encrypted = encrypted;
    this.plain = plain;
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf bytes = (ByteBuf) message;
    if (!bytes.isReadable()) {
      bytes.release();
      return;
    }
    ChannelPipeline pipeline = context.pipeline();
    if (bytes.getUnsignedByte(bytes.readerIndex()) != HANDSHAKE) {
      bytes.release();
      pipeline.replace(this, "deaf", new Deaf());
      plain.run();
      return;
    }
    SslHandler handler = tls.server().newHandler(context.alloc());
    handler.setHandshakeTimeoutMillis(0); // see above
    pipeline.replace(this, "tls", handler);
    encrypted.accept(pipeline.context(handler));
    context.fireChannelRead(bytes); // to the handler that has come in this one's place
  }

  /// Throws away what comes.
  private static final class Deaf extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      ((ByteBuf) message).release();
    }
  }
}
