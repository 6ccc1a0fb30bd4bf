package dev.trellis.deploy;

import dev.trellis.monitor.statistics.Metrics;
import java.util.LinkedHashMap;
import java.util.Map;

/// What a shard tells of itself.
///
/// @param operations carried out since the process started
/// @param serviceSeconds operations that took at most each number of seconds
record ShardReport(
    int index,
    int port,
    long entries,
    long entriesBytes,
    long operations,
    long connections,
    Map<Double, Double> serviceSeconds) {
  static ShardReport of(Metrics metrics, int index, int port) {
    return new ShardReport(
        index,
        port,
        (long) metrics.sumOfShard("trellis_entries", index),
        (long) metrics.sumOfShard("trellis_entries_bytes", index),
        (long) metrics.sumOfShard("trellis_requests_total", index),
        (long) metrics.sumOfShard("trellis_connections", index),
        metrics.histogramOfShard("trellis_request_service_seconds", index));
  }

  Map<String, Object> toJson() {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("index", index);
    json.put("port", port);
    json.put("entries", entries);
    json.put("entriesBytes", entriesBytes);
    json.put("operations", operations);
    json.put("connections", connections);
    return json;
  }
}
