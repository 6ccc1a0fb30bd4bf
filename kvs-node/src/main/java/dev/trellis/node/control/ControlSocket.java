package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.StartupException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.BindException;
import java.net.Inet6Address;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.Pipe;
import java.util.ArrayDeque;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.zeromq.SocketType;
import org.zeromq.ZContext;
import org.zeromq.ZMQ;
import org.zeromq.ZMQException;
import zmq.Msg;

/// The sockets of the control plane: a ROUTER that all messages come in by, and a DEALER to each
/// address that something is sent to. One thread owns them; others hand it messages through a
/// bounded queue, and nobody ever waits. What cannot be sent at once, since nobody is connected or
/// listens slowly, is dropped: every message here is one that is sent again or told anew.
final class ControlSocket implements AutoCloseable {
  private static final Logger LOG = LoggerFactory.getLogger(ControlSocket.class);
  private static final int OUTBOUND_MAX = 8_192;
  private static final int PEER_OUTBOUND_MAX = 1_024;
  private static final int ROUTES_MAX = 1_024;
  private static final int PENDING_MAX = 64; // messages to one address whose connection is opened
  private static final long STALE_NANOS = TimeUnit.MILLISECONDS.toNanos(300);
  private static final long OPENING_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final int BATCH = 256; // messages received before others are sent
  private static final long ROUTE_IDLE_NANOS = TimeUnit.MINUTES.toNanos(1);
  private static final long RESOLVE_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(10);
  private static final int CURVE_BYTES = 64; // that encryption adds to a message
  private static final int HEARTBEAT_MILLIS = 1_000;
  private static final int HEARTBEAT_TIMEOUT_MILLIS = 5_000;
  private static final int HANDSHAKE_MILLIS =
      1_500; // one now and then gets stuck, and is begun anew
  private static final int RECONNECT_MILLIS = 100;
  private static final int RECONNECT_MILLIS_MAX = 2_000;
  private static final long CLOSE_MILLIS_MAX = 5_000;
  private static final int STRANGERS_MAX = 512; // connections that have not shown a key yet
  private static final int FAILURES_SAID = 3; // after which it is said what is wrong
  private static final long SAY_AGAIN_NANOS = TimeUnit.SECONDS.toNanos(30);

  /// Takes what comes in.
  interface Receiver {
    /// Must not wait.
    ///
    /// @param sender to be handed to [#answer]
    /// @param speaker who that is
    void receive(Payload sender, Speaker speaker, Payload message);
  }

  private sealed interface Outgoing {
    record ToAddress(String address, Payload message) implements Outgoing {}

    record Answer(Payload client, Payload message) implements Outgoing {}
  }

  /// Where messages to one address go. Touched by the thread of the sockets only.
  private static final class Route {
    ZMQ.@Nullable Socket socket;
    @Nullable Dialling dialling; // of the socket
    boolean isIpv6;
    boolean isConfirmed; // by the other side, where security is on
    int keyIndex; // of the server keys, the one that is tried or was confirmed
    int failures; // since it was confirmed last
    long retryNanos; // when it may be opened again
    long saidNanos; // when it was last said what is wrong
    String endpoint = "";
    final Queue<Waiting> pending = new ArrayDeque<>(); // until the connection stands
    boolean resolving;
    long resolvedNanos;
    long openedNanos; // when the connection was begun
    long usedNanos;
  }

  private record Waiting(Payload message, long sinceNanos) {}

  private record Resolved(String address, List<InetAddress> addresses) {}

  private final ControlTallies tallies;
  private final Resolver resolver;
  private final ZContext context;
  private final ZMQ.Socket router;
  private final Optional<CurveKeys> keys;
  private final Optional<CurveServer> curve;
  private final Map<String, String> problems = new ConcurrentHashMap<>(); // by address
  private final int port;
  private final Pipe wakeUp;
  private final AtomicBoolean awake = new AtomicBoolean();
  private final Queue<Outgoing> outbound = new ArrayBlockingQueue<>(OUTBOUND_MAX);
  private final Queue<Resolved> resolved = new ConcurrentLinkedQueue<>();
  private final Map<String, Route> routes = new HashMap<>();
  private final Thread thread;
  private volatile @Nullable Receiver receiver;
  private volatile boolean closed;

