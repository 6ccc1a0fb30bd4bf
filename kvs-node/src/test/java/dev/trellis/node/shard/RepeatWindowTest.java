package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.node.shard.RepeatWindow.Verdict;
import org.junit.jupiter.api.Test;

class RepeatWindowTest {
  private static final int WIDTH = RepeatWindow.WIDTH;

  @Test
  void whatWasCarriedOutIsSeenAndWhatWasNotIsNew() {
    RepeatWindow window = new RepeatWindow(16);
    window.add(1, 5);
    assertEquals(Verdict.SEEN, window.verdict(1, 5, true));
    assertEquals(Verdict.SEEN, window.verdict(1, 5, false));
    assertEquals(Verdict.NEW, window.verdict(1, 4, true));
    assertEquals(Verdict.NEW, window.verdict(1, 6, true));
    assertEquals(Verdict.NEW, window.verdict(2, 5, true));
  }

  @Test
  void theLastSequencesOfAClientAreRememberedAndNoOthers() {
    RepeatWindow window = new RepeatWindow(16);
    for (long sequence = 1; sequence <= 10_000; sequence += 2) {
      window.add(1, sequence);
    }
    long highest = 9_999;
    assertEquals(Verdict.UNKNOWN, window.verdict(1, highest - WIDTH, true));
    assertEquals(Verdict.UNKNOWN, window.verdict(1, highest - WIDTH, false));
    for (long sequence = highest - WIDTH + 1; sequence <= highest; sequence++) {
      Verdict expected = sequence % 2 == 1 ? Verdict.SEEN : Verdict.NEW;
      assertEquals(expected, window.verdict(1, sequence, true), "sequence " + sequence);
    }
    assertEquals(Verdict.NEW, window.verdict(1, highest + 1, true));
  }

  @Test
  void aMutationFromBelowTheWindowDoesNotPassForALaterOne() {
    RepeatWindow window = new RepeatWindow(16);
    window.add(1, WIDTH + 10);
    assertEquals(Verdict.UNKNOWN, window.verdict(1, 5, true));
    window.add(1, 5); // harmless to repeat, so it was carried out all the same
    assertEquals(Verdict.NEW, window.verdict(1, WIDTH + 5, false));
    assertEquals(Verdict.NEW, window.verdict(1, 2L * WIDTH + 5, false));
  }

  @Test
  void theClientThatWasQuietLongestIsForgottenFirst() {
    RepeatWindow window = new RepeatWindow(16);
    for (long client = 1; client <= 16; client++) {
      window.add(client, 1);
    }
    window.verdict(1, 1, true); // is heard of again
    window.add(17, 1);
    assertEquals(16, window.clientCount());
    assertEquals(Verdict.SEEN, window.verdict(1, 1, true));
    assertEquals(Verdict.UNKNOWN, window.verdict(2, 1, true));
  }

  @Test
  void theGreatestSequencesWork() {
    RepeatWindow window = new RepeatWindow(16);
    window.add(1, Long.MAX_VALUE - 1);
    window.add(1, Long.MAX_VALUE);
    assertEquals(Verdict.SEEN, window.verdict(1, Long.MAX_VALUE, true));
    assertEquals(Verdict.NEW, window.verdict(1, Long.MAX_VALUE - 2, true));
    assertEquals(Verdict.UNKNOWN, window.verdict(1, 1, true));
  }
}
