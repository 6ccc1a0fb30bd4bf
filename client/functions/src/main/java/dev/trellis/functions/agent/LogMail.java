package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.Tag;
import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.LogHandle;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Mailboxes as logs, of which who listens is told by a watch.
final class LogMail implements Mail {
  private static final Logger log = LoggerFactory.getLogger(LogMail.class);

  /// How long replies wait for who asked, after the last of them: whoever ends without a word
  /// leaves nothing behind.
  static final Duration REPLIES_TTL = Duration.ofMinutes(10);

  private static final String REPLIES = "replies/";

  /// Before the name of an agent, the mailbox for what it can't handle, or send: as much as is
  /// shown at once, and no more bytes than are let into a mailbox from outside. The newest stay.
  static final String FAILED = "failed/";

  private static final long RECORD_EXTRA = 64;

  private final Trellis trellis;

  LogMail(Trellis trellis) {
    this.trellis = trellis;
  }

  /// A mailbox for replies to who is no agent.
  static String replies(HostId id) {
    return REPLIES + id;
  }

  static Payload key(String mailbox) {
    return Payload.ofText("_trellis/agent-mail/" + mailbox);
  }

  private LogHandle handle(String mailbox, CallOptions options) {
    return trellis.log(key(mailbox)).withOptions(options);
  }

  @Override
  public CompletableFuture<?> send(
      String mailbox, Optional<Tag> tag, Payload body, boolean bounded) {
    CallOptions plain =
        mailbox.startsWith(REPLIES)
            ? Access.writing(trellis).withTtl(REPLIES_TTL)
            : Access.writing(trellis);
    CallOptions call = tag.map(plain::withTag).orElse(plain);
    boolean aside = mailbox.startsWith(FAILED);
    long bytesMax = bounded || aside ? Bounds.of(trellis.limits()).mailbox() : 0;
    Mutation append = new Mutation.Append(List.of(body), 0, aside ? MESSAGES_MAX : 0, bytesMax);
    CompletableFuture<Reply> sent = trellis.execute(key(mailbox), append, call);
    return aside
        ? sent.exceptionallyCompose(
            failed ->
                Access.unwrap(failed) instanceof DefiniteException.Overloaded
                    ? makeRoom(mailbox, body, bytesMax)
                        .thenCompose(made -> trellis.execute(key(mailbox), append, call))
                    : CompletableFuture.failedFuture(failed))
        : sent;
  }

  /// Drops the oldest half of what an agent could not handle, if that is why no more is let in.
  /// Nobody may ever look at it, and the agent would wait for that: what it can't put aside stays
  /// in its entry, until it can do nothing else.
  private CompletableFuture<Long> makeRoom(String mailbox, Payload body, long bytesMax) {
    return read(mailbox, CausalContext.EMPTY)
        .thenCompose(
            found -> {
              long bytes = weight(body) + found.stream().mapToLong(one -> weight(one.body())).sum();
              if (found.size() < MESSAGES_MAX && bytes <= bytesMax) {
                return CompletableFuture.completedFuture(0L); // the node has too much to do
              }
              List<Dot> oldest = new ArrayList<>();
              for (Received one : found) {
                if (found.size() - oldest.size() <= MESSAGES_MAX / 2 && bytes <= bytesMax / 2) {
                  break;
                }
                oldest.add(one.dot());
                bytes -= weight(one.body());
              }
              log.warn(
                  "log {} is full, so the {} oldest of {} messages that an agent could not handle"
                      + " are dropped",
                  key(mailbox),
                  oldest.size(),
                  found.size());
              return drop(mailbox, CausalContext.ofDots(oldest));
            });
  }

  /// Not less than what it weighs in a log.
  private static long weight(Payload body) {
    return body.size() + RECORD_EXTRA;
  }

  @Override
  public CompletableFuture<List<Received>> read(String mailbox, CausalContext seen) {
    return handle(mailbox, Access.reading())
        .readSinceAsync(seen, MESSAGES_MAX)
        .thenApply(
            found ->
                found.records().stream()
                    .map(one -> new Received(one.dot(), one.timestamp().millis(), one.value()))
                    .toList());
  }

  @Override
  public CompletableFuture<Long> drop(String mailbox, CausalContext messages) {
    return handle(mailbox, Access.writing(trellis)).trimAsync(messages);
  }

  @Override
  public Listening listen(String mailbox, Runnable told) {
    return Rewatching.of(
        trellis,
        key(mailbox),
        Kind.LOG,
        reply -> {
          if (reply.outcome() instanceof Outcome.Done done
              && done.view() instanceof View.Records records
              && !records.records().isEmpty()) {
            told.run();
          }
        });
  }
}
