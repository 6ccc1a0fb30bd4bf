package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.SortedSet;
import dev.trellis.lattice.Value;
import dev.trellis.testing.Seeds;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Equal states have equal bytes: digests of them are compared between replicas.
class CanonicalFormTest {
  @ParameterizedTest
  @EnumSource(Kind.class)
  void theOrderOfMergesDoesNotShow(Kind kind) {
    Seeds.forAll(
        200,
        random -> {
          RandomFrames frames = new RandomFrames(random);
          List<Entry> updates = new ArrayList<>();
          for (int count = 2 + random.nextInt(4); count > 0; count--) {
            updates.add(Entry.of(HybridTimestamp.ZERO, frames.value(kind, 3)));
          }
          Entry merged = updates.stream().reduce(Entry.BOTTOM, Entry::merge);
          List<Entry> shuffled = new ArrayList<>(updates);
          shuffled.addAll(updates);
          Collections.shuffle(shuffled, new Random(random.nextLong()));
          Entry again = shuffled.stream().reduce(Entry.BOTTOM, Entry::merge);
          assertEquals(merged, again);
          assertEquals(LatticeCodec.encode(merged), LatticeCodec.encode(again));
        });
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void differentStatesHaveDifferentBytes(Kind kind) {
    Seeds.forAll(
        200,
        random -> {
          RandomFrames frames = new RandomFrames(random);
          Entry one = Entry.of(HybridTimestamp.ZERO, frames.value(kind, 2));
          Entry other = Entry.of(HybridTimestamp.ZERO, frames.value(kind, 2));
          assertEquals(
              one.equals(other), LatticeCodec.encode(one).equals(LatticeCodec.encode(other)));
        });
  }

  @Test
  void entriesWithSeveralAndUnknownKindsComeBackEqual() {
    Seeds.forAll(
        1_000,
        random -> {
          RandomFrames frames = new RandomFrames(random);
          Entry entry = frames.entry(3).merge(frames.entry(3)).with(frames.opaque());
          Payload bytes = LatticeCodec.encode(entry);
          assertEquals(entry, decoded(bytes));
          assertEquals(bytes, LatticeCodec.encode(decoded(bytes)));
        });
  }

  @Test
  void theEntryNeverWrittenTakesNoBytes() {
    assertEquals(Payload.EMPTY, LatticeCodec.encode(Entry.BOTTOM));
    assertEquals(Entry.BOTTOM, decoded(Payload.EMPTY));
  }

  @Test
  void negativeZeroIsKeptApartFromZero() {
    Payload member = Payload.ofText("m");
    Value<?> negative = SortedSet.of(Map.of(member, score(-0.0)));
    Value<?> positive = SortedSet.of(Map.of(member, score(0.0)));
    assertNotEquals(encoded(negative), encoded(positive));
    assertEquals(Entry.of(HybridTimestamp.ZERO, negative), decoded(encoded(negative)));
  }

  private static SortedSet.Score score(double score) {
    return new SortedSet.Score(HybridTimestamp.ZERO, 0, OptionalDouble.of(score));
  }

  // ---- Sizes ----

  @Test
  void anOrsetOfOneReplicaTakesTwoBytesAnElementBeyondTheElements() {
    List<Payload> elements = elements(1_000);
    int payloadBytes = elements.stream().mapToInt(Payload::size).sum();
    ObservedRemoveSet set = ObservedRemoveSet.EMPTY.add(replica(1), elements);
    assertBeyond(2 * 1_000 + 40, payloadBytes, set);
    // Half of them removed and added again: their dots are scattered no more than before.
    ObservedRemoveSet without = set.merge(set.remove(elements.subList(0, 500)));
    ObservedRemoveSet again = without.merge(without.add(replica(1), elements.subList(0, 500)));
    assertBeyond(2 * 1_000 + 1_100, payloadBytes, again);
  }

  @Test
  void anOrsetOfFiveReplicasNamesEachOnce() {
    List<Payload> elements = elements(1_000);
    ObservedRemoveSet set = ObservedRemoveSet.EMPTY;
    for (int at = 0; at < elements.size(); at++) {
      set = set.merge(set.add(replica(at % 5), List.of(elements.get(at))));
    }
    assertBeyond(2 * 1_000 + 5 * 25, elements.stream().mapToInt(Payload::size).sum(), set);
  }

  @Test
  void aLogAppendedToInBatchesTakesAboutFourBytesARecordBeyondTheRecords() {
    List<Payload> records = elements(1_000);
    Log log = Log.EMPTY;
    for (int at = 0; at < 1_000; at += 10) {
      HybridTimestamp now = HybridTimestamp.ofMillis(1_700_000_000_000L + 50L * at);
      log = log.merge(log.append(replica(1), now, records.subList(at, at + 10)));
    }
    assertBeyond(5 * 1_000 + 40, records.stream().mapToInt(Payload::size).sum(), log);
  }

  @Test
  void aSortedSetFilledInOneRequestTakesFewBytesBeyondMembersAndScores() {
    Map<Payload, SortedSet.Score> members = new HashMap<>();
    for (Payload member : elements(1_000)) {
      members.put(
          member,
          new SortedSet.Score(
              HybridTimestamp.ofMillis(1_700_000_000_000L), -7, OptionalDouble.of(2.5)));
    }
    int payloadBytes = members.keySet().stream().mapToInt(Payload::size).sum();
    assertBeyond((4 + 9) * 1_000 + 40, payloadBytes, SortedSet.of(members));
  }

  @Test
  void aCounterAndACausalRegisterOfOneReplicaAreSmall() {
    ReplicaId replica = replica(1);
    Counter counter = Counter.ZERO;
    for (int round = 0; round < 1_000; round++) {
      counter = counter.merge(counter.increment(replica, 3));
    }
    assertBeyond(25, 0, counter);
    CausalRegister register = CausalRegister.EMPTY;
    for (int round = 0; round < 1_000; round++) {
      CausalRegister.Sibling sibling =
          new CausalRegister.Sibling(Payload.EMPTY, 0, new java.util.TreeMap<>());
      register = register.merge(register.put(replica, sibling, register.context()));
    }
    assertBeyond(40, 0, register);
  }

  @Test
  void aContextWithoutGapsTakesThreeBytesBeyondItsReplica() {
    CausalContext context =
        CausalContext.ofRuns(List.of(new CausalContext.Run(replica(1), 1, 100)));
    WireWriter out = new WireWriter(64);
    CausalCodec.writeContext(out, 1, context);
    assertEquals(2 + 2 + 9 + 2 + 2 + 2, out.toBytes().length);
    assertTrue(context.contains(new Dot(replica(1), 100)));
  }

  private static void assertBeyond(int bytesMax, int payloadBytes, Value<?> value) {
    int beyond = encoded(value).size() - payloadBytes;
    assertTrue(beyond <= bytesMax, () -> beyond + " bytes beyond the payloads, not " + bytesMax);
  }

  private static ReplicaId replica(int number) {
    return new ReplicaId(0x7EDC_BA98_7654_3210L + number, 3);
  }

  private static List<Payload> elements(int count) {
    List<Payload> elements = new ArrayList<>(count);
    for (int at = 0; at < count; at++) {
      elements.add(Payload.ofText("element-" + at));
    }
    return elements;
  }

  private static Payload encoded(Value<?> value) {
    return LatticeCodec.encode(Entry.of(HybridTimestamp.ZERO, value));
  }

  private static Entry decoded(Payload bytes) {
    try {
      return LatticeCodec.decode(bytes.asByteBuffer());
    } catch (WireException e) {
      throw new AssertionError("our own bytes are refused: " + e.getMessage(), e);
    }
  }
}
