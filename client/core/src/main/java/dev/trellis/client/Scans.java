package dev.trellis.client;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;

/// Pages of the keys of a whole cluster: every shard is asked for as many keys as the page may
/// have, the answers are merged and cut. The cursor is the last key told, so it needs no state
/// anywhere and outlives writes, restarts and changes of the map.
final class Scans {
  private static final int ATTEMPTS = 3; // while the map keeps changing under the scan

  private Scans() {}

  static CompletableFuture<ScanPage> page(
      Cluster cluster,
      Payload prefix,
      Optional<Payload> after,
      int limit,
      boolean withValues,
      int attempt) {
    List<CompletableFuture<Frame.Scanned>> pages = new ArrayList<>();
    long timeoutMillis = cluster.config().timeout().toMillis();
    for (Routing.Target shard : cluster.routing().shards()) {
      Pending.OfScan scan = new Pending.OfScan(prefix, after, limit, withValues, timeoutMillis);
      cluster.place(scan, shard);
      pages.add(scan.page);
    }
    if (pages.isEmpty()) {
      return CompletableFuture.failedFuture(
          TrellisException.of(
              new TrellisException.Failure(
                  ErrorCode.NO_NODES, "scan " + prefix + ": the cluster has no node")));
    }
    return CompletableFuture.allOf(pages.toArray(CompletableFuture[]::new))
        .thenApply(all -> merge(pages.stream().map(CompletableFuture::join).toList(), limit))
        .exceptionallyCompose(
            failure -> {
              Throwable cause = failure.getCause() == null ? failure : failure.getCause();
              boolean moved =
                  cause instanceof TrellisException told && told.code() == ErrorCode.NOT_OWNER;
              return moved && attempt < ATTEMPTS
                  ? cluster
                      .refreshMap()
                      .thenCompose(
                          fresh -> page(cluster, prefix, after, limit, withValues, attempt + 1))
                  : CompletableFuture.failedFuture(cause);
            });
  }

  /// Merges one page of every shard. Where a shard has more keys than it told, what other shards
  /// have beyond its last one must wait for the next page.
  static ScanPage merge(List<Frame.Scanned> pages, int limit) {
    TreeMap<Payload, Frame.ScannedKey> keys = new TreeMap<>();
    Optional<Payload> horizon = Optional.empty();
    for (Frame.Scanned page : pages) {
      for (Frame.ScannedKey key : page.keys()) {
        keys.putIfAbsent(key.key(), key);
      }
      if (page.more() && !page.keys().isEmpty()) {
        Payload last = page.keys().get(page.keys().size() - 1).key();
        horizon =
            horizon.isEmpty() || last.compareTo(horizon.get()) < 0 ? Optional.of(last) : horizon;
      }
    }
    List<Frame.ScannedKey> found = new ArrayList<>();
    boolean cut = horizon.isPresent();
    for (Map.Entry<Payload, Frame.ScannedKey> key : keys.entrySet()) {
      boolean beyond = horizon.isPresent() && key.getKey().compareTo(horizon.get()) > 0;
      if (beyond || found.size() == limit) {
        cut = true;
        break;
      }
      found.add(key.getValue());
    }
    return new ScanPage(
        found,
        cut && !found.isEmpty()
            ? Optional.of(found.get(found.size() - 1).key())
            : Optional.empty());
  }
}
