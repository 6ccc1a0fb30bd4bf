package dev.trellis.deploy;

import dev.trellis.monitor.statistics.Metrics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/// How a process of a local cluster is, by its own words.
///
/// @param isRunning whether the process is there
/// @param unreadiness what it says of not being ready; empty if it is, or says nothing
/// @param isReady whether it serves
/// @param answer of a node's control port; empty for a router, or if it does not answer
/// @param shards of a node that answers; empty otherwise
record ServerReport(
    ServerState server,
    boolean isRunning,
    boolean isReady,
    Optional<String> unreadiness,
    Optional<NodeAnswer> answer,
    List<ShardReport> shards) {
  ServerReport {
    shards = List.copyOf(shards);
  }

  /// Asks the process.
  static ServerReport of(Access access, ClusterState cluster, ServerState server) {
    if (!Processes.isRunning(server)) {
      return new ServerReport(server, false, false, Optional.empty(), Optional.empty(), List.of());
    }
    Optional<Access.Response> readiness = access.get(server.adminPort(), "/readyz");
    boolean ready = readiness.filter(Access.Response::isOk).isPresent();
    return new ServerReport(
        server,
        true,
        ready,
        ready ? Optional.empty() : readiness.map(Access.Response::text),
        server.isNode()
            ? ControlPort.ask(access, cluster.ports().nodeControl(server.number()))
            : Optional.empty(),
        server.isNode() ? shards(access, cluster, server) : List.of());
  }

  private static List<ShardReport> shards(Access access, ClusterState cluster, ServerState server) {
    return access
        .get(server.adminPort(), "/metrics")
        .filter(Access.Response::isOk)
        .map(response -> Metrics.parse(response.text()))
        .map(
            metrics ->
                IntStream.range(0, cluster.shards())
                    .mapToObj(
                        shard ->
                            ShardReport.of(
                                metrics,
                                shard,
                                cluster.ports().firstShard(server.number()) + shard))
                    .toList())
        .orElse(List.of());
  }

  /// How a process that is no node is.
  String state() {
    if (!isRunning) {
      return "gone";
    }
    return isReady ? "ready" : "starting";
  }

  /// Why it does not serve; empty if it does.
  Optional<String> reason() {
    return isRunning
        ? unreadiness
        : Optional.of("process " + server.pid() + " has ended; its log is " + server.log());
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", server.name());
    json.put("pid", server.pid());
    json.put("state", state());
    reason().ifPresent(text -> json.put("reason", text));
    json.put("adminPort", server.adminPort());
    json.put("log", server.log().toString());
    return json;
  }
}
