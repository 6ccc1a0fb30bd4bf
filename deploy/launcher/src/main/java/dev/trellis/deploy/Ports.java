package dev.trellis.deploy;

import dev.trellis.cli.CommandFailure;
import dev.trellis.cli.ExitCode;

/// The ports of a cluster on one machine, all counted from that of its router.
///
/// @param base the router's, 1 to [#BASE_MAX]
record Ports(int base) {
  /// Leaves room for the ports of the nodes.
  static final int BASE_MAX = 65_000;

  /// Nodes that there are ports for whatever the base is.
  static final int NODES_MAX = 20;

  private static final int GATEWAY = 80;
  private static final int CONSOLE = 90;
  private static final int FIRST_NODE = 100;
  private static final int PER_NODE = 20;

  /// After those of up to sixteen shards.
  private static final int STATISTICS = 18;

  Ports {
    if (base < 1 || base > BASE_MAX) {
      throw new IllegalArgumentException(
          "--port-base " + base + " is outside 1 to " + BASE_MAX + ", where there is room for all");
    }
  }

  /// Those counted from what a user asked for.
  ///
  /// @throws CommandFailure if there is no room for all
  static Ports asked(int base) {
    try {
      return new Ports(base);
    } catch (IllegalArgumentException e) {
      throw new CommandFailure(ExitCode.MISUSE, String.valueOf(e.getMessage()), e);
    }
  }

  /// Where clients ask for the cluster map.
  int router() {
    return base;
  }

  int routerAdmin() {
    return base + 1;
  }

  /// REST.
  int gateway() {
    return base + GATEWAY;
  }

  /// The monitor's page.
  int console() {
    return base + CONSOLE;
  }

  int monitorAdmin() {
    return console() + 1;
  }

  /// Where a node speaks to other nodes about who is there, and takes orders.
  ///
  /// @param node counted from 0, below [#NODES_MAX]
  int nodeControl(int node) {
    return base + FIRST_NODE + PER_NODE * node;
  }

  int nodeAdmin(int node) {
    return nodeControl(node) + 1;
  }

  /// The port of a node's first shard; those of the others follow.
  int firstShard(int node) {
    return nodeControl(node) + 2;
  }

  /// Where a node publishes what it has to do.
  int nodeStatistics(int node) {
    return nodeControl(node) + STATISTICS;
  }
}
