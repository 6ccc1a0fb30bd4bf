package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.missing;
import static dev.trellis.node.shard.TestShard.viewOf;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.OpaqueValue;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/// What holds for every kind alike: of missing keys, of keys that hold another kind, in fields.
class KindsTest {
  private final TestShard shard = new TestShard();

  /// A mutation that creates a value of each kind.
  private static Map<Kind, Mutation> creations() {
    Map<Kind, Mutation> all = new EnumMap<>(Kind.class);
    all.put(Kind.LWW, new Mutation.Put(bytes("v")));
    all.put(Kind.MAX, new Mutation.Raise(5));
    all.put(Kind.MIN, new Mutation.Lower(5));
    all.put(Kind.FLAG, new Mutation.Enable());
    all.put(Kind.COUNTER, new Mutation.Increment(5));
    all.put(Kind.GSET, new Mutation.Add(Kind.GSET, listOf("v")));
    all.put(Kind.ORSET, new Mutation.Add(Kind.ORSET, listOf("v")));
    all.put(Kind.OSET, new Mutation.Add(Kind.OSET, listOf("v")));
    all.put(Kind.SORTEDSET, new Mutation.AddScored(List.of(new ScoredMember(bytes("v"), 1))));
    all.put(Kind.MAP, new Mutation.UpdateField(bytes("f"), new Mutation.Enable()));
    all.put(Kind.CAUSAL, new Mutation.PutCausal(bytes("v"), CausalContext.EMPTY));
    all.put(
        Kind.MULTICAUSAL, new Mutation.PutMultiCausal(bytes("v"), CausalContext.EMPTY, Map.of()));
    all.put(Kind.PRIORITY, new Mutation.PutPriority(1, bytes("v")));
    all.put(Kind.LOG, new Mutation.Append(listOf("v")));
    return all;
  }

  /// Mutations that take something away, and so change nothing where nothing is.
  private static List<Mutation> removals() {
    return List.of(
        new Mutation.Remove(listOf("v")),
        new Mutation.RemoveMembers(listOf("v")),
        new Mutation.UpdateField(bytes("f"), new Mutation.Delete()),
        new Mutation.UpdateField(bytes("f"), new Mutation.Remove(listOf("v"))),
        new Mutation.Trim(CausalContext.EMPTY));
  }

  private static List<Mutation> allMutations() {
    List<Mutation> all = new ArrayList<>(creations().values());
    all.addAll(removals());
    return all;
  }

  private static List<Read> allReads() {
    List<Read> all = new ArrayList<>();
    for (Kind kind : Kind.values()) {
      all.add(new Read.Get(Optional.of(kind)));
      all.add(new Read.Size(kind));
      all.add(new Read.Contains(kind, listOf("v")));
      all.add(new Read.Range(kind, Optional.empty(), Optional.empty(), 10, false));
    }
    all.add(Read.Scores.top(10));
    all.add(new Read.Since(CausalContext.EMPTY, 10));
    all.add(new Read.Field(bytes("f"), Read.Get.ANY));
    return all;
  }

