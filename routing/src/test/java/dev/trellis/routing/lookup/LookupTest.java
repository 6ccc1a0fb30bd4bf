package dev.trellis.routing.lookup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.process.StartupException;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import io.prometheus.client.CollectorRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class LookupTest {
  private static final Payload KEY = Payload.ofText("key");
  private static final Limits LIMITS = new Limits(100, 1_000, 64 << 10, 10);

  /// Long enough for any machine, so that what is meant to answer is never given up.
  private static final Duration PATIENT = Duration.ofSeconds(50);

  private final List<AutoCloseable> closing = new ArrayList<>();

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable open : closing.reversed()) {
      open.close();
    }
  }

  @Test
  void greetsAndTellsTheMapOfTheNodesThatAnswer() {
    FakeNode one = closing(new FakeNode("n1", "trellis", 0));
    FakeNode two = closing(new FakeNode("n2", "trellis", 0));
    Lookup lookup = lookup(PATIENT, one.address(), two.address());
    await(lookup, "n1", "n2");
    FrameClient client = client(lookup);
    Frame.Welcome welcome =
        assertInstanceOf(Frame.Welcome.class, client.ask(FrameClient.hello("trellis")));
    assertEquals("r1", welcome.nodeId());
    assertEquals(0, welcome.shard());
    assertEquals(LIMITS, welcome.limits());
    Frame.ClusterMap map =
        assertInstanceOf(Frame.ClusterMap.class, client.ask(new Frame.MapRequest(42)));
    assertEquals(42, map.id());
    assertEquals("trellis", map.clusterName());
    assertEquals(2, map.faultTolerance());
    assertEquals(List.of("n1", "n2"), map.nodes().stream().map(NodeDescriptor::id).toList());
    Frame.Pong pong = assertInstanceOf(Frame.Pong.class, client.ask(new Frame.Ping(7)));
    assertEquals(7, pong.id());
  }

  @Test
  void aNodeThatDiesDropsOutAndComesBackWhenItAnswersAgain() {
    FakeNode one = closing(new FakeNode("n1", "trellis", 0));
    FakeNode two = new FakeNode("n2", "trellis", 0);
    Lookup lookup = lookup(PATIENT, one.address(), two.address());
    await(lookup, "n1", "n2");
    long before = lookup.map().version();
    two.close();
    await(lookup, "n1");
    assertTrue(lookup.map().version() > before);
    closing(new FakeNode("n2", "trellis", two.port()));
    await(lookup, "n1", "n2");
  }

  @Test
  void aNodeThatFallsSilentDropsOut() {
    FakeNode one = closing(new FakeNode("n1", "trellis", 0));
    FakeNode two = closing(new FakeNode("n2", "trellis", 0));
    Lookup lookup = lookup(Duration.ofMillis(500), one.address(), two.address());
    await(lookup, "n1", "n2");
    two.fallSilent();
    await(lookup, "n1");
  }

  @Test
  void aNodeThatIsSilentStaysWhileAnotherListsItAndGoesWhenNoneDoes() {
    FakeNode one = closing(new FakeNode("n1", "trellis", 0));
    FakeNode two = new FakeNode("n2", "trellis", 0);
    FakeNode three = closing(new FakeNode("n3", "trellis", 0));
    one.seeing(two);
    Lookup lookup = lookup(PATIENT, one.address(), two.address());
    await(lookup, "n1", "n2");
    two.close();
    one.seeing(two, three); // so what follows is heard after the death of the second
    await(lookup, "n1", "n2", "n3");
    one.seeing(three);
    await(lookup, "n1", "n3");
  }

  @Test
  void byOneSeedAllAreLearnedAndTheOthersAreAskedWhenItHasLeft() {
    FakeNode seed = new FakeNode("n1", "trellis", 0);
    FakeNode two = closing(new FakeNode("n2", "trellis", 0));
    FakeNode three = closing(new FakeNode("n3", "trellis", 0));
    seed.seeing(two, three);
    two.seeing(seed, three);
    three.seeing(seed, two);
    Lookup lookup = lookup(PATIENT, new Address("127.0.0.1", 1), seed.address());
    await(lookup, "n1", "n2", "n3");
    two.seeing(three);
    three.seeing(two);
    seed.close();
    await(lookup, "n2", "n3");
    assertTrue(lookup.isHearing());
  }

  @Test
  void aSeedMayBeAName() {
    FakeNode node = closing(new FakeNode("n1", "trellis", 0));
    Lookup lookup = lookup(PATIENT, new Address("localhost", node.port()));
    await(lookup, "n1");
  }

  @Test
  void theLastMapStaysWhenNobodyAnswers() {
    FakeNode node = new FakeNode("n1", "trellis", 0);
    Lookup lookup = lookup(PATIENT, node.address());
    await(lookup, "n1");
    node.close();
    await(() -> !lookup.isHearing());
    await(lookup, "n1");
    closing(new FakeNode("n1", "trellis", node.port()));
    await(lookup::isHearing);
  }

  @Test
  void aNodeOfAnotherClusterIsLeftOut() {
    FakeNode one = closing(new FakeNode("n1", "trellis", 0));
    FakeNode stranger = closing(new FakeNode("n2", "other", 0));
    Lookup lookup = lookup(PATIENT, stranger.address(), one.address());
    await(lookup, "n1");
  }

  @Test
  void servesClientsWhileNoNodeAnswers() {
    Lookup lookup =
        lookup(PATIENT, new Address("127.0.0.1", 1), new Address("no-such-host.invalid", 7502));
    FrameClient client = client(lookup);
    client.ask(FrameClient.hello(""));
    Frame.ClusterMap map =
        assertInstanceOf(Frame.ClusterMap.class, client.ask(new Frame.MapRequest(1)));
    assertEquals(List.of(), map.nodes());
  }

  @Test
  void requestsForKeysAreRefusedSayingWhereTheyBelong() {
    FrameClient client = client(lookup(PATIENT, new Address("127.0.0.1", 1)));
    client.ask(FrameClient.hello("trellis"));
    Request get = new Request(11, KEY, Read.Get.ANY, RequestContext.READ);
    Request put = new Request(12, KEY, new Mutation.Put(Payload.EMPTY), RequestContext.READ);
    Frame.Answer answer = assertInstanceOf(Frame.Answer.class, client.ask(new Frame.Single(get)));
    assertNotHere(11, answer.reply());
    Frame.Answers answers =
        assertInstanceOf(Frame.Answers.class, client.ask(new Frame.Batch(List.of(get, put))));
    assertNotHere(11, answers.replies().get(0));
    assertNotHere(12, answers.replies().get(1));
    Frame.Changed changed =
        assertInstanceOf(
            Frame.Changed.class, client.ask(new Frame.Watch(13, KEY, Optional.empty())));
    assertNotHere(13, changed.reply());
    Frame.Scanned scanned =
        assertInstanceOf(
            Frame.Scanned.class,
            client.ask(new Frame.Scan(14, Payload.EMPTY, Optional.empty(), 10, false)));
    assertEquals(14, scanned.id());
    assertEquals(ErrorCode.NOT_OWNER, scanned.failure().orElseThrow().code());
    client.send(new Frame.Unwatch(13));
    assertInstanceOf(Frame.Pong.class, client.ask(new Frame.Ping(1)));
  }

  @Test
  void aClientOfAnotherClusterIsRefused() {
    FrameClient client = client(lookup(PATIENT, new Address("127.0.0.1", 1)));
    assertRefused(client, client.ask(FrameClient.hello("other")), "belongs to cluster 'trellis'");
  }

  @Test
  void aClientOfAnotherProtocolVersionIsRefused() {
    FrameClient client = client(lookup(PATIENT, new Address("127.0.0.1", 1)));
    Frame hello =
        new Frame.Hello(77, 99, "", 5, Frame.Scope.SHARD, Payload.EMPTY, "from the future");
    assertRefused(client, client.ask(hello), "not 77 to 99");
  }

  @Test
  void whoDoesNotGreetIsRefused() {
    FrameClient client = client(lookup(PATIENT, new Address("127.0.0.1", 1)));
    assertRefused(client, client.ask(new Frame.Ping(1)), "the first frame must be Hello");
  }

  @Test
  void whoSaysNothingIsRefusedAfterAWhile() {
    InetSocketAddress free = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    LookupConfig hasty =
        config(free, PATIENT, Duration.ofMillis(300), List.of(new Address("127.0.0.1", 1)));
    FrameClient client =
        client(closing(Lookup.start(hasty, Optional.empty(), new CollectorRegistry())));
    assertRefused(client, client.receive(), "no handshake within 300 ms");
  }

  @Test
  void garbageAndEndlessFramesAreRefused() {
    Lookup lookup = lookup(PATIENT, new Address("127.0.0.1", 1));
    FrameClient http = client(lookup);
    http.send("GET / HTTP/1.1\r\n\r\n".getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    assertRefused(http, http.receive(), "exceeds the limit of 65536");
    FrameClient garbage = client(lookup);
    garbage.send(new byte[] {0, 0, 0, 4, -1, -1, -1, -1});
    assertRefused(garbage, garbage.receive(), "this is a router");
  }

  @Test
  void whatOnlyNodesSayIsRefused() {
    FrameClient client = client(lookup(PATIENT, new Address("127.0.0.1", 1)));
    client.ask(FrameClient.hello(""));
    Frame pong = new Frame.Pong(1, dev.trellis.causal.HybridTimestamp.ZERO);
    assertRefused(client, client.ask(pong), "Pong is nothing that a client says");
  }

  @Test
  void tooManyClientsAreRefused() {
    Lookup lookup = lookup(PATIENT, new Address("127.0.0.1", 1));
    FrameClient first = client(lookup);
    first.ask(FrameClient.hello(""));
    FrameClient second = client(lookup);
    second.ask(FrameClient.hello(""));
    FrameClient third = client(lookup);
    assertRefused(third, third.receive(), "connections.max");
  }

  @Test
  void aClientThatDoesNotReadHoldsUpItselfOnly() {
    FakeNode node = closing(new FakeNode("n1", "trellis", 0));
    Lookup lookup = lookup(PATIENT, node.address());
    await(lookup, "n1");
    FrameClient greedy = client(lookup);
    greedy.ask(FrameClient.hello(""));
    Thread asking =
        Thread.ofVirtual()
            .start(
                () -> {
                  try {
                    for (int id = 0; id < 1_000_000; id++) {
                      greedy.send(new Frame.MapRequest(id));
                    }
                  } catch (java.io.UncheckedIOException closed) {
                    // the test is over
                  }
                });
    FrameClient modest = client(lookup);
    modest.ask(FrameClient.hello(""));
    for (int id = 0; id < 100; id++) {
      assertInstanceOf(Frame.ClusterMap.class, modest.ask(new Frame.MapRequest(id)));
    }
    assertTrue(asking.isAlive(), "the requests of who does not read wait in the socket");
  }

  @Test
  void aPortInUseIsNamed() {
    Lookup lookup = lookup(PATIENT, new Address("127.0.0.1", 1));
    LookupConfig same =
        config(lookup.address(), PATIENT, PATIENT, List.of(new Address("127.0.0.1", 1)));
    String message =
        assertThrows(
                StartupException.class,
                () -> Lookup.start(same, Optional.empty(), new CollectorRegistry()))
            .getMessage();
    assertTrue(message.contains("port " + lookup.address().getPort()), message);
    assertTrue(message.contains("data.port"), message);
  }

  private Lookup lookup(Duration timeout, Address... nodes) {
    InetSocketAddress free = new InetSocketAddress(InetAddress.getLoopbackAddress(), 0);
    return closing(
        Lookup.start(
            config(free, timeout, PATIENT, List.of(nodes)),
            Optional.empty(),
            new CollectorRegistry()));
  }

  private static LookupConfig config(
      InetSocketAddress address, Duration timeout, Duration handshake, List<Address> nodes) {
    return new LookupConfig(
        "r1", "trellis", nodes, address, LIMITS, Duration.ofMillis(20), timeout, handshake, 2);
  }

  private FrameClient client(Lookup lookup) {
    return closing(new FrameClient(lookup.address()));
  }

  private <T extends AutoCloseable> T closing(T open) {
    closing.add(open);
    return open;
  }

  /// Waits for a map of just these nodes.
  private static void await(Lookup lookup, String... ids) {
    await(
        () -> lookup.map().nodes().stream().map(NodeDescriptor::id).toList().equals(List.of(ids)));
  }

  /// The time limit of the tests bounds it, by an interrupt.
  private static void await(BooleanSupplier condition) {
    while (!condition.getAsBoolean()) {
      assertFalse(Thread.currentThread().isInterrupted(), "it does not come true");
      Thread.onSpinWait();
    }
  }

  private static void assertNotHere(long id, Reply reply) {
    assertEquals(id, reply.id());
    Outcome.Failed failed = assertInstanceOf(Outcome.Failed.class, reply.outcome());
    assertEquals(ErrorCode.NOT_OWNER, failed.code());
    assertTrue(failed.message().startsWith("this is a router"), failed.message());
  }

  private static void assertRefused(FrameClient client, Frame answer, String message) {
    Frame.Refused refused = assertInstanceOf(Frame.Refused.class, answer);
    assertTrue(refused.message().contains(message), refused.message());
    assertTrue(client.isAtEnd(), "the connection is closed");
  }
}
