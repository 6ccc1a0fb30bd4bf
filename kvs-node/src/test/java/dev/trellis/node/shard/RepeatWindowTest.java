package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.node.shard.RepeatWindow.Verdict;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class RepeatWindowTest {
  private static final int WIDTH = RepeatWindow.WIDTH;

  @Test
  void whatWasCarriedOutIsSeenAndWhatWasNotIsNew() {
    RepeatWindow window = new RepeatWindow(16);
    window.add("p", 1, 5, false);
    assertEquals(Verdict.SEEN, window.verdict("p", 1, 5, true));
    assertEquals(Verdict.SEEN, window.verdict("p", 1, 5, false));
    assertEquals(Verdict.NEW, window.verdict("p", 1, 4, true));
    assertEquals(Verdict.NEW, window.verdict("p", 1, 6, true));
    assertEquals(Verdict.NEW, window.verdict("p", 2, 5, true));
  }

  @Test
  void theLastSequencesOfAClientAreRememberedAndNoOthers() {
    RepeatWindow window = new RepeatWindow(16);
    for (long sequence = 1; sequence <= 10_000; sequence += 2) {
      window.add("p", 1, sequence, false);
    }
    long highest = 9_999;
    assertEquals(Verdict.UNKNOWN, window.verdict("p", 1, highest - WIDTH, true));
    assertEquals(Verdict.UNKNOWN, window.verdict("p", 1, highest - WIDTH, false));
    for (long sequence = highest - WIDTH + 1; sequence <= highest; sequence++) {
      Verdict expected = sequence % 2 == 1 ? Verdict.SEEN : Verdict.NEW;
      assertEquals(expected, window.verdict("p", 1, sequence, true), "sequence " + sequence);
    }
    assertEquals(Verdict.NEW, window.verdict("p", 1, highest + 1, true));
  }

  @Test
  void aMutationFromBelowTheWindowDoesNotPassForALaterOne() {
    RepeatWindow window = new RepeatWindow(16);
    window.add("p", 1, WIDTH + 10, false);
    assertEquals(Verdict.UNKNOWN, window.verdict("p", 1, 5, true));
    window.add("p", 1, 5, true); // harmless to repeat, so it was carried out all the same
    assertEquals(Verdict.NEW, window.verdict("p", 1, WIDTH + 5, false));
    assertEquals(Verdict.NEW, window.verdict("p", 1, 2L * WIDTH + 5, false));
  }

  @Test
  void aForgottenClientIsNotTakenForNewOnceItHasWrittenAgain() {
    RepeatWindow window = new RepeatWindow(16);
    window.add("p", 1, 7, false);
    for (long other = 2; other <= 17; other++) {
      window.add("p", other, 1, false);
    }
    assertEquals(Verdict.UNKNOWN, window.verdict("p", 1, 7, true));
    window.add("p", 1, 9, false);
    assertEquals(Verdict.UNKNOWN, window.verdict("p", 1, 7, true));
    assertEquals(Verdict.UNKNOWN, window.verdict("p", 1, 8, true));
    assertEquals(Verdict.NEW, window.verdict("p", 1, 8, false), "a first attempt is no repeat");
    assertEquals(Verdict.SEEN, window.verdict("p", 1, 9, true));
    assertEquals(Verdict.NEW, window.verdict("p", 1, 10, true));
  }

  @Test
  void aRepeatDoesNotTellWhereTheFirstSendingsOfAForgottenClientGoOn() {
    RepeatWindow window = new RepeatWindow(16);
    window.add("p", 1, 3, false);
    window.add("p", 1, 5, false);
    for (long other = 2; other <= 17; other++) {
      window.add("p", other, 1, false);
    }
    window.add("p", 1, 3, true); // harmless to repeat
    assertEquals(Verdict.UNKNOWN, window.verdict("p", 1, 5, true));
    window.add("p", 1, 6, false);
    assertEquals(Verdict.UNKNOWN, window.verdict("p", 1, 5, true));
    assertEquals(Verdict.NEW, window.verdict("p", 1, 7, true));
  }

  @Test
  void theClientThatWasQuietLongestIsForgottenFirst() {
    RepeatWindow window = new RepeatWindow(16);
    for (long client = 1; client <= 16; client++) {
      window.add("p", client, 1, false);
    }
    window.verdict("p", 1, 1, true); // is heard of again
    window.add("p", 17, 1, false);
    assertEquals(16, window.clientCount());
    assertEquals(Verdict.SEEN, window.verdict("p", 1, 1, true));
    assertEquals(Verdict.UNKNOWN, window.verdict("p", 2, 1, true));
  }

  @Test
  void theGreatestSequencesWork() {
    RepeatWindow window = new RepeatWindow(16);
    window.add("p", 1, Long.MAX_VALUE, false);
    window.add("p", 1, Long.MAX_VALUE - 1, false);
    assertEquals(Verdict.SEEN, window.verdict("p", 1, Long.MAX_VALUE - 1, true));
    assertEquals(Verdict.SEEN, window.verdict("p", 1, Long.MAX_VALUE, true));
    assertEquals(Verdict.NEW, window.verdict("p", 1, Long.MAX_VALUE - 2, true));
    assertEquals(Verdict.UNKNOWN, window.verdict("p", 1, 1, true));
  }

  /// What the window must answer, from a full history. It may answer `UNKNOWN` only where the
  /// client was forgotten or the sequence is below the window.
  private static final class Model {
    final Map<Long, Set<Long>> carriedOut = new HashMap<>(); // for ever
    final Map<Long, Set<Long>> remembered = new HashMap<>(); // since the client was last forgotten
    final List<Long> byUse = new ArrayList<>(); // least recently used first
    final int clientsMax;

    Model(int clientsMax) {
      this.clientsMax = clientsMax;
    }

    void use(long client) {
      if (byUse.remove(client)) {
        byUse.add(client);
      }
    }

    void add(long client, long sequence) {
      carriedOut.computeIfAbsent(client, ignored -> new HashSet<>()).add(sequence);
      remembered.computeIfAbsent(client, ignored -> new HashSet<>()).add(sequence);
      byUse.remove(client);
      byUse.add(client);
      if (byUse.size() > clientsMax) {
        remembered.remove(byUse.remove(0));
      }
    }

    boolean isBelow(long client, long sequence) {
      return remembered.getOrDefault(client, Set.of()).stream()
          .anyMatch(higher -> sequence <= higher - WIDTH);
    }
  }

  @Test
  void agreesWithAFullHistoryOnRandomSequences() {
    Seeds.forAll(60, RepeatWindowTest::compareWithModel);
  }

  private static void compareWithModel(RandomGenerator random) {
    int clientsMax = random.nextInt(1, 6);
    RepeatWindow window = new RepeatWindow(clientsMax);
    Model model = new Model(clientsMax);
    Map<Long, Long> last = new HashMap<>();
    boolean forgot = false;
    for (int step = 0; step < 2_000; step++) {
      long client = random.nextInt(clientsMax + random.nextInt(3)); // at times one too many
      long reach = last.getOrDefault(client, 0L);
      long sequence =
          switch (random.nextInt(5)) {
            case 0 -> Math.max(1, reach - random.nextInt(10));
            case 1 -> Math.max(1, reach - WIDTH - 5 + random.nextInt(10));
            case 2 -> Math.max(1, reach - random.nextInt(3 * WIDTH));
            case 3 -> reach + 1 + random.nextInt(random.nextBoolean() ? 3 : 2 * WIDTH);
            default -> reach + 1;
          };
      boolean knownBefore = model.carriedOut.getOrDefault(client, Set.of()).contains(sequence);
      // A second sending always says so, and first sendings come in order.
      boolean repeat = knownBefore || sequence <= reach || random.nextBoolean();
      boolean remembered = model.remembered.getOrDefault(client, Set.of()).contains(sequence);
      boolean below = model.isBelow(client, sequence);
      Verdict verdict = window.verdict("p", client, sequence, repeat);
      model.use(client);
      String what = "client " + client + " sequence " + sequence + " at step " + step;
      if (below) {
        assertEquals(Verdict.UNKNOWN, verdict, what);
      } else if (remembered) {
        assertEquals(Verdict.SEEN, verdict, what);
      } else if (knownBefore) {
        assertEquals(Verdict.UNKNOWN, verdict, what + ", carried out before it was forgotten");
      } else if (!forgot || !repeat) {
        assertEquals(Verdict.NEW, verdict, what);
      } else {
        assertNotEquals(Verdict.SEEN, verdict, what);
      }
      // What is harmless to repeat is carried out even where nothing is known.
      if (verdict == Verdict.NEW || (verdict == Verdict.UNKNOWN && random.nextBoolean())) {
        int clients = model.remembered.size();
        boolean isNew = !model.remembered.containsKey(client);
        window.add("p", client, sequence, repeat);
        model.add(client, sequence);
        forgot |= isNew && clients == clientsMax;
        last.merge(client, sequence, Math::max);
      }
      assertTrue(window.clientCount() <= clientsMax);
    }
  }
}
