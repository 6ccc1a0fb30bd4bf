package dev.trellis.node.net;

import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.node.shard.Allowances;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.Slot;
import dev.trellis.placement.Partitions;
import dev.trellis.process.Occupancy;
import dev.trellis.process.Protection;
import dev.trellis.process.StartupException;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeReport;
import io.prometheus.client.Collector;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The data plane of a node: its shards, each with a thread and a port of its own.
public final class DataPlane implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(DataPlane.class);

  /// A shard that had no time for its tick for so long is stuck.
  private static final long SILENT_MILLIS_MAX = 10_000;

  /// How long a shard may take to show all its entries.
  private static final long VISIT_MINUTES_MAX = 10;

  private final NodeConfig config;
  private final Optional<Protection> protection;
  private final Occupancy occupancy = new Occupancy();
  private final List<ShardServer> shards = new ArrayList<>(); // complete once bound
  private final long bytesMax; // of the entries of a shard
  private final AtomicLong connectionIds = new AtomicLong();
  private final CompletableFuture<Throwable> failure = new CompletableFuture<>();
  private volatile Frame.@Nullable ClusterMap map; // written with each view, read by the shards

  private DataPlane(NodeConfig config, Optional<Protection> protection, long bytesMax) {
    this.config = config;
    this.protection = protection;
    this.bytesMax = bytesMax;
  }

  /// Takes the ports, without accepting connections yet.
  ///
  /// @param protection by which clients and replicas are known; empty where everybody may do
  ///   everything
  /// @param address to listen on
  /// @param nodeIncarnation of the process
  /// @param random gives each shard its incarnation: must be unpredictable and never repeat
  /// @param bytesMax the most that the entries of a shard may weigh, at least 1 MiB
  /// @param cores makes the state of each shard
  /// @throws StartupException if a port cannot be opened
  public static DataPlane bind(
      NodeConfig config,
      Optional<Protection> protection,
      InetAddress address,
      long nodeIncarnation,
      InstantSource clock,
      RandomGenerator random,
      long bytesMax,
      Function<ShardConfig, ShardCore> cores) {
    DataPlane plane = new DataPlane(config, protection, bytesMax);
    Transport transport = Transport.best();
    Allowances allowances = new Allowances(config.shards());
    try {
      for (int index = 0; index < config.shards(); index++) {
        long incarnation = random.nextLong();
        ShardCore core =
            cores.apply(shardConfig(config, index, incarnation, nodeIncarnation, bytesMax));
        core.share(allowances);
        ShardServer shard =
            new ShardServer(plane, index, incarnation, nodeIncarnation, core, clock, transport);
        plane.shards.add(shard);
        shard.bind(
            new InetSocketAddress(address, config.listen().dataPorts().get(index)), transport);
      }
      protection.ifPresent(
          known -> known.doorkeeper().onChange(() -> plane.shards.forEach(ShardServer::review)));
      return plane;
    } catch (RuntimeException | Error e) {
      plane.shards.forEach(ShardServer::abort);
      plane.shards.forEach(ShardServer::shutDown);
      throw e;
    }
  }

  private static ShardConfig shardConfig(
      NodeConfig config, int index, long incarnation, long nodeIncarnation, long bytesMax) {
    return new ShardConfig(
        config.nodeId(),
        index,
        config.shards(),
        incarnation,
        config.limits(),
        config.clockSkewMax(),
        config.tombstoneGrace(),
        bytesMax,
        config.clientsMax(),
        config.watchesMax(),
        nodeIncarnation,
        Partitions.STANDARD,
        config.shardReplication(),
        config.storage().bufferBytesMax() / config.shards(),
        config.statistics().accesses(),
        config.invocationLifetime());
  }

  /// Accepts connections; to be called after the first view. Returns when every shard does, or has
  /// met a defect.
  public void open() {
    CompletableFuture<?>[] opened =
        shards.stream().map(ShardServer::open).toArray(CompletableFuture[]::new);
    CompletableFuture.anyOf(CompletableFuture.allOf(opened), failure).join();
  }

  /// Tells the shards, and clients that ask, who belongs to the cluster. Views are to be handed on
  /// in order, by one thread at a time.
  public void membership(MembershipView view) {
    List<NodeDescriptor> members = List.copyOf(view.topology().members());
    int faultTolerance = view.topology().faultTolerance();
    Frame.ClusterMap known = map;
    if (known == null
        || !known.nodes().equals(members)
        || known.faultTolerance() != faultTolerance) {
      long version = known == null ? ShardCore.RING_VERSION : known.version() + 1;
      map = new Frame.ClusterMap(0, version, config.clusterName(), faultTolerance, members);
    }
    shards.forEach(shard -> shard.membership(view));
  }

  /// Shows every entry there is to `visitor`, shard by shard, on the shard's own thread, which does
  /// nothing else meanwhile. Returns when all are through.
  ///
  /// @throws ExecutionException if the visitor fails
  /// @throws TimeoutException if a shard does not come to it
  public void forEachSlot(Consumer<Slot> visitor)
      throws InterruptedException, ExecutionException, TimeoutException {
    for (ShardServer shard : shards) {
      shard.show(visitor).get(VISIT_MINUTES_MAX, TimeUnit.MINUTES);
    }
  }

  /// What each shard has to tell of the time since the last call, in shard order; each tells when
  /// its thread comes to it, and one that has ended does not.
  public List<CompletableFuture<NodeReport.Shard>> report() {
    return shards.stream().map(ShardServer::report).toList();
  }

  /// Has every shard take entries as they stand from clients too, which otherwise only replicas may
  /// send, for some time from now.
  public void admitMerges(Duration lease) {
    shards.forEach(shard -> shard.admitMerges(lease));
  }

  /// Has every shard take what it has for all there is.
  public void found() {
    shards.forEach(ShardServer::found);
  }

  /// How far each shard has come with what the view asks of it, in shard order.
  public List<ShardProgress> progress() {
    return shards.stream().map(ShardServer::progress).toList();
  }

  /// The ports taken, in shard order.
  public List<Integer> ports() {
    return shards.stream().map(ShardServer::port).toList();
  }

  /// Why the process had better be restarted; empty while it works.
  public Optional<String> sickness() {
    if (failure.isDone()) {
      return Optional.of("a shard met a defect, which is in the log");
    }
    return shards.stream()
        .filter(shard -> shard.silentMillis() > SILENT_MILLIS_MAX)
        .map(shard -> "shard " + shard.index() + " is stuck since " + shard.silentMillis() + " ms")
        .findFirst();
  }

  /// Why not every key of the node can be had; empty if it can.
  public Optional<String> unreadiness() {
    return shards.stream()
        .filter(shard -> !shard.isListening())
        .map(shard -> "shard " + shard.index() + " does not listen")
        .findFirst();
  }

  /// Completes if a shard met a defect: then nothing is served any more.
  public CompletableFuture<Throwable> failure() {
    return failure;
  }

  /// What the shards count, for Prometheus.
  public Collector metrics() {
    return new ShardMetrics(bytesMax, shards);
  }

  /// Stops accepting, answers what was taken for at most the configured time, and ends.
  @Override
  public void close() {
    CompletableFuture<?>[] drained =
        shards.stream().map(ShardServer::drain).toArray(CompletableFuture[]::new);
    CompletableFuture.anyOf(CompletableFuture.allOf(drained), failure)
        .completeOnTimeout(null, config.stopTimeout().toMillis(), TimeUnit.MILLISECONDS)
        .join();
    shards.forEach(ShardServer::abort);
    shards.forEach(ShardServer::shutDown);
  }

  NodeConfig config() {
    return config;
  }

  Optional<Protection> protection() {
    return protection;
  }

  /// How many connections each principal has.
  Occupancy occupancy() {
    return occupancy;
  }

  int shardCount() {
    return shards.size();
  }

  ShardServer shard(int index) {
    return shards.get(index);
  }

  long nextConnectionId() {
    return connectionIds.incrementAndGet();
  }

  /// The cluster as this node knows it.
  Frame.ClusterMap clusterMap(long requestId) {
    Frame.ClusterMap known = map;
    if (known == null) {
      throw new IllegalStateException("asked for a map before the first view");
    }
    return new Frame.ClusterMap(
        requestId, known.version(), known.clusterName(), known.faultTolerance(), known.nodes());
  }

  boolean hasFailed() {
    return failure.isDone();
  }

  /// Stops everything because of a defect.
  void fail(int shard, Throwable defect) {
    if (failure.complete(defect)) {
      LOG.error("shard {} met a defect; the node stops", shard, defect);
      shards.forEach(ShardServer::abort);
    }
  }
}
