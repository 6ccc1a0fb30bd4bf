package dev.trellis.client;

import static dev.trellis.client.Endings.done;
import static dev.trellis.client.Endings.failure;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.FakeNode.Received;
import dev.trellis.lattice.Payload;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/// How a client finds its cluster, and follows it when it changes.
class ClusterTest {
  private static final Payload KEY = Payload.ofText("key");
  private static final Operation INCREMENT = new Mutation.Increment(1);
  private static final Operation PUT = new Mutation.Put(Payload.ofText("v"));

  private final List<AutoCloseable> open = new ArrayList<>();

  private FakeNode node(String id) throws IOException {
    return node(id, 0);
  }

  private FakeNode node(String id, int port) throws IOException {
    FakeNode node = new FakeNode(id, port);
    open.add(0, node);
    return node;
  }

  private Trellis connect(ClientConfig config) {
    Trellis trellis = Trellis.connect(config);
    open.add(0, trellis);
    return trellis;
  }

  private static ClientConfig at(FakeNode... nodes) {
    String[] addresses = new String[nodes.length];
    for (int i = 0; i < nodes.length; i++) {
      addresses[i] = nodes[i].address();
    }
    return FakeNode.config(addresses);
  }

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable one : open) {
      one.close();
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  // ---- Connecting ----

  @Test
  void whenNobodyAnswersTheErrorNamesEveryAddressAndWhy() throws Exception {
    String refused = "127.0.0.1:" + freePort();
    try (ServerSocket mute = new ServerSocket(0, 8, InetAddress.getLoopbackAddress())) {
      String silent = "127.0.0.1:" + mute.getLocalPort();
      DefiniteException.NoNodes failure =
          assertThrows(
              DefiniteException.NoNodes.class,
              () ->
                  Trellis.connect(
                      ClientConfig.of(refused, silent).withConnectTimeout(Duration.ofSeconds(2))));
      assertEquals(ErrorCode.NO_NODES, failure.code());
      assertTrue(
          failure.getMessage().contains(refused + ": connection refused"), failure.getMessage());
      assertTrue(
          failure.getMessage().contains(silent + ": no answer to the handshake within 2000 ms"),
          failure.getMessage());
    }
    assertEquals(
        List.of(),
        Thread.getAllStackTraces().keySet().stream()
            .map(Thread::getName)
            .filter(name -> name.startsWith("trellis-client"))
            .toList());
  }

  @Test
  void oneAddressThatAnswersIsEnough() throws Exception {
    FakeNode node = node("node-1");
    Trellis trellis = connect(FakeNode.config("127.0.0.1:" + freePort(), node.address()));
    trellis.counter("a").delete();
    assertEquals("test", trellis.clusterMap().clusterName());
  }

  @Test
  void addressesThatMakeNoSenseAreNamed() {
    for (String malformed :
        List.of(
            "",
            "localhost",
            "localhost:",
            ":7400",
            "a:b",
            "a:0",
            "a:65536",
            "::1:7400",
            "http://a:1")) {
      IllegalArgumentException failure =
          assertThrows(IllegalArgumentException.class, () -> Trellis.connect(malformed), malformed);
      assertTrue(failure.getMessage().contains("'" + malformed + "'"), failure.getMessage());
    }
    assertThrows(IllegalArgumentException.class, () -> Trellis.connect(new String[0]));
    assertEquals(new Address("::1", 7400), Address.parse("[::1]:7400"));
    assertEquals("[::1]:7400", Address.parse("[::1]:7400").toString());
  }

  @Test
  void anotherClusterThanTheOneWantedIsRefused() throws Exception {
    FakeNode node = node("node-1");
    DefiniteException.BadRequest failure =
        assertThrows(
            DefiniteException.BadRequest.class,
            () -> Trellis.connect(at(node).withClusterName("production")));
    assertTrue(
        failure.getMessage().contains("belongs to cluster 'test', not to 'production'"),
        failure.getMessage());
    assertEquals("production", node.nextFrame(Frame.Hello.class).clusterName());
  }

  @Test
  void aRefusalToGreetIsToldWithItsCode() throws Exception {
    FakeNode node = node("node-1");
    node.greeting =
        (peer, hello) -> {
          try {
            peer.send(new Frame.Refused(ErrorCode.UNAUTHENTICATED, "who are you?"));
          } catch (IOException e) {
            peer.drop();
          }
        };
    DefiniteException.Unauthenticated failure =
        assertThrows(DefiniteException.Unauthenticated.class, () -> Trellis.connect(at(node)));
    assertTrue(failure.getMessage().contains("who are you?"), failure.getMessage());
  }

  /// As one that has just started says it, who has to hear first who was revoked.
  @Test
  void whoIsToldThatItIsTooEarlyComesAgain() throws Exception {
    FakeNode node = node("node-1");
    AtomicInteger greeted = new AtomicInteger();
    node.greeting =
        (peer, hello) -> {
          try {
            if (greeted.incrementAndGet() <= 3) {
              peer.send(new Frame.Refused(ErrorCode.NO_NODES, "not yet"));
            } else {
              peer.welcome();
            }
          } catch (IOException e) {
            peer.drop();
          }
        };
    connect(at(node));
    assertTrue(greeted.get() >= 4, "greeted " + greeted);
    greeted.set(Integer.MIN_VALUE);
    DefiniteException.NoNodes failure =
        assertThrows(
            DefiniteException.NoNodes.class,
            () -> Trellis.connect(at(node).withTimeout(Duration.ofMillis(200))));
    assertTrue(failure.getMessage().contains("not yet"), failure.getMessage());
  }

  @Test
  void aShardThatRefusesForGoodFailsItsCallsAtOnce() throws Exception {
    FakeNode router = node("router");
    FakeNode node = node("node-1");
    router.routeTo(node.descriptor());
    node.greeting =
        (peer, hello) -> {
          try {
            peer.send(new Frame.Refused(ErrorCode.FORBIDDEN, "not you"));
          } catch (IOException e) {
            peer.drop();
          }
        };
    Trellis trellis = connect(at(router));
    failure(
        DefiniteException.Forbidden.class, trellis.execute(KEY, INCREMENT, CallOptions.DEFAULT));
  }

  @Test
  void theHelloSaysWhoThisIs() throws Exception {
    FakeNode node = node("node-1");
    connect(at(node).withCredentials(Payload.ofText("secret")).withAgent("test/1"));
    Frame.Hello first = node.nextFrame(Frame.Hello.class);
    assertEquals("", first.clusterName());
    assertEquals(Payload.ofText("secret"), first.credentials());
    assertEquals("test/1", first.agent());
    Trellis other = connect(at(node));
    Frame.Hello second = node.nextFrame(Frame.Hello.class);
    assertTrue(first.clientId() != second.clientId());
    other.counter("a").delete();
    Frame.Hello third = node.nextFrame(Frame.Hello.class);
    assertEquals(second.clientId(), third.clientId());
    assertEquals("test", third.clusterName(), "once the cluster is known, no other will do");
  }

  // ---- Where keys go ----

  @Test
  void everyKeyGoesToTheShardThatOwnsIt() throws Exception {
    FakeNode router = node("router");
    FakeNode first = node("node-1");
    FakeNode second = node("node-1");
    second.shard = 1;
    router.routeTo(FakeNode.descriptor("node-1", first.port(), second.port()));
    Trellis trellis = connect(at(router));
    for (int i = 0; i < 100; i++) {
      trellis.register("key-" + i).exists();
    }
    assertTrue(first.requests.size() > 20 && second.requests.size() > 20);
    for (Received received : first.requests) {
      assertEquals(0, Partitions.STANDARD.shardOfKey(KeyHash.of(received.request().key()), 2));
    }
  }

  @Test
  void withOneConnectionPerNodeAnyKeyGoesThrough() throws Exception {
    FakeNode router = node("router");
    FakeNode first = node("node-1");
    FakeNode second = node("node-1");
    second.shard = 1;
    router.routeTo(FakeNode.descriptor("node-1", first.port(), second.port()));
    Trellis trellis = connect(at(router).withScope(Frame.Scope.NODE));
    for (int i = 0; i < 100; i++) {
      trellis.register("key-" + i).exists();
    }
    assertEquals(100, Math.max(first.requests.size(), second.requests.size()));
    FakeNode used = first.requests.isEmpty() ? second : first;
    assertEquals(1, used.peers.size());
    assertEquals(Frame.Scope.NODE, used.peers.get(0).hello.scope());
  }

  @Test
  void keysSpreadOverTheMemoryNodesOnly() throws Exception {
    FakeNode router = node("router");
    FakeNode first = node("node-1");
    FakeNode second = node("node-2");
    FakeNode ssd = node("ssd-1");
    NodeDescriptor onDisk =
        new NodeDescriptor(
            "ssd-1",
            NodeDescriptor.Tier.SSD,
            "127.0.0.1",
            List.of(ssd.port()),
            1,
            1,
            1,
            NodeDescriptor.State.ACTIVE);
    router.routeTo(first.descriptor(), second.descriptor(), onDisk);
    Trellis trellis = connect(at(router));
    for (int i = 0; i < 100; i++) {
      trellis.register("key-" + i).exists();
    }
    assertEquals(100, first.requests.size() + second.requests.size());
    assertFalse(first.requests.isEmpty() || second.requests.isEmpty());
  }

  @Test
  void nodesThatKnowOnlyThemselvesAreTakenTogether() throws Exception {
    FakeNode first = node("node-1");
    FakeNode second = node("node-2");
    Trellis trellis = connect(at(first, second).withMapRefresh(Duration.ofMillis(20)));
    assertEquals(2, trellis.clusterMap().nodes().size());
    second.close();
    open.remove(second);
    first.map =
        id -> {
          first.frames.add(new Frame.MapRequest(id));
          return first.ownMap(id);
        };
    first.nextFrame(Frame.MapRequest.class);
    first.nextFrame(Frame.MapRequest.class);
    assertEquals(2, trellis.clusterMap().nodes().size(), "a silent node keeps its keys");
  }

  @Test
  void aRouterIsBelievedMoreThanANode() throws Exception {
    FakeNode node = node("node-1");
    FakeNode other = node("node-2");
    FakeNode router = node("router");
    router.routeTo(node.descriptor(), other.descriptor());
    Trellis trellis = connect(at(node, router));
    assertEquals(2, trellis.clusterMap().nodes().size());
  }

  @Test
  void aShardThatIsNotTheOneLookedForGetsNoCalls() throws Exception {
    FakeNode router = node("router");
    FakeNode stranger = node("node-1");
    stranger.welcomedAs = "node-2";
    router.routeTo(stranger.descriptor());
    Trellis trellis = connect(at(router));
    TrellisException failure =
        failure(
            DefiniteException.NoNodes.class,
            trellis.execute(KEY, PUT, CallOptions.DEFAULT.withTimeout(Duration.ofSeconds(2))));
    assertTrue(failure.getMessage().contains("it is shard 0 of node node-2"), failure.getMessage());
    assertTrue(stranger.requests.isEmpty());
  }

  // ---- Changes ----

  @Test
  void aKeyThatHasMovedIsFollowedByTheNewMap() throws Exception {
    FakeNode router = node("router");
    FakeNode before = node("node-1");
    FakeNode after = node("node-2");
    router.routeTo(before.descriptor());
    Trellis trellis = connect(at(router));
    before.script =
        received -> {
          router.routeTo(after.descriptor());
          received.refuse(ErrorCode.NOT_OWNER);
        };
    done(trellis.execute(KEY, INCREMENT, CallOptions.DEFAULT));
    assertFalse(after.next().request().context().repeat());
    assertEquals(1, before.requests.size());
  }

  @Test
  void aKeyThatNobodyOwnsIsReportedAfterSomeTries() throws Exception {
    FakeNode node = node("node-1");
    node.script = received -> received.refuse(ErrorCode.NOT_OWNER);
    Trellis trellis = connect(at(node));
    failure(DefiniteException.NotOwner.class, trellis.execute(KEY, INCREMENT, CallOptions.DEFAULT));
    assertEquals(4, node.requests.size());
  }

  @Test
  void theMapIsAskedForNowAndThen() throws Exception {
    FakeNode router = node("router");
    FakeNode first = node("node-1");
    FakeNode second = node("node-2");
    router.routeTo(first.descriptor());
    Trellis trellis = connect(at(router).withMapRefresh(Duration.ofMillis(10)));
    router.routeTo(second.descriptor());
    // Calls that still go to the first node are answered too, so this ends when the map has come.
    while (second.requests.isEmpty()) {
      trellis.counter("key").add(1);
    }
    assertEquals(second.descriptor(), trellis.clusterMap().nodes().get(0));
  }

  @Test
  void callsThatWaitForADeadNodeGoToItsSuccessor() throws Exception {
    FakeNode router = node("router");
    FakeNode successor = node("node-2");
    NodeDescriptor dead = FakeNode.descriptor("node-1", freePort());
    router.routeTo(dead);
    Trellis trellis = connect(at(router));
    CompletableFuture<Reply> call = trellis.execute(KEY, INCREMENT, CallOptions.DEFAULT);
    router.routeTo(successor.descriptor());
    done(call);
    assertEquals(1, successor.requests.size());
  }

  @Test
  void aSentMutationWhoseNodeLeavesTheClusterHasAnUnknownOutcome() throws Exception {
    FakeNode router = node("router");
    FakeNode before = node("node-1");
    FakeNode after = node("node-2");
    router.routeTo(before.descriptor());
    Trellis trellis = connect(at(router));
    before.script = received -> {};
    CompletableFuture<Reply> increment = trellis.execute(KEY, INCREMENT, CallOptions.DEFAULT);
    CompletableFuture<Reply> put = trellis.execute(KEY, PUT, CallOptions.DEFAULT);
    before.next();
    before.next();
    router.routeTo(after.descriptor());
    before.close();
    failure(IndefiniteException.OutcomeUnknown.class, increment);
    done(put);
    assertInstanceOf(Mutation.Put.class, after.next().request().operation());
  }

  @Test
  void aNodeThatComesBackToTheMapGoesOnWithItsSequences() throws Exception {
    FakeNode router = node("router");
    FakeNode first = node("node-1");
    FakeNode second = node("node-2");
    router.routeTo(first.descriptor());
    Trellis trellis = connect(at(router).withMapRefresh(Duration.ofMillis(10)));
    trellis.counter("key").add(1);
    router.routeTo(second.descriptor());
    while (second.requests.isEmpty()) {
      trellis.counter("key").add(1);
    }
    router.routeTo(first.descriptor());
    int before = first.requests.size();
    while (first.requests.size() <= before) {
      trellis.counter("key").add(1);
    }
    Set<Long> sequences = new HashSet<>();
    for (Received received : first.requests) {
      assertTrue(sequences.add(received.request().context().sequence()));
    }
  }

  @Test
  void aRouterThatHasForgottenEverybodyIsNotBelieved() throws Exception {
    FakeNode router = node("router");
    FakeNode node = node("node-1");
    router.routeTo(node.descriptor());
    Trellis trellis = connect(at(router).withMapRefresh(Duration.ofMillis(10)));
    router.map =
        id -> {
          router.frames.add(new Frame.MapRequest(id));
          return new Frame.ClusterMap(id, 9, "test", 0, List.of());
        };
    router.nextFrame(Frame.MapRequest.class);
    router.nextFrame(Frame.MapRequest.class);
    router.nextFrame(Frame.MapRequest.class);
    assertEquals(1, trellis.clusterMap().nodes().size());
    trellis.counter("key").add(1);
  }

  @Test
  void callsWaitForTheFirstNodeOfAnEmptyCluster() throws Exception {
    FakeNode router = node("router");
    FakeNode node = node("node-1");
    router.routeTo();
    Trellis trellis = connect(at(router));
    TrellisException failure =
        failure(
            DefiniteException.NoNodes.class,
            trellis.execute(KEY, PUT, CallOptions.DEFAULT.withTimeout(Duration.ofSeconds(2))));
    assertTrue(failure.getMessage().contains("has no node"), failure.getMessage());
    CompletableFuture<Reply> call = trellis.execute(KEY, Read.Get.ANY, CallOptions.DEFAULT);
    router.routeTo(node.descriptor());
    done(call);
  }

  @Test
  void aNodeThatRestartsOnAnotherPortIsFound() throws Exception {
    FakeNode router = node("router");
    FakeNode before = node("node-1");
    router.routeTo(before.descriptor());
    Trellis trellis = connect(at(router));
    trellis.counter("key").add(1);
    before.close();
    FakeNode after = node("node-1");
    after.incarnation = 2;
    CompletableFuture<Reply> call = trellis.execute(KEY, PUT, CallOptions.DEFAULT);
    router.routeTo(after.descriptor());
    done(call);
    assertEquals(1, after.next().request().context().sequence());
  }
}
