package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.process.CurveKeys;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/// Gives orders to a node through its control port. Each call connects, waits for the answer and
/// disconnects. May be used by several threads.
///
/// Every call throws [OrderRefusedException] if the node does not do it, with its reason, and
/// another [IOException] if no answer came in time; then it is unknown whether the order arrived.
public final class ControlClient {
  /// One for all, and for as long as the process lives: it costs threads, and when one ends while a
  /// connection is being closed, JeroMQ complains on standard error.
  private static final class Shared {
    private static final ZContext CONTEXT = ControlSocket.newContext();
  }

  private static final int LOOK_MILLIS = 20; // what became of the connection

  private final String host;
  private final int port;
  private final Duration timeout;
  private final Optional<CurveKeys> keys;

  /// To a node whose security is off.
  ///
  /// @param host address or name of the node
  /// @param port its control port
  /// @param timeout how long an answer may take
  public ControlClient(String host, int port, Duration timeout) {
    this(host, port, timeout, Optional.empty());
  }

  /// @param host address or name of the node
  /// @param port its control port
  /// @param timeout how long an answer may take
  /// @param keys who gives the orders; empty if security is off there
  public ControlClient(String host, int port, Duration timeout, Optional<CurveKeys> keys) {
    this.host = host;
    this.port = port;
    this.timeout = timeout;
    this.keys = keys;
  }

  /// What the node knows of itself and of the cluster, as JSON.
  ///
  /// ```json
  /// {"id": "n1", "incarnation": "5f0c…", "cluster": "trellis", "state": "active", "version": 77,
  ///  "faultTolerance": 1, "settled": true,
  ///  "members": [{"id": "n1", "tier": "memory", "state": "active", "suspected": false,
  ///    "incarnation": "5f0c…", "host": "127.0.0.1", "controlPort": 7500, "adminPort": 7501,
  ///    "shardPorts": [7502], "capacity": 1, "zone": ""}],
  ///  "absent": [{"id": "n3", "incarnation": "19ab…"}], "gone": [],
  ///  "shards": [{"shard": 0, "version": 77, "held": 16384, "incomplete": 0, "surplus": 0}]}
  /// ```
  public String status() throws IOException {
    return ask(new Order("status", ""));
  }

  /// Has the node hand over what it holds, leave the cluster and end. Returns when it begins to.
  public void leave() throws IOException {
    var _ = ask(new Order("leave", ""));
  }

  /// As [#leave()], by order of a monitor.
  ///
  /// @param epoch of the monitor; refused if another has claimed a higher one
  public void leave(long epoch) throws IOException {
    var _ = ask(new Order("leave", Long.toString(epoch)));
  }

  /// Tells the node, and through it the others, that a monitor leads; to be told again and again.
  /// Refused if a higher epoch was claimed.
  ///
  /// @param epoch above 0; 0 to ask only
  /// @return as JSON, the highest epoch known, 0 for none, and for how long nobody has claimed it
  ///   here, -1 for never: `{"epoch": 12, "ageMillis": 950}`
  public String claim(long epoch) throws IOException {
    return ask(new Order("claim", Long.toString(epoch)));
  }

  /// Declares that an absent node never comes back: what only it held is lost.
  public void declareGone(String nodeId) throws IOException {
    var _ = ask(new Order("declare-gone", nodeId));
  }

  /// Changes the number of lost nodes that the cluster is to survive.
  ///
  /// @param nodes 0 to 15
  public void changeFaultTolerance(int nodes) throws IOException {
    var _ = ask(new Order("fault-tolerance", Integer.toString(nodes)));
  }

  /// Has the node copy what it has on disk into a folder, `shard-N/data.mdb` for each shard, while
  /// it serves. Returns when it begins to; what it had answered before is in it. One copy at a
  /// time.
  ///
  /// @param folder absolute, on the node's machine; is made, and must not be there
  public void beginBackup(Path folder) throws IOException {
    var _ = ask(new Order("backup", folder.toString()));
  }

  /// How far the node is with the latest copy, as JSON.
  ///
  /// ```json
  /// {"state": "running", "folder": "/backups/monday/node-2", "bytes": 4096,
  ///  "bytesExpected": 20480, "problem": ""}
  /// ```
  ///
  /// The states are `none`, `running`, `done` and `failed`, which has a problem.
  public String backupProgress() throws IOException {
    return ask(new Order("backup-status", ""));
  }

  /// Has the node take entries as they stand from clients too, which otherwise only replicas may
  /// send: whoever restores a backup sends such. Ends by itself; to be renewed until it is over.
  ///
  /// @param lease from now, in whole seconds, up to 300; zero to end it
  public void admitMerges(Duration lease) throws IOException {
    var _ = ask(new Order("restore", Long.toString(lease.toSeconds())));
  }

