package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.node.store.Slot;
import dev.trellis.node.store.Store;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// What two replicas compare to find out what they differ in: for each partition how many keys it
/// has and the sum of their digests. Nothing is kept for a key: when one changes that is part of a
/// sum, the store computes from its old state what to take out of it. The new state is taken in
/// when somebody asks, or ahead of that: a key that is written a thousand times between two
/// comparisons is digested once.
///
/// Sums, not exclusive ors, so that two keys with one digest do not cancel out.
///
/// Keys with a placement of their own are not part of a partition's sum, as those who hold the
/// partition need not hold them; those of a partition that have the same one have sums of their
/// own.
final class Digests implements Store.Listener {
  /// Keys that are remembered as those of their partitions, unless one group has more.
  private static final int LISTED_MAX = 16_384;

  /// Keys of a group, about: what the store goes through at least.
  private static final int GROUP_KEYS = 256;

  /// How many parts a partition is cut into where it has many keys.
  static final int BUCKET_BITS = 6;

  /// The keys of a partition that have placements of their own.
  private static final class Placed {
    private final Map<Placement, PlacedGroup> groups = new LinkedHashMap<>();
    private int count;

    /// @return whether it was none of them
    boolean put(Slot slot, Placement placement) {
      int before = remove(slot.key(), placement);
      boolean isNew = groups.computeIfAbsent(placement, PlacedGroup::new).put(slot);
      count += isNew ? 1 : 0;
      return before == 0 && isNew;
    }

    /// Removes a key from all groups but one.
    int remove(Payload key, @Nullable Placement but) {
      int removed = 0;
      for (var each = groups.values().iterator(); each.hasNext(); ) {
        PlacedGroup group = each.next();
        if (!group.placement().equals(but)) {
          removed += group.remove(key);
          if (group.size() == 0) {
            each.remove();
          }
        }
      }
      count -= removed;
      return removed;
    }
  }

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
  private final Map<Integer, Placed> placed = new TreeMap<>();
  private int placedCount;
  private long unsummedCount;
  private int ahead; // the partition at which to go on computing ahead
  private boolean appeared; // something where nothing was, or with another placement
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
    Placed forgotten = placed.remove(partition);
    placedCount -= forgotten == null ? 0 : forgotten.count;
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

  /// Takes note of the placement that a key has, after each change of the key.
  void place(Slot slot) {
    Optional<Placement> placement = slot.placement();
    if (placement.isEmpty()) {
      placeByDefault(slot.key());
      return;
    }
    int partition = partitionOf(slot.key());
    appeared = true;
    if (placed.computeIfAbsent(partition, p -> new Placed()).put(slot, placement.get())) {
      placedCount++;
    } else {
      // It was none of the partition's keys in their default place, and is none now.
      changes[partition]--;
    }
  }

  /// Takes note that a key has no placement of its own, or is not here.
  void placeByDefault(Payload key) {
    if (placedCount == 0) {
      return;
    }
    int partition = partitionOf(key);
    Placed those = placed.get(partition);
    if (those != null) {
      int removed = those.remove(key, null);
      placedCount -= removed;
      appeared |= removed > 0; // among those in their default place, which may be elsewhere
      if (those.groups.isEmpty()) {
        placed.remove(partition);
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
    return unsummed[partition] - placedIn(partition);
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

  /// Whether, since the last call, a partition got its first key, or any key another placement.
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

  /// The keys of a partition with placements of their own, those of the same placement together.
  List<PlacedGroup> placedOf(int partition) {
    Placed those = placedCount == 0 ? null : placed.get(partition);
    return those == null ? List.of() : List.copyOf(those.groups.values());
  }

  private int placedIn(int partition) {
    Placed those = placedCount == 0 ? null : placed.get(partition);
    return those == null ? 0 : those.count;
  }

  /// Those with which a key has a placement of its own; empty if it has none.
  Optional<PlacedGroup> placedWith(Payload key) {
    if (placedCount == 0) {
      return Optional.empty();
    }
    return placedOf(partitionOf(key)).stream().filter(group -> group.contains(key)).findFirst();
  }

  /// The sum of the digests of a group's keys.
  long sumOf(PlacedGroup group) {
    return group.states(store::digest);
  }

  /// The partitions with any key that has a placement of its own, ascending.
  Set<Integer> partitionsWithPlaced() {
    return placed.keySet();
  }

  /// The number of keys in a partition that are in their default place.
  long countOf(int partition) {
    return (long) keys[partition] - placedIn(partition);
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
