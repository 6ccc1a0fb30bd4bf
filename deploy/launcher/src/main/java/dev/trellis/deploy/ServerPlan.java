package dev.trellis.deploy;

import dev.trellis.cli.Json;
import dev.trellis.deploy.security.ClusterSecrets;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;

/// A process that a local cluster should have.
///
/// @param name `router`, `monitor`, or the node's id
/// @param role `router`, `monitor` or `node`: what `trellis run` calls it
/// @param tier of a node; empty for the router
/// @param number of a node, counted from 0; 0 for the router
/// @param heap the greatest, as the JVM's `-Xmx` takes it
/// @param settings of its configuration file, as HOCON text by key
/// @param ports that it will listen on, by what they are for
record ServerPlan(
    String name,
    String role,
    Optional<Tier> tier,
    int number,
    String heap,
    Map<String, String> settings,
    Map<Integer, String> ports) {
  static final String ROUTER = "router";
  static final String NODE = "node";
  static final String MONITOR = "monitor";
  static final String FAULT_TOLERANCE = "cluster.fault-tolerance";

  private static final int NODES_ADDED_MAX = 8;

  private static final Set<String> DECIDED =
      Set.of(
          "node.id",
          "node.tier",
          "cluster.seeds",
          "cluster.founders",
          FAULT_TOLERANCE,
          "shards",
          "control.port",
          "admin.port",
          "data.ports",
          "statistics.port",
          "data.folder",
          "security",
          "secrets.folder");

  /// The processes of a cluster in the order to start them: nodes before who asks them.
  ///
  /// @param cluster what is to be the same for all
  /// @param nodes all that the cluster is to have
  /// @param heap of those that are no nodes
  /// @param home where it is remembered what runs, see [Console#home]
  static List<ServerPlan> of(
      ClusterState cluster, List<PlannedNode> nodes, String heap, Path home) {
    List<ServerPlan> plans = new ArrayList<>();
    nodes.forEach(node -> plans.add(node(cluster, node, nodes)));
    plans.add(router(cluster, nodes, heap));
    cluster.monitor().ifPresent(settings -> plans.add(monitor(cluster, heap, home, settings)));
    return plans;
  }

  /// Whether a setting of nodes is decided here, and not by who starts them.
  static boolean isDecided(String setting) {
    return DECIDED.contains(setting);
  }

  static String nodeId(int number) {
    return "node-" + number;
  }

  /// One node.
  ///
  /// @param nodes all that the cluster is to have, this one included
  static ServerPlan node(ClusterState cluster, PlannedNode node, List<PlannedNode> nodes) {
    Ports ports = cluster.ports();
    int number = node.number();
    String name = node.id();
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("node.id", name);
    settings.put("node.tier", node.tier().word());
    settings.put(
        "cluster.seeds",
        Json.write(
            nodes.stream().map(one -> "127.0.0.1:" + ports.nodeControl(one.number())).toList()));
    // As many as there will be: a node that comes back or is added must find the others first, and
    // never take itself for a cluster. Only where all of them start is there one to be founded.
    settings.put("cluster.founders", Integer.toString(nodes.size()));
    settings.put(FAULT_TOLERANCE, Integer.toString(cluster.faultTolerance()));
    settings.put("shards", Integer.toString(cluster.shards()));
    settings.put("control.port", Integer.toString(ports.nodeControl(number)));
    settings.put("admin.port", Integer.toString(ports.nodeAdmin(number)));
    settings.put("data.ports", Integer.toString(ports.firstShard(number)));
    settings.put("statistics.port", Integer.toString(ports.nodeStatistics(number)));
    settings.put("data.folder", Json.write(cluster.folder().resolve(name).toString()));
    secure(settings, cluster, ClusterSecrets.nodeFolder(name));
    settings.putAll(cluster.settings());
    Map<Integer, String> taken = new LinkedHashMap<>();
    taken.put(ports.nodeControl(number), "the control port of " + name);
    taken.put(ports.nodeAdmin(number), "the admin port of " + name);
    for (int shard = 0; shard < cluster.shards(); shard++) {
      taken.put(ports.firstShard(number) + shard, "shard " + shard + " of " + name);
    }
    taken.put(ports.nodeStatistics(number), "the statistics port of " + name);
    return new ServerPlan(
        name, NODE, Optional.of(node.tier()), number, cluster.heap(), settings, taken);
  }

  private static void secure(Map<String, String> settings, ClusterState cluster, Path folder) {
    cluster
        .secrets()
        .ifPresent(
            secrets -> {
              settings.put("security", "on");
              settings.put("secrets.folder", Json.write(secrets.resolve(folder).toString()));
            });
  }

  private static ServerPlan router(ClusterState cluster, List<PlannedNode> nodes, String heap) {
    Ports ports = cluster.ports();
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put(
        "cluster.nodes",
        Json.write(
            nodes.stream().map(node -> "127.0.0.1:" + ports.firstShard(node.number())).toList()));
    settings.put("data.port", Integer.toString(ports.router()));
    settings.put("admin.port", Integer.toString(ports.routerAdmin()));
    settings.put("gateway.port", Integer.toString(ports.gateway()));
    secure(settings, cluster, ClusterSecrets.ROUTER);
    Map<Integer, String> taken = new LinkedHashMap<>();
    taken.put(ports.router(), "the router");
    taken.put(ports.routerAdmin(), "the admin port of the router");
    taken.put(ports.gateway(), "the REST gateway");
    return new ServerPlan(ROUTER, ROUTER, Optional.empty(), 0, heap, settings, taken);
  }

  /// How small and how large a monitor may make a cluster of such nodes: never smaller than it was
  /// asked for, nor larger than of use on one machine.
  static Map<String, String> bounds(List<PlannedNode> nodes) {
    Map<String, String> bounds = new LinkedHashMap<>();
    for (Tier tier : Tier.values()) {
      int there = (int) nodes.stream().filter(node -> node.tier() == tier).count();
      int most = there + Math.min(Runtime.getRuntime().availableProcessors(), NODES_ADDED_MAX);
      bounds.put(tier.word() + ".nodes.min", Integer.toString(there));
      bounds.put(tier.word() + ".nodes.max", Integer.toString(there == 0 ? 0 : most));
    }
    return bounds;
  }

  private static ServerPlan monitor(
      ClusterState cluster, String heap, Path home, Map<String, String> more) {
    Ports ports = cluster.ports();
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("cluster.nodes", Json.write(List.of("127.0.0.1:" + ports.router())));
    settings.put("monitor.scaler", LocalScalerSource.NAME);
    settings.put(LocalScalerSource.PORT_BASE, Integer.toString(ports.base()));
    settings.put(LocalScalerSource.HOME, Json.write(home.toString()));
    settings.put("console.port", Integer.toString(ports.console()));
    settings.put("admin.port", Integer.toString(ports.monitorAdmin()));
    secure(settings, cluster, ClusterSecrets.MONITOR);
    settings.putAll(new TreeMap<>(more));
    Map<Integer, String> taken = new LinkedHashMap<>();
    taken.put(ports.console(), "the console of the monitor");
    taken.put(ports.monitorAdmin(), "the admin port of the monitor");
    return new ServerPlan(MONITOR, MONITOR, Optional.empty(), 0, heap, settings, taken);
  }

  int adminPort() {
    return Integer.parseInt(settings.getOrDefault("admin.port", "0"));
  }

  /// Where the configuration file of a process is.
  static Path configuration(Path folder, String name) {
    return folder.resolve(name + ".conf");
  }

  /// The text of its configuration file.
  String configuration() {
    StringBuilder text = new StringBuilder();
    text.append("# Written by 'trellis up' or 'trellis node add' at each start of the process.\n");
    text.append("# Every setting there is, with its default: trellis run ");
    text.append(role).append(" --reference\n");
    settings.forEach((key, value) -> text.append(key).append(" = ").append(value).append('\n'));
    return text.toString();
  }
}
