package dev.trellis.client.session;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

class WriteSetTest {
  private static Payload key(int number) {
    return Payload.ofText("k" + number);
  }

  @Test
  void noKeyIsMissedAndOthersAreNotTakenForOne() {
    List<Payload> keys = IntStream.range(0, 256).mapToObj(WriteSetTest::key).toList();
    WriteSet written = WriteSet.of(keys);
    assertEquals(4 * 256, written.prints().size());
    assertTrue(keys.stream().allMatch(written::mayHave));
    assertFalse(IntStream.range(256, 2_000).anyMatch(other -> written.mayHave(key(other))));
    assertFalse(WriteSet.of(List.of()).mayHave(key(0)));
  }

  @Test
  void aPrintIsTheLowHalfOfTheHashTheLeastSignificantByteFirst() {
    Payload prints = WriteSet.of(List.of(key(1))).prints();
    long hash = KeyHash.of(key(1));
    for (int i = 0; i < 4; i++) {
      assertEquals((byte) (hash >>> (8 * i)), prints.at(i));
    }
  }
}
