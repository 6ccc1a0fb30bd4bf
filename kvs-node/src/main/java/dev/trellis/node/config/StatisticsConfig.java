package dev.trellis.node.config;

import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.node.shard.AccessConfig;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StrictConfig;
import java.time.Duration;
import java.util.Optional;

/// What a node tells monitors of itself.
///
/// @param port where it publishes; 0 takes a free one, empty to publish nothing
/// @param period from one report to the next, 100 ms to 1 min
/// @param accesses what is noted of which keys are asked for
public record StatisticsConfig(Optional<Integer> port, Duration period, AccessConfig accesses) {
  private static final int PORT_MAX = 65_535;

  public StatisticsConfig {
    port.ifPresent(number -> requireWithin("statistics.port", number, 0, PORT_MAX));
    requireWithin("statistics.period", period, Duration.ofMillis(100), Duration.ofMinutes(1));
  }

  /// @param standsAlone whether the node has no control port, and so publishes nothing
  /// @throws ConfigurationException if such a node is given a port all the same
  static StatisticsConfig of(StrictConfig config, boolean standsAlone) {
    Optional<Integer> port =
        config.optionalText("statistics.port").map(_ -> config.number("statistics.port"));
    if (standsAlone && port.isPresent() && port.get() != 0) {
      throw config.wrong(
          "statistics.port",
          "is set, but control.port is not; a node that stands alone publishes nothing");
    }
    return new StatisticsConfig(
        standsAlone ? Optional.empty() : port,
        config.duration("statistics.period"),
        StrictConfig.legal(
            () ->
                new AccessConfig(
                    config.number("statistics.sample"), config.decimal("statistics.idle.from"))));
  }
}
