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

  private final Trellis trellis;
  private final Mail mail;
  private final MailIndex index;
  private final AtomicLong asked = new AtomicLong();
  private final Map<String, CompletableFuture<Payload>> waiting = new ConcurrentHashMap<>();
  private @Nullable Open open; // guarded by this

  /// The mailbox for replies. Whatever is restored from a snapshot of the process is a client of
  /// its own, and has another one.
  private record Open(long client, Replies replies) {}

  private Agents(Trellis trellis, AgentSettings settings) {
    this.trellis = trellis;
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
    return new Agents(trellis, settings);
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
    String replies = listen();
    String correlation = Long.toString(asked.incrementAndGet());
    CompletableFuture<Payload> reply = new CompletableFuture<>();
    waiting.put(correlation, reply);
    var unused =
        post(
                mail,
                index,
                agent.mailbox(),
                Optional.empty(),
                Envelope.ask(replies, correlation, payload).encode(),
                true)
            .whenComplete(
                (sent, failed) -> {
                  if (failed != null) {
                    reply.completeExceptionally(Access.unwrap(failed));
                  }
                });
    return reply
        .orTimeout(Timer.millis(timeout), TimeUnit.MILLISECONDS)
        .handle(
            (said, failed) -> {
              waiting.remove(correlation);
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

  private synchronized String listen() {
    long client = trellis.clientId();
    Open now = open;
    if (now == null || now.client != client) {
      if (now != null) {
        var unused = now.replies.close(); // others may read it too, so it ends by itself
      }
      String mailbox = LogMail.replies(HostId.draw(new SecureRandom()));
      now = new Open(client, Replies.of(mail, mailbox, this::replied));
      open = now;
    }
    return now.replies.mailbox();
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
    Open last;
    synchronized (this) {
      last = open;
      open = null;
    }
    if (last != null) {
      var unused =
          last.replies
              .close()
              .thenCompose(done -> trellis.deleteAsync(LogMail.key(last.replies.mailbox())));
    }
    waiting.values().forEach(each -> each.cancel(false));
  }
}
