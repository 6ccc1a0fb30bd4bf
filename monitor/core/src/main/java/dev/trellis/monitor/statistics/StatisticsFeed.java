package dev.trellis.monitor.statistics;

import dev.trellis.process.CurveKeys;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.NodeReportCodec;
import dev.trellis.wire.WireException;
import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;
import zmq.Msg;

/// Listens to what nodes publish of themselves. Who is listened to may change at any time; a node
/// that is not there is waited for, and what is missed is lost: each report stands alone.
///
/// One thread owns the socket and hands on what comes.
public final class StatisticsFeed implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(StatisticsFeed.class);
  private static final int LOOK_MILLIS = 50; // after other addresses, and whether to end
  private static final int INBOUND_MAX = 64; // reports of a node that wait
  private static final int HEARTBEAT_MILLIS = 1_000;
  private static final int HEARTBEAT_TIMEOUT_MILLIS = 5_000;
  private static final int HANDSHAKE_MILLIS = 1_500;
  private static final int RECONNECT_MILLIS = 100;
  private static final int RECONNECT_MILLIS_MAX = 2_000;
  private static final int CURVE_BYTES = 64; // that encryption adds to a message
  private static final int SOCKETS_MAX = 16_384;
  private static final long CLOSE_MILLIS_MAX = 5_000;

  private final Consumer<NodeReport> consumer;
  private final ZContext context;
  private final Optional<ZMQ.Socket> socket; // to all nodes; of the thread; none if security is on
  private final Optional<SecuredLines> secured; // of the thread
  private final Thread thread;
  private final Set<String> connected = new HashSet<>(); // of the thread
  private final LongAdder received = new LongAdder();
  private final LongAdder malformed = new LongAdder();
  private volatile Set<String> wanted = Set.of(); // host:port each
  private volatile boolean closed;
  private boolean malformedSaid;

  private StatisticsFeed(Consumer<NodeReport> consumer, Optional<CurveKeys> keys) {
    this.consumer = consumer;
    this.context = new ZContext();
    context.setLinger(0);
    // A connection that ends while it is given up makes JeroMQ 0.6.0 fail; it goes on.
    context.setNotificationExceptionHandler(
        (failed, failure) -> LOG.debug("thread {} goes on after a failure", failed, failure));
    context.getContext().setMaxSockets(SOCKETS_MAX); // before the first is made
    this.socket = keys.isEmpty() ? Optional.of(newSocket()) : Optional.empty();
    this.secured = keys.map(with -> new SecuredLines(context, with, this::newSocket));
    this.thread = new Thread(this::run, "statistics-feed");
    thread.setDaemon(true);
  }

  private ZMQ.Socket newSocket() {
    ZMQ.Socket made = context.createSocket(SocketType.SUB);
    made.setLinger(0);
    made.setRcvHWM(INBOUND_MAX);
    int bytesMax = NodeReportCodec.BYTES_MAX + CURVE_BYTES;
    made.setMaxMsgSize(bytesMax);
    // To JeroMQ 0.6.0 a length of 2^63 or more is a negative one, on which its thread would hang.
    made.setMsgAllocator(size -> new Msg(size < 0 || size > bytesMax ? 0 : size));
    made.setReceiveTimeOut(LOOK_MILLIS);
    made.setHandshakeIvl(HANDSHAKE_MILLIS);
    made.setHeartbeatIvl(HEARTBEAT_MILLIS);
    made.setHeartbeatTimeout(HEARTBEAT_TIMEOUT_MILLIS);
    made.setReconnectIVL(RECONNECT_MILLIS);
    made.setReconnectIVLMax(RECONNECT_MILLIS_MAX);
    made.subscribe(NodeReportCodec.TOPIC);
    return made;
  }

  /// Starts to listen, to nobody yet.
  ///
  /// @param consumer takes each report, on the feed's thread; what it throws is logged
  /// @param keys with which the monitor shows nodes who it is; empty if security is off
  public static StatisticsFeed start(Consumer<NodeReport> consumer, Optional<CurveKeys> keys) {
    StatisticsFeed feed = new StatisticsFeed(consumer, keys);
    feed.thread.start();
    return feed;
  }

  /// Listens to these nodes from now on, and to no others. Any thread.
  ///
  /// @param addresses of statistics ports, `host:port` each, an IPv6 address in brackets
  public void listenTo(Set<String> addresses) {
    wanted = Set.copyOf(addresses);
  }

  /// Reports handed on. Any thread.
  public long received() {
    return received.sum();
  }

  /// Messages that were no report. Any thread.
  public long malformed() {
    return malformed.sum();
  }

  private void run() {
    try {
      while (!closed) {
        if (secured.isPresent()) {
          secured.get().listen(wanted, LOOK_MILLIS, this::receiveFrom);
        } else {
          connect(socket.orElseThrow());
          receiveFrom(socket.orElseThrow());
        }
      }
    } catch (ZMQException e) {
      LOG.error("nothing is heard of any node any more", e);
    } finally {
      context.close(); // and the socket
    }
  }

  private void receiveFrom(ZMQ.Socket from) {
    byte[] topic = from.recv();
    if (topic != null) {
      receive(from);
    }
  }

  private void connect(ZMQ.Socket socket) {
    Set<String> now = wanted;
    if (now.equals(connected)) {
      return;
    }
    for (String address : Set.copyOf(connected)) {
      if (!now.contains(address)) {
        socket.disconnect(endpoint(address));
        connected.remove(address);
      }
    }
    for (String address : now) {
      if (connected.add(address)) {
        try {
          socket.connect(endpoint(address));
        } catch (ZMQException | IllegalArgumentException e) {
          LOG.warn("'{}' is no address to listen to: {}", address, e.getMessage());
        }
      }
    }
  }

  private static String endpoint(String address) {
    return "tcp://" + address;
  }

  /// Takes the rest of a message.
  private void receive(ZMQ.Socket socket) {
    byte @Nullable [] message = null;
    int frames = 1;
    while (socket.hasReceiveMore()) {
      message = socket.recv();
      frames++;
    }
    if (frames != 2 || message == null) {
      complain(frames + " frames");
      return;
    }
    NodeReport report;
    try {
      report = NodeReportCodec.decode(ByteBuffer.wrap(message));
    } catch (WireException e) {
      complain(String.valueOf(e.getMessage()));
      return;
    }
    received.increment();
    try {
      consumer.accept(report);
    } catch (RuntimeException e) {
      LOG.error("a report of node {} leads to a defect", report.nodeId(), e);
    }
  }

  private void complain(String what) {
    malformed.increment();
    if (!malformedSaid) {
      malformedSaid = true;
      LOG.warn(
          "something that is no node publishes to this monitor: {}; further such messages are only"
              + " counted",
          what);
    }
  }

  /// Ends; what has come and was not handed on is lost.
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
