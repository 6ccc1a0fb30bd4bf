package dev.trellis.node.shard;

import static dev.trellis.node.shard.TestShard.bytes;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.CausalContext.Run;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.WireException;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

/// Requests full of the greatest and smallest numbers and of forged contexts, as far as they come
/// through the codec: each is answered, a refused one changes nothing, and the shard goes on. An
/// exception would stop the node.
class HostileRequestTest {
  private static final FrameCodec CODEC = new FrameCodec(Limits.DEFAULT);
  private static final long[] EXTREMES = {
    0,
    1,
    -1,
    63,
    64,
    -64,
    -65,
    4_095,
    4_096,
    -4_097,
    1L << 47,
    (1L << 47) - 1,
    Integer.MAX_VALUE,
    Integer.MIN_VALUE,
    Long.MAX_VALUE,
    Long.MAX_VALUE - 1,
    Long.MIN_VALUE
  };

  @Test
  void everyRequestThatCanBeDecodedIsAnswered() {
    Seeds.forAll(150, HostileRequestTest::attack);
  }

  private static void attack(RandomGenerator random) {
    TestShard shard = new TestShard();
    for (int step = 0; step < 300; step++) {
      Optional<Request> request = overTheWire(random, shard);
      if (request.isEmpty()) {
        continue;
      }
      Payload key = request.get().key();
      Entry before = shard.core().entryOf(key);
      Origin origin = random.nextBoolean() ? TestShard.CLIENT : TestShard.OTHER;
      Outcome outcome =
          shard.send(origin, key, request.get().operation(), request.get().context()).outcome();
      if (outcome instanceof Outcome.Failed failed
          && failed.code() != ErrorCode.NOT_ENOUGH_REPLICAS) {
        assertEquals(before, shard.core().entryOf(key), request::toString);
      }
      if (random.nextInt(10) == 0) {
        shard.pass(Duration.ofMillis(random.nextInt(500)));
      }
      shard.drain(TestShard.CLIENT);
    }
    shard.scan("", Optional.empty(), 100, true);
    shard.passAndSweep(Duration.ofDays(4_000));
    shard.drain(TestShard.CLIENT);
  }

  /// Names that another replica goes by are no secret: replies tell them.
  @Test
  void whatIsForgedOfAnotherReplicaStopsItNotNorSwallowsWhatItWrites() {
    for (long birth : new long[] {0, 1, 1L << 61, (1L << 62) - 1, Long.MAX_VALUE}) {
      for (long to : new long[] {1, 1L << 52, 1L << 53, (1L << 53) + 1, Long.MAX_VALUE}) {
        for (Forgery forgery : FORGERIES) {
          TestCluster cluster = TestCluster.of("a", "b");
          TestCluster.Member a = cluster.member("a");
          TestCluster.Member b = cluster.member("b");
          b.ask(forgery.put("first", CausalContext.EMPTY), "k", Acknowledgement.ONE);
          ReplicaId name = b.lastReply().dots().runs().getFirst().replica();
          cluster.pass(100);
          CausalContext forged =
              CausalContext.ofRuns(
                  List.of(new Run(new ReplicaId(name.incarnation(), birth), 1, to)));
          a.ask(forgery.put("forged", forged), "k", Acknowledgement.ONE);
          boolean taken = a.lastReply().outcome() instanceof Outcome.Done;
          assertEquals(to <= 1L << 53 || birth >= 1L << 62, taken, birth + " to " + to);
          cluster.pass(100);
          for (int number = 0; number < 3; number++) {
            b.ask(forgery.put("later" + number, CausalContext.EMPTY), "k", Acknowledgement.ONE);
            TestShard.done(b.lastReply());
            CausalContext minted = b.lastReply().dots();
            assertEquals(minted, taken ? minted.less(forged) : minted, birth + " to " + to);
            cluster.pass(100);
          }
          assertEquals(a.entryOf("k"), b.entryOf("k"));
          b.ask(forgery.get(), "k", Acknowledgement.ONE);
          assertTrue(b.lastReply().toString().contains(bytes("later2").toString()));
          assertTrue(b.lastReply().toString().contains(bytes("later0").toString()));
        }
      }
    }
  }

  /// A way by which contexts come in.
  private interface Forgery {
    Mutation put(String value, CausalContext seen);

    default Read get() {
      return Read.Get.ANY;
    }
  }

  private static final List<Forgery> FORGERIES =
      List.of(
          (value, seen) -> new Mutation.PutCausal(bytes(value), seen),
          (value, seen) -> new Mutation.PutMultiCausal(bytes(value), seen, Map.of()),
          new Forgery() {
            @Override
            public Mutation put(String value, CausalContext seen) {
              return new Mutation.UpdateField(
                  bytes("f"), new Mutation.PutCausal(bytes(value), seen));
            }

            @Override
            public Read get() {
              return new Read.Field(bytes("f"), Read.Get.ANY);
            }
          });

