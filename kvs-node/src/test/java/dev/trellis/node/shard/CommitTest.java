package dev.trellis.node.shard;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Commits;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

/// Commits of several keys, as one shard sees them.
class CommitTest {
  private static final List<Payload> KEYS = TestShard.listOf("k", "other");

  private final TestShard shard = new TestShard();

  private static Mutation.Commit commit(Mutation... mutations) {
    return new Mutation.Commit(KEYS, List.of(mutations));
  }

  private static Mutation.Put put(String value) {
    return new Mutation.Put(Payload.ofText(value));
  }

  private static ErrorCode refusal(Reply reply) {
    return assertInstanceOf(Outcome.Failed.class, reply.outcome()).code();
  }

  @Test
  void whatACommitWritesIsReadLikeAnythingElseAndToldApart() {
    TestShard.done(shard.mutate("k", put("plain")));
    shard.pass(Duration.ofMillis(1));
    TestShard.done(shard.mutate("k", commit(put("committed"))));
    assertEquals(new View.Bytes(Payload.ofText("committed"), 0), shard.get("k"));
    Commits commits = shard.entry("k").commits();
    assertEquals(KEYS, commits.parts().values().iterator().next().keys());
    var without = shard.entry("k").without(commits.parts().keySet());
    assertTrue(without.value(Kind.LWW).orElseThrow().toString().contains("plain"));
    shard.pass(Duration.ofMillis(1));
    TestShard.done(shard.mutate("k", put("later")));
    assertEquals(new View.Bytes(Payload.ofText("later"), 0), shard.get("k"));
    shard.pass(Duration.ofMillis(1));
    TestShard.done(shard.mutate("k", new Mutation.Delete()));
    assertInstanceOf(View.Missing.class, shard.get("k"));
  }

  @Test
  void aRepeatChangesNothing() {
    RequestContext context = shard.next();
    TestShard.done(shard.send("k", commit(put("v")), context));
    var once = shard.entry("k");
    TestShard.done(shard.send("k", commit(put("v")), context.repeated()));
    assertEquals(once, shard.entry("k"));
  }

  @Test
  void severalKindsOfWritesAreCommitted() {
    TestShard.done(shard.mutate("set", commit(new Mutation.Add(Kind.GSET, TestShard.listOf("e")))));
    TestShard.done(shard.mutate("max", commit(new Mutation.Raise(4), new Mutation.Raise(9))));
    TestShard.done(shard.mutate("gone", commit(put("v"))));
    shard.pass(Duration.ofMillis(1));
    TestShard.done(shard.mutate("gone", commit(new Mutation.Delete())));
    assertEquals(new View.Elements(TestShard.listOf("e")), shard.get("set"));
    assertEquals(new View.Whole(9), shard.get("max"));
    assertInstanceOf(View.Missing.class, shard.get("gone"));
  }

  @Test
  void whatCanNotBePartOfACommitIsRefused() {
    TestShard.done(shard.mutate("counter", new Mutation.Increment(1)));
    assertEquals(ErrorCode.KIND_MISMATCH, refusal(shard.mutate("counter", commit(put("v")))));
    assertEquals(
        ErrorCode.BAD_REQUEST,
        refusal(shard.mutateFor("max", commit(new Mutation.Raise(1)), Duration.ofSeconds(1))));
    assertEquals(
        ErrorCode.BAD_REQUEST,
        refusal(
            shard.mutate("map", new Mutation.UpdateField(Payload.ofText("f"), commit(put("v"))))));
    TestShard.done(shard.mutateFor("lww", commit(put("v")), Duration.ofSeconds(1)));
    shard.pass(Duration.ofSeconds(2));
    assertInstanceOf(View.Missing.class, shard.get("lww"));
  }

  @Test
  void oldCommitsAreFoldedIntoTheValue() {
    for (int i = 0; i < 40; i++) {
      TestShard.done(shard.mutate("k", commit(put("v" + i))));
      shard.pass(Duration.ofMillis(10));
    }
    assertEquals(40, shard.entry("k").commits().parts().size(), "all within a second");
    shard.pass(Duration.ofSeconds(2));
    TestShard.done(shard.mutate("k", commit(put("v40"))));
    assertEquals(16, shard.entry("k").commits().parts().size(), "as many as are kept");
    shard.pass(Duration.ofSeconds(20));
    TestShard.done(shard.mutate("k", commit(put("v41"))));
    assertEquals(1, shard.entry("k").commits().parts().size());
    assertEquals(new View.Bytes(Payload.ofText("v41"), 0), shard.get("k"));
    var without = shard.entry("k").without(shard.entry("k").commits().parts().keySet());
    assertTrue(without.value(Kind.LWW).orElseThrow().toString().contains("v40"));
  }
}
