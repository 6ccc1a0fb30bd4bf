package dev.trellis.client;

import io.netty.util.collection.LongObjectHashMap;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/// What was sent and is not answered, by the id under which it was sent. Ids count up, and answers
/// come in about the order of the requests; so most ids are found where they fall in a ring, and
/// only those that were overtaken by many others are in a map. Confined to one thread.
final class InFlight {
  /// Twice as many as may be in flight, so that few are overtaken.
  private static final int RING_SIZE = 4_096;

  private @Nullable Pending[] ring = new Pending[64]; // a power of two long; grows once needed
  private final LongObjectHashMap<Pending> overtaken = new LongObjectHashMap<>();
  private int size;
  private int awaits; // of these

  int size() {
    return size;
  }

  /// How many are about to be answered: all but those that wait for thresholds, which hold up
  /// nobody else.
  int busy() {
    return size - awaits;
  }

  boolean isEmpty() {
    return size == 0;
  }

  /// @param call its id is not in here
  void put(Pending call) {
    int at = placeOf(call.id);
    Pending before = ring[at];
    if (before != null && ring.length < RING_SIZE) {
      grow();
      put(call);
      return;
    }
    if (before != null) {
      overtaken.put(before.id, before);
    }
    ring[at] = call;
    size++;
    awaits += call.isAwait() ? 1 : 0;
  }

  private void grow() {
    @Nullable Pending[] old = ring;
    ring = new Pending[2 * old.length];
    for (Pending call : old) {
      if (call != null) {
        ring[placeOf(call.id)] = call;
      }
    }
  }

  @Nullable Pending get(long id) {
    Pending found = ring[placeOf(id)];
    return found != null && found.id == id ? found : overtaken.get(id);
  }

  @Nullable Pending remove(long id) {
    int at = placeOf(id);
    Pending found = ring[at];
    if (found != null && found.id == id) {
      ring[at] = null;
    } else {
      found = overtaken.isEmpty() ? null : overtaken.remove(id);
    }
    if (found != null) {
      size--;
      awaits -= found.isAwait() ? 1 : 0;
    }
    return found;
  }

  /// All of them, in no order.
  List<Pending> all() {
    List<Pending> all = new ArrayList<>(size);
    all.addAll(overtaken.values());
    for (Pending call : ring) {
      if (call != null) {
        all.add(call);
      }
    }
    return all;
  }

  void clear() {
    ring = new Pending[64];
    overtaken.clear();
    size = 0;
    awaits = 0;
  }

  private int placeOf(long id) {
    return (int) id & ring.length - 1;
  }
}
