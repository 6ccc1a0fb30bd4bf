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
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Kind;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Reply;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

class ExpiryTest {
  private static final Duration TTL = Duration.ofMillis(100);
  private static final Mutation INCREMENT = new Mutation.Increment(1);

  private final TestShard shard = new TestShard();

  private static Mutation in(String field, Mutation mutation) {
    return new Mutation.UpdateField(bytes(field), mutation);
  }

  private static Mutation expireIn(long millis) {
    return new Mutation.Expire(OptionalLong.of(millis));
  }

  private void assertLastsJust(long millis, String key) {
    shard.passUnnoticed(Duration.ofMillis(millis - 1));
    assertTrue(!(shard.get(key) instanceof View.Missing), "gone too early");
    shard.passUnnoticed(Duration.ofMillis(1));
    assertEquals(missing(), shard.get(key));
    assertEquals(0, shard.scan(key, Optional.empty(), 1, false).keys().size());
  }

  @Test
  void aTimeToLiveCountsFromTheStampOfItsWrite() {
    long now = shard.nowMillis();
    RequestContext context =
        RequestContext.mutation(0, HybridTimestamp.ofMillis(now - 40)).withTtlMillis(100);
    shard.send("k", new Mutation.Put(bytes("v")), context);
    assertEquals(new View.Bytes(bytes("v"), now + 60), shard.get("k"));
    assertLastsJust(60, "k");
  }

  @Test
  void aWriteWhoseTimeIsOverWhenItComesIsCarriedOutUnseen() {
    RequestContext context =
        RequestContext.mutation(1, HybridTimestamp.ofMillis(shard.nowMillis() - 40))
            .withTtlMillis(30);
    Reply reply = shard.send("k", INCREMENT, context);
    assertEquals(whole(1), viewOf(reply));
    assertEquals(Optional.empty(), reply.kind());
    assertEquals(missing(), shard.get("k"));
  }

  @Test
  void eachPutOfAnLwwHasItsOwnTimeToLive() {
    shard.mutateFor("k", new Mutation.Put(bytes("a")), TTL);
    shard.mutate("k", new Mutation.Put(bytes("b")));
    shard.pass(Duration.ofDays(1));
    assertEquals(value("b"), shard.get("k"));
    shard.mutateFor("k", new Mutation.Put(bytes("c")), TTL);
    assertLastsJust(100, "k");
    shard.mutate("k", new Mutation.Put(bytes("d")));
    assertEquals(value("d"), shard.get("k"));
    assertEquals(HybridTimestamp.ZERO, shard.entry("k").generation());
  }

  @Test
  void anOlderPutDoesNotComeBackWhenALaterOneExpires() {
    long now = shard.nowMillis();
    shard.send(
        "k",
        new Mutation.Put(bytes("later")),
        RequestContext.mutation(0, HybridTimestamp.ofMillis(now)).withTtlMillis(10));
    shard.passUnnoticed(Duration.ofMillis(10));
    Mutation older = new Mutation.Put(bytes("older"));
    RequestContext before = RequestContext.mutation(0, HybridTimestamp.ofMillis(now - 5));
    assertEquals(0, changed(shard.send("k", older, before)));
    assertEquals(missing(), shard.get("k"));
  }

  @Test
  void theTimeToLiveOfOtherKindsIsThatOfTheKeyAndTheLastGivenHolds() {
    shard.mutateFor("k", INCREMENT, TTL);
    shard.mutate("k", INCREMENT);
    assertEquals(whole(2), shard.get("k"));
    assertLastsJust(100, "k");

    shard.mutateFor("j", INCREMENT, TTL);
    shard.mutateFor("j", INCREMENT, Duration.ofMillis(300));
    assertLastsJust(300, "j");
    shard.mutateFor("i", INCREMENT, Duration.ofMillis(300));
    shard.mutateFor("i", INCREMENT, TTL);
    assertLastsJust(100, "i");
  }

  @Test
  void aTimeToLiveCanBeSetChangedAndTakenAway() {
    shard.mutate("k", INCREMENT);
    assertEquals(1, changed(shard.mutate("k", expireIn(100))));
    assertEquals(1, changed(shard.mutate("k", expireIn(300))));
    shard.passUnnoticed(Duration.ofMillis(200));
    assertEquals(1, changed(shard.mutate("k", new Mutation.Expire(OptionalLong.empty()))));
    shard.pass(Duration.ofDays(1));
    assertEquals(whole(1), shard.get("k"));
    shard.mutate("k", expireIn(100));
    assertLastsJust(100, "k");
    assertEquals(0, changed(shard.mutate("k", expireIn(100))));
    assertEquals(missing(), shard.get("k"), "what is gone is not brought back");
  }

  @Test
  void whereEachValueHasItsOwnExpiryNoOtherIsSet() {
    shard.mutate("lww", new Mutation.Put(bytes("v")));
    shard.mutate("causal", new Mutation.PutCausal(bytes("v"), CausalContext.EMPTY));
    shard.mutate("multi", new Mutation.PutMultiCausal(bytes("v"), CausalContext.EMPTY, Map.of()));
    shard.mutate("map", in("f", new Mutation.Put(bytes("v"))));
    for (String key : List.of("lww", "causal", "multi")) {
      String message = failed(ErrorCode.BAD_REQUEST, shard.mutate(key, expireIn(5))).message();
      assertTrue(message.contains("put it again with a ttl"), message);
    }
    failed(ErrorCode.BAD_REQUEST, shard.mutate("map", in("f", expireIn(5))));
    done(shard.mutate("map", expireIn(5)));
  }

