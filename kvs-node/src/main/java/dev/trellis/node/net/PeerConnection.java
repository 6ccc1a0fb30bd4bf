package dev.trellis.node.net;

import dev.trellis.access.Caller;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.process.Doorkeeper.Certificate;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Peer;
import dev.trellis.wire.WireException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A connection by which a peer tells this shard things. Nothing is held back here: each message is
/// taken as it comes, and what does not come waits at the peer.
final class PeerConnection extends ChannelInboundHandlerAdapter {
  private static final Logger LOG = LoggerFactory.getLogger(PeerConnection.class);

  /// What a replica holds another one must be able to take, whatever either is configured to accept
  /// from clients.
  private static final FrameCodec CODEC = new FrameCodec(Limits.DEFAULT);

  private final ShardServer shard;
  private final Peer from;
  private final Optional<Certificate> certificate; // that it has shown
  private final Channel channel;
  private final FrameAccumulator inbound;
  private final List<Payload> pieces = new ArrayList<>(); // of a message that is still to come
  private int piecesBytes;
  private int piecesRemaining; // bytes after those; 0 if no message is under way
  private @Nullable Future<?> expiry; // of the certificate
  private boolean closed;

  /// @param certificate that it has shown, and is to be that of the node; empty where there is no
  ///   security
  /// @param inbound what has come on the channel already, and will come
  PeerConnection(
      ShardServer shard,
      Peer from,
      Optional<Certificate> certificate,
      Channel channel,
      FrameAccumulator inbound) {
    this.shard = shard;
    this.from = from;
    this.certificate = certificate;
    this.channel = channel;
    this.inbound = inbound;
  }

  Peer from() {
    return from;
  }

  /// Answers the Hello, and takes what came behind it.
  void begin(int version) {
    send(
        shard.welcome(version, HybridTimestamp.ofMillis(shard.clock().millis()), Caller.ANONYMOUS));
    channel.config().setAutoRead(true);
    reviewLater();
    advance();
  }

  /// Looks again at whether it may stay: the list of what was revoked has changed, or its
  /// certificate may have ended.
  void review() {
    shard
        .objection(certificate, from.nodeId())
        .ifPresentOrElse(reason -> refuse(ErrorCode.UNAUTHENTICATED, reason), this::reviewLater);
  }

  private void reviewLater() {
    if (expiry != null) {
      expiry.cancel(false);
    }
    if (!closed && certificate.isPresent()) {
      expiry = shard.scheduleReview(this::review, certificate.get().expiresMillis());
    }
  }

  /// Tells why, and closes.
  void refuse(ErrorCode code, String message) {
    if (!closed) {
      shard.refusedPeer(from, code, message);
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
    if (expiry != null) {
      expiry.cancel(false);
    }
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
      return CODEC.decode(message);
    } catch (RuntimeException e) {
      // A defect, but one that has touched nothing yet.
      LOG.error("{}: {} sent what the decoder cannot cope with", shard.self(), from, e);
      throw new WireException(ErrorCode.BAD_REQUEST, "the message cannot be read", e);
    }
  }

  private void take(Frame frame) throws WireException {
    switch (frame) {
      case Frame.FromPeer told when piecesRemaining == 0 -> shard.receive(from, told.message());
      case Frame.PeerPiece piece -> takePiece(piece);
      default ->
          throw bad(
              frame.getClass().getSimpleName()
                  + (piecesRemaining == 0
                      ? " is nothing that replicas tell each other"
                      : " does not belong between the pieces of a message"));
    }
  }

  private void takePiece(Frame.PeerPiece piece) throws WireException {
    int bytes = piece.content().size();
    long length = (long) piecesBytes + bytes + piece.remaining();
    if (piecesRemaining == 0 ? length > Limits.FRAME_BYTES_MAX : length != announcedBytes()) {
      throw bad("a piece of a message of " + length + " bytes, announced as " + announcedBytes());
    }
    pieces.add(piece.content());
    piecesBytes += bytes;
    piecesRemaining = piece.remaining();
    if (piecesRemaining == 0) {
      byte[] whole = new byte[piecesBytes];
      int at = 0;
      for (Payload one : pieces) {
        one.copyTo(whole, at);
        at += one.size();
      }
      pieces.clear();
      piecesBytes = 0;
      Frame frame = decode(ByteBuffer.wrap(whole));
      if (frame instanceof Frame.PeerPiece) {
        throw bad("a message of pieces that is a piece itself");
      }
      take(frame);
    }
  }

  /// How long the message is that is under way; the most that one may be if none is.
  private int announcedBytes() {
    return piecesRemaining == 0 ? Limits.FRAME_BYTES_MAX : piecesBytes + piecesRemaining;
  }

  private static WireException bad(String what) {
    return new WireException(ErrorCode.BAD_REQUEST, what);
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
