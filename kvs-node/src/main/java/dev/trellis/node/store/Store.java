package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Placement;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/// Where one shard keeps its entries. Confined to the shard's thread.
///
/// Keys are found one by one, in byte order ([#scan]), or by ranges of their hashes, in which keys
/// of one partition lie together. Each slot has a digest; the store remembers of which slots it was
/// taken into a sum, and tells its [Listener] what to take out again when they change.
public interface Store {
  /// Is told of each change while it happens; must not touch the store.
  interface Listener {
    /// Where nobody is to be told of changes.
    Listener NOBODY =
        new Listener() {
          @Override
          public void found(long hash, int bits, int keys, int placed, long sum) {}

          @Override
          public void recounted(long hash, int bits, int keys) {}

          @Override
          public void added(long keyHash) {}

          @Override
          public void replaced(long keyHash, boolean summed, long digest) {}

          @Override
          public void removed(long keyHash, boolean summed, long digest) {}
        };

    /// Keys are there from before, as at the start of a process.
    ///
    /// @param hash the lowest that a key of the range may have
    /// @param bits highest ones of the hash that all of the range share
    /// @param keys how many there are
    /// @param placed how many of them have a placement of their own
    /// @param sum of the digests of the others
    default void found(long hash, int bits, int keys, int placed, long sum) {
      throw new UnsupportedOperationException("nothing is known of " + keys + " former keys");
    }

    /// The keys of a range were counted anew, as something of it was lost. None is in a sum now.
    ///
    /// @param hash the lowest that a key of the range may have
    /// @param bits highest ones of the hash that all of the range share
    /// @param keys how many there are
    default void recounted(long hash, int bits, int keys) {
      throw new UnsupportedOperationException("the former " + keys + " keys are not known");
    }

    /// A key is there that was not; its digest is in no sum.
    ///
    /// @param keyHash see [dev.trellis.placement.KeyHash#of]
    void added(long keyHash);

    /// The slot of a key is replaced; the new one's digest is in no sum.
    ///
    /// @param summed whether the old one's digest was taken into a sum
    /// @param digest if so, that digest
    void replaced(long keyHash, boolean summed, long digest);

    /// A key is there no more.
    ///
    /// @param summed whether its digest was taken into a sum
    /// @param digest if so, that digest
    void removed(long keyHash, boolean summed, long digest);
  }

  /// Is given digests; must not touch the store.
  interface Summing {
    /// Takes a digest into the sum that its key belongs to.
    ///
    /// @param keyHash see [dev.trellis.placement.KeyHash#of]
    void add(long keyHash, long digest);
  }

  /// The slot of a key, dead entries included.
  Optional<Slot> find(Payload key);

  /// What a look-up in place comes to.
  enum Found {
    /// There is no slot.
    NOTHING,
    /// There is a plain one.
    PLAIN,
    /// There is one that [#find(Payload)] shows.
    OTHER
  }

  /// Looks up a key that is part of an array, without making an object where the store can do so.
  ///
  /// @param into takes over the slot if it is plain
  default Found find(byte[] source, int offset, int length, PlainSlot into) {
    Slot slot = find(Payload.of(source, offset, length)).orElse(null);
    return slot == null ? Found.NOTHING : into.set(slot) ? Found.PLAIN : Found.OTHER;
  }

  /// Is told that some keys that are parts of an array will be looked up next, and may get ready:
  /// mostly, a look-up waits for memory, and what is known beforehand can be waited for together.
  ///
  /// @param places where each key is and how long it is, one after the other
  /// @param count of keys
  default void expect(byte[] source, int[] places, int count) {}

  /// Adds or replaces the slot of its key.
  void put(Slot slot);

  /// Adds or replaces the slot of a key that is part of an array; what is given is copied.
  default void put(byte[] source, int offset, int length, PlainSlot slot) {
    put(new Slot(Payload.of(source, offset, length), slot.toEntry(), slot.birth));
  }

