package dev.trellis.node.net;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/// A number that one thread writes and any thread reads. Without a fence: a reader sees it whole
/// and soon.
final class Tally {
  private static final VarHandle VALUE;

  static {
    try {
      VALUE = MethodHandles.lookup().findVarHandle(Tally.class, "value", long.class);
    } catch (ReflectiveOperationException e) {
      throw new ExceptionInInitializerError(e);
    }
  }

  private long value; // written by the owner, read by the admin threads

  /// To be called by the owner only.
  void add(long number) {
    VALUE.setOpaque(this, value + number);
  }

  long value() {
    return (long) VALUE.getOpaque(this);
  }
}
