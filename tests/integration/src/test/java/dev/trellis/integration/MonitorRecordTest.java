package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.trellis.client.Trellis;
import dev.trellis.integration.RecordedLoad.Conditions;
import dev.trellis.lattice.Payload;
import dev.trellis.monitor.MonitorConfig;
import dev.trellis.monitor.NodeControl;
import dev.trellis.monitor.TrellisMonitor;
import dev.trellis.monitor.decisions.DecisionLog;
import dev.trellis.monitor.decisions.Recorded;
import dev.trellis.monitor.decisions.Recorded.Progress;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.monitor.scaler.NodeDrain;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// What monitors record in a real node, and take up from it.
class MonitorRecordTest {
  private static final long WAIT_SECONDS = 30;
  private static final ObjectMapper JSON = new ObjectMapper();
  private static final Explanation WHY = new Explanation("storage", "why", Map.of(), "", Map.of());

  private final RealNodes nodes = new RealNodes();
  private final HttpClient http = HttpClient.newHttpClient();

  @AfterEach
  void stop() throws Exception {
    http.close();
    nodes.close();
  }

  /// What the only node says of monitors: nothing at first, then that it knows of none, in the end
  /// that there is a new one.
  private static final class Claims implements NodeControl {
    private static final long LATEST = 1L << 40;

    private volatile Runnable lastAct = () -> {}; // of the first leader
    private volatile boolean answers;
    private volatile boolean isSucceeded;

    @Override
    public Claimed claim(NodeDescriptor node, long epoch) throws IOException {
      if (!answers) {
        throw new IOException("no answer");
      }
      if (isSucceeded) {
        if (epoch > 0 && epoch < LATEST) {
          throw new RefusedException("another one leads");
        }
        return new Claimed(LATEST, 0);
      }
      if (epoch > 0) {
        return new Claimed(epoch, 0);
      }
      lastAct.run();
      return new Claimed(0, -1); // so whoever asks leads at once
    }

    @Override
    public NodeDrain drain(Supplier<List<NodeDescriptor>> members) {
      throw new UnsupportedOperationException("nothing is scaled");
    }
  }

  private static Recorded growth(long id, Progress state, int from, int to) {
    long now = System.currentTimeMillis();
    Decision decision = new Decision.Resize(Tier.MEMORY, from, to, List.of(), WHY);
    return new Recorded(id, now, decision, state, now, "", Map.of());
  }

