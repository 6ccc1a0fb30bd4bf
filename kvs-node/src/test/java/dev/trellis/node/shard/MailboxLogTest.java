package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.CLIENT;
import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.viewOf;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// What mailboxes need of logs: appends within a tag and within bounds, waits for records that were
/// not seen, trims of what was read elsewhere.
class MailboxLogTest {
  private static final Duration LONG = Duration.ofMinutes(1);

  private final TestShard shard = new TestShard();
  private final Tag tag = new Tag(new InvocationId(shard.nowMillis() << 16, 1), 1);

  private Reply append(int position, long recordsMax, long bytesMax, String... records) {
    return shard.send(
        "box",
        new Mutation.Append(listOf(records), position, recordsMax, bytesMax),
        shard.next().withTag(Optional.of(tag)));
  }

  private static Threshold unseen(CausalContext seen, int limit, int bytesMax) {
    return new Threshold.Unseen(seen, limit, bytesMax);
  }

  private static List<Payload> values(Reply reply) {
    return ((View.Records) viewOf(reply)).records().stream().map(View.LogRecord::value).toList();
  }

  private Reply onlyAnswer() {
    List<Reply> told = shard.takeAwaited();
    assertEquals(1, told.size(), told::toString);
    return told.get(0);
  }

  @Test
  void appendsFromAPositionOnLeaveNoGapBetweenTheirDots() {
    append(0, 0, 0, "a", "b");
    assertEquals(1, append(2, 0, 0, "c").dots().dotCount());
    assertEquals(0, changed(append(2, 0, 0, "c")));
    CausalContext all = CausalContext.of(tag.dot(0), tag.dot(1), tag.dot(2));
    assertEquals(1, all.runCount());
    assertEquals(3, changed(shard.mutate("box", new Mutation.Trim(all))));
    assertEquals(0, changed(append(0, 0, 0, "a", "b", "c")));
    failed(ErrorCode.BAD_REQUEST, append(Tag.POSITIONS_MAX - 1, 0, 0, "last", "one too many"));
    failed(
        ErrorCode.BAD_REQUEST, shard.mutate("box", new Mutation.Append(listOf("no tag"), 1, 0, 0)));
    assertThrows(IllegalArgumentException.class, () -> new Mutation.Append(listOf("a"), -1, 0, 0));
    assertThrows(IllegalArgumentException.class, () -> new Mutation.Append(listOf("a"), 0, 0, -1));
  }

  @Test
  void aLogThatIsFullRefusesWhatIsNewAndTakesWhatIsRepeated() {
    append(0, 2, 0, "a");
    append(1, 2, 0, "b");
    failed(ErrorCode.OVERLOADED, append(2, 2, 0, "c"));
    assertEquals(0, changed(append(1, 2, 0, "b")));
    failed(ErrorCode.OVERLOADED, append(2, 0, 80, "c"));
    failed(
        ErrorCode.OVERLOADED, shard.mutate("box", new Mutation.Append(listOf("plain"), 0, 2, 0)));
    assertEquals(whole(2), viewOf(shard.read("box", new Read.Size(Kind.LOG))));
    shard.mutate("box", new Mutation.Trim(CausalContext.of(tag.dot(0))));
    assertEquals(1, changed(append(2, 2, 0, "c")));
  }

  @Test
  void anEmptyLogTakesWhatIsLargerThanItsBound() {
    assertEquals(1, changed(append(0, 0, 1, "large")));
    failed(ErrorCode.OVERLOADED, append(1, 0, 1, "x"));
  }

  @Test
  void whoWaitsForWhatIsNotSeenIsToldAtOnceOrWhenItComes() {
    append(0, 0, 0, "a", "b", "c");
    shard.await(CLIENT, "box", unseen(CausalContext.EMPTY, 2, 1_000), LONG);
    assertEquals(listOf("a", "b"), values(onlyAnswer()));
    shard.await(CLIENT, "box", unseen(CausalContext.EMPTY, 9, 2), LONG);
    assertEquals(listOf("a", "b"), values(onlyAnswer()));
    CausalContext seen = CausalContext.of(tag.dot(0), tag.dot(1), tag.dot(2));
    shard.await(CLIENT, "box", unseen(seen, 9, 1_000), LONG);
    shard.mutate("box", new Mutation.Trim(CausalContext.of(tag.dot(0))));
    assertEquals(List.of(), shard.takeAwaited());
    append(3, 0, 0, "d");
    Reply told = onlyAnswer();
    assertEquals(listOf("d"), values(told));
    assertEquals(
        CausalContext.of(tag.dot(0)),
        ((View.Records) viewOf(told)).seen(),
        "what was trimmed of its writer");
  }

  @Test
  void aTrimOfWhatAnInvocationHasNamedHoldsForWhatComesLater() {
    CausalContext readElsewhere = CausalContext.of(tag.dot(0));
    assertEquals(0, changed(shard.mutate("box", new Mutation.Trim(readElsewhere))));
    assertEquals(1, changed(append(0, 0, 0, "a", "b")));
    shard.await(CLIENT, "box", unseen(CausalContext.EMPTY, 9, 1_000), LONG);
    assertEquals(listOf("b"), values(onlyAnswer()));
  }
}
