package dev.trellis.wire;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Turns frames into Protobuf messages and back; `trellis.proto` tells their form. What comes in
/// may come from anybody: it is decoded within memory in proportion to its length, and whatever is
/// wrong with it is told by a [WireException]. Immutable; any thread may use it.
public final class FrameCodec {
  private static final int REQUEST_HEAP_BYTES = 200;
  private static final int REPLY_HEAP_BYTES = 200;
  private static final int KEY_HEAP_BYTES = 120;
  private static final int NODE_HEAP_BYTES = 200;

  private final Limits limits;

  /// @param limits what [#decode] accepts
  public FrameCodec(Limits limits) {
    this.limits = limits;
  }

  // ---- Frames ----

  /// The message of a frame, without the 4-byte length that precedes it on the socket. Its length
  /// is not limited: that is up to who sends it. O(size).
  public static byte[] encode(Frame frame) {
    int expected = expectedBytes(frame);
    WireWriter out = new WireWriter(expected + 16);
    out.open(numberOf(frame), expected);
    switch (frame) {
      case Frame.Single single -> RequestCodec.write(out, single.request());
      case Frame.Batch batch -> {
        for (Request request : batch.requests()) {
          out.open(1, RequestCodec.expectedBytes(request));
          RequestCodec.write(out, request);
          out.close();
        }
      }
      case Frame.Answer answer -> ReplyCodec.write(out, answer.reply());
      case Frame.Answers answers -> {
        for (Reply reply : answers.replies()) {
          out.open(1, ReplyCodec.expectedBytes(reply));
          ReplyCodec.write(out, reply);
          out.close();
        }
      }
      case Frame.Changed changed -> ReplyCodec.write(out, changed.reply());
      case Frame.FromPeer told -> PeerCodec.write(out, told.message());
      case Frame.PeerPiece piece -> {
        out.uint32(1, piece.remaining());
        out.bytes(2, piece.content());
      }
      case Frame.Watch watch -> {
        out.uint64(1, watch.id());
        out.bytes(2, watch.key());
        watch.kind().ifPresent(kind -> out.uint32(3, kind.number()));
        out.bool(4, watch.receipt());
        out.bool(6, watch.state());
      }
      case Frame.Unwatch unwatch -> out.uint64(1, unwatch.id());
      case Frame.Scan scan -> writeScan(out, scan);
      case Frame.Scanned scanned -> writeScanned(out, scanned);
      case Frame.Hello hello -> writeHello(out, hello);
      case Frame.Welcome welcome -> writeWelcome(out, welcome);
      case Frame.Refused refused -> {
        out.uint32(1, refused.code().number());
        out.text(2, refused.message());
      }
      case Frame.MapRequest request -> out.uint64(1, request.id());
      case Frame.ClusterMap map -> writeClusterMap(out, map);
      case Frame.Ping ping -> {
        out.uint64(1, ping.id());
        out.bool(2, ping.receipt());
      }
      case Frame.Pong pong -> {
        out.uint64(1, pong.id());
        out.fixed64(2, pong.clock().packed());
        out.fixed64(3, pong.asOf().packed());
      }
    }
    out.close();
    return out.toBytes();
  }

  /// The frame of a message, without its 4-byte length. The buffer's position is left alone, and
  /// the frame shares no memory with it. O(size).
  ///
  /// @throws WireException if the message is malformed, exceeds a limit or holds what no frame may.
  ///   Its code tells how to answer; if it names a request, just that request need be answered with
  ///   it, else the connection is of no more use.
  public Frame decode(ByteBuffer frame) throws WireException {
    if (frame.remaining() > limits.frameBytesMax()) {
      throw WireReader.bad(
          "a frame of "
              + frame.remaining()
              + " bytes exceeds the limit of "
              + limits.frameBytesMax());
    }
    if (frame.hasArray()) {
      Frame plain =
          PlainReplies.read(
              frame.array(),
              frame.arrayOffset() + frame.position(),
              frame.remaining(),
              WireReader.allowanceBytes(limits) / REPLY_HEAP_BYTES);
      if (plain != null) {
        return plain;
      }
    }
    try {
      return readFrame(WireReader.ofForeign(frame, limits));
    } catch (IllegalArgumentException e) {
      throw WireReader.refused(e);
    }
  }

