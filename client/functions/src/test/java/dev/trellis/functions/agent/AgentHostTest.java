package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.client.Trellis;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/// What a host does about agents that do not behave, with a real node.
@ExtendWith(TrellisExtension.class)
@Timeout(120)
class AgentHostTest {
  private static final Duration WAIT = Duration.ofSeconds(60);

  @Test
  void anAgentThatCanNotBeMadeIsTriedAgain(Trellis trellis) {
    AtomicInteger tries = new AtomicInteger();
    Agent echo =
        (message, context) -> {
          if (message instanceof Message.Asked asked) {
            context.reply(asked.payload());
          }
        };
    try (AgentHost host =
            AgentHost.over(trellis)
                // So that nothing but its own rest has it looked after again.
                .withSettings(AgentSettings.DEFAULT.withLease(Duration.ofHours(1)))
                .serving(
                    "echo",
                    name -> {
                      if (tries.incrementAndGet() < 3) {
                        throw new IllegalStateException("not yet");
                      }
                      return echo;
                    })
                .start();
        Agents agents = Agents.over(trellis)) {
      Payload said = Payload.ofText("hello");
      assertEquals(said, agents.ask(new AgentName("echo", "1"), said, WAIT));
      assertEquals(3, tries.get());
      assertEquals(1, host.activeAgents());
    }
  }
}
