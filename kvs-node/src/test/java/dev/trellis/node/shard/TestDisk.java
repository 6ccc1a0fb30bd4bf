package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;
import dev.trellis.node.store.BrokenRecordException;
import dev.trellis.node.store.Disk;
import dev.trellis.node.store.PassingStore;
import dev.trellis.node.store.Slot;
import dev.trellis.placement.KeyHash;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// A store that keeps what it is given "on disk" once the test says so.
final class TestDisk extends PassingStore implements Disk {
  private final Map<String, Payload> notes = new HashMap<>();
  private final Map<Payload, Long> batches = new HashMap<>(); // of the last change of each key
  private final Set<Payload> broken = new HashSet<>(); // and nobody knows
  private @Nullable Listener listener;
  private long batch = 1;
  private boolean changed; // whether there is anything in it
  private long reached;
  private long waitingBytes;
  private Optional<String> obstacle = Optional.empty();
  private int mended;

  /// All that was handed over is on disk now.
  void reach() {
    reached = batch - 1;
  }

  void waits(long bytes) {
    waitingBytes = bytes;
  }

  void stop(String why) {
    obstacle = Optional.of(why);
  }

  void goOn() {
    obstacle = Optional.empty();
  }

  /// Flips a bit in the record of a key, if there is one.
  void breakRecord(Payload key) {
    broken.add(key);
  }

  /// How often something was counted anew.
  int mended() {
    return mended;
  }

  private void change(Payload key) {
    changed = true;
    batches.put(key, batch);
  }

  @Override
  public Optional<Slot> find(Payload key) {
    if (broken.remove(key)) {
      super.remove(key);
      throw new BrokenRecordException(KeyHash.of(key));
    }
    return super.find(key);
  }

  @Override
  public void put(Slot slot) {
    broken.remove(slot.key());
    super.put(slot);
    change(slot.key());
  }

  @Override
  public void remove(Payload key) {
    super.remove(key);
    change(key);
  }

  @Override
  public void listen(Listener told) {
    listener = told;
    super.listen(told);
  }

  @Override
  public Optional<Disk> disk() {
    return Optional.of(this);
  }

  @Override
  public void onProgress(Runnable wake) {}

  @Override
  public void onCorruption(Corruption told) {}

  @Override
  public long batch() {
    return changed ? batch : batch - 1;
  }

  @Override
  public long flush() {
    batch += changed ? 1 : 0;
    changed = false;
    return batch - 1;
  }

  @Override
  public long settle() {
    return reached;
  }

  @Override
  public boolean isWritten(Payload key) {
    return batches.getOrDefault(key, 0L) <= reached;
  }

  @Override
  public long waitingBytes() {
    return waitingBytes;
  }

  @Override
  public Optional<String> obstacle() {
    return obstacle;
  }

  @Override
  public void note(String word, Payload what) {
    notes.put(word, what);
    changed = true;
  }

  @Override
  public Optional<Payload> noted(String word) {
    return Optional.ofNullable(notes.get(word));
  }

  @Override
  public void mend(long hash, int bits) {
    mended++;
    if (listener != null) {
      // What is summed is not known here; the store underneath counts by itself.
      listener.recounted(hash, bits, 0);
      keys(hash, bits).forEach(key -> super.find(key).ifPresent(this::putAnew));
    }
  }

  private void putAnew(Slot slot) {
    super.remove(slot.key());
    super.put(slot);
  }
}