  private ControlSocket(
      ZContext context,
      ZMQ.Socket router,
      int port,
      String name,
      ControlTallies tallies,
      Resolver resolver,
      Optional<CurveKeys> keys,
      Optional<CurveServer> curve)
      throws IOException {
    this.context = context;
    this.router = router;
    this.keys = keys;
    this.curve = curve;
    this.port = port;
    this.tallies = tallies;
    this.resolver = resolver;
    this.wakeUp = Pipe.open();
    wakeUp.source().configureBlocking(false);
    wakeUp.sink().configureBlocking(false);
    this.thread = new Thread(this::run, "control-" + name);
    thread.setDaemon(true);
  }

  /// A context whose threads log what they go on after, instead of printing it: closing a socket
  /// while its connection ends makes JeroMQ 0.6.0 fail to tell a thread that is no longer there.
  static ZContext newContext() {
    ZContext context = new ZContext();
    context.setNotificationExceptionHandler(
        (thread, failure) -> LOG.debug("thread {} goes on after a failure", thread, failure));
    return context;
  }

  /// Takes the port, without reading from it yet.
  ///
  /// @param port 0 takes a free one
  /// @param name of the node, for messages
  /// @param protection there if security is on
  /// @throws StartupException if the port cannot be opened
  /// @throws ConfigurationException if there are no keys for it
  static ControlSocket bind(
      InetAddress address,
      int port,
      String name,
      ControlTallies tallies,
      Resolver resolver,
      Optional<ControlProtection> protection) {
    ZContext context = newContext();
    context.setLinger(0);
    Optional<CurveServer> curve = Optional.empty();
    try {
      ZMQ.Socket router = context.createSocket(SocketType.ROUTER);
      configure(router);
      router.setIPv6(address instanceof Inet6Address);
      curve =
          protection.map(
              with ->
                  new CurveServer(
                      context,
                      router,
                      with.keys(),
                      with.audit(),
                      name,
                      "control plane",
                      true,
                      STRANGERS_MAX));
      // So that whoever connects hears when his handshake is over.
      router.setProbeRouter(curve.isPresent());
      try {
        router.bind(endpoint(address, port));
      } catch (ZMQException e) {
        throw StartupException.portUnavailable(
            new InetSocketAddress(address, port),
            "the control plane of node " + name,
            "control.port",
            e.getErrorCode() == ZMQ.Error.EADDRINUSE.getCode()
                ? new BindException("Address already in use")
                : e);
      }
      String bound = router.getLastEndpoint();
      int taken = Integer.parseInt(bound.substring(bound.lastIndexOf(':') + 1));
      return new ControlSocket(
          context,
          router,
          taken,
          name,
          tallies,
          resolver,
          protection.map(ControlProtection::keys),
          curve);
    } catch (IOException e) {
      curve.ifPresent(CurveServer::close);
      context.close();
      throw new UncheckedIOException("no pipe to wake the control plane by", e);
    } catch (RuntimeException e) {
      curve.ifPresent(CurveServer::close);
      context.close();
      throw e;
    }
  }

  /// Gives a socket of the control plane, on whichever side, its limits and its patience.
  static void configure(ZMQ.Socket socket) {
    socket.setLinger(0);
    socket.setMaxMsgSize(Envelope.BYTES_MAX + CURVE_BYTES);
    socket.setMsgAllocator(new LargeMessages());
    socket.setSndHWM(PEER_OUTBOUND_MAX);
    socket.setRcvHWM(PEER_OUTBOUND_MAX);
    socket.setHandshakeIvl(HANDSHAKE_MILLIS);
    // Else a connection that a broken network swallows is noticed after minutes only.
    socket.setHeartbeatIvl(HEARTBEAT_MILLIS);
    socket.setHeartbeatTimeout(HEARTBEAT_TIMEOUT_MILLIS);
  }

