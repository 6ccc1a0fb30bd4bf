package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class KindTest {
  /// Part of the wire format and of the REST interface: never renumbered, renamed or reused.
  @Test
  void numbersAndWordsAreFixed() {
    assertEquals(
        List.of(
            "1 lww",
            "2 max",
            "3 min",
            "4 flag",
            "5 counter",
            "6 gset",
            "7 orset",
            "8 oset",
            "9 sortedset",
            "10 map",
            "11 causal",
            "12 multicausal",
            "13 priority",
            "14 log"),
        Arrays.stream(Kind.values()).map(kind -> kind.number() + " " + kind.word()).toList());
  }

  @Test
  void everyKindIsFoundByItsNumberAndItsWord() {
    for (Kind kind : Kind.values()) {
      assertEquals(Optional.of(kind), Kind.ofNumber(kind.number()));
      assertEquals(kind, Kind.ofWord(kind.word()));
    }
    for (int unknown : new int[] {Integer.MIN_VALUE, -1, 0, 15, Integer.MAX_VALUE}) {
      assertEquals(Optional.empty(), Kind.ofNumber(unknown));
    }
  }

  @Test
  void anUnknownWordIsRefusedWithTheKnownOnes() {
    assertEquals(
        "unknown kind 'hash'; the kinds are lww, max, min, flag, counter, gset, orset, oset,"
            + " sortedset, map, causal, multicausal, priority, log",
        assertThrows(IllegalArgumentException.class, () -> Kind.ofWord("hash")).getMessage());
  }
}
