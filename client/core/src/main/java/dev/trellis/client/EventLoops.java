package dev.trellis.client;

import io.netty.channel.EventLoop;
import io.netty.channel.MultiThreadIoEventLoopGroup;
import io.netty.channel.epoll.Epoll;
import io.netty.channel.epoll.EpollIoHandler;
import io.netty.channel.epoll.EpollSocketChannel;
import io.netty.channel.nio.NioIoHandler;
import io.netty.channel.socket.SocketChannel;
import io.netty.channel.socket.nio.NioSocketChannel;
import io.netty.util.concurrent.FastThreadLocalThread;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/// The threads of a client: event loops, which carry requests and answers and never wait, and
/// virtual threads for what may wait, such as listeners.
final class EventLoops {
  private static final AtomicInteger CLIENTS = new AtomicInteger();
  private static final long STOP_SECONDS = 5;

  /// A thread of an event loop; it must never wait for an answer.
  static final class ClientThread extends FastThreadLocalThread {
    ClientThread(Runnable task, String name) {
      super(task, name);
      setDaemon(true);
    }
  }

  private final MultiThreadIoEventLoopGroup group;
  private final List<Thread> started = new CopyOnWriteArrayList<>();
  private final Class<? extends SocketChannel> channelClass;
  private final ExecutorService waiting;

  EventLoops(int threads) {
    String name = "trellis-client-" + CLIENTS.incrementAndGet();
    AtomicInteger number = new AtomicInteger();
    boolean epoll = Epoll.isAvailable();
    group =
        new MultiThreadIoEventLoopGroup(
            threads,
            (ThreadFactory)
                task -> {
                  ClientThread thread =
                      new ClientThread(task, name + "-" + number.incrementAndGet());
                  started.add(thread);
                  return thread;
                },
            epoll ? EpollIoHandler.newFactory() : NioIoHandler.newFactory());
    channelClass = epoll ? EpollSocketChannel.class : NioSocketChannel.class;
    waiting =
        Executors.newThreadPerTaskExecutor(
            Thread.ofVirtual().name(name + "-listener-", 1).factory());
  }

  EventLoop next() {
    return group.next();
  }

  Class<? extends SocketChannel> channelClass() {
    return channelClass;
  }

  /// Where tasks run that may wait.
  ExecutorService waiting() {
    return waiting;
  }

  /// Ends the event loops after what they have to do already, and waits until their threads are
  /// gone, unless called on one of them.
  void stop() {
    waiting.shutdown();
    var unused = group.shutdownGracefully(0, STOP_SECONDS, TimeUnit.SECONDS);
    if (Thread.currentThread() instanceof ClientThread) {
      return;
    }
    boolean interrupted = false;
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(2 * STOP_SECONDS);
    for (Thread thread : started) {
      while (thread.isAlive() && System.nanoTime() - deadline < 0) {
        try {
          thread.join(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
