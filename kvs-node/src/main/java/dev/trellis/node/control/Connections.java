package dev.trellis.node.control;

import dev.trellis.process.AuditLog;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.SocketAddress;
import java.nio.channels.SelectableChannel;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.ZEvent;
import org.zeromq.ZMQ;

/// The connections that others have to a socket of the control plane. JeroMQ limits neither how
/// many there are nor, once they have greeted, how long they may take to show a key: here both are
/// limited, and connections are ended whose key is known no more.
///
/// A connection is ended by closing its way in: JeroMQ reads the end of it, and clears up.
///
/// Where there are too many, one goes that was not let in. Of whom JeroMQ asks, it tells the host
/// alone: so of each host it is known how many of its connections were let in, and which is a
/// guess, the youngest that might be. Connections of other hosts go first, the eldest of them, so
/// that strangers elsewhere end nobody who was let in, however many they are.
///
/// Told of them by the thread of JeroMQ that does what is to be done for connections; others ask
/// and tell as well.
final class Connections implements ZEvent.ZEventConsummer {
  static final int EVENTS = ZMQ.EVENT_ACCEPTED | ZMQ.EVENT_DISCONNECTED;

  private static final Logger LOG = LoggerFactory.getLogger(Connections.class);
  private static final long SHOW_NANOS = TimeUnit.SECONDS.toNanos(10); // to show a key
  private static final long GRACE_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final int HOSTS_MAX = 1_024;

  private static final class Connection {
    final SocketChannel channel;
    final long acceptedNanos;
    String key = ""; // once it is known
    boolean isAdmitted; // as far as can be told

    Connection(SocketChannel channel, long acceptedNanos) {
      this.channel = channel;
      this.acceptedNanos = acceptedNanos;
    }
  }

  private final String what;
  private final boolean areKeysSeen;
  private final int strangersMax;
  private final AuditLog audit;
  // All under the lock of this.
  private final Map<String, Connection> strangers = new LinkedHashMap<>(); // the oldest first
  private final Map<String, Connection> known = new HashMap<>();
  private final Map<String, Integer> toldOf = new HashMap<>(); // refusals by host

  /// @param what they lead to, for the log
  /// @param areKeysSeen whether it is told whose they are: a socket that only publishes hears
  ///   nothing from those who listen
  /// @param strangersMax how many there may be whose key has not been seen
  Connections(String what, boolean areKeysSeen, int strangersMax, AuditLog audit) {
    this.what = what;
    this.areKeysSeen = areKeysSeen;
    this.strangersMax = strangersMax;
    this.audit = audit;
  }

  @Override
  public void consume(ZEvent event) {
    SelectableChannel channel = event.getValue();
    if (channel instanceof SocketChannel socket) {
      String address = address(socket);
      if (event.getEvent() == org.zeromq.ZMonitor.Event.ACCEPTED) {
        accepted(address, socket, System.nanoTime());
      } else if (!address.isEmpty()) {
        ended(address);
      }
    }
  }

  private synchronized void accepted(String address, SocketChannel channel, long now) {
    if (address.isEmpty()) {
      return; // it has ended already
    }
    if (strangers.size() >= strangersMax) {
      Optional<Map.Entry<String, Connection>> eldest = eldestToGo();
      if (eldest.isEmpty() || now - eldest.get().getValue().acceptedNanos < GRACE_NANOS) {
        end(channel);
        audit.refused("", "connect", what, address, "too many connect at once");
        return;
      }
      end(eldest.get().getValue().channel);
      strangers.remove(eldest.get().getKey());
    }
    strangers.put(address, new Connection(channel, now));
  }

  /// The eldest of a host that nobody was let in from; if there is none, the eldest that was not
  /// let in.
  private Optional<Map.Entry<String, Connection>> eldestToGo() {
    Set<String> admitted = new HashSet<>();
    for (Map.Entry<String, Connection> one : strangers.entrySet()) {
      if (one.getValue().isAdmitted) {
        admitted.add(host(one.getKey()));
      }
    }
    return strangers.entrySet().stream()
        .filter(one -> !admitted.contains(host(one.getKey())))
        .findFirst()
        .or(
            () ->
                strangers.entrySet().stream()
                    .filter(one -> !one.getValue().isAdmitted)
                    .findFirst());
  }

  private void ended(String address) {
    synchronized (this) {
      if (known.remove(address) != null || strangers.remove(address) == null || !areKeysSeen) {
        return;
      }
      String host = host(address);
      Integer told = toldOf.get(host);
      if (told != null) {
        if (told == 1) {
          toldOf.remove(host);
        } else {
          toldOf.put(host, told - 1);
        }
        return;
      }
    }
    audit.refused(
        "",
        "connect",
        what,
        address,
        "it has shown no key: it does not speak CURVE, or has the server key of another cluster");
  }

  /// A key from this host was refused, and that was said.
  synchronized void refused(String host) {
    if (areKeysSeen && toldOf.size() < HOSTS_MAX) {
      toldOf.merge(host, 1, Integer::sum);
    }
  }

  /// A connection from this host was let in.
  synchronized void admitted(String host) {
    Connection youngest = null;
    for (Map.Entry<String, Connection> one : strangers.entrySet()) {
      if (!one.getValue().isAdmitted && host(one.getKey()).equals(host)) {
        youngest = one.getValue();
      }
    }
    if (youngest != null) {
      youngest.isAdmitted = true;
    }
  }

  /// A connection has shown a key.
  synchronized void shown(String address, String key) {
    Connection connection = strangers.remove(address);
    if (connection != null) {
      connection.key = key;
      known.put(address, connection);
    }
  }

  /// Ends those that take too long to show a key.
  synchronized void look(long now) {
    for (Iterator<Connection> each = strangers.values().iterator(); each.hasNext(); ) {
      Connection one = each.next();
      if (!one.channel.isOpen()) {
        each.remove();
      } else if (areKeysSeen && now - one.acceptedNanos > SHOW_NANOS) {
        end(one.channel); // and is told of, and taken out, when JeroMQ says so
      }
    }
    known.values().removeIf(one -> !one.channel.isOpen());
  }

  /// Ends those of keys that are not known any more, and those of which that cannot be told.
  void keep(Predicate<String> isKnown) {
    List<SocketChannel> revoked = new ArrayList<>();
    synchronized (this) {
      for (Connection one : known.values()) {
        if (!isKnown.test(one.key)) {
          revoked.add(one.channel);
        }
      }
      if (!areKeysSeen) {
        strangers.values().forEach(one -> revoked.add(one.channel));
      }
    }
    revoked.forEach(Connections::end);
  }

  /// How many have shown a key, and how many have not.
  synchronized int size() {
    return known.size() + strangers.size();
  }

  private static void end(SocketChannel channel) {
    try {
      channel.shutdownInput();
    } catch (IOException e) {
      LOG.trace("the connection has ended", e);
    }
  }

  /// As JeroMQ writes it in what comes with a message.
  private static String address(SocketChannel channel) {
    try {
      SocketAddress remote = channel.getRemoteAddress();
      return remote instanceof InetSocketAddress address
          ? address.getAddress().getHostAddress() + ":" + address.getPort()
          : "";
    } catch (IOException e) {
      return "";
    }
  }

  static String host(String address) {
    return address.substring(0, Math.max(0, address.lastIndexOf(':')));
  }
}