  @Test
  void aWriteAfterTheExpiryStartsTheGenerationOfTheExpiryInstant() {
    shard.mutateFor("k", new Mutation.Add(Kind.ORSET, listOf("a")), TTL);
    long expiry = shard.nowMillis() + 100;
    shard.passUnnoticed(Duration.ofSeconds(5));
    Reply reply = shard.mutate("k", new Mutation.Add(Kind.ORSET, listOf("b")));
    assertEquals(HybridTimestamp.ofMillis(expiry), reply.generation());
    assertEquals(elements("b"), shard.get("k"));
    shard.pass(Duration.ofDays(1));
    assertEquals(elements("b"), shard.get("k"), "the old time to live is not inherited");
  }

  @Test
  void twoReplicasThatFindAnExpiryStartTheSameGeneration() {
    TestShard other = new TestShard(ShardConfig.of("n2", 0, 1, 99));
    shard.mutateFor("k", INCREMENT, TTL);
    other.merge("k", shard.entry("k"));
    shard.passUnnoticed(Duration.ofMillis(150));
    other.passUnnoticed(Duration.ofMillis(450));
    shard.mutate("k", new Mutation.Increment(10));
    other.mutate("k", new Mutation.Increment(100));
    other.merge("k", shard.entry("k"));
    shard.merge("k", other.entry("k"));
    assertEquals(whole(110), shard.get("k"));
    assertEquals(shard.entry("k"), other.entry("k"));
  }

  @Test
  void aFieldExpiresByItself() {
    shard.mutateFor("k", in("brief", INCREMENT), TTL);
    shard.mutate("k", in("lasting", INCREMENT));
    shard.mutateFor("k", in("lww", new Mutation.Put(bytes("v"))), TTL);
    shard.mutateFor("k", in("inner", in("brief", INCREMENT)), TTL);
    shard.passUnnoticed(TTL);
    assertEquals(missing(), shard.field("k", "brief"));
    assertEquals(missing(), shard.field("k", "lww"));
    assertEquals(whole(1), shard.field("k", "lasting"));
    assertEquals(new View.Fields(new TreeMap<>()), shard.field("k", "inner"));
    assertEquals(whole(1), viewOf(shard.mutate("k", in("brief", INCREMENT))));
    shard.pass(Duration.ofDays(1));
    assertEquals(whole(1), shard.field("k", "brief"));
  }

  @Test
  void aMapThatExpiresTakesItsFieldsWithIt() {
    shard.mutate("k", in("f", INCREMENT));
    shard.mutate("k", expireIn(100));
    shard.passUnnoticed(TTL);
    assertEquals(missing(), shard.field("k", "f"));
    assertEquals(whole(1), viewOf(shard.mutate("k", in("f", INCREMENT))));
    assertEquals(whole(1), shard.field("k", "f"));
  }

  @Test
  void anExpiredSiblingIsReplacedByThoseWhoHaveSeenIt() {
    shard.mutateFor("k", new Mutation.PutCausal(bytes("a"), CausalContext.EMPTY), TTL);
    CausalContext seen = ((View.Siblings) shard.get("k")).context();
    shard.passUnnoticed(TTL);
    assertEquals(missing(), shard.get("k"));
    Reply reply = shard.mutate("k", new Mutation.PutCausal(bytes("b"), seen));
    assertEquals(HybridTimestamp.ZERO, reply.generation());
    View.Siblings siblings = (View.Siblings) shard.get("k");
    assertEquals(List.of(new View.Sibling(bytes("b"), Map.of())), siblings.siblings());
  }

  @Test
  void anExpiryThatArrivesBeforeItsValueDoesNotSwallowALaterWrite() {
    Expiry past = new Expiry(HybridTimestamp.ofMillis(1), 1, shard.nowMillis() - 100);
    shard.merge("k", Entry.of(HybridTimestamp.ZERO, Optional.of(past), List.of()));
    assertEquals(whole(1), viewOf(shard.mutate("k", INCREMENT)));
    assertEquals(whole(1), shard.get("k"));

    Expiry future = new Expiry(HybridTimestamp.ofMillis(1), 1, shard.nowMillis() + 100);
    shard.merge("j", Entry.of(HybridTimestamp.ZERO, Optional.of(future), List.of()));
    shard.mutate("j", INCREMENT);
    assertLastsJust(100, "j");
  }

  @Test
  void anExpiryThatArrivesBeforeItsValueIsKeptForIt() {
    Expiry future = new Expiry(HybridTimestamp.ofMillis(1), 1, shard.nowMillis() + 3_600_000);
    shard.merge("k", Entry.of(HybridTimestamp.ZERO, Optional.of(future), List.of()));
    shard.passAndSweep(Duration.ofMinutes(30));
    shard.merge("k", Entry.of(HybridTimestamp.ZERO, Counter.ZERO));
    assertLastsJust(1_800_000, "k");
  }
}
