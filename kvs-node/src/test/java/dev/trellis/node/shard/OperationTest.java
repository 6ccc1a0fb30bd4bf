package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.elements;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.missing;
import static dev.trellis.node.shard.TestShard.value;
import static dev.trellis.node.shard.TestShard.viewOf;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/// What each kind's own operations do.
class OperationTest {
  private final TestShard shard = new TestShard();

  private Reply mutateAt(long millis, Origin origin, String key, Mutation mutation) {
    HybridTimestamp stamp = HybridTimestamp.ofMillis(millis);
    return shard.send(origin, bytes(key), mutation, RequestContext.mutation(0, stamp));
  }

  private Reply putAt(long millis, Origin origin, String key, String text) {
    return mutateAt(millis, origin, key, new Mutation.Put(bytes(text)));
  }

  private Reply deleteAt(long millis, Origin origin, String key) {
    return mutateAt(millis, origin, key, new Mutation.Delete());
  }

  private View range(Kind kind, String key, String from, String to, int limit, boolean down) {
    Optional<Payload> start = Optional.ofNullable(from).map(TestShard::bytes);
    Optional<Payload> end = Optional.ofNullable(to).map(TestShard::bytes);
    return viewOf(shard.read(key, new Read.Range(kind, start, end, limit, down)));
  }

  // lww

  @Test
  void theLaterPutWinsInWhateverOrderTheyCome() {
    long now = shard.nowMillis();
    assertEquals(1, changed(putAt(now, TestShard.CLIENT, "k", "later")));
    assertEquals(0, changed(putAt(now - 1, TestShard.CLIENT, "k", "earlier")));
    assertEquals(value("later"), shard.get("k"));
    assertEquals(1, changed(putAt(now + 1, TestShard.CLIENT, "k", "last")));
    assertEquals(value("last"), shard.get("k"));
  }

  @Test
  void ofPutsAtTheSameTimeThatOfTheGreaterClientWins() {
    long now = shard.nowMillis();
    putAt(now, TestShard.OTHER, "k", "other");
    putAt(now, TestShard.CLIENT, "k", "client");
    assertEquals(value("other"), shard.get("k"));
  }

  @Test
  void aDeleteOfAnLwwStandsInTheOrderOfItsPuts() {
    long now = shard.nowMillis();
    putAt(now, TestShard.CLIENT, "k", "a");
    assertEquals(0, changed(deleteAt(now - 1, TestShard.CLIENT, "k")));
    assertEquals(value("a"), shard.get("k"));
    assertEquals(1, changed(deleteAt(now + 2, TestShard.CLIENT, "k")));
    assertEquals(missing(), shard.get("k"));
    assertEquals(0, changed(putAt(now + 1, TestShard.CLIENT, "k", "late")));
    assertEquals(missing(), shard.get("k"));
    assertEquals(1, changed(putAt(now + 3, TestShard.CLIENT, "k", "b")));
    assertEquals(value("b"), shard.get("k"));
  }

  @Test
  void anEmptyValueIsAValue() {
    shard.mutate("k", new Mutation.Put(Payload.EMPTY));
    assertEquals(new View.Bytes(Payload.EMPTY, 0), shard.get("k"));
  }

  // max, min, flag, priority

  @Test
  void aMaxOnlyRisesAndAMinOnlyFalls() {
    assertEquals(whole(5), viewOf(shard.mutate("max", new Mutation.Raise(5))));
    Reply same = shard.mutate("max", new Mutation.Raise(3));
    assertEquals(whole(5), viewOf(same));
    assertEquals(0, changed(same));
    assertEquals(
        whole(Long.MAX_VALUE), viewOf(shard.mutate("max", new Mutation.Raise(Long.MAX_VALUE))));
    assertEquals(
        whole(Long.MIN_VALUE), viewOf(shard.mutate("low", new Mutation.Raise(Long.MIN_VALUE))));

    assertEquals(whole(5), viewOf(shard.mutate("min", new Mutation.Lower(5))));
    assertEquals(0, changed(shard.mutate("min", new Mutation.Lower(7))));
    assertEquals(
        whole(Long.MIN_VALUE), viewOf(shard.mutate("min", new Mutation.Lower(Long.MIN_VALUE))));
  }

