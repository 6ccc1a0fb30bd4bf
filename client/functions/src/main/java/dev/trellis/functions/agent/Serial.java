package dev.trellis.functions.agent;

import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.AtomicInteger;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Runs one thing after the other, on the threads of those who ask for it: none may block. What
/// throws holds up nothing after it, and is told to the log alone: who runs it may be anybody.
final class Serial {
  private static final Logger log = LoggerFactory.getLogger(Serial.class);

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
      try {
        next.run();
      } catch (RuntimeException | Error e) {
        log.error("something failed, and what waits behind it goes on", e);
      }
    } while (count.decrementAndGet() > 0);
  }
}
