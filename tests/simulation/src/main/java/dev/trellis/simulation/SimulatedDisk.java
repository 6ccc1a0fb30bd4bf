package dev.trellis.simulation;

import dev.trellis.lattice.Payload;
import dev.trellis.node.store.Disk;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.node.store.Slot;
import dev.trellis.node.store.Store;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// The store of a shard of an SSD node: what is put is in memory at once, and on disk some time
/// later, batch by batch. What was not on disk when the process ended is lost.
final class SimulatedDisk implements Store, Disk {
  /// What survives the process.
  static final class Content {
    private final TreeMap<Payload, Slot> slots = new TreeMap<>();
    private final Map<String, Payload> notes = new HashMap<>();
  }

  private static final class Batch {
    private final long number;
    private final Map<Payload, Optional<Slot>> changes = new LinkedHashMap<>();
    private final Map<String, Payload> notes = new HashMap<>();
    private boolean written;

    Batch(long number) {
      this.number = number;
    }

    boolean isEmpty() {
      return changes.isEmpty() && notes.isEmpty();
    }
  }

  /// Has something done once the disk has worked for a while.
  interface Worker {
    void later(Runnable work);
  }

  private final MemoryStore memory = new MemoryStore();
  private final Content content;
  private final Worker worker;
  private final Deque<Batch> waiting = new ArrayDeque<>(); // handed over, the oldest first
  private Batch open = new Batch(1);
  private long settled;
  private boolean working;
  private boolean lost; // the process has ended
  private Runnable progressed = () -> {};

  /// @param content of earlier lives
  SimulatedDisk(Content content, Worker worker) {
    this.content = content;
    this.worker = worker;
    for (Slot slot : content.slots.values()) {
      // Births of former lives mean nothing.
      memory.put(new Slot(slot.key(), slot.entry(), 0, slot.setting()));
    }
  }

  /// The process ends: what is not on disk never gets there.
  void lose() {
    lost = true;
  }

  private void work() {
    if (working || waiting.isEmpty() || lost) {
      return;
    }
    working = true;
    List<Batch> together = List.copyOf(waiting);
    worker.later(
        () -> {
          if (lost) {
            return;
          }
          working = false;
          for (Batch batch : together) {
            batch.changes.forEach(
                (key, slot) ->
                    slot.ifPresentOrElse(
                        present -> content.slots.put(key, present),
                        () -> content.slots.remove(key)));
            content.notes.putAll(batch.notes);
            batch.written = true;
          }
          progressed.run();
          work();
        });
  }

  // ---- The disk ----

  @Override
  public Optional<Disk> disk() {
    return Optional.of(this);
  }

  @Override
  public void onProgress(Runnable wake) {
    progressed = wake;
  }

  @Override
  public void onCorruption(Corruption told) {}

  @Override
  public long batch() {
    return open.isEmpty() ? open.number - 1 : open.number;
  }

  @Override
  public long flush() {
    if (!open.isEmpty()) {
      waiting.add(open);
      open = new Batch(open.number + 1);
      work();
    }
    return open.number - 1;
  }

  @Override
  public long settle() {
    while (!waiting.isEmpty() && waiting.element().written) {
      settled = waiting.remove().number;
    }
    return settled;
  }

  @Override
  public boolean isWritten(Payload key) {
    return !open.changes.containsKey(key)
        && waiting.stream().noneMatch(batch -> batch.changes.containsKey(key));
  }

  @Override
  public long waitingBytes() {
    return 0;
  }

  @Override
  public Optional<String> obstacle() {
    return Optional.empty();
  }

  @Override
  public void note(String word, Payload what) {
    open.notes.put(word, what);
  }

  @Override
  public Optional<Payload> noted(String word) {
    @Nullable Payload found = content.notes.get(word);
    for (Batch batch : waiting) {
      found = batch.notes.getOrDefault(word, found);
    }
    return Optional.ofNullable(open.notes.getOrDefault(word, found));
  }

  @Override
  public void mend(long hash, int bits) {
    throw new UnsupportedOperationException("nothing breaks here");
  }

  // ---- The store ----

  @Override
  public Optional<Slot> find(Payload key) {
    return memory.find(key);
  }

  @Override
  public void put(Slot slot) {
    memory.put(slot);
    open.changes.put(slot.key(), Optional.of(slot));
  }

  @Override
  public void remove(Payload key) {
    memory.remove(key);
    open.changes.put(key, Optional.empty());
  }

  @Override
  public Iterator<Slot> scan(Payload prefix, Optional<Payload> after, boolean withValues) {
    return memory.scan(prefix, after, withValues);
  }

  @Override
  public boolean prepareScan() {
    return memory.prepareScan();
  }

  @Override
  public void endScans() {
    memory.endScans();
  }

  @Override
  public long size() {
    return memory.size();
  }

  @Override
  public long weight() {
    return memory.weight();
  }

  @Override
  public void listen(Listener listener) {
    memory.listen(listener);
  }

  @Override
  public List<Payload> keys(long hash, int bits) {
    return memory.keys(hash, bits);
  }

  @Override
  public int sum(long hash, int bits, int max, Summing sums) {
    return memory.sum(hash, bits, max, sums);
  }

  @Override
  public long digest(Payload key) {
    return memory.digest(key);
  }

  @Override
  public long sweep(long cursor, int keysMax, Predicate<Slot> visitor) {
    return memory.sweep(cursor, keysMax, visitor);
  }
}