  @Test
  void aFlagIsEnabledOnce() {
    Reply first = shard.mutate("k", new Mutation.Enable());
    assertEquals(new View.Truth(true), viewOf(first));
    assertEquals(1, changed(first));
    assertEquals(0, changed(shard.mutate("k", new Mutation.Enable())));
  }

  @Test
  void theLowestPriorityIsKeptAndOfEqualOnesTheLowestBytes() {
    shard.mutate("k", new Mutation.PutPriority(2, bytes("b")));
    Reply higher = shard.mutate("k", new Mutation.PutPriority(3, bytes("a")));
    assertEquals(new View.Prioritized(2, bytes("b")), viewOf(higher));
    assertEquals(0, changed(higher));
    Reply equal = shard.mutate("k", new Mutation.PutPriority(2, bytes("a")));
    assertEquals(new View.Prioritized(2, bytes("a")), viewOf(equal));
    assertEquals(1, changed(equal));
    shard.mutate("k", new Mutation.PutPriority(0.0, bytes("zero")));
    shard.mutate("k", new Mutation.PutPriority(-0.0, bytes("zzz")));
    assertEquals(new View.Prioritized(-0.0, bytes("zzz")), shard.get("k"));
    shard.mutate("k", new Mutation.PutPriority(Double.NEGATIVE_INFINITY, bytes("first")));
    assertEquals(new View.Prioritized(Double.NEGATIVE_INFINITY, bytes("first")), shard.get("k"));
  }

  // gset, oset, orset

  @ParameterizedTest
  @EnumSource(names = {"GSET", "OSET", "ORSET"})
  void aSetHoldsEachElementOnceInByteOrder(Kind kind) {
    Reply added = shard.mutate("k", new Mutation.Add(kind, listOf("b", "a", "b", "")));
    assertEquals(3, changed(added));
    assertEquals(1, changed(shard.mutate("k", new Mutation.Add(kind, listOf("c", "a")))));
    assertEquals(elements("", "a", "b", "c"), shard.get("k"));
    assertEquals(whole(4), viewOf(shard.read("k", new Read.Size(kind))));
    Read contains = new Read.Contains(kind, listOf("c", "x", "", "c"));
    assertEquals(elements("", "c"), viewOf(shard.read("k", contains)));
    assertEquals(elements(), viewOf(shard.read("k", new Read.Contains(kind, List.of()))));
  }

  @ParameterizedTest
  @EnumSource(names = {"GSET", "OSET", "ORSET"})
  void aRangeTakesItsStartAndNotItsEnd(Kind kind) {
    shard.mutate("k", new Mutation.Add(kind, listOf("a", "b", "c", "d")));
    assertEquals(elements("b", "c"), range(kind, "k", "b", "d", 10, false));
    assertEquals(elements("c", "b"), range(kind, "k", "b", "d", 10, true));
    assertEquals(elements("a", "b"), range(kind, "k", null, null, 2, false));
    assertEquals(elements("d", "c"), range(kind, "k", null, null, 2, true));
    assertEquals(elements("a", "b"), range(kind, "k", "", "bb", Integer.MAX_VALUE, false));
    assertEquals(elements(), range(kind, "k", "c", "b", 10, false));
    assertEquals(elements(), range(kind, "k", "c", "b", 10, true));
    assertEquals(elements(), range(kind, "k", "x", null, 10, false));
  }

  @Test
  void anElementCanBeRemovedAndAddedAgain() {
    Reply added = shard.mutate("k", new Mutation.Add(Kind.ORSET, listOf("a", "b")));
    assertEquals(2, added.dots().dotCount());
    Reply removed = shard.mutate("k", new Mutation.Remove(listOf("a", "x", "a")));
    assertEquals(1, changed(removed));
    assertEquals(CausalContext.EMPTY, removed.dots());
    assertEquals(elements("b"), shard.get("k"));
    assertEquals(0, changed(shard.mutate("k", new Mutation.Remove(listOf("a")))));
    Reply again = shard.mutate("k", new Mutation.Add(Kind.ORSET, listOf("a")));
    assertEquals(1, changed(again));
    assertEquals(elements("a", "b"), shard.get("k"));
    shard.mutate("k", new Mutation.Remove(listOf("a", "b")));
    assertEquals(elements(), shard.get("k"));
    assertEquals(Kind.ORSET, shard.read("k", Read.Get.ANY).kind().get());
    Reply read = shard.read("k", Read.Get.ANY);
    assertTrue(read.dots().includes(added.dots()) && read.dots().includes(again.dots()));
  }

