package dev.trellis.deploy;

import dev.trellis.cli.Console;
import dev.trellis.cli.Json;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/// How a local cluster is, process by process.
record ClusterReport(ClusterState cluster, List<ServerReport> servers) {
  ClusterReport {
    servers = List.copyOf(servers);
  }

  /// Asks every process.
  static ClusterReport of(ClusterState cluster) {
    return new ClusterReport(
        cluster,
        cluster.servers().stream().map(server -> ServerReport.of(cluster, server)).toList());
  }

  /// Whether no range of keys is short of copies. With one copy of each key on one node that is
  /// whether every process serves.
  boolean isWhole() {
    return servers.stream().allMatch(ServerReport::isReady);
  }

  List<ServerReport> nodes() {
    return servers.stream().filter(one -> one.server().role().equals(ServerPlan.NODE)).toList();
  }

  private List<ServerReport> routers() {
    return servers.stream().filter(one -> one.server().role().equals(ServerPlan.ROUTER)).toList();
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("running", true);
    json.put("whole", isWhole());
    json.put("addresses", addresses());
    routers().forEach(router -> json.put("router", router.toJson()));
    json.put("nodes", nodes().stream().map(ServerReport::toJson).toList());
    json.put("folder", cluster.folder().toString());
    return json;
  }

  /// Where to reach the cluster.
  private Map<String, Object> addresses() {
    Map<String, Object> addresses = new LinkedHashMap<>();
    addresses.put("data", "127.0.0.1:" + cluster.ports().router());
    addresses.put("rest", "http://127.0.0.1:" + cluster.ports().gateway());
    return addresses;
  }

  void print(Console console, boolean json) {
    if (json) {
      console.printLine(Json.write(toJson()));
      return;
    }
    printAddresses(console);
    console.printLine("");
    console.printLine(row("PROCESS", "TIER", "PID", "STATE", "ADMIN"));
    for (ServerReport server : servers) {
      console.printLine(
          row(
              server.server().name(),
              server.server().role().equals(ServerPlan.NODE) ? "memory" : "",
              Long.toString(server.server().pid()),
              server.state(),
              Integer.toString(server.server().adminPort())));
      server.reason().ifPresent(reason -> console.printLine("    " + reason));
    }
    console.printLine("");
    console.printLine(row("SHARD", "PORT", "KEYS", "BYTES", "OPERATIONS"));
    for (ServerReport node : nodes()) {
      for (ShardReport shard : node.shards()) {
        console.printLine(
            row(
                node.server().name() + "/" + shard.index(),
                Integer.toString(shard.port()),
                Long.toString(shard.entries()),
                Long.toString(shard.entriesBytes()),
                Long.toString(shard.operations())));
      }
    }
    console.printLine("");
    console.printLine("whole: " + isWhole() + ", with one copy of each key: a crash loses it");
  }

  void printAddresses(Console console) {
    console.printLine(
        "  data   127.0.0.1:" + cluster.ports().router() + "           clients connect here");
    console.printLine(
        "  REST   http://127.0.0.1:" + cluster.ports().gateway() + "    for everyone else");
    console.printLine("  files  " + cluster.folder());
  }

  private static String row(
      String first, String second, String third, String fourth, String fifth) {
    return String.format(Locale.ROOT, "%-12s%-10s%-12s%-12s%s", first, second, third, fourth, fifth)
        .stripTrailing();
  }
}
