package dev.trellis.node.net;

import io.netty.bootstrap.Bootstrap;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.SelectStrategyFactory;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.nio.channels.spi.SelectorProvider;
import java.time.Duration;
import java.util.concurrent.ThreadFactory;

/// The way to the sockets: Linux' epoll where its native library loads, else the JDK's NIO.
enum Transport {
  EPOLL(EpollServerSocketChannel.class, EpollSocketChannel.class),
  NIO(NioServerSocketChannel.class, NioSocketChannel.class);

  private static final int UNACKNOWLEDGED_MILLIS_MAX = 10_000;

  private final Class<? extends ServerChannel> serverChannel;
  private final Class<? extends Channel> channel;

  Transport(Class<? extends ServerChannel> serverChannel, Class<? extends Channel> channel) {
    this.serverChannel = serverChannel;
    this.channel = channel;
  }

  /// The fastest one that works here.
  static Transport best() {
    return Epoll.isAvailable() ? EPOLL : NIO;
  }

  Class<? extends ServerChannel> serverChannel() {
    return serverChannel;
  }

  /// For connections to others.
  Class<? extends Channel> channel() {
    return channel;
  }

  /// Has a connection break, where the transport can do that, when for ten seconds nothing that was
  /// sent has arrived: the system's own patience is a quarter of an hour.
  void giveUpSoon(Bootstrap bootstrap) {
    if (this == EPOLL) {
      bootstrap.option(EpollChannelOption.TCP_USER_TIMEOUT, UNACKNOWLEDGED_MILLIS_MAX);
    }
  }

  /// Has a peer that is gone without a word noticed within two minutes, where the transport can:
  /// the system's default is two hours.
  void probeIdle(ServerBootstrap bootstrap) {
    if (this == EPOLL) {
      bootstrap
          .childOption(EpollChannelOption.TCP_KEEPIDLE, 60) // seconds
          .childOption(EpollChannelOption.TCP_KEEPINTVL, 15) // seconds
          .childOption(EpollChannelOption.TCP_KEEPCNT, 4);
    }
  }

  /// A single event loop.
  ///
  /// @param time measures how long it is busy
  /// @param poll how long it looks at its sockets before it sleeps, see [Polling]
  EventLoopGroup newLoop(String threadName, LoopTime time, Duration poll) {
    SelectStrategyFactory waiting = () -> new Polling(poll.toNanos(), System::nanoTime);
    IoHandlerFactory handlers =
        this == EPOLL
            ? EpollIoHandler.newFactory(0, waiting)
            : NioIoHandler.newFactory(SelectorProvider.provider(), waiting);
    ThreadFactory threads = work -> new FastThreadLocalThread(work, threadName);
    return new MultiThreadIoEventLoopGroup(1, threads, time.measured(handlers));
  }
}
