package dev.trellis.monitor.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.ClusterView.Node;
import dev.trellis.monitor.policy.Decision.Resize;
import dev.trellis.monitor.policy.PolicySettings.Counts;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// "Wu et al., VLDB 2019, §5.3, Elasticity", of both kinds, and where we depart from it.
class ElasticityTest {
  private static final int LONG_AGO = 100_000;

  private final StorageElasticity storage = new StorageElasticity();
  private final ComputeElasticity compute = new ComputeElasticity();

  private static Views busy() {
    Views views = new Views().memory(10, 0.7, 0.4).ssd(2, 0.1, 0.6);
    views.latency = Views.micros(2_400);
    return views;
  }

  private static Views idle() {
    return new Views().memory(10, 0.05, 0.3).ssd(2, 0.1, 0.6);
  }

  // Room.

  @Test
  void aTierAboveItsHighMarkGrowsToTheMiddle() {
    Resize resize = Views.onlyResize(new Views().memory(10, 0.1, 0.61).decide(storage));
    assertEquals(14, resize.to()); // 10 x 0.61 / 0.45
    assertEquals(List.of(), resize.leaving());
    assertEquals("memory.use.high = 0.6", resize.explanation().threshold());
    Resize ssd =
        Views.onlyResize(new Views().memory(2, 0.1, 0.4).ssd(10, 0.1, 0.8).decide(storage));
    assertEquals(Tier.SSD, ssd.tier());
    assertEquals(13, ssd.to()); // 10 x 0.8 / 0.625
  }

  @Test
  void oneStepIsHalfAsManyMore() {
    assertEquals(15, Views.onlyResize(new Views().memory(10, 0.1, 0.95).decide(storage)).to());
    assertEquals(
        2, Views.onlyResize(new Views().memory(1, 0.1, 0.95).ssd(1, 0, 0.6).decide(storage)).to());
  }

  @Test
  void idleKeysGoBeforeNodesCome() {
    Views views =
        new Views()
            .memory(10, 0.1, 0.62)
            .ssd(3, 0.1, 0.6)
            .key("idle", 2_000, Placement.ofDefault(1), 0, 0, Views.GIB / 1_000, 0);
    assertEquals(List.of(), views.decide(storage));
  }

  @Test
  void whatKNeedsComesAtOnceWhateverElseIsOnItsWay() {
    Views views = new Views().memory(1, 0.1, 0.4);
    views.faultTolerance = 2;
    views.done(Views.resize(Tier.SSD, 0, 0), 1);
    assertEquals(3, Views.onlyResize(views.decide(storage)).to());
  }

  @Test
  void moreCopiesThanTheUserAllowsNodesAreNotMade() {
    Views views = new Views().memory(1, 0.1, 0.4);
    views.faultTolerance = 5;
    List<Decision> decisions =
        storage.decide(views.view(), Views.settings(Optional.empty(), new Counts(1, 2)));
    // The SSD tier is asked for the copies that memory may not hold.
    assertTrue(
        decisions.stream()
            .allMatch(
                each ->
                    each instanceof Resize resize
                        && resize.to() <= (resize.tier() == Tier.MEMORY ? 2 : 1_000)));
  }

  @Test
  void disksThatAreNotNeededGoDownToTheMiddleAndKeepTheCopies() {
    Views views = new Views().memory(2, 0.1, 0.4).ssd(10, 0.1, 0.4);
    Resize resize = Views.onlyResize(views.decide(storage));
    assertTrue(resize.to() < 10 && resize.to() >= 7, resize.toString());
    assertEquals(10 - resize.to(), resize.leaving().size());
    assertEquals(List.of(), new Views().memory(2, 0.1, 0.4).ssd(10, 0.25, 0.4).decide(storage));
    Views few =
        new Views().memory(2, 0.1, 0.4).ssd(2, 0.1, 0.1).key("cold", new Placement(0, 2, 1), 0, 0);
    assertEquals(List.of(), few.decide(storage));
  }

  @Test
  void aMonitorThatSeesNobodyDecidesNothing() {
    assertEquals(List.of(), new Views().decide(storage));
    assertEquals(List.of(), new Views().decide(compute));
  }