  /// The same by chance, between two replicas that hear each other late.
  @Test
  void whateverIsForgedOfOneReplicaAtAnotherBothGoOnAndAgree() {
    Seeds.forAll(60, HostileRequestTest::attackTwo);
  }

  private static void attackTwo(RandomGenerator random) {
    TestCluster cluster = TestCluster.of("a", "b");
    long[] incarnations = new long[2];
    for (int at = 0; at < 2; at++) {
      TestCluster.Member member = cluster.member(at == 0 ? "a" : "b");
      member.ask(new Mutation.PutCausal(bytes("v"), CausalContext.EMPTY), "k", Acknowledgement.ONE);
      incarnations[at] = member.lastReply().dots().runs().getFirst().replica().incarnation();
    }
    for (int step = 0; step < 200; step++) {
      TestCluster.Member member = cluster.member(random.nextBoolean() ? "a" : "b");
      long incarnation = incarnations[random.nextInt(2)];
      List<Run> runs = new ArrayList<>();
      for (int i = random.nextInt(3); i > 0; i--) {
        long birth = random.nextBoolean() ? random.nextInt(8) : number(random) & Long.MAX_VALUE;
        long from = Math.max(1, number(random) & Long.MAX_VALUE);
        long to = Math.max(from, number(random) & Long.MAX_VALUE);
        runs.add(new Run(new ReplicaId(incarnation, birth), from, to));
      }
      CausalContext forged = CausalContext.ofRuns(runs);
      String key = "k" + random.nextInt(4);
      try {
        Mutation mutation =
            switch (random.nextInt(6)) {
              case 0, 1 -> new Mutation.PutCausal(payload(random), forged);
              case 2 -> new Mutation.Trim(forged);
              case 3 -> new Mutation.Append(payloads(random));
              case 4 ->
                  new Mutation.UpdateField(
                      payload(random),
                      new Mutation.PutMultiCausal(payload(random), forged, Map.of()));
              default -> new Mutation.UpdateField(payload(random), mutation(random, 1));
            };
        ask(member, mutation, key);
      } catch (IllegalArgumentException | WireException e) {
        continue; // it does not get through the codec
      }
      if (random.nextInt(5) == 0) {
        cluster.pass(random.nextInt(50));
      }
    }
    cluster.pass(10_000);
    for (int key = 0; key < 4; key++) {
      assertEquals(cluster.member("a").entryOf("k" + key), cluster.member("b").entryOf("k" + key));
    }
  }

  private static void ask(TestCluster.Member member, Mutation mutation, String key)
      throws WireException {
    Request request = new Request(1, bytes(key), mutation, RequestContext.READ);
    byte[] encoded = FrameCodec.encode(new Frame.Single(request));
    Frame.Single decoded = (Frame.Single) CODEC.decode(ByteBuffer.wrap(encoded));
    member.ask(decoded.request().operation(), key, Acknowledgement.ONE);
  }

  /// A wall behind all others: whatever else the writer and the reader cannot cope with costs who
  /// asks for it no more than the request.
  @Test
  void aDefectThatARequestMeetsWithBeforeAnythingIsChangedIsTheRequestsEnd() {
    TestShard shard = new TestShard();
    Entry last =
        Entry.of(HybridTimestamp.ZERO, LatticeMap.of(Map.of(bytes("f"), atTheEndOfTime())));
    TestShard.done(shard.merge("k", last));
    List<RuntimeException> told = new ArrayList<>();
    shard.core().onDefect(told::add);
    Outcome.Failed failed =
        TestShard.failed(
            ErrorCode.BAD_REQUEST,
            shard.mutate("k", new Mutation.UpdateField(bytes("f"), new Mutation.Delete())));
    assertTrue(failed.message().contains("defect"), failed.message());
    assertEquals(1, told.size());
    assertEquals(last, shard.entry("k"));
    TestShard.done(shard.mutate("other", new Mutation.Increment(1)));
  }

  /// No generation follows the one that it is in.
  private static Entry atTheEndOfTime() {
    return Entry.of(HybridTimestamp.MAX, new Flag(true));
  }

  private static Optional<Request> overTheWire(RandomGenerator random, TestShard shard) {
    try {
      Payload key = TestShard.bytes("k" + random.nextInt(5));
      shard.watch(TestShard.CLIENT, random.nextInt(5), "k" + random.nextInt(5));
      Request request = new Request(1, key, operation(random, 0), context(random, shard));
      byte[] encoded = FrameCodec.encode(new Frame.Single(request));
      return Optional.of(((Frame.Single) CODEC.decode(ByteBuffer.wrap(encoded))).request());
    } catch (WireException | IllegalArgumentException e) {
      return Optional.empty();
    }
  }

  private static <T> T any(RandomGenerator random, T[] of) {
    return of[random.nextInt(of.length)];
  }

  private static long number(RandomGenerator random) {
    return random.nextInt(3) == 0
        ? random.nextLong(1, 300)
        : EXTREMES[random.nextInt(EXTREMES.length)];
  }

