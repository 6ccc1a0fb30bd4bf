package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertSame;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class LatticeMapTest extends LatticeLaws<LatticeMap> {
  @Override
  LatticeMap generate(RandomGenerator random) {
    return Samples.map(random, Samples.DEPTH_MAX);
  }

  @Override
  Model<LatticeMap> model() {
    return new Models.Fields(Samples.DEPTH_MAX);
  }

  private static final Payload NAME = Payload.ofText("name");
  private static final Payload HITS = Payload.ofText("hits");
  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final ReplicaId B = new ReplicaId(2, 0);

  private static LatticeMap field(Payload name, Entry entry) {
    return LatticeMap.of(Map.of(name, entry));
  }

  private static Entry text(long millis, String text) {
    return Entry.of(
        HybridTimestamp.ZERO,
        LwwRegister.of(HybridTimestamp.ofMillis(millis), 1, 0, Payload.ofText(text)));
  }

  @Test
  void fieldsAreWrittenApartAndMergedByTheirKinds() {
    Counter three = Counter.ZERO.increment(A, 3);
    Counter four = Counter.ZERO.increment(B, 4);
    LatticeMap left =
        field(NAME, text(1, "old")).merge(field(HITS, Entry.of(HybridTimestamp.ZERO, three)));
    LatticeMap right =
        field(NAME, text(2, "new")).merge(field(HITS, Entry.of(HybridTimestamp.ZERO, four)));
    LatticeMap both = left.merge(right);
    assertEquals(Optional.of(text(2, "new")), both.field(NAME));
    assertEquals(
        Optional.of(three.merge(four)), both.field(HITS).orElseThrow().value(Kind.COUNTER));
    assertEquals(2, both.liveCount(0));
    assertEquals(Optional.empty(), both.field(Payload.EMPTY));
  }

  @Test
  void aRemovedFieldIsATombstoneThatAnOlderWriteDoesNotBringBack() {
    Entry counted = Entry.of(HybridTimestamp.ZERO, Counter.ZERO.increment(A, 3));
    LatticeMap map = field(HITS, counted);
    LatticeMap removed = map.merge(field(HITS, counted.startedAnew(HybridTimestamp.ofMillis(5))));
    assertEquals(0, removed.liveCount(0));
    LatticeMap late = removed.merge(field(HITS, counted.with(Counter.ZERO.increment(B, 9))));
    assertSame(removed, late);
  }

  @Test
  void fieldsMayHoldMapsAndAreMergedAllTheWayDown() {
    Entry left = Entry.of(HybridTimestamp.ZERO, field(NAME, text(1, "a")));
    Entry right = Entry.of(HybridTimestamp.ZERO, field(HITS, text(1, "b")));
    for (int depth = 0; depth < 15; depth++) {
      left = Entry.of(HybridTimestamp.ZERO, field(NAME, left));
      right = Entry.of(HybridTimestamp.ZERO, field(NAME, right));
    }
    Entry merged = left.merge(right);
    for (int depth = 0; depth < 15; depth++) {
      merged = ((LatticeMap) merged.value(Kind.MAP).orElseThrow()).field(NAME).orElseThrow();
    }
    assertEquals(2, ((LatticeMap) merged.value(Kind.MAP).orElseThrow()).liveCount(0));
  }

  @Test
  void collectingTombstonesTakesFieldsThatEndedBeforeAndLooksIntoMaps() {
    HybridTimestamp cutoff = HybridTimestamp.ofMillis(10);
    Entry expired =
        Entry.of(
            HybridTimestamp.ZERO, LwwRegister.of(HybridTimestamp.ofMillis(1), 1, 7, Payload.EMPTY));
    Entry endsLater =
        Entry.of(
            HybridTimestamp.ZERO,
            LwwRegister.of(HybridTimestamp.ofMillis(1), 1, 11, Payload.EMPTY));
    LatticeMap inner = field(NAME, text(1, "kept")).merge(field(HITS, expired));
    Map<Payload, Entry> fields =
        Map.of(
            Payload.ofText("deleted"),
            Entry.empty(HybridTimestamp.ofMillis(9)),
            Payload.ofText("deleted later"),
            Entry.empty(HybridTimestamp.ofMillis(11)),
            Payload.ofText("expired"),
            expired,
            Payload.ofText("ends later"),
            endsLater,
            Payload.ofText("map"),
            Entry.of(HybridTimestamp.ZERO, inner));
    Entry pruned = Entry.of(HybridTimestamp.ZERO, LatticeMap.of(fields)).withoutTombstones(cutoff);
    assertEquals(
        Entry.of(
            HybridTimestamp.ZERO,
            LatticeMap.of(
                Map.of(
                    Payload.ofText("deleted later"),
                    Entry.empty(HybridTimestamp.ofMillis(11)),
                    Payload.ofText("ends later"),
                    endsLater,
                    Payload.ofText("map"),
                    Entry.of(HybridTimestamp.ZERO, field(NAME, text(1, "kept")))))),
        pruned);
    assertSame(pruned, pruned.withoutTombstones(cutoff));
  }
}
