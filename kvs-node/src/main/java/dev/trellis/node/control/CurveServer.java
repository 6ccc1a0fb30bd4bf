package dev.trellis.node.control;

import dev.trellis.process.AuditLog;
import dev.trellis.process.CurveKeys;
import java.nio.charset.StandardCharsets;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;
import zmq.Msg;

/// Lets in to a socket of the control plane who is known, and encrypts: CURVE, with the server key
/// of the cluster, and ZAP (ZeroMQ RFC 27), by which JeroMQ asks whether a key is known.
///
/// A thread of its own answers that, and looks after the files of keys. What changes in them is
/// used at once: for the socket JeroMQ takes the server key anew for each connection, and those
/// that stand, whose keys are fresh for each, go on. Whoever is known no more is not heard any
/// more, and his connections are ended.
///
/// JeroMQ 0.6.0 lets in everybody if nobody answers, and lets clients overwrite what it says of
/// them with a message: so the answer has a property whose name nobody outside knows, and a message
/// without it is not from anybody who was let in.
final class CurveServer implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(CurveServer.class);
  private static final String ZAP = "inproc://zeromq.zap.01";
  private static final int LOOK_MILLIS = 200;
  private static final long CLOSE_MILLIS_MAX = 5_000;
  private static final int REQUEST_FRAMES = 7; // after the delimiter that REP takes
  private static final int KEY_BYTES = 32;
  private static final String PEER_ADDRESS = "Peer-Address"; // as JeroMQ calls it

  private final CurveKeys keys;
  private final AuditLog audit;
  private final ZMQ.Socket socket;
  private final Connections connections;
  private final String target;
  private final String property = "T-" + secretName();
  private final ZContext own;
  private final ZMQ.Socket zap;
  private final Thread thread;
  private volatile CurveKeys.Held held; // of the thread, once it runs
  private volatile boolean closed;

  /// Protects a socket that is not bound yet.
  ///
  /// @param context the socket's, which must be for nothing else
  /// @param target what others want of it, for the audit log
  /// @param areKeysSeen whether [#speaker] is asked about each message
  /// @param strangersMax connections whose key has not been seen
  CurveServer(
      ZContext context,
      ZMQ.Socket socket,
      CurveKeys keys,
      AuditLog audit,
      String name,
      String target,
      boolean areKeysSeen,
      int strangersMax) {
    this.keys = keys;
    this.audit = audit;
    this.socket = socket;
    this.target = target;
    this.connections = new Connections(target, areKeysSeen, strangersMax, audit);
    this.held = keys.held();
    this.own = context.shadow();
    this.zap = own.createSocket(SocketType.REP);
    zap.setLinger(0);
    zap.setReceiveTimeOut(LOOK_MILLIS);
    zap.bind(ZAP); // before anybody can connect
    apply(held);
    boolean isProtected =
        socket.setCurveServer(true) && socket.setEventHook(connections, Connections.EVENTS);
    if (!isProtected) {
      own.close();
      throw new IllegalStateException("JeroMQ does not take CURVE for " + target);
    }
    this.thread = new Thread(this::run, "curve-" + name);
    thread.setDaemon(true);
    thread.start();
  }

  private static String secretName() {
    byte[] bytes = new byte[16];
    new SecureRandom().nextBytes(bytes);
    return HexFormat.of().formatHex(bytes);
  }

  /// Gives a socket that connects its keys.
  ///
  /// @param serverKey of [CurveKeys.Held#serverKeys], the one that whoever answers must have
  static void protectClient(ZMQ.Socket socket, CurveKeys.Held held, String serverKey) {
    boolean isProtected =
        socket.setCurvePublicKey(ZMQ.Curve.z85Decode(held.own().publicKey()))
            && socket.setCurveSecretKey(ZMQ.Curve.z85Decode(held.own().secretKey()))
            && socket.setCurveServerKey(ZMQ.Curve.z85Decode(serverKey));
    if (!isProtected) {
      throw new IllegalStateException("JeroMQ does not take the keys");
    }
  }

  private void apply(CurveKeys.Held next) {
    CurveKeys.Pair pair = next.server().getFirst();
    boolean isTaken =
        socket.setCurvePublicKey(ZMQ.Curve.z85Decode(pair.publicKey()))
            && socket.setCurveSecretKey(ZMQ.Curve.z85Decode(pair.secretKey()));
    if (!isTaken) {
      throw new IllegalStateException("JeroMQ does not take the keys");
    }
  }

  /// Who has sent a message; empty if nobody whose key is known now, who is not to be heard.
  Optional<Speaker> speaker(Msg message) {
    String shown = message.getMetadata() == null ? null : message.getMetadata().get(property);
    if (shown == null) {
      audit.refused("", "send", target, "", "it came without a key");
      return Optional.empty();
    }
    int space = shown.indexOf(' ');
    String key = shown.substring(0, space);
    String host = shown.substring(space + 1);
    String name = keys.held().known().get(key);
    if (name == null) {
      return Optional.empty(); // it was revoked, and its connection ends
    }
    // Who is known might lie about the port he comes from; not about the host.
    String address = message.getMetadata().get(PEER_ADDRESS);
    boolean isTrue = address != null && Connections.host(address).equals(host);
    if (isTrue) {
      connections.shown(address, key);
    }
    return Optional.of(new Speaker(name, isTrue ? address : host));
  }

  /// Whether it goes by the files as they are now.
  boolean hasRead() {
    return keys.isUpToDate() && held == keys.held();
  }

  /// Connections there are, of those who are known and of those who are not yet.
  int connections() {
    return connections.size();
  }

  private void run() {
    try {
      while (!closed) {
        try {
          List<byte[]> request = receive();
          if (!request.isEmpty()) {
            answer(request);
          }
          look();
        } catch (IllegalArgumentException e) {
          LOG.warn("{}: a question of JeroMQ's is not understood", target, e);
        }
      }
    } catch (ZMQException e) {
      if (!closed) {
        LOG.error("{}: nobody is let in any more", target, e);
      }
    } finally {
      own.close();
    }
  }

  private List<byte[]> receive() {
    List<byte[]> frames = new ArrayList<>();
    byte[] frame = zap.recv();
    while (frame != null) {
      frames.add(frame);
      frame = zap.hasReceiveMore() ? zap.recv() : null;
    }
    return frames;
  }

  /// Frames of a request: version, id, domain, address, identity, mechanism, credentials.
  private void answer(List<byte[]> request) {
    String host = request.size() > 3 ? text(request.get(3)) : "";
    boolean isCurve =
        request.size() == REQUEST_FRAMES
            && text(request.get(5)).equals("CURVE")
            && request.get(6).length >= KEY_BYTES;
    // JeroMQ sends more than the key.
    String key =
        isCurve ? ZMQ.Curve.z85Encode(java.util.Arrays.copyOf(request.get(6), KEY_BYTES)) : "";
    String name = keys.held().known().get(key);
    if (name == null) {
      connections.refused(host);
      audit.refused("", "connect", target, host, "the key " + key + " is not in curve.known");
    } else {
      connections.admitted(host); // before it is, so that nothing comes in between
    }
    reply(request, name, key + " " + host);
  }

  private void reply(List<byte[]> request, @Nullable String name, String shown) {
    byte[] id = request.size() > 1 ? request.get(1) : new byte[0];
    List<byte[]> reply =
        List.of(
            bytes("1.0"),
            id,
            bytes(name == null ? "400" : "200"),
            bytes(name == null ? "unknown key" : "OK"),
            bytes(name == null ? "" : name),
            name == null ? new byte[0] : metadata(shown));
    for (int at = 0; at < reply.size(); at++) {
      zap.send(reply.get(at), at + 1 < reply.size() ? ZMQ.SNDMORE : 0);
    }
  }

  /// One property, as ZMTP writes it.
  private byte[] metadata(String value) {
    byte[] name = bytes(property);
    byte[] content = bytes(value);
    java.nio.ByteBuffer buffer =
        java.nio.ByteBuffer.allocate(1 + name.length + Integer.BYTES + content.length);
    buffer.put((byte) name.length).put(name).putInt(content.length).put(content);
    return buffer.array();
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static String text(byte[] bytes) {
    return new String(bytes, StandardCharsets.US_ASCII);
  }

  private void look() {
    connections.look(System.nanoTime());
    CurveKeys.Held now = keys.held();
    if (now == held) {
      return;
    }
    if (!now.server().getFirst().equals(held.server().getFirst())) {
      apply(now);
      LOG.info("{}: connections from now on are made with another server key", target);
    }
    Set<String> known = now.known().keySet();
    if (!known.containsAll(held.known().keySet())) {
      connections.keep(known::contains);
    }
    held = now;
  }

  /// Ends the thread. To be called before the context is closed, and after the socket.
  @Override
  public void close() {
    closed = true;
    try {
      thread.join(CLOSE_MILLIS_MAX);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
