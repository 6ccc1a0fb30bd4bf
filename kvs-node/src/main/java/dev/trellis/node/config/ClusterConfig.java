package dev.trellis.node.config;

import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StrictConfig;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// How a node finds the others of its cluster and tells whether they live.
///
/// @param zone where it may fail together with others, up to 64 characters; empty for none
/// @param seeds control addresses of other nodes, `host:port` each; none for a node that founds a
///   cluster at once
/// @param foundersWanted members to be seen before a new cluster is founded, 1 to 1,000; empty for
///   as many as there are seeds
/// @param controlPort where the node listens for other nodes and orders; 0 takes a free one, empty
///   for a node that stands alone
/// @param faultTolerance lost nodes to survive in a cluster not told otherwise, 0 to 15
/// @param pingInterval time between signs of life, 10 ms to 10 s
/// @param suspectAfter silence after which others stop waiting for a node, at least twice
///   `pingInterval`
/// @param removeAfter silence after which others go on without a node, at least twice
///   `suspectAfter`, up to 1 h
/// @param startupWait after how long a node that finds no cluster says whom it waits for, 100 ms to
///   1 h
public record ClusterConfig(
    String zone,
    List<String> seeds,
    Optional<Integer> foundersWanted,
    Optional<Integer> controlPort,
    int faultTolerance,
    Duration pingInterval,
    Duration suspectAfter,
    Duration removeAfter,
    Duration startupWait) {
  private static final int ZONE_CHARACTERS_MAX = 64;
  private static final int PORT_MAX = 65_535;

  public ClusterConfig {
    seeds = List.copyOf(seeds);
    if (zone.length() > ZONE_CHARACTERS_MAX) {
      throw new ConfigurationException(
          "node.zone '" + zone + "' must have at most " + ZONE_CHARACTERS_MAX + " characters");
    }
    seeds.forEach(ClusterConfig::requireAddress);
    foundersWanted.ifPresent(count -> requireWithin("cluster.founders", count, 1, 1_000));
    controlPort.ifPresent(port -> requireWithin("control.port", port, 0, PORT_MAX));
    if (!seeds.isEmpty() && controlPort.isEmpty()) {
      throw new ConfigurationException(
          "cluster.seeds names "
              + seeds.getFirst()
              + " but control.port is not set; set it, as other nodes must reach this one");
    }
    requireWithin("cluster.fault-tolerance", faultTolerance, 0, 15);
    requireWithin(
        "membership.ping.interval", pingInterval, Duration.ofMillis(10), Duration.ofSeconds(10));
    requireWithin(
        "membership.suspect.after",
        suspectAfter,
        pingInterval.multipliedBy(2),
        Duration.ofMinutes(30));
    requireWithin(
        "membership.remove.after", removeAfter, suspectAfter.multipliedBy(2), Duration.ofHours(1));
    requireWithin("startup.wait", startupWait, Duration.ofMillis(100), Duration.ofHours(1));
  }

  static ClusterConfig of(StrictConfig config) {
    return new ClusterConfig(
        config.optionalText("node.zone").orElse(""),
        config.texts("cluster.seeds").stream().filter(seed -> !seed.isEmpty()).toList(),
        config.optionalText("cluster.founders").map(_ -> config.number("cluster.founders")),
        config.optionalText("control.port").map(_ -> config.number("control.port")),
        config.number("cluster.fault-tolerance"),
        config.duration("membership.ping.interval"),
        config.duration("membership.suspect.after"),
        config.duration("membership.remove.after"),
        config.duration("startup.wait"));
  }

  /// How many members must be seen before a new cluster is founded: what was configured, or the
  /// number of distinct seeds and the node itself.
  ///
  /// @param self the node's own control address, which may be one of the seeds
  public int founders(String self) {
    Set<String> distinct = new HashSet<>(seeds);
    distinct.add(self);
    return foundersWanted.orElse(seeds.isEmpty() ? 1 : distinct.size());
  }

  private static void requireAddress(String seed) {
    int colon = seed.lastIndexOf(':');
    boolean legal = colon > 0 && seed.substring(colon + 1).matches("[0-9]{1,5}");
    if (legal) {
      int port = Integer.parseInt(seed.substring(colon + 1));
      legal = port >= 1 && port <= PORT_MAX;
    }
    if (!legal) {
      throw new ConfigurationException(
          "cluster.seeds '"
              + seed
              + "' must be the address of a control port, host:port with a port of 1 to "
              + PORT_MAX);
    }
  }
}
