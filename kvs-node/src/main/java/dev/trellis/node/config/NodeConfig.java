package dev.trellis.node.config;

import static dev.trellis.process.Ranges.requireBytesWithin;
import static dev.trellis.process.Ranges.requireWithin;

import dev.trellis.node.shard.ReplicationConfig;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.Secrets;
import dev.trellis.process.Security;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.Limits;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.IntStream;

/// The settings of a storage node. [#reference] documents each by its key.
///
/// @param nodeId unique in the cluster, 1 to 64 characters
/// @param clusterName 1 to 64 characters
/// @param capacity share of the keys relative to other nodes', 1 to 1,000
/// @param replication of the node's shards together; each sends handoff at its part of the rate
/// @param storage where the entries are kept
/// @param statistics what it tells monitors
/// @param clockSkewMax furthest that a client's clock may be from the node's, 1 ms to 1 h
/// @param tombstoneGrace how long the dead are remembered before their memory is freed, 1 s to 30 d
/// @param invocationLifetime how long after its birth an invocation may write under its tags, 1 min
///   to 7 d; the same in the whole cluster
/// @param clientsMax clients whose repeats are recognised, per shard, 16 to 1,000,000
/// @param watchesMax watches of one connection, 1 to 1,000,000
/// @param stopTimeout how long a stop may take to answer what was taken, 0 to 5 min
public record NodeConfig(
    String nodeId,
    String clusterName,
    int capacity,
    ClusterConfig cluster,
    ReplicationConfig replication,
    ListenConfig listen,
    ConnectionConfig connections,
    Limits limits,
    StorageConfig storage,
    StatisticsConfig statistics,
    Duration clockSkewMax,
    Duration tombstoneGrace,
    Duration invocationLifetime,
    int clientsMax,
    int watchesMax,
    Duration stopTimeout) {
  private static final int NAME_CHARACTERS_MAX = 64;

  public NodeConfig {
    requireName("node.id", nodeId);
    requireName("cluster.name", clusterName);
    requireWithin("node.capacity", capacity, 1, 1_000);
    requireBytesWithin(
        "handoff.rate",
        replication.handoffBytesPerSecond(),
        (long) listen.dataPorts().size() << 10,
        Long.MAX_VALUE);
    requireWithin("clock.skew.max", clockSkewMax, Duration.ofMillis(1), Duration.ofHours(1));
    requireWithin("tombstone.grace", tombstoneGrace, Duration.ofSeconds(1), Duration.ofDays(30));
    requireWithin(
        "invocation.lifetime", invocationLifetime, Duration.ofMinutes(1), Duration.ofDays(7));
    requireWithin("clients.max", clientsMax, 16, 1_000_000);
    requireWithin("watches.max", watchesMax, 1, 1_000_000);
    requireWithin("stop.timeout", stopTimeout, Duration.ZERO, Duration.ofMinutes(5));
  }

  /// Every key, documented, with its default: a HOCON text.
  public static String reference() {
    try (InputStream in = NodeConfig.class.getResourceAsStream("node.conf")) {
      return new String(Objects.requireNonNull(in).readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException("the jar of kvs-node is damaged", e);
    }
  }

  /// A node on free ports of loopback with defaults for the rest: for a store within a program.
  ///
  /// @param nodeId 1 to 64 characters
  /// @param shards 1 to 256
  public static NodeConfig loopback(String nodeId, int shards) {
    return of(
        StrictConfig.ofText(
            reference(),
            "node.id = \"" + nodeId + "\", shards = " + shards + ", data.ports = 0, admin.port = 0",
            Map.of()));
  }

  /// Reads and checks the settings.
  ///
  /// @throws ConfigurationException if one is missing, of another type or out of its range
  public static NodeConfig of(StrictConfig config) {
    long heapBytes = Runtime.getRuntime().maxMemory();
    ClusterConfig cluster = ClusterConfig.of(config);
    return new NodeConfig(
        config.text("node.id"),
        config.text("cluster.name"),
        config.number("node.capacity"),
        cluster,
        replication(config),
        listen(config),
        new ConnectionConfig(
            config.number("connections.max"),
            config.duration("handshake.timeout"),
            config.number("requests.max"),
            config.numberOfBytes("outbound.max"),
            config.bytesOrShare("memory.inbound", heapBytes),
            config.bytesOrShare("memory.outbound", heapBytes),
            config.duration("stall.timeout"),
            config.duration("poll.time")),
        limits(config),
        StorageConfig.of(config, config.number("shards"), heapBytes),
        StatisticsConfig.of(config, cluster.controlPort().isEmpty()),
        config.duration("clock.skew.max"),
        config.duration("tombstone.grace"),
        config.duration("invocation.lifetime"),
        config.number("clients.max"),
        config.number("watches.max"),
        config.duration("stop.timeout"));
  }

  /// The number of shards.
  public int shards() {
    return listen.dataPorts().size();
  }

  /// How one shard of the node keeps in step with others.
  public ReplicationConfig shardReplication() {
    return new ReplicationConfig(
        replication.gossipEpoch(),
        replication.antiEntropyPeriod(),
        replication.acknowledgementTimeout(),
        replication.retransmitAfter(),
        replication.linkBytesMax(),
        replication.handoffBytesPerSecond() / shards());
  }

  private static ReplicationConfig replication(StrictConfig config) {
    return StrictConfig.legal(
        () ->
            new ReplicationConfig(
                config.duration("gossip.epoch"),
                config.duration("antientropy.period"),
                config.duration("replication.timeout"),
                config.duration("replication.retransmit"),
                config.bytes("replication.buffer"),
                config.bytes("handoff.rate")));
  }

  private static ListenConfig listen(StrictConfig config) {
    int shards = config.number("shards");
    requireWithin("shards", shards, 1, ListenConfig.SHARDS_MAX);
    Security security = Security.of(config, "security");
    return new ListenConfig(
        config.text("bind"),
        config.optionalText("advertise"),
        dataPorts(config, shards),
        config.number("admin.port"),
        security,
        Secrets.of(config, "secrets.folder", security));
  }

  private static List<Integer> dataPorts(StrictConfig config, int shards) {
    List<Integer> ports = config.numbers("data.ports");
    if (ports.size() == shards) {
      return ports;
    }
    if (ports.size() != 1) {
      throw config.wrong(
          "data.ports", "must be the first port, or a list with one for each of " + shards);
    }
    int first = ports.get(0);
    return first == 0
        ? Collections.nCopies(shards, 0)
        : IntStream.range(first, first + shards).boxed().toList();
  }

  private static Limits limits(StrictConfig config) {
    return StrictConfig.legal(
        () ->
            new Limits(
                config.numberOfBytes("limits.key"),
                config.numberOfBytes("limits.value"),
                config.numberOfBytes("limits.frame"),
                config.number("limits.batch")));
  }

  private static void requireName(String key, String name) {
    if (name.isBlank() || name.length() > NAME_CHARACTERS_MAX) {
      throw new ConfigurationException(
          key + " '" + name + "' must have 1 to " + NAME_CHARACTERS_MAX + " characters");
    }
  }
}
