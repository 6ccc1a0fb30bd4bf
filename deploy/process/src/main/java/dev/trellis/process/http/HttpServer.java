package dev.trellis.process.http;

import dev.trellis.process.Listener;
import io.netty.channel.Channel;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.handler.codec.http.HttpResponseEncoder;
import io.netty.handler.ssl.SslContext;
import io.netty.util.concurrent.DefaultThreadFactory;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// HTTP/1.1, with TLS or without, for ports that serve people and their tools, not loads: requests
/// have small bodies, and each is answered on a virtual thread of its own.
///
/// It holds however it is treated: connections, lines, headers and bodies are bounded, every wait
/// has an end, and when all connections are taken, those go that ask for nothing ([Admissions]).
public final class HttpServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(HttpServer.class);
  private static final int BACKLOG = 1_024;

  /// How long those who answer may take to notice that they are not to.
  private static final int CLOSE_SECONDS_MAX = 5;

  private final HttpConfig config;
  private final Optional<Supplier<SslContext>> tls;
  private final HttpHandler handler;
  private final Admissions admissions;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final EventLoopGroup loop;
  private final Channel listener;

  private HttpServer(HttpConfig config, Optional<Supplier<SslContext>> tls, HttpHandler handler)
      throws IOException {
    this.config = config;
    this.tls = tls;
    this.handler = handler;
    admissions = new Admissions(config.connectionsMax());
    loop =
        new MultiThreadIoEventLoopGroup(
            1, new DefaultThreadFactory(config.name(), true), NioIoHandler.newFactory());
    listener = listen();
  }

  /// Starts to listen.
  ///
  /// @param tls for HTTPS, with what, asked for each connection anew; empty for plain HTTP
  /// @throws IOException if the port cannot be opened
  public static HttpServer start(
      HttpConfig config, Optional<Supplier<SslContext>> tls, HttpHandler handler)
      throws IOException {
    return new HttpServer(config, tls, handler);
  }

  /// The port listened on.
  public int port() {
    return ((InetSocketAddress) listener.localAddress()).getPort();
  }

  /// How many connections are open.
  public int connections() {
    return admissions.all().size();
  }

  /// Stops listening, and ends exchanges under way. Closing twice is harmless.
  @Override
  public synchronized void close() {
    if (loop.isShuttingDown()) {
      return;
    }
    listener.close().syncUninterruptibly();
    threads.shutdownNow();
    admissions.all().forEach(channel -> channel.close().awaitUninterruptibly());
    // Those who answer still write, if only to find that nobody reads: a loop that has ended would
    // complain of each.
    awaitThreads();
    loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
  }

  private void awaitThreads() {
    try {
      if (!threads.awaitTermination(CLOSE_SECONDS_MAX, TimeUnit.SECONDS)) {
        LOG.warn(
            "{}: somebody is answered still, {} s after the end", config.name(), CLOSE_SECONDS_MAX);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private Channel listen() throws IOException {
    try {
      return Listener.listen(
          loop,
          NioServerSocketChannel.class,
          config.address(),
          BACKLOG,
          Map.of(ChannelOption.ALLOW_HALF_CLOSURE, true),
          this::accept);
    } catch (IOException e) {
      loop.shutdownGracefully(0, 1, TimeUnit.SECONDS).syncUninterruptibly();
      throw e;
    }
  }

  private void accept(SocketChannel channel) {
    if (!admissions.admit(channel)) {
      var _ = channel.close(); // all that are open are being answered
      return;
    }
    HttpServerConnection connection =
        new HttpServerConnection(config, handler, threads, admissions);
    channel
        .pipeline()
        .addLast(
            new FirstByte(tls, config.requestTimeout()),
            new StrictRequestDecoder(
                config.lineBytesMax(), config.headerBytesMax(), connection::onBytes),
            new HttpResponseEncoder(),
            connection);
  }
}