  private static RequestContext context(RandomGenerator random, TestShard shard) {
    HybridTimestamp near = HybridTimestamp.ofMillis(shard.nowMillis() + random.nextInt(-600, 600));
    HybridTimestamp stamp = random.nextInt(8) > 0 ? near : stamp(random);
    Optional<HybridTimestamp> generation =
        random.nextInt(4) > 0
            ? Optional.empty()
            : Optional.of(random.nextBoolean() ? near : stamp(random));
    return new RequestContext(
        random.nextInt(3) == 0 ? number(random) : 0,
        random.nextInt(4) == 0,
        stamp,
        generation,
        any(random, Acknowledgement.values()),
        any(random, ReadMode.values()),
        random.nextInt(3) == 0 ? number(random) : 0,
        number(random),
        number(random));
  }

  private static HybridTimestamp stamp(RandomGenerator random) {
    return new HybridTimestamp(number(random) & Long.MAX_VALUE);
  }

  private static Payload payload(RandomGenerator random) {
    return Payload.of(new byte[random.nextInt(3)]);
  }

  private static List<Payload> payloads(RandomGenerator random) {
    List<Payload> some = new ArrayList<>();
    for (int i = random.nextInt(4); i >= 0; i--) {
      some.add(payload(random));
    }
    return some;
  }

  private static double score(RandomGenerator random) {
    double[] scores = {
      0.0,
      -0.0,
      1,
      Double.MIN_VALUE,
      Double.MAX_VALUE,
      -Double.MAX_VALUE,
      Double.POSITIVE_INFINITY,
      Double.NEGATIVE_INFINITY,
      Double.NaN
    };
    return scores[random.nextInt(scores.length)];
  }

  private static CausalContext seen(RandomGenerator random) {
    List<Run> runs = new ArrayList<>();
    for (int i = random.nextInt(4); i > 0; i--) {
      long incarnation = random.nextInt(3) > 0 ? TestShard.INCARNATION : number(random);
      long birth = random.nextBoolean() ? random.nextInt(8) : number(random) & Long.MAX_VALUE;
      long from = Math.max(1, number(random) & Long.MAX_VALUE);
      long to = Math.max(from, number(random) & Long.MAX_VALUE);
      runs.add(new Run(new ReplicaId(incarnation, birth), from, to));
    }
    return CausalContext.ofRuns(runs);
  }

  private static Kind kind(RandomGenerator random) {
    return any(random, Kind.values());
  }

  private static Operation operation(RandomGenerator random, int depth) {
    return random.nextInt(4) == 0 ? read(random, depth) : mutation(random, depth);
  }

  private static Read read(RandomGenerator random, int depth) {
    int limit = (int) number(random);
    return switch (random.nextInt(8)) {
      case 0 -> new Read.State();
      case 1 -> new Read.Contains(kind(random), payloads(random));
      case 2 -> new Read.Size(kind(random));
      case 3 ->
          new Read.Range(
              kind(random),
              Optional.of(payload(random)),
              Optional.of(payload(random)),
              limit,
              random.nextBoolean());
      case 4 -> new Read.Scores(score(random), score(random), limit, random.nextBoolean());
      case 5 -> new Read.Since(seen(random), limit);
      case 6 ->
          depth > Limits.DEPTH_MAX
              ? Read.Get.ANY
              : new Read.Field(payload(random), read(random, depth + 1));
      default -> new Read.Get(Optional.of(kind(random)));
    };
  }

  private static Mutation mutation(RandomGenerator random, int depth) {
    return switch (random.nextInt(22)) {
      case 0 -> new Mutation.Put(payload(random));
      case 1 -> new Mutation.Raise(number(random));
      case 2 -> new Mutation.Lower(number(random));
      case 3 -> new Mutation.Enable();
      case 4, 5 -> new Mutation.Increment(number(random));
      case 6 -> new Mutation.Add(Kind.GSET, payloads(random));
      case 7 -> new Mutation.Add(Kind.ORSET, payloads(random));
      case 8 -> new Mutation.Remove(payloads(random));
      case 9 -> new Mutation.AddScored(List.of(new ScoredMember(payload(random), score(random))));
      case 10 -> new Mutation.RemoveMembers(payloads(random));
      case 11, 12 -> new Mutation.PutCausal(payload(random), seen(random));
      case 13 ->
          new Mutation.PutMultiCausal(
              payload(random), seen(random), Map.of(payload(random), seen(random)));
      case 14 -> new Mutation.PutPriority(score(random), payload(random));
      case 15 -> new Mutation.Append(payloads(random));
      case 16 -> new Mutation.Trim(seen(random));
      case 17 ->
          new Mutation.Expire(
              random.nextInt(4) == 0 ? OptionalLong.empty() : OptionalLong.of(number(random)));
      case 18 -> new Mutation.Merge(Entry.empty(stamp(random)));
      case 19, 20 ->
          depth > Limits.DEPTH_MAX
              ? new Mutation.Enable()
              : new Mutation.UpdateField(payload(random), mutation(random, depth + 1));
      default -> new Mutation.Delete();
    };
  }
}
