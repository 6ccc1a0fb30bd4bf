package dev.trellis.node.net;

import dev.trellis.client.ClientTls;
import dev.trellis.lattice.Payload;
import dev.trellis.process.Doorkeeper.Certificate;
import dev.trellis.process.Protection;
import dev.trellis.process.Tls;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.VersionRange;
import dev.trellis.wire.WireException;
import io.netty.bootstrap.Bootstrap;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.net.InetSocketAddress;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.concurrent.Future;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The way from a shard to one peer: a connection that is opened when there is something to say,
/// and opened again whenever it breaks, until the peer is no member any more. It carries messages
/// in one direction; the peer has a connection of its own for the other.
///
/// What cannot be sent is dropped: the shard sends again what must arrive, and is told when the way
/// is free. So a peer that does not read costs [#UNREAD_BYTES_MAX] and one message.
final class PeerLink {
  private static final Logger LOG = LoggerFactory.getLogger(PeerLink.class);

  /// What may be written before the peer has read any of it.
  static final int UNREAD_BYTES_MAX = 4 << 20;

  /// What is kept for the first connection, while it is being made.
  static final int EARLY_BYTES_MAX = 1 << 20;

  /// What a piece of a message takes besides its content, at most.
  private static final int PIECE_OVERHEAD_BYTES = 32;

  private static final long PAUSE_MILLIS_MIN = 20;
  private static final long PAUSE_MILLIS_MAX = 1_000;

  private enum State {
    /// A connection is being made.
    CONNECTING,
    /// The Hello was sent.
    GREETING,
    OPEN,
    /// An attempt failed; the next comes after a pause.
    PAUSING,
    CLOSED
  }

  private final PeerLinks links;
  private final ShardServer shard;
  private final Peer peer;
  private final ArrayDeque<byte[]> early = new ArrayDeque<>();
  private State state = State.PAUSING;
  private @Nullable Channel channel; // of the latest attempt
  private Optional<Certificate> certificate = Optional.empty(); // shown on it
  private @Nullable Future<?> expiry; // of the certificate
  private @Nullable Future<?> next; // the end of a pause, or of the patience with a greeting
  private long earlyBytes;
  private long pauseMillis;
  private long helloMillis;
  private int frameBytesMax = Limits.FRAME_BYTES_MAX; // the peer's limit, once it told
  private boolean unflushed;
  private boolean tooLongTold;
  private String trouble = ""; // that was logged last, so that it is logged once

  PeerLink(PeerLinks links, ShardServer shard, Peer peer) {
    this.links = links;
    this.shard = shard;
    this.peer = peer;
  }

  // What the shard wants.

  /// Makes a connection.
  void open() {
    state = State.CONNECTING;
    Optional<PeerLinks.Address> address = links.address(peer);
    if (address.isEmpty()) {
      links.close(peer);
      return;
    }
    String host = address.get().host();
    int port = address.get().port();
    // Looking up a name blocks, and this thread must not.
    Thread.startVirtualThread(
        () -> {
          InetSocketAddress resolved = new InetSocketAddress(host, port);
          shard.execute(() -> connect(resolved));
        });
  }

  /// Sends a message at the end of the turn, or drops it.
  void send(PeerMessage message) {
    switch (state) {
      case OPEN -> {
        Channel open = channel;
        if (open != null && open.isWritable()) {
          write(open, FrameCodec.encode(new Frame.FromPeer(message)));
        } else {
          drop(1);
        }
      }
      case CONNECTING, GREETING -> {
        if (earlyBytes < EARLY_BYTES_MAX) {
          byte[] encoded = FrameCodec.encode(new Frame.FromPeer(message));
          early.add(encoded);
          earlyBytes += encoded.length;
        } else {
          drop(1);
        }
      }
      case PAUSING, CLOSED -> drop(1);
    }
  }

  /// Has the socket send what was written.
  void flush() {
    if (unflushed && channel != null) {
      unflushed = false;
      channel.flush();
    }
  }

  /// Looks again at whether the one on the other side is the peer: the list of what was revoked has
  /// changed, or its certificate may have ended.
  void review() {
    if (state == State.OPEN || state == State.GREETING) {
      shard
          .objection(certificate, peer.nodeId())
          .ifPresentOrElse(objection -> refused(objection, objection), this::reviewLater);
    }
  }

  private void reviewLater() {
    cancelExpiry();
    if (certificate.isPresent()) {
      expiry = shard.scheduleReview(this::review, certificate.get().expiresMillis());
    }
  }

  private void cancelExpiry() {
    if (expiry != null) {
      expiry.cancel(false);
      expiry = null;
    }
  }