  @Test
  void everyReadOfAMissingKeyOrFieldFindsItMissing() {
    List<Read> reads = new ArrayList<>(allReads());
    reads.add(Read.Get.ANY);
    reads.add(new Read.State());
    shard.mutate("map", new Mutation.UpdateField(bytes("other"), new Mutation.Enable()));
    for (Read read : reads) {
      Reply reply = shard.read("k", read);
      assertEquals(missing(), viewOf(reply), read::toString);
      assertEquals(Optional.empty(), reply.kind());
      assertEquals(missing(), viewOf(shard.read("map", new Read.Field(bytes("f"), read))));
      Read deep = new Read.Field(bytes("f"), new Read.Field(bytes("g"), read));
      assertEquals(missing(), viewOf(shard.read("map", deep)));
    }
    assertEquals(1, shard.store().size());
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void everyReadOfADeletedOrExpiredKeyFindsItMissing(Kind kind) {
    Mutation creation = creations().get(kind);
    shard.mutate("deleted", creation);
    assertEquals(1, changed(shard.mutate("deleted", new Mutation.Delete())));
    if (kind == Kind.MAP) {
      shard.mutate("expired", creation);
      shard.mutate("expired", new Mutation.Expire(OptionalLong.of(1)));
    } else {
      shard.mutateFor("expired", creation, Duration.ofMillis(1));
    }
    shard.passUnnoticed(Duration.ofMillis(1));
    for (Read read : allReads()) {
      assertEquals(missing(), viewOf(shard.read("deleted", read)), read::toString);
      assertEquals(missing(), viewOf(shard.read("expired", read)), read::toString);
    }
    assertEquals(missing(), shard.get("expired"));
    assertEquals(0, changed(shard.mutate("deleted", new Mutation.Delete())));
    assertEquals(0, changed(shard.mutate("expired", new Mutation.Delete())));
  }

  @Test
  void everyCreationMakesItsKindAndTellsIt() {
    creations()
        .forEach(
            (kind, creation) -> {
              String key = kind.word();
              Reply reply = shard.mutate(key, creation);
              assertEquals(1, changed(reply), kind::word);
              assertEquals(Optional.of(kind), reply.kind());
              assertEquals(Optional.of(kind), shard.read(key, Read.Get.ANY).kind());
              assertEquals(
                  viewOf(shard.read(key, Read.Get.ANY)),
                  viewOf(shard.read(key, new Read.Get(Optional.of(kind)))));
            });
  }

  @Test
  void everyRemovalFromNothingChangesNothingAndCreatesNothing() {
    for (Mutation removal : removals()) {
      Reply reply = shard.mutate("k", removal);
      assertEquals(0, changed(reply), removal::toString);
      assertEquals(new View.Nothing(), viewOf(reply));
      assertEquals(Optional.empty(), reply.kind());
      assertEquals(CausalContext.EMPTY, reply.dots());
    }
    assertEquals(0, changed(shard.mutate("k", new Mutation.Expire(OptionalLong.of(5)))));
    assertEquals(0, shard.store().size());
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void everyMutationOfAnotherKindIsRefusedAndLeavesNoTrace(Kind kind) {
    shard.mutate("k", creations().get(kind));
    shard.mutate("map", new Mutation.UpdateField(bytes("f"), creations().get(kind)));
    Entry before = shard.entry("k");
    Entry map = shard.entry("map");
    for (Mutation mutation : allMutations()) {
      if (mutation.kind().orElseThrow() == kind) {
        continue;
      }
      Reply reply = shard.mutate("k", mutation);
      String message = failed(ErrorCode.KIND_MISMATCH, reply).message();
      assertTrue(message.contains("key \"k\" holds " + kind.word()), message);
      assertTrue(message.endsWith("not " + mutation.kind().get().word()), message);
      assertEquals(Optional.of(kind), reply.kind());
      Reply inField = shard.mutate("map", new Mutation.UpdateField(bytes("f"), mutation));
      String inner = failed(ErrorCode.KIND_MISMATCH, inField).message();
      assertTrue(inner.contains("field \"f\" holds " + kind.word()), inner);
    }
    assertEquals(before, shard.entry("k"));
    assertEquals(map, shard.entry("map"));
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void everyReadOfAnotherKindIsRefused(Kind kind) {
    shard.mutate("k", creations().get(kind));
    shard.mutate("map", new Mutation.UpdateField(bytes("f"), creations().get(kind)));
    for (Read read : allReads()) {
      if (read.kind().orElseThrow() != kind) {
        failed(ErrorCode.KIND_MISMATCH, shard.read("k", read));
        failed(ErrorCode.KIND_MISMATCH, shard.read("map", new Read.Field(bytes("f"), read)));
      }
    }
  }

  @Test
  void aReadThatItsKindDoesNotHaveIsRefused() {
    List<Kind> sets = List.of(Kind.GSET, Kind.OSET, Kind.ORSET);
    creations()
        .forEach(
            (kind, creation) -> {
              shard.mutate(kind.word(), creation);
              Read range = new Read.Range(kind, Optional.empty(), Optional.empty(), 10, false);
              Reply ranged = shard.read(kind.word(), range);
              Reply contained = shard.read(kind.word(), new Read.Contains(kind, listOf("v")));
              Reply sized = shard.read(kind.word(), new Read.Size(kind));
              if (sets.contains(kind)) {
                assertEquals(TestShard.elements("v"), viewOf(ranged));
              } else {
                failed(ErrorCode.BAD_REQUEST, ranged);
              }
              if (sets.contains(kind) || kind == Kind.SORTEDSET) {
                assertEquals(TestShard.elements("v"), viewOf(contained));
              } else {
                failed(ErrorCode.BAD_REQUEST, contained);
              }
              boolean hasParts =
                  sets.contains(kind)
                      || List.of(Kind.SORTEDSET, Kind.MAP, Kind.CAUSAL, Kind.MULTICAUSAL, Kind.LOG)
                          .contains(kind);
              if (hasParts) {
                assertEquals(TestShard.whole(1), viewOf(sized));
              } else {
                failed(ErrorCode.BAD_REQUEST, sized);
              }
            });
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void aDeletedKeyTakesAnyKind(Kind second) {
    for (Kind first : Kind.values()) {
      String key = first.word();
      shard.mutate(key, creations().get(first));
      HybridTimestamp before = shard.entry(key).generation();
      shard.mutate(key, new Mutation.Delete());
      Reply reply = shard.mutate(key, creations().get(second));
      assertEquals(1, changed(reply), () -> first + " then " + second);
      assertEquals(Optional.of(second), reply.kind());
      boolean stays = first == Kind.LWW && second == Kind.LWW;
      assertEquals(!stays, reply.generation().isAfter(before));
      View fresh = viewOf(shard.mutate("fresh", creations().get(second)));
      boolean tellsContext = second == Kind.CAUSAL || second == Kind.MULTICAUSAL;
      assertTrue(tellsContext || fresh.equals(viewOf(reply)), "nothing of the first is left");
      shard.mutate("fresh", new Mutation.Delete());
    }
  }

  @ParameterizedTest
  @EnumSource(Kind.class)
  void anExpiredKeyTakesAnyKind(Kind second) {
    for (Kind first : Kind.values()) {
      if (first == Kind.MAP) {
        continue; // the time to live would be that of the field
      }
      String key = first.word();
      shard.mutateFor(key, creations().get(first), Duration.ofMillis(10));
      long expiry = shard.nowMillis() + 10;
      shard.passUnnoticed(Duration.ofMillis(10));
      Reply reply = shard.mutate(key, creations().get(second));
      assertEquals(1, changed(reply), () -> first + " then " + second);
      assertEquals(Optional.of(second), reply.kind());
      boolean ordersItself =
          first == second && List.of(Kind.LWW, Kind.CAUSAL, Kind.MULTICAUSAL).contains(second);
      assertEquals(
          ordersItself ? HybridTimestamp.ZERO : HybridTimestamp.ofMillis(expiry),
          reply.generation());
    }
  }

  @Test
  void typedOperationsGoOnWithTheirKindWhereThereAreTwo() {
    shard.mutate("k", new Mutation.Increment(1));
    shard.merge("k", Entry.of(HybridTimestamp.ZERO, new Flag(true)));
    Reply reply = shard.mutate("k", new Mutation.Increment(1));
    assertEquals(TestShard.whole(2), viewOf(reply));
    assertEquals(Optional.empty(), reply.kind());
    done(shard.mutate("k", new Mutation.Enable()));
    assertEquals(
        new View.Truth(true), viewOf(shard.read("k", new Read.Get(Optional.of(Kind.FLAG)))));
    String untyped = failed(ErrorCode.KIND_MISMATCH, shard.read("k", Read.Get.ANY)).message();
    assertTrue(untyped.contains("flag and counter"), untyped);
    Reply third = shard.mutate("k", new Mutation.Put(bytes("v")));
    String message = failed(ErrorCode.KIND_MISMATCH, third).message();
    assertTrue(message.contains("flag and counter, not lww"), message);
    assertTrue(shard.core().statistics().kindConflicts() > 0);
  }

  @Test
  void aFieldWithTwoKindsShowsTheConflict() {
    shard.mutate("k", new Mutation.UpdateField(bytes("f"), new Mutation.Increment(1)));
    Entry flag = Entry.of(HybridTimestamp.ZERO, new Flag(true));
    shard.merge(
        "k",
        Entry.of(
            HybridTimestamp.ZERO, dev.trellis.lattice.LatticeMap.of(Map.of(bytes("f"), flag))));
    View.Field shown = ((View.Fields) shard.get("k")).fields().get(bytes("f"));
    assertEquals(new View.Field(Optional.empty(), new View.Conflict(List.of(4, 5))), shown);
    Read field = new Read.Field(bytes("f"), Read.Get.ANY);
    failed(ErrorCode.KIND_MISMATCH, shard.read("k", field));
    Read flagField = new Read.Field(bytes("f"), new Read.Get(Optional.of(Kind.FLAG)));
    assertEquals(new View.Truth(true), viewOf(shard.read("k", flagField)));
    done(shard.mutate("k", new Mutation.UpdateField(bytes("f"), new Mutation.Delete())));
    assertEquals(missing(), shard.field("k", "f"));
  }

  @Test
  void aDeadKindBesideALivingOneIsNotInTheWay() {
    shard.mutateFor("k", new Mutation.Put(bytes("v")), Duration.ofMillis(10));
    shard.merge("k", Entry.of(HybridTimestamp.ZERO, Counter.ZERO));
    failed(ErrorCode.KIND_MISMATCH, shard.read("k", Read.Get.ANY));
    shard.passUnnoticed(Duration.ofMillis(10));
    assertEquals(TestShard.whole(0), shard.get("k"));
    assertEquals(TestShard.whole(1), viewOf(shard.mutate("k", new Mutation.Increment(1))));
    failed(ErrorCode.KIND_MISMATCH, shard.mutate("k", new Mutation.Put(bytes("v"))));
    assertEquals(1, changed(shard.mutate("k", new Mutation.Delete())));
    done(shard.mutate("k", new Mutation.Put(bytes("w"))));
    assertEquals(TestShard.value("w"), shard.get("k"));
  }

  @Test
  void aValueOfAKindThatOnlyNewerVersionsKnowIsKeptAndShownAsSuch() {
    Entry unknown = Entry.of(HybridTimestamp.ZERO, OpaqueValue.of(99, listOf("state")));
    shard.merge("k", unknown);
    Reply read = shard.read("k", Read.Get.ANY);
    assertEquals(new View.Conflict(List.of(99)), viewOf(read));
    assertEquals(Optional.empty(), read.kind());
    String message =
        failed(ErrorCode.KIND_MISMATCH, shard.mutate("k", new Mutation.Increment(1))).message();
    assertTrue(message.contains("kind 99 of a newer version"), message);
    assertEquals(new View.State(unknown), viewOf(shard.read("k", new Read.State())));
    assertEquals(1, shard.scan("", Optional.empty(), 10, true).keys().size());
    done(shard.mutate("k", new Mutation.Expire(OptionalLong.of(100))));
    assertEquals(1, changed(shard.mutate("k", new Mutation.Delete())));
    assertEquals(missing(), shard.get("k"));
  }

  @Test
  void theStateShowsTheDeadToo() {
    shard.mutate("k", new Mutation.Increment(1));
    Entry living = shard.entry("k");
    assertEquals(new View.State(living), viewOf(shard.read("k", new Read.State())));
    HybridTimestamp generation = shard.mutate("k", new Mutation.Delete()).generation();
    assertEquals(
        new View.State(Entry.empty(generation)), viewOf(shard.read("k", new Read.State())));
  }
}
