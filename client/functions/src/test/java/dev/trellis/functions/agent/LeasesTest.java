package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.Trellis;
import dev.trellis.junit.TrellisExtension;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;

/// Leases, elections and timers with times and names at the edges, with a real node.
@ExtendWith(TrellisExtension.class)
@Timeout(120)
class LeasesTest {
  private static final Duration WAIT = Duration.ofSeconds(60);
  private static final Duration FOREVER = Duration.ofSeconds(Long.MAX_VALUE);

  @Test
  void aLeaseForEverIsNobodyElses(Trellis trellis) {
    try (AgentHost host = Leases.serve(AgentHost.over(trellis)).start();
        Agents agents = Agents.over(trellis)) {
      Leases leases = Leases.over(agents, WAIT);
      for (Duration time : new Duration[] {FOREVER, Duration.ofMillis(Long.MAX_VALUE)}) {
        String name = "of " + time;
        Lease lease = leases.acquire(name, "a", time).orElseThrow();
        assertTrue(lease.left().toDays() > 1_000_000);
        assertEquals(Optional.empty(), leases.acquire(name, "b", time));
        assertEquals("a", leases.holder(name).orElseThrow().holder());
        assertEquals(lease.token(), lease.renew().orElseThrow().token());
      }
      assertEquals(2, host.activeAgents());
    }
  }

  @Test
  void whoeverCanNotRunIsToldSoAtOnce(Trellis trellis) {
    try (Agents agents = Agents.over(trellis)) {
      Leases leases = Leases.over(agents, WAIT);
      Duration second = Duration.ofSeconds(1);
      assertThrows(
          IllegalArgumentException.class, () -> Election.run(leases, "leader", "", second));
      assertThrows(IllegalArgumentException.class, () -> Election.run(leases, "", "me", second));
      IllegalArgumentException shorter =
          assertThrows(
              IllegalArgumentException.class,
              () -> Election.run(leases, "leader", "me", Duration.ofNanos(999_999)));
      assertEquals(
          "lease leader for me: the time PT0.000999999S is below 1 ms", shorter.getMessage());
    }
  }

  @Test
  void aTimerAndAQuestionForEverAreNotDueAtOnce(Trellis trellis) throws InterruptedException {
    BlockingQueue<String> got = new LinkedBlockingQueue<>();
    Agent agent =
        (message, context) -> {
          switch (message) {
            case Message.Told told -> {
              context.timer("late", FOREVER);
              context.ask(new AgentName("nobody", "1"), Payload.EMPTY, "silent", FOREVER);
              context.timer("soon", Duration.ofMillis(50));
            }
            case Message.TimerDue due -> got.add(due.name());
            case Message.Unanswered silent -> got.add(silent.name());
            default -> throw new IllegalStateException(message.toString());
          }
        };
    try (AgentHost host = AgentHost.over(trellis).serving("patient", name -> agent).start();
        Agents agents = Agents.over(trellis)) {
      agents.tell(new AgentName("patient", "1"), Payload.EMPTY);
      assertEquals("soon", got.poll(WAIT.toSeconds(), TimeUnit.SECONDS));
      assertEquals(0, got.size());
      assertEquals(1, host.activeAgents());
    }
  }
}