  private static int numberOf(Frame frame) {
    return switch (frame) {
      case Frame.Single single -> 1;
      case Frame.Batch batch -> 2;
      case Frame.Answer answer -> 3;
      case Frame.Answers answers -> 4;
      case Frame.Watch watch -> 5;
      case Frame.Unwatch unwatch -> 6;
      case Frame.Changed changed -> 7;
      case Frame.Scan scan -> 8;
      case Frame.Scanned scanned -> 9;
      case Frame.FromPeer told -> 10;
      case Frame.Hello hello -> 16;
      case Frame.Welcome welcome -> 17;
      case Frame.Refused refused -> 18;
      case Frame.MapRequest request -> 19;
      case Frame.ClusterMap map -> 20;
      case Frame.Ping ping -> 21;
      case Frame.Pong pong -> 22;
      case Frame.PeerPiece piece -> 23;
    };
  }

  private static Frame readFrame(WireReader in) throws WireException {
    @Nullable Frame frame = null;
    int unknown = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> frame = new Frame.Single(in.message(RequestCodec::readSingle));
        case 2 -> frame = in.message(FrameCodec::readBatch);
        case 3 -> frame = new Frame.Answer(in.message(ReplyCodec::read));
        case 4 -> frame = in.message(FrameCodec::readAnswers);
        case 5 -> frame = in.message(FrameCodec::readWatch);
        case 6 -> frame = new Frame.Unwatch(in.message(FrameCodec::readId));
        case 7 -> frame = new Frame.Changed(in.message(ReplyCodec::read));
        case 8 -> frame = in.message(FrameCodec::readScan);
        case 9 -> frame = in.message(FrameCodec::readScanned);
        case 10 -> frame = new Frame.FromPeer(in.message(PeerCodec::read));
        case 16 -> frame = in.message(FrameCodec::readHello);
        case 17 -> frame = in.message(FrameCodec::readWelcome);
        case 18 -> frame = in.message(FrameCodec::readRefused);
        case 19 -> frame = new Frame.MapRequest(in.message(FrameCodec::readId));
        case 20 -> frame = in.message(FrameCodec::readClusterMap);
        case 21 -> frame = in.message(FrameCodec::readPing);
        case 22 -> frame = in.message(FrameCodec::readPong);
        case 23 -> frame = in.message(FrameCodec::readPeerPiece);
        default -> {
          unknown = field;
          in.skip();
        }
      }
    }
    if (frame == null) {
      throw WireReader.bad(
          unknown == 0 ? "a frame that is empty" : "unknown frame number " + unknown);
    }
    return frame;
  }

  private static int expectedBytes(Frame frame) {
    return switch (frame) {
      case Frame.Single single -> RequestCodec.expectedBytes(single.request());
      case Frame.Answer answer -> ReplyCodec.expectedBytes(answer.reply());
      case Frame.Changed changed -> ReplyCodec.expectedBytes(changed.reply());
      case Frame.FromPeer told -> PeerCodec.expectedBytes(told.message());
      case Frame.PeerPiece piece -> 16 + piece.content().size();
      case Frame.Batch batch -> {
        long sum = 0;
        for (Request request : batch.requests()) {
          sum += RequestCodec.expectedBytes(request);
        }
        yield (int) Math.min(sum, Limits.FRAME_BYTES_MAX);
      }
      case Frame.Answers answers -> {
        long sum = 0;
        for (Reply reply : answers.replies()) {
          sum += ReplyCodec.expectedBytes(reply);
        }
        yield (int) Math.min(sum, Limits.FRAME_BYTES_MAX);
      }
      default -> 96;
    };
  }

  private static Frame readPeerPiece(WireReader in) throws WireException {
    int remaining = 0;
    Payload content = Payload.EMPTY;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> remaining = in.uint32();
        case 2 -> content = in.bytes();
        default -> in.skip();
      }
    }
    if (remaining < 0 || content.isEmpty()) {
      throw WireReader.bad(
          "a piece of "
              + content.size()
              + " bytes with "
              + Integer.toUnsignedString(remaining)
              + " to follow");
    }
    return new Frame.PeerPiece(remaining, content);
  }

  private static Frame readBatch(WireReader in) throws WireException {
    List<Request> requests = new ArrayList<>();
    while (in.seek(1)) {
      if (requests.size() == in.limits().batchKeysMax()) {
        throw WireReader.bad(
            "a batch of more than " + in.limits().batchKeysMax() + " requests, the limit");
      }
      in.spend(REQUEST_HEAP_BYTES);
      requests.add(in.message(RequestCodec::read));
    }
    return new Frame.Batch(requests);
  }

  private static Frame readAnswers(WireReader in) throws WireException {
    List<Reply> replies = new ArrayList<>();
    while (in.seek(1)) {
      in.spend(REPLY_HEAP_BYTES);
      replies.add(in.message(ReplyCodec::read));
    }
    return new Frame.Answers(replies);
  }

  private static long readId(WireReader in) throws WireException {
    long id = 0;
    while (in.seek(1)) {
      id = in.uint64();
    }
    return id;
  }

  private static Frame readWatch(WireReader in) throws WireException {
    long id = 0;
    Payload key = Payload.EMPTY;
    Optional<Kind> kind = Optional.empty();
    boolean receipt = false;
    boolean state = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> key = in.keyBound();
        case 3 -> kind = in.kind();
        case 4 -> receipt = in.bool();
        case 6 -> state = in.bool();
        default -> in.skip();
      }
    }
    WireReader.requireNonEmpty(key);
    return new Frame.Watch(id, key, kind, receipt, state);
  }

  private static Frame readPing(WireReader in) throws WireException {
    long id = 0;
    boolean receipt = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> receipt = in.bool();
        default -> in.skip();
      }
    }
    return new Frame.Ping(id, receipt);
  }

  private static Frame readPong(WireReader in) throws WireException {
    long id = 0;
    long clock = 0;
    long asOf = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> clock = in.fixed64();
        case 3 -> asOf = in.fixed64();
        default -> in.skip();
      }
    }
    return new Frame.Pong(id, new HybridTimestamp(clock), new HybridTimestamp(asOf));
  }

  // ---- Scans ----

  private static void writeScan(WireWriter out, Frame.Scan scan) {
    out.uint64(1, scan.id());
    out.bytes(2, scan.prefix());
    scan.after().ifPresent(after -> out.alwaysBytes(3, after));
    out.uint32(4, scan.limit());
    out.bool(5, scan.withValues());
  }

  private static Frame readScan(WireReader in) throws WireException {
    long id = 0;
    Payload prefix = Payload.EMPTY;
    Optional<Payload> after = Optional.empty();
    int limit = 0;
    boolean withValues = false;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> prefix = in.keyBound();
        case 3 -> after = Optional.of(in.keyBound());
        case 4 -> limit = in.uint32();
        case 5 -> withValues = in.bool();
        default -> in.skip();
      }
    }
    return new Frame.Scan(id, prefix, after, limit, withValues);
  }

  private static void writeScanned(WireWriter out, Frame.Scanned scanned) {
    out.uint64(1, scanned.id());
    for (Frame.ScannedKey key : scanned.keys()) {
      out.open(2);
      out.bytes(1, key.key());
      out.open(2);
      key.kinds().forEach(kind -> out.varint(kind.number()));
      out.closeUnlessEmpty();
      ReplyCodec.writeView(out, 3, key.view());
      out.close();
    }
    out.bool(3, scanned.more());
    scanned.failure().ifPresent(failure -> ReplyCodec.writeFailed(out, 4, failure));
  }

  private static Frame readScanned(WireReader in) throws WireException {
    long id = 0;
    List<Frame.ScannedKey> keys = new ArrayList<>();
    boolean more = false;
    Optional<Outcome.Failed> failure = Optional.empty();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> {
          in.spend(KEY_HEAP_BYTES);
          keys.add(in.message(FrameCodec::readScannedKey));
        }
        case 3 -> more = in.bool();
        case 4 -> failure = Optional.of(in.message(ReplyCodec::readFailed));
        default -> in.skip();
      }
    }
    return new Frame.Scanned(id, keys, more, failure);
  }

  private static Frame.ScannedKey readScannedKey(WireReader in) throws WireException {
    Payload key = Payload.EMPTY;
    List<Kind> kinds = new ArrayList<>(1);
    View view = new View.Nothing();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> key = in.bytes();
        case 2 -> in.varints(number -> WireReader.kindOf(number).ifPresent(kinds::add));
        case 3 -> view = in.message(inner -> ReplyCodec.readView(inner, 0));
        default -> in.skip();
      }
    }
    return new Frame.ScannedKey(key, kinds, view);
  }

  // ---- Handshake ----

  private static void writeHello(WireWriter out, Frame.Hello hello) {
    out.uint32(1, hello.versionMin());
    out.uint32(2, hello.versionMax());
    out.text(3, hello.clusterName());
    out.fixed64(4, hello.clientId());
    out.uint32(5, hello.scope().number());
    out.bytes(6, hello.credentials());
    out.text(7, hello.agent());
    hello
        .introduction()
        .ifPresent(
            introduction -> {
              out.open(8);
              writePeer(out, 1, introduction.from());
              writePeer(out, 2, introduction.to());
              out.uint64(3, introduction.timeMillis());
              out.close();
            });
  }

  private static void writePeer(WireWriter out, int field, Peer peer) {
    out.open(field);
    out.text(1, peer.nodeId());
    out.fixed64(2, peer.incarnation());
    out.uint32(3, peer.shard());
    out.close();
  }

  private static Frame.Introduction readIntroduction(WireReader in) throws WireException {
    @Nullable Peer from = null;
    @Nullable Peer to = null;
    long timeMillis = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> from = in.message(FrameCodec::readPeer);
        case 2 -> to = in.message(FrameCodec::readPeer);
        case 3 -> timeMillis = in.uint64();
        default -> in.skip();
      }
    }
    if (from == null || to == null) {
      throw WireReader.bad("an introduction that does not tell who connects to whom");
    }
    return new Frame.Introduction(from, to, timeMillis);
  }

  private static Peer readPeer(WireReader in) throws WireException {
    String nodeId = "";
    long incarnation = 0;
    int shard = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> nodeId = in.text("node id");
        case 2 -> incarnation = in.fixed64();
        case 3 -> shard = in.uint32();
        default -> in.skip();
      }
    }
    return new Peer(nodeId, incarnation, shard);
  }

  private static Frame readHello(WireReader in) throws WireException {
    int versionMin = 0;
    int versionMax = 0;
    String clusterName = "";
    long clientId = 0;
    int scope = 0;
    Payload credentials = Payload.EMPTY;
    String agent = "";
    Optional<Frame.Introduction> introduction = Optional.empty();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> versionMin = in.uint32();
        case 2 -> versionMax = in.uint32();
        case 3 -> clusterName = in.text("cluster name");
        case 4 -> clientId = in.fixed64();
        case 5 -> scope = in.uint32();
        case 6 -> credentials = in.bytes();
        case 7 -> agent = in.text("agent");
        case 8 -> introduction = Optional.of(in.message(FrameCodec::readIntroduction));
        default -> in.skip();
      }
    }
    return new Frame.Hello(
        versionMin,
        versionMax,
        clusterName,
        clientId,
        scopeOf(scope),
        credentials,
        agent,
        introduction);
  }

  private static Frame.Scope scopeOf(int number) throws WireException {
    for (Frame.Scope scope : Frame.Scope.values()) {
      if (scope.number() == number) {
        return scope;
      }
    }
    throw WireReader.bad("unknown scope number " + Integer.toUnsignedString(number));
  }

  private static void writeWelcome(WireWriter out, Frame.Welcome welcome) {
    out.uint32(1, welcome.version());
    out.text(2, welcome.clusterName());
    out.text(3, welcome.nodeId());
    out.uint32(4, welcome.shard());
    out.fixed64(5, welcome.incarnation());
    out.fixed64(6, welcome.clock().packed());
    out.open(7);
    out.uint32(1, welcome.limits().keyBytesMax());
    out.uint32(2, welcome.limits().valueBytesMax());
    out.uint32(3, welcome.limits().frameBytesMax());
    out.uint32(4, welcome.limits().batchKeysMax());
    out.close();
    out.uint64(8, welcome.ringVersion());
    out.text(9, welcome.principal());
  }

  private static Frame readWelcome(WireReader in) throws WireException {
    int version = 0;
    String clusterName = "";
    String nodeId = "";
    int shard = 0;
    long incarnation = 0;
    long clock = 0;
    @Nullable Limits told = null;
    long ringVersion = 0;
    String principal = "";
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> version = in.uint32();
        case 2 -> clusterName = in.text("cluster name");
        case 3 -> nodeId = in.text("node id");
        case 4 -> shard = in.uint32();
        case 5 -> incarnation = in.fixed64();
        case 6 -> clock = in.fixed64();
        case 7 -> told = in.message(FrameCodec::readLimits);
        case 8 -> ringVersion = in.uint64();
        case 9 -> principal = in.text("principal");
        default -> in.skip();
      }
    }
    if (told == null) {
      throw WireReader.bad("a welcome without limits");
    }
    return new Frame.Welcome(
        version,
        clusterName,
        nodeId,
        shard,
        incarnation,
        new HybridTimestamp(clock),
        told,
        ringVersion,
        principal);
  }

  private static Limits readLimits(WireReader in) throws WireException {
    int keyBytesMax = 0;
    int valueBytesMax = 0;
    int frameBytesMax = 0;
    int batchKeysMax = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> keyBytesMax = in.uint32();
        case 2 -> valueBytesMax = in.uint32();
        case 3 -> frameBytesMax = in.uint32();
        case 4 -> batchKeysMax = in.uint32();
        default -> in.skip();
      }
    }
    return new Limits(keyBytesMax, valueBytesMax, frameBytesMax, batchKeysMax);
  }

  private static Frame readRefused(WireReader in) throws WireException {
    int code = 0;
    String message = "";
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> code = in.uint32();
        case 2 -> message = in.text("message of a refusal");
        default -> in.skip();
      }
    }
    return new Frame.Refused(ReplyCodec.readCode(code), message);
  }

  // ---- Cluster map ----

  private static void writeClusterMap(WireWriter out, Frame.ClusterMap map) {
    out.uint64(1, map.id());
    out.uint64(2, map.version());
    out.text(3, map.clusterName());
    out.uint32(4, map.faultTolerance());
    for (NodeDescriptor node : map.nodes()) {
      out.open(5);
      out.text(1, node.id());
      out.uint32(2, node.tier().number());
      out.text(3, node.host());
      out.open(4);
      node.shardPorts().forEach(port -> out.varint(Integer.toUnsignedLong(port)));
      out.close();
      out.uint32(5, node.adminPort());
      out.fixed64(6, node.incarnation());
      out.uint32(7, node.capacity());
      out.uint32(8, node.state().number());
      out.text(9, node.zone());
      out.uint32(10, node.controlPort());
      out.uint32(11, node.statisticsPort());
      out.close();
    }
  }

  private static Frame readClusterMap(WireReader in) throws WireException {
    long id = 0;
    long version = 0;
    String clusterName = "";
    int faultTolerance = 0;
    List<NodeDescriptor> nodes = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.uint64();
        case 2 -> version = in.uint64();
        case 3 -> clusterName = in.text("cluster name");
        case 4 -> faultTolerance = in.uint32();
        case 5 -> {
          in.spend(NODE_HEAP_BYTES);
          nodes.add(in.message(FrameCodec::readNode));
        }
        default -> in.skip();
      }
    }
    return new Frame.ClusterMap(id, version, clusterName, faultTolerance, nodes);
  }

  private static NodeDescriptor readNode(WireReader in) throws WireException {
    String id = "";
    int tier = 0;
    String host = "";
    List<Integer> shardPorts = new ArrayList<>();
    int adminPort = 0;
    long incarnation = 0;
    int capacity = 0;
    int state = 0;
    String zone = "";
    int controlPort = 0;
    int statisticsPort = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> id = in.text("node id");
        case 2 -> tier = in.uint32();
        case 3 -> host = in.text("host");
        case 4 -> in.varints(port -> shardPorts.add((int) port));
        case 5 -> adminPort = in.uint32();
        case 6 -> incarnation = in.fixed64();
        case 7 -> capacity = in.uint32();
        case 8 -> state = in.uint32();
        case 9 -> zone = in.text("zone");
        case 10 -> controlPort = in.uint32();
        case 11 -> statisticsPort = in.uint32();
        default -> in.skip();
      }
    }
    return new NodeDescriptor(
        id,
        tierOf(tier),
        host,
        shardPorts,
        adminPort,
        incarnation,
        capacity,
        NodeDescriptor.State.ofNumber(state),
        zone,
        controlPort,
        statisticsPort);
  }

  private static NodeDescriptor.Tier tierOf(int number) throws WireException {
    for (NodeDescriptor.Tier tier : NodeDescriptor.Tier.values()) {
      if (tier.number() == number) {
        return tier;
      }
    }
    throw WireReader.bad("unknown tier number " + Integer.toUnsignedString(number));
  }
}
