package dev.trellis.routing.gateway;

import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import dev.trellis.process.Listener;
import dev.trellis.process.Occupancy;
import dev.trellis.process.Protection;
import dev.trellis.process.StartupException;
import dev.trellis.process.http.Admissions;
import dev.trellis.process.http.FirstByte;
import dev.trellis.process.http.StrictRequestDecoder;
import dev.trellis.routing.net.Transport;
import dev.trellis.wire.Frame;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.socket.SocketChannel;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.ssl.SslContext;
import io.netty.util.concurrent.EventExecutor;
import io.prometheus.client.CollectorRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.InstantSource;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.Supplier;

/// The REST gateway: HTTP/1.1 in, calls of a Java client out, as `openapi.yaml` describes it.
/// Asynchronous from end to end: its event loops never wait.
public final class Gateway implements AutoCloseable {
  private final GatewayConfig config;
  private final Guests guests;
  private final Optional<Supplier<SslContext>> tls;
  private final Admissions admissions;
  private final Occupancy occupancy = new Occupancy();
  private final Endpoints endpoints;
  private final MemoryBudget memory;
  private final GatewayMetrics metrics;
  private final EventLoopGroup loops;
  private final Map<Channel, HttpConnection> connections = new ConcurrentHashMap<>();
  private final Channel listener;

  private Gateway(
      GatewayConfig config,
      Guests guests,
      Optional<Supplier<SslContext>> tls,
      CollectorRegistry registry) {
    this.config = config;
    this.guests = guests;
    this.tls = tls;
    admissions =
        new Admissions(config.connectionsMax(), tls.isPresent() ? Occupancy.PLACES_KEPT : 0);
    endpoints = new Endpoints(config.limits());
    memory = new MemoryBudget(config.memoryBytesMax(), config.shareBytesMax());
    metrics = new GatewayMetrics(registry, memory);
    Transport transport = Transport.best();
    loops = transport.newLoops(config.threads(), "gateway");
    listener = listen(transport);
  }

  /// Starts to listen.
  ///
  /// @param trellis the client to ask; stays the caller's, to be closed after the gateway
  /// @param map tells the members of the cluster
  /// @param registry where the metrics `trellis_gateway_…` go
  /// @throws StartupException if the port cannot be opened
  public static Gateway start(
      GatewayConfig config,
      Trellis trellis,
      Supplier<Frame.ClusterMap> map,
      CollectorRegistry registry) {
    return start(config, new ClientStore(trellis, map), registry);
  }

  /// Starts to listen where security is on: with TLS, for those with API keys. The gateway has no
  /// rights of its own.
  ///
  /// @param connect makes a client that shows the nodes an API key, given as its owner shows it;
  ///   may wait and throw a [dev.trellis.client.TrellisException]. The gateway closes it
  /// @param map tells the members of the cluster
  /// @param registry where the metrics `trellis_gateway_…` go
  /// @throws StartupException if the port cannot be opened
  public static Gateway start(
      GatewayConfig config,
      Protection protection,
      Function<Payload, Trellis> connect,
      Supplier<Frame.ClusterMap> map,
      CollectorRegistry registry) {
    return startProtected(
        config,
        protection,
        credentials -> {
          Trellis trellis = connect.apply(credentials);
          return new Principals.Opened(new ClientStore(trellis, map), trellis::close);
        },
        registry);
  }

  static Gateway startProtected(
      GatewayConfig config,
      Protection protection,
      Function<Payload, Principals.Opened> open,
      CollectorRegistry registry) {
    Principals principals =
        new Principals(protection, open, config.principalsMax(), InstantSource.system());
    try {
      return new Gateway(config, principals, Optional.of(protection.tls()::server), registry);
    } catch (RuntimeException | Error e) {
      principals.close();
      throw e;
    }
  }

  static Gateway start(GatewayConfig config, Store store, CollectorRegistry registry) {
    return start(config, Guests.everybody(store), registry);
  }

  static Gateway start(GatewayConfig config, Guests guests, CollectorRegistry registry) {
    return new Gateway(config, guests, Optional.empty(), registry);
  }

  /// The address listened on.
  public InetSocketAddress address() {
    return (InetSocketAddress) listener.localAddress();
  }

  /// What bodies and answers hold.
  MemoryBudget memory() {
    return memory;
  }

  /// Takes no more connections, answers the requests that have arrived, for `gateway.stop.timeout`
  /// at most, and lets go of the port and the threads. Closing twice is harmless: who closes while
  /// another does waits for that one.
  @Override
  public synchronized void close() {
    if (loops.isShuttingDown()) {
      return;
    }
    listener.close().syncUninterruptibly();
    loops.forEach(loop -> loop.execute(() -> stopConnections(loop)));
    long until = System.nanoTime() + config.stopTimeout().toNanos();
    connections
        .keySet()
        .forEach(
            channel ->
                channel
                    .closeFuture()
                    .awaitUninterruptibly(
                        Math.max(0, until - System.nanoTime()), TimeUnit.NANOSECONDS));
    connections.keySet().forEach(channel -> channel.close().awaitUninterruptibly());
    Transport.stop(loops);
    guests.close();
  }

  /// Stops all connections of a loop in one go: whoever sees one of them end may rely on the others
  /// of its loop having been stopped too.
  private void stopConnections(EventExecutor loop) {
    connections.forEach(
        (channel, connection) -> {
          if (channel.eventLoop() == loop) {
            connection.stop();
          }
        });
  }

  private Channel listen(Transport transport) {
    try {
      return Listener.listen(
          loops,
          transport.serverChannel(),
          config.address(),
          Transport.BACKLOG,
          Map.of(ChannelOption.AUTO_READ, false, ChannelOption.ALLOW_HALF_CLOSURE, true),
          this::accept);
    } catch (IOException e) {
      Transport.stop(loops);
      throw StartupException.portUnavailable(
          config.address(), "the REST gateway", "gateway.port", e);
    }
  }

  private void accept(SocketChannel channel) {
    if (!admissions.admit(channel)) {
      refuse(channel);
      return;
    }
    HttpConnection connection =
        new HttpConnection(config, guests, admissions, occupancy, endpoints, memory, metrics);
    connections.put(channel, connection);
    channel.closeFuture().addListener(closed -> connections.remove(channel));
    channel
        .pipeline()
        .addLast(
            new FirstByte(tls, config.headerTimeout()),
            new StrictRequestDecoder(
                config.lineBytesMax(), config.headerBytesMax(), connection::onBytes),
            new HttpResponseEncoder(),
            connection);
  }

  static String connectionsFill(GatewayConfig config) {
    return "there are "
        + config.connectionsMax()
        + " connections, which is all that gateway.connections.max allows";
  }

  private void refuse(SocketChannel channel) {
    metrics.connectionRefused();
    if (tls.isPresent()) {
      var _ = channel.close(); // a handshake would cost more than it could say
      return;
    }
    Answer.Whole answer = Answer.Whole.of(Problem.overloaded(connectionsFill(config)));
    FullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(answer.status()), answer.body());
    response.headers().set(answer.headers());
    response.headers().set(HttpHeaderNames.CONTENT_LENGTH, answer.body().readableBytes());
    response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    channel.pipeline().addLast(new HttpResponseEncoder());
    channel
        .eventLoop()
        .execute(() -> channel.writeAndFlush(response).addListener(ChannelFutureListener.CLOSE));
  }
}
