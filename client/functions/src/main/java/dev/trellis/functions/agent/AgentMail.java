package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;

/// Looks into the mail of agents, for people: nothing is taken out, and no agent becomes active.
public final class AgentMail {
  /// At most so many letters are shown at once.
  public static final int LETTERS_MAX = Mail.MESSAGES_MAX;

  private static final String MAILBOXES = "_trellis/agent-mail/agent/";

  private AgentMail() {}

  /// A message as it waits for an agent.
  ///
  /// @param dot by which it is told from all others in the same mailbox
  /// @param sent when it was first put there
  /// @param replyTo where the reply goes, if one is wanted: `replies/…` of who is outside, or
  ///   `agent/TYPE/ID`
  /// @param payload what was said; of what is unreadable, all there is
  public record Letter(
      Dot dot, Instant sent, Purpose purpose, Optional<String> replyTo, Payload payload) {
    static Letter of(Received mail) {
      Instant sent = Instant.ofEpochMilli(mail.sentMillis());
      Envelope envelope;
      try {
        envelope = Envelope.of(mail.body());
      } catch (IllegalArgumentException e) {
        return new Letter(mail.dot(), sent, Purpose.UNREADABLE, Optional.empty(), mail.body());
      }
      Optional<String> replyTo = Optional.of(envelope.replyTo()).filter(name -> !name.isEmpty());
      return new Letter(mail.dot(), sent, Purpose.of(envelope.kind()), replyTo, envelope.said());
    }
  }

  /// What a letter is for.
  public enum Purpose {
    TELL,
    ASK,
    REPLY,
    /// Not written by this version of the library, or by none.
    UNREADABLE;

    private static Purpose of(Envelope.Kind kind) {
      return switch (kind) {
        case TELL -> TELL;
        case ASK -> ASK;
        case REPLY -> REPLY;
      };
    }
  }

  /// The letters that an agent has not handled yet, oldest first: those in its mailbox that its
  /// entry does not count as handled. Two reads, of all replicas.
  ///
  /// @param limit 1 to [#LETTERS_MAX]
  /// @throws TrellisException if it can't be read
  public static List<Letter> waiting(Trellis trellis, AgentName agent, int limit) {
    requireLimit(limit);
    CausalContext handled =
        trellis
            .priority(agent.entryKey())
            .withOptions(Access.reading())
            .get()
            .map(found -> AgentEntry.of(found).consumed())
            .orElse(CausalContext.EMPTY);
    return letters(trellis, agent.mailbox(), handled, limit);
  }

  /// The letters that an agent could not handle, oldest first: each was tried three times. They
  /// stay until somebody trims the log `_trellis/agent-mail/failed/` and the name, or until it is
  /// full, with [#LETTERS_MAX] of them or a quarter of what a value may have: then the older half
  /// is dropped.
  ///
  /// @param limit 1 to [#LETTERS_MAX]
  /// @throws TrellisException if it can't be read
  public static List<Letter> failed(Trellis trellis, AgentName agent, int limit) {
    requireLimit(limit);
    return letters(trellis, Step.failed(agent), CausalContext.EMPTY, limit);
  }

  private static List<Letter> letters(
      Trellis trellis, String mailbox, CausalContext seen, int limit) {
    return Trellis.await(new LogMail(trellis).read(mailbox, seen)).stream()
        .limit(limit)
        .map(Letter::of)
        .toList();
  }

  private static void requireLimit(int limit) {
    if (limit < 1 || limit > LETTERS_MAX) {
      throw new IllegalArgumentException("limit " + limit + " is outside 1 to " + LETTERS_MAX);
    }
  }

  /// The agents that have a mailbox, ascending; those whose mail is all handled among them.
  ///
  /// @throws TrellisException if keys can't be read
  public static Stream<AgentName> agents(Trellis trellis) {
    return trellis
        .keys(MAILBOXES)
        .map(key -> AgentName.ofText(key.key().text().substring(MAILBOXES.length())));
  }

  /// How many letters are in an agent's mailbox, those among them that were handled a moment ago
  /// and are about to be dropped. One read, of one replica.
  ///
  /// @throws TrellisException if it can't be read
  public static long size(Trellis trellis, AgentName agent) {
    return trellis.log(LogMail.key(agent.mailbox())).size();
  }
}