  /// Forgets a key; nothing happens if it is not there.
  void remove(Payload key);

  /// The slots with keys that start with `prefix`, in byte order, those up to and including `after`
  /// left out. The walk must be done with before the store is changed. The first walk after a while
  /// has to put the keys in order, which takes about a second for a few million of them, unless
  /// [#prepareScan] has done so.
  ///
  /// @param withValues false to have the bytes of plain `lww` values left out, which are read for
  ///   nothing if only keys are wanted
  Iterator<Slot> scan(Payload prefix, Optional<Payload> after, boolean withValues);

  /// The slots as they are, in byte order.
  default Iterator<Slot> scan(Payload prefix, Optional<Payload> after) {
    return scan(prefix, after, true);
  }

  /// Puts a part of the keys in order, if that is not done yet; takes about a millisecond.
  ///
  /// @return whether [#scan] may start without delay
  boolean prepareScan();

  /// Forgets the order of keys, which takes memory; to be called when nobody has scanned for a
  /// while.
  void endScans();

  /// The number of slots, dead entries included.
  long size();

  /// The weight of all slots, in bytes: what they take of memory, key, value and their share of the
  /// index. Of a slot as it is put, [Slot#weight].
  long weight();

  /// What a slot is like.
  ///
  /// @param bytes that it takes, of memory or on disk
  /// @param placement of the key's own, if it has one
  record Outline(long bytes, Optional<Placement> placement) {}

  /// What the slot of a key is like; its value is not read.
  default Optional<Outline> outline(Payload key) {
    return find(key).map(slot -> new Outline(slot.weight(), slot.placement()));
  }

  // ---- Who is asked for ----

  /// Takes note that a client asks for a key, where the store marks such keys. Those that are
  /// looked up in place are marked by that, and new ones too.
  default void accessed(Payload key) {}

  /// Whether there is a key that was not asked for since [#sweepIdle] came by; false if that is not
  /// known.
  default boolean isIdle(Payload key) {
    return false;
  }

  /// Goes through all slots in no order, in steps, takes off the marks of those that were asked
  /// for, and shows those that have none: all but the dead and those with a place of their own.
  /// Nothing is shown twice between start and end; what the index moves meanwhile may be left out.
  ///
  /// @param cursor 0 to start, or what the last step returned
  /// @param keysMin how many keys to pass, at least; the step ends at most some hundred later
  /// @return where to go on, or -1 at the end, as where the store marks no keys
  default long sweepIdle(long cursor, int keysMin, IdleVisitor visitor) {
    return -1;
  }

  /// Where what is put is kept beyond the life of the process; empty if it is not.
  default Optional<Disk> disk() {
    return Optional.empty();
  }

  // ---- By hash ----

  /// Has `listener` told of all changes from now on, and of each key that is there as added.
  void listen(Listener listener);

  /// The keys whose hashes begin with the highest `bits` bits of `hash`, in no order. O(keys found
  /// and a few hundred).
  List<Payload> keys(long hash, int bits);

  /// Has digests of slots taken into a sum that were in none yet, of the keys whose hashes begin
  /// with the highest `bits` bits of `hash` and that have no placement of their own. O(keys passed
  /// and a few hundred).
  ///
  /// @param max how many, at most
  /// @return how many
  int sum(long hash, int bits, int max, Summing sums);

  /// The digest of a key's slot; 0 if there is none.
  long digest(Payload key);

  /// Goes through all slots in no order, in steps, and shows all but the live `lww` values that
  /// never expire and about whose place nothing was decided. What is there all the time is shown at
  /// least once, what is added meanwhile may be.
  ///
  /// @param cursor 0 to start, or what the last step returned
  /// @param keysMax how many keys to pass, at most
  /// @param visitor returns whether to go on; must not touch the store
  /// @return where to go on, or -1 at the end
  long sweep(long cursor, int keysMax, Predicate<Slot> visitor);
}
