package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cache.NearCache;
import dev.trellis.cache.NearCacheConfig;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
import dev.trellis.functions.Functions;
import dev.trellis.functions.agent.Agent;
import dev.trellis.functions.agent.AgentContext;
import dev.trellis.functions.agent.AgentHost;
import dev.trellis.functions.agent.AgentName;
import dev.trellis.functions.agent.AgentSettings;
import dev.trellis.functions.agent.Agents;
import dev.trellis.functions.agent.Message;
import dev.trellis.functions.agent.NoReplyException;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Agents on hosts over a real node, among them hosts that end without a word.
class AgentsTest {
  private static final Duration WAIT = Duration.ofSeconds(30);
  private static final String TYPE = "account";

  /// Soon, and nothing is put to rest meanwhile.
  private static final AgentSettings SETTINGS =
      AgentSettings.DEFAULT
          .withLease(Duration.ofMillis(500))
          .withPeriod(Duration.ofMillis(300))
          .withIdle(Duration.ofMinutes(10));

  private final TrellisNode node = TrellisNode.start(NodeConfig.loopback("node-1", 2));
  private final List<Trellis> clients = new ArrayList<>();
  private final List<NearCache> caches = new ArrayList<>();
  private final List<AgentHost> hosts = new ArrayList<>();
  private final Agents agents = Agents.over(connect(), SETTINGS);

  private Trellis connect() {
    Trellis client =
        Trellis.connect(
            ClientConfig.of("127.0.0.1:" + node.descriptor().shardPorts().getFirst())
                .withConnectTimeout(WAIT)
                .withTimeout(WAIT));
    clients.add(client);
    return client;
  }

  private AgentHost host(AgentSettings settings) {
    AgentHost host =
        AgentHost.over(connect())
            .serving(TYPE, name -> new Account())
            .withSettings(settings)
            .start();
    hosts.add(host);
    return host;
  }

  private AgentHost host() {
    return host(SETTINGS);
  }

  @AfterEach
  void stop() {
    hosts.forEach(AgentHost::close);
    agents.close();
    caches.forEach(NearCache::close);
    clients.forEach(Trellis::close);
    node.close();
  }

  private static AgentName account(int number) {
    return new AgentName(TYPE, "no/" + number);
  }

