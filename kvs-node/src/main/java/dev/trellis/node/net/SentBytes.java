package dev.trellis.node.net;

import io.netty.buffer.ByteBuf;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelOutboundHandlerAdapter;
import io.netty.channel.ChannelPromise;
import java.util.function.IntConsumer;

/// Sees what was encrypted go to the socket: from above the encryption, a long answer is not seen
/// to move before all of it has gone.
final class SentBytes extends ChannelOutboundHandlerAdapter {
  private final IntConsumer moved;

  /// @param moved called whenever the socket has taken some, with how many
  SentBytes(IntConsumer moved) {
    this.moved = moved;
  }

  @Override
  public void write(ChannelHandlerContext context, Object message, ChannelPromise promise) {
    int size = message instanceof ByteBuf bytes ? bytes.readableBytes() : 0;
    var _ = context.write(message, promise.unvoid().addListener(written -> moved.accept(size)));
  }
}
