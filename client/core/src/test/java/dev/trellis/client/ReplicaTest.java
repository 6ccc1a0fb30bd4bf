package dev.trellis.client;

import static dev.trellis.client.Endings.done;
import static dev.trellis.client.Endings.failure;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.client.FakeNode.Received;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Topology;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.View;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What a client does with a key that several nodes hold: two here, of which one comes first.
class ReplicaTest {
  private static final Payload KEY = Payload.ofText("visits");
  private static final Mutation PUT = new Mutation.Put(Payload.ofText("v"));
  private static final Mutation INCREMENT = new Mutation.Increment(1);
  private static final Operation GET = Read.Get.ANY;
  private static final FakeNode.ThrowingConsumer<Received> SILENT = received -> {};
  private static final HybridTimestamp GENERATION = HybridTimestamp.ofMillis(9);
  private static final Duration SHORT = Duration.ofSeconds(1);

  private final List<AutoCloseable> open = new ArrayList<>();
  private FakeNode router;
  private FakeNode first;
  private FakeNode second;

  @BeforeEach
  void start() throws Exception {
    router = opened(new FakeNode("router"));
    FakeNode one = opened(new FakeNode("node-1"));
    FakeNode two = opened(new FakeNode("node-2"));
    router.faultTolerance = 1;
    router.routeTo(one.descriptor(), two.descriptor());
    Topology topology = Topology.of(List.of(one.descriptor(), two.descriptor()), 1);
    boolean oneIsFirst =
        topology.holders(topology.partitions().of(KeyHash.of(KEY))).get(0).equals("node-1");
    first = oneIsFirst ? one : two;
    second = oneIsFirst ? two : one;
  }

  private <T extends AutoCloseable> T opened(T closeable) {
    open.add(0, closeable);
    return closeable;
  }

  private ClientConfig config() {
    return FakeNode.config(router.address());
  }

  private Trellis connect() {
    return connect(config());
  }

