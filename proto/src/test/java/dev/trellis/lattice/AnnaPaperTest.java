package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.testing.Seeds;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// Follows Wu, Faleiro, Lin, Hellerstein, *Anna: A KVS for Any Scale*, ICDE 2018, section by
/// section, as far as its lattices go, and says where ours differ.
class AnnaPaperTest {
  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final ReplicaId B = new ReplicaId(2, 0);
  private static final Payload X = Payload.ofText("x");
  private static final Payload Y = Payload.ofText("y");

  /// §V.A: an actor gathers the updates of an epoch, merges those of one key, and sends the result.
  @Test
  void sectionVaMergingAtTheSenderEqualsSendingEveryUpdate() {
    Seeds.forAll(
        300,
        random -> {
          Entry receiver = Samples.entry(random, 2);
          Entry eager = receiver;
          List<Entry> updates = new ArrayList<>();
          for (int update = 0; update < 6; update++) {
            updates.add(Samples.entry(random, 2));
          }
          Entry changeset = updates.get(0);
          for (Entry update : updates) {
            eager = eager.merge(update);
            changeset = changeset.merge(update);
          }
          assertEquals(eager, receiver.merge(changeset));
        });
  }

  /// §VI.A: the building blocks are associative, commutative and idempotent, hence batches of
  /// updates may come in any order and any number of times.
  @Test
  void sectionViaBuildingBlocksDoNotMindOrderBatchesOrRepeats() {
    MaxRegister max = new MaxRegister(3).merge(new MaxRegister(7)).merge(new MaxRegister(3));
    assertEquals(new MaxRegister(7), max);
    Flag or = new Flag(false).merge(new Flag(true)).merge(new Flag(false));
    assertEquals(new Flag(true), or);
    GrowSet union =
        GrowSet.of(List.of(X)).merge(GrowSet.of(List.of(Y))).merge(GrowSet.of(List.of(X)));
    assertEquals(GrowSet.of(List.of(Y, X)), union);
  }

  /// §VI.A: a map of lattices is a lattice, merged key by key; so is a pair, ours being the entry:
  /// a generation, and the value that goes with it.
  @Test
  void sectionViaLatticesComposeIntoMapsAndPairs() {
    Entry three = Entry.of(HybridTimestamp.ZERO, new MaxRegister(3));
    Entry seven = Entry.of(HybridTimestamp.ZERO, new MaxRegister(7));
    Entry later = Entry.of(HybridTimestamp.ofMillis(1), new MaxRegister(1));
    LatticeMap left = LatticeMap.of(Map.of(X, three, Y, later));
    LatticeMap right = LatticeMap.of(Map.of(X, seven, Y, seven));
    assertEquals(LatticeMap.of(Map.of(X, seven, Y, later)), left.merge(right));
  }

  /// §VI.B: the private state of an actor is a map from keys to whatever lattices the user gave.
  /// Actors that merged the same updates hold the same state.
  @Test
  void sectionVibActorsWithPrivateStateConvergeOnMapsOfAnyLattices() {
    Seeds.forAll(
        200,
        random -> {
          List<LatticeMap> updates = new ArrayList<>();
          for (int update = 0; update < 8; update++) {
            updates.add(LatticeMap.of(Map.of(Samples.payload(random), Samples.entry(random, 1))));
          }
          List<LatticeMap> actors = new ArrayList<>();
          for (int actor = 0; actor < 3; actor++) {
            Collections.shuffle(updates, new Random(random.nextLong()));
            actors.add(updates.stream().reduce(LatticeMap.EMPTY, LatticeMap::merge));
          }
          assertEquals(actors.get(0), actors.get(1));
          assertEquals(actors.get(0), actors.get(2));
        });
  }

  /// §VI.C, causal consistency: a vector clock is a map from writers to maxima. Ours is a set of
  /// dots, which is the same where no dot is missing.
  @Test
  void sectionVicAVectorClockIsAMapOfMaxima() {
    Seeds.forAll(
        500,
        random -> {
          Map<ReplicaId, Long> left = new HashMap<>();
          Map<ReplicaId, Long> right = new HashMap<>();
          for (int writer = 0; writer < 3; writer++) {
            left.put(Model.idOf(writer), random.nextLong(1, 5));
            right.put(Model.idOf(writer), random.nextLong(1, 5));
          }
          Map<ReplicaId, Long> maxima = new HashMap<>(left);
          right.forEach((writer, counter) -> maxima.merge(writer, counter, Long::max));
          assertEquals(clock(maxima), clock(left).merge(clock(right)));
          boolean dominates = left.keySet().stream().allMatch(w -> left.get(w) >= right.get(w));
          assertEquals(dominates, clock(left).includes(clock(right)));
        });
  }

