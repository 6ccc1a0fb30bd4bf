package dev.trellis.node.net;

import dev.trellis.node.shard.Usage;
import dev.trellis.wire.ErrorCode;
import io.prometheus.client.Collector;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.ToLongFunction;

/// The counters of the shards in Prometheus' form.
final class ShardMetrics extends Collector {
  private static final double NANOS_PER_SECOND = 1e9;
  private static final List<String> SHARD = List.of("shard");

  /// Upper bounds of the buckets: 1, 2.5 and 5 of each power of ten from 1 µs to 5 s.
  private static final List<Long> BOUNDS_NANOS = bounds();

  private final long bytesMax; // of the entries of a shard
  private final List<ShardServer> shards;

  ShardMetrics(long bytesMax, List<ShardServer> shards) {
    this.bytesMax = bytesMax;
    this.shards = List.copyOf(shards);
  }

  @Override
  public List<MetricFamilySamples> collect() {
    List<MetricFamilySamples> families = new ArrayList<>();
    families.add(requests());
    families.add(failures());
    families.add(serviceTimes());
    add(
        families,
        Type.COUNTER,
        "trellis_repeats",
        "Mutations recognised as carried out before.",
        shard -> shard.statistics().repeats());
    add(
        families,
        Type.COUNTER,
        "trellis_nondeterministic_retries",
        "Mutations under a tag that had written something else before.",
        shard -> shard.statistics().nondeterministicRetries());
    add(
        families,
        Type.COUNTER,
        "trellis_scan_pages",
        "Pages of scans.",
        shard -> shard.statistics().scans());
    add(
        families,
        Type.COUNTER,
        "trellis_watch_changes",
        "States of watched keys sent.",
        shard -> shard.statistics().changes());
    add(
        families,
        Type.COUNTER,
        "trellis_kind_conflicts",
        "Times that an entry was found with several kinds.",
        shard -> shard.statistics().kindConflicts());
    add(
        families,
        Type.COUNTER,
        "trellis_entries_collected",
        "Dead entries whose memory was freed.",
        shard -> shard.statistics().collected());
    add(
        families,
        Type.GAUGE,
        "trellis_entries",
        "Entries, dead ones that are still remembered included.",
        shard -> shard.statistics().entries());
    add(
        families,
        Type.GAUGE,
        "trellis_entries_bytes",
        "Weight of the entries.",
        shard -> shard.statistics().bytes());
    add(
        families,
        Type.GAUGE,
        "trellis_entries_limit_bytes",
        "Weight of the entries above which writes that add are refused.",
        shard -> bytesMax);
    add(
        families,
        Type.COUNTER,
        "trellis_records_broken",
        "Records on disk that were found not to be as they were written.",
        shard -> shard.statistics().broken());
    add(
        families,
        Type.COUNTER,
        "trellis_partitions_lost",
        "Partitions taken as they were, since nobody who had more was left.",
        shard -> shard.statistics().partitionsLost());
    add(
        families,
        Type.GAUGE,
        "trellis_watches",
        "Keys watched, once per connection.",
        shard -> shard.statistics().watches());
    add(
        families,
        Type.GAUGE,
        "trellis_awaits",
        "Threshold reads that wait.",
        shard -> shard.statistics().awaits());
    add(
        families,
        Type.COUNTER,
        "trellis_thresholds_reached",
        "Threshold reads answered with what they waited for; the others are refusals.",
        shard -> shard.statistics().reached());
    add(
        families,
        Type.GAUGE,
        "trellis_clients",
        "Clients whose repeated requests are recognised.",
        shard -> shard.statistics().clients());
    add(
        families,
        Type.GAUGE,
        "trellis_requests_queued",
        "Requests decoded that wait for their turn.",
        shard -> shard.tallies().requestsQueued.value());
    add(
        families,
        Type.COUNTER,
        "trellis_requests_malformed",
        "Requests refused unread, since they broke a rule of the protocol.",
        shard -> shard.tallies().requestsMalformed.value());
    add(
        families,
        Type.GAUGE,
        "trellis_connections",
        "Open connections.",
        shard -> shard.tallies().connections.value());
    add(
        families,
        Type.COUNTER,
        "trellis_connections_accepted",
        "Connections accepted.",
        shard -> shard.tallies().connectionsAccepted.value());
    add(
        families,
        Type.COUNTER,
        "trellis_connections_refused",
        "Connections closed with a frame that says why.",
        shard -> shard.tallies().connectionsRefused.value());
    add(
        families,
        Type.COUNTER,
        "trellis_connections_stalled",
        "Connections closed as they held memory that others waited for.",
        shard -> shard.tallies().connectionsStalled.value());
    add(
        families,
        Type.COUNTER,
        "trellis_received_bytes",
        "Bytes received from clients.",
        shard -> shard.tallies().bytesReceived.value());
    add(
        families,
        Type.COUNTER,
        "trellis_sent_bytes",
        "Bytes sent to clients.",
        shard -> shard.tallies().bytesSent.value());
    add(
        families,
        Type.GAUGE,
        "trellis_outbound_pending_bytes",
        "Bytes ready for clients that have yet to read them.",
        shard -> shard.tallies().bytesPending.value());
    addPeers(families);
    addProgress(families);
    addPrincipals(families);
    add(
        families,
        Type.GAUGE,
        "trellis_shard_listening",
        "Whether the shard accepts connections: 1 or 0.",
        shard -> shard.isListening() ? 1 : 0);
    return families;
  }

