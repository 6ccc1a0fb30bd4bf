package dev.trellis.node.control;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.node.control.Refusal.Reason;
import org.junit.jupiter.api.Test;

class RefusalTest {
  private static final long SKEW_MAX = 500;

  private static Refusal refusal(Reason reason) {
    return new Refusal(reason, 7, "it is so");
  }

  @Test
  void everyReasonComesAsItWasSent() throws MalformedMessageException {
    for (Reason reason : Reason.values()) {
      assertEquals(refusal(reason), Refusal.decode(refusal(reason).encode()));
    }
  }

  /// On a busy machine a message takes seconds, and so may the refusal that answers it.
  @Test
  void aNodeWhoseMessageWasLateIsNotToBlame() {
    Refusal late = refusal(Reason.LATE);
    for (long refusalTookMillis : new long[] {0, 400, 5_000}) {
      assertFalse(late.isProven(-refusalTookMillis, SKEW_MAX));
    }
    assertFalse(late.isProven(SKEW_MAX, SKEW_MAX));
    assertTrue(late.isProven(SKEW_MAX + 1, SKEW_MAX));
  }

  @Test
  void whatDoesNotDependOnTheWayIsProvenByBeingSaid() {
    for (Reason reason : Reason.values()) {
      assertEquals(reason != Reason.LATE, refusal(reason).isProven(-5_000, SKEW_MAX));
    }
  }
}
