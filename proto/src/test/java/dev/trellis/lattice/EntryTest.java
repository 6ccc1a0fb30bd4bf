package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.testing.Seeds;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class EntryTest extends LatticeLaws<Entry> {
  @Override
  Entry generate(RandomGenerator random) {
    return Samples.entry(random, Samples.DEPTH_MAX);
  }

  @Override
  Model<Entry> model() {
    return new Models.Generations(Samples.DEPTH_MAX);
  }

  private static final HybridTimestamp T0 = HybridTimestamp.ZERO;
  private static final ReplicaId A = new ReplicaId(1, 0);
  private static final ReplicaId B = new ReplicaId(2, 0);

  private static HybridTimestamp at(long millis) {
    return HybridTimestamp.ofMillis(millis);
  }

  private static LwwRegister put(long millis, long expiresAt) {
    return LwwRegister.of(at(millis), 1, expiresAt, Payload.ofText("value"));
  }

  private static Counter count(ReplicaId replica, long by) {
    return Counter.ZERO.increment(replica, by);
  }

  private static CausalRegister siblings(long... expiries) {
    Map<Dot, CausalRegister.Sibling> siblings = new TreeMap<>();
    for (long expiry : expiries) {
      siblings.put(
          new Dot(A, siblings.size() + 1),
          new CausalRegister.Sibling(Payload.EMPTY, expiry, new TreeMap<>()));
    }
    return CausalRegister.of(siblings, CausalContext.EMPTY);
  }

  @Test
  void theHigherGenerationWinsWholeAndEqualOnesMerge() {
    Entry old = Entry.of(at(5), count(A, 3));
    Entry deleted = old.startedAnew(at(7));
    assertEquals(deleted, old.with(count(B, 4)).merge(deleted));
    assertEquals(deleted, deleted.merge(old.with(count(B, 4))));
    Entry anew = Entry.of(at(7), count(A, 1)).merge(Entry.of(at(7), count(B, 1)));
    assertEquals(anew, deleted.merge(anew));
    assertEquals(Optional.of(count(A, 1).merge(count(B, 1))), anew.value(Kind.COUNTER));
    assertEquals(Optional.empty(), anew.value(Kind.LWW));
  }

  @Test
  void aNewGenerationIsAlwaysLaterThanTheOldOne() {
    Entry entry = Entry.of(at(5), put(1, 0));
    assertEquals(at(6), entry.startedAnew(at(6)).generation());
    assertEquals(at(5).next(), entry.startedAnew(at(5)).generation());
    assertEquals(at(5).next(), entry.startedAnew(at(1)).generation());
    assertTrue(entry.startedAnew(at(1)).isDead(0));
  }

  @Test
  void twoKindsThatAroseConcurrentlyStandSideBySideUntilDeleted() {
    Entry both = Entry.of(T0, put(1, 0)).merge(Entry.of(T0, count(A, 3)));
    assertEquals(List.of(put(1, 0), count(A, 3)), both.liveValues(0));
    assertEquals(both, Entry.of(T0, count(A, 3)).merge(Entry.of(T0, put(1, 0))));
    assertEquals(both, both.merge(Entry.of(T0, count(A, 3))));
    assertEquals(List.of(), both.merge(both.startedAnew(at(9))).liveValues(0));
  }

  @Test
  void theTombstoneOfLwwStandsInItsOwnOrder() {
    Entry deleted = Entry.of(T0, LwwRegister.tombstone(at(5), 1));
    assertTrue(deleted.isDead(0));
    assertEquals(at(5), deleted.endedAt());
    assertFalse(deleted.merge(Entry.of(T0, put(6, 0))).isDead(0));
    assertTrue(deleted.merge(Entry.of(T0, put(4, 0))).isDead(0));
  }

  @Test
  void anEntryIsMissingFromItsExpiryInstantOn() {
    Entry counted = Entry.of(T0, count(A, 3)).withExpiry(new Expiry(at(1), 1, 10));
    for (Entry entry : List.of(counted, Entry.of(T0, put(1, 10)), Entry.of(T0, siblings(4, 10)))) {
      assertFalse(entry.isDead(9));
      assertTrue(entry.isDead(10));
      assertTrue(entry.isDead(Long.MAX_VALUE));
      assertEquals(at(10), entry.endedAt());
      assertEquals(Optional.of(10L), entry.nextExpiry(9));
      assertEquals(Optional.empty(), entry.nextExpiry(10));
      assertEquals(at(10), entry.startedAnew(entry.endedAt()).generation());
    }
  }

  @Test
  void theLaterSettingOfAnExpiryWinsNotTheLaterInstant() {
    Entry entry = Entry.of(T0, count(A, 3)).withExpiry(new Expiry(at(1), 1, 100));
    Entry shorter = entry.withExpiry(new Expiry(at(2), 1, 10));
    assertEquals(Optional.of(new Expiry(at(2), 1, 10)), shorter.expiry());
    assertSame(shorter, shorter.withExpiry(new Expiry(at(1), 9, 1_000)));
    Entry never = shorter.withExpiry(new Expiry(at(3), 1, Expiry.NEVER));
    assertFalse(never.isDead(Long.MAX_VALUE));
    assertEquals(Optional.empty(), never.nextExpiry(0));
  }

  @Test
  void theExpiryOfTheEntryIsNotThatOfValuesWhichCarryTheirOwn() {
    Entry entry =
        Entry.of(
            T0,
            Optional.of(new Expiry(at(1), 1, 10)),
            List.of(put(1, 0), siblings(0), count(A, 1)));
    assertEquals(List.of(put(1, 0), siblings(0)), entry.liveValues(10));
  }

  @Test
  void causalSiblingsOfWhichOneNeverExpiresNeverEnd() {
    Entry entry = Entry.of(T0, siblings(5, 0, 7));
    assertFalse(entry.isDead(Long.MAX_VALUE));
    assertEquals(Optional.of(5L), entry.nextExpiry(0));
    assertEquals(Optional.of(7L), entry.nextExpiry(5));
    assertEquals(Optional.empty(), entry.nextExpiry(7));
    Entry rest =
        entry.merge(Entry.of(T0, CausalRegister.of(Map.of(), CausalContext.of(new Dot(A, 2)))));
    assertTrue(rest.isDead(7));
    assertEquals(at(7), rest.endedAt());
  }

  /// A watcher is told when something expires: exactly when what is shown changes by itself.
  @Test
  void theNextExpiryIsWhenTheVisibleValueNextChangesByItself() {
    Models.Generations model = new Models.Generations(Samples.DEPTH_MAX);
    Seeds.forAll(
        3_000,
        random -> {
          Entry entry = Samples.entry(random, 2);
          for (long now = 0; now <= Samples.TIME_MAX; now++) {
            Object shown = model.shown(entry, now);
            long next = now + 1;
            while (next <= Samples.TIME_MAX && shown.equals(model.shown(entry, next))) {
              next++;
            }
            assertEquals(
                next > Samples.TIME_MAX ? Optional.empty() : Optional.of(next),
                entry.nextExpiry(now),
                "at " + now + " of " + entry);
          }
        });
  }

  @Test
  void anEntryEndsWhenItsLastValueDoes() {
    Seeds.forAll(
        3_000,
        random -> {
          Entry entry = Samples.entry(random, 2);
          if (!entry.isDead(Samples.TIME_MAX)) {
            return;
          }
          long deadFrom = Samples.TIME_MAX;
          while (deadFrom > 0 && entry.isDead(deadFrom - 1)) {
            deadFrom--;
          }
          HybridTimestamp latest = entry.generation().max(at(deadFrom));
          for (Value<?> value : entry.values()) {
            if (value instanceof LwwRegister register && register.isTombstone()) {
              latest = latest.max(register.timestamp());
            }
          }
          if (entry.values().isEmpty() && entry.expiry().isPresent()) {
            Expiry expiry = entry.expiry().get(); // for values that are yet to come
            latest = latest.max(expiry.writtenAt()).max(at(expiry.atMillis()));
          }
          assertEquals(latest, entry.endedAt());
        });
  }

  @Test
  void anEntryWithoutValuesIsATombstoneAboveGenerationZero() {
    assertEquals(Entry.BOTTOM, Entry.empty(T0));
    assertTrue(Entry.BOTTOM.isDead(0));
    assertEquals(T0, Entry.BOTTOM.endedAt());
    assertEquals(at(3), Entry.empty(at(3)).endedAt());
    assertEquals(Optional.empty(), Entry.empty(at(3)).nextExpiry(0));
  }

  @Test
  void valuesOfOneKindAreMergedInWhateverOrderTheyAreGiven() {
    Entry entry = Entry.of(T0, Optional.empty(), List.of(count(A, 1), put(1, 0), count(B, 2)));
    assertEquals(List.of(put(1, 0), count(A, 1).merge(count(B, 2))), entry.values());
    assertSame(entry, entry.with(put(0, 0)));
  }

  /// Collection is for what no reader sees any more.
  @Test
  void collectingWhatHasEndedChangesNothingThatIsShownFromThenOn() {
    Seeds.forAll(
        3_000,
        random -> {
          Entry entry = Samples.entry(random, 3);
          long cutoff = random.nextInt(Samples.TIME_MAX);
          long bornBefore = random.nextInt(5);
          Entry pruned =
              entry.withoutTombstones(HybridTimestamp.of(cutoff, random.nextInt(2)), bornBefore);
          for (long now = cutoff; now <= Samples.TIME_MAX; now++) {
            assertEquals(live(entry, now), live(pruned, now), "at " + now + " of " + entry);
            assertEquals(entry.nextExpiry(now), pruned.nextExpiry(now));
          }
          assertTrue(pruned.weight() <= entry.weight());
          assertSame(
              pruned, pruned.withoutTombstones(HybridTimestamp.ofMillis(cutoff), bornBefore));
        });
  }

  /// What a reader is shown, dead fields left out.
  private static Map<Integer, Object> live(Entry entry, long now) {
    Map<Integer, Object> values = new TreeMap<>();
    for (Value<?> value : entry.liveValues(now)) {
      if (value instanceof LatticeMap map) {
        Map<Payload, Object> fields = new HashMap<>();
        for (Map.Entry<Payload, Entry> field : map.fields()) {
          if (!field.getValue().isDead(now)) {
            fields.put(field.getKey(), live(field.getValue(), now));
          }
        }
        values.put(value.kindNumber(), fields);
      } else {
        values.put(value.kindNumber(), shown(value, now));
      }
    }
    return values;
  }

  @SuppressWarnings("unchecked") // the model is that of the value's own kind
  private static <V extends Value<V>> Object shown(Value<?> value, long now) {
    return ((Model<V>) Models.of(value.kindNumber(), 0)).shown((V) value, now);
  }
}
