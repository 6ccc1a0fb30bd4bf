package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Reads a mailbox for replies to who is no agent: what is there is handed on, then dropped.
///
/// Each reply comes under an invocation of its own, so what was taken would cost a run a reply for
/// ever. It is remembered only as long as a read may still show it, as by [AgentCore]: until it is
/// dropped, and what was read before that has come.
final class Replies {
  private static final Logger log = LoggerFactory.getLogger(Replies.class);

  private final Mail mail;
  private final String mailbox;
  private final Consumer<Envelope> handOn;
  private final Serial serial = new Serial();
  private final CompletableFuture<@Nullable Void> settled = new CompletableFuture<>();
  private Mail.@Nullable Listening listening;
  // All below is touched through `serial`.
  private boolean mayBeThere;
  private boolean reading;
  private boolean closed;
  private CausalContext seen = CausalContext.EMPTY; // taken, and a read may show it again
  private CausalContext toDrop = CausalContext.EMPTY; // taken, and not being dropped
  private CausalContext dropping = CausalContext.EMPTY;
  private CausalContext dropped = CausalContext.EMPTY; // since the read that is under way began

  private Replies(Mail mail, String mailbox, Consumer<Envelope> handOn) {
    this.mail = mail;
    this.mailbox = mailbox;
    this.handOn = handOn;
  }

  /// Hands on what comes into a mailbox, until closed.
  ///
  /// @param handOn must not block; is told one reply after the other
  static Replies of(Mail mail, String mailbox, Consumer<Envelope> handOn) {
    Replies replies = new Replies(mail, mailbox, handOn);
    replies.listening = mail.listen(mailbox, () -> replies.serial.run(replies::came));
    return replies;
  }

  String mailbox() {
    return mailbox;
  }

  private void came() {
    mayBeThere = true;
    read();
  }

  private void read() {
    if (closed || reading || !mayBeThere) {
      return;
    }
    mayBeThere = false;
    reading = true;
    var unused =
        begun(() -> mail.read(mailbox, seen))
            .whenComplete((found, failed) -> serial.run(() -> read(found, failed)));
  }

  private void read(@Nullable List<Received> found, @Nullable Throwable failed) {
    reading = false;
    if (found == null) {
      // Who asked, waits no longer than he wants to.
      log.warn("can't read replies in {}: {}", mailbox, String.valueOf(failed));
    } else if (!closed) {
      take(found);
      mayBeThere |= found.size() >= Mail.MESSAGES_MAX;
    }
    forget(dropped);
    dropped = CausalContext.EMPTY;
    drop();
    read();
  }

  private void take(List<Received> found) {
    List<Dot> dots = new ArrayList<>();
    List<Envelope> fresh = new ArrayList<>();
    for (Received one : found) {
      if (seen.contains(one.dot())) {
        continue;
      }
      dots.add(one.dot());
      try {
        fresh.add(Envelope.of(one.body()));
      } catch (IllegalArgumentException e) {
        log.warn("{} in {} is no reply, and dropped", one.dot(), mailbox, e);
      }
    }
    CausalContext taken = CausalContext.ofDots(dots);
    seen = seen.merge(taken);
    toDrop = toDrop.merge(taken);
    fresh.forEach(handOn);
  }

  private void forget(CausalContext gone) {
    seen = seen.less(gone);
  }

  private void drop() {
    if (closed || !dropping.isEmpty() || toDrop.isEmpty()) {
      return;
    }
    CausalContext now = toDrop;
    dropping = now;
    toDrop = CausalContext.EMPTY;
    var unused =
        begun(() -> mail.drop(mailbox, now))
            .whenComplete((done, failed) -> serial.run(() -> dropped(failed)));
  }

  private void dropped(@Nullable Throwable failed) {
    CausalContext gone = dropping;
    dropping = CausalContext.EMPTY;
    if (closed) {
      settled.complete(null);
      return;
    }
    if (failed != null) {
      log.warn("replies stay in {} for now: {}", mailbox, failed.toString());
      toDrop = toDrop.merge(gone); // with what comes next
    } else {
      if (reading) {
        dropped = dropped.merge(gone);
      } else {
        forget(gone);
      }
      drop();
    }
  }

  private static <T> CompletableFuture<? extends T> begun(
      Supplier<CompletableFuture<? extends T>> attempt) {
    try {
      return attempt.get();
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  /// Hands on nothing any more. What is there stays.
  ///
  /// @return completes when nothing is done to the mailbox any more: what is dropped after it was
  ///   deleted would leave it behind
  CompletableFuture<@Nullable Void> close() {
    Mail.Listening open = listening;
    if (open != null) {
      open.close();
    }
    serial.run(
        () -> {
          closed = true;
          if (dropping.isEmpty()) {
            settled.complete(null);
          }
        });
    return settled;
  }
}
