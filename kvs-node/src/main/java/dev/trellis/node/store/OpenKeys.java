package dev.trellis.node.store;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// The keys of a shard of which something is left to be done: what they have become is not in its
/// place on disk yet, or their digest is in no sum. Found by key, like in a hash map; and by ranges
/// of hashes, since they stand by the highest bits of theirs.
///
/// A fixed number of chains: where a slow disk lets millions of keys wait, each has some dozens,
/// which takes less than what that disk does for any of them.
final class OpenKeys {
  /// A key of which something is left to be done.
  static final class OpenKey {
    private final DiskChange.Key key;
    private @Nullable DiskChange change;
    private boolean isUnsummed;
    private boolean isListed; // whether it stands in the list of those that may be unsummed
    private @Nullable OpenKey next; // in its chain

    private OpenKey(DiskChange.Key key) {
      this.key = key;
    }

    DiskChange.Key key() {
      return key;
    }

    /// What waits to be brought to its place; null if nothing does.
    @Nullable DiskChange change() {
      return change;
    }

    /// Whether its digest is in no sum though it is to be.
    boolean isUnsummed() {
      return isUnsummed;
    }
  }

  private static final int BITS = DiskTally.BITS + 3;
  private static final int CHAINS_BY_RANGE = 1 << (BITS - DiskTally.BITS);

  private final @Nullable OpenKey[] chains = new OpenKey[1 << BITS];
  private final @Nullable List<OpenKey>[] unsummed = newLists(); // by range, and others

  @SuppressWarnings({"unchecked", "rawtypes"}) // Java has no arrays of generic types
  private static @Nullable List<OpenKey>[] newLists() {
    return new List[DiskTally.RANGES];
  }

  private static int chainOf(long keyHash) {
    return (int) (keyHash >>> (Long.SIZE - BITS));
  }

  /// The key that is looked for; null if nothing is left to be done with it.
  @Nullable OpenKey find(KeyProbe probe) {
    long hash = probe.hash();
    OpenKey at = chains[chainOf(hash)];
    while (at != null
        && (at.key.hash() != hash || !at.key.key().equals(probe.bytes(), 0, probe.length()))) {
      at = at.next;
    }
    return at;
  }

  @Nullable OpenKey find(DiskChange.Key key) {
    OpenKey at = chains[chainOf(key.hash())];
    while (at != null && !at.key.equals(key)) {
      at = at.next;
    }
    return at;
  }

  /// Takes in a key that is not here.
  OpenKey add(DiskChange.Key key) {
    int chain = chainOf(key.hash());
    OpenKey added = new OpenKey(key);
    added.next = chains[chain];
    chains[chain] = added;
    return added;
  }

  void waits(OpenKey key, DiskChange change) {
    key.change = change;
  }

  /// What waited is in its place.
  void placed(OpenKey key) {
    key.change = null;
    removeIfDone(key);
  }

  void mark(OpenKey key) {
    key.isUnsummed = true;
    if (!key.isListed) {
      key.isListed = true;
      int range = DiskTally.rangeOf(key.key.hash());
      List<OpenKey> list = unsummed[range];
      if (list == null) {
        list = new ArrayList<>(4);
        unsummed[range] = list;
      }
      list.add(key);
    }
  }

  /// Its digest is in a sum, or shall not be in one.
  void unmark(OpenKey key) {
    key.isUnsummed = false;
    removeIfDone(key);
  }

  private void removeIfDone(OpenKey key) {
    if (key.change != null || key.isUnsummed) {
      return;
    }
    int chain = chainOf(key.key.hash());
    OpenKey before = chains[chain];
    if (before == key) {
      chains[chain] = key.next;
    }
    while (before != null && before.next != key) {
      before = before.next;
    }
    if (before != null) {
      before.next = key.next;
    }
    key.next = null;
  }

  /// Goes through all; nothing may change meanwhile.
  void forEach(Consumer<OpenKey> visitor) {
    forEach(0, chains.length, visitor);
  }

  private void forEach(int from, int to, Consumer<OpenKey> visitor) {
    for (int chain = from; chain < to; chain++) {
      for (OpenKey at = chains[chain]; at != null; at = at.next) {
        visitor.accept(at);
      }
    }
  }

  /// Those whose hashes begin with the highest `bits` bits of `hash`.
  List<OpenKey> keys(long hash, int bits) {
    List<OpenKey> found = new ArrayList<>();
    int first = bits == 0 ? 0 : chainOf(hash >>> (Long.SIZE - bits) << (Long.SIZE - bits));
    int count = bits >= BITS ? 1 : 1 << (BITS - bits);
    forEach(
        first,
        first + count,
        key -> {
          if (begins(key, hash, bits)) {
            found.add(key);
          }
        });
    return found;
  }

  private static boolean begins(OpenKey key, long hash, int bits) {
    return bits == 0 || (key.key.hash() ^ hash) >>> (Long.SIZE - bits) == 0;
  }

  /// A key of a range whose digest is in no sum though it is to be; null if there is none.
  @Nullable OpenKey unsummed(int range) {
    List<OpenKey> list = unsummed[range];
    if (list == null) {
      return null;
    }
    while (!list.isEmpty()) {
      OpenKey last = list.getLast();
      if (last.isUnsummed) {
        return last;
      }
      list.removeLast().isListed = false;
    }
    unsummed[range] = null;
    return null;
  }

  /// The changes of keys in a range that wait, in the order of the keys.
  List<DiskChange> waiting(int range) {
    List<DiskChange> found = new ArrayList<>();
    int first = range * CHAINS_BY_RANGE;
    forEach(
        first,
        first + CHAINS_BY_RANGE,
        key -> {
          if (key.change != null) {
            found.add(key.change);
          }
        });
    found.sort((a, b) -> a.key().compareTo(b.key()));
    return found;
  }
}
