package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.functions.agent.AgentContext;
import dev.trellis.functions.agent.AgentHost;
import dev.trellis.functions.agent.AgentName;
import dev.trellis.functions.agent.AgentSettings;
import dev.trellis.functions.agent.Agents;
import dev.trellis.functions.agent.Message;
import dev.trellis.functions.agent.NoReplyException;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.wire.NodeDescriptor;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Agents over several real nodes, of which one dies and one joins, while their hosts end too:
/// money that is paid from one to another is neither lost nor doubled.
@Timeout(300)
class AgentsClusterTest {
  private static final Duration WAIT = Duration.ofSeconds(60);
  private static final String TYPE = "account";
  private static final int ACCOUNTS = 6;

  private static final AgentSettings SETTINGS =
      AgentSettings.DEFAULT
          .withLease(Duration.ofMillis(800))
          .withPeriod(Duration.ofMillis(300))
          .withIdle(Duration.ofMinutes(10));

  private final RealNodes nodes = new RealNodes();
  private final List<AgentHost> hosts = new ArrayList<>();
  private final Random random = new Random(11);
  private final long[] expected = new long[ACCOUNTS];
  private Agents agents;

  @AfterEach
  void stop() throws Exception {
    nodes.close();
  }

  private Trellis connect(TrellisNode... first) {
    return nodes.connect(
        config ->
            config
                .withConnectTimeout(WAIT)
                .withTimeout(Duration.ofSeconds(5))
                .withMapRefresh(Duration.ofMillis(50))
                .withEventLoopThreads(1),
        first);
  }

  private static void awaitActive(Trellis client, int number) {
    long begun = System.nanoTime();
    while (client.clusterMap().nodes().stream()
            .filter(node -> node.state() == NodeDescriptor.State.ACTIVE)
            .count()
        != number) {
      assertTrue(System.nanoTime() - begun < WAIT.toNanos(), () -> "" + client.clusterMap());
      Thread.onSpinWait();
    }
  }

  private void host(TrellisNode... first) {
    AgentHost host =
        AgentHost.over(connect(first))
            .serving(TYPE, name -> AgentsClusterTest::handle)
            .withSettings(SETTINGS)
            .start();
    hosts.add(nodes.closing(host));
  }

  private static AgentName account(int number) {
    return new AgentName(TYPE, "no/" + number);
  }

  private static void handle(Message message, AgentContext context) {
    long balance = context.state().isEmpty() ? 0 : Long.parseLong(context.state().text());
    switch (message) {
      case Message.Told told -> {
        String[] words = told.payload().text().split(" ", -1);
        long amount = Long.parseLong(words[0]);
        balance += amount;
        if (words.length > 1) {
          context.tell(AgentName.ofText(words[1]), Payload.ofText("" + -amount));
        }
        context.setState(Payload.ofText("" + balance));
      }
      case Message.Asked asked -> context.reply(Payload.ofText("" + balance));
      case Message.Replied _, Message.Unanswered _, Message.TimerDue _ ->
          throw new IllegalStateException(message.toString());
    }
  }

  /// Has accounts pay each other; what may not have got there is said again, as the same.
  private void pay(int times) {
    List<CompletableFuture<?>> told = new ArrayList<>();
    for (int i = 0; i < times; i++) {
      int from = random.nextInt(ACCOUNTS);
      int to = random.nextInt(ACCOUNTS);
      int amount = 1 + random.nextInt(9);
      expected[from] -= amount;
      expected[to] += amount;
      Tag once = new Tag(InvocationId.mint(System.currentTimeMillis(), random), 1);
      told.add(tell(account(from), Payload.ofText("-" + amount + " " + account(to)), once, 20));
    }
    told.forEach(CompletableFuture::join);
  }

  private CompletableFuture<?> tell(AgentName agent, Payload what, Tag once, int tries) {
    return agents
        .tellAsync(agent, what, once)
        .exceptionallyCompose(
            failed -> {
              Throwable cause = failed instanceof CompletionException ? failed.getCause() : failed;
              return cause instanceof TrellisException && tries > 1
                  ? tell(agent, what, once, tries - 1).thenApply(done -> null)
                  : CompletableFuture.failedFuture(failed);
            });
  }

  private long balance(int account) {
    long begun = System.nanoTime();
    while (true) {
      try {
        return Long.parseLong(
            agents.ask(account(account), Payload.EMPTY, Duration.ofSeconds(5)).text());
      } catch (TrellisException | NoReplyException again) {
        assertTrue(System.nanoTime() - begun < WAIT.toNanos(), again::toString);
      }
    }
  }

  /// Until all that was paid has arrived; then nothing may come on top.
  private void awaitBalances(String when) {
    for (int account = 0; account < ACCOUNTS; account++) {
      long begun = System.nanoTime();
      while (balance(account) != expected[account]) {
        int late = account;
        assertTrue(
            System.nanoTime() - begun < WAIT.toNanos(),
            () -> "account " + late + " has " + balance(late) + " of " + expected[late] + when);
      }
    }
    for (int account = 0; account < ACCOUNTS; account++) {
      assertEquals(expected[account], balance(account), "account " + account + when);
    }
  }

  @Test
  void nothingIsLostOrDoubledWhileNodesAndHostsEnd() {
    TrellisNode first = nodes.start("n1");
    TrellisNode second = nodes.start("n2", first);
    TrellisNode third = nodes.start("n3", first);
    Trellis client = connect(first, third);
    awaitActive(client, 3);
    agents = nodes.closing(Agents.over(client, SETTINGS));
    host(first, second, third);
    host(third, second, first);
    pay(60);
    awaitBalances(" with three nodes");

    pay(40);
    hosts.get(0).kill();
    host(first, third);
    pay(40);
    awaitBalances(" after a host has ended");

    pay(20);
    second.close();
    pay(40);
    hosts.get(1).kill();
    host(third, first);
    pay(20);
    awaitBalances(" after a node and a host have ended");

    pay(20);
    nodes.start("n4", first);
    pay(40);
    awaitActive(client, 3);
    awaitBalances(" after a node has joined");
  }
}
