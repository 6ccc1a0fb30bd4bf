package dev.trellis.node.net;

import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;

/// Sees what was encrypted go to the socket: from above the encryption, a long answer is not seen
/// to move before all of it has gone.
final class SentBytes extends ChannelOutboundHandlerAdapter {
  private final ChannelFutureListener listener;

  /// @param moved called whenever the socket has taken some
  SentBytes(Runnable moved) {
    this.listener = written -> moved.run();
  }

  @Override
  public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
    var _ = context.write(message, promise.unvoid().addListener(listener));
  }
}