  /// Ends for good.
  void close() {
    if (state == State.OPEN) {
      shard.tallies().peerLinks.add(-1);
    }
    state = State.CLOSED;
    forgetEarly();
    cancelNext();
    cancelExpiry();
    if (channel != null) {
      var _ = channel.close();
    }
  }

  // Connecting.

  private void connect(InetSocketAddress address) {
    if (state != State.CONNECTING) {
      return;
    }
    if (address.isUnresolved()) {
      lost("the name " + address.getHostString() + " is unknown");
      return;
    }
    Optional<Protection> protection = shard.plane().protection();
    long patience = shard.plane().config().connections().handshakeTimeout().toMillis();
    Bootstrap bootstrap =
        links
            .bootstrap()
            .handler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel made) {
                    protection.ifPresent(
                        known -> {
                          SslHandler tls = known.tls().client().newHandler(made.alloc());
                          tls.setHandshakeTimeoutMillis(patience);
                          made.pipeline().addLast(tls);
                        });
                    made.pipeline().addLast(new Handler());
                  }
                });
    ChannelFuture connecting = bootstrap.connect(address);
    channel = connecting.channel();
    connecting.addListener(
        done -> {
          if (!done.isSuccess()) {
            shard.turn(
                () -> {
                  if (channel == connecting.channel()) {
                    lost("cannot connect to " + address + ": " + done.cause().getMessage());
                  }
                });
          }
        });
  }

  private void greet(Channel connected) {
    state = State.GREETING;
    helloMillis = shard.clock().millis();
    VersionRange spoken = VersionRange.SPOKEN;
    Peer self = shard.self();
    write(
        connected,
        FrameCodec.encode(
            new Frame.Hello(
                spoken.oldest(),
                spoken.newest(),
                shard.plane().config().clusterName(),
                self.incarnation(),
                Frame.Scope.SHARD,
                Payload.EMPTY,
                "node " + self.nodeId(),
                Optional.of(new Frame.Introduction(self, peer, helloMillis)))));
    long patience = shard.plane().config().connections().handshakeTimeout().toMillis();
    next =
        shard.schedule(() -> lost("no answer to the Hello within " + patience + " ms"), patience);
  }

  private void take(Frame frame) {
    switch (frame) {
      case Frame.Welcome welcome when state == State.GREETING -> {
        Optional<String> objection =
            Handshake.objection(
                welcome,
                peer,
                shard.self(),
                shard.plane().config().clusterName(),
                VersionRange.SPOKEN);
        if (objection.isPresent()) {
          refused(objection.get(), objection.get());
          return;
        }
        Optional<String> skew =
            Handshake.skew(
                shard.self(),
                peer,
                helloMillis,
                shard.clock().millis(),
                welcome.clock().millis(),
                shard.plane().config().clockSkewMax());
        if (skew.isPresent()) {
          refused(ErrorCode.CLOCK_SKEW.name(), skew.get());
          return;
        }
        opened(welcome.limits().frameBytesMax());
      }
      // Of a skew the message tells the times, which differ each time.
      case Frame.Refused refused ->
          refused(
              refused.code() == ErrorCode.CLOCK_SKEW ? refused.code().name() : refused.message(),
              "it says: " + refused.message());
      default -> lost(frame.getClass().getSimpleName() + " is nothing that belongs here");
    }
  }

  private void opened(int peersFrameBytesMax) {
    cancelNext();
    state = State.OPEN;
    reviewLater();
    shard.tallies().peerLinks.add(1);
    frameBytesMax = peersFrameBytesMax;
    pauseMillis = 0;
    if (!trouble.isEmpty()) {
      trouble = "";
      LOG.info("{}: connected to {}", shard.self(), peer);
    }
    Channel open = channel;
    while (open != null && !early.isEmpty()) {
      write(open, early.remove());
    }
    earlyBytes = 0;
    shard.connected(peer);
  }

  private void refused(String cause, String message) {
    shard.tallies().peersRefused.add(1);
    if (!cause.equals(trouble)) {
      trouble = cause;
      LOG.warn("{}: no connection to {}: {}", shard.self(), peer, message);
    }
    lost("");
  }

  /// The connection, or the attempt to make one, is over.
  ///
  /// @param why empty if it was told already
  private void lost(String why) {
    if (state == State.CLOSED || state == State.PAUSING) {
      return;
    }
    cancelNext();
    cancelExpiry();
    if (state == State.OPEN) {
      shard.tallies().peerLinks.add(-1);
    }
    if (!why.isEmpty() && trouble.isEmpty()) {
      trouble = why;
      LOG.info("{}: no connection to {}: {}", shard.self(), peer, why);
    }
    forgetEarly();
    unflushed = false;
    state = State.PAUSING;
    Channel old = channel;
    channel = null;
    if (old != null) {
      var _ = old.close();
    }
    // Not all at the same time, where many lost theirs at once.
    long jitter = (shard.self().hashCode() ^ peer.hashCode()) & 15;
    long pause = pauseMillis == 0 ? jitter : pauseMillis + jitter;
    pauseMillis = Math.clamp(2 * pauseMillis, PAUSE_MILLIS_MIN, PAUSE_MILLIS_MAX);
    next = shard.schedule(this::open, pause);
  }

  // Bytes.

  /// Writes a message, in pieces if it is longer than the peer's frames.
  private void write(Channel to, byte[] message) {
    if (message.length > Limits.FRAME_BYTES_MAX) {
      drop(1);
      if (!tooLongTold) {
        tooLongTold = true;
        LOG.error(
            "{}: a message of {} bytes to {} exceeds the limit of {} and is never sent",
            shard.self(),
            message.length,
            peer,
            Limits.FRAME_BYTES_MAX);
      }
      return;
    }
    if (message.length <= frameBytesMax) {
      writeFrame(to, message);
    } else {
      int step = frameBytesMax - PIECE_OVERHEAD_BYTES;
      for (int from = 0; from < message.length; from += step) {
        int end = Math.min(message.length, from + step);
        Payload content = Payload.of(message, from, end - from);
        writeFrame(to, FrameCodec.encode(new Frame.PeerPiece(message.length - end, content)));
      }
    }
    if (state == State.OPEN) {
      shard.tallies().peerMessagesSent.add(1);
    }
    links.touch(this);
  }

  private void writeFrame(Channel to, byte[] frame) {
    int size = FrameAccumulator.LENGTH_BYTES + frame.length;
    ByteBuf buffer = to.alloc().ioBuffer(size).writeInt(frame.length).writeBytes(frame);
    var _ = to.write(buffer, to.voidPromise());
    unflushed = true;
    shard.tallies().peerBytesSent.add(size);
  }

  private void forgetEarly() {
    drop(early.size());
    early.clear();
    earlyBytes = 0;
  }

  private void drop(int messages) {
    shard.tallies().peerMessagesDropped.add(messages);
  }

  private void cancelNext() {
    if (next != null) {
      next.cancel(false);
      next = null;
    }
  }

  /// One connection.
  private final class Handler extends ChannelInboundHandlerAdapter {
    private @Nullable FrameAccumulator inbound;

    private boolean isCurrent(ChannelHandlerContext context) {
      return channel == context.channel();
    }

    @Override
    public void handlerAdded(ChannelHandlerContext context) {
      inbound = new FrameAccumulator(context.alloc(), shard.scratch());
    }

    @Override
    public void channelActive(ChannelHandlerContext context) {
      shard.turn(
          () -> {
            if (!isCurrent(context) || state != State.CONNECTING) {
              var _ = context.close();
            } else if (shard.plane().protection().isEmpty()) {
              greet(context.channel());
            }
          });
    }

    /// Nothing is said to anybody else than the peer.
    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
      if (event instanceof SslHandshakeCompletionEvent handshake) {
        shard.turn(
            () -> {
              if (!isCurrent(context) || state != State.CONNECTING) {
                var _ = context.close();
              } else if (handshake.isSuccess()) {
                certificate =
                    Tls.shownBy(context.pipeline().get(SslHandler.class).engine().getSession());
                shard
                    .objection(certificate, peer.nodeId())
                    .ifPresentOrElse(
                        objection -> refused(objection, objection), () -> greet(context.channel()));
              } else {
                lost("TLS: " + ClientTls.reason(handshake.cause()));
              }
            });
      }
    }

    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      ByteBuf bytes = (ByteBuf) message;
      FrameAccumulator all = inbound;
      if (all == null || !isCurrent(context) || shard.plane().hasFailed()) {
        bytes.release();
        return;
      }
      shard.turn(
          () -> {
            all.add(bytes);
            try {
              all.check(Limits.HANDSHAKE_BYTES_MAX);
              while (all.next() && isCurrent(context)) {
                take(shard.codec().decode(all.messageBuffer()));
                all.check(Limits.HANDSHAKE_BYTES_MAX);
              }
            } catch (WireException e) {
              lost("it sent what is no answer: " + e.getMessage());
            }
          });
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      if (inbound != null) {
        inbound.release();
        inbound = null;
      }
      shard.turn(
          () -> {
            if (isCurrent(context)) {
              lost("the connection broke");
            }
          });
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      LOG.debug("{}: the connection to {} broke", shard.self(), peer, cause);
      var _ = context.close();
    }
  }
}
