package dev.trellis.node.shard;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.node.store.Digesting;
import dev.trellis.node.store.Slot;
import dev.trellis.placement.KeyHash;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.ToLongFunction;

/// The keys of one partition that have the same placement, other than the default one. Very many
/// keys may have been demoted alike, so what concerns all of them is known without going through
/// them: how many they are, and the sums of their digests.
final class PlacedGroup {
  /// What a key has added to the sums.
  private static final class Counted {
    private long setting; // the digest of what was decided about it
    private long state; // the digest of all of it, once it is part of the sum
  }

  private final Placement placement;
  private final Map<Payload, Counted> keys = new HashMap<>();
  private final Set<Payload> withEntry = new HashSet<>();
  private final Set<Payload> unsummed = new HashSet<>();
  private long settings;
  private long states;

  PlacedGroup(Placement placement) {
    this.placement = placement;
  }

  Placement placement() {
    return placement;
  }

  int size() {
    return keys.size();
  }

  boolean contains(Payload key) {
    return keys.containsKey(key);
  }

  List<Payload> keys() {
    return new ArrayList<>(keys.keySet());
  }

  /// Those of which more is here than the placement.
  List<Payload> withEntry() {
    return new ArrayList<>(withEntry);
  }

  /// Takes a key as it is now.
  ///
  /// @return whether it is a new one
  boolean put(Slot slot) {
    Payload key = slot.key();
    boolean isNew = remove(key) == 0;
    Counted counted = new Counted();
    counted.setting = KeyHash.of(key) * 31 + Digesting.ofSetting(slot.setting());
    settings += counted.setting;
    keys.put(key, counted);
    unsummed.add(key);
    if (!slot.entry().equals(Entry.BOTTOM)) {
      withEntry.add(key);
    }
    return isNew;
  }

  /// Forgets a key.
  ///
  /// @return how many there were: 0 or 1
  int remove(Payload key) {
    Counted counted = keys.remove(key);
    if (counted == null) {
      return 0;
    }
    settings -= counted.setting;
    states -= counted.state;
    unsummed.remove(key);
    withEntry.remove(key);
    return 1;
  }

  /// The sum of the digests of what was decided about the keys.
  long settings() {
    return settings;
  }

  /// The digest of what was decided about a key; 0 if it is not here.
  long settingOf(Payload key) {
    Counted counted = keys.get(key);
    return counted == null ? 0 : counted.setting;
  }

  /// The sum of the digests of the keys.
  ///
  /// @param digests of keys as they are now; asked for those that have changed since the last call
  long states(ToLongFunction<Payload> digests) {
    for (Payload key : unsummed) {
      Counted counted = keys.get(key);
      if (counted != null) {
        counted.state = digests.applyAsLong(key);
        states += counted.state;
      }
    }
    unsummed.clear();
    return states;
  }
}
