package dev.trellis.monitor.policy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Decision.Place;
import dev.trellis.monitor.policy.PolicySettings.Counts;
import dev.trellis.wire.Placement;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// "Wu et al., VLDB 2019, §5.1, Cross-Tier Data Movement", and where we depart from it.
class TieringTest {
  private static final Placement WARM = Placement.ofDefault(1);
  private static final Placement COLD = new Placement(0, 2, 1);

  private final Tiering policy = new Tiering();

  private static Views cluster(double memoryUse) {
    return new Views().memory(2, 0.1, memoryUse).ssd(3, 0.1, 0.4);
  }

  @Test
  void aKeyOfTheSsdTierThatIsUsedTwiceInAMinuteGetsAPlaceInMemory() {
    Place place =
        Views.onlyPlace(cluster(0.4).key("used", 1, COLD, 0.03, 0, 1_000, 2).decide(policy));
    assertEquals(Move.PROMOTE, place.move());
    assertEquals(WARM, place.to());
    assertTrue(place.toDefault());
    assertEquals(1_000, place.explanation().expected().get("memoryBytesTaken"));
  }

  @Test
  void aKeyUsedOnceIsLeftWhereItIs() {
    assertEquals(List.of(), cluster(0.4).key("once", 1, COLD, 0.01, 0, 1_000, 1).decide(policy));
  }

  @Test
  void promotionEndsWhereMemoryIsAtItsHighMark() {
    // Between 0.4 and 0.6 of 8 GiB there are 1,638.4 MiB.
    List<Decision> decisions =
        cluster(0.4)
            .key("less used", 10_000, COLD, 1, 0, 1 << 20, 60)
            .key("more used", 1_000, COLD, 2, 0, 1 << 20, 120)
            .decide(policy);
    assertEquals(
        List.of(1_000L, 638L), decisions.stream().map(each -> ((Place) each).count()).toList());
    assertEquals(List.of(), cluster(0.6).key("used", 1, COLD, 1, 0, Views.GIB, 60).decide(policy));
  }

  @Test
  void aboveTheHighMarkIdleKeysGoDownToTheMiddleAndTheEstimateCountsTheRecordThatStays() {
    Views views = cluster(0.65).key("idle", 10_000, WARM, 0, 0, Views.GIB / 1_000, 0);
    Place place = Views.onlyPlace(views.decide(policy));
    assertEquals(Move.DEMOTE, place.move());
    assertEquals(COLD, place.to());
    assertEquals(1_601, place.count()); // 0.2 of 8 GiB, and a little for the records
    assertEquals(
        place.count() * (Views.GIB / 1_000 - 100),
        place.explanation().expected().get("memoryBytesFreed"),
        1);
    assertEquals(0.45, place.explanation().expected().get("memoryUse"), 0.001);
    assertEquals(
        place.count() * Views.GIB / 1_000, place.explanation().expected().get("ssdBytesAdded"), 1);
  }

  @Test
  void keysInUseStayAsLongAsMemoryCanGrow() {
    Views views = cluster(0.7).key("used", 10_000, WARM, 1, 0, Views.GIB / 1_000, 60);
    assertEquals(List.of(), views.decide(policy));
  }

  @Test
  void ifMemoryCannotGrowTheLeastUsedGo() {
    Views views =
        cluster(0.65)
            .key("more used", 1_000, WARM, 2, 0, Views.GIB / 1_000, 120)
            .key("less used", 1_000, WARM, 1, 0.5, Views.GIB / 1_000, 90);
    List<Decision> decisions =
        policy.decide(views.view(), Views.settings(Optional.empty(), new Counts(1, 2)));
    assertEquals(
        List.of("less used", "more used"),
        decisions.stream().map(each -> ((Place) each).key().text()).toList());
    assertEquals(
        1_000.0, decisions.getFirst().explanation().expected().get("ssdReadsPerSecondAdded"));
  }

  @Test
  void idleKeysMakeRoomForThoseThatAreWanted() {
    List<Decision> decisions =
        cluster(0.6)
            .key("wanted", 100, COLD, 1, 0, 1 << 20, 60)
            .key("idle", 10_000, WARM, 0, 0, 1 << 20, 0)
            .decide(policy);
    Place place = Views.onlyPlace(decisions);
    assertEquals("idle", place.key().text());
    assertEquals(101, place.count(), "as many as are wanted, and one for the records");
  }

  @Test
  void smallAndReplicatedKeysAreNoChoice() {
    assertEquals(
        List.of(),
        cluster(0.65)
            .key("small", 1_000_000, WARM, 0, 0, 150, 0)
            .key("hot", 1, new Placement(2, 1, 1), 0, 0, Views.GIB, 0)
            .decide(policy));
  }

  @Test
  void withoutAnSsdTierOrWithTooFewOfItsNodesNothingIsDemoted() {
    assertEquals(
        List.of(),
        new Views().memory(2, 0.1, 0.65).key("idle", 9, WARM, 0, 0, 1e6, 0).decide(policy));
    assertEquals(
        List.of(),
        new Views()
            .memory(2, 0.1, 0.65)
            .ssd(1, 0.1, 0.4)
            .key("idle", 9, WARM, 0, 0, 1e6, 0)
            .decide(policy));
  }

  @Test
  void theSsdTierIsNotOverfilled() {
    Views views =
        new Views()
            .memory(2, 0.1, 0.65)
            .ssd(3, 0.1, 0.874)
            .key("idle", 10_000, WARM, 0, 0, Views.GIB / 1_000, 0);
    Place place = Views.onlyPlace(views.decide(policy));
    assertEquals(12, (double) place.count(), 1); // 0.001 of 12 GiB
  }

  @Test
  void manyKeysThatAreReadNowAndThenAreNotTooMuchForDisks() {
    // 12 shards at 0.1 may be busy at 0.6; a read is taken for ten of memory's 20 µs.
    Views views = cluster(0.65);
    views.keyList.clear();
    views.key("rare", 10_000_000, WARM, 0.1, 0, Views.GIB / 1e6, 0);
    Place place = Views.onlyPlace(views.decide(policy));
    assertEquals(
        0.5 * 12 / 200e-6, place.explanation().expected().get("ssdReadsPerSecondAdded"), 1);
  }

  @Test
  void withoutCapacityThereIsNothingToDo() {
    assertEquals(List.of(), new Views().key("used", COLD, 1, 0).decide(policy));
  }
}
