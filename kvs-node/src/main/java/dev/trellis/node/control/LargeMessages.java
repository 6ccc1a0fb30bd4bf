package dev.trellis.node.control;

import java.util.concurrent.TimeUnit;
import zmq.Msg;
import zmq.msg.MsgAllocator;

/// Gives room for messages that come in. Whoever connects may claim that a large message follows,
/// before anything is known of him: beyond some megabytes a second there is no room, and JeroMQ
/// ends the connection, as it does after any message that is no good.
final class LargeMessages implements MsgAllocator {
  static final int LARGE_BYTES = 64 << 10;
  private static final long BYTES_PER_SECOND = 32 << 20;

  private double left = BYTES_PER_SECOND; // under the lock of this, as what follows
  private long atNanos = System.nanoTime();

  @Override
  public Msg allocate(int size) {
    return new Msg(size <= LARGE_BYTES || mayTake(size, System.nanoTime()) ? size : 0);
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
