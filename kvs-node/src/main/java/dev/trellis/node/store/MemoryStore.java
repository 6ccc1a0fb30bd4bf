package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.util.Iterator;
import java.util.NavigableMap;
import java.util.NoSuchElementException;
import java.util.Optional;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/// Entries as objects on the heap, in a sorted map. O(log n) an access.
public final class MemoryStore implements Store {
  private final NavigableMap<Payload, Slot> slots = new TreeMap<>();
  private long weight;

  @Override
  public Optional<Slot> find(Payload key) {
    return Optional.ofNullable(slots.get(key));
  }

  @Override
  public void put(Slot slot) {
    weight += slot.weight() - weightOf(slots.put(slot.key(), slot));
  }

  @Override
  public void remove(Payload key) {
    weight -= weightOf(slots.remove(key));
  }

  @Override
  public Iterator<Slot> scan(Payload prefix, Optional<Payload> after) {
    boolean resumed = after.isPresent() && after.get().compareTo(prefix) >= 0;
    Iterator<Slot> walk =
        slots.tailMap(resumed ? after.get() : prefix, !resumed).values().iterator();
    return new Iterator<>() {
      private @Nullable Slot next = advance();

      private @Nullable Slot advance() {
        Slot candidate = walk.hasNext() ? walk.next() : null;
        return candidate != null && candidate.key().startsWith(prefix) ? candidate : null;
      }

      @Override
      public boolean hasNext() {
        return next != null;
      }

      @Override
      public Slot next() {
        Slot current = next;
        if (current == null) {
          throw new NoSuchElementException("scanned past the last key with prefix " + prefix);
        }
        next = advance();
        return current;
      }
    };
  }

  @Override
  public long size() {
    return slots.size();
  }

  @Override
  public long weight() {
    return weight;
  }

  private static long weightOf(@Nullable Slot slot) {
    return slot == null ? 0 : slot.weight();
  }
}
