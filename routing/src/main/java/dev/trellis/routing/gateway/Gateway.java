package dev.trellis.routing.gateway;

import dev.trellis.client.Trellis;
import dev.trellis.process.StartupException;
import dev.trellis.routing.net.Transport;
import dev.trellis.wire.Frame;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelInitializer;
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
import io.netty.util.concurrent.EventExecutor;
import io.prometheus.client.CollectorRegistry;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;

/// The REST gateway: HTTP/1.1 in, calls of a Java client out, as `openapi.yaml` describes it.
/// Asynchronous from end to end: its event loops never wait.
public final class Gateway implements AutoCloseable {
  private final GatewayConfig config;
  private final Endpoints endpoints;
  private final MemoryBudget memory;
  private final GatewayMetrics metrics;
  private final EventLoopGroup loops;
  private final Map<Channel, HttpConnection> connections = new ConcurrentHashMap<>();
  private final Channel listener;

  private Gateway(GatewayConfig config, Store store, CollectorRegistry registry) {
    this.config = config;
    endpoints = new Endpoints(store, config.limits());
    memory = new MemoryBudget(config.memoryBytesMax());
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

  static Gateway start(GatewayConfig config, Store store, CollectorRegistry registry) {
    return new Gateway(config, store, registry);
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
    ChannelFuture bound =
        new ServerBootstrap()
            .group(loops)
            .channel(transport.serverChannel())
            .option(ChannelOption.SO_REUSEADDR, true)
            .option(ChannelOption.SO_BACKLOG, 4_096)
            .childOption(ChannelOption.AUTO_READ, false)
            .childOption(ChannelOption.ALLOW_HALF_CLOSURE, true)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    accept(channel);
                  }
                })
            .bind(config.address())
            .awaitUninterruptibly();
    if (!bound.isSuccess()) {
      Transport.stop(loops);
      throw StartupException.portUnavailable(
          config.address(), "the REST gateway", "gateway.port", bound.cause());
    }
    return bound.channel();
  }

  private void accept(SocketChannel channel) {
    if (connections.size() >= config.connectionsMax()) {
      refuse(channel);
      return;
    }
    HttpConnection connection = new HttpConnection(config, endpoints, memory, metrics);
    connections.put(channel, connection);
    channel.closeFuture().addListener(closed -> connections.remove(channel));
    channel
        .pipeline()
        .addLast(
            new StrictRequestDecoder(config, connection::onBytes),
            new HttpResponseEncoder(),
            connection);
  }

  private void refuse(SocketChannel channel) {
    metrics.connectionRefused();
    Answer.Whole answer =
        Answer.Whole.of(
            Problem.overloaded(
                "there are "
                    + config.connectionsMax()
                    + " connections, which is all that gateway.connections.max allows"));
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
