package dev.trellis.node.control;

import java.util.concurrent.TimeUnit;
import zmq.Msg;
import zmq.msg.MsgAllocator;

/// Gives room for messages that come in. Whoever connects may claim that a large message follows,
/// before anything is known of him: beyond some megabytes a second there is no room, and JeroMQ
/// ends the connection, as it does after any message that is no good.
///
/// JeroMQ 0.6.0 also takes a size of 2^63 bytes and more for a negative one, which it lets pass,
/// and an exception here keeps its thread from ever connecting anybody again.
final class LargeMessages implements MsgAllocator {
  static final int LARGE_BYTES = 64 << 10;
  private static final long BYTES_PER_SECOND = 8 << 20;

  private double left = BYTES_PER_SECOND; // under the lock of this, as what follows
  private long atNanos = System.nanoTime();

  @Override
  public Msg allocate(int size) {
    boolean isRoom = size <= LARGE_BYTES || mayTake(size, System.nanoTime());
    return new Msg(isRoom ? Math.max(0, size) : 0);
  }

  synchronized boolean mayTake(int size, long nowNanos) {
    double earned = (double) BYTES_PER_SECOND * (nowNanos - atNanos) / TimeUnit.SECONDS.toNanos(1);
    left = Math.min(BYTES_PER_SECOND, left + earned);
    atNanos = nowNanos;
    if (size > left) {
      return false;
    }
    left -= size;
    return true;
  }
}
