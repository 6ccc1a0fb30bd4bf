package dev.trellis.integration.broken.placement;

/// A pure package that knows threads.
public final class StartsAThread {
  private StartsAThread() {}

  /// Never called.
  public static Thread start(Runnable task) {
    return Thread.ofVirtual().start(task);
  }
}
