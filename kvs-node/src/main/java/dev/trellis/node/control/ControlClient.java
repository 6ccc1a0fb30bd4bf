package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import dev.trellis.node.membership.Incarnation;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
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

  private final String host;
  private final int port;
  private final Duration timeout;

  /// @param host address or name of the node
  /// @param port its control port
  /// @param timeout how long an answer may take
  public ControlClient(String host, int port, Duration timeout) {
    this.host = host;
    this.port = port;
    this.timeout = timeout;
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
    try (ZMQ.Socket socket = Shared.CONTEXT.createSocket(SocketType.DEALER)) {
      ControlSocket.configure(socket);
      int millis = Math.clamp(timeout.toMillis(), 1, Integer.MAX_VALUE);
      socket.setReceiveTimeOut(millis);
      socket.setSendTimeOut(millis);
      socket.connect("tcp://" + (host.contains(":") ? "[" + host + "]" : host) + ":" + port);
      byte[] reply = socket.send(question.encode().toBytes(), 0) ? socket.recv(0) : null;
      if (reply == null) {
        throw new IOException(
            "no answer from control port "
                + port
                + " of "
                + host
                + " within "
                + timeout.toMillis()
                + " ms; is a node running there?");
      }
      Order.Answer answer = Order.Answer.decode(Envelope.decode(Payload.of(reply)).body());
      if (!answer.accepted()) {
        throw new OrderRefusedException(answer.text());
      }
      return answer.text();
    } catch (ZMQException e) {
      throw new IOException(
          "control port " + port + " of " + host + " cannot be reached: " + e.getMessage(), e);
    }
  }
}
