package dev.trellis.routing.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.CausalContext.Run;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ContextTextTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());

  @Test
  void everyContextComesBackAndEqualOnesReadTheSame() {
    Random random = new Random(SEED);
    for (int round = 0; round < 2_000; round++) {
      List<Run> runs = new ArrayList<>();
      for (int at = random.nextInt(6); at > 0; at--) {
        runs.add(run(random));
      }
      CausalContext context = CausalContext.ofRuns(runs);
      String text = ContextText.of(context);
      assertTrue(text.matches("[A-Za-z0-9_-]+"), text);
      assertEquals(context, ContextText.parse(text), "-Dseed=" + SEED);
      assertEquals(text, ContextText.of(CausalContext.ofRuns(runs.reversed())));
    }
  }

  @Test
  void extremeNumbersComeBack() {
    CausalContext context =
        CausalContext.ofRuns(
            List.of(
                new Run(new ReplicaId(Long.MIN_VALUE, Long.MAX_VALUE), 1, Long.MAX_VALUE),
                new Run(new ReplicaId(-1, 0), Long.MAX_VALUE, Long.MAX_VALUE)));
    assertEquals(context, ContextText.parse(ContextText.of(context)));
  }

  @Test
  void nothingIsTheEmptyContext() {
    assertEquals(CausalContext.EMPTY, ContextText.parse(""));
    assertEquals("AQ", ContextText.of(CausalContext.EMPTY));
  }

  @ParameterizedTest
  @ValueSource(strings = {"A", "!", "AA", "Ag", "AQA", "AQAAAAAAAAAA", "AQAAAAAAAAAAAAA", "AQ==AQ"})
  void whatIsNoContextIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> ContextText.parse(text));
  }

  @Test
  void mutilatedContextsAreRefusedOrReadButNeverBreakAnything() {
    Random random = new Random(SEED);
    int refused = 0;
    for (int round = 0; round < 5_000; round++) {
      byte[] bytes = new byte[random.nextInt(1, 60)];
      random.nextBytes(bytes);
      bytes[0] = 1;
      String text = java.util.Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
      try {
        CausalContext read = ContextText.parse(text);
        assertEquals(read, ContextText.parse(ContextText.of(read)), "-Dseed=" + SEED);
      } catch (IllegalArgumentException e) {
        refused++;
      }
    }
    assertTrue(refused > 1_000, "few of " + refused + " were refused, -Dseed=" + SEED);
  }

  @Test
  void timestampsComeBack() {
    HybridTimestamp timestamp = HybridTimestamp.of(1_763_935_000_123L, 65_535);
    assertEquals("1763935000123.65535", ContextText.of(timestamp));
    assertEquals(timestamp, ContextText.parseTimestamp("1763935000123.65535"));
    assertEquals(HybridTimestamp.ZERO, ContextText.parseTimestamp("0.0"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", ".", "1", "1.", ".1", "1.65536", "-1.0", "999999999999999.0", "1.0.0"})
  void whatIsNoTimestampIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> ContextText.parseTimestamp(text));
  }

  private static Run run(Random random) {
    long from = random.nextLong(1, 300);
    return new Run(
        new ReplicaId(random.nextBoolean() ? random.nextLong() : 7, random.nextLong(0, 3)),
        from,
        from + random.nextLong(0, 200));
  }
}
