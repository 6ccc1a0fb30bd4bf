package dev.trellis.node.control;

import java.util.concurrent.TimeUnit;
import zmq.Msg;
import zmq.msg.MsgAllocator;

/// Gives room for messages that come in. Whoever connects may claim that a large message follows,
/// before anything is known of him: beyond some megabytes a second there is no room, and JeroMQ
/// ends the connection, as it does after any message that is no good.
///
/// JeroMQ 0.6.0 takes a length of 2⁶³ or more for a negative one, which is below every limit: the
/// failure to make room for it leaves its decoder in a loop, and the thread of all connections with
/// it. So there is room for a negative number of bytes: none.
final class LargeMessages implements MsgAllocator {
  static final int LARGE_BYTES = 64 << 10;
  private static final long BYTES_PER_SECOND = 32 << 20;

  private double left = BYTES_PER_SECOND; // under the lock of this, as what follows
  private long atNanos = System.nanoTime();

  @Override
  public Msg allocate(int size) {
    boolean fits =
        size >= 0
            && size <= Envelope.BYTES_MAX
            && (size <= LARGE_BYTES || mayTake(size, System.nanoTime()));
    return new Msg(fits ? size : 0);
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
