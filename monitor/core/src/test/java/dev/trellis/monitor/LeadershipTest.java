package dev.trellis.monitor;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.NodeControl.Claimed;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class LeadershipTest {
  private static final long PATIENCE = 10_000;
  private static final Claimed NOBODY = new Claimed(0, -1);

  private final Leadership one = new Leadership(new Random(1), PATIENCE);
  private final Leadership other = new Leadership(new Random(2), PATIENCE);

  @Test
  void theFirstToHearANodeLeadsAtOnce() {
    assertEquals(Optional.empty(), one.decide(List.of(), 0));
    assertFalse(one.leads());
    long epoch = one.decide(List.of(NOBODY), 1).orElseThrow();
    assertTrue(one.leads());
    assertEquals(Optional.of(epoch), one.decide(List.of(new Claimed(epoch, 100)), 2));
  }

  @Test
  void whoHearsOfALeaderStandsByAsLongAsThatIsHeard() {
    long epoch = one.decide(List.of(NOBODY), 0).orElseThrow();
    for (long now = 0; now < 100_000; now += 1_000) {
      assertEquals(Optional.empty(), other.decide(List.of(new Claimed(epoch, 500)), now));
    }
    assertFalse(other.leads());
    // It falls silent, as the nodes say.
    long last = 99_000 - 500;
    long almost = PATIENCE - 1;
    assertEquals(
        Optional.empty(), other.decide(List.of(new Claimed(epoch, almost)), last + almost));
    long next = other.decide(List.of(new Claimed(epoch, PATIENCE)), last + PATIENCE).orElseThrow();
    assertTrue(next > epoch);
    assertTrue(other.leads());
    // And stands by once it is back.
    assertEquals(Optional.empty(), one.decide(List.of(new Claimed(next, 10)), 110_000));
    assertFalse(one.leads());
  }

  @Test
  void oneThatStartsAnewListensBeforeItLeads() {
    long epoch = one.decide(List.of(NOBODY), 0).orElseThrow();
    // A node that has not heard the leader itself knows of it from the others.
    assertEquals(Optional.empty(), other.decide(List.of(new Claimed(epoch, -1)), 50));
    assertEquals(Optional.empty(), other.decide(List.of(new Claimed(epoch, -1)), 9_000));
    assertTrue(other.decide(List.of(new Claimed(epoch, -1)), 50 + PATIENCE).isPresent());
  }

  @Test
  void whoIsRefusedClaimsNothingUntilItHasHeardOfWhom() {
    long epoch = one.decide(List.of(NOBODY), 0).orElseThrow();
    one.refused();
    assertFalse(one.leads());
    assertEquals(Optional.empty(), one.decide(List.of(new Claimed(epoch, 5)), 1_000));
  }

  @Test
  void whoHearsNoNodeDoesNotCountThatForSilenceOfTheLeader() {
    long epoch = one.decide(List.of(NOBODY), 0).orElseThrow();
    assertEquals(Optional.empty(), other.decide(List.of(new Claimed(epoch, 0)), 0));
    assertEquals(Optional.empty(), other.decide(List.of(), 60_000));
    assertEquals(Optional.empty(), other.decide(List.of(new Claimed(epoch, 0)), 60_001));
  }

  @Test
  void twoThatClaimAtOneTimeDoNotHaveTheSameEpoch() {
    long first = one.decide(List.of(NOBODY), 0).orElseThrow();
    long second = other.decide(List.of(NOBODY), 0).orElseThrow();
    assertNotEquals(first, second);
    Leadership lower = first < second ? one : other;
    Claimed higher = new Claimed(Math.max(first, second), 0);
    assertEquals(Optional.empty(), lower.decide(List.of(higher), 1));
    assertFalse(lower.leads());
  }
}
