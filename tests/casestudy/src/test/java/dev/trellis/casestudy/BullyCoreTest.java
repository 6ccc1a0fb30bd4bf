package dev.trellis.casestudy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.PriorityQueue;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// Elections among simulated processes, of which some die and come back.
class BullyCoreTest {
  private static final int SEEDS = 500;

  private record Event(long at, long order, int to, BullyCore.Message message)
      implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(at, other.at);
      return byTime != 0 ? byTime : Long.compare(order, other.order);
    }
  }

  /// Processes with mail between them that takes up to `delayMillis`.
  private static final class Processes {
    private final PriorityQueue<Event> mail = new PriorityQueue<>();
    private final List<BullyCore> cores = new ArrayList<>();
    private final boolean[] dead;
    private long now;
    private long sent;

    Processes(int count, BullyCore.Variant variant, int delayMillis, Random random) {
      dead = new boolean[count + 1];
      for (int i = 1; i <= count; i++) {
        cores.add(
            new BullyCore(
                i,
                count,
                variant,
                3L * delayMillis,
                (to, message) ->
                    mail.add(new Event(now + random.nextInt(delayMillis), sent++, to, message))));
      }
    }

    BullyCore core(int number) {
      return cores.get(number - 1);
    }

    void settle() {
      for (long begun = now; now < begun + 10_000; now++) {
        while (!mail.isEmpty() && mail.peek().at() <= now) {
          Event next = mail.remove();
          if (!dead[next.to()]) {
            core(next.to()).receive(next.message(), now);
          }
        }
        boolean busy = !mail.isEmpty();
        for (int i = 1; i < dead.length; i++) {
          if (!dead[i]) {
            core(i).tick(now);
            busy |= core(i).isElecting();
          }
        }
        if (!busy && mail.isEmpty()) {
          return;
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void theHighestThatLivesLeadsWhoeverDiesAndComesBack(BullyCore.Variant variant) {
    for (long seed = 0; seed < SEEDS; seed++) {
      Random random = new Random(seed);
      int count = 2 + random.nextInt(15);
      Processes all = new Processes(count, variant, 1 + random.nextInt(10), random);
      for (int round = 0; round < 6; round++) {
        int leader = count;
        while (all.dead[leader]) {
          leader--;
        }
        boolean kill = leader > 1 && random.nextInt(3) > 0;
        int back = kill ? 0 : leader;
        if (kill) {
          all.dead[leader] = true;
        } else {
          for (int i = 1; i <= count; i++) {
            back = all.dead[i] ? i : back;
          }
          all.dead[back] = false;
        }
        int highest = count;
        while (all.dead[highest]) {
          highest--;
        }
        int first = kill ? 1 + random.nextInt(highest) : back;
        while (all.dead[first]) {
          first++;
        }
        all.core(first).suspect(all.now);
        all.settle();
        for (int i = 1; i <= count; i++) {
          if (!all.dead[i]) {
            assertEquals(highest, all.core(i).leader(), variant + " -Dseed=" + seed + " at " + i);
          }
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void oneElectionTakesAsManyMessagesAsIsTold(BullyCore.Variant variant) {
    for (int first : List.of(1, 7, 14, 15)) {
      Processes all = new Processes(16, variant, 1, new Random(first));
      all.dead[16] = true;
      all.core(first).suspect(0);
      all.settle();
      assertEquals(15, all.core(1).leader());
      assertEquals(BullyCore.messages(variant, 16, first), all.sent, variant + " from " + first);
    }
    assertTrue(BullyCore.messages(BullyCore.Variant.BULLY, 1_000, 1) > 998_000);
    assertTrue(BullyCore.messages(BullyCore.Variant.APPOINTED, 1_000, 1) < 3_000);
  }
}
