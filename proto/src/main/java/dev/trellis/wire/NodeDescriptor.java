package dev.trellis.wire;

import java.util.Arrays;
import java.util.List;
import java.util.Locale;

/// What others must know of a node to reach it.
///
/// @param id the node's name, unique in the cluster, 1 to 64 characters
/// @param tier where it keeps its data
/// @param host the advertised address
/// @param shardPorts one data port per shard, in shard order
/// @param adminPort HTTP: metrics and health
/// @param incarnation fresh at each start of the process
/// @param capacity relative share of the ring, 1 or more; decides the number of virtual nodes
/// @param zone where it may fail together with others; copies go to different zones where they can;
///   empty if it is not told
/// @param controlPort where the control plane listens; 0 for a node that stands alone
/// @param statisticsPort where it publishes a [NodeReport] each period; 0 for a node that does not
public record NodeDescriptor(
    String id,
    Tier tier,
    String host,
    List<Integer> shardPorts,
    int adminPort,
    long incarnation,
    int capacity,
    State state,
    String zone,
    int controlPort,
    int statisticsPort) {
  /// The storage tiers.
  public enum Tier {
    MEMORY(1),
    SSD(2);

    private final int number;

    Tier(int number) {
      this.number = number;
    }

    /// The number on the wire.
    public int number() {
      return number;
    }

    /// The name people type.
    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }
  }

  /// Where a node stands between joining and leaving.
  public enum State {
    JOINING(1),
    ACTIVE(2),
    LEAVING(3);

    private final int number;

    State(int number) {
      this.number = number;
    }

    /// The number on the wire.
    public int number() {
      return number;
    }

    public String word() {
      return name().toLowerCase(Locale.ROOT);
    }

    public static State ofNumber(int number) {
      return Arrays.stream(values()).filter(s -> s.number == number).findFirst().orElse(JOINING);
    }
  }

  /// A node in no zone, without a control port.
  public NodeDescriptor(
      String id,
      Tier tier,
      String host,
      List<Integer> shardPorts,
      int adminPort,
      long incarnation,
      int capacity,
      State state) {
    this(id, tier, host, shardPorts, adminPort, incarnation, capacity, state, "", 0);
  }

  /// A node that publishes no statistics.
  public NodeDescriptor(
      String id,
      Tier tier,
      String host,
      List<Integer> shardPorts,
      int adminPort,
      long incarnation,
      int capacity,
      State state,
      String zone,
      int controlPort) {
    this(id, tier, host, shardPorts, adminPort, incarnation, capacity, state, zone, controlPort, 0);
  }

  public NodeDescriptor {
    shardPorts = List.copyOf(shardPorts);
    if (id.isEmpty() || id.length() > 64) {
      throw new IllegalArgumentException("node id '" + id + "' must have 1 to 64 characters");
    }
    if (shardPorts.isEmpty()) {
      throw new IllegalArgumentException("node " + id + " has no shard");
    }
    if (capacity < 1) {
      throw new IllegalArgumentException("capacity " + capacity + " of node " + id + " is below 1");
    }
  }

  /// The same node in another state.
  public NodeDescriptor withState(State other) {
    return new NodeDescriptor(
        id,
        tier,
        host,
        shardPorts,
        adminPort,
        incarnation,
        capacity,
        other,
        zone,
        controlPort,
        statisticsPort);
  }

  /// The same node with the port on which it publishes statistics.
  public NodeDescriptor withStatisticsPort(int port) {
    return new NodeDescriptor(
        id,
        tier,
        host,
        shardPorts,
        adminPort,
        incarnation,
        capacity,
        state,
        zone,
        controlPort,
        port);
  }
}
