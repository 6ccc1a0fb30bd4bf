package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.missing;
import static dev.trellis.node.shard.TestShard.value;
import static dev.trellis.node.shard.TestShard.viewOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/// What a shard does when its memory is full.
class MemoryTest {
  private static final long BYTES_MAX = 1 << 20;

  private static final String PADDING = "-".repeat(300); // so that a page of a scan has all keys

  private final TestShard shard = new TestShard(TestShard.withMemory(BYTES_MAX));

  private static Mutation in(String field, Mutation mutation) {
    return new Mutation.UpdateField(bytes(field), mutation);
  }

  private void createSome() {
    shard.mutate("counter", new Mutation.Increment(5));
    shard.mutate("lww", new Mutation.Put(bytes("a text of some length")));
    shard.mutate("orset", new Mutation.Add(Kind.ORSET, listOf("a", "b")));
    shard.mutate("sorted", new Mutation.AddScored(List.of(new ScoredMember(bytes("a"), 1))));
    shard.mutate("map", in("n", new Mutation.Increment(5)));
    shard.mutate("map", in("v", new Mutation.Put(bytes("v"))));
    shard.mutate("log", new Mutation.Append(listOf("a", "b")));
    shard.mutate("causal", new Mutation.PutCausal(bytes("a"), CausalContext.EMPTY));
  }

  /// Writes until there is no room left, and checks that the refusal left no trace.
  private int fill(String prefix) {
    for (int i = 0; ; i++) {
      Reply reply = shard.mutate(prefix + i, new Mutation.Put(bytes("v" + i + PADDING)));
      if (!(reply.outcome() instanceof Outcome.Done)) {
        Outcome.Failed failed = failed(ErrorCode.OUT_OF_MEMORY, reply);
        assertTrue(failed.retryAfter().isPresent());
        assertEquals(missing(), shard.get(prefix + i));
        assertTrue(shard.store().weight() <= BYTES_MAX);
        return i;
      }
    }
  }

  /// Uses what is left where a value of the usual size has no room.
  private void fillUp() {
    int number = 0;
    while (shard.mutate("small" + number, new Mutation.Enable()).outcome()
        instanceof Outcome.Done) {
      number++;
    }
    assertTrue(number < 100);
  }

  @Test
  void nothingOfWhatWasAcknowledgedIsLostAndReadsGoOn() {
    createSome();
    Map<String, View> before = new HashMap<>();
    keys().forEach(key -> before.put(key, shard.get(key)));
    int filled = fill("k");
    assertTrue(filled > 100);
    for (int i = 0; i < filled; i++) {
      assertEquals(value("v" + i + PADDING), shard.get("k" + i));
    }
    before.forEach((key, view) -> assertEquals(view, shard.get(key)));
    assertEquals(filled + before.size(), keys().size());
    fillUp();
    failed(
        ErrorCode.OUT_OF_MEMORY, shard.mutate("orset", new Mutation.Add(Kind.ORSET, listOf("c"))));
    failed(ErrorCode.OUT_OF_MEMORY, shard.mutate("new", new Mutation.Enable()));
    before.forEach((key, view) -> assertEquals(view, shard.get(key)));
  }

  private List<String> keys() {
    return shard.scan("", Optional.empty(), 10_000, true).keys().stream()
        .map(key -> key.key().text())
        .toList();
  }

  @Test
  void whatDoesNotGrowGoesOn() {
    createSome();
    fill("k");
    done(shard.mutate("lww", new Mutation.Put(bytes("short"))));
    done(shard.mutate("counter", new Mutation.Increment(5)));
    done(shard.mutate("orset", new Mutation.Remove(listOf("a"))));
    done(shard.mutate("sorted", new Mutation.AddScored(List.of(new ScoredMember(bytes("a"), 2)))));
    done(shard.mutate("sorted", new Mutation.RemoveMembers(listOf("a"))));
    CausalContext seen = ((View.Records) shard.get("log")).seen();
    assertEquals(2, changed(shard.mutate("log", new Mutation.Trim(seen))));
    CausalContext context = ((View.Siblings) shard.get("causal")).context();
    done(shard.mutate("causal", new Mutation.PutCausal(bytes("b"), context)));
    done(shard.mutate("counter", new Mutation.Expire(java.util.OptionalLong.of(1_000))));
  }

  @Test
  void deletesGoOnForEveryKindAndGiveTheRoomBackInTime() {
    createSome();
    int filled = fill("k");
    for (String key : List.of("counter", "lww", "orset", "sorted", "log", "causal")) {
      assertEquals(1, changed(shard.mutate(key, new Mutation.Delete())), key);
      assertEquals(missing(), shard.get(key));
    }
    assertEquals(1, changed(shard.mutate("map", in("n", new Mutation.Delete()))));
    assertEquals(1, changed(shard.mutate("map", in("v", new Mutation.Delete()))));
    assertEquals(1, changed(shard.mutate("map", new Mutation.Delete())));
    for (int i = 0; i < filled; i++) {
      assertEquals(1, changed(shard.mutate("k" + i, new Mutation.Delete())));
    }
    assertTrue(shard.store().weight() <= BYTES_MAX);
    shard.passAndSweep(Duration.ofMinutes(12));
    assertEquals(0, shard.store().weight());
    createSome();
    assertEquals(filled, fill("k"));
  }

  @Test
  void deletingWhatIsMissingTakesNoMemory() {
    fill("k");
    long weight = shard.store().weight();
    Optional<HybridTimestamp> later =
        Optional.of(HybridTimestamp.ofMillis(shard.nowMillis() + 100));
    for (int i = 0; i < 100; i++) {
      done(shard.mutate("none" + i, new Mutation.Delete()));
      done(shard.send("none" + i, new Mutation.Delete(), shard.next().withGeneration(later)));
      done(shard.mutate("none" + i, in("f", new Mutation.Delete())));
    }
    assertEquals(weight, shard.store().weight());
  }

  @Test
  void aPeersTombstoneIsTakenAndItsValuesMustWait() {
    createSome();
    fill("k");
    HybridTimestamp now = HybridTimestamp.ofMillis(shard.nowMillis());
    assertEquals(1, changed(shard.merge("counter", Entry.empty(now))));
    assertEquals(missing(), shard.get("counter"));
    assertEquals(1, changed(shard.merge("elsewhere", Entry.empty(now))));
    Entry large =
        Entry.of(
            HybridTimestamp.ZERO,
            dev.trellis.lattice.GrowSet.of(List.of(Payload.of(new byte[10_000]))));
    failed(ErrorCode.OUT_OF_MEMORY, shard.merge("orset", large));
    assertEquals(TestShard.elements("a", "b"), viewOf(shard.read("orset", Read.Get.ANY)));
  }
}
