package dev.trellis.routing.lookup;

import dev.trellis.client.ClientTls;
import dev.trellis.lattice.Payload;
import dev.trellis.process.Doorkeeper.Certificate;
import dev.trellis.process.Protection;
import dev.trellis.process.Tls;
import dev.trellis.wire.Frame;
import dev.trellis.wire.WireException;
import io.netty.bootstrap.Bootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.UnknownHostException;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Asks one node who is in the cluster, again and again, over a connection that stays open.
/// Confined to its event loop; resolving a name, which may block, happens elsewhere.
final class NodeProbe {
  private static final Logger LOG = LoggerFactory.getLogger(NodeProbe.class);

  /// A map of very many nodes fits.
  private static final int FRAME_BYTES_MAX = 4 << 20;

  /// Is told what the node says, on the event loop.
  interface Listener {
    void heard(Address address, String nodeId, Frame.ClusterMap map);

    /// It does not answer; told again for every further attempt that fails.
    void lost(Address address);
  }

  private final LookupConfig config;
  private final Optional<Protection> protection;
  private final Address address;
  private final EventLoop loop;
  private final Class<? extends SocketChannel> channelType;
  private final Executor resolver;
  private final Listener listener;
  private final long clientId;
  private @Nullable Channel channel;
  private Optional<Certificate> certificate = Optional.empty(); // shown on it
  private boolean isConnecting;
  private boolean isGreeted;
  private String nodeId = ""; // who greeted
  private boolean isClosed;
  private long askedId; // of the last question; 0 before the first on this connection
  private long heardId; // of the last answer
  private long attemptedNanos; // when the last question was sent, or the connection begun
  private String complaint = ""; // what was logged last, so that it is not logged every second

  /// @param resolver where names are resolved
  NodeProbe(
      LookupConfig config,
      Optional<Protection> protection,
      Address address,
      EventLoop loop,
      Class<? extends SocketChannel> channelType,
      Executor resolver,
      long clientId,
      Listener listener) {
    this.config = config;
    this.protection = protection;
    this.address = address;
    this.loop = loop;
    this.channelType = channelType;
    this.resolver = resolver;
    this.clientId = clientId;
    this.listener = listener;
  }

  /// Asks, or gives up on what was asked too long ago. To be called every `cluster.period`.
  void tick(long nowNanos) {
    if (isClosed) {
      return;
    }
    boolean isWaiting = isConnecting || (channel != null && (!isGreeted || askedId != heardId));
    if (isWaiting) {
      if (nowNanos - attemptedNanos > config.timeout().toNanos()) {
        fail("no answer within " + config.timeout().toMillis() + " ms");
      }
    } else if (channel != null) {
      attemptedNanos = nowNanos;
      ask(channel);
    } else {
      attemptedNanos = nowNanos;
      isConnecting = true;
      resolver.execute(this::resolve);
    }
  }

  void close() {
    isClosed = true;
    drop();
  }

  private void resolve() {
    Runnable next;
    try {
      InetSocketAddress remote =
          new InetSocketAddress(InetAddress.getByName(address.host()), address.port());
      next = () -> connect(remote);
    } catch (UnknownHostException e) {
      next = () -> fail("unknown host");
    }
    try {
      loop.execute(next);
    } catch (RejectedExecutionException e) {
      // The router stopped while the name was looked up.
    }
  }

