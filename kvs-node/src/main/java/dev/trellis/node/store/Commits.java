package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Optional;
import java.util.SortedSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.lmdbjava.LmdbException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Writes to disk what a shard hands over, on a thread of its own: all that has come while one
/// transaction was written goes into the next, so that the fewer transactions the disk can do, the
/// more is in each.
///
/// What can't be written, as where the disk is full, is kept and tried again.
final class Commits implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Commits.class);

  private static final long RETRY_MILLIS = 500;

  /// What a shard has handed over at once.
  ///
  /// Nothing of it is changed any more.
  ///
  /// @param notes by word
  /// @param recounted ranges of the tally in which what is broken is to be taken out
  record Batch(
      long number,
      NavigableMap<DiskChange.Key, DiskChange> changes,
      Map<String, Payload> notes,
      SortedSet<Integer> recounted) {}

  /// Where batches are written.
  interface Target {
    /// Writes batches in their order, all or none; what returns is safe.
    ///
    /// @throws LmdbException if none is
    void commit(Iterable<Batch> batches);
  }

  private final Target target;
  private final long intervalNanos;
  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Condition committed = lock.newCondition();
  private final Deque<Batch> waiting = new ArrayDeque<>();
  private long given; // the number of the last batch that was handed over
  private boolean closing;
  private long startedNanos = System.nanoTime(); // when the last transaction began
  private volatile long written;
  private volatile Optional<String> obstacle = Optional.empty();
  private volatile Runnable progressed = () -> {};
  private boolean hurries; // whether so much waits that it is written at once

  /// @param name of the thread
  /// @param interval the least time from one transaction to the next; zero to write at once
  Commits(String name, Target target, Duration interval) {
    this.target = target;
    this.intervalNanos = interval.toNanos();
    this.thread = Thread.ofPlatform().name(name).unstarted(this::run);
  }

  /// Has `told` called on the thread after each transaction, and when an obstacle comes or goes.
  void onProgress(Runnable told) {
    progressed = told;
  }

  void start() {
    thread.start();
  }

  /// @param hurry whether it is not to wait for the end of the interval
  void write(Batch batch, boolean hurry) {
    lock.lock();
    try {
      waiting.add(batch);
      given = batch.number();
      hurries |= hurry;
      changed.signal();
    } finally {
      lock.unlock();
    }
  }

  /// The number of the last batch that is on disk.
  long written() {
    return written;
  }

  /// Waits until what was handed over before is on disk, and has it written now whatever the
  /// interval is. Any thread but that which writes.
  ///
  /// @return whether it is: not if the disk is in the way, or the time over
  boolean awaitWritten(Duration patience) throws InterruptedException {
    long left = patience.toNanos();
    lock.lock();
    try {
      long wanted = given;
      hurries |= written < wanted;
      changed.signal();
      while (written < wanted && left > 0 && obstacle.isEmpty()) {
        left = committed.awaitNanos(left);
      }
      return written >= wanted;
    } finally {
      lock.unlock();
    }
  }

  private void tellWaiting() {
    lock.lock();
    try {
      committed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// Why the last attempt failed; empty if it did not.
  Optional<String> obstacle() {
    return obstacle;
  }

  private void run() {
    Deque<Batch> taken = take();
    while (!taken.isEmpty()) {
      while (!commit(taken)) {
        if (giveUp()) {
          return;
        }
      }
      taken = take();
    }
  }

  /// All that waits; nothing once it is over.
  private Deque<Batch> take() {
    lock.lock();
    try {
      while (waiting.isEmpty() && !closing) {
        changed.awaitUninterruptibly();
      }
      long left = startedNanos + intervalNanos - System.nanoTime();
      while (intervalNanos > 0 && left > 0 && !closing && !hurries) {
        left = changed.awaitNanos(left);
      }
      hurries = false;
      startedNanos = System.nanoTime();
      Deque<Batch> taken = new ArrayDeque<>(waiting);
      waiting.clear();
      return taken;
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts " + thread.getName(), e);
    } finally {
      lock.unlock();
    }
  }

  private boolean commit(Deque<Batch> batches) {
    try {
      target.commit(batches);
    } catch (LmdbException e) {
      beStopped(
          () ->
              LOG.error("nothing can be written to disk, which is tried again: {}", e.getMessage()),
          e);
      return false;
    } catch (RuntimeException defect) {
      beStopped(() -> LOG.error("what is to be written to disk meets a defect", defect), defect);
      return false;
    }
    if (obstacle.isPresent()) {
      LOG.info("what could not be written to disk is");
      obstacle = Optional.empty();
    }
    written = batches.getLast().number();
    tellWaiting();
    progressed.run();
    return true;
  }

  private void beStopped(Runnable log, RuntimeException why) {
    boolean first = obstacle.isEmpty();
    obstacle = Optional.of(String.valueOf(why.getMessage()));
    if (first) {
      tellWaiting();
      log.run();
      progressed.run();
    }
  }

  /// Waits until it is time to try again.
  ///
  /// @return whether nobody waits for that any more
  private boolean giveUp() {
    lock.lock();
    try {
      long left = TimeUnit.MILLISECONDS.toNanos(RETRY_MILLIS);
      while (left > 0 && !closing) {
        left = changed.awaitNanos(left);
      }
      return closing;
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts " + thread.getName(), e);
    } finally {
      lock.unlock();
    }
  }

  /// Writes what was handed over, if it can be written, and ends.
  @Override
  public void close() {
    lock.lock();
    try {
      closing = true;
      changed.signal();
    } finally {
      lock.unlock();
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