  /// What a socket binds to, as ZeroMQ writes it.
  ///
  /// @param port 0 takes a free one
  static String endpoint(InetAddress address, int port) {
    String host = address.getHostAddress();
    return "tcp://"
        + (address instanceof Inet6Address ? "[" + host + "]" : host)
        + ":"
        + (port == 0 ? "*" : port);
  }

  /// The port taken.
  int port() {
    return port;
  }

  /// Starts to receive.
  void open(Receiver to) {
    receiver = to;
    thread.start();
  }

  /// Sends a message if there is a way, now or once the connection stands; else drops it.
  ///
  /// @param address host and port
  void send(String address, Payload message) {
    offer(new Outgoing.ToAddress(address, message));
  }

  /// Answers a message.
  void answer(Payload sender, Payload message) {
    offer(new Outgoing.Answer(sender, message));
  }

  private void offer(Outgoing message) {
    if (outbound.offer(message)) {
      wake();
    } else {
      tallies.dropped.increment();
    }
  }

  private void wake() {
    if (awake.compareAndSet(false, true)) {
      try {
        wakeUp.sink().write(ByteBuffer.allocate(1));
      } catch (IOException e) {
        LOG.debug("the control plane is down already", e);
      }
    }
  }

  @Override
  public void close() {
    closed = true;
    if (!thread.isAlive() && receiver == null) {
      release();
      return;
    }
    awake.set(false);
    wake();
    try {
      thread.join(CLOSE_MILLIS_MAX);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void run() {
    try (ZMQ.Poller poller = context.createPoller(2)) {
      poller.register(router, ZMQ.Poller.POLLIN);
      poller.register(wakeUp.source(), ZMQ.Poller.POLLIN);
      boolean waiting = false;
      while (!closed) {
        poller.poll(waiting ? 5 : 1_000);
        drainPipe();
        receive();
        mendRoutes();
        transmit();
        waiting = transmitPending();
        dismissIdleRoutes();
      }
      transmit(); // what was said last
    } catch (IOException | RuntimeException e) {
      if (!closed) {
        LOG.error("the control plane ends; this node will be taken for dead", e);
      }
    } finally {
      release();
    }
  }

  private void release() {
    router.close();
    curve.ifPresent(CurveServer::close);
    context.close(); // and all its sockets
    try {
      wakeUp.sink().close();
      wakeUp.source().close();
    } catch (IOException e) {
      LOG.debug("a pipe was closed already", e);
    }
  }

  private void drainPipe() throws IOException {
    awake.set(false);
    ByteBuffer bytes = ByteBuffer.allocate(64);
    while (wakeUp.source().read(bytes) > 0) {
      bytes.clear();
    }
  }

  private void receive() {
    Receiver to = receiver;
    for (int count = 0; count < BATCH; count++) {
      byte[] sender = router.recv(ZMQ.DONTWAIT);
      if (sender == null || to == null) {
        return;
      }
      Msg message = null;
      int frames = 1;
      while (router.hasReceiveMore()) {
        message = router.base().recv(0);
        frames++;
      }
      Optional<Speaker> speaker = Optional.of(Speaker.ANYBODY);
      if (curve.isPresent()) {
        speaker = message == null ? Optional.empty() : curve.get().speaker(message);
        if (speaker.isPresent() && frames == 2 && message != null && message.size() == 0) {
          continue; // it only shows whose connection it is
        }
      }
      tallies.received.increment();
      if (speaker.isPresent()) {
        to.receive(
            Payload.of(sender),
            speaker.get(),
            frames == 2 && message != null ? Payload.of(message.data()) : Payload.EMPTY);
      } else {
        tallies.refused.increment();
      }
    }
    wake(); // there may be more
  }

  private void transmit() {
    for (Resolved answer = resolved.poll(); answer != null; answer = resolved.poll()) {
      settle(answer);
    }
    for (Outgoing next = outbound.poll(); next != null; next = outbound.poll()) {
      boolean sent =
          switch (next) {
            case Outgoing.ToAddress to -> send(to);
            case Outgoing.Answer answer ->
                router.send(answer.client().toBytes(), ZMQ.SNDMORE | ZMQ.DONTWAIT)
                    && router.send(answer.message().toBytes(), ZMQ.DONTWAIT);
          };
      (sent ? tallies.sent : tallies.dropped).increment();
    }
  }

  private boolean send(Outgoing.ToAddress message) {
    Route route = route(message.address());
    if (route == null) {
      return false;
    }
    ZMQ.Socket to = route.socket;
    if (to != null
        && mayUse(route)
        && route.pending.isEmpty()
        && to.send(message.message().toBytes(), ZMQ.DONTWAIT)) {
      return true;
    }
    return isOpening(route)
        && route.pending.size() < PENDING_MAX
        && route.pending.add(new Waiting(message.message(), System.nanoTime()));
  }

  /// What is sent before the other side is sure to have the right key would be lost.
  private boolean mayUse(Route route) {
    return keys.isEmpty() || route.isConfirmed;
  }

  private static boolean isOpening(Route route) {
    return System.nanoTime() - route.openedNanos < OPENING_NANOS;
  }

  /// Sends what was said first to addresses that nothing was said to before.
  private boolean transmitPending() {
    boolean waiting = false;
    for (Route route : routes.values()) {
      ZMQ.Socket to = route.socket;
      while (keys.isPresent() && isStale(route.pending.peek())) {
        route.pending.remove();
      }
      while (to != null
          && mayUse(route)
          && !route.pending.isEmpty()
          && to.send(route.pending.element().message().toBytes(), ZMQ.DONTWAIT)) {
        route.pending.remove();
      }
      if (!isOpening(route)) {
        route.pending.clear();
      }
      waiting |= !route.pending.isEmpty();
    }
    return waiting;
  }

  /// Whether what waits has waited for so long that the other side would complain of the clock. A
  /// handshake takes longer where security is on.
  private static boolean isStale(@Nullable Waiting waiting) {
    return waiting != null && System.nanoTime() - waiting.sinceNanos() > STALE_NANOS;
  }

  /// The way to an address; a name is resolved first, and now and then again.
  private @Nullable Route route(String address) {
    Route route = routes.get(address);
    long now = System.nanoTime();
    if (route == null) {
      if (routes.size() >= ROUTES_MAX) {
        return null;
      }
      route = new Route();
      route.openedNanos = now;
      route.retryNanos = now;
      routes.put(address, route);
    }
    route.usedNanos = now;
    boolean due = route.endpoint.isEmpty() || now - route.resolvedNanos > RESOLVE_AGAIN_NANOS;
    if (due && !route.resolving) {
      route.resolving = true;
      resolve(address);
      for (Resolved answer = resolved.poll(); answer != null; answer = resolved.poll()) {
        settle(answer);
      }
    }
    return route;
  }

  private void resolve(String address) {
    int colon = address.lastIndexOf(':');
    String host = colon < 0 ? address : address.substring(0, colon);
    if (Resolver.isLiteral(host)) {
      resolved.add(new Resolved(address, resolver.resolve(host)));
      return;
    }
    // A name server may take its time.
    Thread.ofVirtual()
        .start(
            () -> {
              resolved.add(new Resolved(address, resolver.resolve(host)));
              wake();
            });
  }

  private void settle(Resolved answer) {
    Route route = routes.get(answer.address());
    if (route == null) {
      return;
    }
    route.resolving = false;
    route.resolvedNanos = System.nanoTime();
    String address = answer.address();
    List<String> endpoints;
    try {
      int number = Integer.parseInt(address.substring(address.lastIndexOf(':') + 1));
      endpoints = answer.addresses().stream().map(found -> endpoint(found, number)).toList();
    } catch (NumberFormatException e) {
      LOG.debug("'{}' is no address", address, e);
      return;
    }
    if (endpoints.isEmpty() || endpoints.contains(route.endpoint)) {
      return;
    }
    route.endpoint = endpoints.getFirst();
    route.isIpv6 = answer.addresses().getFirst() instanceof Inet6Address;
    route.failures = 0;
    open(route);
  }

  private void open(Route route) {
    close(route);
    ZMQ.Socket socket = context.createSocket(SocketType.DEALER);
    configure(socket);
    socket.setIPv6(route.isIpv6);
    socket.setImmediate(false); // what waited for a peer to come up would be stale by then
    socket.setReconnectIVL(RECONNECT_MILLIS);
    socket.setReconnectIVLMax(RECONNECT_MILLIS_MAX);
    try {
      if (keys.isPresent()) {
        CurveKeys.Held held = keys.get().held();
        List<String> serverKeys = held.serverKeys();
        CurveServer.protectClient(socket, held, serverKeys.get(route.keyIndex % serverKeys.size()));
        // An empty message, by which the other side knows whose connection it is, also if nothing
        // is said for long.
        socket.setProbeRouter(true);
      }
      route.dialling = Dialling.watch(socket, this::wake);
      socket.connect(route.endpoint);
      route.socket = socket;
      route.openedNanos = System.nanoTime();
    } catch (ZMQException | IllegalArgumentException e) {
      LOG.debug("cannot connect to {}", route.endpoint, e);
      socket.close();
      route.dialling = null;
    }
  }

  private static void close(Route route) {
    if (route.socket != null) {
      route.socket.close();
    }
    route.socket = null;
    route.dialling = null;
    route.isConfirmed = false;
  }

  /// Opens routes anew that JeroMQ has given up, and those that another key may open.
  private void mendRoutes() {
    long now = System.nanoTime();
    routes.forEach((address, route) -> mend(address, route, now));
  }

  private void mend(String address, Route route, long now) {
    ZMQ.Socket socket = route.socket;
    Dialling dialling = route.dialling;
    if (socket == null || dialling == null) {
      if (!route.endpoint.isEmpty() && now - route.retryNanos > 0) {
        open(route);
      }
      return;
    }
    boolean wasConfirmed = route.isConfirmed;
    if (keys.isPresent() && !wasConfirmed && socket.recv(ZMQ.DONTWAIT) != null) {
      route.isConfirmed = true;
      route.failures = 0;
      problems.remove(address);
      return;
    }
    if (keys.isEmpty()) {
      if (dialling.hasGreeted()) {
        problems.remove(address);
      }
      if (!dialling.hasEndedUngreeted()) {
        return; // if it has ended, JeroMQ connects again by itself
      }
    } else if (!dialling.hasEnded() && (wasConfirmed || !dialling.isLate(now))) {
      return;
    }
    close(route);
    if (!wasConfirmed) {
      route.keyIndex++; // perhaps it has the other one
      fail(address, route, dialling.problem(), now);
    }
    route.retryNanos = now + retryNanos(route.failures);
  }

  private static long retryNanos(int failures) {
    int millis = Math.min(RECONNECT_MILLIS << Math.min(failures, 10), RECONNECT_MILLIS_MAX);
    return TimeUnit.MILLISECONDS.toNanos(millis);
  }

  private void fail(String address, Route route, Dialling.Problem problem, long now) {
    route.failures++;
    if (route.failures < FAILURES_SAID || (keys.isEmpty() && problem == Dialling.Problem.SILENT)) {
      return; // it may just be ending, or starting
    }
    String text =
        Dialling.say(address, problem, keys.map(with -> with.folder().toString()).orElse(""));
    problems.put(address, text);
    if (route.failures == FAILURES_SAID || now - route.saidNanos > SAY_AGAIN_NANOS) {
      route.saidNanos = now;
      LOG.warn("{}", text);
    }
  }

  /// Whether the files of keys as they are now are gone by. Any thread.
  boolean hasRead() {
    return curve.isEmpty() || curve.get().hasRead();
  }

  /// Connections that others have to it, if security is on. Any thread.
  int connections() {
    return curve.map(CurveServer::connections).orElse(0);
  }

  /// What is wrong with those who are spoken to, for people. Any thread.
  Collection<String> problems() {
    return List.copyOf(problems.values());
  }

  private void dismissIdleRoutes() {
    long now = System.nanoTime();
    for (Iterator<Map.Entry<String, Route>> each = routes.entrySet().iterator(); each.hasNext(); ) {
      Map.Entry<String, Route> one = each.next();
      if (now - one.getValue().usedNanos > ROUTE_IDLE_NANOS) {
        close(one.getValue());
        problems.remove(one.getKey());
        each.remove();
      }
    }
  }
}
