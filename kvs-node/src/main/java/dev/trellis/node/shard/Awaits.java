package dev.trellis.node.shard;

import dev.trellis.causal.HybridTimestamp;
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
import java.util.SequencedSet;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// The threshold reads that wait, by key and by deadline, and the keys that have changed since they
/// were looked at. What waits costs its request; the looking is left to who has the entries.
///
/// Of a key that few wait for, all are looked at with every change. Where many do, they are looked
/// at in turns, some with each tick ([#nextCrowded]): a counter that thousands wait for may be
/// written to a great deal, and a shard must not stand still for them.
final class Awaits {
  /// How many may wait for one key to be looked at with every change.
  static final int EAGER_MAX = 16;

  private static final long BYTES_PER_RUN = 64;

  /// One request that waits, and how far the key has come towards it.
  static final class Waiting implements Comparable<Waiting> {
    private final Origin origin;
    private final Request request;
    private final long deadlineMillis;
    private final long order; // in which it came
    private final long weight;
    private HybridTimestamp generation = HybridTimestamp.ZERO; // in which the elements were found
    private int found; // of the elements that it waits for, the first so many

    private Waiting(Origin origin, Request request, long deadlineMillis, long order) {
      this.origin = origin;
      this.request = request;
      this.deadlineMillis = deadlineMillis;
      this.order = order;
      this.weight = weightOf(request);
    }

    Origin origin() {
      return origin;
    }

    Request request() {
      return request;
    }

    Threshold threshold() {
      return thresholdOf(request);
    }

    /// How many of the elements that are waited for were found before, from the first on. Within a
    /// generation they stay.
    int found(HybridTimestamp generation) {
      return this.generation.equals(generation) ? found : 0;
    }

    void found(HybridTimestamp generation, int elements) {
      this.generation = generation;
      this.found = elements;
    }

    @Override
    public int compareTo(Waiting other) {
      int sooner = Long.compare(deadlineMillis, other.deadlineMillis);
      return sooner != 0 ? sooner : Long.compare(order, other.order);
    }
  }

  /// What waits for one principal.
  private static final class OfPrincipal {
    private int count;
    private long weight;
  }

  /// All that wait for one key.
  private static final class OfKey {
    private final Set<Waiting> waiting = new LinkedHashSet<>(2); // who was looked at last is last
    private int due; // the first so many have yet to be looked at
  }

  private final Map<Origin, Map<Long, Waiting>> byOrigin = new HashMap<>(); // by id of the request
  private final Map<Payload, OfKey> byKey = new HashMap<>();
  private final NavigableSet<Waiting> byDeadline = new TreeSet<>();
  private final Set<Payload> changed = new LinkedHashSet<>(); // keys to look at
  private final SequencedSet<Payload> crowded = new LinkedHashSet<>(); // likewise, in turns
  private final Map<String, OfPrincipal> byPrincipal = new HashMap<>();
  private long weight;
  private long nextOrder;

  int count() {
    return byDeadline.size();
  }

  int countOf(Origin origin) {
    return byOrigin.getOrDefault(origin, Map.of()).size();
  }

  /// Those of a connection.
  List<Waiting> of(Origin origin) {
    return List.copyOf(byOrigin.getOrDefault(origin, Map.of()).values());
  }

  /// Bytes that all of them keep in memory, about.
  long weight() {
    return weight;
  }

  /// How many wait for a principal.
  int countOf(String principal) {
    OfPrincipal of = byPrincipal.get(principal);
    return of == null ? 0 : of.count;
  }

  /// Bytes that these keep in memory, about.
  long weightOf(String principal) {
    OfPrincipal of = byPrincipal.get(principal);
    return of == null ? 0 : of.weight;
  }

