package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.Console;
import dev.trellis.cli.TrellisCli;
import dev.trellis.client.Trellis;
import dev.trellis.functions.agent.AgentHost;
import dev.trellis.functions.agent.AgentName;
import dev.trellis.functions.agent.Agents;
import dev.trellis.functions.agent.Message;
import dev.trellis.lattice.Payload;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// `agent list` and `agent peek` against a real node.
class AgentCommandTest {
  private static final AgentName AGENT = new AgentName("account", "4711");

  private final TrellisNode node = TrellisNode.start(NodeConfig.loopback("node-1", 1));
  private final String address = "127.0.0.1:" + node.descriptor().shardPorts().getFirst();
  private final Trellis client = Trellis.connect(address);
  private final Agents agents = Agents.over(client);
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  @AfterEach
  void stop() {
    agents.close();
    client.close();
    node.close();
  }

  /// What the command prints.
  private String trellis(int exitCode, String... arguments) {
    output.reset();
    error.reset();
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(List.of("--timeout", "30s", "--address", address));
    Console console =
        new Console(
            new ByteArrayInputStream(new byte[0]), output, error, false, false, false, Map.of());
    int code = TrellisCli.execute(console, all.toArray(String[]::new));
    assertEquals(exitCode, code, () -> output + "" + error);
    return output.toString(StandardCharsets.UTF_8);
  }

  @Test
  void showsWhatWaitsAndWhatCouldNotBeHandled() {
    assertEquals("", trellis(0, "agent", "list"));
    agents.tell(AGENT, Payload.ofText("10"));
    agents.tell(AGENT, Payload.ofText("dance"));
    assertEquals("account/4711\t2\n", trellis(0, "agent", "list"));
    assertEquals("tell\t10\ntell\tdance\n", trellis(0, "agent", "peek", "account/4711"));
    String json = trellis(0, "agent", "peek", "account/4711", "--limit", "1", "--json");
    assertTrue(
        json.matches(
            "\\{\"id\":\"[^\"]+\",\"sentMillis\":\\d+,\"purpose\":\"tell\",\"body\":\"10\"}\n"),
        json);
    try (AgentHost host =
        AgentHost.over(client)
            .serving(
                "account",
                name ->
                    (message, context) -> {
                      if (message instanceof Message.Told told) {
                        var _ = Long.parseLong(told.payload().text());
                      } else {
                        context.reply(Payload.EMPTY);
                      }
                    })
            .start()) {
      assertEquals(
          Payload.EMPTY, agents.ask(AGENT, Payload.ofText("done?"), Duration.ofSeconds(30)));
      assertEquals(1, host.activeAgents());
    }
    assertEquals("", trellis(1, "agent", "peek", "account/4711"));
    assertEquals("nothing waits for account/4711\n", error.toString(StandardCharsets.UTF_8));
    assertEquals("tell\tdance\n", trellis(0, "agent", "peek", "account/4711", "--failed"));
  }

  @Test
  void whatIsNoAgentIsMisuse() {
    trellis(2, "agent", "peek", "account");
    assertTrue(error.toString(StandardCharsets.UTF_8).contains("it is type/id"), error::toString);
    trellis(2, "agent", "peek", "account/1", "--limit", "0");
    assertTrue(error.toString(StandardCharsets.UTF_8).contains("outside 1 to 1000"));
  }
}
