package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.client.Trellis;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/// Where replies go to who asks much, with a real node.
@ExtendWith(TrellisExtension.class)
@Timeout(120)
class AskingTest {
  private static final Duration WAIT = Duration.ofSeconds(60);
  private static final AgentName ECHO = new AgentName("echo", "1");
  private static final AgentName NOBODY = new AgentName("nobody", "1");

  private static Set<String> mailboxes(Trellis trellis) {
    return trellis
        .keys("_trellis/agent-mail/replies/")
        .map(key -> key.key().text())
        .collect(Collectors.toSet());
  }

  private static List<String> asked(Trellis trellis) {
    return AgentMail.waiting(trellis, NOBODY, 10).stream()
        .map(letter -> letter.replyTo().orElseThrow())
        .toList();
  }

  private static void await(String what, BooleanSupplier condition) {
    long begun = System.nanoTime();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - begun < WAIT.toNanos(), what);
      Thread.onSpinWait();
    }
  }

  @Test
  void aMailboxForRepliesIsLeftAfterSomeQuestionsOnceTheyHaveEnded(Trellis trellis) {
    try (AgentHost host =
        AgentHost.over(trellis)
            .serving(
                "echo",
                name -> (message, context) -> context.reply(((Message.Asked) message).payload()))
            .start()) {
      Agents agents = Agents.over(trellis, AgentSettings.DEFAULT, 2);
      CompletableFuture<Payload> silent = agents.askAsync(NOBODY, Payload.EMPTY, WAIT);
      for (int i = 0; i < 6; i++) {
        Payload said = Payload.ofText("" + i);
        assertEquals(said, agents.ask(ECHO, said, WAIT));
      }
      CompletableFuture<Payload> another = agents.askAsync(NOBODY, Payload.EMPTY, WAIT);
      await("both questions", () -> asked(trellis).size() == 2);
      String first = "_trellis/agent-mail/" + asked(trellis).getFirst();
      assertTrue(!asked(trellis).getFirst().equals(asked(trellis).getLast()));
      await("of four mailboxes two", () -> mailboxes(trellis).size() <= 2);
      assertTrue(mailboxes(trellis).contains(first), "a question of it has not ended");
      assertFalse(silent.isDone() || another.isDone());

      // A reply to the first question still comes, and it was the last that was waited for there.
      String mailbox = asked(trellis).getFirst();
      Received question =
          Trellis.await(new LogMail(trellis).read(NOBODY.mailbox(), CausalContext.EMPTY))
              .getFirst();
      Payload late = Payload.ofText("late");
      var unused =
          Trellis.await(
              new LogMail(trellis)
                  .send(
                      mailbox,
                      Optional.empty(),
                      Envelope.reply(Envelope.of(question.body()).correlation(), late).encode(),
                      false));
      assertEquals(late, silent.join());
      await("it is left", () -> !mailboxes(trellis).contains(first));
      agents.close();
      await("nothing is left", () -> mailboxes(trellis).isEmpty());
      assertTrue(host.activeAgents() > 0);
    }
  }
}
