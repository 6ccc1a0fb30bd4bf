package dev.trellis.functions.agent;

import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.WatchListener;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A watch that is begun again when a shard has ended it, or refused it: for want of replicas, or
/// because the connection has as many watches as it may. Until then the key is read every two
/// seconds.
final class Rewatching implements Mail.Listening {
  private static final Logger log = LoggerFactory.getLogger(Rewatching.class);

  static final Duration PAUSE_MIN = Duration.ofMillis(20);
  static final Duration PAUSE_MAX = Duration.ofSeconds(2);

  /// What watches and reads, and knows the time.
  interface Source {
    /// Has a listener told, until what is returned is closed.
    ///
    /// @throws DefiniteException if there is nothing to be watched any more
    AutoCloseable watch(WatchListener listener);

    CompletableFuture<Reply> read();

    void later(Duration delay, Runnable run);
  }

  private final Source source;
  private final String what;
  private final Consumer<Reply> told;

  // Guarded by this:
  private @Nullable AutoCloseable watch;
  private boolean closed;
  private Duration pause = PAUSE_MIN;

  private Rewatching(Source source, String what, Consumer<Reply> told) {
    this.source = source;
    this.what = what;
    this.told = told;
  }

  /// Tells a listener the state of a key, now and after changes, until it is closed.
  ///
  /// @param told must not block
  static Rewatching of(Trellis trellis, Payload key, Kind kind, Consumer<Reply> told) {
    return of(
        new Source() {
          @Override
          public AutoCloseable watch(WatchListener listener) {
            return trellis.watch(key, Optional.of(kind), listener);
          }

          @Override
          public CompletableFuture<Reply> read() {
            return trellis.execute(key, new Read.Get(Optional.of(kind)), Access.reading());
          }

          @Override
          public void later(Duration delay, Runnable run) {
            CompletableFuture.delayedExecutor(delay.toMillis(), TimeUnit.MILLISECONDS).execute(run);
          }
        },
        key.toString(),
        told);
  }

  static Rewatching of(Source source, String what, Consumer<Reply> told) {
    Rewatching watching = new Rewatching(source, what, told);
    watching.begin();
    return watching;
  }

  private synchronized void begin() {
    if (closed) {
      return;
    }
    watch =
        source.watch(
            new WatchListener() {
              @Override
              public void onState(Reply reply) {
                stands();
                told.accept(reply);
              }

              @Override
              public void onFailure(TrellisException failure) {
                failed(failure);
              }
            });
  }

  private synchronized void stands() {
    pause = PAUSE_MIN;
  }

  private synchronized void failed(TrellisException failure) {
    if (closed) {
      return;
    }
    if (failure instanceof DefiniteException.BadRequest
        || failure instanceof DefiniteException.Unauthenticated
        || failure instanceof DefiniteException.Forbidden) {
      log.error("{} can't be watched", what, failure);
      return;
    }
    log.debug("{} is watched again in {}", what, pause, failure);
    source.later(pause, this::again);
    Duration longer = pause.multipliedBy(2);
    pause = longer.compareTo(PAUSE_MAX) > 0 ? PAUSE_MAX : longer;
  }

  /// Looks, as what was told meanwhile may have been missed and the watch may be refused again.
  private void again() {
    synchronized (this) {
      if (closed) {
        return;
      }
    }
    var unused =
        source
            .read()
            .whenComplete(
                (reply, failure) -> {
                  if (failure == null) {
                    told.accept(reply);
                  }
                });
    try {
      begin();
    } catch (DefiniteException e) {
      log.debug("{} is not watched any more: the client is closed", what, e);
    }
  }

  @Override
  public synchronized void close() {
    closed = true;
    AutoCloseable open = watch;
    if (open != null) {
      try {
        open.close();
      } catch (Exception e) {
        throw new IllegalStateException("a watch of " + what + " can't be closed", e);
      }
    }
  }
}
