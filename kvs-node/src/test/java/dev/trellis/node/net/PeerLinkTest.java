package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.CertificateName;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.placement.Topology;
import dev.trellis.process.Protection;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Data planes that talk to each other, and one that talks to something else.
@Timeout(value = 2, unit = TimeUnit.MINUTES)
class PeerLinkTest {
  private static final PeerMessage NEWS =
      new PeerMessage.Received(1, HybridTimestamp.ofMillis(1), false, 1, 0, 0);

  private final List<AutoCloseable> opened = new ArrayList<>();

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable one : opened.reversed()) {
      one.close();
    }
  }

  // ---- The cluster ----

  private DataPlane plane(String id, long incarnation, InstantSource clock, String settings) {
    return plane(id, incarnation, clock, settings, Optional.empty());
  }

  private DataPlane plane(
      String id,
      long incarnation,
      InstantSource clock,
      String settings,
      Optional<Protection> protection) {
    NodeConfig config = Nodes.config("node.id = " + id + "\nstop.timeout = 100ms\n" + settings);
    DataPlane plane =
        DataPlane.bind(
            config,
            protection,
            InetAddress.getLoopbackAddress(),
            incarnation,
            clock,
            new Random(incarnation),
            1L << 30,
            shard -> new ShardCore(shard, new MemoryStore()));
    opened.add(plane);
    return plane;
  }

  private DataPlane plane(String id, long incarnation) {
    return plane(id, incarnation, InstantSource.system(), "");
  }

  private static NodeDescriptor node(String id, long incarnation, List<Integer> ports) {
    return new NodeDescriptor(
        id,
        NodeDescriptor.Tier.MEMORY,
        "127.0.0.1",
        ports,
        1,
        incarnation,
        1,
        NodeDescriptor.State.ACTIVE);
  }

  private static MembershipView view(NodeDescriptor... nodes) {
    return new MembershipView(Topology.of(List.of(nodes), 1), Set.of(), Set.of(), Set.of());
  }

  private static void tell(MembershipView view, DataPlane... planes) {
    for (DataPlane plane : planes) {
      plane.membership(view);
    }
  }

  private static void begin(MembershipView view, DataPlane... planes) {
    tell(view, planes);
    for (DataPlane plane : planes) {
      plane.found();
      plane.open();
    }
  }

  /// Has a shard send a message, as its core would.
  private static void send(DataPlane from, int shard, Peer to, PeerMessage message) {
    ShardServer server = from.shard(shard);
    server.execute(() -> server.send(to, message));
  }

  private static ShardTallies tallies(DataPlane plane) {
    return plane.shard(0).tallies();
  }

  private static void await(BooleanSupplier condition) {
    long end = System.nanoTime() + TimeUnit.MINUTES.toNanos(1);
    while (!condition.getAsBoolean()) {
      assertTrue(System.nanoTime() < end, "waited in vain");
      Thread.onSpinWait();
    }
  }

  private static Reply put(DataPlane plane, String key) throws IOException {
    try (RawClient client = RawClient.open(plane.ports().getFirst(), Frame.Scope.NODE)) {
      return client.put(key, Payload.ofText("v"));
    }
  }

  // ---- Between planes ----

  @Test
  void aWriteIsOnAsManyNodesAsItsReceiptSaysAndReadableAtTheOther() throws Exception {
    DataPlane a = plane("a", 1);
    DataPlane b = plane("b", 2, InstantSource.system(), "shards = 2");
    begin(view(node("a", 1, a.ports()), node("b", 2, b.ports())), a, b);
    for (int i = 0; i < 20; i++) {
      Reply reply = put(i % 2 == 0 ? a : b, "k" + i);
      assertEquals(new Receipt(2, 0), reply.receipt(), () -> reply.outcome().toString());
    }
    for (DataPlane plane : List.of(a, b)) {
      try (RawClient client = RawClient.open(plane.ports().getFirst(), Frame.Scope.NODE)) {
        for (int i = 0; i < 20; i++) {
          assertEquals(new View.Bytes(Payload.ofText("v"), 0), client.get("k" + i));
        }
      }
    }
  }

  /// It goes in pieces.
  @Test
  void aValueLongerThanThePeersFramesIsOnBothNodes() throws Exception {
    DataPlane a = plane("a", 1);
    DataPlane b =
        plane("b", 2, InstantSource.system(), "limits.value = 32KiB\nlimits.frame = 64KiB");
    begin(view(node("a", 1, a.ports()), node("b", 2, b.ports())), a, b);
    byte[] bytes = new byte[3 << 20];
    new Random(1).nextBytes(bytes);
    Payload value = Payload.of(bytes);
    try (RawClient client = RawClient.open(a.ports().getFirst(), Frame.Scope.NODE)) {
      Reply reply = client.put("k", value);
      assertEquals(new Receipt(2, 0), reply.receipt(), () -> reply.outcome().toString());
    }
    try (RawClient client = RawClient.open(b.ports().getFirst(), Frame.Scope.NODE)) {
      assertEquals(new View.Bytes(value, 0), client.get("k"));
    }
  }

  /// Nothing else happens that would have the link looked at.
  @Test
  void aLinkToAPeerWhoseCertificateEndsEndsToo(@TempDir Path folder) {
    TestSecrets secrets = new TestSecrets(folder, "trellis");
    CertificateName name = new CertificateName("trellis", CertificateName.Part.NODE, "b");
    DataPlane a = protectedPlane("a", 1, secrets.node("a"));
    DataPlane b = protectedPlane("b", 2, secrets.ending(name, Instant.now().plusSeconds(15)));
    begin(view(node("a", 1, a.ports()), node("b", 2, b.ports())), a, b);
    send(a, 0, new Peer("b", 2, 0), NEWS);
    await(() -> tallies(a).peerLinks.value() == 1);
    await(() -> tallies(a).peerLinks.value() == 0);
  }

  private DataPlane protectedPlane(String id, long incarnation, Secrets own) {
    InstantSource clock = InstantSource.system();
    Protection protection = Protection.of(own, "trellis", "node " + id, clock);
    return plane(id, incarnation, clock, "", Optional.of(protection));
  }

  @Test
  void threeNodesAllLearnWhatOneOfThemIsTold() throws Exception {
    DataPlane a = plane("a", 1);
    DataPlane b = plane("b", 2);
    DataPlane c = plane("c", 3);
    MembershipView all =
        new MembershipView(
            Topology.of(
                List.of(node("a", 1, a.ports()), node("b", 2, b.ports()), node("c", 3, c.ports())),
                2),
            Set.of(),
            Set.of(),
            Set.of());
    begin(all, a, b, c);
    assertEquals(new Receipt(3, 0), put(b, "k").receipt());
    for (DataPlane plane : List.of(a, b, c)) {
      try (RawClient client = RawClient.open(plane.ports().getFirst(), Frame.Scope.NODE)) {
        assertEquals(new View.Bytes(Payload.ofText("v"), 0), client.get("k"));
      }
    }
  }

  @Test
  void aPeerThatStartsAgainInAnotherLifeIsConnectedToAnew() throws Exception {
    DataPlane a = plane("a", 1);
    DataPlane b = plane("b", 2);
    begin(view(node("a", 1, a.ports()), node("b", 2, b.ports())), a, b);
    assertEquals(2, put(a, "k").receipt().copies());
    b.close();
    await(() -> tallies(a).peerLinks.value() == 0);
    DataPlane again = plane("b", 3);
    MembershipView latest = view(node("a", 1, a.ports()), node("b", 3, again.ports()));
    tell(latest, a);
    tell(latest, again);
    again.open();
    await(() -> again.progress().getFirst().isComplete());
    assertEquals(2, put(again, "k2").receipt().copies());
    try (RawClient client = RawClient.open(again.ports().getFirst(), Frame.Scope.NODE)) {
      assertEquals(new View.Bytes(Payload.ofText("v"), 0), client.get("k"));
    }
  }

  @Test
  void siblingsHandOverWithoutASocket() {
    DataPlane a = plane("a", 1, InstantSource.system(), "shards = 2");
    begin(view(node("a", 1, a.ports())), a);
    // The siblings compare what they hold from time to time, so their own messages count too.
    int messages = 1_000;
    for (int sent = 0; sent < messages; sent++) {
      send(a, 0, new Peer("a", 1, 1), NEWS);
    }
    await(() -> a.shard(1).tallies().peerMessagesReceived.value() >= messages);
    assertEquals(0, a.shard(0).tallies().peerLinks.value());
    send(a, 0, new Peer("a", 1, 2), NEWS);
    await(() -> a.shard(0).tallies().peerMessagesDropped.value() == 1);
  }

  @Test
  void whatIsMeantForNoMemberIsDropped() {
    DataPlane a = plane("a", 1);
    begin(view(node("a", 1, a.ports())), a);
    send(a, 0, new Peer("b", 2, 0), NEWS);
    await(() -> tallies(a).peerMessagesDropped.value() == 1);
    assertEquals(0, tallies(a).peerLinks.value());
  }

  @Test
  void aWriteThatWaitsForItsCopyIsAnsweredBeforeTheEnd() throws Exception {
    DataPlane a = plane("a", 1, InstantSource.system(), "stop.timeout = 1m");
    try (ServerSocket b = listener()) {
      begin(view(node("a", 1, a.ports()), node("b", 2, List.of(b.getLocalPort()))), a);
      int port = a.ports().getFirst();
      try (RawClient client = RawClient.open(port, Frame.Scope.NODE);
          RawClient toA = introduced(port, new Peer("b", 2, 0), new Peer("a", 1, 0))) {
        client.send(new Frame.Single(RawClient.put(1, "k", Payload.EMPTY)));
        try (RawClient fromA = welcomed(b, "b", 0)) {
          long sequence = changes(fromA).sequence();
          Thread stop = Thread.ofPlatform().start(a::close);
          await(() -> isClosed(port));
          toA.send(told(new PeerMessage.Received(sequence, now(), false, 1, 0, 0)));
          assertEquals(new Receipt(2, 0), client.replies(1).getFirst().receipt());
          client.socket().close();
          stop.join();
        }
      }
    }
  }

  private static boolean isClosed(int port) {
    try {
      RawClient.silent(port).close();
      return false;
    } catch (IOException e) {
      return true;
    }
  }

  // ---- Something else on the other side ----

  private static ServerSocket listener() throws IOException {
    return new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
  }

  private static HybridTimestamp now() {
    return HybridTimestamp.ofMillis(System.currentTimeMillis());
  }

  private static Frame told(PeerMessage message) {
    return new Frame.FromPeer(message);
  }

  /// A connection by which a peer tells `to` things.
  private static RawClient introduced(int port, Peer from, Peer to) throws IOException {
    RawClient client = RawClient.silent(port);
    client.send(hello(from, to, System.currentTimeMillis(), "trellis"));
    assertInstanceOf(Frame.Welcome.class, client.receive());
    return client;
  }

  private static Frame.Hello hello(Peer from, Peer to, long timeMillis, String cluster) {
    return new Frame.Hello(
        Frame.PROTOCOL_VERSION,
        Frame.PROTOCOL_VERSION,
        cluster,
        7,
        Frame.Scope.SHARD,
        Payload.EMPTY,
        "node " + from.nodeId(),
        Optional.of(new Frame.Introduction(from, to, timeMillis)));
  }

  /// The next link that is opened, past its greeting.
  private static RawClient welcomed(ServerSocket listener, String nodeId, int shard)
      throws IOException {
    RawClient link = RawClient.on(listener.accept());
    assertInstanceOf(Frame.Hello.class, link.receive());
    link.send(welcome("trellis", nodeId, shard, System.currentTimeMillis()));
    return link;
  }

  private static Frame.Welcome welcome(String cluster, String nodeId, int shard, long timeMillis) {
    return new Frame.Welcome(
        Frame.PROTOCOL_VERSION,
        cluster,
        nodeId,
        shard,
        9,
        HybridTimestamp.ofMillis(timeMillis),
        Limits.DEFAULT,
        1);
  }

  private static PeerMessage.Changes changes(RawClient link) throws IOException {
    while (true) {
      if (link.receive() instanceof Frame.FromPeer told
          && told.message() instanceof PeerMessage.Changes changes
          && !changes.changes().isEmpty()) {
        return changes;
      }
    }
  }

  @Test
  void theHelloTellsWhoConnectsToWhomAndWhen() throws Exception {
    DataPlane a = plane("a", 1, InstantSource.system(), "shards = 2");
    long before = System.currentTimeMillis();
    try (ServerSocket b = listener()) {
      int port = b.getLocalPort();
      begin(view(node("a", 1, a.ports()), node("b", 2, List.of(port, port))), a);
      send(a, 1, new Peer("b", 2, 1), NEWS);
      Frame.Hello hello;
      do { // the core of either shard may have something to say too
        try (RawClient link = RawClient.on(b.accept())) {
          hello = assertInstanceOf(Frame.Hello.class, link.receive());
        }
      } while (hello.introduction().orElseThrow().from().shard() != 1);
      Frame.Introduction introduction = hello.introduction().orElseThrow();
      assertEquals(new Peer("a", 1, 1), introduction.from());
      assertTrue(introduction.timeMillis() >= before);
      assertEquals("trellis", hello.clusterName());
      assertEquals("node a", hello.agent());
    }
  }

  @Test
  void aLinkThatBreaksIsMadeAnew() throws Exception {
    DataPlane a = plane("a", 1);
    try (ServerSocket b = listener()) {
      begin(view(node("a", 1, a.ports()), node("b", 2, List.of(b.getLocalPort()))), a);
      send(a, 0, new Peer("b", 2, 0), NEWS);
      for (int times = 0; times < 3; times++) {
        try (RawClient link = welcomed(b, "b", 0)) {
          assertInstanceOf(Frame.FromPeer.class, link.receive());
        }
      }
    }
  }

  @Test
  void whatIsToldWhileTheFirstConnectionIsMadeArrives() throws Exception {
    DataPlane a = plane("a", 1);
    try (ServerSocket b = listener()) {
      begin(view(node("a", 1, a.ports()), node("b", 2, List.of(b.getLocalPort()))), a);
      PeerMessage fetch = new PeerMessage.Fetch(77, Payload.ofText("k"));
      send(a, 0, new Peer("b", 2, 0), fetch);
      try (RawClient link = welcomed(b, "b", 0)) {
        Frame frame = link.receive();
        while (!frame.equals(told(fetch))) {
          frame = link.receive();
        }
      }
    }
  }

  @Test
  void whoIsNoMemberAnyMoreLosesItsLink() throws Exception {
    DataPlane a = plane("a", 1);
    try (ServerSocket b = listener()) {
      NodeDescriptor self = node("a", 1, a.ports());
      begin(view(self, node("b", 2, List.of(b.getLocalPort()))), a);
      send(a, 0, new Peer("b", 2, 0), NEWS);
      try (RawClient link = welcomed(b, "b", 0)) {
        await(() -> tallies(a).peerLinks.value() == 1);
        tell(view(self, node("b", 3, List.of(b.getLocalPort()))), a);
        assertThrows(EOFException.class, () -> receiveAll(link));
        assertEquals(0, tallies(a).peerLinks.value());
      }
    }
  }

  private static void receiveAll(RawClient link) throws IOException {
    while (true) {
      link.receive();
    }
  }

  @Test
  void aPeerThatDoesNotReadCostsBoundedMemory() throws Exception {
    DataPlane a = plane("a", 1);
    try (ServerSocket b = listener()) {
      Peer peer = new Peer("b", 2, 0);
      begin(view(node("a", 1, a.ports()), node("b", 2, List.of(b.getLocalPort()))), a);
      send(a, 0, peer, NEWS);
      try (RawClient _ = welcomed(b, "b", 0)) {
        await(() -> tallies(a).peerLinks.value() == 1);
        PeerMessage large =
            new PeerMessage.Fetched(
                1,
                true,
                1,
                new PeerMessage.Change(
                    Payload.ofText("k"),
                    Entry.of(
                        HybridTimestamp.ZERO,
                        LwwRegister.of(now(), 1, 0, Payload.of(new byte[1 << 20]))),
                    Optional.empty(),
                    true));
        for (int i = 0; i < 100; i++) {
          send(a, 0, peer, large);
        }
        await(() -> tallies(a).peerMessagesDropped.value() > 0);
        long sent = tallies(a).peerBytesSent.value();
        assertTrue(sent < 64 << 20, () -> sent + " bytes written"); // the system's buffers included
        // The shard goes on with its other work.
        try (RawClient client = RawClient.open(a.ports().getFirst(), Frame.Scope.NODE)) {
          client.send(new Frame.Ping(1));
          client.receive(Frame.Pong.class);
        }
      }
    }
  }

  @Test
  void garbageFromAPeerClosesItsConnectionAndNothingElse() throws Exception {
    DataPlane a = plane("a", 1);
    begin(view(node("a", 1, a.ports()), node("b", 2, List.of(1))), a);
    int port = a.ports().getFirst();
    Peer from = new Peer("b", 2, 0);
    Peer to = new Peer("a", 1, 0);
    Random random = new Random(Long.getLong("seed", 1));
    try (RawClient client = RawClient.open(port, Frame.Scope.NODE)) {
      for (int times = 0; times < 20; times++) {
        byte[] garbage = new byte[1 + random.nextInt(100)];
        random.nextBytes(garbage);
        garbage[0] = 7; // no wire type
        try (RawClient peer = introduced(port, from, to)) {
          peer.sendMessage(garbage);
          assertEquals(ErrorCode.BAD_REQUEST, peer.refusal().orElseThrow().code());
        }
      }
      try (RawClient peer = introduced(port, from, to)) {
        peer.send(new Frame.Ping(1));
        assertEquals(
            "Ping is nothing that replicas tell each other",
            peer.refusal().orElseThrow().message());
      }
      try (RawClient peer = introduced(port, from, to)) {
        peer.send(new Frame.PeerPiece(Limits.FRAME_BYTES_MAX, Payload.ofText("x")));
        assertEquals(
            "a piece of a message of 33554433 bytes, announced as 33554432",
            peer.refusal().orElseThrow().message());
      }
      try (RawClient peer = introduced(port, from, to)) {
        peer.send(new Frame.PeerPiece(10, Payload.ofText("x")));
        peer.send(told(NEWS));
        assertEquals(
            "FromPeer does not belong between the pieces of a message",
            peer.refusal().orElseThrow().message());
      }
      try (RawClient peer = introduced(port, from, to)) {
        peer.sendBytes(ByteBuffer.allocate(4).putInt(Limits.FRAME_BYTES_MAX + 1).array());
        assertEquals(
            "a frame of 33554433 bytes exceeds the limit of 33554432",
            peer.refusal().orElseThrow().message());
      }
      client.send(new Frame.Ping(1));
      client.receive(Frame.Pong.class);
    }
  }

  @Test
  void peersAreNotCountedAsClients() throws Exception {
    DataPlane a = plane("a", 1, InstantSource.system(), "connections.max = 1");
    begin(view(node("a", 1, a.ports()), node("b", 2, List.of(1))), a);
    int port = a.ports().getFirst();
    try (RawClient first = RawClient.open(port, Frame.Scope.NODE);
        RawClient peer = introduced(port, new Peer("b", 2, 0), new Peer("a", 1, 0))) {
      peer.send(told(NEWS));
      await(() -> tallies(a).peerMessagesReceived.value() == 1);
      try (RawClient second = RawClient.silent(port)) {
        second.send(RawClient.hello(Frame.Scope.NODE));
        assertEquals(ErrorCode.OVERLOADED, second.refusal().orElseThrow().code());
      }
      first.send(new Frame.Ping(1));
      first.receive(Frame.Pong.class);
    }
  }

  // ---- Refusals ----

  private static Frame.Refused refusal(int port, Frame.Hello hello) throws IOException {
    try (RawClient client = RawClient.silent(port)) {
      client.send(hello);
      return client.refusal().orElseThrow();
    }
  }

  @Test
  void whoIsNotMeantOrMayNotSpeakIsRefusedAndToldWhy() throws Exception {
    InstantSource noon = InstantSource.fixed(Instant.parse("2030-01-01T12:00:00Z"));
    DataPlane a = plane("a", 0xA, noon, "");
    NodeDescriptor self = node("a", 0xA, a.ports());
    NodeDescriptor other = node("b", 0xB, List.of(1));
    begin(
        new MembershipView(
            Topology.of(List.of(self, other), 1),
            Set.of(),
            Set.of(),
            Set.of(new Incarnation("c", 0xC))),
        a);
    int port = a.ports().getFirst();
    Peer b = new Peer("b", 0xB, 0);
    Peer me = new Peer("a", 0xA, 0);
    long time = noon.millis();
    assertEquals(
        new Frame.Refused(
            ErrorCode.BAD_REQUEST, "this node belongs to cluster 'trellis', not to cluster 'prod'"),
        refusal(port, hello(b, me, time, "prod")));
    assertEquals(
        new Frame.Refused(
            ErrorCode.BAD_REQUEST,
            "this is shard 0 of node a in its life a, but shard 0 of node a in its life 9 was"
                + " meant by shard 0 of node b"),
        refusal(port, hello(b, new Peer("a", 9, 0), time, "trellis")));
    assertEquals(
        new Frame.Refused(
            ErrorCode.BAD_REQUEST,
            "two nodes have the id a, in the lives d and a; ids are unique in a cluster"),
        refusal(port, hello(new Peer("a", 0xD, 0), me, time, "trellis")));
    assertEquals(
        new Frame.Refused(
            ErrorCode.STALE_PEER, "node c was declared gone in its life c; it must start anew"),
        refusal(port, hello(new Peer("c", 0xC, 0), me, time, "trellis")));
    assertEquals(
        new Frame.Refused(
            ErrorCode.CLOCK_SKEW,
            "the clock of node b is at 2030-01-01T12:01:00.001Z, that of node a at"
                + " 2030-01-01T12:00:00Z; they may differ by at most 1m (clock.skew.max)"),
        refusal(port, hello(b, me, time + 60_001, "trellis")));
    assertEquals(5, tallies(a).peersRefused.value());
    // A Hello that took its time is none of these.
    try (RawClient late = RawClient.silent(port)) {
      late.send(hello(b, me, time - 600_000, "trellis"));
      assertInstanceOf(Frame.Welcome.class, late.receive());
    }
  }

  @Test
  void whoIsDeclaredGoneIsNotListenedToAnyMore() throws Exception {
    DataPlane a = plane("a", 1);
    NodeDescriptor self = node("a", 1, a.ports());
    begin(view(self, node("b", 2, List.of(1))), a);
    try (RawClient peer =
        introduced(a.ports().getFirst(), new Peer("b", 2, 0), new Peer("a", 1, 0))) {
      tell(
          new MembershipView(
              Topology.of(List.of(self), 1), Set.of(), Set.of(), Set.of(new Incarnation("b", 2))),
          a);
      assertEquals(ErrorCode.STALE_PEER, peer.refusal().orElseThrow().code());
    }
  }

  @Test
  void aPeerThatIsNotTheOneMeantOrWhoseClockIsOffIsNotTalkedTo() throws Exception {
    DataPlane a = plane("a", 1);
    try (ServerSocket b = listener()) {
      begin(view(node("a", 1, a.ports()), node("b", 2, List.of(b.getLocalPort()))), a);
      send(a, 0, new Peer("b", 2, 0), NEWS);
      long time = System.currentTimeMillis();
      List<Frame.Welcome> wrong =
          List.of(
              welcome("prod", "b", 0, time),
              welcome("trellis", "c", 0, time),
              welcome("trellis", "b", 1, time),
              welcome("trellis", "b", 0, time - 3_600_000),
              welcome("trellis", "b", 0, time + 3_600_000));
      for (Frame.Welcome welcome : wrong) {
        try (RawClient link = RawClient.on(b.accept())) {
          assertInstanceOf(Frame.Hello.class, link.receive());
          link.send(welcome);
          assertThrows(EOFException.class, link::receive);
        }
      }
      assertEquals(wrong.size(), tallies(a).peersRefused.value());
      try (RawClient link = welcomed(b, "b", 0)) {
        await(() -> tallies(a).peerLinks.value() == 1);
        assertInstanceOf(Frame.FromPeer.class, link.receive());
      }
    }
  }
}
