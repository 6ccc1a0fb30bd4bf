package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.OptionalInt;
import org.junit.jupiter.api.Test;

class VersionRangeTest {
  @Test
  void aVersionAndTheOneBeforeAreSpoken() {
    assertEquals(new VersionRange(4, 5), VersionRange.upTo(5));
    assertEquals(new VersionRange(1, 1), VersionRange.upTo(1));
    assertEquals(Frame.PROTOCOL_VERSION, VersionRange.SPOKEN.newest());
  }

  @Test
  void neighboursUnderstandEachOtherAndOthersDoNot() {
    VersionRange five = VersionRange.upTo(5);
    assertEquals(OptionalInt.of(5), five.shared(five));
    assertEquals(OptionalInt.of(4), five.shared(VersionRange.upTo(4)));
    assertEquals(OptionalInt.of(5), five.shared(VersionRange.upTo(6)));
    assertEquals(OptionalInt.of(4), five.shared(new VersionRange(4, 4)));
    assertEquals(OptionalInt.empty(), five.shared(new VersionRange(3, 3)));
    assertEquals(OptionalInt.empty(), five.shared(VersionRange.upTo(7)));
    assertEquals(OptionalInt.empty(), five.shared(new VersionRange(5, 4)));
  }
}