  private void connect(InetSocketAddress remote) {
    if (isClosed || !isConnecting || channel != null) {
      return; // given up meanwhile
    }
    ChannelFuture connecting =
        new Bootstrap()
            .group(loop)
            .channel(channelType)
            .option(ChannelOption.TCP_NODELAY, true)
            .option(
                ChannelOption.CONNECT_TIMEOUT_MILLIS, Math.toIntExact(config.timeout().toMillis()))
            .handler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel opened) {
                    protection.ifPresent(
                        known -> {
                          SslHandler tls = known.tls().client().newHandler(opened.alloc());
                          tls.setHandshakeTimeoutMillis(config.timeout().toMillis());
                          opened.pipeline().addLast(tls);
                        });
                    opened.pipeline().addLast(new Frames(FRAME_BYTES_MAX), new Answers());
                  }
                })
            .connect(remote);
    Channel opening = connecting.channel();
    channel = opening;
    connecting.addListener(
        done -> {
          if (channel != opening) {
            return;
          }
          if (!done.isSuccess()) {
            fail(String.valueOf(done.cause().getMessage()));
            return;
          }
          isConnecting = false;
          isGreeted = false;
          askedId = 0;
          heardId = 0;
          if (protection.isEmpty()) {
            send(opening, hello());
          } // else once it has shown who it is
        });
  }

  private Frame.Hello hello() {
    return new Frame.Hello(
        Math.max(1, Frame.PROTOCOL_VERSION - 1),
        Frame.PROTOCOL_VERSION,
        config.clusterName(),
        clientId,
        Frame.Scope.SHARD,
        Payload.EMPTY,
        "trellis-router " + config.routerId());
  }

  private void ask(Channel open) {
    send(open, new Frame.MapRequest(++askedId));
  }

  private static void send(Channel open, Frame frame) {
    var _ = open.writeAndFlush(Frames.encode(frame));
  }

  private void take(Channel open, Frame frame) {
    switch (frame) {
      case Frame.Welcome welcome when !isGreeted -> {
        Optional<String> objection =
            protection.flatMap(
                known ->
                    known
                        .doorkeeper()
                        .objection(certificate, welcome.nodeId(), System.currentTimeMillis()));
        if (objection.isPresent()) {
          fail(objection.get());
          return;
        }
        isGreeted = true;
        nodeId = welcome.nodeId();
        ask(open);
      }
      case Frame.ClusterMap map when isGreeted && map.id() == askedId -> {
        heardId = map.id();
        if (!complaint.isEmpty()) {
          LOG.info("node at {} answers", address);
          complaint = "";
        }
        listener.heard(address, nodeId, map);
      }
      case Frame.Refused refused -> fail("refused: " + refused.message());
      default -> fail("unexpected " + frame.getClass().getSimpleName());
    }
  }

  private void fail(String reason) {
    if (isClosed) {
      return;
    }
    if (!reason.equals(complaint)) {
      complaint = reason;
      LOG.warn("node at {} does not say what it knows of the cluster: {}", address, reason);
    }
    drop();
    listener.lost(address);
  }

  private void drop() {
    Channel open = channel;
    channel = null;
    isConnecting = false;
    if (open != null) {
      var _ = open.close();
    }
  }

  private final class Answers extends ChannelInboundHandlerAdapter {
    @Override
    public void channelRead(ChannelHandlerContext context, Object message) {
      if (channel != context.channel()) {
        return;
      }
      switch (message) {
        case Frame frame -> take(context.channel(), frame);
        case WireException e -> fail(e.code() + ": " + e.getMessage());
        default -> throw new IllegalStateException("decoded " + message);
      }
    }

    @Override
    public void userEventTriggered(ChannelHandlerContext context, Object event) {
      if (channel != context.channel()
          || !(event instanceof SslHandshakeCompletionEvent handshake)) {
        return;
      }
      if (handshake.isSuccess()) {
        certificate = Tls.shownBy(context.pipeline().get(SslHandler.class).engine().getSession());
        send(context.channel(), hello());
      } else {
        fail("TLS: " + ClientTls.reason(handshake.cause()));
      }
    }

    @Override
    public void channelInactive(ChannelHandlerContext context) {
      if (channel == context.channel()) {
        fail("the connection was closed");
      }
    }

    @Override
    public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
      if (cause instanceof DecoderException && cause.getCause() instanceof SSLException) {
        if (channel == context.channel()) {
          fail("TLS: " + ClientTls.reason(cause));
        }
        return;
      }
      if (!(cause instanceof IOException)) {
        LOG.error("asking the node at {} fails", address, cause);
      }
      if (channel == context.channel()) {
        fail(String.valueOf(cause.getMessage()));
      }
    }
  }
}
