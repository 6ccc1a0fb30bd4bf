package dev.trellis.node.net;

import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.IoHandlerFactory;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.ServerChannel;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollChannelOption;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollServerSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.nio.NioServerSocketChannel;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.util.concurrent.ThreadFactory;

/// The way to the sockets: Linux' epoll where its native library loads, else the JDK's NIO.
enum Transport {
  EPOLL(EpollServerSocketChannel.class),
  NIO(NioServerSocketChannel.class);

  private final Class<? extends ServerChannel> serverChannel;

  Transport(Class<? extends ServerChannel> serverChannel) {
    this.serverChannel = serverChannel;
  }

  /// The fastest one that works here.
  static Transport best() {
    return Epoll.isAvailable() ? EPOLL : NIO;
  }

  Class<? extends ServerChannel> serverChannel() {
    return serverChannel;
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
  EventLoopGroup newLoop(String threadName) {
    IoHandlerFactory handlers =
        this == EPOLL ? EpollIoHandler.newFactory() : NioIoHandler.newFactory();
    ThreadFactory threads = work -> new FastThreadLocalThread(work, threadName);
    return new MultiThreadIoEventLoopGroup(1, threads, handlers);
  }
}
