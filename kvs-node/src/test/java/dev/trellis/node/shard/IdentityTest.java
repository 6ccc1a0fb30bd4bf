package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.viewOf;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.CausalContext.Run;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/// The names under which a shard writes: no dot and no counter component is ever used twice.
class IdentityTest {
  private final TestShard shard = new TestShard();

  private static Mutation in(String field, Mutation mutation) {
    return new Mutation.UpdateField(bytes(field), mutation);
  }

  private static Mutation add(String element) {
    return new Mutation.Add(Kind.ORSET, listOf(element));
  }

  private ReplicaId counterName(String key) {
    Counter counter = (Counter) shard.entry(key).value(Kind.COUNTER).orElseThrow();
    assertEquals(1, counter.replicaCount());
    return counter.sums().iterator().next().getKey();
  }

  @Test
  void namesCarryTheIncarnationAndAreOneForEachValue() {
    shard.mutate("a", new Mutation.Increment(1));
    shard.mutate("b", new Mutation.Increment(1));
    shard.mutate("a", new Mutation.Increment(1));
    assertEquals(TestShard.INCARNATION, counterName("a").incarnation());
    assertFalse(counterName("a").equals(counterName("b")));
  }

  @Test
  void aKeyThatWasDeletedIsWrittenUnderANewName() {
    shard.mutate("k", new Mutation.Increment(1));
    ReplicaId before = counterName("k");
    shard.mutate("k", new Mutation.Delete());
    shard.mutate("k", new Mutation.Increment(1));
    assertTrue(counterName("k").birth() > before.birth());
  }

  @Test
  void aKeyThatWasForgottenIsWrittenUnderANewName() {
    shard.mutate("k", new Mutation.Increment(1));
    Entry former = shard.entry("k");
    ReplicaId before = counterName("k");
    shard.mutate("k", new Mutation.Delete());
    shard.passAndSweep(Duration.ofHours(1));
    assertEquals(0, shard.store().size());
    shard.mutate("k", new Mutation.Increment(1));
    assertTrue(counterName("k").birth() > before.birth());
    // Even if a peer brings the former state back, later increments count besides it.
    shard.merge("k", former);
    assertEquals(whole(2), shard.get("k"));
    assertEquals(whole(3), viewOf(shard.mutate("k", new Mutation.Increment(1))));
  }

  @Test
  void aShardThatIsStartedAgainCountsBesideItsFormerSelf() {
    shard.mutate("k", new Mutation.Increment(5));
    Entry former = shard.entry("k");
    TestShard restarted = new TestShard(ShardConfig.of("n1", 0, 1, TestShard.INCARNATION + 1));
    restarted.mutate("k", new Mutation.Increment(2));
    restarted.merge("k", former);
    assertEquals(whole(7), restarted.get("k"));
    assertEquals(whole(10), viewOf(restarted.mutate("k", new Mutation.Increment(3))));
  }

  @Test
  void whatAPeerBringsBackToAForgottenKeyIsNotWrittenOn() {
    shard.mutate("k", add("a"));
    Entry former = shard.entry("k");
    shard.mutate("k", new Mutation.Delete());
    shard.passAndSweep(Duration.ofHours(1));
    shard.merge("k", former);
    Reply added = shard.mutate("k", add("b"));
    ReplicaId name = added.dots().runs().get(0).replica();
    assertTrue(name.birth() > 0, "written under a name from before the key was forgotten");
    assertEquals(TestShard.elements("a", "b"), shard.get("k"));
  }

  /// Every kind with dots, in keys and fields, written, deleted, expired, forgotten and brought
  /// back in any order: all dots of a key that replies ever told are different.
  @Test
  void noDotIsEverMintedTwice() {
    Seeds.forAll(100, IdentityTest::mintAndCompare);
  }

  private static void mintAndCompare(RandomGenerator random) {
    TestShard shard = new TestShard();
    Map<String, CausalContext> minted = new HashMap<>();
    Map<String, Entry> earlier = new HashMap<>();
    for (int step = 0; step < 300; step++) {
      String key = "k" + random.nextInt(3);
      CausalContext seen = minted.getOrDefault("k" + random.nextInt(3), CausalContext.EMPTY);
      Mutation mutation =
          switch (random.nextInt(6)) {
            case 0 -> new Mutation.Delete();
            case 1, 2 -> add("e" + random.nextInt(5));
            case 3 -> new Mutation.Append(listOf("x", "y"));
            case 4 -> new Mutation.PutCausal(bytes("v" + step), seen);
            default -> new Mutation.Remove(listOf("e" + random.nextInt(5)));
          };
      if (random.nextInt(3) == 0) {
        mutation = in("f" + random.nextInt(2), mutation);
      }
      Reply reply =
          random.nextInt(4) == 0 && !(mutation instanceof Mutation.UpdateField)
              ? shard.mutateFor(key, mutation, Duration.ofMillis(1 + random.nextInt(50)))
              : shard.mutate(key, mutation);
      if (reply.outcome() instanceof Outcome.Done) {
        CausalContext before = minted.getOrDefault(key, CausalContext.EMPTY);
        for (Run run : reply.dots().runs()) {
          for (Run old : before.runs()) {
            boolean disjoint =
                !run.replica().equals(old.replica())
                    || run.from() > old.to()
                    || run.to() < old.from();
            assertTrue(
                disjoint, () -> "dots " + run + " of " + key + " were minted before: " + old);
          }
        }
        minted.put(key, before.merge(reply.dots()));
      }
      switch (random.nextInt(12)) {
        case 0 -> {
          shard.passAndSweep(Duration.ofMinutes(12));
          earlier.clear(); // only what every replica knows is forgotten: none brings it back
        }
        case 1 -> shard.pass(Duration.ofMillis(random.nextInt(60)));
        case 2 -> earlier.put(key, shard.entry(key));
        case 3 -> shard.merge(key, earlier.getOrDefault(key, Entry.BOTTOM));
        default -> {}
      }
    }
  }
}
