package dev.trellis.monitor.statistics;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.NodeReport.Heavy;
import dev.trellis.wire.NodeReport.Histogram;
import dev.trellis.wire.NodeReport.Idle;
import dev.trellis.wire.Placement;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ObservationsTest {
  private static final NodeReport.Progress WHOLE = new NodeReport.Progress(8, 0, 0);
  private static final Payload KEY = Payload.ofText("k");

  private final Observations observations =
      new Observations(Duration.ofSeconds(5), Duration.ofSeconds(60));

  private static NodeDescriptor member(String id, Tier tier, long incarnation, State state) {
    return new NodeDescriptor(id, tier, "h", List.of(1), 2, incarnation, 1, state);
  }

  private static Frame.ClusterMap map(NodeDescriptor... members) {
    return new Frame.ClusterMap(0, 1, "c", 1, List.of(members));
  }

  private static NodeReport report(
      String id, Tier tier, long incarnation, long sequence, NodeReport.Shard... shards) {
    return new NodeReport("c", id, incarnation, tier, sequence, 0, 1_000, List.of(shards));
  }

  private static NodeReport.Shard shard(
      long reads, long busyMillis, Histogram seen, List<Heavy> heavy, List<Idle> idle) {
    return new NodeReport.Shard(
        0,
        reads,
        10,
        busyMillis * 1_000_000,
        100,
        5_000,
        10_000,
        WHOLE,
        Histogram.EMPTY,
        seen,
        heavy,
        idle);
  }

  private static NodeReport.Shard shard(long reads, long busyMillis) {
    return shard(reads, busyMillis, Histogram.EMPTY, List.of(), List.of());
  }

  private static Heavy heavy(long reads, long writes, Optional<Placement> placement) {
    return new Heavy(KEY, reads, writes, 0, 64, placement);
  }

  @Test
  void loadsAreMeansOverTheWindowAndWhoIsSilentIsSuspected() {
    for (int second = 1; second <= 10; second++) {
      // Busy every other second.
      long busy = second % 2 == 0 ? 400 : 0;
      assertTrue(
          observations.accept(
              report("a", Tier.MEMORY, 7, second, shard(busy, busy)), second * 1_000L));
    }
    Frame.ClusterMap map = map(member("a", Tier.MEMORY, 7, State.ACTIVE));
    ClusterView view = observations.view(map, List.of(), 10_100);
    ClusterView.Node node = view.nodes().getFirst();
    assertEquals(0.2, node.occupancy(), 0.041);
    assertEquals(10, node.shards().getFirst().writesPerSecond(), 1e-9);
    assertTrue(view.isWhole());
    assertFalse(node.isSuspected());
    view = observations.view(map, List.of(), 20_000);
    assertTrue(view.nodes().getFirst().isSuspected());
    assertFalse(view.isWhole());
  }

  @Test
  void whoHasToldNothingIsSuspectedAndWhoLeftIsForgotten() {
    observations.accept(report("a", Tier.MEMORY, 7, 1, shard(1, 1)), 1_000);
    NodeDescriptor a = member("a", Tier.MEMORY, 7, State.ACTIVE);
    NodeDescriptor b = member("b", Tier.MEMORY, 8, State.JOINING);
    ClusterView view = observations.view(map(a, b), List.of(), 1_100);
    assertEquals(List.of(false, true), view.nodes().stream().map(n -> n.isSuspected()).toList());
    assertFalse(view.isWhole());
    observations.view(map(b), List.of(), 1_200);
    // Its reports of before say nothing of a node that comes back.
    view = observations.view(map(a, b), List.of(), 1_300);
    assertTrue(view.nodes().getFirst().isSuspected());
  }

  @Test
  void whatComesLateOrTwiceOrOfAFormerLifeIsPassedOver() {
    assertTrue(observations.accept(report("a", Tier.MEMORY, 7, 2, shard(1, 1)), 1_000));
    assertFalse(observations.accept(report("a", Tier.MEMORY, 7, 2, shard(1, 1)), 1_001));
    assertFalse(observations.accept(report("a", Tier.MEMORY, 7, 1, shard(1, 1)), 1_002));
    assertFalse(observations.accept(report("a", Tier.MEMORY, 6, 9, shard(1, 1)), 1_003));
    assertTrue(observations.accept(report("a", Tier.MEMORY, 8, 1, shard(1, 1)), 3_000));
    ClusterView view =
        observations.view(map(member("a", Tier.MEMORY, 7, State.ACTIVE)), List.of(), 3_100);
    assertTrue(view.nodes().getFirst().isSuspected(), "the report is of another life");
  }

  @Test
  void aKeyIsPutTogetherOfAllItsReplicas() {
    Placement wide = new Placement(2, 1, 1);
    observations.accept(
        report(
            "a",
            Tier.MEMORY,
            7,
            1,
            shard(900, 300, Histogram.EMPTY, List.of(heavy(800, 5, Optional.of(wide))), List.of())),
        1_000);
    observations.accept(
        report(
            "b",
            Tier.MEMORY,
            8,
            1,
            shard(700, 200, Histogram.EMPTY, List.of(heavy(600, 0, Optional.of(wide))), List.of())),
        1_000);
    ClusterView view =
        observations.view(
            map(
                member("a", Tier.MEMORY, 7, State.ACTIVE),
                member("b", Tier.MEMORY, 8, State.ACTIVE)),
            List.of(),
            1_100);
    ClusterView.Key key = view.keys().getFirst();
    assertEquals(1_400, key.readsPerSecond());
    assertEquals(5, key.writesPerSecond());
    assertEquals(wide, key.placement());
    assertFalse(key.isDefault());
    assertEquals(200, view.population().keys());
    assertEquals((900 + 700 + 20) / 200.0, view.population().mean(), 1e-9);
    // One key with 1,405, the others share the 215 that are left.
    assertTrue(view.population().deviation() > 90 && view.population().deviation() < 110);
  }

  @Test
  void accessesToTheSsdTierAreCountedOverTheirWindow() {
    Frame.ClusterMap map = map(member("s", Tier.SSD, 9, State.ACTIVE));
    Placement cold = new Placement(0, 2, 1);
    for (int second = 1; second <= 100; second++) {
      long reads = second % 30 == 0 ? 1 : 0;
      List<Heavy> heavy = reads == 0 ? List.of() : List.of(heavy(1, 0, Optional.of(cold)));
      observations.accept(
          report("s", Tier.SSD, 9, second, shard(reads, 1, Histogram.EMPTY, heavy, List.of())),
          second * 1_000L);
      if (second == 30) {
        assertEquals(1, key(map, second).accessesInWindow());
        assertEquals(1, key(map, second).ssdReadsPerSecond());
      } else if (second == 90) {
        assertEquals(3, key(map, second).accessesInWindow(), "at 30, 60 and 90 s");
      }
    }
    assertEquals(List.of(), observations.view(map, List.of(), 100_100).keys());
  }

  private ClusterView.Key key(Frame.ClusterMap map, int second) {
    return observations.view(map, List.of(), second * 1_000L + 1).keys().getFirst();
  }

  @Test
  void whatIsIdleInOneReplicaAndUsedInAnotherIsNotIdle() {
    Idle idle = new Idle(KEY, 4_096, 60_000);
    NodeReport.Shard resting = shard(0, 0, Histogram.EMPTY, List.of(), List.of(idle));
    observations.accept(report("a", Tier.MEMORY, 7, 1, resting), 1_000);
    Frame.ClusterMap map =
        map(member("a", Tier.MEMORY, 7, State.ACTIVE), member("b", Tier.MEMORY, 8, State.ACTIVE));
    ClusterView.Key key = observations.view(map, List.of(), 1_100).keys().getFirst();
    assertEquals(60_000, key.idleMillis());
    assertEquals(4_096, key.bytes());
    NodeReport.Shard used =
        shard(1, 0, Histogram.EMPTY, List.of(heavy(1, 0, Optional.empty())), List.of());
    observations.accept(report("b", Tier.MEMORY, 8, 1, used), 1_200);
    assertEquals(0, observations.view(map, List.of(), 1_300).keys().getFirst().idleMillis());
  }

  @Test
  void latencyIsThatOfClientsAndOfShardsOnlyWhereNoClientTells() {
    Frame.ClusterMap map = map(member("a", Tier.MEMORY, 7, State.ACTIVE));
    assertEquals(0, observations.view(map, List.of(), 10).latency().samples());
    List<Long> counts = new ArrayList<>(Collections.nCopies(Histogram.CLASSES, 0L));
    counts.set(Histogram.classOf(1_000_000), 95L);
    counts.set(Histogram.classOf(64_000_000), 5L);
    observations.accept(
        report("a", Tier.MEMORY, 7, 1, shard(1, 1, new Histogram(counts), List.of(), List.of())),
        1_000);
    ClusterView.Latency latency = observations.view(map, List.of(), 1_100).latency();
    assertTrue(latency.isFromClients());
    assertEquals(100, latency.samples());
    assertEquals(1_000, latency.p95Micros(), 250);
    assertEquals(0.95 * 1_000 + 0.05 * 64_000, latency.meanMicros(), 1_000);
  }

  /// Else nodes would be added whenever nobody has told anything for five seconds.
  @Test
  void latencyIsKnownBetweenReportsThatComeMoreSeldomThanTheWindowIsLong() {
    Frame.ClusterMap map = map(member("a", Tier.MEMORY, 7, State.ACTIVE));
    List<Long> counts = new ArrayList<>(Collections.nCopies(Histogram.CLASSES, 0L));
    counts.set(Histogram.classOf(1_000_000), 10L);
    List<NodeReport.Shard> shards =
        List.of(shard(1, 1, new Histogram(counts), List.of(), List.of()));
    for (int number = 1; number <= 3; number++) {
      long atMillis = number * 20_000L;
      observations.accept(
          new NodeReport("c", "a", 7, Tier.MEMORY, number, 0, 20_000, shards), atMillis);
      for (long later = 0; later < 20_100; later += 1_000) {
        assertEquals(10, observations.view(map, List.of(), atMillis + later).latency().samples());
      }
    }
    assertEquals(0, observations.view(map, List.of(), 121_000).latency().samples(), "it is silent");
  }

  @Test
  void whatWasRecordedIsPlayedAgain(@TempDir Path folder) throws Exception {
    Path file = folder.resolve("recording");
    NodeReport first = report("a", Tier.MEMORY, 7, 1, shard(900, 300));
    Frame.ClusterMap map = map(member("a", Tier.MEMORY, 7, State.ACTIVE));
    try (Recording recording = new Recording(file, 1 << 20)) {
      recording.map(map, 500);
      recording.report(first, 1_000);
      recording.map(map, 1_500);
      recording.report(first, 2_000);
    }
    byte[] whole = Files.readAllBytes(file);
    for (int length : new int[] {whole.length, whole.length - 1}) {
      Files.write(file, Arrays.copyOf(whole, length));
      List<String> played = new ArrayList<>();
      Recording.play(
          file,
          new Recording.Reader() {
            @Override
            public void report(NodeReport report, long atMillis) {
              assertEquals(first, report);
              played.add("report " + atMillis);
            }

            @Override
            public void map(Frame.ClusterMap now, long atMillis) {
              assertEquals(map.nodes(), now.nodes());
              played.add("map " + atMillis);
            }
          });
      List<String> expected = List.of("map 500", "report 1000", "report 2000");
      assertEquals(length == whole.length ? expected : expected.subList(0, 2), played);
    }
  }
}
