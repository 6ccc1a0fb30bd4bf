package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.viewOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.CausalContext.Run;
import dev.trellis.causal.Dot;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Kind;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CausalTest {
  private final TestShard shard = new TestShard();

  private Reply put(String key, String value, CausalContext seen) {
    return shard.mutate(key, new Mutation.PutCausal(bytes(value), seen));
  }

  private List<String> siblings(String key) {
    return ((View.Siblings) shard.get(key))
        .siblings().stream().map(sibling -> sibling.value().text()).toList();
  }

  private CausalContext context(String key) {
    return ((View.Siblings) shard.get(key)).context();
  }

  private static CausalContext run(long incarnation, long birth, long from, long to) {
    return CausalContext.ofRuns(List.of(new Run(new ReplicaId(incarnation, birth), from, to)));
  }

  @Test
  void aPutReplacesWhatItsContextIncludesAndStandsBesideTheRest() {
    Reply a = put("k", "a", CausalContext.EMPTY);
    assertEquals(1, changed(a));
    Reply b = put("k", "b", CausalContext.EMPTY);
    assertEquals(List.of("a", "b"), siblings("k"));
    put("k", "c", a.dots());
    assertEquals(List.of("b", "c"), siblings("k"));
    put("k", "d", context("k"));
    assertEquals(List.of("d"), siblings("k"));
    assertEquals(1, b.dots().dotCount());
    Reply all = shard.read("k", dev.trellis.wire.Read.Get.ANY);
    assertEquals(context("k"), all.dots());
    assertEquals(4, all.dots().dotCount());
  }

  @Test
  void theAnswerToAPutCarriesTheContextThatReplacesAllValues() {
    put("k", "a", CausalContext.EMPTY);
    View.Siblings answer = (View.Siblings) viewOf(put("k", "b", CausalContext.EMPTY));
    assertEquals(List.of(), answer.siblings());
    put("k", "c", answer.context());
    assertEquals(List.of("c"), siblings("k"));
  }

  @Test
  void dependenciesComeBackWithTheValueTheyWereWrittenWith() {
    CausalContext version = run(9, 9, 1, 4);
    shard.mutate(
        "k",
        new Mutation.PutMultiCausal(
            bytes("a"), CausalContext.EMPTY, Map.of(bytes("other"), version)));
    View.Sibling only = ((View.Siblings) shard.get("k")).siblings().get(0);
    assertEquals(new View.Sibling(bytes("a"), Map.of(bytes("other"), version)), only);
    CausalContext seen = context("k");
    shard.mutate("k", new Mutation.PutMultiCausal(bytes("b"), seen, Map.of()));
    assertEquals(
        List.of(new View.Sibling(bytes("b"), Map.of())),
        ((View.Siblings) shard.get("k")).siblings());
    assertEquals(Kind.MULTICAUSAL, shard.read("k", dev.trellis.wire.Read.Get.ANY).kind().get());
  }

  @Test
  void aContextOfWritesToComeIsRefused() {
    Dot first =
        put("k", "a", CausalContext.EMPTY).dots().runs().stream()
            .map(run -> new Dot(run.replica(), run.to()))
            .findFirst()
            .orElseThrow();
    CausalContext ahead =
        CausalContext.ofRuns(List.of(new Run(first.replica(), 1, first.counter() + 1)));
    failed(ErrorCode.BAD_REQUEST, put("k", "b", ahead));
    assertEquals(List.of("a"), siblings("k"));
  }

  @Test
  void aContextThatIsForgedUnderTheShardsNameSwallowsNothing() {
    put("k", "a", CausalContext.EMPTY);
    int forgeries = 0;
    for (long birth : new long[] {1, 2, 1_000, Long.MAX_VALUE}) {
      for (long to : new long[] {1, 5, Long.MAX_VALUE}) {
        put("k", "b" + forgeries++, run(TestShard.INCARNATION, birth, 1, to));
        assertEquals(1 + forgeries, siblings("k").size());
      }
    }
    assertEquals(1 + forgeries, context("k").dotCount());
  }

  @Test
  void aContextReadFromAnotherKeyReplacesNothingHere() {
    for (int i = 0; i < 3; i++) {
      put("k", "a" + i, CausalContext.EMPTY);
    }
    for (int i = 0; i < 9; i++) {
      put("other", "x" + i, CausalContext.EMPTY);
    }
    CausalContext elsewhere = context("other");
    done(put("k", "b", elsewhere));
    assertEquals(List.of("a0", "a1", "a2", "b"), siblings("k"));
    Reply next = put("k", "c", CausalContext.EMPTY);
    assertEquals(List.of("a0", "a1", "a2", "b", "c"), siblings("k"));
    for (Run run : next.dots().runs()) {
      assertTrue(
          !elsewhere.contains(new Dot(run.replica(), run.from())),
          "the dot " + run + " was minted for the other key before");
    }
    put("other", "y", CausalContext.EMPTY);
    done(put("k", "d", context("other")));
    assertEquals(List.of("a0", "a1", "a2", "b", "c", "d"), siblings("k"));
  }

  @Test
  void aContextFromBeforeADeleteReplacesNothingAfterIt() {
    put("k", "a", CausalContext.EMPTY);
    CausalContext before = context("k");
    shard.mutate("k", new Mutation.Delete());
    put("k", "b", CausalContext.EMPTY);
    done(put("k", "c", before));
    assertEquals(List.of("b", "c"), siblings("k"));
  }

  @Test
  void aContextFromAFormerLifeOfTheShardIsTakenAndHarmless() {
    CausalContext former = run(TestShard.INCARNATION + 1, 0, 1, 1L << 53);
    done(put("k", "a", former));
    done(put("k", "b", former));
    assertEquals(List.of("a", "b"), siblings("k"));
  }

  @Test
  void theTimeToLiveBelongsToEachValue() {
    Mutation brief = new Mutation.PutCausal(bytes("brief"), CausalContext.EMPTY);
    shard.mutateFor("k", brief, Duration.ofMillis(100));
    put("k", "lasting", CausalContext.EMPTY);
    shard.pass(Duration.ofMillis(99));
    assertEquals(List.of("brief", "lasting"), siblings("k"));
    shard.pass(Duration.ofMillis(1));
    assertEquals(List.of("lasting"), siblings("k"));
  }
}
