package dev.trellis.process;

import java.util.Optional;

/// What a process says of itself to whoever supervises it. Called by any thread.
public interface Health {
  /// Why the process had better be restarted; empty while it works.
  Optional<String> sickness();

  /// Why the process cannot serve now; empty while it can.
  Optional<String> unreadiness();
}