  // sortedset

  private static ScoredMember scored(String member, double score) {
    return new ScoredMember(bytes(member), score);
  }

  private View scores(double min, double max, int limit, boolean down) {
    return viewOf(shard.read("k", new Read.Scores(min, max, limit, down)));
  }

  private static View ranking(ScoredMember... members) {
    return new View.Scored(List.of(members));
  }

  @Test
  void membersAreReadInTheOrderOfTheirScores() {
    shard.mutate(
        "k",
        new Mutation.AddScored(
            List.of(
                scored("z", 1),
                scored("a", 1),
                scored("low", Double.NEGATIVE_INFINITY),
                scored("high", Double.POSITIVE_INFINITY),
                scored("neg", -0.0),
                scored("pos", 0.0),
                scored("", 1))));
    View all =
        ranking(
            scored("low", Double.NEGATIVE_INFINITY),
            scored("neg", -0.0),
            scored("pos", 0.0),
            scored("", 1),
            scored("a", 1),
            scored("z", 1),
            scored("high", Double.POSITIVE_INFINITY));
    assertEquals(all, shard.get("k"));
    assertEquals(ranking(scored("", 1), scored("a", 1), scored("z", 1)), scores(1, 1, 9, false));
    assertEquals(ranking(scored("z", 1), scored("a", 1)), scores(0.5, 1, 2, true));
    assertEquals(ranking(scored("neg", -0.0)), scores(-1, -0.0, 9, true));
    assertEquals(ranking(scored("pos", 0.0)), scores(0.0, 0.0, 9, true));
    assertEquals(ranking(), scores(1, 0, 9, false));
    assertEquals(
        ranking(scored("high", Double.POSITIVE_INFINITY), scored("z", 1)),
        viewOf(shard.read("k", Read.Scores.top(2))));
  }

  @Test
  void aMemberHasItsLatestScoreAndComesBackAfterARemove() {
    shard.mutate("k", new Mutation.AddScored(List.of(scored("a", 1), scored("b", 2))));
    Reply moved =
        shard.mutate("k", new Mutation.AddScored(List.of(scored("a", 3), scored("b", 2))));
    assertEquals(1, changed(moved));
    assertEquals(ranking(scored("b", 2), scored("a", 3)), shard.get("k"));
    long now = shard.nowMillis();
    Mutation old = new Mutation.AddScored(List.of(scored("a", 9)));
    assertEquals(0, changed(mutateAt(now - 10, TestShard.CLIENT, "k", old)));
    assertEquals(1, changed(shard.mutate("k", new Mutation.RemoveMembers(listOf("a", "x")))));
    assertEquals(0, changed(mutateAt(now - 10, TestShard.CLIENT, "k", old)));
    assertEquals(ranking(scored("b", 2)), shard.get("k"));
    assertEquals(whole(1), viewOf(shard.read("k", new Read.Size(Kind.SORTEDSET))));
    Read contains = new Read.Contains(Kind.SORTEDSET, listOf("a", "b"));
    assertEquals(elements("b"), viewOf(shard.read("k", contains)));
    assertEquals(1, changed(shard.mutate("k", old)));
    assertEquals(ranking(scored("b", 2), scored("a", 9)), shard.get("k"));
  }

  @Test
  void removingAMemberThatIsNotThereLeavesNothingBehind() {
    shard.mutate("k", new Mutation.AddScored(List.of(scored("a", 1))));
    long weight = shard.store().weight();
    assertEquals(0, changed(shard.mutate("k", new Mutation.RemoveMembers(listOf("b", "c")))));
    assertEquals(weight, shard.store().weight());
  }

  // log

  private View.Records since(CausalContext seen, int limit) {
    return (View.Records) viewOf(shard.read("log", new Read.Since(seen, limit)));
  }

  private static List<String> texts(View.Records records) {
    return records.records().stream().map(record -> record.value().text()).toList();
  }