  private Trellis connect(ClientConfig config) {
    return opened(Trellis.connect(config));
  }

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable one : open) {
      one.close();
    }
  }

  private static CompletableFuture<Reply> call(Trellis trellis, Operation operation) {
    return trellis.execute(KEY, operation, CallOptions.DEFAULT);
  }

  private static void await(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(FakeNode.WAIT_SECONDS);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() - end < 0, "it does not come true");
      Thread.onSpinWait();
    }
  }

  // ---- Dead holders ----

  @Test
  void callsGoToTheFirstHolderWhileItLives() throws Exception {
    Trellis trellis = connect();
    for (int i = 0; i < 20; i++) {
      done(call(trellis, i % 2 == 0 ? GET : INCREMENT));
    }
    assertEquals(20, first.requests.size());
    assertTrue(second.requests.isEmpty());
  }

  @Test
  void aFreshCallDoesNotWaitForADeadHolderWhateverItDoes() throws Exception {
    Trellis trellis = connect();
    done(call(trellis, GET));
    first.close();
    open.remove(first);
    // The map still has the dead one. The first of the calls may find that out.
    for (Operation operation : List.of(GET, INCREMENT, PUT, new Mutation.Delete())) {
      done(call(trellis, operation));
      assertEquals(operation, second.next().request().operation());
    }
  }

  @Test
  void aHolderThatWasNeverReachedIsPassedOver() throws Exception {
    first.close();
    open.remove(first);
    Trellis trellis = connect();
    done(call(trellis, INCREMENT));
    assertFalse(second.next().request().context().repeat());
  }

  @Test
  void aHolderThatTakesConnectionsButDoesNotGreetIsPassedOver() throws Exception {
    int port = first.port();
    first.close();
    open.remove(first);
    opened(new ServerSocket(port, 50, InetAddress.getLoopbackAddress()));
    Trellis trellis = connect(config().withPatience(Duration.ofMillis(50)));
    done(call(trellis, INCREMENT));
    assertEquals(1, second.requests.size());
  }

  @Test
  void whatMayBeCarriedOutTwiceIsRepeatedAtTheNextHolderAtOnce() throws Exception {
    Trellis trellis = connect();
    first.script = SILENT;
    CompletableFuture<Reply> put = call(trellis, PUT);
    CompletableFuture<Reply> get = call(trellis, GET);
    HybridTimestamp stamp = first.next().request().context().timestamp();
    first.next();
    first.close();
    open.remove(first);
    done(put);
    done(get);
    assertEquals(stamp, second.next().request().context().timestamp());
  }

  @Test
  void aNodeThatHangsIsGivenUpAndItsCallsAreRepeatedElsewhere() throws Exception {
    Trellis trellis = connect(config().withPatience(Duration.ofMillis(50)));
    first.script = SILENT;
    first.mute = true;
    CompletableFuture<Reply> put = call(trellis, PUT);
    first.next();
    done(put);
    assertEquals(1, second.requests.size());
  }

  @Test
  void whatMustNotBeCarriedOutTwiceIsRepeatedToTheSameIncarnationOnly() throws Exception {
    Trellis trellis = connect();
    first.script = SILENT;
    CompletableFuture<Reply> increment = call(trellis, INCREMENT);
    long sequence = first.next().request().context().sequence();
    first.script = Received::answerDone;
    first.dropConnections();
    done(increment);
    assertEquals(sequence, first.next().request().context().sequence());
    assertTrue(second.requests.isEmpty());
  }

  @Test
  void whatHasATagIsRepeatedAtTheNextHolderUnderThatTagUnlessTheTagNamesNothingOfIt()
      throws Exception {
    Trellis trellis = connect();
    Tag tag = new Tag(new InvocationId(1L << 16, 2), 3);
    CallOptions tagged = CallOptions.DEFAULT.withTag(tag);
    first.script = SILENT;
    CompletableFuture<Reply> increment = trellis.execute(KEY, INCREMENT, tagged);
    CompletableFuture<Reply> delete = trellis.execute(KEY, new Mutation.Delete(), tagged);
    assertEquals(Optional.of(tag), first.next().request().context().tag());
    first.next();
    router.routeTo(second.descriptor());
    first.close();
    open.remove(first);
    done(increment);
    failure(IndefiniteException.OutcomeUnknown.class, delete);
    Request repeated = second.next().request();
    assertEquals(INCREMENT, repeated.operation());
    assertEquals(Optional.of(tag), repeated.context().tag());
    assertTrue(second.requests.isEmpty());
  }

  @Test
  void anInvocationThatIsOverFailsDefinitely() throws Exception {
    Trellis trellis = connect();
    first.script = received -> received.refuse(ErrorCode.INVOCATION_EXPIRED);
    failure(DefiniteException.InvocationExpired.class, call(trellis, INCREMENT));
  }

  @Test
  void whatMustNotBeCarriedOutTwiceHasAnUnknownOutcomeOnceItsNodeIsGone() throws Exception {
    Trellis trellis = connect();
    first.script = SILENT;
    CompletableFuture<Reply> increment = call(trellis, INCREMENT);
    first.next();
    router.routeTo(second.descriptor());
    first.close();
    open.remove(first);
    failure(IndefiniteException.OutcomeUnknown.class, increment);
    assertTrue(second.requests.isEmpty());
  }

  @Test
  void callsUnderWayToANodeThatLeftTheMapAndHangsAreRepeatedElsewhere() throws Exception {
    Trellis trellis =
        connect(
            config().withPatience(Duration.ofMillis(200)).withMapRefresh(Duration.ofMillis(10)));
    first.script = SILENT;
    first.mute = true;
    CompletableFuture<Reply> put = call(trellis, PUT);
    first.next();
    router.routeTo(second.descriptor());
    done(put);
    assertEquals(1, second.requests.size());
  }

  @Test
  void theFirstHolderIsUsedAgainWhenItIsBack() throws Exception {
    Trellis trellis = connect();
    int port = first.port();
    first.close();
    open.remove(first);
    done(call(trellis, GET));
    FakeNode returned = opened(new FakeNode(first.id, port));
    while (returned.requests.isEmpty()) {
      done(call(trellis, GET)); // never fails meanwhile
    }
  }

  @Test
  void whenAllHoldersAreGoneCallsFailAtTheirDeadlineAndRecoverWithTheFirstToReturn()
      throws Exception {
    Trellis trellis = connect();
    int port = second.port();
    first.close();
    second.close();
    open.remove(first);
    open.remove(second);
    DefiniteException.NoNodes failure =
        failure(
            DefiniteException.NoNodes.class,
            trellis.execute(KEY, PUT, CallOptions.DEFAULT.withTimeout(SHORT)));
    assertTrue(failure.getMessage().contains("connection refused"), failure.getMessage());
    CompletableFuture<Reply> waiting = call(trellis, INCREMENT);
    FakeNode returned = opened(new FakeNode(second.id, port));
    done(waiting);
    assertEquals(1, returned.requests.size());
  }

  @Test
  void aWatchGoesOnAtTheNextHolder() throws Exception {
    Trellis trellis = connect();
    opened(trellis.watch(KEY, Optional.empty(), reply -> {}));
    first.nextFrame(Frame.Watch.class);
    first.close();
    open.remove(first);
    assertEquals(KEY, second.nextFrame(Frame.Watch.class).key());
  }

  @Test
  void whenTheRouterIsGoneTheNodesAreAskedForTheMap() throws Exception {
    Trellis trellis = connect(config().withMapRefresh(Duration.ofMillis(10)));
    FakeNode third = opened(new FakeNode("node-3"));
    second.faultTolerance = 1;
    third.faultTolerance = 1;
    first.map =
        id -> {
          List<NodeDescriptor> all =
              List.of(first.descriptor(), second.descriptor(), third.descriptor());
          return new Frame.ClusterMap(id, 5, "test", 1, all);
        };
    router.close();
    open.remove(router);
    await(() -> trellis.clusterMap().nodes().size() >= 3);
    assertEquals(1, trellis.clusterMap().faultTolerance());
  }

  // ---- Scans ----

  private static void answerScan(FakeNode node, String... keys) throws Exception {
    Frame.Scan scan = node.nextFrame(Frame.Scan.class);
    List<Frame.ScannedKey> found =
        Arrays.stream(keys)
            .map(
                key ->
                    new Frame.ScannedKey(
                        Payload.ofText(key), List.of(Kind.LWW), new View.Nothing()))
            .toList();
    node.asker.send(new Frame.Scanned(scan.id(), found, false, Optional.empty()));
  }

  private static CompletableFuture<ScanPage> scan(Trellis trellis) {
    return trellis.scan(Payload.EMPTY, Optional.empty(), 10, false);
  }

  @Test
  void aScanDoesWithoutAsManyNodesAsMayBeLost() throws Exception {
    router.routeTo(first.member(), second.member());
    Trellis trellis = connect();
    first.close();
    open.remove(first);
    CompletableFuture<ScanPage> page = scan(trellis);
    answerScan(second, "a", "b");
    assertEquals(2, page.get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS).keys().size());
  }

  @Test
  void aScanOfMoreDeadNodesThanMayBeLostFails() throws Exception {
    router.routeTo(first.member(), second.member());
    Trellis trellis = connect();
    first.close();
    second.close();
    open.remove(first);
    open.remove(second);
    failure(DefiniteException.NoNodes.class, scan(trellis));
  }

  @Test
  void aScanWaitsForANodeThatStandsAlone() throws Exception {
    Trellis trellis = connect();
    int port = first.port();
    first.close();
    open.remove(first);
    CompletableFuture<ScanPage> page = scan(trellis);
    answerScan(second, "a");
    FakeNode returned = opened(new FakeNode(first.id, port));
    answerScan(returned, "b");
    assertEquals(2, page.get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS).keys().size());
  }

  // ---- Refusals ----

  @Test
  void whoDoesNotOwnTheKeyIsNotAskedAgainWhileAnotherMay() throws Exception {
    Trellis trellis = connect();
    first.script = received -> received.refuse(ErrorCode.NOT_OWNER);
    done(call(trellis, INCREMENT));
    assertEquals(1, first.requests.size());
    assertFalse(second.next().request().context().repeat());
  }

  @Test
  void aKeyThatNoHolderOwnsIsReportedAfterThreeFollowsWithWhatWasTried() throws Exception {
    Trellis trellis = connect();
    first.script = received -> received.refuse(ErrorCode.NOT_OWNER);
    second.script = received -> received.refuse(ErrorCode.STALE_PEER);
    TrellisException failure = failure(DefiniteException.StalePeer.class, call(trellis, INCREMENT));
    assertEquals(4, first.requests.size() + second.requests.size());
    assertEquals(2, first.requests.size());
    assertTrue(failure.getMessage().contains("3 attempts to follow the key"), failure.getMessage());
    assertTrue(failure.getMessage().contains("node " + second.id), failure.getMessage());
  }

  private static void lack(Received received, int copies) throws IOException {
    received.answer(
        new Outcome.Failed(ErrorCode.NOT_ENOUGH_REPLICAS, copies + " copies"),
        reply -> with(reply, HybridTimestamp.ZERO, new Receipt(copies, 0), 1));
  }

  private static Reply with(
      Reply reply, HybridTimestamp generation, Receipt receipt, long ringVersion) {
    return new Reply(
        reply.id(),
        reply.outcome(),
        generation,
        reply.kind(),
        reply.dots(),
        receipt,
        reply.clock(),
        ringVersion);
  }

  @Test
  void whatNoReplicaCouldTakeIsTriedElsewhereAndAgain() throws Exception {
    Trellis trellis = connect();
    first.script = received -> lack(received, 0);
    second.script =
        received -> {
          second.script = Received::answerDone;
          lack(received, 0);
        };
    done(call(trellis, INCREMENT));
    assertEquals(2, first.requests.size());
    assertEquals(2, second.requests.size());
    second.next();
    assertFalse(second.next().request().context().repeat(), "nothing had happened");
  }

  @Test
  void whatNoReplicaCanTakeUntilTheDeadlineIsReportedWithoutACopy() throws Exception {
    Trellis trellis = connect();
    first.script = received -> lack(received, 0);
    second.script = first.script;
    IndefiniteException.NotEnoughReplicas failure =
        failure(
            IndefiniteException.NotEnoughReplicas.class,
            trellis.execute(KEY, PUT, CallOptions.DEFAULT.withTimeout(SHORT)));
    assertEquals(Receipt.NONE, failure.receipt());
    assertFalse(failure.isKept());
    assertTrue(failure.getMessage().contains("attempts)"), failure.getMessage());
    assertTrue(first.requests.size() > 1 && second.requests.size() > 1);
  }

  @Test
  void aReadThatNoReplicaCanAnswerIsTriedElsewhere() throws Exception {
    Trellis trellis = connect();
    first.script = received -> lack(received, 0);
    done(call(trellis, GET));
    assertEquals(1, second.requests.size());
  }

  @Test
  void whatFewerReplicasTookThanAskedForIsNotSentAgain() throws Exception {
    Trellis trellis = connect();
    first.script = received -> lack(received, 1);
    var failure = failure(IndefiniteException.NotEnoughReplicas.class, call(trellis, PUT));
    assertEquals(new Receipt(1, 0), failure.receipt());
    assertTrue(failure.isKept());
    assertEquals(1, first.requests.size());
    assertTrue(second.requests.isEmpty());
  }

  @Test
  void aRepeatThatNoReplicaCanTakeDoesNotProveThatNothingHappened() throws Exception {
    Trellis trellis = connect();
    first.script = SILENT;
    CompletableFuture<Reply> increment =
        trellis.execute(KEY, INCREMENT, CallOptions.DEFAULT.withTimeout(Duration.ofSeconds(2)));
    long sequence = first.next().request().context().sequence();
    first.script = received -> lack(received, 0);
    first.dropConnections();
    TrellisException failure = failure(IndefiniteException.OutcomeUnknown.class, increment);
    assertTrue(failure.getMessage().contains("NOT_ENOUGH_REPLICAS"), failure.getMessage());
    for (Received repeat : first.requests) {
      assertEquals(sequence, repeat.request().context().sequence());
      assertTrue(repeat.request().context().repeat());
    }
    assertTrue(second.requests.isEmpty());
  }

  // ---- Placements ----

  private static final Placement EVERYWHERE = new Placement(2, 0, 1);

  private static Reply placed(Reply reply, Placement placement) {
    return new Reply(
        reply.id(),
        reply.outcome(),
        reply.generation(),
        reply.kind(),
        reply.dots(),
        reply.receipt(),
        reply.clock(),
        reply.ringVersion(),
        Optional.of(placement),
        reply.fieldGenerations());
  }

  private static void doneAt(Received received, Placement placement) throws IOException {
    received.answer(
        new Outcome.Done(new View.Nothing(), 1, false), reply -> placed(reply, placement));
  }

  @Test
  void whereAKeyHasMovedToIsLearnedFromTheRefusalAndNotForgotten() throws Exception {
    FakeNode ssd = opened(new FakeNode("ssd-1"));
    NodeDescriptor onDisk =
        new NodeDescriptor(
            "ssd-1",
            NodeDescriptor.Tier.SSD,
            "127.0.0.1",
            List.of(ssd.port()),
            1,
            7,
            1,
            NodeDescriptor.State.ACTIVE);
    router.faultTolerance = 0;
    router.routeTo(first.descriptor(), onDisk);
    Trellis trellis = connect(config().withMapRefresh(Duration.ofHours(1)));
    Placement cold = new Placement(0, 1, 1);
    first.script =
        received ->
            received.answer(
                new Outcome.Failed(ErrorCode.MOVED, "it is on disk"), reply -> placed(reply, cold));
    ssd.script = received -> doneAt(received, cold);
    router.frames.clear();
    for (int i = 0; i < 10; i++) {
      done(call(trellis, INCREMENT));
    }
    assertEquals(1, first.requests.size());
    assertEquals(10, ssd.requests.size());
    // Back to the default: who holds it no longer says so.
    ssd.script = received -> received.refuse(ErrorCode.NOT_OWNER);
    first.script = Received::answerDone;
    done(call(trellis, INCREMENT));
    done(call(trellis, INCREMENT));
    assertEquals(3, first.requests.size());
    assertEquals(11, ssd.requests.size());
  }

  @Test
  void readsAndWritesOfAHotKeySpreadOverItsHolders() throws Exception {
    Trellis trellis = connect();
    first.script = received -> doneAt(received, EVERYWHERE);
    second.script = first.script;
    for (int i = 0; i < 100; i++) {
      done(call(trellis, i % 2 == 0 ? GET : PUT));
    }
    assertTrue(first.requests.size() > 20, () -> "first: " + first.requests.size());
    assertTrue(second.requests.size() > 20, () -> "second: " + second.requests.size());
  }

  @Test
  void aKeyThatIsSentAroundIsReportedAfterThreeFollows() throws Exception {
    Trellis trellis = connect();
    first.script =
        received ->
            received.answer(
                new Outcome.Failed(ErrorCode.MOVED, "elsewhere"),
                reply -> placed(reply, EVERYWHERE));
    second.script = first.script;
    failure(DefiniteException.Moved.class, call(trellis, INCREMENT));
    assertEquals(4, first.requests.size() + second.requests.size());
  }

  @Test
  void placementsAreAskedAndDecidedAtTheHomeWhereverTheKeyIs() throws Exception {
    Trellis trellis = connect();
    first.script = received -> doneAt(received, EVERYWHERE);
    second.script = first.script;
    done(call(trellis, GET)); // learns where the key is
    first.next();
    first.script =
        received -> {
          View view =
              received.request().operation() instanceof Read.Placed
                  ? new View.Placed(EVERYWHERE, true)
                  : new View.Nothing();
          received.answer(new Outcome.Done(view, 1, false), reply -> placed(reply, EVERYWHERE));
        };
    PlacementHandle placement = trellis.placement(KEY);
    for (int i = 0; i < 5; i++) {
      assertEquals(new Receipt(1, 0), placement.set(EVERYWHERE));
      assertEquals(new View.Placed(EVERYWHERE, true), placement.show());
      assertEquals(new Receipt(1, 0), placement.reset());
    }
    assertEquals(new Mutation.Place(Optional.of(EVERYWHERE)), first.next().request().operation());
    assertEquals(new Read.Placed(), first.next().request().operation());
    assertEquals(new Mutation.Place(Optional.empty()), first.next().request().operation());
    assertTrue(second.requests.isEmpty());
  }

  // ---- The ring ----

  @Test
  void anAnswerByAnotherRingHasTheMapAskedForButNotForEveryAnswer() throws Exception {
    Trellis trellis = connect(config().withMapRefresh(Duration.ofHours(1)));
    FakeNode third = opened(new FakeNode("node-3"));
    NodeDescriptor[] all = {first.descriptor(), second.descriptor(), third.descriptor()};
    long grown = Topology.of(List.of(all), 1).version();
    FakeNode.ThrowingConsumer<Received> script =
        received ->
            received.answer(
                new Outcome.Done(new View.Nothing(), 0, false),
                reply -> with(reply, HybridTimestamp.ZERO, Receipt.NONE, grown));
    for (FakeNode node : List.of(first, second, third)) {
      node.script = script;
    }
    router.map =
        id -> {
          router.frames.add(new Frame.MapRequest(id));
          return new Frame.ClusterMap(id, 2, "test", 1, List.of(all));
        };
    router.frames.clear();
    done(call(trellis, GET));
    router.nextFrame(Frame.MapRequest.class);
    await(() -> trellis.clusterMap().nodes().size() >= 3);
    for (int i = 0; i < 200; i++) {
      assertEquals(grown, done(call(trellis, GET)).ringVersion());
    }
    assertTrue(router.frames.isEmpty(), "the ring is the map's now");
  }

  @Test
  void aRingThatNoMapGivesIsAskedForEverMoreSeldom() throws Exception {
    Trellis trellis = connect(config().withMapRefresh(Duration.ofHours(1)));
    first.script =
        received ->
            received.answer(
                new Outcome.Done(new View.Nothing(), 0, false),
                reply -> with(reply, HybridTimestamp.ZERO, Receipt.NONE, 77));
    router.frames.clear();
    Frame.ClusterMap known = trellis.clusterMap();
    router.map =
        id -> {
          router.frames.add(new Frame.MapRequest(id));
          return new Frame.ClusterMap(
              id, known.version(), "test", known.faultTolerance(), known.nodes());
        };
    for (int i = 0; i < 500; i++) {
      done(call(trellis, GET));
    }
    assertTrue(router.frames.size() < 50, () -> router.frames.size() + " questions");
  }

  @Test
  void callsSayByWhichRingTheyChoseTheShard() throws Exception {
    Trellis trellis = connect();
    done(call(trellis, GET));
    assertEquals(
        Topology.of(trellis.clusterMap().nodes(), 1).version(),
        first.next().request().context().ringVersion());
  }

  // ---- Generations ----

  private void answerIn(HybridTimestamp generation) {
    UnaryOperator<Reply> said = reply -> with(reply, generation, new Receipt(1, 0), 1);
    first.script =
        received -> received.answer(new Outcome.Done(new View.Nothing(), 1, false), said);
    second.script = first.script;
  }

  private Optional<HybridTimestamp> generationSent(FakeNode node) throws Exception {
    return node.next().request().context().generation();
  }

  @Test
  void aWriteAfterADeleteNamesTheGenerationOfTheDeleteWhereverItGoes() throws Exception {
    Trellis trellis = connect();
    answerIn(GENERATION);
    done(call(trellis, new Mutation.Delete()));
    assertEquals(Optional.empty(), generationSent(first));
    done(call(trellis, INCREMENT));
    assertEquals(Optional.of(GENERATION), generationSent(first));
    first.close();
    open.remove(first);
    done(call(trellis, PUT));
    assertEquals(Optional.of(GENERATION), generationSent(second));
  }

  @Test
  void aGenerationSeenByAReadCountsTooButReadsNameNone() throws Exception {
    Trellis trellis = connect();
    answerIn(GENERATION);
    done(call(trellis, GET));
    answerIn(HybridTimestamp.ZERO); // as a replica would that has not heard of it yet
    done(call(trellis, GET));
    done(call(trellis, PUT));
    assertEquals(Optional.empty(), generationSent(first));
    assertEquals(Optional.empty(), generationSent(first));
    assertEquals(Optional.of(GENERATION), generationSent(first));
    done(trellis.execute(Payload.ofText("other"), PUT, CallOptions.DEFAULT));
    FakeNode other = first.requests.isEmpty() ? second : first;
    assertEquals(Optional.empty(), generationSent(other));
  }

  private static final Payload FIELD = Payload.ofText("f");

  private static Mutation inField(Mutation mutation) {
    return new Mutation.UpdateField(FIELD, mutation);
  }

  /// Has the nodes answer as shards do in which the fields that are asked for are in a generation.
  private void answerInFields(HybridTimestamp ofKey, HybridTimestamp... ofFields) {
    UnaryOperator<Reply> said =
        reply ->
            new Reply(
                reply.id(),
                reply.outcome(),
                ofKey,
                reply.kind(),
                reply.dots(),
                new Receipt(1, 0),
                reply.clock(),
                1,
                Optional.empty(),
                List.of(ofFields));
    first.script =
        received -> received.answer(new Outcome.Done(new View.Nothing(), 1, false), said);
    second.script = first.script;
  }

  private static RequestContext sent(FakeNode node) throws Exception {
    return node.next().request().context();
  }

  @Test
  void aWriteAfterADeleteOfAFieldNamesItsGenerationWhereverItGoes() throws Exception {
    Trellis trellis = connect();
    answerInFields(HybridTimestamp.ZERO, GENERATION);
    done(call(trellis, inField(new Mutation.Delete())));
    assertEquals(List.of(), sent(first).fieldGenerations());
    done(call(trellis, inField(INCREMENT)));
    RequestContext next = sent(first);
    assertEquals(List.of(GENERATION), next.fieldGenerations());
    assertEquals(Optional.of(HybridTimestamp.ZERO), next.generation());
    done(call(trellis, inField(inField(INCREMENT))));
    assertEquals(List.of(GENERATION, HybridTimestamp.ZERO), sent(first).fieldGenerations());
    done(call(trellis, new Mutation.UpdateField(Payload.ofText("other"), INCREMENT)));
    assertEquals(List.of(), sent(first).fieldGenerations());
    first.close();
    open.remove(first);
    done(call(trellis, inField(PUT)));
    assertEquals(List.of(GENERATION), sent(second).fieldGenerations());
  }

  @Test
  void theGenerationOfAFieldMeansNothingInAnotherGenerationOfItsKey() throws Exception {
    Trellis trellis = connect();
    answerInFields(HybridTimestamp.ZERO, GENERATION);
    done(call(trellis, inField(new Mutation.Delete())));
    first.next();
    HybridTimestamp later = HybridTimestamp.ofMillis(GENERATION.millis() + 1);
    first.script =
        received -> {
          answerInFields(later);
          received.answer(
              new Outcome.Failed(ErrorCode.SUPERSEDED, "deleted since"),
              reply -> with(reply, later, Receipt.NONE, 1));
        };
    done(call(trellis, inField(INCREMENT)));
    assertEquals(List.of(GENERATION), sent(first).fieldGenerations());
    RequestContext repeated = sent(first);
    assertEquals(List.of(), repeated.fieldGenerations());
    assertEquals(Optional.of(later), repeated.generation());
  }

  @Test
  void theGenerationThatTheCallerNamesWins() throws Exception {
    Trellis trellis = connect();
    answerIn(GENERATION);
    done(call(trellis, GET));
    first.next();
    HybridTimestamp named = HybridTimestamp.ofMillis(4);
    done(trellis.execute(KEY, PUT, CallOptions.DEFAULT.withGeneration(named)));
    assertEquals(Optional.of(named), generationSent(first));
  }

  @Test
  void aRememberedGenerationThatIsOverIsCorrectedByTheShardEvenBackwards() throws Exception {
    Trellis trellis = connect();
    answerIn(GENERATION);
    done(call(trellis, GET));
    first.next();
    first.script =
        received -> {
          answerIn(HybridTimestamp.ZERO);
          received.answer(
              new Outcome.Failed(ErrorCode.SUPERSEDED, "forgotten"),
              reply -> with(reply, HybridTimestamp.ZERO, Receipt.NONE, 1));
        };
    done(call(trellis, INCREMENT));
    assertEquals(Optional.of(GENERATION), generationSent(first));
    assertEquals(Optional.empty(), generationSent(first));
  }

  @Test
  void whoNamedNoGenerationIsNotSupersededByOneDeleteMore() throws Exception {
    Trellis trellis = connect();
    answerIn(GENERATION);
    done(call(trellis, GET));
    int[] refusals = {0};
    first.script =
        received -> {
          if (++refusals[0] == 3) {
            answerIn(HybridTimestamp.ofMillis(13));
          }
          HybridTimestamp next = HybridTimestamp.ofMillis(9 + refusals[0]);
          received.answer(
              new Outcome.Failed(ErrorCode.SUPERSEDED, "deleted since"),
              reply -> with(reply, next, Receipt.NONE, 1));
        };
    done(call(trellis, INCREMENT));
    assertEquals(5, first.requests.size());
  }

  @Test
  void aGenerationAheadOfAShardsClockIsWaitedFor() throws Exception {
    Trellis trellis = connect();
    HybridTimestamp ahead = HybridTimestamp.ofMillis(System.currentTimeMillis() + 200);
    answerIn(ahead);
    done(call(trellis, GET));
    first.next();
    first.script =
        received -> {
          answerIn(ahead);
          received.answer(new Outcome.Failed(ErrorCode.CLOCK_SKEW, "the generation is ahead"));
        };
    done(call(trellis, INCREMENT));
    assertEquals(Optional.of(ahead), generationSent(first));
    assertEquals(Optional.of(ahead), generationSent(first));
  }

  @Test
  void aClusterThatHasStartedAnewIsNotToldOfGenerations() throws Exception {
    Trellis trellis = connect(config().withMapRefresh(Duration.ofMillis(10)));
    answerIn(GENERATION);
    done(call(trellis, GET));
    first.next();
    NodeDescriptor anew =
        new NodeDescriptor(
            first.id,
            NodeDescriptor.Tier.MEMORY,
            "127.0.0.1",
            List.of(first.port()),
            1,
            8,
            1,
            NodeDescriptor.State.ACTIVE);
    assertNotEquals(first.descriptor(), anew);
    router.routeTo(anew);
    await(() -> trellis.clusterMap().nodes().size() <= 1);
    done(call(trellis, PUT));
    assertEquals(Optional.empty(), generationSent(first));
  }
}
