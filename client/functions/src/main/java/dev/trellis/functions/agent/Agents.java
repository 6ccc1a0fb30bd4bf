package dev.trellis.functions.agent;

import dev.trellis.causal.Tag;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/// Talks to agents from outside, wherever they are active; and has them activated where there is a
/// host for them. Safe for any thread. The client stays open when this is closed.
///
/// ```java
/// AgentName account = new AgentName("account", "4711");
/// agents.tell(account, Payload.ofText("deposit 10"));
/// Payload balance = agents.ask(account, Payload.ofText("balance?"), Duration.ofSeconds(5));
/// ```
public final class Agents implements AutoCloseable {
  private static final String OF_AGENTS = "agent/";

  /// After so many questions the replies go to another mailbox: it keeps the name of each reply for
  /// `invocation.lifetime`, and is slow with more of them, and full with a million.
  private static final int ASKED_MAX = 10_000;

  private final Trellis trellis;
  private final int askedMax;
  private final Mail mail;
  private final MailIndex index;
  private final AtomicLong asked = new AtomicLong();
  private final Map<String, CompletableFuture<Payload>> waiting = new ConcurrentHashMap<>();
  private @Nullable Open open; // where replies to what is asked now go; guarded by this

  /// A mailbox for replies. Whatever is restored from a snapshot of the process is a client of its
  /// own, and has another one.
  private static final class Open {
    private final long client;
    private final Replies replies;
    // All below is guarded by the agents.
    private int asked;
    private int waiting; // questions that have not ended
    private boolean retired;

    Open(long client, Replies replies) {
      this.client = client;
      this.replies = replies;
    }
  }

  private Agents(Trellis trellis, AgentSettings settings, int askedMax) {
    this.trellis = trellis;
    this.askedMax = askedMax;
    this.mail = new LogMail(trellis);
    this.index = new MailIndex(trellis, settings.period());
  }

  /// Over a client, with the default settings.
  public static Agents over(Trellis trellis) {
    return over(trellis, AgentSettings.DEFAULT);
  }

  /// Over a client.
  ///
  /// @param settings those of the hosts
  public static Agents over(Trellis trellis, AgentSettings settings) {
    return new Agents(trellis, settings, ASKED_MAX);
  }

  static Agents over(Trellis trellis, AgentSettings settings, int askedMax) {
    return new Agents(trellis, settings, askedMax);
  }

  /// Puts a message into an agent's mailbox. Returns once it is there, not once it is handled;
  /// waits where much is in the mailbox already.
  ///
  /// @throws TrellisException if it may not be there; telling it again may tell it twice, unless
  ///   the failure is definite, as where the mailbox stayed full
  public void tell(AgentName agent, Payload payload) {
    Trellis.await(tellAsync(agent, payload));
  }

  /// As [#tell(AgentName, Payload)].
  public CompletableFuture<@Nullable Void> tellAsync(AgentName agent, Payload payload) {
    return tell(agent, payload, Optional.empty());
  }

  /// As [#tell(AgentName, Payload)], once, however often it is told under this tag: for functions
  /// that may be run again. One tag is for one agent's mailbox and nothing else.
  public CompletableFuture<@Nullable Void> tellAsync(AgentName agent, Payload payload, Tag once) {
    return tell(agent, payload, Optional.of(once));
  }

  private CompletableFuture<@Nullable Void> tell(
      AgentName agent, Payload payload, Optional<Tag> tag) {
    return post(mail, index, agent.mailbox(), tag, Envelope.tell(payload).encode(), true)
        .thenApply(sent -> null);
  }

  /// Asks an agent and waits for its reply.
  ///
  /// @throws TrellisException if the question may not have got there
  /// @throws NoReplyException if no reply came in time; the agent may have handled the question, or
  ///   may yet
  public Payload ask(AgentName agent, Payload payload, Duration timeout) {
    try {
      return askAsync(agent, payload, timeout).join();
    } catch (CompletionException e) {
      if (e.getCause() instanceof RuntimeException known) {
        throw known;
      }
      throw e;
    }
  }

  /// As [#ask].
  public CompletableFuture<Payload> askAsync(AgentName agent, Payload payload, Duration timeout) {
    Open to = opened();
    String correlation = Long.toString(asked.incrementAndGet());
    CompletableFuture<Payload> reply = new CompletableFuture<>();
    waiting.put(correlation, reply);
    var unused =
        post(
                mail,
                index,
                agent.mailbox(),
                Optional.empty(),
                Envelope.ask(to.replies.mailbox(), correlation, payload).encode(),
                true)
            .whenComplete(
                (sent, failed) -> {
                  if (failed != null) {
                    reply.completeExceptionally(Access.unwrap(failed));
                  }
                });
    return reply
        .orTimeout(TimeUnit.MILLISECONDS.convert(timeout), TimeUnit.MILLISECONDS)
        .handle(
            (said, failed) -> {
              waiting.remove(correlation);
              ended(to);
              if (failed instanceof TimeoutException) {
                throw new NoReplyException(agent, timeout);
              }
              if (failed != null) {
                throw failed instanceof RuntimeException known
                    ? known
                    : new CompletionException(failed);
              }
              return said;
            });
  }

  /// The mailbox for the reply to one more question.
  private synchronized Open opened() {
    long client = trellis.clientId();
    Open now = open;
    if (now == null || now.client != client || now.asked >= askedMax) {
      if (now != null && (now.client != client || now.waiting == 0)) {
        retire(now);
      }
      String mailbox = LogMail.replies(HostId.draw(new SecureRandom()));
      now = new Open(client, Replies.of(mail, mailbox, this::replied));
      open = now;
    }
    now.asked++;
    now.waiting++;
    return now;
  }

  private synchronized void ended(Open questions) {
    questions.waiting--;
    if (questions != open && questions.waiting == 0) {
      retire(questions);
    }
  }

  /// Reads a mailbox no more, and deletes it, unless others may read it too: then it ends by
  /// itself.
  private synchronized void retire(Open last) {
    if (last.retired) {
      return;
    }
    last.retired = true;
    CompletableFuture<?> closed = last.replies.close();
    if (last.client == trellis.clientId()) {
      var unused =
          closed.thenCompose(done -> trellis.deleteAsync(LogMail.key(last.replies.mailbox())));
    }
  }

  private void replied(Envelope envelope) {
    @Nullable CompletableFuture<Payload> reply = waiting.get(envelope.correlation());
    if (reply != null) {
      reply.complete(envelope.said());
    }
  }

  /// Sends a message; if it is for an agent, hosts hear of it.
  static CompletableFuture<?> post(
      Mail mail,
      MailIndex index,
      String mailbox,
      Optional<Tag> tag,
      Payload body,
      boolean bounded) {
    CompletableFuture<?> sent = mail.send(mailbox, tag, body, bounded);
    return mailbox.startsWith(OF_AGENTS)
        ? sent.thenCompose(
            there -> index.hasMail(AgentName.ofText(mailbox.substring(OF_AGENTS.length()))))
        : sent;
  }

  /// Waits for no replies any more.
  @Override
  public void close() {
    synchronized (this) {
      Open last = open;
      open = null;
      if (last != null && last.waiting == 0) {
        retire(last);
      }
    }
    waiting.values().forEach(each -> each.cancel(false));
  }
}
