package dev.trellis.node.control;

import java.util.concurrent.TimeUnit;
import org.zeromq.ZEvent;
import org.zeromq.ZMQ;

/// What becomes of a socket's try to connect. JeroMQ ends a session for good when the other side
/// breaks the protocol, as one does that has other keys, and says so in events only.
///
/// Told by JeroMQ's thread; any thread asks.
final class Dialling implements ZEvent.ZEventConsummer {
  private static final int EVENTS =
      ZMQ.EVENT_CONNECTED
          | ZMQ.EVENT_DISCONNECTED
          | ZMQ.EVENT_HANDSHAKE_PROTOCOL
          | ZMQ.HANDSHAKE_FAILED_AUTH;
  // Hundreds may connect at once, to a node that does it all by one thread.
  private static final long HANDSHAKE_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final long QUICK_NANOS = TimeUnit.SECONDS.toNanos(1); // less than JeroMQ waits

  /// Why the other side is not to be spoken to.
  enum Problem {
    /// It takes the connection, and no more: it is stopped, perhaps.
    SILENT,
    /// It takes the connection and ends it before any handshake.
    GREETING,
    /// It is greeted, and does not understand what comes then.
    SERVER_KEY,
    /// It understands, and does not want this key.
    REFUSED
  }

  private final Runnable whenEnded;
  private volatile long connectedNanos; // 0 before
  private volatile boolean greeted;
  private volatile boolean refused;
  private volatile boolean ended;
  private volatile boolean endedUngreeted; // and did not greet since
  private volatile boolean endedQuickly;

  private Dialling(Runnable whenEnded) {
    this.whenEnded = whenEnded;
  }

  /// Watches a socket that does not connect yet.
  ///
  /// @param whenEnded on JeroMQ's thread; must not wait
  static Dialling watch(ZMQ.Socket socket, Runnable whenEnded) {
    Dialling dialling = new Dialling(whenEnded);
    if (!socket.setEventHook(dialling, EVENTS)) {
      throw new IllegalStateException("JeroMQ does not tell what becomes of connections");
    }
    return dialling;
  }

  @Override
  public void consume(ZEvent event) {
    switch (event.getEvent()) {
      case CONNECTED -> {
        connectedNanos = System.nanoTime() | 1;
        greeted = false;
      }
      case HANDSHAKE_PROTOCOL -> {
        greeted = true;
        endedUngreeted = false;
      }
      case HANDSHAKE_FAILED_AUTH -> refused = true;
      case DISCONNECTED -> {
        endedQuickly = System.nanoTime() - connectedNanos < QUICK_NANOS;
        endedUngreeted = !greeted;
        ended = true;
        whenEnded.run();
      }
      default -> {}
    }
  }

  /// Whether a connection was made and has ended.
  boolean hasEnded() {
    return ended;
  }

  /// Whether the two sides have the same idea of how to speak. If not, JeroMQ may have given up.
  boolean hasGreeted() {
    return greeted;
  }

  /// Whether the latest connection has ended before that was found out.
  boolean hasEndedUngreeted() {
    return endedUngreeted;
  }

  /// Whether it has been connected for longer than a handshake may take. JeroMQ limits the greeting
  /// only.
  boolean isLate(long now) {
    long since = connectedNanos;
    return since != 0 && now - since > HANDSHAKE_NANOS;
  }

  Problem problem() {
    if (refused) {
      return Problem.REFUSED;
    }
    if (!ended || !endedQuickly) {
      return Problem.SILENT;
    }
    return greeted ? Problem.SERVER_KEY : Problem.GREETING;
  }

  /// What is wrong with a control plane, for people.
  ///
  /// @param keys where this side's are; empty where security is off
  static String say(String address, Problem problem, String keys) {
    String what =
        switch (problem) {
          case SILENT -> " takes connections and says nothing";
          case GREETING ->
              keys.isEmpty()
                  ? " ends connections before it says anything: it seems to want CURVE; set"
                      + " security = on here too"
                  : " does not speak CURVE, or ends connections before it does: is security = on"
                      + " there?";
          case SERVER_KEY ->
              " has none of the server keys in "
                  + keys
                  + ": is it of another cluster, or not told of new ones?";
          case REFUSED ->
              " refuses our CURVE key: its curve.known does not have the public key of "
                  + keys
                  + "/curve.key";
        };
    return "the control plane at " + address + what;
  }
}
