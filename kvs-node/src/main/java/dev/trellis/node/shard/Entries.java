package dev.trellis.node.shard;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.PlainSlot;
import dev.trellis.node.store.Slot;
import dev.trellis.node.store.Store;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The store of a shard with what must follow each change of it: the digests, the watchers, the
/// births.
final class Entries {
  private final Store store;
  private final Digests digests;
  private final StoredBytes stored;
  private final Watches watches;
  private final Set<Sabotage> sabotage;
  private final Map<Payload, PlacementSetting> decided = new HashMap<>();
  private final Set<Payload> spread = new LinkedHashSet<>(); // of these, over nodes or shards
  private Decisions decisions = (slot, key, after) -> {};
  private long nextBirth; // counts up; never reused within an incarnation

  /// Is told of each decision about a key's place before it is stored.
  interface Decisions {
    /// Takes note of a decision.
    ///
    /// @param before the slot as it is; null if the key is not here
    void decided(@Nullable Slot before, Payload key, PlacementSetting after);
  }

  /// @param shard index within the node
  /// @param store may have content from before
  Entries(int shard, Store store, Partitions partitions, Watches watches, Set<Sabotage> sabotage) {
    this.store = store;
    this.digests = new Digests(partitions, store);
    this.stored = new StoredBytes(shard, digests);
    this.watches = watches;
    this.sabotage = sabotage;
    for (long cursor = 0; cursor >= 0; ) {
      cursor = store.sweep(cursor, Integer.MAX_VALUE, this::isNoted);
    }
  }

  /// Counts a partition anew of which something was lost.
  void mend(int partition) {
    Partitions partitions = digests.partitions();
    store.disk().orElseThrow().mend(partitions.position(partition), partitions.bits());
    decided.keySet().removeIf(key -> digests.partitionOf(key) == partition);
    spread.removeIf(key -> digests.partitionOf(key) == partition);
    for (Payload key : digests.keysOf(partition)) {
      store.find(key).ifPresent(this::noted);
    }
    stored.recount();
  }

  void onDecision(Decisions listener) {
    decisions = listener;
  }

  private void noted(Slot slot) {
    digests.place(slot);
    if (slot.setting().isPresent()) {
      decided.put(slot.key(), slot.setting().get());
      if (slot.placement().filter(Entries::isSpread).isPresent()) {
        spread.add(slot.key());
      } else {
        spread.remove(slot.key());
      }
    }
  }

  private static boolean isSpread(Placement placement) {
    return placement.memoryNodes() > 1 || placement.shardsPerNode() > 1;
  }

  private boolean isNoted(Slot slot) {
    noted(slot);
    return true;
  }

  /// The keys about whose place something was decided, be it to go back to the default.
  Set<Payload> decided() {
    return decided.keySet();
  }

  /// What was decided about the place of a key; empty if nothing was.
  Optional<PlacementSetting> settingOf(Payload key) {
    return Optional.ofNullable(decided.get(key));
  }

  /// Some keys that are placed on more than one memory node or shard: others with each call, if
  /// there are more.
  List<Payload> someSpread(int max) {
    List<Payload> some = spread.stream().limit(max).toList();
    if (some.size() < spread.size()) {
      some.forEach(spread::remove);
      spread.addAll(some);
    }
    return some;
  }

  Store store() {
    return store;
  }

  /// How much is kept for principals whose stored bytes are limited.
  StoredBytes stored() {
    return stored;
  }

  Digests digests() {
    return digests;
  }

  Optional<Slot> find(Payload key) {
    return store.find(key);
  }

  /// The entry of a key as it stands, dead ones included.
  Entry entryOf(Payload key) {
    return store.find(key).map(Slot::entry).orElse(Entry.BOTTOM);
  }

  long takeBirth() {
    return nextBirth++;
  }

  /// The birth of a slot that is made now: names drawn so far are of earlier lives.
  long nextBirth() {
    return nextBirth;
  }

  void put(Slot slot) {
    noteStored(slot.key(), slot.entry());
    store.put(slot);
    noted(slot);
  }

  /// As [#put(Slot)], of a key that is part of an array and in its default place.
  void put(byte[] source, int offset, int length, PlainSlot slot) {
    if (!stored.isEmpty()) {
      noteStored(Payload.of(source, offset, length), slot.toEntry());
    }
    store.put(source, offset, length, slot);
  }

  void remove(Payload key) {
    noteStored(key, null);
    store.remove(key);
    digests.placeByDefault(key);
    decided.remove(key);
    spread.remove(key);
  }

  /// @param after null if nothing stays
  private void noteStored(Payload key, @Nullable Entry after) {
    if (!stored.isEmpty() && stored.isCounted(key)) {
      Slot before = store.find(key).orElse(null);
      long was = before == null ? 0 : StoredBytes.weightOf(key, before.entry());
      stored.changed(key, (after == null ? 0 : StoredBytes.weightOf(key, after)) - was);
    }
  }

  /// Forgets an entry, and its key with it unless its placement must be remembered.
  void removeEntry(Slot slot) {
    if (slot.setting().isPresent() && !slot.entry().equals(Entry.BOTTOM)) {
      // Another life of the key: should an older state come back, this shard is not to go on
      // counting
      // under a name that it used then.
      put(new Slot(slot.key(), Entry.BOTTOM, nextBirth, slot.setting()));
    } else if (slot.setting().isEmpty()) {
      remove(slot.key());
    }
  }

  /// Merges what another replica has sent.
  ///
  /// @return whether that changed anything
  boolean merge(PeerMessage.Change change, long nowMillis, Outbox out) {
    Slot before = store.find(change.key()).orElse(null);
    Entry held = before == null ? Entry.BOTTOM : before.entry();
    Entry after = merged(held, change.entry());
    Optional<PlacementSetting> known = before == null ? Optional.empty() : before.setting();
    Optional<PlacementSetting> setting = PlacementSetting.later(known, change.placement());
    if (after == held && setting.equals(known)) {
      return false;
    }
    if (!setting.equals(known)) {
      decisions.decided(before, change.key(), setting.orElseThrow());
    }
    long birth = before == null ? nextBirth : before.birth();
    put(new Slot(change.key(), after, birth, setting));
    if (after != held && watches.isWatched(change.key())) {
      watches.changed(change.key(), out);
      watches.expires(change.key(), after.nextExpiry(nowMillis));
    }
    return true;
  }

  private Entry merged(Entry held, Entry incoming) {
    if (sabotage.contains(Sabotage.EQUAL_TIMESTAMPS_KEEP_INCOMING)
        && held.generation().equals(incoming.generation())
        && held.value(Kind.LWW).orElse(null) instanceof LwwRegister mine
        && incoming.value(Kind.LWW).orElse(null) instanceof LwwRegister other
        && mine.timestamp().equals(other.timestamp())) {
      return incoming;
    }
    return held.merge(incoming);
  }
}
