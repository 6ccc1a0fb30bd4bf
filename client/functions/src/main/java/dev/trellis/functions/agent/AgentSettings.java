package dev.trellis.functions.agent;

import java.time.Duration;

/// Times by which agents are found, moved and put to rest. All programs that host or talk to the
/// same agents need the same. None of them is relied on for more than promptness: what was
/// overtaken is found out by epochs.
///
/// @param lease after how much silence a host counts as gone, 100 ms to 1 h; it tells that it lives
///   three times in that
/// @param idle how long an agent without mail and timers stays active, 10 ms to one day
/// @param period how long who has told an agent something need not say again that it has mail, 100
///   ms to 1 h. More than the clocks of all these programs differ by, or mail may lie until
///   somebody tells the agent something again
public record AgentSettings(Duration lease, Duration idle, Duration period) {
  /// Three seconds, one minute, ten seconds.
  public static final AgentSettings DEFAULT =
      new AgentSettings(Duration.ofSeconds(3), Duration.ofMinutes(1), Duration.ofSeconds(10));

  public AgentSettings {
    requireWithin("lease", lease, Duration.ofMillis(100), Duration.ofHours(1));
    requireWithin("idle", idle, Duration.ofMillis(10), Duration.ofDays(1));
    requireWithin("period", period, Duration.ofMillis(100), Duration.ofHours(1));
  }

  private static void requireWithin(String what, Duration value, Duration min, Duration max) {
    if (value.compareTo(min) < 0 || value.compareTo(max) > 0) {
      throw new IllegalArgumentException(what + " " + value + " is outside " + min + " to " + max);
    }
  }

  public AgentSettings withLease(Duration other) {
    return new AgentSettings(other, idle, period);
  }

  public AgentSettings withIdle(Duration other) {
    return new AgentSettings(lease, other, period);
  }

  public AgentSettings withPeriod(Duration other) {
    return new AgentSettings(lease, idle, other);
  }
}
