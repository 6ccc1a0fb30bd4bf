package dev.trellis.monitor.decisions;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.decisions.DecisionBook.By;
import dev.trellis.monitor.decisions.Recorded.Progress;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.ClusterView.Latency;
import dev.trellis.monitor.policy.ClusterView.Node;
import dev.trellis.monitor.policy.ClusterView.Population;
import dev.trellis.monitor.policy.ClusterView.Shard;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.monitor.policy.PolicySettings;
import dev.trellis.monitor.scaler.Scaler;
import dev.trellis.monitor.scaler.Scaler.Answer;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class DecisionBookTest {
  private static final Explanation WHY =
      new Explanation(
          "compute", "too busy", Map.of("occupancy", 0.7), "occupancy.high = 0.2", Map.of());

  private final DecisionBook book = newBook(By.PEOPLE);

  private static DecisionBook newBook(By by) {
    return new DecisionBook(Duration.ofSeconds(30), by);
  }

  /// What a scaler says of the tier.
  private static Answer taken(int running, int leaving) {
    return new Answer.Taken(new Scaler.Progress(Tier.MEMORY, running, 0, leaving));
  }

  private static Decision.Resize resize(int from, int to, String... leaving) {
    return new Decision.Resize(Tier.MEMORY, from, to, List.of(leaving), WHY);
  }

  private static Decision.Place place(Payload key) {
    return new Decision.Place(
        key, 1, Move.REPLICATE, new Placement(1, 1, 1), new Placement(3, 1, 2), false, WHY);
  }

  private static ClusterView view(long nowMillis, State... states) {
    List<Node> nodes = new ArrayList<>();
    for (State state : states) {
      nodes.add(
          new Node(
              "node-" + nodes.size(),
              Tier.MEMORY,
              state,
              0,
              false,
              List.of(new Shard(0.25, 10, 5, 100, 50, 200))));
    }
    return new ClusterView(
        nowMillis,
        1,
        true,
        nodes,
        List.of(),
        new Population(100, 1, 1),
        new Latency(10, 300, 700, true),
        List.of());
  }

  @Test
  void aChangeOfNodesIsDoneOnceAllAreActiveAndItsEffectIsMeasuredLater() {
    Recorded recorded = book.add(resize(2, 3), 1_000);
    assertEquals(List.of(recorded), book.open());
    book.observe(view(2_000, State.ACTIVE, State.ACTIVE, State.JOINING));
    assertEquals(List.of(recorded), book.open());
    book.observe(view(3_000, State.ACTIVE, State.ACTIVE, State.ACTIVE));
    assertEquals(List.of(), book.open());
    assertTrue(taken(book).getFirst().isDone());
    assertEquals(3_000, taken(book).getFirst().doneMillis());
    book.observe(view(32_999, State.ACTIVE, State.ACTIVE, State.ACTIVE));
    assertEquals(Map.of(), book.latest().getFirst().effect());
    book.observe(view(33_000, State.ACTIVE, State.ACTIVE, State.ACTIVE));
    Map<String, Double> effect = book.latest().getFirst().effect();
    assertEquals(3.0, effect.get("nodes"));
    assertEquals(0.25, effect.get("occupancy"));
    assertEquals(700.0, effect.get("p95Micros"));
  }

  @Test
  void whoLeavesMustBeGone() {
    var _ = book.add(resize(2, 1, "node-1"), 1_000);
    book.observe(view(2_000, State.ACTIVE, State.LEAVING));
    assertEquals(1, book.open().size());
    book.observe(view(3_000, State.ACTIVE));
    assertEquals(0, book.open().size());
  }

  /// The last call of the scaler is the one that ends what is left of them.
  @Test
  void nodesHaveGoneOnceTheScalerSaysSoTooWhicheverItChose() {
    DecisionBook scaled = newBook(By.SCALER);
    Recorded shrink = scaled.add(resize(3, 2, "node-0"), 1_000);
    scaled.heard(shrink.id(), taken(2, 1));
    scaled.observe(view(2_000, State.ACTIVE, State.ACTIVE, State.LEAVING));
    assertEquals(List.of(shrink), scaled.open());
    scaled.observe(view(3_000, State.ACTIVE, State.ACTIVE)); // node-2 left, and node-0 is there
    assertEquals(List.of(shrink), scaled.open(), "the scaler has yet to end its process");
    scaled.heard(shrink.id(), taken(2, 0));
    scaled.observe(view(4_000, State.ACTIVE, State.ACTIVE));
    assertEquals(List.of(), scaled.open());
    assertEquals(4_000, taken(scaled).getFirst().doneMillis(), "policies know of it");
  }

  @Test
  void whatDoesNotComeAboutIsGivenUp() {
    var _ = book.add(resize(2, 3), 1_000);
    var _ = book.add(place(Payload.ofText("a")), 1_000);
    book.giveUp(1_000 + Duration.ofMinutes(15).toMillis());
    assertEquals(2, book.open().size());
    book.giveUp(1_001 + Duration.ofMinutes(15).toMillis());
    assertEquals(List.of(), book.open());
    assertEquals("it has not come about within 15 minutes", book.latest().getFirst().problem());
  }

  @Test
  void nodesThatHandOverAreWaitedForAlsoByWhoeverTakesOver() {
    DecisionBook first = newBook(By.SCALER);
    Recorded shrink = first.add(resize(3, 2), 0);
    first.heard(shrink.id(), taken(2, 1));
    first.heard(shrink.id(), new Answer.Failed("the connection broke"));
    first.giveUp(Duration.ofHours(5).toMillis());
    assertEquals(List.of(shrink), first.open());

    DecisionBook next = newBook(By.SCALER);
    next.takeUp(first.latest());
    next.giveUp(Duration.ofHours(6).toMillis());
    assertEquals(List.of(shrink), next.open(), "nobody has asked the scaler yet");
    next.heard(shrink.id(), taken(2, 1));
    next.giveUp(Duration.ofHours(24).toMillis());
    assertEquals(List.of(shrink), next.open());
    next.giveUp(Duration.ofHours(24).toMillis() + 1);
    assertEquals(List.of(), next.open());
  }

  @Test
  void whatTheScalerCannotDoIsGivenUp() {
    DecisionBook scaled = newBook(By.SCALER);
    Recorded failed = scaled.add(resize(2, 3), 0);
    scaled.heard(failed.id(), new Answer.Failed("no machine left"));
    scaled.giveUp(Duration.ofMinutes(16).toMillis());
    assertEquals(List.of(), scaled.open());
    Recorded slow = scaled.add(resize(2, 3), 0);
    scaled.heard(slow.id(), taken(3, 0));
    scaled.giveUp(Duration.ofMinutes(16).toMillis());
    assertEquals(List.of(), scaled.open());
  }

  @Test
  void aNewDecisionOvertakesAnOpenOneAboutTheSame() {
    Recorded grow = book.add(resize(2, 3), 1_000);
    Recorded first = book.add(place(Payload.ofText("a")), 1_000);
    Recorded second = book.add(place(Payload.ofText("b")), 1_000);
    Recorded more = book.add(resize(2, 4), 2_000);
    assertEquals(List.of(first, second, more), book.open());
    assertEquals(Progress.OVERTAKEN, find(grow.id()).state());
    assertFalse(taken(book).stream().anyMatch(one -> one.decision().equals(grow.decision())));
  }

  @Test
  void idsGrowAlsoWithinAMillisecondAndAfterARestart() {
    Recorded first = book.add(place(Payload.ofText("a")), 1_000);
    Recorded second = book.add(place(Payload.ofText("b")), 1_000);
    assertTrue(second.id() > first.id());
    DecisionBook next = newBook(By.PEOPLE);
    next.takeUp(List.of(second, first));
    assertEquals(List.of(second, first), next.latest());
    assertTrue(next.add(place(Payload.ofText("c")), 500).id() > second.id());
  }

  @Test
  void aDryRunIsNeverOrdered() {
    DecisionBook dry = newBook(By.NOBODY);
    var _ = dry.add(resize(2, 3), 1_000);
    assertEquals(List.of(), dry.open());
    assertTrue(taken(dry).getFirst().isDone());
  }

  @Test
  void aDryRunBindsNobodyElse() {
    DecisionBook dry = newBook(By.NOBODY);
    var _ = dry.add(resize(2, 3), 1_000);
    book.takeUp(dry.latest());
    assertEquals(List.of(), taken(book));
    assertEquals(1, book.latest().size(), "people see it still");
  }

  @Test
  void aDryRunOvertakesNothing() {
    Recorded ordered = book.add(resize(2, 3), 1_000);
    DecisionBook dry = newBook(By.NOBODY);
    dry.takeUp(book.latest());
    Recorded decided = dry.add(resize(2, 4), 2_000);
    assertEquals(List.of(decided), dry.drainChanges());
    assertEquals(List.of(ordered), dry.open());
  }

  @Test
  void whatIsRecordedIsReadAgain() {
    Payload odd = Payload.of(new byte[] {(byte) 0xff, 0, 1});
    Recorded placed =
        new Recorded(7, 1_000, place(odd), Progress.DONE, 1_500, "", Map.of("p95Micros", 123.5));
    assertEquals(placed, DecisionCodec.decode(DecisionCodec.encode(placed)));
    Recorded failed =
        new Recorded(
            8, 1_000, resize(3, 2, "node-2"), Progress.DRY_RUN, 1_500, "no room", Map.of());
    assertEquals(failed, DecisionCodec.decode(DecisionCodec.encode(failed)));
    assertThrows(
        IllegalArgumentException.class, () -> DecisionCodec.decode(Payload.ofText("{\"id\": 1}")));
    assertThrows(IllegalArgumentException.class, () -> DecisionCodec.decode(Payload.ofText("x")));
  }

  @Test
  void changesOfNodesAreRememberedForADayBesideAnyNumberOfPlaces() {
    Recorded grown = book.add(resize(2, 3), 1_000);
    book.settle(grown.id(), Progress.DONE, "", 2_000);
    for (int number = 0; number < 5_000; number++) {
      Recorded placed = book.add(place(Payload.ofText("key " + number)), 3_000 + number);
      book.settle(placed.id(), Progress.DONE, "", 3_000 + number);
    }
    long day = Duration.ofHours(24).toMillis();
    assertEquals(2_001, book.latest().size());
    assertEquals(
        List.of(grown.decision()),
        book.taken(2_000 + day - 1, PolicySettings.PAPER).stream()
            .map(ClusterView.Taken::decision)
            .toList());
    assertEquals(List.of(), book.taken(2_000 + day, PolicySettings.PAPER));
  }

  @Test
  void whatFailedMayBeDecidedAgain() {
    Recorded grow = book.add(resize(2, 3), 1_000);
    book.settle(grow.id(), Progress.FAILED, "no machine left", 2_000);
    assertEquals(List.of(), taken(book));
    assertEquals(List.of(), book.open());
  }

  /// As seen soon after all of it.
  private static List<ClusterView.Taken> taken(DecisionBook book) {
    return book.taken(5_000, PolicySettings.PAPER);
  }

  private Recorded find(long id) {
    return book.latest().stream().filter(one -> one.id() == id).findFirst().orElseThrow();
  }
}
