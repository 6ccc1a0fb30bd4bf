package dev.trellis.functions.mailbox;

import dev.trellis.client.CallOptions;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import java.time.Duration;
import java.util.HexFormat;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// The questions of one program, and the mailbox that their answers go to, which is opened with the
/// first of them. Whatever is restored from a snapshot of it is a program of its own, and has
/// another mailbox from the next question on.
final class Questions implements AutoCloseable {
  /// How long the mailbox for answers lives after the last of them.
  static final Duration TTL = Duration.ofMinutes(10);

  private static final Duration TIMEOUT_MAX = TTL;

  /// A mailbox for answers.
  private record Answers(long incarnation, String mailbox, Feed feed) {}

  private final Shared shared;
  private final Sender sender;
  private final Map<Long, CompletableFuture<Message>> waiting = new ConcurrentHashMap<>();
  private final AtomicLong last = new AtomicLong();
  private @Nullable Answers answers; // guarded by this
  private boolean closed; // likewise

  Questions(Shared shared, Sender sender) {
    this.shared = shared;
    this.sender = sender;
  }

  CompletableFuture<Message> ask(String mailbox, Message question, Duration timeout) {
    if (timeout.compareTo(Duration.ofMillis(1)) < 0 || timeout.compareTo(TIMEOUT_MAX) > 0) {
      throw new IllegalArgumentException(
          "timeout " + timeout + " is outside 1 ms to " + TIMEOUT_MAX);
    }
    String replyTo = open();
    long correlation = last.incrementAndGet();
    CompletableFuture<Message> answer = new CompletableFuture<>();
    waiting.put(correlation, answer);
    var unused = answer.whenComplete((done, failure) -> waiting.remove(correlation));
    CompletableFuture<@Nullable Void> sending;
    try {
      sending =
          sender.send(
              mailbox, question.withPurpose(new Message.Purpose.Question(replyTo, correlation)));
    } catch (RuntimeException e) {
      answer.completeExceptionally(e); // so that nobody waits for it
      throw e;
    }
    var unusedEither =
        sending.whenComplete(
            (sent, failure) -> {
              if (failure != null) {
                answer.completeExceptionally(failure);
              }
            });
    @Nullable Future<?> alarm =
        shared.schedule(
            () ->
                answer.completeExceptionally(
                    new NoAnswerException(
                        "nobody who reads mailbox " + mailbox + " has answered within " + timeout,
                        false)),
            TimeUnit.MILLISECONDS.convert(timeout),
            TimeUnit.MILLISECONDS);
    var unusedToo =
        answer.whenComplete(
            (done, failure) -> {
              if (alarm != null) {
                alarm.cancel(false);
              }
            });
    return answer;
  }

  /// How many questions are not answered yet.
  int waiting() {
    return waiting.size();
  }

  /// @return the name of the mailbox for answers
  private synchronized String open() {
    if (closed) {
      throw new IllegalStateException("ask: the mailboxes are closed");
    }
    long incarnation = shared.incarnation();
    if (answers != null && answers.incarnation == incarnation) {
      return answers.mailbox;
    }
    if (answers != null) {
      // Others may read it too, so it is left to end by itself.
      answers.feed.close();
    }
    String mailbox =
        "_reply/"
            + HexFormat.of().toHexDigits(incarnation)
            + HexFormat.of().toHexDigits(shared.randomLong());
    Feed feed = new Feed(shared, mailbox, false, ReceiverOptions.DEFAULT, this::hand);
    answers = new Answers(incarnation, mailbox, feed);
    feed.start();
    return mailbox;
  }

  private void hand() {
    Feed feed;
    synchronized (this) {
      if (answers == null) {
        return;
      }
      feed = answers.feed;
    }
    while (true) {
      @Nullable Delivery next;
      feed.lock.lock();
      try {
        next = feed.intake().take(shared.nowMillis()).orElse(null);
      } finally {
        feed.lock.unlock();
      }
      if (next == null) {
        return;
      }
      answered(next.message());
      feed.done(next);
    }
  }

  /// What comes too late, or is no answer, is dropped.
  private void answered(Message message) {
    if (!(message.purpose() instanceof Message.Purpose.Answer answer)) {
      return;
    }
    @Nullable CompletableFuture<Message> asked = waiting.get(answer.correlation());
    if (asked == null) {
      return;
    }
    if (answer.failed()) {
      asked.completeExceptionally(new NoAnswerException(message.body().toString(), true));
    } else {
      asked.complete(message);
    }
  }

  /// Fails the questions that are not answered yet, and drops the mailbox for their answers.
  @Override
  public void close() {
    @Nullable Answers last;
    synchronized (this) {
      closed = true;
      last = answers;
      answers = null;
    }
    waiting
        .values()
        .forEach(
            answer ->
                answer.completeExceptionally(
                    new NoAnswerException(
                        "the mailboxes were closed before an answer came", false)));
    if (last != null) {
      Payload key = Names.mailbox(last.mailbox);
      last.feed.close();
      // A trim that came after the deletion would leave a mailbox behind.
      Shared.logged(
          last.feed
              .settled()
              .exceptionally(notTrimmed -> null)
              .thenCompose(
                  settled ->
                      shared.calls().execute(key, new Mutation.Delete(), CallOptions.DEFAULT)),
          "deleting mailbox " + last.mailbox);
    }
  }
}
