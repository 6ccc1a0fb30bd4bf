package dev.trellis.functions.mailbox;

import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
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
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
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
  private @Nullable Future<?> wakeUp; // that is set
  private long wakeUpMillis; // when that is
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
        ended(next);
      } else {
        var unused =
            handling.whenComplete(
                (done, failure) -> {
                  if (failure != null) {
                    elsewhere(() -> guarded(next, () -> failed(next, cause(failure), false)));
                    return;
                  }
                  ended(next);
                  pump();
                });
      }
    }
  }

  /// A message was handled without a thread of its own.
  private void ended(Delivery delivery) {
    try {
      guarded(delivery, () -> succeeded(delivery, delivery.tries() > 0));
    } finally {
      release();
    }
  }

  private CompletableFuture<?> begin(Delivery delivery) {
    try {
      return Objects.requireNonNull(
          Objects.requireNonNull(asyncHandler).handle(delivery), "the handler returned null");
    } catch (Throwable e) { // also what is no Exception is a try of this message, and of no other
      return CompletableFuture.failedFuture(e);
    }
  }

  /// Does something with a message that must not end the worker, whose place nobody would take.
  /// Should it fail, the message is handed over again later.
  private void guarded(Delivery delivery, Runnable task) {
    try {
      task.run();
    } catch (Throwable e) {
      log.error("mailbox {}: message {} could not be dealt with", mailbox, delivery.id(), e);
      postpone(delivery);
    }
  }

  private void postpone(Delivery delivery) {
    feed.lock.lock();
    try {
      feed.intake().postpone(delivery, shared.nowMillis());
    } finally {
      feed.lock.unlock();
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
                    pump();
                  }
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

  /// For what rests after a failure, and is to be handed over first of all that does.
  private void setWakeUp(long nowMillis) {
    Optional<Long> rest = feed.intake().restMillis(nowMillis);
    if (rest.isEmpty()) {
      return;
    }
    long restMillis = Math.max(1, rest.get());
    if (wakeUp != null) {
      if (wakeUpMillis <= nowMillis + restMillis) {
        return;
      }
      wakeUp.cancel(false);
    }
    wakeUpMillis = nowMillis + restMillis;
    wakeUp = shared.schedule(this::wakeUp, restMillis, TimeUnit.MILLISECONDS);
  }

  private void wakeUp() {
    feed.lock.lock();
    try {
      wakeUp = null;
    } finally {
      feed.lock.unlock();
    }
    goOn();
  }

  private void handleAll() {
    boolean released = false;
    try {
      while (true) {
        Delivery next;
        feed.lock.lock();
        try {
          @Nullable Delivery taken =
              closed ? null : feed.intake().take(shared.nowMillis()).orElse(null);
          if (taken == null) {
            // With the lock still held, so that what comes from now on finds a place for a worker.
            release();
            released = true;
            if (!closed) {
              setWakeUp(shared.nowMillis());
            }
            return;
          }
          next = taken;
        } finally {
          feed.lock.unlock();
        }
        handleOne(next);
      }
    } finally {
      if (!released) {
        release();
        work();
      }
    }
  }

  private void handleOne(Delivery delivery) {
    guarded(delivery, () -> handle(delivery));
  }

  private void handle(Delivery delivery) {
    Optional<String> malformed;
    feed.lock.lock();
    try {
      malformed = feed.intake().malformed(delivery);
    } finally {
      feed.lock.unlock();
    }
    if (malformed.isPresent()) {
      bury(delivery, "it is no message: " + malformed.get());
      return;
    }
    boolean carefully = careful.get() > 0 && careful.getAndDecrement() > 0;
    if (delivery.tries() >= options.triesMax()) {
      bury(delivery, "it was tried " + delivery.tries() + " times, and ended its receiver");
      return;
    }
    if (carefully) {
      try {
        Trellis.await(noteTry(delivery));
      } catch (TrellisException e) {
        // Nobody has tried it, so that is no failure of it.
        log.warn("mailbox {}: no note of message {}: {}", mailbox, delivery.id(), e.toString());
        postpone(delivery);
        return;
      }
    }
    @Nullable Throwable failure = hand(delivery);
    if (failure == null) {
      succeeded(delivery, carefully || delivery.tries() > 0);
    } else {
      failed(delivery, failure, carefully);
    }
  }

  /// @return why the handler could not handle it; null if it could
  private @Nullable Throwable hand(Delivery delivery) {
    try {
      if (handler != null) {
        handler.handle(delivery);
      } else {
        var unused = begin(delivery).get();
      }
      return null;
    } catch (ExecutionException e) {
      return cause(e);
    } catch (Throwable e) { // as in `begin`
      return e;
    } finally {
      // The thread is this receiver's own: an interrupt that is left is not meant for what follows.
      boolean unused = Thread.interrupted();
    }
  }

  private void succeeded(Delivery delivery, boolean noted) {
    handled.incrementAndGet();
    finish(delivery, noted);
  }

  /// Counts a try in the store; once, though it be noted again where it is not known whether the
  /// first note is kept.
  private CompletableFuture<Reply> noteTry(Delivery delivery) {
    InvocationId name = Mailboxes.nameOf("try", shared, delivery);
    return shared
        .calls()
        .execute(
            triesKey,
            new Mutation.UpdateField(Payload.ofText(delivery.id()), new Mutation.Increment(1)),
            CallOptions.DEFAULT.withTag(new Tag(name, delivery.tries() + 1L)));
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
      Shared.logged(noteTry(delivery), "counting a try of " + delivery.id());
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
    try {
      Trellis.await(Mailboxes.bury(shared, mailbox, delivery, letter(delivery, reason)));
    } catch (RuntimeException e) {
      log.warn("mailbox {}: {} can't be buried: {}", mailbox, delivery.id(), e.toString());
      postpone(delivery);
      return;
    }
    dead.incrementAndGet();
    finish(delivery, true);
  }

  /// A message with the reason; without headers of its own where both together are too large.
  private static Payload letter(Delivery delivery, String reason) {
    String shortReason =
        reason.length() > ERROR_LENGTH_MAX ? reason.substring(0, ERROR_LENGTH_MAX) : reason;
    Map<String, String> more = Map.of("error", shortReason, "message", delivery.id());
    Message message = delivery.message();
    try {
      return Packet.encode(message.withHeaders(more));
    } catch (IllegalArgumentException e) {
      return Packet.encode(
          new Message(message.body(), message.purpose(), message.from(), new TreeMap<>(more)));
    }
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
