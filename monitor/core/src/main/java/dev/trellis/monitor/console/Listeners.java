package dev.trellis.monitor.console;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;

/// Those who listen to events. One that reads too slowly misses some, and one that does not read at
/// all is let go, so a listener costs a thread and two events at most.
final class Listeners {
  /// So that proxies, and the listener, know that somebody is there.
  private static final Duration HEARTBEAT = Duration.ofSeconds(15);

  private static final byte[] STILL_HERE = ": still here\n\n".getBytes(StandardCharsets.US_ASCII);

  /// In the place of an event: there are no more.
  private static final byte[] END = {};

  private final long stallNanos;
  private final Semaphore places;
  private final Set<Listener> listening = ConcurrentHashMap.newKeySet();

  private static final class Listener {
    final Thread thread = Thread.currentThread();
    final BlockingQueue<byte[]> next = new ArrayBlockingQueue<>(1);
    final BooleanSupplier isWelcome;

    /// Since when the thread is writing; 0 while it waits. Written by it, read by who tells.
    volatile long writingSinceNanos;

    Listener(BooleanSupplier isWelcome) {
      this.isWelcome = isWelcome;
    }
  }

  Listeners(int most, Duration stall) {
    places = new Semaphore(most);
    stallNanos = stall.toNanos();
  }

  boolean isEmpty() {
    return listening.isEmpty();
  }

  /// Takes a place, which [#leave] gives back; false if there is none.
  boolean tryEnter() {
    return places.tryAcquire();
  }

  void leave() {
    places.release();
  }

  /// Writes events until the other side goes, or this thread is interrupted. For a virtual thread:
  /// it stays here.
  ///
  /// @param first the event to begin with
  /// @param isWelcome whether the listener may still listen; asked at each [#dropUnwelcome]
  void serve(byte[] first, OutputStream out, BooleanSupplier isWelcome) throws IOException {
    Listener listener = new Listener(isWelcome);
    listening.add(listener);
    try {
      byte[] event = first;
      while (event != END) {
        listener.writingSinceNanos = nanosNotZero();
        out.write(event);
        out.flush();
        listener.writingSinceNanos = 0;
        byte[] told = listener.next.poll(HEARTBEAT.toMillis(), TimeUnit.MILLISECONDS);
        event = told == null ? STILL_HERE : told;
      }
    } catch (InterruptedException _) {
      Thread.currentThread().interrupt();
    } finally {
      listening.remove(listener);
    }
  }

  /// Gives everybody an event, in place of the one before if that still waits.
  void tell(byte[] event) {
    for (Listener listener : listening) {
      tell(listener, event);
    }
  }

  private static void tell(Listener listener, byte[] event) {
    listener.next.clear();
    boolean isTaken = listener.next.offer(event);
    if (!isTaken) {
      throw new IllegalStateException("events are told by one thread");
    }
  }

  /// Ends it for those who may not listen any more; called by the thread that tells, after what it
  /// told.
  void dropUnwelcome() {
    for (Listener listener : listening) {
      if (!listener.isWelcome.getAsBoolean()) {
        tell(listener, END);
      }
    }
  }

  /// Lets those go that have been written to for too long: an interrupt closes the connection.
  void dropStalled() {
    long now = System.nanoTime();
    for (Listener listener : listening) {
      long since = listener.writingSinceNanos;
      if (since != 0 && now - since > stallNanos) {
        listener.thread.interrupt();
      }
    }
  }

  private static long nanosNotZero() {
    long nanos = System.nanoTime();
    return nanos == 0 ? 1 : nanos;
  }
}
