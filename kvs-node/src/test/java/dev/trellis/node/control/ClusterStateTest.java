package dev.trellis.node.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.node.control.ClusterState.End;
import dev.trellis.node.control.ClusterState.Ended;
import dev.trellis.node.control.ClusterState.FaultTolerance;
import dev.trellis.node.control.ClusterState.Known;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;

class ClusterStateTest {
  private static final int ROUNDS = 2_000;
  private final long seed = Long.getLong("seed", System.nanoTime());
  private final Random random = new Random(seed);

  private ClusterState generate() {
    Map<Incarnation, Known> known = new HashMap<>();
    Map<Incarnation, Ended> ended = new HashMap<>();
    for (int count = random.nextInt(4); count > 0; count--) {
      known.put(incarnation(), new Known("h:" + random.nextInt(2), Tier.MEMORY));
    }
    // Often more than are remembered.
    for (int count = random.nextInt(80); count > 0; count--) {
      End end = List.of(End.values()).get(random.nextInt(3));
      ended.put(incarnation(), new Ended(random.nextInt(4), end));
    }
    return new ClusterState(
        new FaultTolerance(random.nextInt(2), "n" + random.nextInt(2), random.nextInt(3)),
        known,
        ended,
        random.nextLong(3));
  }

  private Incarnation incarnation() {
    return new Incarnation("n" + random.nextInt(2), random.nextInt(60));
  }

  @Test
  void mergeIsCommutativeAndIdempotent() {
    for (int round = 0; round < ROUNDS; round++) {
      ClusterState a = generate();
      ClusterState b = generate();
      assertEquals(a.merge(b), b.merge(a), () -> "-Dseed=" + seed);
      assertEquals(a.merge(b), a.merge(b).merge(b).merge(a), () -> "-Dseed=" + seed);
    }
  }

  @Test
  void theLatestChangeOfFaultToleranceWins() {
    ClusterState initial = ClusterState.initial(1);
    ClusterState early = initial.withFaultTolerance(new FaultTolerance(5, "b", 3));
    ClusterState late = initial.withFaultTolerance(new FaultTolerance(6, "a", 0));
    assertEquals(0, early.merge(late).faultTolerance().nodes());
    assertEquals(0, late.merge(early).merge(initial).faultTolerance().nodes());
  }

  @Test
  void whoHasEndedIsNotKnownAnyMoreWhateverOthersSay() {
    Incarnation dead = new Incarnation("n", 1);
    ClusterState known = ClusterState.initial(1).withKnown(dead, new Known("h:1", Tier.MEMORY));
    ClusterState ended = known.withEnded(dead, new Ended(7, End.GONE));
    assertEquals(Map.of(), ended.merge(known).known());
    assertEquals(Map.of(), known.merge(ended).withKnown(dead, new Known("h:1", Tier.SSD)).known());
  }

  @Test
  void metadataAreReadAsTheyWereWritten() throws MalformedMessageException {
    for (int round = 0; round < 200; round++) {
      MemberMetadata metadata = new MemberMetadata(node(), generate(), List.of(7L, -3L), true);
      assertEquals(
          metadata, MemberMetadata.decode(metadata.encode().toBytes()), () -> "-Dseed=" + seed);
    }
  }

  @Test
  void metadataCutShortAreRefused() {
    byte[] whole =
        new MemberMetadata(node(), generate(), List.of(7L, -3L), true).encode().toBytes();
    // As earlier versions write, and before them, and before them:
    int withoutComplete = whole.length - 1;
    int withoutEpoch = withoutComplete - Long.BYTES;
    int withoutPort = withoutEpoch - Short.BYTES;
    int withoutFormer = withoutPort - 1 - 2 * Long.BYTES;
    Set<Integer> earlier = Set.of(withoutComplete, withoutEpoch, withoutPort, withoutFormer);
    for (int length = 0; length < whole.length; length++) {
      if (earlier.contains(length)) {
        continue;
      }
      byte[] part = Arrays.copyOf(whole, length);
      assertThrows(MalformedMessageException.class, () -> MemberMetadata.decode(part));
    }
  }

  @Test
  void metadataOfEarlierVersionsTellOfNoStatisticsAndNoFormerLives()
      throws MalformedMessageException {
    ClusterState state = generate();
    MemberMetadata metadata =
        new MemberMetadata(
            node().withStatisticsPort(0),
            new ClusterState(state.faultTolerance(), state.known(), state.ended(), 0),
            List.of(),
            false);
    byte[] whole = metadata.encode().toBytes();
    int withoutPort = whole.length - 1 - Long.BYTES - Short.BYTES;
    assertEquals(metadata, MemberMetadata.decode(Arrays.copyOf(whole, withoutPort)));
    assertEquals(metadata, MemberMetadata.decode(Arrays.copyOf(whole, withoutPort - 1)));
  }

  private static NodeDescriptor node() {
    return new NodeDescriptor(
        "n1", Tier.SSD, "h", List.of(1, 65_535), 2, -5, 9, State.LEAVING, "z", 65_535, 65_534);
  }
}
