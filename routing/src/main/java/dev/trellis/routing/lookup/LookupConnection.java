package dev.trellis.routing.lookup;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.VersionRange;
import dev.trellis.wire.WireException;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A client that asks for the cluster map. A client that does not read what it asked for is not
/// read either. Confined to its event loop.
final class LookupConnection extends ChannelInboundHandlerAdapter {
  private static final Logger LOG = LoggerFactory.getLogger(LookupConnection.class);

  private static final String NOT_HERE =
      "this is a router: it holds no keys; ask it for the cluster map and connect to the node that"
          + " owns the key";

  private final LookupConfig config;
  private final NodeDirectory directory;
  private final LookupMetrics metrics;
  private final long incarnation;
  private @Nullable Future<?> deadline;
  private boolean isGreeted;
  private boolean isRefused;

  /// @param incarnation of the router's process
  LookupConnection(
      LookupConfig config, NodeDirectory directory, LookupMetrics metrics, long incarnation) {
    this.config = config;
    this.directory = directory;
    this.metrics = metrics;
    this.incarnation = incarnation;
  }

  @Override
  public void channelActive(ChannelHandlerContext context) {
    metrics.connectionOpened();
    deadline =
        context
            .executor()
            .schedule(
                () ->
                    refuse(
                        context,
                        ErrorCode.TIMEOUT,
                        "no handshake within " + config.handshakeTimeout().toMillis() + " ms"),
                config.handshakeTimeout().toMillis(),
                TimeUnit.MILLISECONDS);
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    metrics.connectionClosed();
    if (deadline != null) {
      deadline.cancel(false);
    }
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    if (isRefused) {
      return;
    }
    switch (message) {
      case WireException e -> refuse(context, e.code(), e.getMessage() + "; " + NOT_HERE);
      case Frame.Hello hello when !isGreeted -> greet(context, hello);
      case Frame frame when isGreeted -> answer(context, frame);
      default ->
          refuse(
              context,
              ErrorCode.BAD_REQUEST,
              "the first frame must be Hello, but is " + message.getClass().getSimpleName());
    }
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    context.flush();
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    context.channel().config().setAutoRead(context.channel().isWritable());
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    if (!(cause instanceof IOException)) {
      LOG.error("connection of {} fails", context.channel().remoteAddress(), cause);
    }
    var _ = context.close();
  }

  private void greet(ChannelHandlerContext context, Frame.Hello hello) {
    OptionalInt version = VersionRange.SPOKEN.shared(hello.versions());
    if (version.isEmpty()) {
      refuse(
          context,
          ErrorCode.BAD_REQUEST,
          "this router speaks protocol versions "
              + VersionRange.SPOKEN
              + ", not "
              + hello.versions());
      return;
    }
    if (!hello.clusterName().isEmpty() && !hello.clusterName().equals(config.clusterName())) {
      refuse(
          context,
          ErrorCode.BAD_REQUEST,
          "this router belongs to cluster '"
              + config.clusterName()
              + "', not to '"
              + hello.clusterName()
              + "'");
      return;
    }
    isGreeted = true;
    if (deadline != null) {
      deadline.cancel(false);
    }
    send(
        context,
        new Frame.Welcome(
            version.getAsInt(),
            config.clusterName(),
            config.routerId(),
            0,
            incarnation,
            clock(),
            config.limits(),
            directory.map().version()));
  }

  private void answer(ChannelHandlerContext context, Frame frame) {
    switch (frame) {
      case Frame.MapRequest request -> {
        metrics.lookedUp();
        Frame.ClusterMap map = directory.map();
        send(
            context,
            new Frame.ClusterMap(
                request.id(), map.version(), map.clusterName(), map.faultTolerance(), map.nodes()));
      }
      case Frame.Ping ping -> send(context, new Frame.Pong(ping.id(), clock()));
      case Frame.Single single -> {
        metrics.misdirected(1);
        send(context, new Frame.Answer(notHere(single.request().id())));
      }
      case Frame.Batch batch -> {
        metrics.misdirected(batch.requests().size());
        List<Reply> replies =
            batch.requests().stream().map(Request::id).map(this::notHere).toList();
        send(context, new Frame.Answers(replies));
      }
      case Frame.Watch watch -> {
        metrics.misdirected(1);
        send(context, new Frame.Changed(notHere(watch.id())));
      }
      case Frame.Scan scan -> {
        metrics.misdirected(1);
        send(
            context, new Frame.Scanned(scan.id(), List.of(), false, Optional.of(notHereOutcome())));
      }
      case Frame.Unwatch _ -> {} // of a watch that was refused
      case Frame.Hello _,
          Frame.Welcome _,
          Frame.Refused _,
          Frame.Answer _,
          Frame.Answers _,
          Frame.Changed _,
          Frame.Scanned _,
          Frame.ClusterMap _,
          Frame.Pong _,
          Frame.FromPeer _,
          Frame.PeerPiece _ ->
          refuse(
              context,
              ErrorCode.BAD_REQUEST,
              frame.getClass().getSimpleName() + " is nothing that a client says here");
    }
  }

  private Reply notHere(long id) {
    return new Reply(
        id,
        notHereOutcome(),
        HybridTimestamp.ZERO,
        Optional.empty(),
        CausalContext.EMPTY,
        Receipt.NONE,
        clock(),
        directory.map().version());
  }

  private static Outcome.Failed notHereOutcome() {
    return new Outcome.Failed(ErrorCode.NOT_OWNER, NOT_HERE);
  }

  private static HybridTimestamp clock() {
    return HybridTimestamp.ofMillis(System.currentTimeMillis());
  }

  private static void send(ChannelHandlerContext context, Frame frame) {
    var _ = context.write(Frames.encode(frame));
  }

  private void refuse(ChannelHandlerContext context, ErrorCode code, String message) {
    isRefused = true;
    context
        .writeAndFlush(Frames.encode(new Frame.Refused(code, message)))
        .addListener(ChannelFutureListener.CLOSE);
  }
}
