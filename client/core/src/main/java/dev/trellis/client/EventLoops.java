package dev.trellis.client;

import io.netty.util.concurrent.FastThreadLocalThread;

/// The threads that carry requests and answers.
final class EventLoops {
  private EventLoops() {}

  /// A thread of an event loop; it must never wait for an answer.
  static final class ClientThread extends FastThreadLocalThread {
    ClientThread(Runnable task, String name) {
      super(task, name);
      setDaemon(true);
    }
  }
}
