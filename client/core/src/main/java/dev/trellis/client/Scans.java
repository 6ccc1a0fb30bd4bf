package dev.trellis.client;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.stream.Collectors;

/// Pages of the keys of a whole cluster: every shard is asked for as many keys as the page may
/// have, the answers are merged and cut. The cursor is the last key told, so it needs no state
/// anywhere and outlives writes, restarts and changes of the map.
///
/// Each key is held by more nodes than may be lost, so as many as may be lost need not answer.
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
    List<Asked> asked = new ArrayList<>();
    long timeoutMillis = cluster.config().timeout().toMillis();
    Routing routing = cluster.routing();
    Set<String> members = membersOf(routing.map());
    for (Routing.Target shard : routing.shards()) {
      boolean isSpare = members.contains(shard.nodeId());
      Pending.OfScan scan =
          new Pending.OfScan(prefix, after, limit, withValues, isSpare, timeoutMillis);
      cluster.place(scan, shard);
      asked.add(new Asked(shard.nodeId(), isSpare, scan.page));
    }
    if (asked.isEmpty()) {
      return CompletableFuture.failedFuture(
          TrellisException.of(
              new TrellisException.Failure(
                  ErrorCode.NO_NODES, "scan " + prefix + ": the cluster has no node")));
    }
    return CompletableFuture.allOf(
            asked.stream().map(Asked::page).toArray(CompletableFuture[]::new))
        .handle((all, failure) -> merge(answered(asked, routing.map().faultTolerance()), limit))
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

  /// A page that a shard of a node was asked for.
  ///
  /// @param isSpare whether others hold the same keys
  private record Asked(String nodeId, boolean isSpare, CompletableFuture<Frame.Scanned> page) {}

  /// Who keeps its keys together with others: all but nodes that stand alone.
  private static Set<String> membersOf(Frame.ClusterMap map) {
    return map.nodes().stream()
        .filter(node -> node.controlPort() != 0)
        .map(NodeDescriptor::id)
        .collect(Collectors.toSet());
  }

  /// The pages that came, if so few nodes are out of reach that the others have all keys.
  ///
  /// @throws CompletionException with the first failure otherwise
  private static List<Frame.Scanned> answered(List<Asked> asked, int faultTolerance) {
    List<Frame.Scanned> pages = new ArrayList<>();
    Set<String> nodes = new HashSet<>();
    Set<String> lost = new HashSet<>();
    Optional<Throwable> failure = Optional.empty();
    for (Asked one : asked) {
      nodes.add(one.nodeId);
      if (!one.page.isCompletedExceptionally()) {
        pages.add(one.page.join());
        continue;
      }
      Throwable why = one.page.exceptionNow();
      boolean outOfReach =
          why instanceof TrellisException told && told.code() == ErrorCode.NO_NODES;
      if (!outOfReach || !one.isSpare) {
        throw new CompletionException(why);
      }
      lost.add(one.nodeId);
      failure = Optional.of(why);
    }
    if (failure.isPresent() && (lost.size() > faultTolerance || lost.size() == nodes.size())) {
      throw new CompletionException(failure.get());
    }
    return pages;
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
