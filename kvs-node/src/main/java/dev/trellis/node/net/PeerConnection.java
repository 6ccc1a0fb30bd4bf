package dev.trellis.node.net;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Peer;
import dev.trellis.wire.WireException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A connection by which a peer tells this shard things. Nothing is held back here: each message is
/// taken as it comes, and what does not come waits at the peer.
final class PeerConnection extends ChannelInboundHandlerAdapter {
  private static final Logger LOG = LoggerFactory.getLogger(PeerConnection.class);

  private final ShardServer shard;
  private final Peer from;
  private final Channel channel;
  private final FrameAccumulator inbound;
  private boolean closed;

  /// @param inbound what has come on the channel already, and will come
  PeerConnection(ShardServer shard, Peer from, Channel channel, FrameAccumulator inbound) {
    this.shard = shard;
    this.from = from;
    this.channel = channel;
    this.inbound = inbound;
  }

  Peer from() {
    return from;
  }

  /// Answers the Hello, and takes what came behind it.
  void begin(int version) {
    send(shard.welcome(version, HybridTimestamp.ofMillis(shard.clock().millis())));
    channel.config().setAutoRead(true);
    advance();
  }

  /// Tells why, and closes.
  void refuse(ErrorCode code, String message) {
    if (!closed) {
      LOG.warn("{}: {} is refused: {}", shard.self(), from, message);
      shard.tallies().peersRefused.add(1);
      closed = true;
      channel
          .writeAndFlush(encoded(new Frame.Refused(code, message)))
          .addListener(ChannelFutureListener.CLOSE);
    }
  }

  void abort() {
    closed = true;
    var _ = channel.close();
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf bytes = (ByteBuf) message;
    shard.tallies().peerBytesReceived.add(bytes.readableBytes());
    if (closed || shard.plane().hasFailed()) {
      bytes.release();
      return;
    }
    shard.step(
        () -> {
          inbound.add(bytes);
          advance();
        });
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    shard.turn(() -> {}); // sends what all that was read led to
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    closed = true;
    inbound.release();
    shard.turn(() -> shard.forget(this));
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    if (cause instanceof IOException) {
      LOG.debug("{}: the connection from {} broke: {}", shard.self(), from, cause.getMessage());
    } else {
      LOG.warn("{}: the connection from {} is closed after a failure", shard.self(), from, cause);
    }
    abort();
  }

  private void advance() {
    int bytesMax = shard.plane().config().limits().frameBytesMax();
    try {
      while (!closed) {
        inbound.check(bytesMax);
        if (!inbound.next()) {
          return;
        }
        Frame frame = decode(inbound.messageBuffer());
        inbound.forgetMessage();
        take(frame);
      }
    } catch (WireException e) {
      refuse(e.code(), String.valueOf(e.getMessage()));
    }
  }

  private Frame decode(ByteBuffer message) throws WireException {
    try {
      return shard.codec().decode(message);
    } catch (RuntimeException e) {
      // A defect, but one that has touched nothing yet.
      LOG.error("{}: {} sent what the decoder cannot cope with", shard.self(), from, e);
      throw new WireException(ErrorCode.BAD_REQUEST, "the message cannot be read", e);
    }
  }

  private void take(Frame frame) {
    if (frame instanceof Frame.FromPeer told) {
      shard.receive(from, told.message());
    } else {
      refuse(
          ErrorCode.BAD_REQUEST,
          frame.getClass().getSimpleName() + " is nothing that replicas tell each other");
    }
  }

  private void send(Frame frame) {
    var _ = channel.writeAndFlush(encoded(frame));
  }

  private ByteBuf encoded(Frame frame) {
    byte[] message = FrameCodec.encode(frame);
    return channel
        .alloc()
        .ioBuffer(FrameAccumulator.LENGTH_BYTES + message.length)
        .writeInt(message.length)
        .writeBytes(message);
  }
}
