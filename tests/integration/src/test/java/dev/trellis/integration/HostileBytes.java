package dev.trellis.integration;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Read;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;

/// What an attacker sends on one connection: right messages that were damaged, and what was never
/// right. Drawn from a seed.
final class HostileBytes {
  /// The start of every key that is written by this.
  static final String PREFIX = "hostile/";

  private static final int GREETING_BYTES = 64;
  private static final List<Door.Tongue> TONGUES =
      List.of(Door.Tongue.FRAMES, Door.Tongue.ZMTP, Door.Tongue.HTTP);

  private final SplittableRandom random;
  private final List<Peer> replicas;
  private final String key;

  /// @param replicas of the cluster, as which to introduce oneself; may be empty
  /// @param key an API key to get further with, where there is security; may be empty
  HostileBytes(long seed, List<Peer> replicas, String key) {
    this.random = new SplittableRandom(seed);
    this.replicas = replicas;
    this.key = key;
  }

  /// What goes over a connection.
  ///
  /// @param requests how many that are
  record Volley(Payload bytes, int requests) {}

  Volley next(Door.Tongue tongue) {
    return switch (random.nextInt(20)) {
      case 0 -> one(noise(1 + random.nextInt(400)));
      case 1 -> in(TONGUES.get(random.nextInt(TONGUES.size()))); // who has the wrong number
      default -> in(tongue);
    };
  }

  private Volley in(Door.Tongue tongue) {
    return switch (tongue) {
      case FRAMES -> frames();
      case ZMTP -> zmtp();
      case HTTP -> http();
    };
  }

  private static Volley one(byte[] bytes) {
    return new Volley(Payload.of(bytes), 1);
  }

  private byte[] noise(int length) {
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    return bytes;
  }

  // ---- Frames ----

