package dev.trellis.adapters.spring;

import dev.trellis.client.Trellis;
import org.springframework.context.SmartLifecycle;

/// Spring stops what has a lifecycle before a snapshot of the process (`org.crac`), and starts it
/// after a restore; the client then is another one. Stopped with the context, the client is closed
/// a moment later anyway.
final class TrellisLifecycle implements SmartLifecycle {
  private final Trellis trellis;
  private volatile boolean running;

  TrellisLifecycle(Trellis trellis) {
    this.trellis = trellis;
  }

  @Override
  public void start() {
    trellis.afterRestore();
    running = true;
  }

  @Override
  public void stop() {
    running = false;
    trellis.beforeCheckpoint();
  }

  @Override
  public boolean isRunning() {
    return running;
  }

  /// Before all that may use it is started, and after it is stopped.
  @Override
  public int getPhase() {
    return Integer.MIN_VALUE;
  }
}
