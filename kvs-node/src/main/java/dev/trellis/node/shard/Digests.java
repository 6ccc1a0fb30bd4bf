package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.node.store.Store;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;

/// What two replicas compare to find out what they differ in: for each partition how many keys it
/// has and the sum of their digests. Nothing is kept for a key: when one changes that is part of a
/// sum, the store computes from its old state what to take out of it. The new state is taken in
/// when somebody asks, or ahead of that: a key that is written a thousand times between two
/// comparisons is digested once.
///
/// Sums, not exclusive ors, so that two keys with one digest do not cancel out.
///
/// Keys with a placement of their own are not part of a partition's sum, as those who hold the
/// partition need not hold them.
final class Digests implements Store.Listener {
  /// Keys that are remembered as those of their partitions, unless one group has more.
  private static final int LISTED_MAX = 16_384;

  /// Keys of a group, about: what the store goes through at least.
  private static final int GROUP_KEYS = 256;

  /// How many parts a partition is cut into where it has many keys.
  static final int BUCKET_BITS = 6;

  /// The keys of a group of partitions.
  ///
  /// @param keys by partition
  /// @param changes how often each partition had changed then
  /// @param count of the keys
  private record Listed(Map<Integer, List<Payload>> keys, Map<Integer, Long> changes, int count) {}

  private final Partitions partitions;
  private final Store store;
  private final int[] keys; // by partition
  private final int[] unsummed; // of those, placed ones included, which never are in the sum
  private final long[] sums;
  private final long[] changes;
  private final Map<Integer, Set<Payload>> placed = new TreeMap<>();
  private int placedCount;
  private long unsummedCount;
  private int ahead; // the partition at which to go on computing ahead
  private boolean appeared; // something where nothing was, or with a placement of its own
  private final Map<Integer, Listed> listed = new LinkedHashMap<>(); // by group, oldest first
  private int listedBits; // of the groups
  private int listedCount; // keys

  /// @param store tells of its changes from now on
  Digests(Partitions partitions, Store store) {
    this.partitions = partitions;
    this.store = store;
    this.keys = new int[partitions.count()];
    this.unsummed = new int[partitions.count()];
    this.sums = new long[partitions.count()];
    this.changes = new long[partitions.count()];
    store.listen(this);
  }

  Partitions partitions() {
    return partitions;
  }

  int partitionOf(Payload key) {
    return partitions.of(KeyHash.of(key));
  }

  /// The partition of a key that is part of an array.
  int partitionOf(byte[] source, int offset, int length) {
    return partitions.of(KeyHash.of(source, offset, length));
  }

  // ---- Changes ----

  @Override
  public void found(long hash, int bits, int keysFound, int placedFound, long sum) {
    int partition = partitions.of(hash);
    if (partitions.bits() > bits) {
      throw new IllegalArgumentException(
          "what is known by " + bits + " bits does not tell of partitions of " + partitions.bits());
    }
    appeared |= keysFound > 0;
    keys[partition] += keysFound;
    sums[partition] += sum;
    unsummed[partition] += placedFound;
    unsummedCount += placedFound;
  }

  @Override
  public void recounted(long hash, int bits, int keysNow) {
    int partition = partitions.of(hash);
    changes[partition]++;
    keys[partition] = keysNow;
    sums[partition] = 0;
    unsummedCount += keysNow - unsummed[partition];
    unsummed[partition] = keysNow;
    Set<Payload> forgotten = placed.remove(partition);
    placedCount -= forgotten == null ? 0 : forgotten.size();
  }

  @Override
  public void added(long keyHash) {
    int partition = partitions.of(keyHash);
    changes[partition]++;
    appeared |= keys[partition]++ == 0;
    unsummed[partition]++;
    unsummedCount++;
  }

  @Override
  public void replaced(long keyHash, boolean summed, long digest) {
    int partition = partitions.of(keyHash);
    changes[partition]++;
    if (summed) {
      sums[partition] -= digest;
      unsummed[partition]++;
      unsummedCount++;
    }
  }

  @Override
  public void removed(long keyHash, boolean summed, long digest) {
    int partition = partitions.of(keyHash);
    changes[partition]++;
    keys[partition]--;
    if (summed) {
      sums[partition] -= digest;
    } else {
      unsummed[partition]--;
      unsummedCount--;
    }
  }

  /// Takes note of whether a key has a placement of its own, after each change of it.
  void place(Payload key, boolean isPlaced) {
    if (isPlaced) {
      int partition = partitionOf(key);
      appeared = true;
      if (placed.computeIfAbsent(partition, p -> new HashSet<>()).add(key)) {
        placedCount++;
      } else {
        // It was none of the partition's keys in their default place, and is none now.
        changes[partition]--;
      }
    } else if (placedCount > 0) {
      int partition = partitionOf(key);
      Set<Payload> those = placed.get(partition);
      if (those != null && those.remove(key)) {
        placedCount--;
        if (those.isEmpty()) {
          placed.remove(partition);
        }
      }
    }
  }

