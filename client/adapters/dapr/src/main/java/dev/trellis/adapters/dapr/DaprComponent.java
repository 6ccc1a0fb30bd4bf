package dev.trellis.adapters.dapr;

import io.grpc.Server;
import io.grpc.ServerInterceptors;
import io.grpc.netty.shaded.io.grpc.netty.NettyServerBuilder;
import io.grpc.netty.shaded.io.netty.channel.EventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.MultiThreadIoEventLoopGroup;
import io.grpc.netty.shaded.io.netty.channel.epoll.Epoll;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollIoHandler;
import io.grpc.netty.shaded.io.netty.channel.epoll.EpollServerDomainSocketChannel;
import io.grpc.netty.shaded.io.netty.channel.unix.DomainSocketAddress;
import io.grpc.protobuf.services.ProtoReflectionServiceV1;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.TimeUnit;

/// A pluggable component of Dapr's that keeps state in Trellis: listens on a socket of this
/// machine, by whose name Dapr knows it (`trellis.sock` is `state.trellis`), and is told there by
/// Dapr which cluster to connect to. Linux only.
///
/// Closing it ends the connections and removes the socket.
public final class DaprComponent implements AutoCloseable {
  /// Where Dapr looks for sockets unless it is told otherwise.
  public static final Path FOLDER = Path.of("/tmp/dapr-components-sockets");

  /// The environment variable that tells Dapr, and this, to look elsewhere.
  public static final String FOLDER_VARIABLE = "DAPR_COMPONENTS_SOCKETS_FOLDER";

  private static final String SUFFIX = ".sock";
  private static final int PATH_BYTES_MAX = 107; // of a socket, by Linux
  private static final int MESSAGE_BYTES_MAX = 64 << 20; // a value of 16 MiB, several in bulk

  private final Path socket;
  private final StateService service;
  private final EventLoopGroup loops;
  private final Server server;

  private DaprComponent(Path socket, StateService service, EventLoopGroup loops, Server server) {
    this.socket = socket;
    this.service = service;
    this.loops = loops;
    this.server = server;
  }

  /// Begins to listen.
  ///
  /// @param folder is made if it is missing
  /// @param name lower-case letters, digits, `-` and `_`; the component is `state.` and that
  /// @throws IllegalArgumentException if the name, or the length of the path, is none of a socket
  /// @throws IOException if there can be no socket, or somebody listens there
  public static DaprComponent start(Path folder, String name) throws IOException {
    Path socket = socketOf(folder, name);
    if (!Epoll.isAvailable()) {
      throw new IOException(
          "sockets of this kind need Linux with epoll", Epoll.unavailabilityCause());
    }
    Files.createDirectories(folder);
    if (Files.exists(socket)) {
      if (isListenedTo(socket)) {
        throw new IOException("another process listens on " + socket + "; use another name");
      }
      Files.delete(socket); // left by one that was killed
    }
    StateService service = new StateService();
    EventLoopGroup loops = new MultiThreadIoEventLoopGroup(1, EpollIoHandler.newFactory());
    try {
      Server server =
          NettyServerBuilder.forAddress(new DomainSocketAddress(socket.toFile()))
              .channelType(EpollServerDomainSocketChannel.class)
              .bossEventLoopGroup(loops)
              .workerEventLoopGroup(loops)
              .maxInboundMessageSize(MESSAGE_BYTES_MAX)
              .addService(ServerInterceptors.intercept(service, service))
              .addService(ProtoReflectionServiceV1.newInstance())
              .addService(alphaReflection())
              .build()
              .start();
      return new DaprComponent(socket, service, loops, server);
    } catch (IOException | RuntimeException e) {
      var unused = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
      throw e;
    }
  }

  /// Dapr's runtimes ask by the first form of reflection.
  @SuppressWarnings("deprecation")
  private static io.grpc.BindableService alphaReflection() {
    return io.grpc.protobuf.services.ProtoReflectionService.newInstance();
  }

  private static Path socketOf(Path folder, String name) {
    if (!name.matches("[a-z0-9][a-z0-9_-]*")) {
      throw new IllegalArgumentException(
          "the name '"
              + name
              + "' of a component has lower-case letters, digits, - and _, and begins with one of"
              + " the first two");
    }
    Path socket = folder.resolve(name + SUFFIX).toAbsolutePath();
    int bytes = socket.toString().getBytes(StandardCharsets.UTF_8).length;
    if (bytes > PATH_BYTES_MAX) {
      throw new IllegalArgumentException(
          "the path of the socket, "
              + socket
              + ", has "
              + bytes
              + " bytes; Linux takes "
              + PATH_BYTES_MAX
              + ", so use a shorter folder");
    }
    return socket;
  }

  private static boolean isListenedTo(Path socket) {
    try (SocketChannel channel = SocketChannel.open(StandardProtocolFamily.UNIX)) {
      return channel.connect(UnixDomainSocketAddress.of(socket));
    } catch (IOException e) {
      return false;
    }
  }

  /// Where it listens.
  public Path socket() {
    return socket;
  }

  /// Waits until it is closed.
  public void awaitEnd() throws InterruptedException {
    server.awaitTermination();
  }

  @Override
  public void close() {
    server.shutdown();
    try {
      if (!server.awaitTermination(5, TimeUnit.SECONDS)) {
        server.shutdownNow();
      }
    } catch (InterruptedException e) {
      server.shutdownNow();
      Thread.currentThread().interrupt();
    }
    service.close();
    var unused = loops.shutdownGracefully(0, 1, TimeUnit.SECONDS);
    try {
      Files.deleteIfExists(socket);
    } catch (IOException e) {
      // the next one to start there finds that nobody listens, and removes it
    }
  }
}
