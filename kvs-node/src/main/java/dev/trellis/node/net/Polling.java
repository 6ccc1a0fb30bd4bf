package dev.trellis.node.net;

import io.netty.channel.SelectStrategy;
import io.netty.util.IntSupplier;
import java.util.function.LongSupplier;

/// How a loop waits for its sockets: after they last had something, it asks them again and again
/// for a while, and only then sleeps until they have. A sleeping core takes several microseconds to
/// wake, on a virtual machine up to a hundred, and whoever asks one thing at a time pays that for
/// each. Between two questions other threads get the core if they want it, and what other threads
/// give the loop to do is done at once. Confined to the loop's thread.
final class Polling implements SelectStrategy {
  private final long forNanos;
  private final LongSupplier clock;
  private long lastNanos;

  /// @param forNanos how long, 0 to sleep at once
  /// @param clock of nanoseconds, with any origin
  Polling(long forNanos, LongSupplier clock) {
    this.forNanos = forNanos;
    this.clock = clock;
    this.lastNanos = clock.getAsLong() - forNanos;
  }

  @Override
  @SuppressWarnings("ThreadPriorityCheck") // nothing relies on it: it is politeness to others
  public int calculateStrategy(IntSupplier ready, boolean hasTasks) throws Exception {
    if (forNanos == 0) {
      return hasTasks ? ready.get() : SELECT;
    }
    int count = ready.get();
    if (count > 0) {
      lastNanos = clock.getAsLong();
      return count;
    }
    if (hasTasks) {
      return count;
    }
    if (clock.getAsLong() - lastNanos >= forNanos) {
      return SELECT;
    }
    Thread.yield();
    return CONTINUE;
  }
}