  private void addPeers(List<MetricFamilySamples> families) {
    add(
        families,
        Type.COUNTER,
        "trellis_peer_messages_sent",
        "Messages sent to other replicas.",
        shard -> shard.tallies().peerMessagesSent.value());
    add(
        families,
        Type.COUNTER,
        "trellis_peer_messages_received",
        "Messages received from other replicas.",
        shard -> shard.tallies().peerMessagesReceived.value());
    add(
        families,
        Type.COUNTER,
        "trellis_peer_messages_dropped",
        "Messages to other replicas that could not be sent at the time.",
        shard -> shard.tallies().peerMessagesDropped.value());
    add(
        families,
        Type.COUNTER,
        "trellis_peer_sent_bytes",
        "Bytes sent to other nodes' replicas.",
        shard -> shard.tallies().peerBytesSent.value());
    add(
        families,
        Type.COUNTER,
        "trellis_peer_received_bytes",
        "Bytes received from other nodes' replicas.",
        shard -> shard.tallies().peerBytesReceived.value());
    add(
        families,
        Type.GAUGE,
        "trellis_peer_links",
        "Open connections to other nodes' replicas.",
        shard -> shard.tallies().peerLinks.value());
    add(
        families,
        Type.COUNTER,
        "trellis_peers_refused",
        "Connections between replicas refused, by either side.",
        shard -> shard.tallies().peersRefused.value());
  }

  private void addProgress(List<MetricFamilySamples> families) {
    add(
        families,
        Type.GAUGE,
        "trellis_watermark_age_milliseconds",
        "Since the oldest of the last watermarks of other replicas; -1 if one has told none.",
        shard -> shard.statistics().watermarkAgeMillis());
    add(
        families,
        Type.GAUGE,
        "trellis_partitions_held",
        "Partitions that the shard shall hold.",
        shard -> shard.progress().held());
    add(
        families,
        Type.GAUGE,
        "trellis_partitions_incomplete",
        "Partitions that the shard shall hold and does not have whole yet.",
        shard -> shard.progress().incomplete());
    add(
        families,
        Type.GAUGE,
        "trellis_partitions_surplus",
        "Partitions that the shard has yet to hand over.",
        shard -> shard.progress().surplus());
  }

  /// Of many principals together: there may be more than a monitoring system wants labels of.
  private void addPrincipals(List<MetricFamilySamples> families) {
    addByPrincipal(
        families,
        "trellis_principal_operations",
        "Requests of a principal that were begun, watches, changes of these, and pages of scans.",
        Usage::operations);
    addByPrincipal(
        families,
        "trellis_principal_forbidden",
        "Requests of a principal that were refused for want of rights.",
        Usage::forbidden);
    addByPrincipal(
        families,
        "trellis_principal_overloaded",
        "Requests of a principal that were refused as beyond the allowance.",
        Usage::overloaded);
  }

  private void addByPrincipal(
      List<MetricFamilySamples> families, String name, String help, ToLongFunction<Usage> value) {
    SortedMap<String, Long> sums = new TreeMap<>();
    for (ShardServer shard : shards) {
      for (Usage usage : shard.usages()) {
        sums.merge(usage.label(), value.applyAsLong(usage), Long::sum);
      }
    }
    List<MetricFamilySamples.Sample> samples = new ArrayList<>();
    sums.forEach(
        (principal, sum) ->
            samples.add(
                new MetricFamilySamples.Sample(
                    name + "_total", List.of("principal"), List.of(principal), sum)));
    families.add(new MetricFamilySamples(name, Type.COUNTER, help, samples));
  }

