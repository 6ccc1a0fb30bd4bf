package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.node.store.Slot;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.LatticeCodec;
import dev.trellis.wire.PlacementSetting;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// The keys of a shard by partition, with digests by which two replicas find out what they differ
/// in. A key's digest is of its canonical bytes, computed when somebody asks and the key has
/// changed since: a key that is written a thousand times between two comparisons is digested once.
/// Sums, not exclusive ors, so that two keys with one digest do not cancel out.
///
/// Keys with a placement of their own are not part of a partition's sum, as those who hold the
/// partition need not hold them.
final class Digests {
  /// How many parts a partition is cut into where it has many keys.
  static final int BUCKET_BITS = 6;

  private static final long UNKNOWN = 0;

  private final Set<Integer> withPlaced = new TreeSet<>();

  private static final class Content {
    private final Map<Payload, Long> digests = new HashMap<>(); // 0 where it has to be computed
    private final Set<Payload> placed = new HashSet<>();
    private long sum; // of those computed, placed ones left out
    private int unknown; // how many are to be computed
    private long changes;
  }

  private final Partitions partitions;
  private final Function<Payload, @Nullable Slot> slots;
  private final Map<Integer, Content> contents = new TreeMap<>();
  private boolean appeared; // something where nothing was, or with a placement of its own
  private final Set<Payload> unknown = new LinkedHashSet<>(); // to be computed, longest first

  Digests(Partitions partitions, Function<Payload, @Nullable Slot> slots) {
    this.partitions = partitions;
    this.slots = slots;
  }

  int partitionOf(Payload key) {
    return partitions.of(KeyHash.of(key));
  }

  /// The partition of a key that is part of an array.
  int partitionOf(byte[] source, int offset, int length) {
    return partitions.of(KeyHash.of(source, offset, length));
  }

  /// Takes note that a key is there and has changed.
  void changed(Payload key, boolean isPlaced) {
    Content content = contents.computeIfAbsent(partitionOf(key), p -> new Content());
    content.changes++;
    if (unknown.contains(key) && content.placed.contains(key) == isPlaced) {
      return; // it is to be computed as it is
    }
    appeared |= content.digests.isEmpty() || isPlaced;
    forget(content, key);
    content.digests.put(key, UNKNOWN);
    content.unknown++;
    unknown.add(key);
    if (isPlaced) {
      content.placed.add(key);
      withPlaced.add(partitionOf(key));
    }
  }

  /// Takes note that a key is gone.
  void removed(Payload key) {
    Content content = contents.get(partitionOf(key));
    if (content != null) {
      content.changes++;
      forget(content, key);
      if (content.digests.isEmpty()) {
        content.sum = 0;
      }
    }
  }

  private void forget(Content content, Payload key) {
    if (!content.digests.containsKey(key)) {
      return;
    }
    Long before = content.digests.remove(key);
    unknown.remove(key);
    boolean wasPlaced = content.placed.remove(key);
    if (wasPlaced && content.placed.isEmpty()) {
      withPlaced.remove(partitionOf(key));
    }
    if (before == null || before == UNKNOWN) {
      content.unknown--;
    } else if (!wasPlaced) {
      content.sum -= before;
    }
  }

  /// Computes some of the digests that nobody has asked for yet, so that whoever asks does not wait
  /// for all at once.
  void computeAhead(int atLeast) {
    // The more there is, the more is done, so that it does not grow for ever.
    int share = Math.max(atLeast, unknown.size() / 64);
    while (share > 0 && !unknown.isEmpty()) {
      digestOf(unknown.iterator().next());
      share--;
    }
  }

  /// Whether, since the last call, a partition got its first key, or any key got a placement.
  boolean takeAppeared() {
    boolean taken = appeared;
    appeared = false;
    return taken;
  }

  /// How many digests are to be computed.
  int backlog() {
    return unknown.size();
  }

  /// How often anything in the partition has changed.
  long changesOf(int partition) {
    Content content = contents.get(partition);
    return content == null ? 0 : content.changes;
  }

  /// The partitions with any key, ascending.
  List<Integer> partitionsWithKeys() {
    List<Integer> found = new ArrayList<>();
    contents.forEach(
        (partition, content) -> {
          if (!content.digests.isEmpty()) {
            found.add(partition);
          }
        });
    return found;
  }

  boolean isEmpty(int partition) {
    Content content = contents.get(partition);
    return content == null || content.digests.isEmpty();
  }

  /// The keys of a partition, placed ones included.
  List<Payload> keysOf(int partition) {
    Content content = contents.get(partition);
    return content == null ? List.of() : List.copyOf(content.digests.keySet());
  }

  /// The keys of a partition with a placement of their own.
  Set<Payload> placedOf(int partition) {
    Content content = contents.get(partition);
    return content == null ? Set.of() : content.placed;
  }

  /// The partitions with any key that has a placement of its own, ascending.
  Set<Integer> partitionsWithPlaced() {
    return withPlaced;
  }

  /// The number of keys in a partition that are in their default place.
  long countOf(int partition) {
    Content content = contents.get(partition);
    return content == null ? 0 : content.digests.size() - content.placed.size();
  }

  /// The sum of the digests of a partition's keys in their default place.
  long sumOf(int partition) {
    Content content = contents.get(partition);
    if (content == null) {
      return 0;
    }
    if (content.unknown > 0) {
      for (Map.Entry<Payload, Long> key : content.digests.entrySet()) {
        if (key.getValue() == UNKNOWN) {
          long digest = compute(key.getKey());
          key.setValue(digest);
          unknown.remove(key.getKey());
          content.sum += content.placed.contains(key.getKey()) ? 0 : digest;
        }
      }
      content.unknown = 0;
    }
    return content.sum;
  }

  /// The digest of one key.
  long digestOf(Payload key) {
    Content content = contents.get(partitionOf(key));
    if (content == null || !content.digests.containsKey(key)) {
      return 0;
    }
    long known = content.digests.get(key);
    if (known == UNKNOWN) {
      known = compute(key);
      content.digests.put(key, known);
      content.unknown--;
      unknown.remove(key);
      content.sum += content.placed.contains(key) ? 0 : known;
    }
    return known;
  }

  /// The bucket of a key within its partition.
  int bucketOf(Payload key) {
    return (int) (KeyHash.of(key) << partitions.bits() >>> (Long.SIZE - BUCKET_BITS));
  }

  private long compute(Payload key) {
    Slot slot = slots.apply(key);
    if (slot == null) {
      throw new IllegalStateException("key " + key + " is indexed but not stored");
    }
    long state = KeyHash.of(LatticeCodec.encode(slot.entry()));
    long digest = KeyHash.of(key) * 31 + state * 0x9E3779B97F4A7C15L + ofSetting(slot);
    return digest == UNKNOWN ? 1 : digest;
  }

  /// The digest of what was decided about a key's placement.
  static long ofSetting(Slot slot) {
    return slot.setting()
        .map(
            (PlacementSetting s) ->
                (s.clock().packed() * 31 + s.writer()) * 0xBF58476D1CE4E5B9L
                    + s.placement()
                        .map(
                            p ->
                                1L
                                    + (p.memoryNodes() * 1009L + p.ssdNodes()) * 1009
                                    + p.shardsPerNode())
                        .orElse(0L))
        .orElse(0L);
  }
}