  @Test
  void nodesWithoutAnyRoomAreNoReasonToGrow() {
    Views views = new Views();
    views.nodes.add(
        new Node(
            "broken",
            Tier.MEMORY,
            State.ACTIVE,
            0,
            false,
            List.of(new ClusterView.Shard(0, 0, 0, 0, 0, 0))));
    views.faultTolerance = 0;
    assertEquals(List.of(), views.decide(storage));
    assertEquals(List.of(), views.decide(compute));
  }

  // Busy nodes.

  @Test
  void ifAllAreBusyAndClientsWaitTheTierGrowsByHowLongTheyWait() {
    Resize resize = Views.onlyResize(busy().decide(compute));
    assertEquals(13, resize.to()); // 10 x 2,400 / (0.75 x 2,500) = 12.8
    assertEquals(2_400, resize.explanation().inputs().get("latencyMicros"));
    assertEquals(2_400 * 10 / 13.0, resize.explanation().expected().get("latencyMicros"), 1);
  }

  @Test
  void clientsThatAreAnsweredInTimeDoNotMindBusyNodes() {
    Views views = busy();
    views.latency = Views.micros(1_500);
    assertEquals(List.of(), views.decide(compute));
  }

  @Test
  void aFewBusyNodesAreNoReason() {
    Views views = new Views().memory(7, 0.1, 0.4).memory(3, 0.95, 0.4);
    views.latency = Views.micros(9_000);
    assertEquals(List.of(), views.decide(compute));
  }

  @Test
  void nodesAboutToBeOverrunAreReasonEnough() {
    Views views = new Views().memory(10, 0.9, 0.4);
    views.latency = Views.micros(500);
    assertEquals(15, Views.onlyResize(views.decide(compute)).to());
  }

  @Test
  void withoutLatenciesOccupancyDecides() {
    Views views = busy();
    views.latency = Latency.NONE;
    assertEquals(12, Views.onlyResize(views.decide(compute)).to()); // 10 x 0.7 / 0.6
    Views calm = idle();
    calm.latency = Latency.NONE;
    assertEquals(List.of(), calm.decide(compute));
  }

  @Test
  void theBudgetIsNotExceeded() {
    Views views = busy();
    PolicySettings settings = Views.settings(Optional.of(11.6), new Counts(1, 1_000));
    Resize resize = Views.onlyResize(compute.decide(views.view(), settings));
    assertEquals(11, resize.to()); // 11 x 1 + 2 x 0.25 = 11.5
    assertEquals(11.5, resize.explanation().expected().get("costPerHour"));
  }

  @Test
  void whatIsOnItsWayIsWaitedFor() {
    assertEquals(List.of(), busy().pending(Views.resize(Tier.MEMORY, 10, 15), 60).decide(compute));
    assertEquals(List.of(), busy().node(Tier.MEMORY, State.JOINING, false, 0, 0).decide(compute));
    assertEquals(List.of(), busy().done(Views.resize(Tier.MEMORY, 8, 10), 60).decide(compute));
  }

  @Test
  void whatIsOverrunBecauseSomeWentNeedNotWait() {
    Views views = new Views().memory(10, 0.9, 0.4).done(Views.resize(Tier.MEMORY, 12, 10), 10);
    assertEquals(15, Views.onlyResize(views.decide(compute)).to());
  }

  @Test
  void aScalerThatNeverCameAboutIsNotWaitedForForEver() {
    assertEquals(
        13,
        Views.onlyResize(busy().pending(Views.resize(Tier.MEMORY, 10, 15), 1_300).decide(compute))
            .to());
  }

  @Test
  void theSsdTierGrowsForItsOccupancyOnlyIfMemoryCannot() {
    Views views = new Views().memory(2, 0.3, 0.4).ssd(4, 0.7, 0.6);
    views.latency = Views.micros(3_000);
    assertEquals(List.of(), views.decide(compute));
    Views overrun = new Views().memory(2, 0.3, 0.4).ssd(4, 0.9, 0.6);
    assertEquals(Tier.SSD, Views.onlyResize(overrun.decide(compute)).tier());
    PolicySettings full = Views.settings(Optional.empty(), new Counts(1, 2));
    assertEquals(Tier.SSD, Views.onlyResize(compute.decide(views.view(), full)).tier());
  }

  // Idle nodes.

