package dev.trellis.deploy;

import dev.trellis.monitor.statistics.Metrics;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/// How a process of a local cluster is.
///
/// @param state `ready`; `starting`, when it runs and is not ready (yet); `gone`, when it ended
/// @param reason what it says of not being ready
/// @param shards of a node that answers; empty otherwise
record ServerReport(
    ServerState server, String state, Optional<String> reason, List<ShardReport> shards) {
  static final String READY = "ready";

  /// Asks the process.
  static ServerReport of(ClusterState cluster, ServerState server) {
    if (!Processes.isRunning(server)) {
      return new ServerReport(server, "gone", Optional.of("see " + server.log()), List.of());
    }
    Optional<Admin.Response> readiness = Admin.get(server.adminPort(), "/readyz");
    boolean ready = readiness.filter(Admin.Response::isOk).isPresent();
    return new ServerReport(
        server,
        ready ? READY : "starting",
        ready ? Optional.empty() : readiness.map(Admin.Response::text),
        server.role().equals(ServerPlan.NODE) ? shards(cluster, server) : List.of());
  }

  private static List<ShardReport> shards(ClusterState cluster, ServerState server) {
    return Admin.get(server.adminPort(), "/metrics")
        .filter(Admin.Response::isOk)
        .map(response -> Metrics.parse(response.text()))
        .map(
            metrics ->
                IntStream.range(0, cluster.shards())
                    .mapToObj(
                        shard -> ShardReport.of(metrics, shard, server.adminPort() + 1 + shard))
                    .toList())
        .orElse(List.of());
  }

  boolean isReady() {
    return state.equals(READY);
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", server.name());
    if (server.role().equals(ServerPlan.NODE)) {
      json.put("tier", "memory");
    }
    json.put("pid", server.pid());
    json.put("state", state);
    reason.ifPresent(text -> json.put("reason", text));
    json.put("adminPort", server.adminPort());
    json.put("log", server.log().toString());
    if (server.role().equals(ServerPlan.NODE)) {
      json.put("shards", shards.stream().map(ShardReport::toJson).toList());
    }
    return json;
  }
}
