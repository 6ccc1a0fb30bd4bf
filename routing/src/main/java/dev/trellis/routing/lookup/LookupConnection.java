package dev.trellis.routing.lookup;

import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.Caller;
import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.ClientTls;
import dev.trellis.process.Doorkeeper;
import dev.trellis.process.Doorkeeper.Certificate;
import dev.trellis.process.Doorkeeper.Proof;
import dev.trellis.process.Protection;
import dev.trellis.process.Tls;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.VersionRange;
import dev.trellis.wire.WireException;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import io.netty.util.concurrent.Future;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLException;
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

  private static final long LINGER_MILLIS = 1_000;
  private static final long REVIEW_MILLIS_MAX = 600_000; // clocks may be set meanwhile

  private final LookupConfig config;
  private final Optional<Protection> protection;
  private final NodeDirectory directory;
  private final LookupMetrics metrics;
  private final long incarnation;
  private final Channel channel;
  private final Places places;
  private String occupant = ""; // whose place this takes; empty for nobody's
  private Optional<Proof> proof = Optional.empty(); // by which the client is known
  private String principal = "";
  private @Nullable Future<?> expiry; // when that ends
  private @Nullable Future<?> deadline;
  private boolean isGreeted;
  private boolean isRefused;

  /// Who may have a connection.
  interface Places {
    /// A connection has introduced itself.
    ///
    /// @param by what it is known; empty for both where everybody may ask
    /// @return why there is no place for it; empty if there is
    Optional<String> enter(LookupConnection from, Optional<Caller> caller, Optional<Proof> by);

    /// A connection that has entered is over.
    void leave(String principal);
  }

  /// @param incarnation of the router's process
  LookupConnection(
      LookupConfig config,
      Optional<Protection> protection,
      NodeDirectory directory,
      LookupMetrics metrics,
      long incarnation,
      Channel channel,
      Places places) {
    this.channel = channel;
    this.places = places;
    this.protection = protection;
    this.config = config;
    this.directory = directory;
    this.metrics = metrics;
    this.incarnation = incarnation;
  }

  Channel channel() {
    return channel;
  }

  /// Tells a client that has forgotten TLS.
  void refusePlain() {
    audit("", "no TLS");
    refuse(ErrorCode.UNAUTHENTICATED, "this port wants TLS; use withTls in a program, or --ca");
  }

  /// Looks again at who is on the other side: the list of principals has changed, or what he is
  /// known by may have ended.
  void review() {
    if (proof.isEmpty() || isRefused || protection.isEmpty()) {
      return;
    }
    switch (protection.get().doorkeeper().authenticate(proof.get(), System.currentTimeMillis())) {
      case Authentication.Known(Caller _, long expiresMillis) -> reviewAt(expiresMillis);
      case Authentication.Unknown(String reason) -> {
        audit(principal, reason);
        refuse(ErrorCode.UNAUTHENTICATED, reason);
      }
    }
  }

  private void reviewAt(long expiresMillis) {
    if (expiry != null) {
      expiry.cancel(false);
    }
    if (expiresMillis != 0) {
      long left = expiresMillis - System.currentTimeMillis();
      expiry =
          channel
              .eventLoop()
              .schedule(
                  this::review, Math.clamp(left, 1, REVIEW_MILLIS_MAX), TimeUnit.MILLISECONDS);
    }
  }

  private void audit(String who, String reason) {
    protection.ifPresent(
        process ->
            process
                .audit()
                .refused(who, "connect", "", String.valueOf(channel.remoteAddress()), reason));
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof SslHandshakeCompletionEvent handshake
        && !handshake.isSuccess()
        && !(handshake.cause() instanceof ClosedChannelException)) {
      audit("", "TLS: " + ClientTls.reason(handshake.cause()));
    }
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
                        ErrorCode.TIMEOUT,
                        "no handshake within " + config.handshakeTimeout().toMillis() + " ms"),
                config.handshakeTimeout().toMillis(),
                TimeUnit.MILLISECONDS);
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    metrics.connectionClosed();
    if (!occupant.isEmpty()) {
      places.leave(occupant);
      occupant = "";
    }
    if (expiry != null) {
      expiry.cancel(false);
    }
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
      case WireException e -> refuse(e.code(), e.getMessage() + "; " + NOT_HERE);
      case Frame.Hello hello when !isGreeted -> greet(context, hello);
      case Frame frame when isGreeted -> answer(context, frame);
      default ->
          refuse(
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
    boolean isTls = cause instanceof DecoderException && cause.getCause() instanceof SSLException;
    if (!(cause instanceof IOException) && !isTls) {
      LOG.error("connection of {} fails", context.channel().remoteAddress(), cause);
    }
    var _ = context.close();
  }

  private void greet(ChannelHandlerContext context, Frame.Hello hello) {
    OptionalInt version = VersionRange.SPOKEN.shared(hello.versions());
    if (version.isEmpty()) {
      refuse(
          ErrorCode.BAD_REQUEST,
          "this router speaks protocol versions "
              + VersionRange.SPOKEN
              + ", not "
              + hello.versions());
      return;
    }
    if (!hello.clusterName().isEmpty() && !hello.clusterName().equals(config.clusterName())) {
      refuse(
          ErrorCode.BAD_REQUEST,
          "this router belongs to cluster '"
              + config.clusterName()
              + "', not to '"
              + hello.clusterName()
              + "'");
      return;
    }
    if (protection.isPresent() && !authenticate(protection.get(), hello)) {
      return; // it was told why
    }
    if (protection.isEmpty()) {
      var _ = places.enter(this, Optional.empty(), Optional.empty());
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
            directory.map().version(),
            principal));
  }

  /// Finds out who asks; refuses him if that is not known. The map is for everybody who is.
  private boolean authenticate(Protection process, Frame.Hello hello) {
    SslHandler tls = channel.pipeline().get(SslHandler.class);
    Optional<Certificate> certificate =
        tls == null ? Optional.empty() : Tls.shownBy(tls.engine().getSession());
    Doorkeeper.Visit visit =
        process.doorkeeper().visit(hello.credentials(), certificate, System.currentTimeMillis());
    return switch (visit.authentication()) {
      case Authentication.Unknown(String reason) when visit.isEarly() -> {
        refuse(ErrorCode.NO_NODES, reason);
        yield false;
      }
      case Authentication.Unknown(String reason) -> {
        audit(certificate.map(shown -> shown.name().uri()).orElse(""), reason);
        refuse(ErrorCode.UNAUTHENTICATED, reason);
        yield false;
      }
      case Authentication.Known(Caller caller, long expiresMillis) -> {
        Optional<String> objection = places.enter(this, Optional.of(caller), visit.proof());
        if (objection.isPresent()) {
          audit(caller.principal(), objection.get());
          refuse(ErrorCode.OVERLOADED, objection.get());
          yield false;
        }
        proof = visit.proof();
        principal = caller.principal();
        occupant = principal;
        reviewAt(expiresMillis);
        yield true;
      }
    };
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

  private void refuse(ErrorCode code, String message) {
    isRefused = true;
    channel
        .writeAndFlush(Frames.encode(new Frame.Refused(code, message)))
        .addListener(ChannelFutureListener.CLOSE);
    // Of a handshake that never ends, nothing is ever written.
    var _ =
        channel
            .eventLoop()
            .schedule(
                () -> {
                  var _ = channel.close();
                },
                LINGER_MILLIS,
                TimeUnit.MILLISECONDS);
  }
}
