package dev.trellis.bench;

import dev.trellis.client.Trellis;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// A load that is on its way from its making until it is closed.
final class RunningLoad implements AutoCloseable {
  private static final Duration STOP_PATIENCE = Duration.ofMinutes(1);

  private final LoadGenerator generator;
  private final @Nullable Thread schedule; // of an open loop

  /// @param clients one for each connection of the load
  RunningLoad(LoadGenerator generator, List<Trellis> clients) {
    this.generator = generator;
    for (int client = 0; client < clients.size(); client++) {
      generator.start(Store.of(clients.get(client)), client);
    }
    schedule =
        generator.isOpen()
            ? Thread.ofPlatform().name("schedule").start(generator::keepSchedule)
            : null;
  }

  Meter meter() {
    return generator.meter();
  }

  /// Ends the load, and waits until what was sent is answered: calls have deadlines.
  ///
  /// @throws IllegalStateException if a call ended in a way that no call should
  @Override
  public void close() {
    generator.stop();
    try {
      if (schedule != null) {
        schedule.join();
      }
      long giveUp = System.nanoTime() + STOP_PATIENCE.toNanos();
      while (generator.unanswered() > 0 && System.nanoTime() - giveUp < 0) {
        TimeUnit.MILLISECONDS.sleep(1);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    meter().requireSound();
  }
}
