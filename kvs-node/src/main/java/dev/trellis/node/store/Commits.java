package dev.trellis.node.store;

import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.lmdbjava.LmdbException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Writes to disk what a shard hands over, on two threads of its own. One appends it to a log: all
/// that has come while one sync took goes into the next, so that the fewer syncs the disk can do,
/// the more is in each. The other one brings what is in the log to its place, a second's worth or a
/// file's at once, so that what changes again and again is written there once.
///
/// What can't be written, as where the disk is full, is kept and tried again.
final class Commits implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(Commits.class);

  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(500);

  /// How long what is in the log waits to be brought to its place, at most, if nothing is in the
  /// way.
  private static final long IN_LOG_NANOS = TimeUnit.SECONDS.toNanos(1);

  /// Above which the log is brought to its place at once, and above which it grows no more. Between
  /// them it grows as fast as what is under way gets to its place: whoever waits for the log waits
  /// a little each time then, and not for all of that at once.
  private static final long LOG_BYTES = 16L << 20;

  private static final long LOG_BYTES_MAX = 64L << 20;

  /// Changes that are brought to their place in one transaction.
  private static final int PLACED_AT_ONCE = 8_192;

  /// What a shard has handed over at once.
  ///
  /// Nothing of it is changed any more.
  ///
  /// @param changes of a key that has several, the last one counts
  /// @param notes by word
  /// @param recounted ranges of the tally in which what is broken is to be taken out
  record Batch(
      long number,
      List<DiskChange> changes,
      Map<String, Payload> notes,
      SortedSet<Integer> recounted) {
    /// One after the other they do what this does; what is noted comes with the last.
    List<Batch> parts(int changesMax) {
      List<Batch> parts = new ArrayList<>();
      int from = 0;
      for (; changes.size() - from > changesMax; from += changesMax) {
        parts.add(
            new Batch(number, changes.subList(from, from + changesMax), Map.of(), new TreeSet<>()));
      }
      parts.add(new Batch(number, changes.subList(from, changes.size()), notes, recounted));
      return parts;
    }

    /// The same, with one more note.
    Batch with(String word, Payload what) {
      Map<String, Payload> more = new TreeMap<>(notes);
      more.put(word, what);
      return new Batch(number, changes, more, recounted);
    }

    /// One in the place of several, in their order: each key once, in the order of the ring.
    static Batch merged(Collection<Batch> batches) {
      long last = 0;
      List<DiskChange> all = new ArrayList<>();
      Map<String, Payload> notes = new TreeMap<>();
      SortedSet<Integer> recounted = new TreeSet<>();
      for (Batch batch : batches) {
        last = batch.number;
        all.addAll(batch.changes);
        notes.putAll(batch.notes);
        recounted.addAll(batch.recounted);
      }
      return new Batch(last, ChangeOrder.lastOfEach(all), notes, recounted);
    }
  }

  /// Where what was handed over is safe first.
  interface Log {
    /// Appends batches, all or none; what returns is safe.
    ///
    /// @throws IOException if none is
    void append(Collection<Batch> batches) throws IOException;

    /// How much has been appended since the last [#beginNext], in bytes.
    long bytes();

    /// Begins anew: what was appended before the last call is in its place.
    ///
    /// @return adds to what brings all that was appended since then to its place a note that it is
    ///   there
    UnaryOperator<Batch> beginNext();
  }

  /// The place of all.
  interface Target {
    /// Writes a batch, all of it or nothing; what returns is safe. What was handed over together
    /// may come in several, those with the notes last; if not all of them do, all come again.
    ///
    /// @throws LmdbException if nothing is
    void commit(Batch batch);
  }

  private final Log log;
  private final Target target;
  private final long intervalNanos;
  private final Thread logger;
  private final Thread placer;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Batch> waiting = new ArrayDeque<>();
  private long given; // the number of the last batch that was handed over
  private List<Batch> logged = new ArrayList<>(); // since the log began anew
  private @Nullable List<Batch> toPlace; // of which the placer has not brought all to its place
  private UnaryOperator<Batch> placing = UnaryOperator.identity(); // notes that they are there
  private double placedShare; // of these
  private boolean closing;
  private boolean logEnded;
  private long appendedNanos = System.nanoTime(); // when that began last
  private long loggedNanos; // when the oldest of those logged was
  private boolean hurries; // whether so much waits that it is written at once
  private long placedWanted; // a batch that somebody waits for to be in its place
  private volatile long written;
  private volatile long placed;
  private volatile Optional<String> logObstacle = Optional.empty();
  private volatile Optional<String> placeObstacle = Optional.empty();
  private volatile Runnable progressed = () -> {};

  /// @param name of the threads
  /// @param interval the least time from one sync to the next; zero to write at once
  Commits(String name, Log log, Target target, Duration interval) {
    this.log = log;
    this.target = target;
    this.intervalNanos = interval.toNanos();
    this.logger = Thread.ofPlatform().name(name).unstarted(this::runLog);
    this.placer = Thread.ofPlatform().name(name + "-place").unstarted(this::runPlace);
  }

  /// Has `told` called on either thread after each step, and when an obstacle comes or goes.
  void onProgress(Runnable told) {
    progressed = told;
  }

  void start() {
    logger.start();
    placer.start();
  }

  /// @param hurry whether it is not to wait for the end of the interval, and to be brought to its
  ///   place soon
  void write(Batch batch, boolean hurry) {
    lock.lock();
    try {
      waiting.add(batch);
      given = batch.number();
      hurries |= hurry;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /// The number of the last batch that is on disk.
  long written() {
    return written;
  }

  /// The number of the last batch that is in its place there.
  long placed() {
    return placed;
  }

  /// Why the last attempt failed; empty if it did not.
  Optional<String> obstacle() {
    return logObstacle.or(() -> placeObstacle);
  }

  /// Waits until what was handed over before is in its place, and has it brought there now. Any
  /// thread but those of this.
  ///
  /// @return whether it is: not if the disk is in the way, or the time over
  boolean awaitPlaced(Duration patience) throws InterruptedException {
    long left = patience.toNanos();
    lock.lock();
    try {
      long wanted = given;
      placedWanted = Math.max(placedWanted, wanted);
      hurries |= written < wanted;
      changed.signalAll();
      while (placed < wanted && left > 0 && obstacle().isEmpty() && !closing) {
        left = changed.awaitNanos(left);
      }
      return placed >= wanted;
    } finally {
      lock.unlock();
    }
  }

  // ---- The log ----

  private void runLog() {
    try {
      boolean goesOn = true;
      while (goesOn) {
        List<Batch> taken = take();
        goesOn = taken.isEmpty() ? !isOver() : append(taken);
      }
    } finally {
      lock.lock();
      try {
        logEnded = true;
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }
  }

  /// What waits, as soon as it may be written; nothing if there is something else to do.
  private List<Batch> take() {
    lock.lock();
    try {
      while (true) {
        rotateIfDue();
        long now = System.nanoTime();
        boolean mayAppend = !waiting.isEmpty() && (toPlace == null || log.bytes() < room());
        long pause = closing || hurries ? 0 : appendedNanos + intervalNanos - now;
        if (mayAppend && pause <= 0) {
          appendedNanos = now;
          List<Batch> taken = new ArrayList<>(waiting);
          waiting.clear();
          return taken;
        }
        if (closing && waiting.isEmpty() && logged.isEmpty()) {
          return List.of();
        }
        if (closing && placeObstacle.isPresent()) {
          return List.of(); // it is in the log, from where it comes to its place at the next start
        }
        await(mayAppend ? pause : logged.isEmpty() ? Long.MAX_VALUE : untilPlaced(now));
      }
    } finally {
      lock.unlock();
    }
  }

  private double room() {
    return LOG_BYTES + placedShare * (LOG_BYTES_MAX - LOG_BYTES);
  }

  private boolean isOver() {
    return closing;
  }

  private long untilPlaced(long now) {
    return toPlace == null ? Math.max(1, loggedNanos + IN_LOG_NANOS - now) : Long.MAX_VALUE;
  }

  @SuppressWarnings("WaitNotInLoop") // its callers loop
  private void await(long nanos) {
    try {
      if (nanos == Long.MAX_VALUE) {
        changed.await();
      } else {
        var _ = changed.awaitNanos(nanos);
      }
    } catch (InterruptedException e) {
      throw new IllegalStateException("nobody interrupts " + Thread.currentThread().getName(), e);
    }
  }

  /// Hands what is logged to the other thread, if that is free and it is time.
  private void rotateIfDue() {
    boolean isDue =
        closing
            || hurries
            || placedWanted > placed
            || log.bytes() >= LOG_BYTES
            || System.nanoTime() - loggedNanos >= IN_LOG_NANOS;
    if (toPlace == null && !logged.isEmpty() && isDue) {
      toPlace = logged;
      placedShare = 0;
      logged = new ArrayList<>();
      hurries = false;
      placing = log.beginNext();
      changed.signalAll();
    }
  }

  /// @return false if it can't be written and nobody waits for that any more
  private boolean append(List<Batch> batches) {
    while (true) {
      try {
        log.append(batches);
        break;
      } catch (IOException e) {
        boolean isNew = logObstacle.isEmpty();
        logObstacle = Optional.of(tell(e, isNew));
        progressedIf(isNew);
      } catch (RuntimeException | Error defect) { // memory may be short for a while
        boolean isNew = logObstacle.isEmpty();
        logObstacle = Optional.of(tell(defect, isNew));
        progressedIf(isNew);
      }
      if (giveUp()) {
        return false;
      }
    }
    logObstacle = freed(logObstacle);
    lock.lock();
    try {
      if (logged.isEmpty()) {
        loggedNanos = System.nanoTime();
      }
      logged.addAll(batches);
      written = batches.getLast().number();
    } finally {
      lock.unlock();
    }
    progressed.run();
    return true;
  }

  // ---- The place ----

  private void runPlace() {
    while (true) {
      List<Batch> taken = takeLogged();
      if (taken == null) {
        return;
      }
      Batch merged = placing.apply(Batch.merged(taken));
      List<Batch> parts = merged.parts(PLACED_AT_ONCE);
      for (int part = 0; part < parts.size(); part++) {
        while (!place(parts.get(part))) {
          if (giveUp()) {
            return;
          }
        }
        progress((part + 1.0) / parts.size());
      }
      lock.lock();
      try {
        toPlace = null;
        placed = merged.number();
        changed.signalAll();
      } finally {
        lock.unlock();
      }
      progressed.run();
    }
  }

  private void progress(double share) {
    lock.lock();
    try {
      placedShare = share;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private @Nullable List<Batch> takeLogged() {
    lock.lock();
    try {
      while (toPlace == null && !logEnded) {
        changed.awaitUninterruptibly();
      }
      return toPlace;
    } finally {
      lock.unlock();
    }
  }

  private boolean place(Batch batch) {
    try {
      target.commit(batch);
    } catch (RuntimeException | Error e) { // LmdbException, or a defect, which the log of it tells
      boolean isNew = placeObstacle.isEmpty();
      placeObstacle = Optional.of(tell(e, isNew));
      progressedIf(isNew);
      lock.lock();
      try {
        changed.signalAll(); // who waits for it need not
      } finally {
        lock.unlock();
      }
      return false;
    }
    placeObstacle = freed(placeObstacle);
    return true;
  }

  // ---- Obstacles ----

  private static String tell(Throwable why, boolean isNew) {
    if (isNew) {
      boolean isExpected = why instanceof IOException || why instanceof LmdbException;
      LOG.error(
          "nothing can be written to disk, which is tried again: {}",
          why.getMessage(),
          isExpected ? null : why);
    }
    return why.getMessage() == null ? why.toString() : why.getMessage();
  }

  private void progressedIf(boolean isNew) {
    if (isNew) {
      progressed.run();
    }
  }

  private static Optional<String> freed(Optional<String> before) {
    if (before.isPresent()) {
      LOG.info("what could not be written to disk is");
    }
    return Optional.empty();
  }

  /// Waits until it is time to try again.
  ///
  /// @return whether nobody waits for that any more
  private boolean giveUp() {
    lock.lock();
    try {
      long deadline = System.nanoTime() + RETRY_NANOS;
      for (long left = RETRY_NANOS; left > 0 && !closing; left = deadline - System.nanoTime()) {
        await(left);
      }
      return closing;
    } finally {
      lock.unlock();
    }
  }

  /// Writes what was handed over, and brings it to its place, if that can be done, and ends.
  @Override
  public void close() {
    lock.lock();
    try {
      closing = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    // Whoever is in a hurry: to let go of the files under a thread that writes would end the
    // process.
    join(logger);
    join(placer);
  }

  private static void join(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
