package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.causal.HybridTimestamp;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class LwwRegisterTest extends LatticeLaws<LwwRegister> {
  @Override
  LwwRegister generate(RandomGenerator random) {
    return Samples.lww(random);
  }

  @Override
  Model<LwwRegister> model() {
    return new Models.Lww();
  }

  private static final Payload LOW = Payload.ofText("a");
  private static final Payload HIGH = Payload.ofText("b");

  @Test
  void timestampDecidesThenWriterThenTombstoneThenBytesThenExpiry() {
    HybridTimestamp early = HybridTimestamp.of(1, 0);
    HybridTimestamp late = HybridTimestamp.of(1, 1);
    List<LwwRegister> ascending =
        List.of(
            LwwRegister.of(early, 9, 0, HIGH),
            LwwRegister.of(late, -1, 0, HIGH),
            LwwRegister.of(late, 1, 0, LOW),
            LwwRegister.of(late, 1, 5, LOW),
            LwwRegister.of(late, 1, 0, HIGH),
            LwwRegister.tombstone(late, 1));
    for (LwwRegister lower : ascending) {
      for (LwwRegister higher : ascending.subList(ascending.indexOf(lower), ascending.size())) {
        assertEquals(higher, lower.merge(higher));
        assertEquals(higher, higher.merge(lower));
      }
    }
  }

  @Test
  void aPutLaterThanADeleteWinsWhereverTheTwoMeet() {
    LwwRegister deleted = LwwRegister.tombstone(HybridTimestamp.of(5, 0), 1);
    LwwRegister put = LwwRegister.of(HybridTimestamp.of(5, 1), 0, 0, LOW);
    assertEquals(put, deleted.merge(put));
    assertEquals(put, put.merge(deleted));
  }

  @Test
  void anEmptyValueIsNotATombstone() {
    LwwRegister empty = LwwRegister.of(HybridTimestamp.ZERO, 1, 0, Payload.EMPTY);
    assertEquals(false, empty.isTombstone());
    assertEquals(true, LwwRegister.tombstone(HybridTimestamp.ZERO, 1).isTombstone());
  }

  @Test
  void whatIsNoRegisterIsRefused() {
    HybridTimestamp now = HybridTimestamp.of(1, 0);
    assertThrows(IllegalArgumentException.class, () -> LwwRegister.of(now, 1, -1, LOW));
    assertThrows(
        IllegalArgumentException.class, () -> new LwwRegister(now, 1, 7, Optional.empty()));
  }

  @Test
  void anExpiryThatIsNoTimeIsRefusedBeforeItEndsAnEntry() {
    HybridTimestamp now = HybridTimestamp.of(1, 0);
    LwwRegister last = LwwRegister.of(now, 1, HybridTimestamp.MAX.millis(), LOW);
    assertEquals(HybridTimestamp.MAX.millis(), Entry.of(now, last).endedAt().millis());
    assertThrows(
        IllegalArgumentException.class,
        () -> LwwRegister.of(now, 1, HybridTimestamp.MAX.millis() + 1, LOW));
    assertThrows(
        IllegalArgumentException.class, () -> new Expiry(now, 1, HybridTimestamp.MAX.millis() + 1));
    assertThrows(IllegalArgumentException.class, () -> new Expiry(now, 1, -1));
  }
}
