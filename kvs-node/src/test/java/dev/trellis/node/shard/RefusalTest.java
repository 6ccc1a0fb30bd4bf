package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.CLIENT;
import static dev.trellis.node.shard.TestShard.bytes;
import static dev.trellis.node.shard.TestShard.changed;
import static dev.trellis.node.shard.TestShard.done;
import static dev.trellis.node.shard.TestShard.failed;
import static dev.trellis.node.shard.TestShard.listOf;
import static dev.trellis.node.shard.TestShard.missing;
import static dev.trellis.node.shard.TestShard.whole;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.RequestContext;
import java.time.Duration;
import java.util.Optional;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// What a shard does not do, with the reason told and nothing changed.
class RefusalTest {
  private static final Mutation INCREMENT = new Mutation.Increment(1);

  private final TestShard shard = new TestShard();

  private Reply incrementAt(long millis) {
    HybridTimestamp stamp = HybridTimestamp.ofMillis(millis);
    return shard.send("k", INCREMENT, RequestContext.mutation(0, stamp));
  }

  /// A refusal that leaves nothing behind.
  private Outcome.Failed refused(ErrorCode code, Reply reply) {
    assertEquals(Receipt.NONE, reply.receipt());
    assertEquals(0, shard.store().size());
    assertTrue(code.isDefinite());
    return failed(code, reply);
  }

  @ParameterizedTest
  @ValueSource(longs = {-1, -63, -65, -4_097, Long.MIN_VALUE})
  void aSequenceBelowZeroIsRefusedBeforeAnythingIsChanged(long sequence) {
    assertEquals(1, changed(shard.mutate("other", INCREMENT)));
    HybridTimestamp stamp = HybridTimestamp.ofMillis(shard.nowMillis());
    RequestContext context = RequestContext.mutation(sequence, stamp);
    String message = failed(ErrorCode.BAD_REQUEST, shard.send("k", INCREMENT, context)).message();
    assertTrue(message.contains("sequence " + sequence), message);
    assertEquals(missing(), shard.get("k"));
  }

  // Clocks.

  @Test
  void aStampIsBelievedUpToTheSkewOnEitherSide() {
    long now = shard.nowMillis();
    Outcome.Failed ahead = refused(ErrorCode.CLOCK_SKEW, incrementAt(now + 501));
    assertTrue(ahead.message().contains("" + now), ahead.message());
    refused(ErrorCode.CLOCK_SKEW, incrementAt(now - 501));
    refused(ErrorCode.CLOCK_SKEW, incrementAt(0));
    refused(ErrorCode.CLOCK_SKEW, incrementAt(HybridTimestamp.MAX.millis()));
    done(incrementAt(now + 500));
    done(incrementAt(now - 500));
    assertEquals(whole(2), shard.get("k"));
  }

  @Test
  void aRefusedStampCarriesTheShardsTimeAndDoesNotMoveIt() {
    long now = shard.nowMillis();
    Reply reply = incrementAt(now + 10_000);
    assertEquals(HybridTimestamp.ofMillis(now), reply.clock());
  }

  @Test
  void theShardsTimeFollowsAllThatItBelieved() {
    long now = shard.nowMillis();
    Reply reply = incrementAt(now + 400);
    assertTrue(!HybridTimestamp.ofMillis(now + 400).isAfter(reply.clock()));
    Reply deleted = shard.mutate("k", new Mutation.Delete());
    assertTrue(deleted.generation().isAfter(HybridTimestamp.ofMillis(now + 400)));
    assertEquals(deleted.clock(), shard.core().clock(shard.nowMillis()));
  }

  // Keys.

  @Test
  void aKeyIsNeitherEmptyNorTooLong() {
    RequestContext context = shard.next();
    refused(ErrorCode.BAD_REQUEST, shard.send(CLIENT, Payload.EMPTY, INCREMENT, context));
    Payload tooLong = Payload.of(new byte[1_025]);
    Outcome.Failed outcome =
        refused(ErrorCode.KEY_TOO_LONG, shard.send(CLIENT, tooLong, INCREMENT, context));
    assertTrue(outcome.message().contains("1025"), outcome.message());
    failed(ErrorCode.KEY_TOO_LONG, shard.send(CLIENT, tooLong, Read.Get.ANY, RequestContext.READ));
    done(shard.send(CLIENT, Payload.of(new byte[1_024]), INCREMENT, context));
  }

  @Test
  void aKeyOfAnotherShardIsNotOurs() {
    for (int index = 0; index < 3; index++) {
      TestShard one = new TestShard(ShardConfig.of("n1", index, 3, 1));
      for (int i = 0; i < 100; i++) {
        Payload key = bytes("key" + i);
        boolean ours = Partitions.STANDARD.shardOfKey(KeyHash.of(key), 3) == index;
        Reply reply = one.send(CLIENT, key, INCREMENT, one.next());
        Reply read = one.send(CLIENT, key, Read.Get.ANY, RequestContext.READ);
        if (ours) {
          done(reply);
          assertEquals(whole(1), done(read).view());
        } else {
          failed(ErrorCode.NOT_OWNER, reply);
          failed(ErrorCode.NOT_OWNER, read);
        }
      }
    }
  }

  // Sizes.

