package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import java.util.ArrayDeque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NavigableSet;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Who watches which key, and who has yet to be told of a change. What waits for a slow reader is
/// the name of a watch and not a value, so it costs the same however often the key changes. Who
/// waits for a threshold is told of changes by the same calls: see [Awaits].
final class Watches {
  /// One watch of one connection.
  record Watch(Origin origin, Frame.Watch asked) {}

  private static final class Watcher {
    private final Map<Long, Watch> watches = new HashMap<>();
    private final Set<Long> changed = new LinkedHashSet<>(); // ids of watches; oldest change first
    private final Queue<Frame.Changed> refused = new ArrayDeque<>();

    boolean isIdle() {
      return changed.isEmpty() && refused.isEmpty();
    }
  }

  private record Expiring(long atMillis, Payload key) implements Comparable<Expiring> {
    @Override
    public int compareTo(Expiring other) {
      int order = Long.compare(atMillis, other.atMillis);
      return order != 0 ? order : key.compareTo(other.key);
    }
  }

  private final Map<Origin, Watcher> watchers = new HashMap<>();
  private final Map<Payload, Set<Watch>> byKey = new HashMap<>();
  private final NavigableSet<Expiring> expiries = new TreeSet<>(); // at most one a key
  private final Map<Payload, Expiring> expiryOf = new HashMap<>(); // the same, by key
  private final Awaits awaits = new Awaits();
  private int count;

  Awaits awaits() {
    return awaits;
  }

  /// Whether nobody is to be told of anything.
  boolean isEmpty() {
    return count == 0 && awaits.count() == 0;
  }

  int count() {
    return count;
  }

  /// The number of watches of a connection.
  int countOf(Origin origin) {
    Watcher watcher = watchers.get(origin);
    return watcher == null ? 0 : watcher.watches.size();
  }

  /// The watches of a connection.
  List<Watch> of(Origin origin) {
    Watcher watcher = watchers.get(origin);
    return watcher == null ? List.of() : List.copyOf(watcher.watches.values());
  }

  boolean has(Origin origin, long id) {
    Watcher watcher = watchers.get(origin);
    return watcher != null && watcher.watches.containsKey(id);
  }

  /// Every watch of every connection.
  List<Watch> all() {
    return byKey.values().stream().flatMap(Set::stream).toList();
  }

  /// Whether somebody is to be told of changes of the key: by a watch, or once it reaches a
  /// threshold.
  boolean isWatched(Payload key) {
    return byKey.containsKey(key) || awaits.isAwaited(key);
  }

  /// Adds a watch, whose state is to be told at once.
  ///
  /// @return whether the connection had nothing to be told before
  boolean add(Origin origin, Frame.Watch asked) {
    Watcher watcher = watchers.computeIfAbsent(origin, ignored -> new Watcher());
    boolean idle = watcher.isIdle();
    Watch watch = new Watch(origin, asked);
    watcher.watches.put(asked.id(), watch);
    watcher.changed.add(asked.id());
    byKey.computeIfAbsent(asked.key(), ignored -> new LinkedHashSet<>(2)).add(watch);
    count++;
    return idle;
  }

  /// Queues the refusal of a watch.
  ///
  /// @return whether the connection had nothing to be told before
  boolean refuse(Origin origin, Frame.Changed refusal) {
    Watcher watcher = watchers.computeIfAbsent(origin, ignored -> new Watcher());
    boolean idle = watcher.isIdle();
    watcher.refused.add(refusal);
    return idle;
  }

  void remove(Origin origin, long id) {
    Watcher watcher = watchers.get(origin);
    if (watcher == null) {
      return;
    }
    Watch watch = watcher.watches.remove(id);
    watcher.changed.remove(id);
    if (watch != null) {
      forget(watch);
    }
    if (watcher.watches.isEmpty() && watcher.isIdle()) {
      watchers.remove(origin);
    }
  }

  void removeAll(Origin origin) {
    Watcher watcher = watchers.remove(origin);
    if (watcher != null) {
      watcher.watches.values().forEach(this::forget);
    }
  }

  /// Notes that a key may look different now.
  void changed(Payload key, Outbox out) {
    awaits.changed(key);
    for (Watch watch : byKey.getOrDefault(key, Set.of())) {
      Watcher watcher = watchers.get(watch.origin());
      if (watcher == null) {
        throw new IllegalStateException("watch of a connection that is gone: " + watch);
      }
      boolean idle = watcher.isIdle();
      watcher.changed.add(watch.asked().id());
      if (idle) {
        out.changesPending(watch.origin());
      }
    }
  }

  /// Notes when to look at a watched key next, as something in it may expire then.
  void expires(Payload key, Optional<Long> atMillis) {
    Expiring before = expiryOf.remove(key);
    if (before != null) {
      expiries.remove(before);
    }
    // Who waits for a threshold does not care: nothing is reached by an expiry.
    if (atMillis.isPresent() && byKey.containsKey(key)) {
      Expiring next = new Expiring(atMillis.get(), key);
      expiryOf.put(key, next);
      expiries.add(next);
    }
  }

  /// Notes that something in a watched key expires then, and others perhaps earlier.
  void expiresBy(Payload key, long atMillis) {
    Expiring before = expiryOf.get(key);
    if (before == null || atMillis < before.atMillis) {
      expires(key, Optional.of(atMillis));
    }
  }

  /// Takes a watched key whose expiry is due, and the instant that was noted; null if none is.
  Map.@Nullable Entry<Payload, Long> takeExpired(long nowMillis) {
    if (expiries.isEmpty() || expiries.first().atMillis > nowMillis) {
      return null;
    }
    Expiring due = expiries.removeFirst();
    expiryOf.remove(due.key);
    return Map.entry(due.key, due.atMillis);
  }

  /// The number of expiries noted; at most one for each key that is watched.
  int expiryCount() {
    return expiries.size();
  }

  /// Takes a refusal that the connection has yet to be told.
  Frame.@Nullable Changed takeRefused(Origin origin) {
    Watcher watcher = watchers.get(origin);
    if (watcher == null) {
      return null;
    }
    Frame.Changed refusal = watcher.refused.poll();
    if (watcher.watches.isEmpty() && watcher.isIdle()) {
      watchers.remove(origin);
    }
    return refusal;
  }

  /// Takes the watch whose change has waited longest; null if the connection knows all.
  @Nullable Watch takeChanged(Origin origin) {
    Watcher watcher = watchers.get(origin);
    if (watcher == null || watcher.changed.isEmpty()) {
      return null;
    }
    Iterator<Long> oldest = watcher.changed.iterator();
    Watch watch = watcher.watches.get(oldest.next());
    oldest.remove();
    return watch;
  }

  private void forget(Watch watch) {
    Payload key = watch.asked().key();
    Set<Watch> ofKey = byKey.get(key);
    if (ofKey == null || !ofKey.remove(watch)) {
      throw new IllegalStateException("watch is not known by its key: " + watch);
    }
    if (ofKey.isEmpty()) {
      byKey.remove(key);
      expires(key, Optional.empty());
    }
    count--;
  }
}
