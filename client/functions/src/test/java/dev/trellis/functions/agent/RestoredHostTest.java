package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// A host in a process that is restored from a snapshot, as each of its clones may be.
@ExtendWith(TrellisExtension.class)
class RestoredHostTest {
  private static final Duration WAIT = Duration.ofSeconds(60);
  private static final AgentName AGENT = new AgentName("sum", "1");
  private static final Payload ASK = Payload.ofText("?");

  private final CountDownLatch asked = new CountDownLatch(1);
  private final CountDownLatch restored = new CountDownLatch(1);

  /// Adds up; goes on with "wait" only in the restored process.
  private final class Sum implements Agent {
    @Override
    public void handle(Message message, AgentContext context) throws InterruptedException {
      long sum = context.state().isEmpty() ? 0 : Long.parseLong(context.state().text());
      switch (message) {
        case Message.Told told -> {
          if (told.payload().text().equals("wait")) {
            asked.countDown();
            restored.await();
          } else {
            sum += Long.parseLong(told.payload().text());
          }
        }
        case Message.Asked question -> context.reply(Payload.ofText("" + sum));
        default -> throw new IllegalStateException(message.toString());
      }
      context.setState(Payload.ofText("" + sum));
    }
  }

  private static Claim claim(Trellis trellis) {
    return Claim.of(trellis.priority(AGENT.claimKey()).get().orElseThrow());
  }

  @Test
  void itIsAnotherHostAndWhatItWasAboutToWriteIsVoid(Trellis trellis, TrellisNode node)
      throws InterruptedException {
    Trellis snapshotted =
        Trellis.connect(ClientConfig.of("127.0.0.1:" + node.descriptor().shardPorts().getFirst()));
    AgentSettings settings = AgentSettings.DEFAULT.withLease(Duration.ofMillis(500));
    try (Agents agents = Agents.over(trellis, settings);
        AgentHost host =
            AgentHost.over(snapshotted)
                .serving("sum", name -> new Sum())
                .withSettings(settings)
                .start()) {
      agents.tell(AGENT, Payload.ofText("5"));
      assertEquals("5", agents.ask(AGENT, ASK, WAIT).text());
      Claim before = claim(trellis);
      AgentHost.Identity identity = host.identity();
      assertTrue(host.mayActAs(identity));

      agents.tell(AGENT, Payload.ofText("wait"));
      asked.await();
      snapshotted.beforeCheckpoint();
      snapshotted.afterRestore();
      assertFalse(host.mayActAs(identity));

      restored.countDown(); // the step comes to its end under the name of before

      agents.tell(AGENT, Payload.ofText("2"));
      assertEquals("7", agents.ask(AGENT, ASK, WAIT).text());
      Claim after = claim(trellis);
      assertNotEquals(before.owner().host(), after.owner().host());
      assertTrue(after.owner().epoch() > before.owner().epoch(), after + " after " + before);
      assertEquals(host.identity().id(), after.owner().host());
    } finally {
      snapshotted.close();
    }
  }
}
