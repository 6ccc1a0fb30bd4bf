package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.Caller;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PlainReply;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// What counts as a copy.
class PendingWriteTest {
  private static final Peer B0 = new Peer("b", 2, 0);
  private static final Peer B1 = new Peer("b", 2, 1);
  private static final Peer C = new Peer("c", 3, 0);

  private static PendingWrite write(int needed, Acknowledgement level, boolean leaving) {
    return new PendingWrite(
        new Origin(1, 2, Caller.ANONYMOUS),
        Payload.ofText("k"),
        new PendingWrite.Answer.Plain(new PlainReply()),
        Optional.empty(),
        needed,
        level,
        1_000,
        new Peer("a", 1, 0),
        leaving,
        peer -> true,
        false,
        one -> {});
  }

  @Test
  void aNodeWhoseShardsHearOfItsLeaveOneAfterTheOtherCountsOnceAndAsOneThatLeaves() {
    PendingWrite write = write(3, Acknowledgement.REPLICATED, false);
    write.acknowledged(B0, false, 1);
    write.acknowledged(B1, true, 1);
    assertEquals(1, write.copies(2), "a and c stay, and c has not answered");
    write.acknowledged(C, false, 1);
    assertEquals(3, write.copies(2), "all that stay have it, and b");
  }

  @Test
  void theDiskOfWhoLeavesCountsOnlyWhereNoOtherStays() {
    PendingWrite write = write(2, Acknowledgement.DURABLE, true);
    write.durable(new Peer("a", 1, 0));
    write.acknowledged(B0, false, 1);
    write.acknowledged(C, false, 1);
    assertFalse(write.isDone(2, true));
    assertTrue(write.isDone(2, false));
    write.durable(C);
    assertTrue(write.isDone(2, true));
    assertEquals(1, write.durableCopies(true));
  }
}