  private static void write(DecisionLog log, Recorded... recorded) {
    try {
      log.append(List.of(recorded)).get(WAIT_SECONDS, TimeUnit.SECONDS);
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }

  private JsonNode ask(TrellisMonitor monitor, String path) {
    try {
      URI uri = URI.create("http://127.0.0.1:" + monitor.consoleAddress().getPort() + path);
      return JSON.readTree(
          http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()).body());
    } catch (IOException | InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  /// Ids and states of what a monitor shows, the latest first.
  private List<String> shown(TrellisMonitor monitor) {
    List<String> shown = new ArrayList<>();
    ask(monitor, "/api/decisions")
        .path("decisions")
        .forEach(one -> shown.add(one.get("id").asText() + " " + one.get("state").asText()));
    return shown;
  }

  private boolean leads(TrellisMonitor monitor) {
    return ask(monitor, "/api/state").at("/monitor/leads").asBoolean();
  }

  /// Of a tier that has one node and is to have three.
  private TrellisMonitor monitor(TrellisNode node, NodeControl control, String more) {
    StrictConfig settings =
        StrictConfig.ofText(
            MonitorConfig.reference(),
            "console.port = 0, admin.port = 0, monitor.period = 300ms, memory.nodes.min = 3,"
                + more
                + " cluster.nodes = [\"127.0.0.1:"
                + node.descriptor().shardPorts().getFirst()
                + "\"]",
            Map.of());
    return nodes.closing(TrellisMonitor.start(MonitorConfig.of(settings), settings, control));
  }

  /// Beside a leader whose order is still to come about.
  @Test
  void aDryRunCarriesOutNothingThatOthersHaveOrderedAndRecordsItsOwnDecisionsAlone()
      throws Exception {
    TrellisNode node = nodes.start("node-1");
    DecisionLog record = new DecisionLog(nodes.connect(config -> config, node));
    Recorded order = batch(1).as(Progress.ORDERED, System.currentTimeMillis(), "");
    write(record, order);
    TrellisMonitor monitor = monitor(node, new Claims(), " monitor.dry-run = true,");
    Conditions.await("it decides", () -> states(record).containsValue(Progress.DRY_RUN));
    long then = ask(monitor, "/api/state").get("atMillis").asLong();
    Conditions.await(
        "it looks again and again",
        () -> ask(monitor, "/api/state").get("atMillis").asLong() > then + 1_000);
    Map<Long, Progress> states = states(record);
    assertEquals(Progress.ORDERED, states.remove(order.id()));
    assertEquals(Set.of(Progress.DRY_RUN), Set.copyOf(states.values()));
  }

  private static Map<Long, Progress> states(DecisionLog record) {
    Map<Long, Progress> states = new HashMap<>();
    try {
      record
          .read()
          .get(WAIT_SECONDS, TimeUnit.SECONDS)
          .forEach(one -> states.put(one.id(), one.state()));
    } catch (Exception e) {
      throw new AssertionError(e);
    }
    return states;
  }

  /// The tier has one node and is to have three, which is decided at once, unless it is known that
  /// it is under way. That is written down in the moment before the monitor leads.
  @Test
  void whoStandsByShowsWhatTheLeaderDecidesAndGoesOnWithItWhenItTakesOver() throws Exception {
    TrellisNode node = nodes.start("node-1");
    DecisionLog record = new DecisionLog(nodes.connect(config -> config, node));
    write(record, growth(1_000, Progress.FAILED, 1, 2));
    Claims claims = new Claims();
    TrellisMonitor monitor = monitor(node, claims, "");
    Conditions.await("it reads", () -> shown(monitor).equals(List.of("1000 failed")));
    claims.lastAct =
        () -> {
          write(record, growth(2_000, Progress.DONE, 1, 1));
          Conditions.await(
              "it follows", () -> shown(monitor).equals(List.of("2000 done", "1000 failed")));
          write(record, growth(3_000, Progress.ORDERED, 1, 3));
        };
    claims.answers = true;
    Conditions.await("it takes over", () -> leads(monitor));
    List<String> all = List.of("3000 ordered", "2000 done", "1000 failed");
    Conditions.await("it has read anew", () -> shown(monitor).equals(all));
    long then = ask(monitor, "/api/state").get("atMillis").asLong();
    Conditions.await(
        "it looks again and again",
        () -> ask(monitor, "/api/state").get("atMillis").asLong() > then + 1_000);
    assertEquals(all, shown(monitor), "it was decided before");

    claims.isSucceeded = true;
    Conditions.await("it stands by again", () -> !leads(monitor));
    write(record, growth(3_000, Progress.DONE, 1, 3), growth(4_000, Progress.ORDERED, 3, 4));
    Conditions.await(
        "it follows again",
        () ->
            shown(monitor)
                .equals(List.of("4000 ordered", "3000 done", "2000 done", "1000 failed")));
    assertEquals(
        List.of(1_000L, 2_000L, 3_000L, 4_000L),
        record.read().get(WAIT_SECONDS, TimeUnit.SECONDS).stream().map(Recorded::id).toList());
  }

  /// It has as many bytes as a value may have long before it has too many records.
  @Test
  void aFullRecordDropsItsOldestHalfAndTakesWhatWasToBeRecordedMeanwhile() throws Exception {
    TrellisNode node =
        nodes.closing(
            TrellisNode.start(
                NodeConfig.of(
                    StrictConfig.ofText(
                        NodeConfig.reference(),
                        "node.id = n1, data.ports = 0, admin.port = 0, limits.value = 256KiB",
                        Map.of()))));
    Trellis trellis = nodes.connect(config -> config, node);
    DecisionLog record = new DecisionLog(trellis);
    for (int id = 1; id <= 300; id++) {
      write(record, batch(id));
    }
    List<Recorded> kept = record.read().get(WAIT_SECONDS, TimeUnit.SECONDS);
    assertEquals(300, kept.getLast().id());
    assertTrue(kept.size() > 20 && kept.size() < 300, kept.size() + " are kept");

    Recorded[] manyAtOnce =
        IntStream.rangeClosed(301, 600).mapToObj(MonitorRecordTest::batch).toArray(Recorded[]::new);
    write(record, manyAtOnce);
    kept = record.read().get(WAIT_SECONDS, TimeUnit.SECONDS);
    assertEquals(600, kept.getLast().id());
    assertTrue(kept.size() > 20 && kept.size() < 300, kept.size() + " are kept");
  }

  /// Of as many keys as one decision has at most.
  private static Recorded batch(int id) {
    List<Payload> keys =
        IntStream.range(0, 64)
            .mapToObj(key -> Payload.ofText("customers/%08d/cart".formatted(id * 64 + key)))
            .toList();
    Placement place = new Placement(1, 1, 1);
    Decision.Place decision =
        new Decision.Place(
            keys.getFirst(), keys.subList(1, 64), 64, Move.DEMOTE, place, place, false, WHY);
    return new Recorded(id, 0, decision, Progress.DONE, 0, "", Map.of());
  }
}
