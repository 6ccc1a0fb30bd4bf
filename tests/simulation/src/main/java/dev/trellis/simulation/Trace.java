package dev.trellis.simulation;

import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;

/// The events of a run, in order, for people. Listening changes nothing in the run.
final class Trace {
  private final Optional<Consumer<String>> listener;
  private final Scheduler scheduler;

  Trace(Optional<Consumer<String>> listener, Scheduler scheduler) {
    this.listener = listener;
    this.scheduler = scheduler;
  }

  boolean isHeard() {
    return listener.isPresent();
  }

  /// @param event told only if somebody listens
  void tell(Supplier<String> event) {
    if (listener.isPresent()) {
      listener.get().accept(scheduler.elapsedMillis() + " " + event.get());
    }
  }
}