  @Test
  void nodesWithLittleToDoGoAFewAtATimeThoseWithTheLeastDataFirst() {
    Views views = idle();
    views.node(Tier.MEMORY, 0.05, 0.2);
    Resize resize = Views.onlyResize(views.decide(compute));
    assertEquals(11, resize.from());
    assertTrue(resize.to() < 11 && resize.to() >= 9, resize.toString());
    assertEquals("memory-12", resize.leaving().getFirst());
    assertEquals(resize.from() - resize.to(), resize.leaving().size());
  }

  @Test
  void whatIsStoredKeepsItsNodes() {
    assertEquals(List.of(), new Views().memory(10, 0.05, 0.5).ssd(2, 0.1, 0.6).decide(compute));
  }

  @Test
  void nobodyLeavesAClusterThatIsNotWholeOrHasMembersThatDoNotAnswer() {
    Views torn = idle();
    torn.isWhole = false;
    assertEquals(List.of(), torn.decide(compute));
    assertEquals(List.of(), idle().node(Tier.MEMORY, State.ACTIVE, true, 0, 0).decide(compute));
    assertEquals(List.of(), idle().node(Tier.SSD, State.ACTIVE, true, 0, 0).decide(compute));
    assertEquals(List.of(), idle().node(Tier.SSD, State.JOINING, false, 0, 0).decide(compute));
  }

  @Test
  void aTierThatGrewStaysAndLongerIfItWentUpAndDownBefore() {
    assertEquals(List.of(), idle().done(Views.resize(Tier.MEMORY, 8, 10), 400).decide(compute));
    Views once = idle().done(Views.resize(Tier.MEMORY, 8, 10), 700);
    assertEquals(10, Views.onlyResize(once.decide(compute)).from());
    Views twice =
        idle()
            .done(Views.resize(Tier.MEMORY, 8, 10), 700)
            .done(Views.resize(Tier.MEMORY, 10, 8), 1_500)
            .done(Views.resize(Tier.MEMORY, 8, 10), LONG_AGO);
    assertEquals(List.of(), twice.decide(compute));
  }

  @Test
  void clientsThatWaitHalfTheObjectiveKeepTheirNodes() {
    Views views = idle();
    views.latency = Views.micros(1_300);
    assertEquals(List.of(), views.decide(compute));
  }

  @Test
  void aClusterThatNobodyAsksMayShrinkWithoutLatencies() {
    Views views = new Views().memory(10, 0, 0.1).ssd(2, 0, 0.6);
    views.latency = Latency.NONE;
    assertTrue(Views.onlyResize(views.decide(compute)).to() < 10);
  }

  @Test
  void whatIsIdleKeepsNoNodes() {
    // What fills half of three nodes fills three quarters of two.
    Views full = new Views().memory(3, 0, 0.5).ssd(2, 0, 0.6);
    full.latency = Latency.NONE;
    assertEquals(List.of(), full.decide(compute));
    Views idle =
        new Views()
            .memory(3, 0, 0.5)
            .ssd(2, 0, 0.6)
            .key("idle", 600 * Views.SHARDS, Placement.ofDefault(1), 0, 0, Views.GIB / 1_000, 0);
    idle.latency = Latency.NONE;
    assertEquals(2, Views.onlyResize(idle.decide(compute)).to());
    // They take it over first.
    Views large =
        new Views()
            .memory(3, 0, 0.58)
            .ssd(2, 0, 0.6)
            .key("idle", 1_500 * Views.SHARDS, Placement.ofDefault(1), 0, 0, Views.GIB / 1_000, 0);
    large.latency = Latency.NONE;
    assertEquals(List.of(), large.decide(compute));
  }

  @Test
  void aBudgetThatBecameLessTakesNodesAway() {
    Views views = new Views().memory(10, 0.4, 0.1).ssd(2, 0.1, 0.6);
    PolicySettings settings = Views.settings(Optional.of(9.5), new Counts(1, 1_000));
    Resize resize = Views.onlyResize(compute.decide(views.view(), settings));
    assertEquals(9, resize.to());
    assertEquals("budget.per-hour = 9.5", resize.explanation().threshold());
  }

  @Test
  void memoryKeepsOneNodeAndAllTogetherOneMoreThanMayBeLost() {
    assertEquals(List.of(), new Views().memory(2, 0, 0).decide(compute));
    assertEquals(
        1, Views.onlyResize(new Views().memory(2, 0, 0).ssd(1, 0.1, 0.6).decide(compute)).to());
    assertEquals(List.of(), new Views().memory(1, 0, 0).ssd(3, 0.1, 0.6).decide(compute));
  }
}
