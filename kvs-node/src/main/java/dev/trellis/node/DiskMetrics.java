package dev.trellis.node;

import dev.trellis.node.store.SsdStore;
import io.prometheus.client.Collector;
import io.prometheus.client.Histogram;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentSkipListMap;
import java.util.function.ToDoubleFunction;

/// What the shards of an SSD node do with their disk, in Prometheus' form.
final class DiskMetrics extends Collector {
  private static final double NANOS_PER_SECOND = 1e9;
  private static final double SECONDS_MIN = 0.000_1;
  private static final int BUCKETS = 16;

  private final Map<Integer, SsdStore> stores = new ConcurrentSkipListMap<>();
  private final Histogram changes =
      Histogram.build()
          .name("trellis_disk_commit_changes")
          .help("Keys synced together.")
          .labelNames("shard")
          .exponentialBuckets(1, 2, BUCKETS)
          .create();
  private final Histogram written =
      Histogram.build()
          .name("trellis_disk_commit_seconds")
          .help("How long it takes to write and sync what came together.")
          .labelNames("shard")
          .exponentialBuckets(SECONDS_MIN, 2, BUCKETS)
          .create();
  private final Histogram synced =
      Histogram.build()
          .name("trellis_disk_sync_seconds")
          .help("How much of that the sync takes.")
          .labelNames("shard")
          .exponentialBuckets(SECONDS_MIN, 2, BUCKETS)
          .create();
  private final Histogram placed =
      Histogram.build()
          .name("trellis_disk_place_seconds")
          .help("How long it takes to bring to its place what was synced.")
          .labelNames("shard")
          .exponentialBuckets(SECONDS_MIN, 2, BUCKETS)
          .create();
  private volatile long freeBytes = -1;

  void add(int shard, SsdStore store) {
    stores.put(shard, store);
  }

  /// Takes note of how much of the disk is free.
  void space(long free) {
    freeBytes = free;
  }

  /// Takes note of the transactions of a shard.
  SsdStore.Meter meter(int shard) {
    String label = Integer.toString(shard);
    Histogram.Child sizes = changes.labels(label);
    Histogram.Child times = written.labels(label);
    Histogram.Child syncs = synced.labels(label);
    Histogram.Child places = placed.labels(label);
    return new SsdStore.Meter() {
      @Override
      public void synced(int count, long nanos, long syncNanos) {
        sizes.observe(count);
        times.observe(nanos / NANOS_PER_SECOND);
        syncs.observe(syncNanos / NANOS_PER_SECOND);
      }

      @Override
      public void placed(int count, long nanos) {
        places.observe(nanos / NANOS_PER_SECOND);
      }
    };
  }

  @Override
  public List<MetricFamilySamples> collect() {
    List<MetricFamilySamples> families = new ArrayList<>();
    if (stores.isEmpty()) {
      return families;
    }
    families.addAll(changes.collect());
    families.addAll(written.collect());
    families.addAll(synced.collect());
    families.addAll(placed.collect());
    gauge(
        families,
        "trellis_disk_waiting_bytes",
        "Memory taken by what waits to be written.",
        SsdStore::waitingBytesNow);
    gauge(
        families,
        "trellis_disk_stopped",
        "1 while nothing can be written, as where the disk is full.",
        store -> store.obstacle().isPresent() ? 1 : 0);
    gauge(families, "trellis_disk_file_bytes", "Size of the shard's files.", SsdStore::fileBytes);
    families.add(
        new MetricFamilySamples(
            "trellis_disk_free_bytes",
            Type.GAUGE,
            "What is free on the disk of the data folder.",
            List.of(
                new MetricFamilySamples.Sample(
                    "trellis_disk_free_bytes", List.of(), List.of(), freeBytes))));
    return families;
  }

  private void gauge(
      List<MetricFamilySamples> families,
      String name,
      String help,
      ToDoubleFunction<SsdStore> value) {
    List<MetricFamilySamples.Sample> samples = new ArrayList<>();
    stores.forEach(
        (shard, store) ->
            samples.add(
                new MetricFamilySamples.Sample(
                    name,
                    List.of("shard"),
                    List.of(Integer.toString(shard)),
                    value.applyAsDouble(store))));
    families.add(new MetricFamilySamples(name, Type.GAUGE, help, samples));
  }
}