  private static CausalContext clock(Map<ReplicaId, Long> counters) {
    return CausalContext.ofRuns(
        counters.entrySet().stream()
            .map(one -> new CausalContext.Run(one.getKey(), 1, one.getValue()))
            .toList());
  }

  /// §VI.C, causal consistency: of two versions the one whose clock dominates stays; concurrent
  /// ones are both kept. In the paper they are then merged as one value with one clock, so that a
  /// version is dropped or kept with all its siblings; ours have a dot each and go one by one.
  @Test
  void sectionVicADominatedVersionGoesAndConcurrentOnesStay() {
    CausalRegister first = CausalRegister.EMPTY.put(A, sibling("first"), CausalContext.EMPTY);
    CausalRegister next = first.merge(first.put(A, sibling("next"), first.context()));
    assertEquals(next, next.merge(first));
    CausalRegister concurrent = first.merge(first.put(B, sibling("other"), first.context()));
    CausalRegister both = next.merge(concurrent);
    assertEquals(2, both.size());
    assertTrue(both.context().includes(next.context()));
    assertTrue(both.context().includes(concurrent.context()));
  }

  /// §VI.C, causal consistency: a value carries the versions of other keys that it depends on.
  @Test
  void sectionVicDependenciesAreMergedKeyByKey() {
    MultiCausalRegister left = dependent(A, new Dot(A, 1));
    MultiCausalRegister right = dependent(B, new Dot(B, 2));
    assertEquals(
        Map.of(X, CausalContext.of(new Dot(A, 1), new Dot(B, 2))),
        MultiCausalRegisterTest.dependencies(left.merge(right)));
  }

  private static MultiCausalRegister dependent(ReplicaId writer, Dot version) {
    return new MultiCausalRegister(
        CausalRegister.EMPTY.put(
            writer,
            new CausalRegister.Sibling(
                Y, Expiry.NEVER, new TreeMap<>(Map.of(X, CausalContext.of(version)))),
            CausalContext.EMPTY));
  }

  private static CausalRegister.Sibling sibling(String text) {
    return new CausalRegister.Sibling(Payload.ofText(text), Expiry.NEVER, new TreeMap<>());
  }

  /// §VI.C, read committed: a pair of timestamp and value, of which the greater timestamp wins; the
  /// writes of a transaction share one. In the paper the timestamp holds the writer's id, in the
  /// released code it does not, and equal ones do not commute; ours go on with writer and bytes.
  @Test
  void sectionVicTheGreaterTimestampWinsAndEqualOnesDoNotDependOnTheOrderOfArrival() {
    HybridTimestamp commit = HybridTimestamp.ofMillis(5);
    LwwRegister mine = LwwRegister.of(commit, 1, Expiry.NEVER, X);
    LwwRegister later = LwwRegister.of(commit.next(), 0, Expiry.NEVER, Y);
    assertEquals(later, mine.merge(later));
    LwwRegister other = LwwRegister.of(commit, 2, Expiry.NEVER, X);
    assertEquals(other, mine.merge(other));
    assertEquals(other, other.merge(mine));
  }

  /// §VI.C, read uncommitted and item cut isolation need no other lattice: the client buffers. A
  /// delete there is a put of an empty value; here an empty value is a value.
  @Test
  void sectionVicADeleteIsAWriteAndAnEmptyValueIsNotADelete() {
    HybridTimestamp now = HybridTimestamp.ofMillis(5);
    Entry empty = Entry.of(HybridTimestamp.ZERO, LwwRegister.of(now, 1, 0, Payload.EMPTY));
    assertFalse(empty.isDead(0));
    assertTrue(
        empty
            .merge(Entry.of(HybridTimestamp.ZERO, LwwRegister.tombstone(now.next(), 1)))
            .isDead(0));
  }
}
