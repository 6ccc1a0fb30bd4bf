package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.node.store.Store;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/// What a shard notes of which keys clients ask for: those with the greatest load in the period,
/// and those that nobody asks for. What replicas tell each other does not count.
final class Accesses {
  /// Keys of either sort that a shard tells of; fewer where a node has so many shards that its
  /// reports would become too long.
  private static final int KEYS_MAX = 256;

  private static final int KEYS_OF_NODE_MAX = 4_096;

  /// As many times as many idle keys are remembered, since looking for them takes some seconds, and
  /// those that were told may be gone at once.
  private static final int IDLE_TIMES = 4;

  /// What an operation costs beside the bytes that it moves, expressed in bytes: an operation on a
  /// few bytes takes as long as copying and sending some hundred more.
  private static final int OPERATION_LOAD = 512;

  private final Entries entries;
  private final int keysMax;
  private final AccessSampler sampler;
  private final HeavyHitters heavy;
  private final IdleKeys idle;
  private final boolean looksForIdle;
  private byte[] room = new byte[64]; // for a key

  Accesses(ShardConfig config, Entries entries) {
    this.entries = entries;
    this.keysMax = Math.min(KEYS_MAX, KEYS_OF_NODE_MAX / config.shardCount());
    int every = config.accesses().sampleEveryMax();
    this.sampler = new AccessSampler(every, config.incarnation() ^ config.shard());
    this.heavy = new HeavyHitters(keysMax);
    this.idle =
        new IdleKeys(
            entries.store(),
            config.accesses().idleFrom() * config.bytesMax(),
            IDLE_TIMES * keysMax);
    this.looksForIdle = every > 0 && entries.store().disk().isEmpty();
  }

  /// Takes note of an access, the store having done so already.
  ///
  /// @return whether [#add(byte[], int, int, boolean, long)] is to be told which
  boolean choosesNext() {
    return sampler.choosesNext();
  }

  /// Counts the access that was chosen.
  ///
  /// @param source has the key, `length` bytes from `offset`
  /// @param bytes that are moved beside the key
  void add(byte[] source, int offset, int length, boolean writes, long bytes) {
    long times = sampler.standsFor();
    heavy.add(source, offset, length, writes, times, times * (OPERATION_LOAD + length + bytes));
  }

  /// Takes note of an access, and has the store do so.
  void access(Payload key, boolean writes) {
    Store store = entries.store();
    store.accessed(key);
    if (sampler.choosesNext()) {
      if (room.length < key.size()) {
        room = new byte[key.size()];
      }
      key.copyTo(room, 0);
      add(room, 0, key.size(), writes, store.outline(key).map(Store.Outline::bytes).orElse(0L));
    }
  }

  /// Looks for keys that nobody asks for.
  void tick(long nowMillis) {
    if (looksForIdle) {
      idle.tick(nowMillis);
    }
  }

  /// The keys with the greatest load in the period, which ends with this.
  List<HeavyHitters.Counted> endPeriod() {
    List<HeavyHitters.Counted> counted = heavy.counted(keysMax);
    heavy.clear();
    sampler.nextPeriod();
    return counted;
  }

  /// What there is to tell of keys with much load, and of those with more replicas than by default.
  List<NodeReport.Heavy> describe(List<HeavyHitters.Counted> counted, Roles roles) {
    List<NodeReport.Heavy> told = new ArrayList<>();
    Set<Payload> keys = new HashSet<>();
    for (HeavyHitters.Counted one : counted) {
      Optional<Store.Outline> outline = entries.store().outline(one.key());
      keys.add(one.key());
      told.add(
          new NodeReport.Heavy(
              one.key(),
              one.reads(),
              one.writes(),
              one.error(),
              outline.map(Store.Outline::bytes).orElse(0L),
              outline.flatMap(Store.Outline::placement)));
    }
    Placement byDefault = roles.topology().defaultPlacement();
    for (Payload key : entries.someSpread(keysMax)) {
      Store.Outline outline = entries.store().outline(key).orElse(null);
      if (outline != null
          && replicas(outline.placement().orElse(byDefault)) > replicas(byDefault)
          && roles.holds(entries.digests().partitionOf(key), outline.placement())
          && keys.add(key)) {
        told.add(new NodeReport.Heavy(key, 0, 0, 0, outline.bytes(), outline.placement()));
      }
    }
    return told;
  }

  private static long replicas(Placement placement) {
    return ((long) placement.memoryNodes() + placement.ssdNodes()) * placement.shardsPerNode();
  }

  /// The keys in their default place that nobody asks for, those that take most first.
  List<NodeReport.Idle> idle(Roles roles, long nowMillis) {
    List<NodeReport.Idle> told = new ArrayList<>();
    for (IdleKeys.Idle one : looksForIdle ? idle.idle() : List.<IdleKeys.Idle>of()) {
      if (told.size() < keysMax && roles.holds(entries.digests().partitionOf(one.key()))) {
        told.add(
            new NodeReport.Idle(
                one.key(), one.bytes(), Math.max(0, nowMillis - one.sinceMillis())));
      }
    }
    return told;
  }
}
