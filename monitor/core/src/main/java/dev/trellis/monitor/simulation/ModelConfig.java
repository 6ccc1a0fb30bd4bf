package dev.trellis.monitor.simulation;

import static dev.trellis.process.Ranges.requireBytesWithin;
import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.monitor.policy.PolicySettings;
import dev.trellis.monitor.policy.PolicySettings.Band;
import dev.trellis.monitor.policy.PolicySettings.Counts;
import dev.trellis.monitor.policy.PolicySettings.Objective;
import dev.trellis.monitor.policy.PolicySettings.Statistic;
import dev.trellis.process.StrictConfig;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;

/// What a simulated cluster is like. `model.conf` documents each setting.
///
/// @param otherPrice per hour of what is not a storage node
public record ModelConfig(
    Duration period,
    int faultTolerance,
    double noise,
    Nodes nodes,
    Data data,
    Clients clients,
    Service service,
    Handoff handoff,
    Duration placeDelay,
    double otherPrice,
    PolicySettings policy) {
  /// Those at the beginning, and how others come and go.
  public record Nodes(
      int memory,
      int ssd,
      int shards,
      Duration start,
      Duration detection,
      double unevenness,
      long memoryBytes,
      long ssdBytes) {
    public Nodes {
      requireWithin("nodes.memory", memory, 1, 100_000);
      requireWithin("nodes.ssd", ssd, 0, 100_000);
      requireWithin("nodes.shards", shards, 1, 256);
      requireWithin("nodes.start", start, Duration.ZERO, Duration.ofHours(1));
      requireWithin("nodes.detection", detection, Duration.ZERO, Duration.ofHours(1));
      requireWithin("nodes.unevenness", unevenness, 0.0, 0.5);
      requireBytesWithin("memory.bytes", memoryBytes, 1 << 20, 1L << 50);
      requireBytesWithin("ssd.bytes", ssdBytes, 1 << 20, 1L << 50);
    }
  }

  /// What is stored.
  public record Data(long keys, long valueBytes) {
    public Data {
      requireWithin("keys", keys, 100, 1_000_000_000_000L);
      requireBytesWithin("value.bytes", valueBytes, 1, 16 << 20);
    }
  }

  /// Those who ask: each waits for its answer, pauses and asks again.
  public record Clients(double writeShare, Duration pause, Duration timeout) {
    public Clients {
      requireWithin("write.share", writeShare, 0.0, 1.0);
      requireWithin("client.pause", pause, Duration.ZERO, Duration.ofMinutes(1));
      requireWithin("request.timeout", timeout, Duration.ofMillis(1), Duration.ofMinutes(1));
    }
  }

  /// What requests cost.
  public record Service(
      double memoryMicros,
      double ssdMicros,
      double ssdWriteMicros,
      double mergeShare,
      double saturatedOccupancy,
      double memoryNetworkMicros,
      double ssdNetworkMicros,
      double variability,
      Duration gossipEpoch) {
    public Service {
      requireWithin("service.memory.micros", memoryMicros, 0.01, 1e6);
      requireWithin("service.ssd.micros", ssdMicros, 0.01, 1e6);
      requireWithin("service.ssd.write.micros", ssdWriteMicros, 0.0, 1e6);
      requireWithin("service.merge.share", mergeShare, 0.0, 10.0);
      requireWithin("service.occupancy.saturated", saturatedOccupancy, 0.01, 1.0);
      requireWithin("network.memory.micros", memoryNetworkMicros, 0.0, 1e6);
      requireWithin("network.ssd.micros", ssdNetworkMicros, 0.0, 1e6);
      requireWithin("queue.variability", variability, 0.001, 100.0);
      requireWithin("gossip.epoch", gossipEpoch, Duration.ofMillis(1), Duration.ofMinutes(1));
    }
  }

  /// How data move.
  ///
  /// @param capacity what is left of the nodes' while `share` of the data moves
  public record Handoff(long bytesPerSecond, double capacity, double share) {
    public Handoff {
      requireBytesWithin("handoff.bandwidth", bytesPerSecond, 1, 1L << 40);
      requireWithin("handoff.capacity", capacity, 0.01, 1.0);
      requireWithin("handoff.share", share, 0.001, 1.0);
    }
  }

  public ModelConfig {
    requireWithin("period", period, Duration.ofSeconds(1), Duration.ofMinutes(10));
    requireWithin("fault.tolerance", faultTolerance, 0, 10);
    requireWithin("noise", noise, 0.0, 0.5);
    requireWithin("place.delay", placeDelay, Duration.ZERO, Duration.ofMinutes(10));
    requireWithin("price.other", otherPrice, 0.0, 1e6);
  }

  /// Reads what differs from `model.conf`, in this order.
  ///
  /// @throws dev.trellis.process.ConfigurationException if it is not legal, naming key, value and
  ///   what would be
  static ModelConfig of(List<String> texts) {
    StrictConfig config =
        StrictConfig.ofText(resource("model.conf"), String.join("\n", texts), Map.of());
    return new ModelConfig(
        config.duration("period"),
        config.number("fault.tolerance"),
        decimal(config, "noise"),
        nodes(config),
        new Data(config.whole("keys"), config.bytes("value.bytes")),
        new Clients(
            decimal(config, "write.share"),
            config.duration("client.pause"),
            config.duration("request.timeout")),
        service(config),
        new Handoff(
            config.bytes("handoff.bandwidth"),
            decimal(config, "handoff.capacity"),
            decimal(config, "handoff.share")),
        config.duration("place.delay"),
        decimal(config, "price.other"),
        policy(config));
  }

  /// The text of a file beside this class.
  static String resource(String name) {
    try (InputStream in = ModelConfig.class.getResourceAsStream(name)) {
      if (in == null) {
        throw new IllegalStateException(name + " is not in the jar");
      }
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static Nodes nodes(StrictConfig config) {
    return new Nodes(
        config.number("nodes.memory"),
        config.number("nodes.ssd"),
        config.number("nodes.shards"),
        config.duration("nodes.start"),
        config.duration("nodes.detection"),
        decimal(config, "nodes.unevenness"),
        config.bytes("memory.bytes"),
        config.bytes("ssd.bytes"));
  }

  private static Service service(StrictConfig config) {
    return new Service(
        decimal(config, "service.memory.micros"),
        decimal(config, "service.ssd.micros"),
        decimal(config, "service.ssd.write.micros"),
        decimal(config, "service.merge.share"),
        decimal(config, "service.occupancy.saturated"),
        decimal(config, "network.memory.micros"),
        decimal(config, "network.ssd.micros"),
        decimal(config, "queue.variability"),
        config.duration("gossip.epoch"));
  }

  private static PolicySettings policy(StrictConfig config) {
    Duration grace = config.duration("policy.grace");
    return new PolicySettings(
        new Objective(
            config
                .word("policy.objective.statistic", List.of("mean", "p95"))
                .filter("p95"::equals)
                .map(word -> Statistic.P95)
                .orElse(Statistic.MEAN),
            Duration.ofNanos(Math.round(decimal(config, "policy.objective.micros") * 1e3))),
        config
            .optionalText("policy.budget.per-hour")
            .map(text -> decimal(config, "policy.budget.per-hour")),
        decimal(config, "policy.price.memory"),
        decimal(config, "policy.price.ssd"),
        decimal(config, "policy.hot.deviations"),
        config.number("policy.promote.accesses"),
        config.duration("policy.promote.window"),
        band(config, "policy.memory.use"),
        band(config, "policy.ssd.use"),
        band(config, "policy.latency.fraction"),
        band(config, "policy.occupancy"),
        decimal(config, "policy.step.factor"),
        grace,
        config.duration("policy.key.grace"),
        counts(config, "policy.memory.nodes"),
        counts(config, "policy.ssd.nodes"),
        config.duration("policy.shrink.after"),
        config.duration("gossip.epoch"));
  }

  private static Band band(StrictConfig config, String key) {
    return new Band(decimal(config, key + ".low"), decimal(config, key + ".high"));
  }

  private static Counts counts(StrictConfig config, String key) {
    return new Counts(config.number(key + ".min"), config.number(key + ".max"));
  }

  private static double decimal(StrictConfig config, String key) {
    try {
      return Double.parseDouble(config.text(key));
    } catch (NumberFormatException _) {
      throw config.wrong(key, "must be a number");
    }
  }
}
