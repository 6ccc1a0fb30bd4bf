package dev.trellis.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.api.Test;

class AmountsTest {
  @Test
  void keysAreCountedAsPeopleDo() {
    assertEquals("0 keys", Amounts.keys(0));
    assertEquals("1 key", Amounts.keys(1));
    assertEquals("12,345 keys", Amounts.keys(12_345));
  }

  @Test
  void sizesHaveTheUnitThatSuitsThem() {
    assertEquals("0 B", Amounts.bytes(0));
    assertEquals("999 B", Amounts.bytes(999));
    assertEquals("1.0 kB", Amounts.bytes(1_000));
    assertEquals("1.0 MB", Amounts.bytes(999_999));
    assertEquals("16.8 MB", Amounts.bytes(16 << 20));
    assertEquals("9.2 EB", Amounts.bytes(Long.MAX_VALUE));
  }
}
