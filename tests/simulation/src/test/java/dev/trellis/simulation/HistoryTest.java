package dev.trellis.simulation;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// What a read may miss, in a cluster of four nodes that keeps two copies.
class HistoryTest {
  private static final Mutation.Add ADD = new Mutation.Add(Kind.GSET, List.of(Payload.ofText("e")));
  private static final List<Payload> KEYS =
      IntStream.range(0, 20).mapToObj(number -> Payload.ofText("gset-all." + number)).toList();

  private final FaultPlan plan = plan();
  private final Scheduler scheduler = new Scheduler(1_700_000_000_000L);
  private final List<String> violations = new ArrayList<>();
  private final SimulatedCluster cluster =
      new SimulatedCluster(
          plan,
          Defect.NONE,
          scheduler,
          FaultPlan.random(1),
          new Trace(Optional.empty(), scheduler),
          new Tally(),
          violations);
  private final History history = new History(cluster);
  private Payload key = KEYS.getFirst();
  private long requests;

  HistoryTest() {
    scheduler.run(2_000);
    assertTrue(cluster.whatIsNotWhole().isEmpty(), () -> cluster.whatIsNotWhole().toString());
  }

  private static FaultPlan plan() {
    FaultPlan some = FaultPlan.of(1, Profile.CALM);
    return new FaultPlan(
        1,
        Profile.CALM,
        4,
        0,
        1,
        true,
        0,
        0,
        0,
        1,
        0,
        0,
        1,
        300,
        1_000,
        some.tombstoneGrace(),
        some.replication(),
        some.invocationLifetime());
  }

  @Test
  void whatAllHadToAcknowledgeNoneMayMiss() {
    acknowledged();
    missed();
    assertEquals(1, violations.size());
  }

  @Test
  void ofAKeyWithMoreReplicasThanMustAcknowledgeTheOthersMayHearLater() {
    // Who decided has not heard of it yet; those who shall hold the key have.
    execute(new Mutation.Place(Optional.of(new Placement(4, 0, 1))));
    acknowledged();
    missed();
    assertEquals(List.of(), violations);
  }

  @Test
  void whileANodeJoinsThereAreMoreReplicasToo() {
    cluster.add(NodeDescriptor.Tier.MEMORY);
    while (cluster.seenHolders(key).size() == 2) {
      scheduler.run(1);
      key = KEYS.stream().filter(k -> cluster.seenHolders(k).size() > 2).findFirst().orElse(key);
    }
    acknowledged();
    missed();
    assertEquals(List.of(), violations);
  }

  @Test
  void onceAllHaveItNoneMayMissItHoweverManyThereAre() {
    execute(new Mutation.Place(Optional.of(new Placement(4, 0, 1))));
    history.look(KEYS);
    missed();
    assertEquals(List.of(), violations);
    execute(ADD);
    history.look(KEYS);
    missed();
    assertEquals(1, violations.size());
  }

  @Test
  void whatAskedForOneCopyIsNotPromisedMoreOfThem() {
    acknowledged(false);
    history.checkCopies(key);
    assertEquals(List.of(), violations);
    acknowledged(true);
    history.checkCopies(key);
    assertEquals(1, violations.size());
  }

  @Test
  void whatIsPlacedIsKnownOnlyOnceAllWhoHoldItHaveHeard() {
    assertTrue(cluster.knowsPlace(key));
    begin(new Mutation.Place(Optional.of(new Placement(4, 0, 1))));
    assertFalse(cluster.knowsPlace(key));
    scheduler.run(1_000);
    assertTrue(cluster.knowsPlace(key));
  }

  private void acknowledged() {
    acknowledged(true);
  }

  private void acknowledged(boolean promised) {
    history.add(
        new Step(
            0,
            key,
            ADD,
            0,
            HybridTimestamp.ofMillis(scheduler.nowMillis()),
            Step.Ending.OK,
            true,
            promised,
            1,
            HybridTimestamp.ZERO));
  }

  private void missed() {
    scheduler.run(1);
    history.read(
        new Workload.Action(key, Read.Get.ANY, 0, false, Acknowledgement.DEFAULT, ReadMode.ANY),
        new View.Missing(),
        scheduler.nowMillis());
  }

  /// Has a shard that holds the key do something, and lets all hear of it.
  private void execute(Mutation mutation) {
    begin(mutation);
    scheduler.run(1_000);
  }

  /// Has a shard that holds the key do something, of which nobody else has heard yet.
  private void begin(Mutation mutation) {
    cluster
        .holders(key)
        .getFirst()
        .handle(
            cluster.newOrigin(),
            new Request(
                ++requests,
                key,
                mutation,
                RequestContext.mutation(requests, HybridTimestamp.ofMillis(scheduler.nowMillis()))),
            reply -> {});
  }
}