  private void add(
      List<MetricFamilySamples> families,
      Type type,
      String name,
      String help,
      ToLongFunction<ShardServer> value) {
    String sample = type == Type.COUNTER ? name + "_total" : name;
    List<MetricFamilySamples.Sample> samples = new ArrayList<>();
    for (ShardServer shard : shards) {
      samples.add(
          new MetricFamilySamples.Sample(
              sample, SHARD, List.of(label(shard)), value.applyAsLong(shard)));
    }
    families.add(new MetricFamilySamples(name, type, help, samples));
  }

  private MetricFamilySamples requests() {
    List<MetricFamilySamples.Sample> samples = new ArrayList<>();
    List<String> names = List.of("shard", "class");
    for (ShardServer shard : shards) {
      samples.add(
          new MetricFamilySamples.Sample(
              "trellis_requests_total",
              names,
              List.of(label(shard), "read"),
              shard.statistics().reads()));
      samples.add(
          new MetricFamilySamples.Sample(
              "trellis_requests_total",
              names,
              List.of(label(shard), "mutation"),
              shard.statistics().mutations()));
    }
    return new MetricFamilySamples(
        "trellis_requests", Type.COUNTER, "Requests carried out or refused.", samples);
  }

  private MetricFamilySamples failures() {
    List<MetricFamilySamples.Sample> samples = new ArrayList<>();
    for (ShardServer shard : shards) {
      for (ErrorCode code : ErrorCode.values()) {
        long count = shard.statistics().refusals(code);
        if (count > 0) {
          samples.add(
              new MetricFamilySamples.Sample(
                  "trellis_request_failures_total",
                  List.of("shard", "code"),
                  List.of(label(shard), code.name()),
                  count));
        }
      }
    }
    return new MetricFamilySamples(
        "trellis_request_failures", Type.COUNTER, "Requests that ended with the code.", samples);
  }

  private MetricFamilySamples serviceTimes() {
    List<MetricFamilySamples.Sample> samples = new ArrayList<>();
    for (ShardServer shard : shards) {
      addHistogram(samples, label(shard), "read", shard.tallies().reads);
      addHistogram(samples, label(shard), "mutation", shard.tallies().mutations);
    }
    return new MetricFamilySamples(
        "trellis_request_service_seconds",
        Type.HISTOGRAM,
        "How long a request kept its shard busy; of gets and puts that came together, the mean.",
        samples);
  }

  private static void addHistogram(
      List<MetricFamilySamples.Sample> samples, String shard, String kind, ServiceTime time) {
    String name = "trellis_request_service_seconds";
    ServiceTime.Snapshot snapshot = time.snapshot(BOUNDS_NANOS);
    List<String> bucketLabels = List.of("shard", "class", "le");
    for (int i = 0; i < BOUNDS_NANOS.size(); i++) {
      samples.add(
          new MetricFamilySamples.Sample(
              name + "_bucket",
              bucketLabels,
              List.of(shard, kind, doubleToGoString(BOUNDS_NANOS.get(i) / NANOS_PER_SECOND)),
              snapshot.counts().get(i)));
    }
    samples.add(
        new MetricFamilySamples.Sample(
            name + "_bucket", bucketLabels, List.of(shard, kind, "+Inf"), snapshot.count()));
    List<String> labels = List.of("shard", "class");
    samples.add(
        new MetricFamilySamples.Sample(
            name + "_count", labels, List.of(shard, kind), snapshot.count()));
    samples.add(
        new MetricFamilySamples.Sample(
            name + "_sum", labels, List.of(shard, kind), snapshot.nanos() / NANOS_PER_SECOND));
  }

  private static String label(ShardServer shard) {
    return Integer.toString(shard.index());
  }

  private static List<Long> bounds() {
    List<Long> bounds = new ArrayList<>();
    for (long power = 1_000; power <= 1_000_000_000; power *= 10) {
      bounds.addAll(List.of(power, power * 5 / 2, power * 5));
    }
    return List.copyOf(bounds);
  }
}
