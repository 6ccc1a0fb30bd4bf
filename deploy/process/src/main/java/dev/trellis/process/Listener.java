package dev.trellis.process;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.socket.SocketChannel;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.util.Map;
import java.util.function.Consumer;

/// How a process opens a port with Netty.
public final class Listener {
  private Listener() {}

  /// Listens, and waits until it does.
  ///
  /// @param loops on which connections are served; they stay the caller's
  /// @param kind of socket, which must fit the loops
  /// @param backlog connections that may wait to be taken
  /// @param options of each connection, beside TCP_NODELAY
  /// @param accept is given each connection on its loop, before anything is read
  /// @throws IOException if the port cannot be opened
  public static Channel listen(
      EventLoopGroup loops,
      Class<? extends ServerChannel> kind,
      InetSocketAddress address,
      int backlog,
      Map<ChannelOption<Boolean>, Boolean> options,
      Consumer<SocketChannel> accept)
      throws IOException {
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(loops)
            .channel(kind)
            .option(ChannelOption.SO_REUSEADDR, true)
            .option(ChannelOption.SO_BACKLOG, backlog)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childHandler(
                new ChannelInitializer<SocketChannel>() {
                  @Override
                  protected void initChannel(SocketChannel channel) {
                    accept.accept(channel);
                  }
                });
    options.forEach(bootstrap::childOption);
    ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw bound.cause() instanceof IOException problem ? problem : new IOException(bound.cause());
    }
    return bound.channel();
  }
}