  /// Bytes that a [Read.Await] keeps in memory while it waits, about.
  static long weightOf(Request request) {
    long sum = 256L + request.key().size();
    Threshold threshold = thresholdOf(request);
    if (threshold instanceof Threshold.Contains contains) {
      for (Payload element : contains.elements()) {
        sum += 48 + element.size();
      }
    } else if (threshold instanceof Threshold.Seen seen) {
      sum += seen.element().map(Payload::size).orElse(0);
    } else if (threshold instanceof Threshold.Unseen unseen) {
      sum += BYTES_PER_RUN * unseen.seen().runCount();
    }
    return sum;
  }

  private static Threshold thresholdOf(Request request) {
    return ((Read.Await) request.operation()).threshold();
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
    byKey.computeIfAbsent(request.key(), first -> new OfKey()).waiting.add(waiting);
    byDeadline.add(waiting);
    OfPrincipal of =
        byPrincipal.computeIfAbsent(origin.caller().principal(), first -> new OfPrincipal());
    of.count++;
    of.weight += waiting.weight;
    weight += waiting.weight;
  }

  void remove(Waiting waiting) {
    Map<Long, Waiting> ofOrigin = byOrigin.get(waiting.origin());
    if (ofOrigin == null || !ofOrigin.remove(waiting.request().id(), waiting)) {
      throw new IllegalStateException("does not wait: " + waiting.request);
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
    OfKey ofKey = byKey.get(key);
    if (ofKey == null || !ofKey.waiting.remove(waiting)) {
      throw new IllegalStateException("waits for no key: " + waiting.request);
    }
    if (ofKey.waiting.isEmpty()) {
      byKey.remove(key);
      changed.remove(key);
      crowded.remove(key);
    }
    byDeadline.remove(waiting);
    weight -= waiting.weight;
    String principal = waiting.origin.caller().principal();
    OfPrincipal of = byPrincipal.get(principal);
    if (of == null) {
      throw new IllegalStateException("waits for nobody: " + waiting.request);
    }
    of.count--;
    of.weight -= waiting.weight;
    if (of.count == 0) {
      byPrincipal.remove(principal);
    }
  }

  /// Notes that a key may look different now.
  void changed(Payload key) {
    OfKey ofKey = byKey.get(key);
    if (ofKey == null) {
      return;
    }
    if (ofKey.waiting.size() > EAGER_MAX) {
      ofKey.due = ofKey.waiting.size();
      crowded.add(key);
    } else {
      changed.add(key);
    }
  }

  /// Takes one to look at of those that wait for a key with many others; null if there is none. One
  /// after the other of one key, until all were looked at, or [#nextCrowd].
  @Nullable Waiting nextCrowded() {
    while (!crowded.isEmpty()) {
      OfKey ofKey = byKey.get(crowded.getFirst());
      if (ofKey == null || ofKey.due <= 0) {
        crowded.removeFirst();
        continue;
      }
      Waiting first = ofKey.waiting.iterator().next();
      ofKey.due--;
      ofKey.waiting.remove(first);
      ofKey.waiting.add(first);
      return first;
    }
    return null;
  }

  /// Has the next key take its turn.
  void nextCrowd() {
    if (!crowded.isEmpty()) {
      crowded.addLast(crowded.removeFirst());
    }
  }

  boolean isAnythingDue() {
    return !changed.isEmpty();
  }

  /// Takes all whose keys have changed and are to be looked at.
  List<Waiting> takeDue() {
    List<Waiting> due = new ArrayList<>();
    for (Payload key : changed) {
      OfKey ofKey = byKey.get(key);
      if (ofKey != null) {
        due.addAll(ofKey.waiting);
      }
    }
    changed.clear();
    return due;
  }

  /// The one whose time is over since longest; null if nobody's is.
  @Nullable Waiting firstOverdue(long nowMillis) {
    return !byDeadline.isEmpty() && byDeadline.first().deadlineMillis <= nowMillis
        ? byDeadline.first()
        : null;
  }

  List<Waiting> all() {
    return List.copyOf(byDeadline);
  }

  /// Whether one that was taken for a look waits still.
  boolean isWaiting(Waiting waiting) {
    return byDeadline.contains(waiting);
  }
}