  @Test
  void aLogIsReadOnFromWhereItsReaderIs() {
    Reply first = shard.mutate("log", new Mutation.Append(listOf("a", "b")));
    assertEquals(2, changed(first));
    assertEquals(2, first.dots().dotCount());
    shard.mutate("log", new Mutation.Append(listOf("c")));
    assertEquals(List.of("a", "b", "c"), texts((View.Records) shard.get("log")));
    View.Records page = since(CausalContext.EMPTY, 2);
    assertEquals(List.of("a", "b"), texts(page));
    page = since(page.seen(), 2);
    assertEquals(List.of("c"), texts(page));
    page = since(page.seen(), 2);
    assertEquals(List.of(), texts(page));
    shard.mutate("log", new Mutation.Append(listOf("d", "d")));
    assertEquals(List.of("d", "d"), texts(since(page.seen(), 9)));
    assertEquals(whole(5), viewOf(shard.read("log", new Read.Size(Kind.LOG))));
  }

  @Test
  void trimmingDropsWhatWasObservedAndNoMore() {
    Reply first = shard.mutate("log", new Mutation.Append(listOf("a", "b")));
    shard.mutate("log", new Mutation.Append(listOf("c")));
    Reply trimmed = shard.mutate("log", new Mutation.Trim(first.dots()));
    assertEquals(2, changed(trimmed));
    assertEquals(List.of("c"), texts((View.Records) shard.get("log")));
    assertEquals(0, changed(shard.mutate("log", new Mutation.Trim(first.dots()))));
    View.Records all = since(CausalContext.EMPTY, 9);
    assertEquals(3, all.seen().dotCount(), "trimmed records count as seen");
    assertEquals(1, changed(shard.mutate("log", new Mutation.Trim(all.seen()))));
    assertEquals(List.of(), texts((View.Records) shard.get("log")));
    Reply next = shard.mutate("log", new Mutation.Append(listOf("d")));
    assertEquals(List.of("d"), texts(since(all.seen(), 9)));
    assertTrue(!all.seen().includes(next.dots()), "a trimmed dot was used again");
  }

  @Test
  void trimmingByAForgedContextTakesNothingThatIsYetToCome() {
    Reply first = shard.mutate("log", new Mutation.Append(listOf("a")));
    Dot dot = new Dot(first.dots().runs().get(0).replica(), Long.MAX_VALUE);
    CausalContext everything =
        CausalContext.ofRuns(List.of(new CausalContext.Run(dot.replica(), 1, dot.counter())));
    assertEquals(1, changed(shard.mutate("log", new Mutation.Trim(everything))));
    shard.mutate("log", new Mutation.Append(listOf("b")));
    assertEquals(List.of("b"), texts((View.Records) shard.get("log")));
  }

  // map

  private static Mutation in(String field, Mutation mutation) {
    return new Mutation.UpdateField(bytes(field), mutation);
  }

  private static Mutation nested(int depth, Mutation innermost) {
    Mutation mutation = innermost;
    for (int level = 0; level < depth; level++) {
      mutation = in("f", mutation);
    }
    return mutation;
  }

  private static Read nested(int depth, Read innermost) {
    Read read = innermost;
    for (int level = 0; level < depth; level++) {
      read = new Read.Field(bytes("f"), read);
    }
    return read;
  }

  @Test
  void aMapShowsItsFieldsWithTheirKinds() {
    shard.mutate("k", in("n", new Mutation.Increment(5)));
    shard.mutate("k", in("", new Mutation.Put(bytes("v"))));
    shard.mutate("k", in("m", in("x", new Mutation.Raise(7))));
    View.Fields fields = (View.Fields) shard.get("k");
    assertEquals(listOf("", "m", "n"), List.copyOf(fields.fields().keySet()));
    assertEquals(
        new View.Field(Optional.of(Kind.COUNTER), whole(5)), fields.fields().get(bytes("n")));
    View.Field inner = fields.fields().get(bytes("m"));
    assertEquals(Optional.of(Kind.MAP), inner.kind());
    assertEquals(whole(7), ((View.Fields) inner.view()).fields().get(bytes("x")).view());
    assertEquals(whole(3), viewOf(shard.read("k", new Read.Size(Kind.MAP))));
    assertEquals(new View.Bytes(bytes("v"), 0), shard.field("k", ""));
  }

