package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Read;
import dev.trellis.wire.Request;
import dev.trellis.wire.Threshold;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// The threshold reads that wait, by key and by deadline, and the keys that have changed since they
/// were looked at. What waits costs its request; the looking is left to who has the entries.
final class Awaits {
  /// Where more wait for one key, they are looked at once a tick and not with every change: a
  /// counter that many wait for may be written to a great deal.
  static final int EAGER_MAX = 16;

  private static final long BYTES_PER_RUN = 64;

  /// One request that waits.
  ///
  /// @param order in which it came
  record Waiting(Origin origin, Request request, long deadlineMillis, long order)
      implements Comparable<Waiting> {
    Threshold threshold() {
      return ((Read.Await) request.operation()).threshold();
    }

    /// Bytes that it keeps in memory, about.
    long weight() {
      long sum = 256L + request.key().size();
      if (threshold() instanceof Threshold.Contains contains) {
        for (Payload element : contains.elements()) {
          sum += 48 + element.size();
        }
      } else if (threshold() instanceof Threshold.Seen seen) {
        sum += seen.element().map(Payload::size).orElse(0);
      } else if (threshold() instanceof Threshold.Unseen unseen) {
        sum += BYTES_PER_RUN * unseen.seen().runCount();
      }
      return sum;
    }

    @Override
    public int compareTo(Waiting other) {
      int sooner = Long.compare(deadlineMillis, other.deadlineMillis);
      return sooner != 0 ? sooner : Long.compare(order, other.order);
    }
  }

  private final Map<Origin, Map<Long, Waiting>> byOrigin = new HashMap<>(); // by id of the request
  private final Map<Payload, Set<Waiting>> byKey = new HashMap<>(); // in the order of coming
  private final NavigableSet<Waiting> byDeadline = new TreeSet<>();
  private final Set<Payload> changed = new LinkedHashSet<>(); // keys to look at
  private final Set<Payload> crowded = new LinkedHashSet<>(); // likewise, with the next tick
  private long weight;
  private long nextOrder;

  int count() {
    return byDeadline.size();
  }

  int countOf(Origin origin) {
    return byOrigin.getOrDefault(origin, Map.of()).size();
  }

  /// Bytes that all of them keep in memory, about.
  long weight() {
    return weight;
  }

  boolean isAwaited(Payload key) {
    return byKey.containsKey(key);
  }

  boolean has(Origin origin, long id) {
    return byOrigin.getOrDefault(origin, Map.of()).containsKey(id);
  }

  @Nullable Waiting find(Origin origin, long id) {
    return byOrigin.getOrDefault(origin, Map.of()).get(id);
  }

  /// @param request a [Read.Await], under an id that does not wait yet
  void add(Origin origin, Request request, long deadlineMillis) {
    Waiting waiting = new Waiting(origin, request, deadlineMillis, nextOrder++);
    byOrigin.computeIfAbsent(origin, first -> new LinkedHashMap<>()).put(request.id(), waiting);
    byKey.computeIfAbsent(request.key(), first -> new LinkedHashSet<>(2)).add(waiting);
    byDeadline.add(waiting);
    weight += waiting.weight();
  }

  void remove(Waiting waiting) {
    Map<Long, Waiting> ofOrigin = byOrigin.get(waiting.origin());
    if (ofOrigin == null || !ofOrigin.remove(waiting.request().id(), waiting)) {
      throw new IllegalStateException("does not wait: " + waiting);
    }
    if (ofOrigin.isEmpty()) {
      byOrigin.remove(waiting.origin());
    }
    forget(waiting);
  }

  void removeAll(Origin origin) {
    Map<Long, Waiting> gone = byOrigin.remove(origin);
    if (gone != null) {
      gone.values().forEach(this::forget);
    }
  }

  private void forget(Waiting waiting) {
    Payload key = waiting.request().key();
    Set<Waiting> ofKey = byKey.getOrDefault(key, Set.of());
    ofKey.remove(waiting);
    if (ofKey.isEmpty()) {
      byKey.remove(key);
      changed.remove(key);
      crowded.remove(key);
    }
    byDeadline.remove(waiting);
    weight -= waiting.weight();
  }

  /// Notes that a key may look different now.
  void changed(Payload key) {
    Set<Waiting> waiting = byKey.get(key);
    if (waiting != null) {
      (waiting.size() > EAGER_MAX ? crowded : changed).add(key);
    }
  }

  /// Has those looked at, too, that many wait for.
  void dueByTick() {
    changed.addAll(crowded);
    crowded.clear();
  }

  boolean isAnythingDue() {
    return !changed.isEmpty();
  }

  /// Takes all whose keys have changed and are to be looked at.
  List<Waiting> takeDue() {
    List<Waiting> due = new ArrayList<>();
    changed.forEach(key -> due.addAll(byKey.getOrDefault(key, Set.of())));
    changed.clear();
    return due;
  }

  /// Those whose time is over, which still wait.
  List<Waiting> overdue(long nowMillis) {
    List<Waiting> overdue = new ArrayList<>();
    for (Waiting next : byDeadline) {
      if (next.deadlineMillis() > nowMillis) {
        break;
      }
      overdue.add(next);
    }
    return overdue;
  }

  List<Waiting> all() {
    return List.copyOf(byDeadline);
  }

  /// Whether one that was taken for a look waits still.
  boolean isWaiting(Waiting waiting) {
    return byDeadline.contains(waiting);
  }
}
