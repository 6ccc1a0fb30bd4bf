package dev.trellis.functions.agent;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;

/// Runs one thing after the other, on the threads of those who ask for it: none may block.
final class Serial {
  private final Queue<Runnable> waiting = new ConcurrentLinkedQueue<>();
  private final AtomicInteger count = new AtomicInteger();

  void run(Runnable what) {
    waiting.add(what);
    if (count.getAndIncrement() > 0) {
      return; // who runs now, runs this too
    }
    do {
      Runnable next = waiting.poll();
      if (next == null) {
        throw new IllegalStateException("counted and not queued");
      }
      next.run();
    } while (count.decrementAndGet() > 0);
  }
}