  private Volley frames() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    boolean asPeer = !replicas.isEmpty() && random.nextInt(4) == 0;
    byte[] hello = FrameCodec.encode(hello(asPeer));
    out.writeBytes(framed(random.nextInt(10) == 0 ? damaged(hello) : hello));
    int count = 1 + random.nextInt(8);
    for (int at = 0; at < count; at++) {
      out.writeBytes(asPeer ? peerFrame() : clientFrame());
    }
    return new Volley(Payload.of(out.toByteArray()), count + 1);
  }

  private Frame.Hello hello(boolean asPeer) {
    Optional<Frame.Introduction> introduction = Optional.empty();
    if (asPeer) {
      Peer to = replicas.get(random.nextInt(replicas.size()));
      Peer from = new Peer("stranger-" + random.nextInt(4), random.nextLong(), random.nextInt(2));
      introduction = Optional.of(new Frame.Introduction(from, to, System.currentTimeMillis()));
    }
    return new Frame.Hello(
        Frame.PROTOCOL_VERSION,
        Frame.PROTOCOL_VERSION,
        random.nextInt(10) == 0 ? "another" : "trellis",
        random.nextLong(64),
        random.nextBoolean() ? Frame.Scope.NODE : Frame.Scope.SHARD,
        random.nextInt(10) == 0 ? Payload.of(noise(random.nextInt(3_000))) : Payload.ofText(key),
        "attacker\r\n\u001b[31m",
        introduction);
  }

  private byte[] clientFrame() {
    byte[] frame = FrameCodec.encode(legal());
    return switch (random.nextInt(12)) {
      case 0 -> framed(frame);
      case 1 -> framed(noise(random.nextInt(60)));
      case 2 -> lying(frame);
      case 3 -> framed(nested(1 + random.nextInt(3_000)));
      case 4 -> framed(varints());
      case 5 -> Arrays.copyOf(framed(frame), random.nextInt(frame.length + 4));
      default -> framed(damaged(frame));
    };
  }

  /// As a stranger, who says nothing that would count if it were right: a cluster without security
  /// believes whoever says that he is a replica.
  private byte[] peerFrame() {
    byte[] frame = FrameCodec.encode(new Frame.FromPeer(peerMessage()));
    return switch (random.nextInt(4)) {
      case 0 -> framed(noise(random.nextInt(60)));
      case 1 -> lying(frame);
      case 2 -> framed(nested(1 + random.nextInt(3_000)));
      default -> framed(Arrays.copyOf(frame, random.nextInt(frame.length)));
    };
  }

  private Payload key() {
    return Payload.ofText(PREFIX + random.nextInt(32));
  }

  private Request request(int number) {
    long id = random.nextInt(4) == 0 ? random.nextLong() : number;
    return switch (random.nextInt(8)) {
      case 0 -> new Request(id, key(), Read.Get.ANY, RequestContext.READ);
      case 1 -> new Request(id, key(), new Read.State(), RequestContext.READ);
      case 2 ->
          new Request(
              id,
              key(),
              new Read.Range(Kind.LWW, Optional.empty(), Optional.empty(), 3, true),
              RequestContext.READ);
      case 3 -> write(id, new Mutation.Increment(random.nextLong()));
      case 4 -> write(id, new Mutation.Add(Kind.ORSET, List.of(Payload.of(noise(5)))));
      case 5 ->
          write(
              id,
              new Mutation.UpdateField(
                  Payload.ofText("f"),
                  new Mutation.UpdateField(Payload.ofText("g"), new Mutation.Raise(3))));
      case 6 -> write(id, new Mutation.PutCausal(Payload.ofText("c"), CausalContext.EMPTY));
      default -> write(id, new Mutation.Put(Payload.of(noise(random.nextInt(100)))));
    };
  }

  private Request write(long id, Mutation mutation) {
    HybridTimestamp stamp =
        random.nextInt(8) == 0
            ? new HybridTimestamp(random.nextLong() >>> 1)
            : HybridTimestamp.ofMillis(System.currentTimeMillis());
    return new Request(id, key(), mutation, RequestContext.mutation(1, stamp));
  }

  /// As a client of ours would send it.
  private Frame legal() {
    return switch (random.nextInt(8)) {
      case 0 -> {
        List<Request> requests = new ArrayList<>();
        for (int at = random.nextInt(40); at >= 0; at--) {
          requests.add(request(at));
        }
        yield new Frame.Batch(requests);
      }
      case 1 ->
          new Frame.Watch(random.nextInt(9), key(), Optional.empty(), random.nextBoolean(), false);
      case 2 -> new Frame.Unwatch(random.nextInt(9));
      case 3 ->
          new Frame.Scan(
              1, Payload.ofText(PREFIX), Optional.empty(), random.nextInt(), random.nextBoolean());
      case 4 -> new Frame.MapRequest(random.nextLong());
      case 5 -> new Frame.Ping(random.nextLong(), random.nextBoolean());
      default -> new Frame.Single(request(1));
    };
  }

  private PeerMessage peerMessage() {
    HybridTimestamp now = HybridTimestamp.ofMillis(System.currentTimeMillis());
    Entry entry = Entry.of(HybridTimestamp.ZERO, LwwRegister.of(now, 7, 0, Payload.ofText("v")));
    PeerMessage.Change change = new PeerMessage.Change(key(), entry, Optional.empty(), true);
    return switch (random.nextInt(6)) {
      case 0 -> new PeerMessage.Fetch(1, key());
      case 1 -> new PeerMessage.DigestsAsked(1, 0, List.of(1, 2, 3));
      case 2 -> new PeerMessage.KeysAsked(1, 1, random.nextInt());
      case 3 -> new PeerMessage.Wanted(1, random.nextInt(), List.of(random.nextLong()));
      case 4 -> new PeerMessage.CollectAsked(1, List.of(change), 7);
      default -> new PeerMessage.Changes(1, now, List.of(change, change));
    };
  }

  static byte[] framed(byte[] message) {
    return ByteBuffer.allocate(4 + message.length).putInt(message.length).put(message).array();
  }

  /// With a length that is not that of the message.
  private byte[] lying(byte[] message) {
    int length =
        switch (random.nextInt(5)) {
          case 0 -> Integer.MAX_VALUE;
          case 1 -> -1;
          case 2 -> 0;
          case 3 -> message.length + 1 + random.nextInt(1_000);
          default -> random.nextInt(message.length + 1);
        };
    return ByteBuffer.allocate(4 + message.length).putInt(length).put(message).array();
  }

  /// Messages in messages.
  private byte[] nested(int depth) {
    return nested(depth, random.nextInt(1, 32), noise(random.nextInt(4)));
  }

  /// Messages in messages, all in a field of this number.
  static byte[] nested(int depth, int field, byte[] core) {
    byte[][] heads = new byte[depth][];
    int length = core.length;
    for (int at = depth - 1; at >= 0; at--) {
      ByteArrayOutputStream head = new ByteArrayOutputStream();
      varint(head, field << 3 | 2);
      varint(head, length);
      heads[at] = head.toByteArray();
      length += heads[at].length;
    }
    ByteBuffer all = ByteBuffer.allocate(length);
    for (byte[] head : heads) {
      all.put(head);
    }
    return all.put(core).array();
  }

  private byte[] varints() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    for (int at = random.nextInt(20); at >= 0; at--) {
      varint(out, random.nextInt(1, 40) << 3);
      for (int more = random.nextInt(14); more > 0; more--) {
        out.write(0xff);
      }
      out.write(random.nextInt(128));
    }
    return out.toByteArray();
  }

  private static void varint(ByteArrayOutputStream out, int value) {
    int left = value;
    while (left >= 0x80) {
      out.write(left | 0x80);
      left >>>= 7;
    }
    out.write(left);
  }

  /// Some bits flipped, bytes left out, put in twice, or taken from elsewhere.
  private byte[] damaged(byte[] right) {
    byte[] bytes = right.clone();
    for (int change = random.nextInt(1, 5); change > 0 && bytes.length > 1; change--) {
      int at = random.nextInt(bytes.length);
      switch (random.nextInt(6)) {
        case 0 -> bytes[at] = (byte) random.nextInt();
        case 1 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
        case 2 -> bytes = Arrays.copyOf(bytes, at + 1);
        case 3 -> bytes[at] = (byte) (random.nextBoolean() ? 0xff : 0x80);
        case 4 -> bytes = spliced(bytes, at, at);
        default -> bytes = spliced(bytes, at, Math.min(bytes.length, at + 5));
      }
    }
    return bytes;
  }

  /// Puts bytes of another place in place of those from `from` to `to`.
  private byte[] spliced(byte[] bytes, int from, int to) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.write(bytes, 0, from);
    int start = random.nextInt(bytes.length);
    out.write(bytes, start, random.nextInt(bytes.length - start));
    out.write(bytes, to, bytes.length - to);
    return out.toByteArray();
  }

  // ---- ZeroMQ ----

  private Volley zmtp() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] greeting = greeting(random.nextInt(10) == 0 ? "CURVE" : "NULL");
    out.writeBytes(random.nextInt(6) == 0 ? damaged(greeting) : greeting);
    byte[] ready = ready(new String[] {"DEALER", "SUB", "ROUTER", "PUB"}[random.nextInt(4)]);
    out.writeBytes(random.nextInt(6) == 0 ? damaged(ready) : ready);
    int count = 1 + random.nextInt(8);
    for (int at = 0; at < count; at++) {
      byte[] envelope = envelope();
      out.writeBytes(
          switch (random.nextInt(6)) {
            case 0 -> zmtpMessage(0, noise(random.nextInt(300)));
            case 1 -> zmtpLong(random.nextInt(256), random.nextLong(), envelope);
            case 2 ->
                zmtpMessage(0, new byte[] {(byte) random.nextInt(2), (byte) random.nextInt()});
            case 3 -> noise(random.nextInt(50));
            default -> zmtpMessage(0, damaged(envelope));
          });
    }
    return new Volley(Payload.of(out.toByteArray()), count + 1);
  }

  /// The greeting of ZMTP 3.0.
  static byte[] greeting(String mechanism) {
    byte[] bytes = new byte[GREETING_BYTES];
    bytes[0] = (byte) 0xff;
    bytes[9] = 0x7f;
    bytes[10] = 3;
    System.arraycopy(mechanism.getBytes(ISO_8859_1), 0, bytes, 12, mechanism.length());
    return bytes;
  }

  static byte[] ready(String socketType) {
    byte[] name = "Socket-Type".getBytes(ISO_8859_1);
    byte[] type = socketType.getBytes(ISO_8859_1);
    ByteBuffer body = ByteBuffer.allocate(6 + 1 + name.length + 4 + type.length);
    body.put((byte) 5).put("READY".getBytes(ISO_8859_1));
    body.put((byte) name.length).put(name).putInt(type.length).put(type);
    return zmtpMessage(4, body.array());
  }

  static byte[] zmtpMessage(int flags, byte[] body) {
    if (body.length > 255) {
      return zmtpLong(flags | 2, body.length, body);
    }
    return ByteBuffer.allocate(2 + body.length)
        .put((byte) flags)
        .put((byte) body.length)
        .put(body)
        .array();
  }

  private static byte[] zmtpLong(int flags, long length, byte[] body) {
    return ByteBuffer.allocate(9 + body.length).put((byte) flags).putLong(length).put(body).array();
  }

  /// A message of the control plane, of a node that is none: what it says would count for nothing
  /// if it were right.
  private byte[] envelope() {
    return envelope(
        random.nextInt(8),
        random.nextInt(10) == 0 ? "trellis" : "another",
        "stranger\n" + random.nextInt(4),
        "127.0.0.1:1",
        noise(random.nextInt(80)));
  }

  static byte[] envelope(int kind, String cluster, String node, String address, byte[] body) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    out.writeBytes(new byte[] {0x7C, 0x54, 1, (byte) kind});
    utf(out, cluster);
    utf(out, node);
    out.writeBytes(ByteBuffer.allocate(8).putLong(7).array());
    utf(out, address);
    out.writeBytes(ByteBuffer.allocate(8).putLong(System.currentTimeMillis()).array());
    out.writeBytes(body);
    return out.toByteArray();
  }

  private static void utf(ByteArrayOutputStream out, String text) {
    byte[] bytes = text.getBytes(UTF_8);
    out.write(bytes.length >> 8);
    out.write(bytes.length);
    out.writeBytes(bytes);
  }

  // ---- HTTP ----

  private static final List<String> REQUESTS =
      List.of(
          "GET /v1/keys/hostile%2F1?kind=lww&read=any&timeout=2s HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /v1/keys?prefix=hostile&limit=3&cursor=YQ&values HTTP/1.1\r\nHost: x\r\n\r\n",
          "PUT /v1/keys/hostile%2F2?ttl=30s HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nworld",
          "PUT /v1/keys/hostile%2F3 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
          "POST /v1/keys/hostile%2Fc/add?by=1&ack=one HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n",
          "POST /v1/batch HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 38\r\n\r\n"
              + "[{\"operation\":\"get\",\"key\":\"hostile/1\"}]",
          "GET /v1/cluster HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /metrics HTTP/1.1\r\nHost: localhost\r\nAccept: text/plain\r\n\r\n",
          "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET /api/state HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET /api/series?names=keys&minutes=15 HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");

  private static final List<String> SHAPES =
      List.of(
          // Two lengths, two framings, and what stands between.
          "PUT /v1/keys/hostile%2Fs HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
          "PUT /v1/keys/hostile%2Fs HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nG",
          "PUT /v1/keys/hostile%2Fs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
          "PUT /v1/keys/hostile%2Fs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
          "PUT /v1/keys/hostile%2Fs HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
          "PUT /v1/keys/hostile%2Fs HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
          "PUT /v1/keys/hostile%2Fs HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
          "GET /v1/keys/..%2f..%2fetc HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /v1/keys/../../healthz HTTP/1.1\r\nHost: x\r\n\r\n",
          "GET /v1/keys/%00%0d%0aX HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n",
          "GET //v1/keys/hostile HTTP/1.1\nHost: x\n\n",
          "GET /v1/keys/hostile HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n",
          "GET /healthz HTTP/9.9\r\n\r\n",
          "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
          "CONNECT localhost:1 HTTP/1.1\r\nHost: x\r\n\r\n",
          "\u0016\u0003\u0001\u0002\u0000\u0001\u0000\u0001\u00fc\u0003\u0003");

  private Volley http() {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    int count = 1 + random.nextInt(4);
    for (int at = 0; at < count; at++) {
      byte[] request = authorized(REQUESTS.get(random.nextInt(REQUESTS.size())));
      out.writeBytes(
          switch (random.nextInt(10)) {
            case 0 -> authorized(SHAPES.get(random.nextInt(SHAPES.size())));
            case 1 -> request;
            case 2 -> headerBomb();
            case 3 -> jsonBomb();
            default -> damaged(request);
          });
    }
    return new Volley(Payload.of(out.toByteArray()), count);
  }

  private byte[] authorized(String request) {
    String shown = key.isEmpty() ? "" : "\r\nAuthorization: Bearer " + key + "\r\n";
    return (shown.isEmpty() ? request : request.replaceFirst("\r\n", shown)).getBytes(ISO_8859_1);
  }

  private byte[] headerBomb() {
    StringBuilder text = new StringBuilder("GET /v1/cluster HTTP/1.1\r\nHost: x\r\n");
    boolean many = random.nextBoolean();
    for (int at = random.nextInt(400); at >= 0; at--) {
      text.append(many ? "X-" + at + ": y\r\n" : "Authorization: Bearer trellis_x_y\r\n");
    }
    return text.append("X: ")
        .append("z".repeat(random.nextInt(20_000)))
        .append("\r\n\r\n")
        .toString()
        .getBytes(ISO_8859_1);
  }

  private byte[] jsonBomb() {
    String body =
        switch (random.nextInt(4)) {
          case 0 -> "[".repeat(random.nextInt(5_000));
          case 1 -> "{\"a\":".repeat(random.nextInt(2_000));
          case 2 -> "{\"elements\":[" + "\"\",".repeat(random.nextInt(4_000)) + "\"\"]}";
          default -> "{\"by\":" + "9".repeat(random.nextInt(4_000)) + "e" + "9".repeat(20) + "}";
        };
    return ("POST /v1/keys/hostile%2Fj/add HTTP/1.1\r\nHost: x\r\nContent-Type:"
            + " application/json\r\nContent-Length: "
            + body.length()
            + "\r\n\r\n"
            + body)
        .getBytes(ISO_8859_1);
  }
}
