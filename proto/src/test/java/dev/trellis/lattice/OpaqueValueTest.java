package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.List;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class OpaqueValueTest extends LatticeLaws<OpaqueValue> {
  @Override
  OpaqueValue generate(RandomGenerator random) {
    return Samples.opaque(random);
  }

  @Override
  Model<OpaqueValue> model() {
    return new Models.Opaque();
  }

  @Test
  void aKnownKindIsNotOpaque() {
    for (int number : new int[] {0, -1, Kind.LWW.number(), Kind.LOG.number()}) {
      assertThrows(IllegalArgumentException.class, () -> OpaqueValue.of(number, List.of()));
    }
  }

  @Test
  void differentKindsDoNotMerge() {
    OpaqueValue one = OpaqueValue.of(98, List.of(Payload.EMPTY));
    OpaqueValue other = OpaqueValue.of(99, List.of(Payload.EMPTY));
    assertEquals(
        "kinds 98 and 99 do not merge",
        assertThrows(IllegalArgumentException.class, () -> one.merge(other)).getMessage());
  }
}