  private static void await(String what, BooleanSupplier condition) {
    long begun = System.nanoTime();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - begun < WAIT.toNanos(), what);
      Thread.onSpinWait();
    }
  }

  private void tell(AgentName agent, String what) {
    agents.tell(agent, Payload.ofText(what));
  }

  private String ask(AgentName agent, String what) {
    return agents.ask(agent, Payload.ofText(what), WAIT).text();
  }

  private long balance(AgentName agent) {
    return Long.parseLong(ask(agent, "balance"));
  }

  /// What it is asked and told is a word, a number and a name.
  private static final class Account implements Agent {
    @Override
    public void handle(Message message, AgentContext context) {
      long balance = context.state().isEmpty() ? 0 : Long.parseLong(context.state().text());
      switch (message) {
        case Message.Told told -> {
          String[] words = told.payload().text().split(" ", -1);
          long amount = Long.parseLong(words[1]);
          switch (words[0]) {
            case "deposit" -> balance += amount;
            case "pay" -> {
              balance -= amount;
              context.tell(AgentName.ofText(words[2]), Payload.ofText("deposit " + amount));
            }
            case "count" -> {
              balance += amount;
              context.invocation().counter(words[2]).add(amount);
            }
            case "later" -> context.timer("salary", Duration.ofMillis(amount));
            case "inquire" ->
                context.ask(AgentName.ofText(words[2]), Payload.ofText("balance"), "other", WAIT);
            default -> throw new IllegalArgumentException(words[0]);
          }
        }
        case Message.Asked asked -> context.reply(Payload.ofText("" + balance));
        case Message.Replied replied -> balance += Long.parseLong(replied.payload().text());
        case Message.Unanswered silent -> balance = -1;
        case Message.TimerDue due -> balance += 1_000;
      }
      context.setState(Payload.ofText("" + balance));
    }
  }

  @Test
  void isActiveOnceItIsAskedAndRemembersWhatItWasTold() {
    host();
    assertEquals(0, balance(account(1)));
    tell(account(1), "deposit 5");
    tell(account(1), "deposit 7");
    await("12", () -> balance(account(1)) == 12);
    assertEquals(0, balance(account(2)));
  }

  @Test
  void whoAsksWhereNobodyHostsGetsNoReplyAndTheMessageIsHandledOnceSomebodyDoes() {
    tell(account(1), "deposit 5");
    NoReplyException none =
        assertThrows(
            NoReplyException.class,
            () -> agents.ask(account(1), Payload.ofText("balance"), Duration.ofMillis(50)));
    assertEquals("agent account/no/1 has not replied within 50 ms", none.getMessage());
    host();
    assertEquals(5, balance(account(1)));
  }

  @Test
  void anotherHostGoesOnWhereAHostEndedWithoutAWord() {
    AgentHost first = host();
    tell(account(1), "deposit 5");
    assertEquals(5, balance(account(1)));
    tell(account(1), "later 1");
    first.kill();
    AgentHost second = host();
    tell(account(1), "deposit 2");
    await("5 + 2 + 1000", () -> balance(account(1)) == 1_007);
    assertEquals(Set.of(account(1)), second.active());
  }

  @Test
  void aHostThatClosesHandsItsAgentsOverAtOnce() {
    AgentSettings slow = SETTINGS.withLease(Duration.ofMinutes(1));
    AgentHost first = host(slow);
    tell(account(1), "deposit 5");
    assertEquals(5, balance(account(1)));
    first.close();
    host(slow);
    assertEquals(5, balance(account(1)));
  }

  private static Payload ledger(AgentName agent) {
    return Payload.ofText("ledger/" + agent.id());
  }

  /// A host with a cache, which has the ledgers of the first so many accounts.
  private AgentHost cachingHost(AgentSettings settings, int ledgers) {
    Trellis client = connect();
    NearCache cache = NearCache.over(client, NearCacheConfig.DEFAULT);
    caches.add(cache);
    for (int number = 0; number < ledgers; number++) {
      assertEquals(Optional.empty(), cache.register(ledger(account(number))).get());
    }
    AgentHost host =
        AgentHost.over(Functions.over(client, cache))
            .serving(TYPE, name -> new Account(), name -> List.of(ledger(name)))
            .withCache(cache::keys)
            .withSettings(settings)
            .start();
    hosts.add(host);
    return host;
  }

  /// Whoever is not preferred would wait for a lease: so it is long here, and no test of a hurry.
  @Test
  void theHostWhoseCacheHasTheKeysOfAgentsGetsThem() {
    AgentSettings slow = SETTINGS.withLease(Duration.ofMinutes(1));
    AgentHost warm = cachingHost(slow, 20);
    AgentHost cold = cachingHost(slow, 0);
    for (int number = 0; number < 20; number++) {
      assertEquals(0, balance(account(number)));
    }
    assertEquals(20, warm.activeAgents());
    assertEquals(Set.of(), cold.active());
  }

  @Test
  void aHostWithAColdCacheTakesTheAgentsOnceTheWarmOneIsDead() {
    AgentHost warm = cachingHost(SETTINGS, 20);
    AgentHost cold = cachingHost(SETTINGS, 0);
    for (int number = 0; number < 20; number++) {
      tell(account(number), "deposit " + number);
      assertEquals(number, balance(account(number)));
    }
    warm.kill();
    for (int number = 0; number < 20; number++) {
      assertEquals(number, balance(account(number)));
    }
    assertEquals(20, cold.activeAgents());
  }

  @Test
  void agentsAskEachOther() {
    host();
    host();
    tell(account(1), "deposit 5");
    tell(account(2), "inquire 0 " + account(1));
    await("the reply", () -> balance(account(2)) == 5);
  }

  @Test
  void whatIsTransferredIsNeitherLostNorDoubledWhileHostsEnd() {
    int accounts = 8;
    int transfers = 300;
    Random random = new Random(7);
    host();
    host();
    long[] expected = new long[accounts];
    List<CompletableFuture<?>> told = new ArrayList<>();
    for (int i = 0; i < transfers; i++) {
      int from = random.nextInt(accounts);
      int to = random.nextInt(accounts);
      int amount = 1 + random.nextInt(9);
      expected[from] -= amount;
      expected[to] += amount;
      told.add(
          agents.tellAsync(account(from), Payload.ofText("pay " + amount + " " + account(to))));
      if (i % 100 == 50) {
        told.forEach(CompletableFuture::join);
        hosts.get(hosts.size() - 2).kill();
        host();
      }
    }
    told.forEach(CompletableFuture::join);
    for (int i = 0; i < accounts; i++) {
      int each = i;
      await("balance of " + i, () -> balance(account(each)) == expected[each]);
    }
  }

  @Test
  void whatItDoesToTheStoreCountsOnce() {
    host();
    for (int i = 0; i < 20; i++) {
      tell(account(1), "count 1 visits");
      if (i % 5 == 4) {
        hosts.getLast().kill();
        host();
      }
    }
    await("20", () -> balance(account(1)) == 20);
    assertEquals(20, clients.getFirst().counter("visits").value());
  }

  @Test
  void anAgentWithNothingToDoIsPutToRestAndComesBackWithItsState() {
    AgentSettings restless =
        new AgentSettings(Duration.ofMillis(100), Duration.ofMillis(10), Duration.ofMillis(100));
    AgentHost host = host(restless);
    Agents outside = Agents.over(connect(), restless);
    for (int i = 1; i <= 5; i++) {
      outside.tell(account(1), Payload.ofText("deposit 1"));
      assertEquals("" + i, outside.ask(account(1), Payload.ofText("balance"), WAIT).text());
      await("it rests", () -> host.activeAgents() == 0);
    }
    outside.close();
  }

  @Test
  void whatItCantHandleIsPutAsideAndTheNextMessageHandled() {
    host();
    tell(account(1), "dance 1");
    tell(account(1), "deposit 5");
    await("5", () -> balance(account(1)) == 5);
    assertEquals(1, clients.getFirst().log("_trellis/agent-mail/failed/" + account(1)).size());
  }
}
