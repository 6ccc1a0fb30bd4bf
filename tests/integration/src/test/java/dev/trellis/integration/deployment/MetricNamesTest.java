package dev.trellis.integration.deployment;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.trellis.client.Trellis;
import dev.trellis.monitor.MonitorConfig;
import dev.trellis.monitor.NodeControl;
import dev.trellis.monitor.TrellisMonitor;
import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.routing.RouterConfig;
import dev.trellis.routing.TrellisRouter;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Supplier;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Every metric and label that the dashboard and the alerts go by is one that processes have, and
/// Prometheus itself finds nothing wrong with them.
class MetricNamesTest {
  private static final Path PROMETHEUS = Tree.DEPLOY.resolve("prometheus");

  /// What Prometheus adds to each series.
  private static final Set<String> ADDED = Set.of("job", "instance");

  /// A name with the labels that are asked of it.
  private static final Pattern SELECTOR =
      Pattern.compile("((?:trellis|jvm|process)_[a-z0-9_]+)(?:\\{([^}]*)})?");

  private static final Pattern LABEL = Pattern.compile("([a-z]+)(=~|=|!=|!~)\"([^\"]*)\"");
  private static final Pattern SAMPLE = Pattern.compile("([a-z_0-9]+)(?:\\{(.*)})? [-+0-9.EINaf]+");

  @TempDir private Path folder;

  /// The labels of each metric that the processes of a cluster have.
  private Map<String, Set<String>> real() throws Exception {
    Map<String, Set<String>> labels = new HashMap<>();
    String free = ", data.ports = 0, admin.port = 0, clock.skew.max = 1m\n";
    try (TrellisNode node =
            TrellisNode.start(
                NodeConfig.of(
                    StrictConfig.ofText(
                        NodeConfig.reference(),
                        "node.id = n1, node.tier = ssd, data.folder = \"" + folder + "\"" + free,
                        Map.of())));
        TrellisRouter router =
            TrellisRouter.start(
                RouterConfig.of(
                    StrictConfig.ofText(
                        RouterConfig.reference(),
                        "data.port = 0, admin.port = 0, gateway.port = 0, cluster.nodes = \"127.0.0.1:"
                            + node.descriptor().shardPorts().getFirst()
                            + "\"",
                        Map.of())));
        TrellisMonitor monitor = monitor(node);
        Trellis trellis =
            Trellis.connect("127.0.0.1:" + node.descriptor().shardPorts().getFirst());
        HttpClient http = HttpClient.newHttpClient()) {
      trellis.register("k").putText("v");
      // An answer of HTTP, so that there is one to count.
      var _ =
          get(http, "http://127.0.0.1:" + router.gatewayAddress().getPort() + "/v1/keys/missing");
      for (int port :
          List.of(
              node.descriptor().adminPort(),
              router.adminPort(),
              monitor.adminAddress().getPort())) {
        for (String line : get(http, "http://127.0.0.1:" + port + "/metrics").lines().toList()) {
          Matcher sample = SAMPLE.matcher(line);
          if (!line.startsWith("#") && sample.matches()) {
            Set<String> names = labels.computeIfAbsent(sample.group(1), _ -> new TreeSet<>(ADDED));
            if (sample.group(2) != null) {
              LABEL.matcher(sample.group(2)).results().forEach(one -> names.add(one.group(1)));
            }
          }
        }
      }
    }
    // Shown only once a request has failed.
    labels.put("trellis_request_failures_total", new TreeSet<>(Set.of("shard", "code")));
    labels.get("trellis_request_failures_total").addAll(ADDED);
    // Shown only once there is something to tell.
    labels.put("trellis_monitor_latency_seconds", new TreeSet<>(Set.of("statistic")));
    labels.get("trellis_monitor_latency_seconds").addAll(ADDED);
    labels.put("trellis_monitor_decisions_total", new TreeSet<>(Set.of("policy")));
    labels.get("trellis_monitor_decisions_total").addAll(ADDED);
    labels.put("trellis_monitor_nodes", new TreeSet<>(Set.of("tier")));
    labels.get("trellis_monitor_nodes").addAll(ADDED);
    return labels;
  }

  private static TrellisMonitor monitor(TrellisNode node) {
    StrictConfig settings =
        StrictConfig.ofText(
            MonitorConfig.reference(),
            "console.port = 0, admin.port = 0, cluster.nodes = [\"127.0.0.1:"
                + node.descriptor().shardPorts().getFirst()
                + "\"]",
            Map.of());
    return TrellisMonitor.start(
        MonitorConfig.of(settings),
        settings,
        new NodeControl() {
          @Override
          public Claimed claim(NodeDescriptor asked, long epoch) {
            return new Claimed(epoch, 0);
          }

          @Override
          public NodeDrain drain(Supplier<List<NodeDescriptor>> members) {
            throw new UnsupportedOperationException("nothing is scaled");
          }
        });
  }

  private static String get(HttpClient http, String uri) throws IOException, InterruptedException {
    return http.send(HttpRequest.newBuilder(URI.create(uri)).build(), BodyHandlers.ofString())
        .body();
  }

