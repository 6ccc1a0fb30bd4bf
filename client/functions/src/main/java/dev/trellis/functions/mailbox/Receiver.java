package dev.trellis.functions.mailbox;

import dev.trellis.client.CallOptions;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Has a handler called for each message of a mailbox, on virtual threads, in the order of its
/// sender, once. A message whose handler throws is handed over again, and holds up its sender
/// alone; after [ReceiverOptions#triesMax] times it goes to the mailbox `NAME/dead`, with the
/// reason in the header `error`.
///
/// A mailbox has one receiver at a time: two would both be told. Who takes over from one that has
/// died gets what that had not finished, so its last messages may be handled again.
public final class Receiver implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(Receiver.class);

  /// Notes that a receiver has work in hand. One that finds it goes carefully for a while: it notes
  /// each message before it hands it over, so one that ends the process is found.
  private static final Payload OPEN = Payload.ofText("open");

  private static final int CAREFUL_MESSAGES = 1_000;
  private static final int ERROR_LENGTH_MAX = 1_000;

  private final Shared shared;
  private final String mailbox;
  private final Payload triesKey;
  private final @Nullable MessageHandler handler; // or
  private final @Nullable AsyncMessageHandler asyncHandler;
  private final ReceiverOptions options;
  private final Feed feed;
  private final AtomicInteger careful = new AtomicInteger(); // messages to go
  private final AtomicLong handled = new AtomicLong();
  private final AtomicLong failures = new AtomicLong();
  private final AtomicLong dead = new AtomicLong();
  // Guarded by the feed's lock.
  private int workers;
  private boolean wakeUpIsSet;
  private boolean closed;
  private @Nullable CompletableFuture<@Nullable Void> idle;

  /// @param handler called on virtual threads; or null, and
  /// @param asyncHandler called as soon as a message is here; or null
  Receiver(
      Shared shared,
      String mailbox,
      @Nullable MessageHandler handler,
      @Nullable AsyncMessageHandler asyncHandler,
      ReceiverOptions options) {
    this.shared = shared;
    this.mailbox = mailbox;
    this.triesKey = Names.tries(mailbox);
    this.handler = handler;
    this.asyncHandler = asyncHandler;
    this.options = options;
    this.feed = new Feed(shared, mailbox, true, options, handler != null ? this::work : this::pump);
  }

  /// Reads what former receivers have noted, then begins.
  CompletableFuture<@Nullable Void> start() {
    return shared
        .calls()
        .execute(triesKey, new Read.Get(Optional.of(Kind.MAP)), CallOptions.DEFAULT)
        .thenCompose(
            reply -> {
              Map<String, Integer> noted = new HashMap<>();
              if (((Outcome.Done) reply.outcome()).view() instanceof View.Fields fields) {
                fields.fields().forEach((name, field) -> read(name, field.view(), noted));
              }
              feed.lock.lock();
              try {
                feed.intake().noteTries(noted);
              } finally {
                feed.lock.unlock();
              }
              return note(OPEN, new Mutation.Increment(1));
            })
        .thenRun(feed::start);
  }

  private void read(Payload field, View view, Map<String, Integer> noted) {
    if (field.equals(OPEN)) {
      careful.set(CAREFUL_MESSAGES);
    } else if (view instanceof View.Whole count) {
      noted.put(field.text(), (int) Math.min(Integer.MAX_VALUE, count.value()));
    }
  }

  private CompletableFuture<Reply> note(Payload field, Mutation mutation) {
    return shared
        .calls()
        .execute(triesKey, new Mutation.UpdateField(field, mutation), CallOptions.DEFAULT);
  }

  public String mailbox() {
    return mailbox;
  }

  /// How many messages were handled.
  public long handled() {
    return handled.get();
  }

  /// How often a message was not.
  public long failures() {
    return failures.get();
  }

  /// How many messages have gone to the dead letters.
  public long dead() {
    return dead.get();
  }

  /// How many gaps in what a sender sent were passed over as nobody had what was missing.
  public long skipped() {
    feed.lock.lock();
    try {
      return feed.intake().skipped();
    } finally {
      feed.lock.unlock();
    }
  }

  /// Has as many workers as there may be where there is something to do.
  private void work() {
    while (true) {
      feed.lock.lock();
      try {
        long nowMillis = shared.nowMillis();
        if (closed || workers >= options.parallel()) {
          return;
        }
        if (!feed.intake().hasReady(nowMillis)) {
          setWakeUp(nowMillis);
          return;
        }
        workers++;
      } finally {
        feed.lock.unlock();
      }
      Thread.ofVirtual().name("trellis-mailbox-" + mailbox).start(this::handleAll);
      if (options.parallel() == 1) {
        return;
      }
    }
  }

  private void goOn() {
    if (handler != null) {
      work();
    } else {
      pump();
    }
  }

  /// Has as many messages handled as may be at a time, on this thread. What waits for the store, as
  /// what has failed does, goes on elsewhere.
  private void pump() {
    while (true) {
      Delivery next;
      boolean simple;
      feed.lock.lock();
      try {
        if (closed || workers >= options.parallel()) {
          return;
        }
        @Nullable Delivery taken = feed.intake().take(shared.nowMillis()).orElse(null);
        if (taken == null) {
          setWakeUp(shared.nowMillis());
          return;
        }
        next = taken;
        workers++;
        simple =
            careful.get() <= 0
                && next.tries() < options.triesMax()
                && feed.intake().malformed(next).isEmpty();
      } finally {
        feed.lock.unlock();
      }
      if (!simple) {
        elsewhere(() -> handleOne(next));
        continue;
      }
      CompletableFuture<?> handling = begin(next);
      if (handling.isDone() && !handling.isCompletedExceptionally()) {
        succeeded(next, next.tries() > 0);
        release();
      } else {
        var unused =
            handling.whenComplete(
                (done, failure) -> {
                  if (failure != null) {
                    elsewhere(() -> failed(next, cause(failure), false));
                    return;
                  }
                  succeeded(next, next.tries() > 0);
                  release();
                  pump();
                });
      }
    }
  }

  private CompletableFuture<?> begin(Delivery delivery) {
    try {
      return Objects.requireNonNull(asyncHandler).handle(delivery);
    } catch (Exception | LinkageError | AssertionError | StackOverflowError e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  private static Throwable cause(Throwable failure) {
    return (failure instanceof CompletionException || failure instanceof ExecutionException)
            && failure.getCause() != null
        ? failure.getCause()
        : failure;
  }

  private void elsewhere(Runnable task) {
    Thread unused =
        Thread.ofVirtual()
            .name("trellis-mailbox-" + mailbox)
            .start(
                () -> {
                  try {
                    task.run();
                  } finally {
                    release();
                  }
                  pump();
                });
  }

  private void release() {
    feed.lock.lock();
    try {
      workers--;
      if (workers == 0 && idle != null) {
        idle.complete(null);
      }
    } finally {
      feed.lock.unlock();
    }
  }

  /// For what rests after a failure.
  private void setWakeUp(long nowMillis) {
    Optional<Long> rest = feed.intake().restMillis(nowMillis);
    if (rest.isPresent() && !wakeUpIsSet) {
      wakeUpIsSet =
          shared.schedule(
                  () -> {
                    feed.lock.lock();
                    try {
                      wakeUpIsSet = false;
                    } finally {
                      feed.lock.unlock();
                    }
                    goOn();
                  },
                  Math.max(1, rest.get()),
                  TimeUnit.MILLISECONDS)
              != null;
    }
  }

  private void handleAll() {
    while (true) {
      Optional<Delivery> next;
      Optional<String> malformed = Optional.empty();
      feed.lock.lock();
      try {
        next = closed ? Optional.empty() : feed.intake().take(shared.nowMillis());
        if (next.isPresent()) {
          malformed = feed.intake().malformed(next.get());
        } else {
          workers--;
          if (workers == 0 && idle != null) {
            idle.complete(null);
          }
          if (!closed) {
            setWakeUp(shared.nowMillis());
          }
          return;
        }
      } finally {
        feed.lock.unlock();
      }
      handle(next.get(), malformed);
    }
  }

  private void handleOne(Delivery delivery) {
    Optional<String> malformed;
    feed.lock.lock();
    try {
      malformed = feed.intake().malformed(delivery);
    } finally {
      feed.lock.unlock();
    }
    handle(delivery, malformed);
  }

  private void handle(Delivery delivery, Optional<String> malformed) {
    if (malformed.isPresent()) {
      bury(delivery, "it is no message: " + malformed.get());
      return;
    }
    boolean carefully = careful.get() > 0 && careful.getAndDecrement() > 0;
    if (delivery.tries() >= options.triesMax()) {
      bury(delivery, "it was tried " + delivery.tries() + " times, and ended its receiver");
      return;
    }
    try {
      if (carefully) {
        noteTry(delivery);
      }
      if (handler != null) {
        handler.handle(delivery);
      } else {
        var unused = begin(delivery).get();
      }
    } catch (ExecutionException e) {
      failed(delivery, cause(e), carefully);
      return;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      failed(delivery, e, carefully);
      return;
    } catch (Exception | LinkageError | AssertionError | StackOverflowError e) {
      failed(delivery, e, carefully);
      return;
    }
    succeeded(delivery, carefully || delivery.tries() > 0);
  }

  private void succeeded(Delivery delivery, boolean noted) {
    handled.incrementAndGet();
    finish(delivery, noted);
  }

  private void noteTry(Delivery delivery) {
    Trellis.await(note(Payload.ofText(delivery.id()), new Mutation.Increment(1)));
  }

  /// @param noted whether there is a note of it to remove
  private void finish(Delivery delivery, boolean noted) {
    feed.done(delivery);
    if (noted) {
      Payload field = Payload.ofText(delivery.id());
      Shared.logged(note(field, new Mutation.Delete()), "forgetting the tries of " + delivery.id());
    }
  }

  private void failed(Delivery delivery, Throwable failure, boolean noted) {
    failures.incrementAndGet();
    log.warn(
        "mailbox {}: message {} failed, try {} of {}: {}",
        mailbox,
        delivery.id(),
        delivery.tries() + 1,
        options.triesMax(),
        failure.toString());
    if (!noted) {
      Payload field = Payload.ofText(delivery.id());
      Shared.logged(note(field, new Mutation.Increment(1)), "counting a try of " + delivery.id());
    }
    Intake.Verdict verdict;
    feed.lock.lock();
    try {
      verdict = feed.intake().failed(delivery, shared.nowMillis());
    } finally {
      feed.lock.unlock();
    }
    if (verdict == Intake.Verdict.DEAD) {
      bury(delivery, failure.toString());
    }
  }

  /// Keeps a message among the dead letters, then trims it. Under a name that follows from the
  /// message, so it is there once, should another do the same.
  private void bury(Delivery delivery, String reason) {
    String shortReason =
        reason.length() > ERROR_LENGTH_MAX ? reason.substring(0, ERROR_LENGTH_MAX) : reason;
    Message letter =
        delivery.message().withHeaders(Map.of("error", shortReason, "message", delivery.id()));
    try {
      Trellis.await(Mailboxes.bury(shared, mailbox, delivery, letter));
    } catch (TrellisException | IllegalStateException e) {
      log.warn("mailbox {}: {} can't be buried: {}", mailbox, delivery.id(), e.toString());
      feed.lock.lock();
      try {
        feed.intake().postpone(delivery, shared.nowMillis());
      } finally {
        feed.lock.unlock();
      }
      return;
    }
    dead.incrementAndGet();
    finish(delivery, true);
  }

  /// Waits for the handlers that run, trims what they have done and asks no more. What was not
  /// handed over stays for the next receiver. Not to be called by a handler.
  @Override
  public void close() {
    CompletableFuture<@Nullable Void> ended;
    feed.lock.lock();
    try {
      if (closed) {
        return;
      }
      closed = true;
      ended = new CompletableFuture<>();
      if (workers == 0) {
        ended.complete(null);
      } else {
        idle = ended;
      }
    } finally {
      feed.lock.unlock();
    }
    feed.close();
    ended.join();
    try {
      Trellis.await(feed.settled());
      Trellis.await(note(OPEN, new Mutation.Delete()));
    } catch (TrellisException e) {
      // What was not trimmed is delivered again, which is all that can be promised here.
      log.warn(
          "mailbox {} was closed, and not all that was done trimmed: {}", mailbox, e.toString());
    }
  }
}