  @Test
  void aValueIsNotLargerThanTheLimitHoweverItGrows() {
    TestShard small = new TestShard(TestShard.withLimits(new Limits(64, 10_000, 1 << 20, 100)));
    done(small.mutate("k", new Mutation.Put(Payload.of(new byte[10_000]))));
    Reply large = small.mutate("k", new Mutation.Put(Payload.of(new byte[11_000])));
    String message = failed(ErrorCode.VALUE_TOO_LARGE, large).message();
    assertTrue(message.contains("10000"), message);
    int accepted = 0;
    while (accepted < 1_000
        && small.mutate("set", new Mutation.Add(Kind.GSET, listOf("element" + accepted))).outcome()
            instanceof Outcome.Done) {
      accepted++;
    }
    assertTrue(accepted > 100 && accepted < 1_000, accepted + " elements accepted");
    Entry full = small.entry("set");
    failed(
        ErrorCode.VALUE_TOO_LARGE,
        small.mutate("set", new Mutation.Add(Kind.GSET, listOf("one more"))));
    assertEquals(full, small.entry("set"));
    assertEquals(0, changed(small.mutate("set", new Mutation.Add(Kind.GSET, listOf("element0")))));
    done(small.mutate("k", new Mutation.Put(bytes("small"))));
  }

  @Test
  void replicasDoNotRefuseEachOthersStatesForTheirSize() {
    TestShard small = new TestShard(TestShard.withLimits(new Limits(64, 10_000, 1 << 20, 100)));
    Payload half = Payload.of(new byte[9_000]);
    done(small.mutate("k", new Mutation.Add(Kind.GSET, java.util.List.of(half))));
    GrowSet other = GrowSet.of(java.util.List.of(Payload.of(new byte[8_999])));
    assertEquals(1, changed(small.merge("k", Entry.of(HybridTimestamp.ZERO, other))));
    failed(
        ErrorCode.VALUE_TOO_LARGE, small.mutate("k", new Mutation.Add(Kind.GSET, listOf("more"))));
  }

  // Times to live.

  @ParameterizedTest
  @ValueSource(longs = {-1, Limits.TTL_MILLIS_MAX + 1, Long.MAX_VALUE, Long.MIN_VALUE})
  void aTimeToLiveIsWithinItsRange(long ttl) {
    Reply reply = shard.send("k", INCREMENT, shard.next().withTtlMillis(ttl));
    String message = refused(ErrorCode.BAD_REQUEST, reply).message();
    assertTrue(message.contains("" + ttl), message);
    Mutation expire = new Mutation.Expire(OptionalLong.of(ttl));
    refused(ErrorCode.BAD_REQUEST, shard.mutate("k", expire));
    Mutation inField = new Mutation.UpdateField(bytes("f"), expire);
    shard.mutate("map", new Mutation.UpdateField(bytes("f"), INCREMENT));
    Entry before = shard.entry("map");
    failed(ErrorCode.BAD_REQUEST, shard.mutate("map", inField));
    Mutation deeper = new Mutation.UpdateField(bytes("g"), inField);
    failed(ErrorCode.BAD_REQUEST, shard.mutate("map", deeper));
    assertEquals(before, shard.entry("map"));
  }

  @Test
  void theLongestTimeToLiveWorks() {
    done(shard.send("k", INCREMENT, shard.next().withTtlMillis(Limits.TTL_MILLIS_MAX)));
    done(shard.mutate("k", new Mutation.Expire(OptionalLong.of(Limits.TTL_MILLIS_MAX))));
    assertEquals(whole(1), shard.get("k"));
    failed(ErrorCode.BAD_REQUEST, shard.mutate("k", new Mutation.Expire(OptionalLong.of(0))));
  }

  // Who may do what.

  @Test
  void onlyReplicasMergeEntriesAsTheyStand() {
    Entry entry = Entry.of(HybridTimestamp.ZERO, new Flag(true));
    refused(ErrorCode.FORBIDDEN, shard.mutate("k", new Mutation.Merge(entry)));
    assertEquals(1, changed(shard.merge("k", entry)));
  }

  @Test
  void clientsMergeEntriesAsTheyStandWhileTheNodeIsOpenForARestore() {
    Entry entry = Entry.of(HybridTimestamp.ZERO, new Flag(true));
    Mutation merge = new Mutation.Merge(entry);
    shard.core().admitMerges(shard.nowMillis(), Duration.ofSeconds(30));
    shard.passUnnoticed(Duration.ofMillis(29_999));
    assertEquals(1, changed(shard.mutate("a", merge)));
    shard.passUnnoticed(Duration.ofMillis(1));
    failed(ErrorCode.FORBIDDEN, shard.mutate("b", merge));
    shard.core().admitMerges(shard.nowMillis(), Duration.ofSeconds(30));
    assertEquals(1, changed(shard.mutate("b", merge)));
    shard.passUnnoticed(Duration.ofMillis(-1));
    failed(ErrorCode.FORBIDDEN, shard.mutate("c", merge));
    shard.passUnnoticed(Duration.ofMillis(1));
    shard.core().admitMerges(shard.nowMillis(), Duration.ZERO);
    failed(ErrorCode.FORBIDDEN, shard.mutate("c", merge));
  }

  @ParameterizedTest
  @ValueSource(strings = {"REPLICATED", "DURABLE"})
  void aNodeAloneKeepsTheWriteAndTellsThatItIsTheOnlyCopy(String level) {
    Acknowledgement wanted = Acknowledgement.valueOf(level);
    Reply reply = shard.send("k", INCREMENT, shard.next().withAcknowledgement(wanted));
    Outcome.Failed outcome = failed(ErrorCode.NOT_ENOUGH_REPLICAS, reply);
    assertTrue(outcome.message().contains(wanted.word()), outcome.message());
    assertEquals(new Receipt(1, 0), reply.receipt());
    assertEquals(Optional.of(Kind.COUNTER), reply.kind());
    assertEquals(whole(1), shard.get("k"));
    Reply one = shard.send("k", INCREMENT, shard.next().withAcknowledgement(Acknowledgement.ONE));
    assertEquals(whole(2), done(one).view());
    assertEquals(new Receipt(1, 0), one.receipt());
  }
}
