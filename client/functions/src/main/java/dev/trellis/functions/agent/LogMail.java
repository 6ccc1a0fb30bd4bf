package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Tag;
import dev.trellis.client.CallOptions;
import dev.trellis.client.LogHandle;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// Mailboxes as logs, of which who listens is told by a watch.
final class LogMail implements Mail {
  /// How long replies wait for who asked, after the last of them: whoever ends without a word
  /// leaves nothing behind.
  static final Duration REPLIES_TTL = Duration.ofMinutes(10);

  private static final String REPLIES = "replies/";

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

  private LogHandle log(String mailbox, CallOptions options) {
    return trellis.log(key(mailbox)).withOptions(options);
  }

  @Override
  public CompletableFuture<?> send(
      String mailbox, Optional<Tag> tag, Payload body, boolean bounded) {
    CallOptions plain =
        mailbox.startsWith(REPLIES)
            ? Access.writing(trellis).withTtl(REPLIES_TTL)
            : Access.writing(trellis);
    long bytesMax = bounded ? Bounds.of(trellis.limits()).mailbox() : 0;
    return trellis.execute(
        key(mailbox),
        new Mutation.Append(List.of(body), 0, 0, bytesMax),
        tag.map(plain::withTag).orElse(plain));
  }

  @Override
  public CompletableFuture<List<Received>> read(String mailbox, CausalContext seen) {
    return log(mailbox, Access.reading())
        .readSinceAsync(seen, MESSAGES_MAX)
        .thenApply(
            found ->
                found.records().stream()
                    .map(one -> new Received(one.dot(), one.timestamp().millis(), one.value()))
                    .toList());
  }

  @Override
  public CompletableFuture<?> drop(String mailbox, CausalContext messages) {
    return log(mailbox, Access.writing(trellis)).trimAsync(messages);
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
