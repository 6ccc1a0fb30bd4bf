package dev.trellis.monitor.statistics;

import dev.trellis.process.CurveKeys;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.ZContext;
import org.zeromq.ZEvent;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;

/// Connections to what nodes publish where security is on: a socket for each node, since a node has
/// any of several server keys while they are exchanged, and since JeroMQ gives up a connection
/// whose handshake fails, which only an event tells. Of one thread.
final class SecuredLines {
  private static final Logger LOG = LoggerFactory.getLogger(SecuredLines.class);
  private static final long SILENCE_NANOS = TimeUnit.SECONDS.toNanos(10); // of who was never heard
  private static final long RETRY_NANOS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final int RETRY_DOUBLINGS_MAX = 5;
  private static final int FAILURES_SAID = 4;
  private static final long SAY_AGAIN_NANOS = TimeUnit.MINUTES.toNanos(1);

  /// To one node.
  private static final class Line implements ZEvent.ZEventConsummer {
    ZMQ.@Nullable Socket socket;
    int keyIndex; // of the server keys
    int failures; // since it was heard last
    long openedNanos;
    long retryNanos;
    long saidNanos;
    boolean isHeard;
    volatile boolean refused; // said by JeroMQ's thread, as the next
    volatile boolean ended;

    @Override
    public void consume(ZEvent event) {
      switch (event.getEvent()) {
        case HANDSHAKE_FAILED_AUTH -> refused = true;
        case DISCONNECTED -> ended = true;
        default -> {}
      }
    }
  }

  private final ZContext context;
  private final CurveKeys keys;
  private final Supplier<ZMQ.Socket> sockets;
  private final Map<String, Line> lines = new HashMap<>(); // by address
  private final Map<Integer, Line> polled = new HashMap<>();
  private ZMQ.@Nullable Poller poller;
  private boolean isChanged; // whether there are other sockets than those that are polled

  /// @param sockets makes one, of this context, that has all its settings but for the keys
  SecuredLines(ZContext context, CurveKeys keys, Supplier<ZMQ.Socket> sockets) {
    this.context = context;
    this.keys = keys;
    this.sockets = sockets;
  }

  /// Listens to these, and to no others, for a while.
  ///
  /// @param receive takes a message from a socket that has one
  void listen(Set<String> wanted, int millis, Consumer<ZMQ.Socket> receive) {
    long nanos = System.nanoTime();
    for (String address : new HashSet<>(lines.keySet())) {
      if (!wanted.contains(address)) {
        close(lines.remove(address));
      }
    }
    for (String address : wanted) {
      mend(address, lines.computeIfAbsent(address, _ -> newLine(nanos)), nanos);
    }
    if (poller == null || isChanged) {
      isChanged = false;
      if (poller != null) {
        poller.close();
      }
      poller = context.createPoller(Math.max(1, lines.size()));
      polled.clear();
      for (Line line : lines.values()) {
        if (line.socket != null) {
          polled.put(poller.register(line.socket, ZMQ.Poller.POLLIN), line);
        }
      }
    }
    ZMQ.Poller now = poller;
    now.poll(millis);
    polled.forEach((index, line) -> receive(line, now.pollin(index), receive));
  }

  private static Line newLine(long now) {
    Line line = new Line();
    line.retryNanos = now;
    return line;
  }

  private static void receive(Line line, boolean isReady, Consumer<ZMQ.Socket> receive) {
    ZMQ.Socket socket = line.socket;
    if (isReady && socket != null) {
      receive.accept(socket);
      line.isHeard = true;
      line.failures = 0;
    }
  }

  private void mend(String address, Line line, long now) {
    if (line.socket != null) {
      long silence = SILENCE_NANOS << Math.min(line.failures, RETRY_DOUBLINGS_MAX);
      boolean isSilent = !line.isHeard && now - line.openedNanos > silence;
      if (!line.ended && !isSilent) {
        return;
      }
      boolean wasHeard = line.isHeard;
      close(line);
      line.retryNanos = now + (RETRY_NANOS << Math.min(line.failures, RETRY_DOUBLINGS_MAX));
      if (!wasHeard) {
        line.keyIndex++; // perhaps it has the other one
        fail(address, line, now);
      }
    }
    if (now - line.retryNanos >= 0) {
      open(address, line, now);
    }
  }

  private void open(String address, Line line, long now) {
    CurveKeys.Held held = keys.held();
    List<String> serverKeys = held.serverKeys();
    line.isHeard = false;
    line.refused = false;
    line.ended = false;
    line.openedNanos = now;
    line.retryNanos = now + SILENCE_NANOS; // if it cannot be opened
    ZMQ.Socket socket = sockets.get();
    try {
      boolean isProtected =
          socket.setCurvePublicKey(ZMQ.Curve.z85Decode(held.own().publicKey()))
              && socket.setCurveSecretKey(ZMQ.Curve.z85Decode(held.own().secretKey()))
              && socket.setCurveServerKey(
                  ZMQ.Curve.z85Decode(serverKeys.get(line.keyIndex % serverKeys.size())))
              && socket.setEventHook(line, ZMQ.EVENT_DISCONNECTED | ZMQ.HANDSHAKE_FAILED_AUTH);
      if (!isProtected) {
        throw new IllegalStateException("JeroMQ does not take the keys");
      }
      socket.connect("tcp://" + address);
      line.socket = socket;
      isChanged = true;
    } catch (ZMQException | IllegalArgumentException e) {
      LOG.warn("'{}' is no address to listen to: {}", address, e.getMessage());
      socket.close();
    }
  }

  private void fail(String address, Line line, long now) {
    line.failures++;
    if (line.failures < FAILURES_SAID
        || (line.failures > FAILURES_SAID && now - line.saidNanos < SAY_AGAIN_NANOS)) {
      return;
    }
    line.saidNanos = now;
    LOG.warn(
        line.refused
            ? "the statistics of {} are not for us: its curve.known does not have the public key"
                + " of {}/curve.key"
            : "nothing is heard from the statistics of {}: it is stopped, does not speak CURVE, or"
                + " has none of the server keys in {}",
        address,
        keys.folder());
  }

  private void close(@Nullable Line line) {
    if (line != null && line.socket != null) {
      line.socket.close();
      line.socket = null;
      isChanged = true;
    }
  }
}
