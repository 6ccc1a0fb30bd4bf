package dev.trellis.monitor.console;

import static dev.trellis.process.Ranges.requireWithin;

import java.time.Duration;
import java.util.Set;

/// How the console is served.
///
/// @param names by which it may be asked for besides its address and loopback names, without a
///   port: those of a proxy or a service in front of it
/// @param period how often the history grows and listeners are told, 100 ms to 1 min
/// @param listenersMax how many may listen to events at once, 1 to 10,000
/// @param stall how long a listener may take to read one event before it is let go, 100 ms to 10
///   min
public record ConsoleConfig(Set<String> names, Duration period, int listenersMax, Duration stall) {
  /// No names, every second, 64 listeners, 20 s.
  public static final ConsoleConfig DEFAULT =
      new ConsoleConfig(Set.of(), Duration.ofSeconds(1), 64, Duration.ofSeconds(20));

  public ConsoleConfig {
    names = Set.copyOf(names);
    requireWithin("console.period", period, Duration.ofMillis(100), Duration.ofMinutes(1));
    requireWithin("console.listeners.max", listenersMax, 1, 10_000);
    requireWithin("console.stall", stall, Duration.ofMillis(100), Duration.ofMinutes(10));
  }
}