  private static Set<String> unknown(String expression, Map<String, Set<String>> real) {
    Set<String> unknown = new TreeSet<>();
    SELECTOR
        .matcher(expression)
        .results()
        .forEach(
            used -> {
              Set<String> labels = real.get(used.group(1));
              if (labels == null) {
                unknown.add(used.group(1));
              } else if (used.group(2) != null) {
                LABEL
                    .matcher(used.group(2))
                    .results()
                    .map(label -> label.group(1))
                    .filter(label -> !labels.contains(label))
                    .forEach(label -> unknown.add(used.group(1) + "{" + label + "}"));
              }
            });
    return unknown;
  }

  private static List<String> dashboard() throws IOException {
    JsonNode dashboard =
        new ObjectMapper().readTree(Tree.read(Tree.DEPLOY.resolve("grafana/trellis.json")));
    List<String> expressions = dashboard.findValues("expr").stream().map(JsonNode::asText).toList();
    dashboard
        .get("templating")
        .get("list")
        .forEach(variable -> assertTrue(variable.hasNonNull("name"), variable::toString));
    return expressions;
  }

  private static List<String> alerts() {
    Map<String, Object> rules = Manifests.plain(PROMETHEUS.resolve("alerts.yml"));
    return Manifests.list(rules.get("groups")).stream()
        .flatMap(group -> Manifests.list(((Map<?, ?>) group).get("rules")).stream())
        .map(rule -> (String) ((Map<?, ?>) rule).get("expr"))
        .toList();
  }

  @Test
  void whatDashboardAndAlertsGoByIsThere() throws Exception {
    Map<String, Set<String>> real = real();
    List<String> dashboard = dashboard();
    List<String> alerts = alerts();
    assertTrue(dashboard.size() > 30, () -> "few: " + dashboard);
    assertTrue(alerts.size() >= 20, () -> "few: " + alerts);
    for (String expression : dashboard) {
      assertEquals(Set.of(), unknown(expression, real), expression);
    }
    for (String expression : alerts) {
      assertEquals(Set.of(), unknown(expression, real), expression);
    }
    assertEquals(
        Set.of("trellis_entry", "trellis_entries{kind}"),
        unknown("trellis_entry + trellis_entries{shard=\"0\",kind=\"lww\"}", real));
  }

  @Test
  void panelsDoNotOverlapAndHaveNumbersOfTheirOwn() throws IOException {
    JsonNode dashboard =
        new ObjectMapper().readTree(Tree.read(Tree.DEPLOY.resolve("grafana/trellis.json")));
    Set<Integer> ids = new TreeSet<>();
    Set<String> cells = new TreeSet<>();
    int area = 0;
    for (JsonNode panel : dashboard.get("panels")) {
      assertTrue(ids.add(panel.get("id").asInt()), panel::toString);
      JsonNode place = panel.get("gridPos");
      assertTrue(place.get("x").asInt() + place.get("w").asInt() <= 24, panel::toString);
      for (int x = 0; x < place.get("w").asInt(); x++) {
        for (int y = 0; y < place.get("h").asInt(); y++) {
          cells.add((place.get("x").asInt() + x) + "," + (place.get("y").asInt() + y));
          area++;
        }
      }
    }
    assertEquals(area, cells.size());
  }

  @Test
  void prometheusFindsNothingWrongAndAlertsAreRaisedWhenTheyShouldBe() throws Exception {
    String rules = Command.run(PROMETHEUS, "promtool", "check", "rules", "alerts.yml");
    assertTrue(rules.contains("SUCCESS: " + alerts().size() + " rules found"), rules);
    // With what it names, which is made where it is used.
    Files.createFile(folder.resolve("trellis-ca.crt"));
    Files.createFile(folder.resolve("trellis-metrics.key"));
    for (String file : List.of("prometheus.yml", "alerts.yml")) {
      Files.copy(PROMETHEUS.resolve(file), folder.resolve(file));
    }
    String config = Command.run(folder, "promtool", "check", "config", "prometheus.yml");
    assertTrue(config.contains("is valid prometheus config file"), config);
    String tests = Command.run(PROMETHEUS, "promtool", "test", "rules", "alerts-test.yml");
    assertTrue(tests.contains("SUCCESS"), tests);
  }

  @Test
  void theExpressionsOfTheDashboardAreOnesThatPrometheusUnderstands() throws Exception {
    StringBuilder rules = new StringBuilder("groups:\n  - name: dashboard\n    rules:\n");
    int number = 0;
    for (String expression : dashboard()) {
      rules
          .append("      - record: expression_")
          .append(number++)
          .append("\n        expr: '")
          .append(expression.replace("$__rate_interval", "5m").replace("'", "''"))
          .append("'\n");
    }
    Path file = folder.resolve("dashboard.yml");
    Files.writeString(file, rules);
    String judged = Command.run(folder, "promtool", "check", "rules", file.toString());
    assertTrue(judged.contains("SUCCESS: " + number + " rules found"), judged);
  }
}
