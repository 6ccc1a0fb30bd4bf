package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Reply;
import java.util.Optional;
import java.util.concurrent.Executor;
import java.util.concurrent.RejectedExecutionException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A watch, wherever it is: with a [Lane], on its way to one, or over.
///
/// States go to the listener through a slot for one: a listener slower than the changes misses
/// those in between, never the last, and costs no memory.
final class ActiveWatch implements Watch {
  private static final Logger log = LoggerFactory.getLogger(ActiveWatch.class);

  private final Payload key;
  private final long keyHash;
  private final Optional<Kind> kind;
  private final WatchListener listener;
  private final Executor executor;

  private volatile boolean open = true;
  private volatile @Nullable Lane lane;
  private volatile long id; // within `lane`
  private int moves; // since the last state; touched by the lane only

  // Guarded by this:
  private @Nullable Reply latest; // not told yet
  private @Nullable TrellisException failure; // not told yet
  private boolean telling;

  ActiveWatch(Payload key, Optional<Kind> kind, WatchListener listener, Executor executor) {
    this.key = key;
    this.keyHash = KeyHash.of(key);
    this.kind = kind;
    this.listener = listener;
    this.executor = executor;
  }

  @Override
  public Payload key() {
    return key;
  }

  @Override
  public boolean isOpen() {
    return open;
  }

  @Override
  public void close() {
    open = false;
    Lane current = lane;
    if (current != null) {
      current.unwatch(this);
    }
  }

  /// Ends the watch without a word to anybody: the client is closed.
  void end() {
    open = false;
  }

  long keyHash() {
    return keyHash;
  }

  long id() {
    return id;
  }

  Frame.Watch frame() {
    return new Frame.Watch(id, key, kind);
  }

  void startIn(Lane next, long newId) {
    id = newId;
    lane = next;
  }

  /// Whether it may look for its key once more, having found the wrong shard.
  boolean mayMove(int movesMax) {
    return moves++ < movesMax;
  }

  void tell(Reply reply) {
    moves = 0;
    synchronized (this) {
      latest = reply;
    }
    startTelling();
  }

  void fail(TrellisException reason) {
    synchronized (this) {
      failure = reason;
    }
    startTelling();
  }

  private void startTelling() {
    synchronized (this) {
      if (telling || !open) {
        return;
      }
      telling = true;
    }
    try {
      executor.execute(this::tellAll);
    } catch (RejectedExecutionException e) {
      open = false; // the client is closed
    }
  }

  private void tellAll() {
    while (true) {
      Reply reply;
      TrellisException reason;
      synchronized (this) {
        reply = latest;
        reason = failure;
        latest = null;
        if (!open || (reply == null && reason == null)) {
          telling = false;
          return;
        }
      }
      try {
        if (reply != null) {
          listener.onState(reply);
        } else if (reason != null) {
          open = false;
          listener.onFailure(reason);
        }
      } catch (RuntimeException e) {
        log.warn("the listener of the watch on {} failed; the watch goes on", key, e);
      }
    }
  }
}