  // ---- Sums ----

  /// Computes some of the digests that nobody has asked for yet, so that whoever asks does not wait
  /// for all at once.
  void computeAhead(int atLeast) {
    // The more there is, the more is done, so that it does not grow for ever.
    int share = Math.max(atLeast, backlog() / 64);
    for (int passed = 0; share > 0 && passed < partitions.count() && backlog() > 0; passed++) {
      share -= sumUp(ahead, share);
      if (missingOf(ahead) == 0) {
        ahead = ahead + 1 < partitions.count() ? ahead + 1 : 0;
      }
    }
  }

  private int missingOf(int partition) {
    return unsummed[partition] - placedOf(partition).size();
  }

  /// Adds digests up, of the partition and of those beside it that the store comes by.
  ///
  /// @return how many
  private int sumUp(int partition, int max) {
    if (missingOf(partition) == 0) {
      return 0;
    }
    return store.sum(
        partitions.position(partition),
        groupBits(),
        max,
        (keyHash, digest) -> {
          int of = partitions.of(keyHash);
          sums[of] += digest;
          unsummed[of]--;
          unsummedCount--;
        });
  }

  /// The highest bits that the hashes of a group of partitions share which have a few hundred keys
  /// together: looking for those of one would take as long.
  private int groupBits() {
    long groups = store.size() / GROUP_KEYS;
    return Math.min(partitions.bits(), Long.SIZE - Long.numberOfLeadingZeros(groups));
  }

  /// Whether, since the last call, a partition got its first key, or any key got a placement.
  boolean takeAppeared() {
    boolean taken = appeared;
    appeared = false;
    return taken;
  }

  /// How many digests are to be computed.
  int backlog() {
    return (int) Math.min(Integer.MAX_VALUE, unsummedCount - placedCount);
  }

  /// How often anything in the partition has changed, other than keys that had a placement of their
  /// own before and after.
  long changesOf(int partition) {
    return changes[partition];
  }

  /// The partitions with any key, ascending.
  List<Integer> partitionsWithKeys() {
    List<Integer> found = new ArrayList<>();
    for (int partition = 0; partition < keys.length; partition++) {
      if (keys[partition] > 0) {
        found.add(partition);
      }
    }
    return found;
  }

  boolean isEmpty(int partition) {
    return keys[partition] == 0;
  }

  /// The keys of a partition, placed ones included. O(keys of the partition and a few hundred), but
  /// O(1) if it has not changed since they, or those of a partition beside it, were asked for.
  List<Payload> keysOf(int partition) {
    if (keys[partition] == 0) {
      return List.of();
    }
    int bits = groupBits();
    if (bits != listedBits) {
      listed.clear();
      listedCount = 0;
      listedBits = bits;
    }
    int group = partition >> (partitions.bits() - bits);
    Listed found = listed.get(group);
    if (found == null || found.changes.getOrDefault(partition, -1L) != changes[partition]) {
      forgetListed(group);
      found = list(partition, bits);
      while (!listed.isEmpty() && listedCount + found.count > LISTED_MAX) {
        forgetListed(listed.keySet().iterator().next());
      }
      listed.put(group, found);
      listedCount += found.count;
    }
    return found.keys.getOrDefault(partition, List.of());
  }

  private void forgetListed(int group) {
    Listed forgotten = listed.remove(group);
    listedCount -= forgotten == null ? 0 : forgotten.count;
  }

  private Listed list(int partition, int bits) {
    Map<Integer, List<Payload>> byPartition = new HashMap<>();
    Map<Integer, Long> changesNow = new HashMap<>();
    List<Payload> all = store.keys(partitions.position(partition), bits);
    for (Payload key : all) {
      int of = partitionOf(key);
      byPartition.computeIfAbsent(of, p -> new ArrayList<>()).add(key);
      changesNow.putIfAbsent(of, changes[of]);
    }
    return new Listed(byPartition, changesNow, all.size());
  }

  /// The keys of a partition with a placement of their own.
  Set<Payload> placedOf(int partition) {
    return placedCount == 0 ? Set.of() : placed.getOrDefault(partition, Set.of());
  }

  /// The partitions with any key that has a placement of its own, ascending.
  Set<Integer> partitionsWithPlaced() {
    return placed.keySet();
  }

  /// The number of keys in a partition that are in their default place.
  long countOf(int partition) {
    return (long) keys[partition] - placedOf(partition).size();
  }

  /// The sum of the digests of a partition's keys in their default place.
  long sumOf(int partition) {
    sumUp(partition, Integer.MAX_VALUE);
    return sums[partition];
  }

  /// The digest of one key; 0 if it is not there.
  long digestOf(Payload key) {
    return store.digest(key);
  }

  /// The bucket of a key within its partition.
  int bucketOf(Payload key) {
    return (int) (KeyHash.of(key) << partitions.bits() >>> (Long.SIZE - BUCKET_BITS));
  }
}
