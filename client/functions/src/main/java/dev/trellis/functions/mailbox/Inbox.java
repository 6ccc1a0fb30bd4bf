package dev.trellis.functions.mailbox;

import dev.trellis.client.Trellis;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// A mailbox that is read by hand: messages are taken in the order of their senders, and
/// acknowledged later, in whatever order. What is not acknowledged is there again for whoever opens
/// the mailbox next. Counts no tries. Safe for any thread.
public final class Inbox implements AutoCloseable {
  /// Somebody who waits for messages.
  private record Taker(int max, CompletableFuture<List<Delivery>> taken) {}

  private final Shared shared;
  private final Feed feed;
  private final ArrayDeque<Taker> takers = new ArrayDeque<>(); // guarded by the feed's lock
  private boolean closed; // likewise

  Inbox(Shared shared, String mailbox, ReceiverOptions options) {
    this.shared = shared;
    this.feed = new Feed(shared, mailbox, false, options, this::hand);
  }

  void start() {
    feed.start();
  }

  /// The next messages, as soon as there is one; none if there is none in time.
  ///
  /// @param max at most this many, 1 or more
  public CompletableFuture<List<Delivery>> takeAsync(int max, Duration timeout) {
    if (max < 1) {
      throw new IllegalArgumentException("max " + max + " is below 1");
    }
    Taker taker = new Taker(max, new CompletableFuture<>());
    feed.lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("the inbox is closed");
      }
      takers.add(taker);
    } finally {
      feed.lock.unlock();
    }
    hand();
    if (!taker.taken.isDone()) {
      @Nullable Future<?> alarm =
          shared.schedule(
              () -> giveUp(taker), TimeUnit.NANOSECONDS.convert(timeout), TimeUnit.NANOSECONDS);
      var unused =
          taker.taken.whenComplete(
              (done, failure) -> {
                if (alarm != null) {
                  alarm.cancel(false);
                }
              });
    }
    return taker.taken;
  }

  /// As [#takeAsync].
  public List<Delivery> take(int max, Duration timeout) {
    return Trellis.await(takeAsync(max, timeout));
  }

  private void giveUp(Taker taker) {
    boolean waits;
    feed.lock.lock();
    try {
      waits = takers.remove(taker);
    } finally {
      feed.lock.unlock();
    }
    if (waits) {
      taker.taken.complete(List.of());
    }
  }

  private void hand() {
    while (true) {
      @Nullable Taker taker;
      List<Delivery> deliveries = new ArrayList<>();
      feed.lock.lock();
      try {
        taker = takers.peek();
        if (taker == null) {
          return;
        }
        while (deliveries.size() < taker.max) {
          Optional<Delivery> next = feed.intake().take(shared.nowMillis());
          if (next.isEmpty()) {
            break;
          }
          deliveries.add(next.get());
        }
        if (deliveries.isEmpty()) {
          return;
        }
        takers.remove();
      } finally {
        feed.lock.unlock();
      }
      taker.taken.complete(List.copyOf(deliveries));
    }
  }

  /// Acknowledges messages: they are not there again.
  ///
  /// @return completes when that is kept as [ReceiverOptions#acknowledgement] says, with all that
  ///   was acknowledged before. A message that came in one record with others which are not
  ///   acknowledged yet is kept with these. Fails with a [dev.trellis.client.TrellisException]
  ///   where this may not write to the mailbox; it is tried again all the same, while this is open
  public CompletableFuture<@Nullable Void> acknowledge(Collection<Delivery> deliveries) {
    deliveries.forEach(feed::done);
    return feed.settled();
  }

  /// Acknowledges a message.
  public CompletableFuture<@Nullable Void> acknowledge(Delivery delivery) {
    return acknowledge(List.of(delivery));
  }

  /// Asks no more; who waits gets none. What was taken can be acknowledged still.
  @Override
  public void close() {
    List<Taker> waiting;
    feed.lock.lock();
    try {
      closed = true;
      waiting = List.copyOf(takers);
      takers.clear();
    } finally {
      feed.lock.unlock();
    }
    feed.close();
    waiting.forEach(taker -> taker.taken.complete(List.of()));
  }
}
