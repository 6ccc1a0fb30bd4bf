package dev.trellis.process.http;

import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandler;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.channel.socket.DuplexChannel;
import io.netty.handler.ssl.SslHandler;
import io.netty.util.ReferenceCountUtil;
import java.time.Duration;
import java.util.concurrent.TimeUnit;

/// Says one last thing on a connection, and closes it once the other side has had time to read it.
/// Closing at once, while something of the other side lies unread, would reset the connection and
/// take the words away from it.
public final class LastWords extends ChannelInboundHandlerAdapter {
  private static final Duration PATIENCE = Duration.ofSeconds(2);
  private static final long BYTES_MAX = 1 << 20;

  private long bytes;

  private LastWords() {}

  /// Takes a connection over, on its event loop. Handlers stay as they are, but hear no more of
  /// what arrives.
  ///
  /// @param words what to write; goes through the handlers before `first`
  /// @param first the handler that must hear no more; `LastWords` listens in its place
  public static void say(Object words, ChannelHandlerContext first) {
    Channel channel = first.channel();
    channel.pipeline().addBefore(first.name(), "last-words", (ChannelHandler) new LastWords());
    channel.config().setAutoRead(true);
    var closing =
        channel
            .eventLoop()
            .schedule(() -> close(channel), PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    channel.closeFuture().addListener(_ -> closing.cancel(false));
    first
        .writeAndFlush(words)
        .addListener(
            written -> {
              if (written.isSuccess()) {
                endOutput(channel);
              } else {
                var _ = channel.close();
              }
            });
  }

  /// Tells the other side that nothing follows, and reads on.
  public static void endOutput(Channel channel) {
    SslHandler tls = channel.pipeline().get(SslHandler.class);
    if (tls != null) {
      var _ = tls.closeOutbound();
    }
    if (channel instanceof DuplexChannel duplex) {
      var _ = duplex.shutdownOutput();
    }
  }

  private static void close(Channel channel) {
    var _ = channel.close();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (message instanceof ByteBuf some) {
      bytes += some.readableBytes();
    }
    ReferenceCountUtil.release(message);
    if (bytes > BYTES_MAX) {
      var _ = context.close();
    }
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof ChannelInputShutdownEvent) {
      var _ = context.close();
    }
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    var _ = context.close();
  }
}
