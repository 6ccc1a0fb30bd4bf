package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.util.Iterator;
import java.util.List;
import java.util.Optional;
import java.util.function.Predicate;

/// A store that does what another one does, for tests that want one thing done otherwise.
public class PassingStore implements Store {
  private final MemoryStore store = new MemoryStore();

  @Override
  public Optional<Slot> find(Payload key) {
    return store.find(key);
  }

  @Override
  public void put(Slot slot) {
    store.put(slot);
  }

  @Override
  public void remove(Payload key) {
    store.remove(key);
  }

  @Override
  public Iterator<Slot> scan(Payload prefix, Optional<Payload> after, boolean withValues) {
    return store.scan(prefix, after, withValues);
  }

  @Override
  public boolean prepareScan() {
    return store.prepareScan();
  }

  @Override
  public void endScans() {
    store.endScans();
  }

  @Override
  public void listen(Listener listener) {
    store.listen(listener);
  }

  @Override
  public List<Payload> keys(long hash, int bits) {
    return store.keys(hash, bits);
  }

  @Override
  public int sum(long hash, int bits, int max, Summing sums) {
    return store.sum(hash, bits, max, sums);
  }

  @Override
  public long digest(Payload key) {
    return store.digest(key);
  }

  @Override
  public long sweep(long cursor, int keysMax, Predicate<Slot> visitor) {
    return store.sweep(cursor, keysMax, visitor);
  }

  @Override
  public long size() {
    return store.size();
  }

  @Override
  public long weight() {
    return store.weight();
  }
}
