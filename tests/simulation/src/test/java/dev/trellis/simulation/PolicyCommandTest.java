package dev.trellis.simulation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.cli.Console;
import dev.trellis.cli.ExitCode;
import dev.trellis.cli.Json;
import dev.trellis.cli.TrellisCli;
import dev.trellis.monitor.simulation.Scenario;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PolicyCommandTest {
  private final ByteArrayOutputStream output = new ByteArrayOutputStream();
  private final ByteArrayOutputStream error = new ByteArrayOutputStream();

  private int run(String... arguments) {
    output.reset();
    error.reset();
    return TrellisCli.execute(
        new Console(InputStream.nullInputStream(), output, error, false, false, false, Map.of()),
        arguments);
  }

  private String told() {
    return output.toString(StandardCharsets.UTF_8);
  }

  private String complained() {
    return error.toString(StandardCharsets.UTF_8);
  }

  @Test
  void withoutAScenarioItListsThem() {
    assertEquals(ExitCode.OK, run("simulate", "policy"));
    Scenario.all().forEach(each -> assertTrue(told().contains(each.name()), told()));
  }

  @Test
  void anUnknownScenarioIsToldTogetherWithThoseThereAre() {
    assertEquals(ExitCode.MISUSE, run("simulate", "policy", "storm"));
    assertTrue(complained().startsWith("error: no scenario 'storm'; there are steady, spike"));
  }

  @Test
  void anUnknownSettingIsToldTogetherWithTheNearest() {
    assertEquals(
        ExitCode.MISUSE, run("simulate", "policy", "steady", "--set", "policy.occupancy.hi=0.5"));
    assertTrue(complained().contains("policy.occupancy.high"), complained());
    assertEquals(ExitCode.MISUSE, run("simulate", "policy", "steady", "--nodes", "0"));
    assertTrue(complained().contains("nodes.memory 0 is outside 1 to 100000"), complained());
  }

  @Test
  void thePapersHalfHourIsToldBesideThePaper(@TempDir Path folder) throws IOException {
    Path page = folder.resolve("page.html");
    assertEquals(
        ExitCode.OK, run("simulate", "policy", "paper-dynamic", "--html", page.toString()));
    assertTrue(told().contains("the paper: met 97% of the time, 16 nodes at most"), told());
    assertTrue(told().contains("replicate part0/1 "), told());
    assertTrue(told().contains("memory 12 to 16 nodes"), told());
    String html = Files.readString(page);
    assertTrue(html.contains("the paper&#39;s figure 5") || html.contains("the paper's figure 5"));
    assertTrue(html.contains("Latency, ms") && html.contains("compute: clients wait too long"));
    assertFalse(html.contains("src=") || html.contains("href="), "nothing comes from elsewhere");
  }

  @Test
  void jsonHasEachDecisionWithItsReasons() {
    assertEquals(ExitCode.OK, run("simulate", "policy", "paper-hot-key", "--json"));
    Map<?, ?> report = assertInstanceOf(Map.class, Json.read(told()));
    assertTrue((double) report.get("withinObjective") > 0.9, told());
    assertTrue(told().contains("\"policy\":\"hot-keys\""), told());
    assertTrue(told().contains("\"heldBackFactor\":"), told());
  }
}
