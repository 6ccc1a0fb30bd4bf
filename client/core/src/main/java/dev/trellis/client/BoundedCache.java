package dev.trellis.client;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.BinaryOperator;
import org.jspecify.annotations.Nullable;

/// What was learned of single keys or fields, for as many as there is room for: what was not used
/// for longest is forgotten first. Any thread may use it; while it is empty, as it mostly is, no
/// lock is taken.
///
/// @param <K> immutable
/// @param <V> immutable
final class BoundedCache<K, V> {
  private final int keysMax;
  private final LinkedHashMap<K, V> values = new LinkedHashMap<>(16, 0.75f, true);
  private volatile boolean isEmpty = true; // written under the lock, read without

  BoundedCache(int keysMax) {
    this.keysMax = keysMax;
  }

  /// Takes no lock; what another thread is just adding may not count yet.
  boolean isEmpty() {
    return isEmpty;
  }

  Optional<V> find(K key) {
    if (isEmpty) {
      return Optional.empty();
    }
    synchronized (this) {
      return Optional.ofNullable(values.get(key));
    }
  }

  void put(K key, V value) {
    merge(key, value, (before, after) -> after);
  }

  /// Puts a value, or what `merged` makes of the one that is there and the new one.
  synchronized void merge(K key, V value, BinaryOperator<V> merged) {
    values.merge(key, value, merged);
    if (values.size() > keysMax) {
      Map.Entry<K, V> eldest = values.entrySet().iterator().next();
      values.remove(eldest.getKey());
    }
    isEmpty = values.isEmpty();
  }

  void remove(K key) {
    if (isEmpty) {
      return;
    }
    synchronized (this) {
      @Nullable V unused = values.remove(key);
      isEmpty = values.isEmpty();
    }
  }

  synchronized void clear() {
    values.clear();
    isEmpty = true;
  }

  synchronized int size() {
    return values.size();
  }
}
