package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.Trellis;
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
import dev.trellis.process.StrictConfig;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.function.BooleanSupplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// Agents where the node lets them have little: few watches, small values; and those who ask them
/// from a process that is restored from a snapshot.
class AgentLimitsTest {
  private static final Duration WAIT = Duration.ofSeconds(30);

  private static final AgentSettings SETTINGS =
      AgentSettings.DEFAULT
          .withLease(Duration.ofMillis(500))
          .withPeriod(Duration.ofMillis(300))
          .withIdle(Duration.ofMinutes(10));

  private static final AgentName FIRST = new AgentName("here", "1");
  private static final AgentName AWAY = new AgentName("away", "1");

  private final TrellisNode node =
      TrellisNode.start(
          NodeConfig.of(
              StrictConfig.ofText(
                  NodeConfig.reference(),
                  "node.id = node-1, shards = 1, data.ports = 0, admin.port = 0, watches.max = 3,"
                      + " limits.value = 64KiB",
                  Map.of())));
  private final List<Trellis> clients = new ArrayList<>();
  private final List<AgentHost> hosts = new ArrayList<>();
  private final Trellis client = connect();
  private final Agents agents = Agents.over(client, SETTINGS);

  private Trellis connect() {
    Trellis next =
        Trellis.connect(
            ClientConfig.of("127.0.0.1:" + node.descriptor().shardPorts().getFirst())
                .withConnectTimeout(WAIT)
                .withTimeout(WAIT));
    clients.add(next);
    return next;
  }

  private void host(String type) {
    hosts.add(
        AgentHost.over(connect())
            .serving(type, name -> AgentLimitsTest::handle)
            .withSettings(SETTINGS)
            .start());
  }

  @AfterEach
  void stop() {
    hosts.forEach(AgentHost::close);
    agents.close();
    clients.forEach(Trellis::close);
    node.close();
  }

  /// Counts what it is told, replies how much that is, and tells another agent 500 bytes where it
  /// is told to.
  private static void handle(Message message, AgentContext context) {
    int count = context.state().isEmpty() ? 0 : Integer.parseInt(context.state().text());
    if (message instanceof Message.Asked) {
      context.reply(Payload.ofText("" + count));
    } else if (message instanceof Message.Told told) {
      context.setState(Payload.ofText("" + (count + 1)));
      if (told.payload().equals(Payload.ofText("pass on"))) {
        context.tell(AWAY, Payload.of(new byte[500]));
      }
    }
  }

  private static void await(String what, BooleanSupplier condition) {
    long begun = System.nanoTime();
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - begun < WAIT.toNanos(), what);
      Thread.onSpinWait();
    }
  }

  private int count(AgentName agent) {
    return Integer.parseInt(agents.ask(agent, Payload.ofText("how many?"), WAIT).text());
  }

  private long mailOf(AgentName agent) {
    return client.log("_trellis/agent-mail/agent/" + agent).size();
  }

  @Test
  void agentsWhoseMailCantBeWatchedHearOfItAllTheSame() {
    host("here");
    for (int round = 1; round <= 2; round++) {
      for (int number = 1; number <= 6; number++) {
        agents.tell(new AgentName("here", "" + number), Payload.ofText("count"));
      }
      int told = round;
      for (int number = 1; number <= 6; number++) {
        AgentName agent = new AgentName("here", "" + number);
        await(agent + " has not heard of message " + told, () -> count(agent) == told);
      }
    }
  }

  @Test
  void whatDoesNotFitIntoAMailboxThatNobodyReadsArrivesOnceSomebodyDoes() {
    int messages = 300; // of which the mailbox takes some hundred
    host("here");
    List<CompletableFuture<?>> told = new ArrayList<>();
    for (int i = 0; i < messages; i++) {
      told.add(agents.tellAsync(FIRST, Payload.ofText("pass on")));
    }
    told.forEach(CompletableFuture::join);
    await("the mailbox is full", () -> mailOf(AWAY) >= 90);
    host("away");
    await("all have arrived", () -> count(AWAY) == messages);
    assertEquals(messages, count(FIRST));
  }

  @Test
  void whoIsRestoredFromASnapshotAsksForRepliesToAnotherMailbox() {
    Payload question = Payload.ofText("how many?");
    Duration soon = Duration.ofMillis(50);
    assertThrows(NoReplyException.class, () -> agents.ask(AWAY, question, soon));
    client.beforeCheckpoint();
    client.afterRestore();
    assertThrows(NoReplyException.class, () -> agents.ask(AWAY, question, soon));
    Pattern mailbox = Pattern.compile("replies/[0-9a-f]{32}");
    Set<String> replyTo = new TreeSet<>();
    await("both questions are there", () -> mailOf(AWAY) == 2);
    client
        .log("_trellis/agent-mail/agent/" + AWAY)
        .readSince(CausalContext.EMPTY, 10)
        .records()
        .forEach(
            record -> {
              String text = new String(record.value().toBytes(), StandardCharsets.ISO_8859_1);
              Matcher found = mailbox.matcher(text);
              assertTrue(found.find(), text);
              replyTo.add(found.group());
            });
    assertEquals(2, replyTo.size(), replyTo::toString);
  }
}
