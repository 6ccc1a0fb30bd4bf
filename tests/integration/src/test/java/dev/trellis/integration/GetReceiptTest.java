package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.Console;
import dev.trellis.cli.TrellisCli;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// `get --receipt` against a real node.
class GetReceiptTest {
  private final TrellisNode node = TrellisNode.start(NodeConfig.loopback("node-1", 1));
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  @AfterEach
  void stop() {
    node.close();
  }

  /// What the command prints.
  private String trellis(int exitCode, String... arguments) {
    output.reset();
    error.reset();
    List<String> all = new ArrayList<>(List.of(arguments));
    all.addAll(
        List.of(
            "--timeout",
            "30s",
            "--address",
            "127.0.0.1:" + node.descriptor().shardPorts().getFirst()));
    Console console =
        new Console(
            new ByteArrayInputStream(new byte[0]), output, error, false, false, false, Map.of());
    int code = TrellisCli.execute(console, all.toArray(String[]::new));
    assertEquals(exitCode, code, () -> output + "" + error);
    return output.toString(StandardCharsets.UTF_8);
  }

  @Test
  void tellsHowNewAValueIsAndWhereItComesFrom() {
    trellis(0, "put", "k", "v");
    assertEquals("v\n", trellis(0, "get", "k", "--receipt"));
    String told = error.toString(StandardCharsets.UTF_8);
    assertTrue(
        told.matches("from the memory tier; lacks nothing that was written until \\d+ ms before\n"),
        told);
    assertEquals("v", trellis(0, "get", "k", "--raw", "--receipt"));
    assertEquals("v\n", trellis(0, "get", "k"));
    assertEquals("", error.toString(StandardCharsets.UTF_8), "nobody asked");
    String json = trellis(0, "get", "k", "--receipt", "--json");
    assertTrue(
        json.matches(
            ".*\"receipt\":\\{\"asOf\":\"\\d+\\.\\d+\",\"stalenessMillis\":\\d+,"
                + "\"served\":\"memory\"\\}\\}\n"),
        json);
    assertEquals("", error.toString(StandardCharsets.UTF_8));
    trellis(1, "get", "nobody", "--receipt");
    assertTrue(error.toString(StandardCharsets.UTF_8).contains("from the memory tier"));
  }
}
