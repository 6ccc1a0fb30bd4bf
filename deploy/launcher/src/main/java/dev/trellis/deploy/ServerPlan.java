package dev.trellis.deploy;

import dev.trellis.cli.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/// A process that a local cluster should have.
///
/// @param name `router`, or the node's id
/// @param role `router` or `node`: what `trellis run` calls it
/// @param settings of its configuration file, as HOCON text by key
/// @param ports that it will listen on, by what they are for
record ServerPlan(
    String name, String role, Map<String, String> settings, Map<Integer, String> ports) {
  static final String ROUTER = "router";
  static final String NODE = "node";

  /// The processes of a cluster in the order to start them: nodes before who asks them.
  static List<ServerPlan> of(Ports ports, int nodes, int shards, Path folder) {
    List<ServerPlan> plans = new ArrayList<>();
    IntStream.range(0, nodes).forEach(node -> plans.add(node(ports, node, shards, folder)));
    plans.add(router(ports, nodes));
    return plans;
  }

  private static ServerPlan node(Ports ports, int index, int shards, Path folder) {
    String name = "node-" + index;
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put("node.id", name);
    settings.put("shards", Integer.toString(shards));
    settings.put("data.ports", Integer.toString(ports.firstShard(index)));
    settings.put("admin.port", Integer.toString(ports.nodeAdmin(index)));
    settings.put("data.folder", Json.write(folder.resolve(name).toString()));
    Map<Integer, String> taken = new LinkedHashMap<>();
    taken.put(ports.nodeAdmin(index), "the admin port of " + name);
    for (int shard = 0; shard < shards; shard++) {
      taken.put(ports.firstShard(index) + shard, "shard " + shard + " of " + name);
    }
    return new ServerPlan(name, NODE, settings, taken);
  }

  private static ServerPlan router(Ports ports, int nodes) {
    Map<String, String> settings = new LinkedHashMap<>();
    settings.put(
        "cluster.nodes",
        Json.write(
            IntStream.range(0, nodes)
                .mapToObj(node -> "127.0.0.1:" + ports.firstShard(node))
                .toList()));
    settings.put("data.port", Integer.toString(ports.router()));
    settings.put("admin.port", Integer.toString(ports.routerAdmin()));
    settings.put("gateway.port", Integer.toString(ports.gateway()));
    Map<Integer, String> taken = new LinkedHashMap<>();
    taken.put(ports.router(), "the router");
    taken.put(ports.routerAdmin(), "the admin port of the router");
    taken.put(ports.gateway(), "the REST gateway");
    return new ServerPlan(ROUTER, ROUTER, settings, taken);
  }

  int adminPort() {
    return Integer.parseInt(settings.getOrDefault("admin.port", "0"));
  }

  /// The text of its configuration file.
  String configuration() {
    StringBuilder text = new StringBuilder();
    text.append(
        "# Written by 'trellis up' at each start. Every setting there is, with its default: ");
    text.append("trellis run ").append(role).append(" --reference\n");
    settings.forEach((key, value) -> text.append(key).append(" = ").append(value).append('\n'));
    return text.toString();
  }
}
