package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.Trellis;
import dev.trellis.functions.agent.AgentHost;
import dev.trellis.functions.agent.AgentSettings;
import dev.trellis.functions.agent.Agents;
import dev.trellis.functions.agent.Election;
import dev.trellis.functions.agent.FencingToken;
import dev.trellis.functions.agent.Lease;
import dev.trellis.functions.agent.Leases;
import dev.trellis.junit.TrellisExtension;
import java.time.Duration;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;

/// Leases and elections over a real node.
@ExtendWith(TrellisExtension.class)
class AgentLeasesTest {
  private static final Duration WAIT = Duration.ofSeconds(30);
  private static final Duration LONG = Duration.ofHours(1);

  private static final AgentSettings SETTINGS =
      AgentSettings.DEFAULT.withLease(Duration.ofMillis(500));

  private static AgentHost host(Trellis trellis) {
    return Leases.serve(AgentHost.over(trellis)).withSettings(SETTINGS).start();
  }

  private static void await(String what, BooleanSupplier condition) {
    long begun = System.nanoTime();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - begun < WAIT.toNanos(), what);
      Thread.onSpinWait();
    }
  }

  @Test
  void oneHolderAtATimeAndTokensRise(Trellis trellis) {
    try (AgentHost host = host(trellis);
        Agents agents = Agents.over(trellis, SETTINGS)) {
      Leases leases = Leases.over(agents, WAIT);
      assertEquals(Optional.empty(), leases.holder("door"));
      Lease first = leases.acquire("door", "ada", LONG).orElseThrow();
      assertEquals(Optional.empty(), leases.acquire("door", "bob", LONG));
      assertEquals(first.token(), first.renew().orElseThrow().token());
      assertEquals(Optional.of(new Leases.Holding("ada", first.token())), leases.holder("door"));
      first.release();
      Lease second = leases.acquire("door", "bob", Duration.ofMillis(1)).orElseThrow();
      assertTrue(second.token().compareTo(first.token()) > 0);
      await("it runs out", () -> leases.acquire("door", "ada", LONG).isPresent());
      assertTrue(second.left().isNegative());
      assertEquals(Optional.empty(), second.renew());
      assertTrue(host.activeAgents() > 0);
    }
  }

  @Test
  void aLeaseOutlivesTheHostThatKeepsItAndTokensRiseAcrossHosts(Trellis trellis) {
    AgentHost first = host(trellis);
    try (Agents agents = Agents.over(trellis, SETTINGS)) {
      Leases leases = Leases.over(agents, WAIT);
      FencingToken token = leases.acquire("door", "ada", LONG).orElseThrow().token();
      first.kill();
      try (AgentHost second = host(trellis)) {
        assertEquals(Optional.empty(), leases.acquire("door", "bob", LONG));
        leases.acquire("door", "ada", LONG).orElseThrow().release();
        assertTrue(leases.acquire("door", "bob", LONG).orElseThrow().token().compareTo(token) > 0);
        assertEquals(1, second.activeAgents());
      }
    }
  }

  @Test
  void whoStandsDownIsFollowedByAnother(Trellis trellis) {
    Duration term = Duration.ofMillis(300);
    try (AgentHost host = host(trellis);
        Agents agents = Agents.over(trellis, SETTINGS)) {
      Leases leases = Leases.over(agents, WAIT);
      try (Election ada = Election.run(leases, "leader", "ada", term)) {
        await("ada leads", () -> ada.leadership().isPresent());
        FencingToken before = ada.leadership().orElseThrow();
        try (Election bob = Election.run(leases, "leader", "bob", term)) {
          assertEquals(Optional.of("ada"), bob.leader().map(Leases.Holding::holder));
          ada.resign();
          await("bob leads", () -> bob.leadership().isPresent());
          assertTrue(bob.leadership().orElseThrow().compareTo(before) > 0);
        }
      }
      assertEquals(1, host.activeAgents());
    }
  }
}