  @Test
  void aFieldAnswersAsAKeyWould() {
    Reply reply = shard.mutate("k", in("n", new Mutation.Increment(5)));
    assertEquals(whole(5), viewOf(reply));
    assertEquals(Optional.of(Kind.MAP), reply.kind());
    Reply added = shard.mutate("k", in("s", new Mutation.Add(Kind.ORSET, listOf("a", "b"))));
    assertEquals(2, changed(added));
    assertEquals(2, added.dots().dotCount());
    Reply trimmed = shard.mutate("k", in("s", new Mutation.Remove(listOf("a"))));
    assertEquals(1, changed(trimmed));
    assertEquals(elements("b"), shard.field("k", "s"));
  }

  @Test
  void aRemovedFieldIsGoneAndTakesAnyKindAgain() {
    shard.mutate("k", in("f", new Mutation.Increment(5)));
    shard.mutate("k", in("g", new Mutation.Enable()));
    Reply removed = shard.mutate("k", in("f", new Mutation.Delete()));
    assertEquals(1, changed(removed));
    assertEquals(0, changed(shard.mutate("k", in("f", new Mutation.Delete()))));
    assertEquals(missing(), shard.field("k", "f"));
    assertEquals(whole(1), viewOf(shard.read("k", new Read.Size(Kind.MAP))));
    assertEquals(whole(2), viewOf(shard.mutate("k", in("f", new Mutation.Increment(2)))));
    shard.mutate("k", in("f", new Mutation.Delete()));
    done(shard.mutate("k", in("f", new Mutation.Put(bytes("v")))));
    assertEquals(value("v"), shard.field("k", "f"));
    shard.mutate("k", in("f", new Mutation.Delete()));
    shard.mutate("k", in("g", new Mutation.Delete()));
    assertEquals(new View.Fields(new java.util.TreeMap<>()), shard.get("k"));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, Limits.DEPTH_MAX})
  void mapsNestAsDeepAsTheLimit(int depth) {
    Mutation increment = nested(depth, new Mutation.Increment(5));
    assertEquals(whole(5), viewOf(shard.mutate("k", increment)));
    assertEquals(whole(10), viewOf(shard.mutate("k", increment)));
    assertEquals(whole(10), viewOf(shard.read("k", nested(depth, Read.Get.ANY))));
    Mutation add = new Mutation.Add(Kind.ORSET, listOf("a"));
    String message =
        failed(ErrorCode.KIND_MISMATCH, shard.mutate("k", nested(depth, add))).message();
    assertTrue(message.contains("field \"f\" holds counter"), message);
    assertEquals(1, changed(shard.mutate("k", nested(depth, new Mutation.Delete()))));
    assertEquals(missing(), viewOf(shard.read("k", nested(depth, Read.Get.ANY))));
    assertEquals(1, changed(shard.mutate("k", nested(depth, add))));
    assertEquals(elements("a"), viewOf(shard.read("k", nested(depth, Read.Get.ANY))));
  }

  @Test
  void mapsNestNoDeeperThanTheLimit() {
    Mutation tooDeep = nested(Limits.DEPTH_MAX + 1, new Mutation.Increment(5));
    String message = failed(ErrorCode.BAD_REQUEST, shard.mutate("k", tooDeep)).message();
    assertTrue(message.contains("16"), message);
    assertEquals(0, shard.store().size());
    Read read = nested(Limits.DEPTH_MAX + 1, Read.Get.ANY);
    assertEquals(missing(), viewOf(shard.read("k", read)));
    shard.mutate("k", nested(Limits.DEPTH_MAX, new Mutation.Increment(5)));
    failed(ErrorCode.KIND_MISMATCH, shard.read("k", read));
    failed(ErrorCode.KIND_MISMATCH, shard.mutate("k", tooDeep));
  }

  @Test
  void aMergeIsNotOfAField() {
    Mutation merge = in("f", new Mutation.Merge(dev.trellis.lattice.Entry.BOTTOM));
    RequestContext context = RequestContext.mutation(0, shard.next().timestamp());
    failed(ErrorCode.BAD_REQUEST, shard.send(TestShard.PEER, bytes("k"), merge, context));
    failed(ErrorCode.BAD_REQUEST, shard.mutate("k", merge));
  }

  @Test
  void manyValuesOfOneRequestKeepTheirOrder() {
    List<Payload> records = new ArrayList<>();
    for (int i = 0; i < 1_000; i++) {
      records.add(bytes("record" + i));
    }
    assertEquals(1_000, changed(shard.mutate("log", new Mutation.Append(records))));
    assertEquals(
        records.stream().map(Payload::text).toList(), texts((View.Records) shard.get("log")));
  }
}