  private String ask(Order order) throws IOException {
    Envelope question =
        new Envelope(
            Envelope.VERSION,
            Envelope.Kind.ORDER,
            "",
            new Incarnation("", 0),
            "",
            System.currentTimeMillis(),
            order.encode());
    long deadline = System.nanoTime() + Math.max(1, timeout.toNanos());
    byte[] reply =
        keys.isPresent()
            ? askProtected(question.encode().toBytes(), keys.get(), deadline)
            : askPlain(question.encode().toBytes(), deadline);
    Order.Answer answer = Order.Answer.decode(Envelope.decode(Payload.of(reply)).body());
    if (!answer.accepted()) {
      throw new OrderRefusedException(answer.text());
    }
    return answer.text();
  }

  private byte[] askPlain(byte[] question, long deadline) throws IOException {
    try (ZMQ.Socket socket = Shared.CONTEXT.createSocket(SocketType.DEALER)) {
      Dialling dialling = Dialling.watch(socket, () -> {});
      connect(socket, deadline);
      byte[] reply = socket.send(question, 0) ? socket.recv(0) : null;
      if (reply == null) {
        boolean wantsCurve =
            dialling.hasEndedUngreeted() && dialling.problem() == Dialling.Problem.GREETING;
        throw wantsCurve ? new IOException(say(dialling.problem(), "")) : noAnswer();
      }
      return reply;
    } catch (ZMQException e) {
      throw cannotBeReached(e);
    }
  }

  /// The order is sent once only, to who has shown that he has the server key.
  private byte[] askProtected(byte[] question, CurveKeys with, long deadline) throws IOException {
    Optional<Dialling.Problem> problem = Optional.empty();
    for (int turn = 0; turn == 0 || System.nanoTime() < deadline; turn++) {
      CurveKeys.Held held = with.held();
      try (ZMQ.Socket socket = Shared.CONTEXT.createSocket(SocketType.DEALER)) {
        List<String> serverKeys = held.serverKeys();
        CurveServer.protectClient(socket, held, serverKeys.get(turn % serverKeys.size()));
        Dialling dialling = Dialling.watch(socket, () -> {});
        connect(socket, deadline);
        if (awaitConfirmation(socket, dialling, deadline)) {
          socket.setReceiveTimeOut(millisUntil(deadline));
          byte[] reply = socket.send(question, 0) ? socket.recv(0) : null;
          if (reply == null) {
            throw noAnswer();
          }
          return reply;
        }
        if (dialling.hasEnded()) {
          problem = Optional.of(dialling.problem());
        }
        boolean isHopeless =
            turn + 1 >= serverKeys.size()
                && problem.filter(one -> one != Dialling.Problem.SILENT).isPresent();
        if (isHopeless) {
          break;
        }
      } catch (ZMQException e) {
        throw cannotBeReached(e);
      }
    }
    throw problem
        .map(one -> new IOException(say(one, with.folder().toString())))
        .orElseGet(this::noAnswer);
  }

  private void connect(ZMQ.Socket socket, long deadline) {
    ControlSocket.configure(socket);
    socket.setReceiveTimeOut(millisUntil(deadline));
    socket.setSendTimeOut(millisUntil(deadline));
    socket.connect("tcp://" + address());
  }

  private static boolean awaitConfirmation(ZMQ.Socket socket, Dialling dialling, long deadline) {
    socket.setReceiveTimeOut(LOOK_MILLIS);
    while (true) {
      if (socket.recv(0) != null) {
        return true;
      }
      long now = System.nanoTime();
      if (dialling.hasEnded() || dialling.isLate(now) || now >= deadline) {
        return false;
      }
    }
  }

  private static int millisUntil(long deadline) {
    long millis = TimeUnit.NANOSECONDS.toMillis(deadline - System.nanoTime());
    return Math.clamp(millis, 1, Integer.MAX_VALUE);
  }

  private String address() {
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + port;
  }

  private String say(Dialling.Problem problem, String folder) {
    return Dialling.say(address(), problem, folder);
  }

  private IOException noAnswer() {
    return new IOException(
        "no answer from control port "
            + port
            + " of "
            + host
            + " within "
            + timeout.toMillis()
            + " ms; is a node running there?");
  }

  private IOException cannotBeReached(ZMQException e) {
    return new IOException(
        "control port " + port + " of " + host + " cannot be reached: " + e.getMessage(), e);
  }
}
