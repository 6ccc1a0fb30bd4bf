package dev.trellis.client;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Reply;
import java.util.Objects;
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
final class ActiveWatch implements Subscription {
  private static final Logger log = LoggerFactory.getLogger(ActiveWatch.class);

  private final Payload key;
  private final long keyHash;
  private final Optional<Kind> kind;
  private final @Nullable WatchListener listener; // of a watch that is no subscription
  private final @Nullable Subscriber subscriber; // of one that is
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
    this(key, kind, listener, null, executor);
  }

  private ActiveWatch(
      Payload key,
      Optional<Kind> kind,
      @Nullable WatchListener listener,
      @Nullable Subscriber subscriber,
      Executor executor) {
    this.key = key;
    this.keyHash = KeyHash.of(key);
    this.kind = kind;
    this.listener = listener;
    this.subscriber = subscriber;
    this.executor = executor;
  }

  static ActiveWatch subscription(Payload key, Subscriber subscriber, Executor executor) {
    return new ActiveWatch(key, Optional.empty(), null, subscriber, executor);
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

  @Override
  public Confirmation confirmation() {
    return subscriber == null ? Confirmation.NONE : subscriber.confirmation();
  }

  @Nullable Subscriber subscriber() {
    return subscriber;
  }

  /// Nothing is told any more by the lane that did, until the next one does.
  void cut() {
    if (subscriber != null) {
      subscriber.cut();
    }
  }

  /// Ends the watch without a word to anybody: the client is closed.
  void end() {
    open = false;
    cut();
  }

  long keyHash() {
    return keyHash;
  }

  long id() {
    return id;
  }

  Frame.Watch frame() {
    boolean state = subscriber != null;
    return new Frame.Watch(id, key, kind, state, state);
  }

  void startIn(Lane next, long newId) {
    id = newId;
    lane = next;
  }

  /// Whether it may look for its key once more, having found the wrong shard.
  boolean mayMove(int movesMax) {
    return moves++ < movesMax;
  }

  /// @param connection of the connection that the state came on
  void tell(Reply reply, Confirmations connection) {
    moves = 0;
    if (subscriber != null) {
      if (open) {
        subscriber.tell(reply, connection);
      }
      return;
    }
    synchronized (this) {
      latest = reply;
    }
    startTelling();
  }

  void fail(TrellisException reason) {
    if (subscriber != null) {
      if (open) {
        open = false;
        subscriber.fail(reason);
      }
      return;
    }
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
    WatchListener told = Objects.requireNonNull(listener);
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
          told.onState(reply);
        } else if (reason != null) {
          open = false;
          told.onFailure(reason);
        }
      } catch (RuntimeException | Error e) {
        log.warn("the listener of the watch on {} failed; the watch goes on", key, e);
      }
    }
  }
}
