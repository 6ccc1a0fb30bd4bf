package dev.trellis.node.control;

import dev.trellis.lattice.Payload;
import dev.trellis.node.config.ClusterConfig;
import dev.trellis.node.control.ClusterState.End;
import dev.trellis.node.control.ClusterState.Ended;
import dev.trellis.node.control.ClusterState.FaultTolerance;
import dev.trellis.node.control.ClusterState.Known;
import dev.trellis.node.control.Envelope.Kind;
import dev.trellis.node.control.Refusal.Reason;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.Membership;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.placement.Topology;
import dev.trellis.process.AuditLog;
import dev.trellis.process.StartupException;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeDescriptor.State;
import io.scalecube.cluster.Cluster;
import io.scalecube.cluster.ClusterImpl;
import io.scalecube.cluster.ClusterMessageHandler;
import io.scalecube.cluster.membership.MembershipEvent;
import io.scalecube.cluster.metadata.MetadataCodec;
import java.nio.ByteBuffer;
import java.time.Duration;
import java.time.Instant;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The membership of a node that is or may become one of several.
///
/// ScaleCube (SWIM) finds the members, tells each what the others say of themselves, and decides
/// together with them who is dead. Two things it does not do are done here, over the same sockets:
///
/// - *Suspicion.* ScaleCube tells nobody whom it suspects, and probes one member at a time, so that
///   a dead one may go unnoticed for as many periods as there are members. Here every member shows
///   every other that it lives, several times within the time after which it is suspected. So a
///   node suspects whom *it* cannot hear, which is what its writes need to know, while it takes the
///   cluster to remove one.
/// - *Patience.* A member that ScaleCube has removed remains in the view until it has been silent
///   for as long as was configured, which does not depend on the number of members as ScaleCube's
///   own time does; and one that is heard remains a member, whatever ScaleCube says.
///
/// All of it happens on one thread, but for what is volatile.
final class ClusterMembership implements Membership {
  private static final Logger LOG = LoggerFactory.getLogger(ClusterMembership.class);
  private static final int INBOUND_MAX = 16_384;
  private static final int REFUSED_MAX = 1_024;
  private static final int GOSSIP_PER_PING = 2;
  private static final long REMIND_NANOS = TimeUnit.SECONDS.toNanos(30);
  private static final long REFUSE_AGAIN_NANOS = TimeUnit.MILLISECONDS.toNanos(200);
  private static final Duration START_MAX = Duration.ofSeconds(30);
  private static final Duration SHUTDOWN_MAX = Duration.ofSeconds(5);

  /// What a membership needs to know that does not change.
  ///
  /// @param version of the control messages that it speaks
  /// @param reaches whether messages to an address are sent at all: for tests
  /// @param file where to remember it from one start to the next; empty for a node that starts with
  ///   nothing
  /// @param audit of orders, if security is on
  record Settings(
      String clusterName,
      ClusterConfig cluster,
      Duration clockSkewMax,
      InstantSource clock,
      int version,
      Resolver resolver,
      Predicate<String> reaches,
      Optional<MemberFile> file,
      Optional<AuditLog> audit) {}

  /// Another member.
  private static final class Peer {
    NodeDescriptor node;
    boolean inCluster = true; // as far as ScaleCube knows
    boolean isComplete; // as it says, while it joins
    boolean suspected;
    long heardNanos;

    Peer(NodeDescriptor node, boolean isComplete, long heardNanos) {
      this.node = node;
      this.isComplete = isComplete;
      this.heardNanos = heardNanos;
    }

    String address() {
      return ClusterMembership.address(node);
    }
  }

  private final Settings settings;
  private final ControlSocket socket;
  private final ControlTallies tallies;
  private final String address;
  private final Incarnation incarnation;
  private final ScaleCubeTransport transport;
  private final ScheduledExecutorService loop;
  private final ExecutorService teller;
  private final AtomicBoolean shutDown = new AtomicBoolean();
  private final AtomicInteger inbound = new AtomicInteger();
  private final CompletableFuture<Throwable> failure = new CompletableFuture<>();
  private final long pingNanos;
  private final long suspectNanos;
  private final long removeNanos;
  private final Seeds seeds;
  private final Map<Incarnation, Peer> peers = new HashMap<>();
  private final Map<String, Long> refusedNanos = new LinkedHashMap<>(); // by address
  private final Set<Incarnation> skewed = new HashSet<>(); // that were warned of
  private final List<Consumer<MembershipView>> listeners = new ArrayList<>();
  private final long startedNanos = System.nanoTime();
  private final List<Long> former; // incarnations whose data the node has
  private final AtomicBoolean isToBeRemembered = new AtomicBoolean(); // as it could not be written
  private NodeDescriptor self;
  private boolean isComplete; // while it joins
  private ClusterState state;
  private @Nullable ClusterState remembered; // what was last to be written
  private @Nullable State rememberedState;
  private Payload told = Payload.EMPTY; // what ScaleCube was last given to tell
  private long pingedNanos;
  private long tickedNanos;
  private long waitingNanos; // when it was last said whom the node waits for
  private @Nullable String refusal; // said last by others
  private long refusalNanos; // when the refusals began
  private long refusedLastNanos;
  private long refusalSaidNanos;
  private boolean malformedSaid;
  private boolean absenceSaid;
  private @Nullable Cluster cluster;
  private @Nullable Function<Order, Order.Answer> orders;
  private volatile MembershipView view;
  private volatile boolean muted;
  private volatile boolean ending;

  private ClusterMembership(
      Settings settings, ControlSocket socket, ControlTallies tallies, NodeDescriptor self) {
    this.settings = settings;
    this.socket = socket;
    this.tallies = tallies;
    this.self = self;
    this.address = address(self);
    this.incarnation = Incarnation.of(self);
    this.former = settings.file().map(MemberFile::former).orElse(List.of());
    this.state = initialState();
    this.pingNanos = settings.cluster().pingInterval().toNanos();
    this.suspectNanos = settings.cluster().suspectAfter().toNanos();
    this.removeNanos = settings.cluster().removeAfter().toNanos();
    this.seeds = new Seeds(settings.cluster().seeds(), settings.resolver(), 3 * pingNanos);
    this.view = compute();
    this.transport = new ScaleCubeTransport(address, this::sendToScaleCube, this::sendToAnyone);
    this.loop =
        Executors.newSingleThreadScheduledExecutor(work -> daemon(work, "membership-" + self.id()));
    this.teller = Executors.newSingleThreadExecutor(work -> daemon(work, "views-" + self.id()));
  }

  private ClusterState initialState() {
    ClusterState initial = ClusterState.initial(settings.cluster().faultTolerance());
    ClusterState known =
        settings.file().flatMap(MemberFile::cluster).orElse(initial).merge(initial);
    Set<Incarnation> own = new HashSet<>(known.known().keySet());
    own.removeIf(one -> !one.nodeId().equals(self.id()));
    former.forEach(life -> own.add(new Incarnation(self.id(), life)));
    for (Incarnation one : own) {
      End end = former.contains(one.number()) ? End.FOLLOWED : End.GONE;
      known = known.withEnded(one, new Ended(settings.clock().millis(), end));
    }
    return known;
  }

  private static Thread daemon(Runnable work, String name) {
    Thread thread = new Thread(work, name);
    thread.setDaemon(true);
    return thread;
  }

  /// Starts to look for others, and to answer orders.
  ///
  /// @param socket is closed with the membership
  /// @param self with the control port taken
  /// @param orders carries out what clients want; called on the thread of the membership
  static ClusterMembership start(
      Settings settings,
      ControlSocket socket,
      ControlTallies tallies,
      NodeDescriptor self,
      Function<ClusterMembership, Function<Order, Order.Answer>> orders) {
    ClusterMembership membership = new ClusterMembership(settings, socket, tallies, self);
    membership.orders = orders.apply(membership);
    try {
      membership.start();
    } catch (RuntimeException | Error e) {
      membership.close();
      throw e;
    }
    return membership;
  }

  private void start() {
    long pingMillis = Math.max(1, TimeUnit.NANOSECONDS.toMillis(pingNanos));
    told = new MemberMetadata(self, state, former, isComplete).encode();
    socket.open(this::receive);
    int probeMillis = Math.toIntExact(2 * pingMillis);
    io.scalecube.cluster.ClusterConfig config =
        io.scalecube.cluster.ClusterConfig.defaultConfig()
            .memberId(memberId(incarnation))
            .memberAlias(self.id())
            .metadata(told.toBytes())
            .metadataCodec(new Bytes())
            .metadataTimeout(Math.toIntExact(Math.max(500, 5 * pingMillis)))
            .transport(options -> options.transportFactory(_ -> transport))
            .failureDetector(
                options ->
                    options
                        .pingInterval(probeMillis)
                        .pingTimeout(Math.max(1, probeMillis * 3 / 4))
                        .pingReqMembers(3))
            .gossip(
                options ->
                    options
                        .gossipInterval(Math.max(1, pingMillis / GOSSIP_PER_PING))
                        .gossipRepeatMult(2))
            .membership(
                options ->
                    options
                        .seedMembers(ScaleCubeTransport.ANYWHERE)
                        .namespace("trellis")
                        .suspicionMult(2)
                        .syncInterval(Math.toIntExact(3 * pingMillis))
                        .syncTimeout(Math.toIntExact(Math.max(500, 5 * pingMillis))));
    cluster =
        new ClusterImpl(config)
            .handler(
                _ ->
                    new ClusterMessageHandler() {
                      @Override
                      public void onMembershipEvent(MembershipEvent event) {
                        execute(() -> learn(event));
                      }
                    })
            .start()
            .block(START_MAX);
    tickedNanos = System.nanoTime();
    waitingNanos = tickedNanos;
    long tickNanos = Math.max(TimeUnit.MILLISECONDS.toNanos(5), pingNanos / 4);
    var _ =
        loop.scheduleWithFixedDelay(
            () -> guarded(this::tick), tickNanos, tickNanos, TimeUnit.NANOSECONDS);
  }

  /// Metadata are bytes already.
  private static final class Bytes implements MetadataCodec {
    @Override
    public Object deserialize(ByteBuffer buffer) {
      byte[] bytes = new byte[buffer.remaining()];
      buffer.duplicate().get(bytes);
      return bytes;
    }

    @Override
    public ByteBuffer serialize(Object metadata) {
      return ByteBuffer.wrap((byte[]) metadata);
    }
  }

  static String address(NodeDescriptor node) {
    String host = node.host();
    return (host.contains(":") ? "[" + host + "]" : host) + ":" + node.controlPort();
  }

  private static String memberId(Incarnation incarnation) {
    return incarnation.nodeId() + "#" + Long.toHexString(incarnation.number());
  }

  // What the node asks for. Any thread.

  @Override
  public MembershipView view() {
    return view;
  }

  @Override
  public void listen(Consumer<MembershipView> listener) {
    execute(
        () -> {
          listeners.add(listener);
          tell(List.of(listener), view);
        });
  }

  @Override
  public void announce(State next) {
    execute(
        () -> {
          self = self.withState(next);
          refresh();
        });
  }

  @Override
  public void announceComplete(boolean whetherIt) {
    execute(
        () -> {
          if (isComplete != whetherIt) {
            isComplete = whetherIt;
            refresh();
          }
        });
  }

  @Override
  public void declareGone(Incarnation dead) {
    execute(() -> end(dead, End.GONE));
  }

  @Override
  public void changeFaultTolerance(int nodes) {
    execute(
        () -> {
          long clock =
              Math.max(settings.clock().millis(), state.faultTolerance().clockMillis() + 1);
          state = state.withFaultTolerance(new FaultTolerance(clock, self.id(), nodes));
          refresh();
        });
  }

  @Override
  public void claim(long epoch) {
    execute(
        () -> {
          state = state.withMonitorEpoch(epoch);
          refresh();
        });
  }

  @Override
  public void leave() {
    execute(
        () -> {
          state = state.withEnded(incarnation, new Ended(settings.clock().millis(), End.LEFT));
          peers.values().forEach(peer -> send(peer.address(), Kind.FAREWELL, Payload.EMPTY));
        });
    shutDown();
  }

  @Override
  public void close() {
    muted = true;
    shutDown();
  }

  private void shutDown() {
    if (shutDown.getAndSet(true)) {
      return;
    }
    ending = true;
    Cluster started = cluster;
    if (started != null) {
      // It tells the others that it leaves, unless it is muted, and takes a moment for that.
      started.shutdown();
      try {
        started.onShutdown().block(SHUTDOWN_MAX);
      } catch (IllegalStateException e) {
        LOG.warn("ScaleCube does not end in time", e);
      }
    }
    loop.shutdownNow();
    teller.shutdownNow();
    try {
      boolean ended =
          loop.awaitTermination(SHUTDOWN_MAX.toMillis(), TimeUnit.MILLISECONDS)
              && teller.awaitTermination(SHUTDOWN_MAX.toMillis(), TimeUnit.MILLISECONDS);
      if (!ended) {
        LOG.warn("a listener of membership does not end in time");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    socket.close();
  }

  /// Completes, with the reason, if the node cannot become a member.
  CompletableFuture<Throwable> failure() {
    return failure;
  }

  /// The node's own control address: host and port.
  String address() {
    return address;
  }

  private void execute(Runnable work) {
    try {
      loop.execute(() -> guarded(work));
    } catch (RejectedExecutionException e) {
      LOG.debug("the membership has ended", e);
    }
  }

  private void guarded(Runnable work) {
    try {
      work.run();
    } catch (RuntimeException | Error defect) {
      LOG.error("the membership met a defect", defect);
      failure.complete(defect);
      throw defect;
    }
  }

  // What comes in.

  /// Called by the thread of the sockets.
  private void receive(Payload client, Speaker speaker, Payload message) {
    if (inbound.incrementAndGet() > INBOUND_MAX) {
      inbound.decrementAndGet();
      tallies.dropped.increment();
      return;
    }
    execute(
        () -> {
          inbound.decrementAndGet();
          try {
            receive(client, speaker, Envelope.decode(message));
          } catch (MalformedMessageException e) {
            tallies.malformed.increment();
            if (!malformedSaid) {
              malformedSaid = true;
              LOG.warn(
                  "something that is no node sends to the control port of node {}: {}; further such"
                      + " messages are only counted",
                  self.id(),
                  e.getMessage());
            }
          }
        });
  }

  private void receive(Payload client, Speaker speaker, Envelope message)
      throws MalformedMessageException {
    if (message.kind() != Kind.ORDER && !speaker.isNode(message.sender().nodeId())) {
      tallies.refused.increment();
      settings
          .audit()
          .ifPresent(
              log ->
                  log.refused(
                      speaker.name(),
                      "speak as node",
                      message.sender().nodeId(),
                      speaker.from(),
                      "its key in curve.known is not that node's"));
      return;
    }
    switch (message.kind()) {
      case ORDER -> answer(client, speaker, message);
      case ANSWER -> throw new MalformedMessageException("an answer that nobody asked for");
      case REFUSAL -> refused(message, Refusal.decode(message.body()));
      case CLUSTER, PING, FAREWELL -> {
        if (message.sender().equals(incarnation)) {
          return; // a seed turned out to be this node
        }
        Optional<Refusal> objection = objection(message);
        if (objection.isPresent()) {
          refuse(message, objection.get());
        } else {
          accept(message);
        }
      }
    }
  }

  private void accept(Envelope message) throws MalformedMessageException {
    Peer peer = peers.get(message.sender());
    if (peer != null) {
      peer.heardNanos = System.nanoTime();
      warnOfSkew(message);
    }
    switch (message.kind()) {
      case CLUSTER -> transport.receive(ClusterMessages.decode(message.body()));
      case FAREWELL -> end(message.sender(), End.LEFT);
      case PING -> {
        if (peer != null && peer.suspected) {
          refresh(); // it answers again
        }
      }
      case REFUSAL, ORDER, ANSWER -> throw new AssertionError(message.kind());
    }
  }

  private void answer(Payload client, Speaker speaker, Envelope message)
      throws MalformedMessageException {
    Order order = Order.decode(message.body());
    Order.Answer answer;
    Optional<String> objection = speaker.objection(order);
    if (isTooOld(message)) {
      answer = new Order.Answer(false, versionProblem(message));
    } else if (objection.isPresent()) {
      answer = new Order.Answer(false, objection.get());
    } else {
      Function<Order, Order.Answer> carriedOut = orders;
      answer =
          carriedOut == null
              ? new Order.Answer(false, "node " + self.id() + " starts; try again")
              : carriedOut.apply(order);
    }
    if (settings.audit().isPresent()) {
      audit(settings.audit().get(), speaker, order, answer, objection.isPresent());
    }
    socket.answer(client, envelope(Kind.ANSWER, answer.encode()));
  }

  private void audit(
      AuditLog log, Speaker speaker, Order order, Order.Answer answer, boolean isForbidden) {
    if (isForbidden) {
      log.refused(speaker.name(), order.word(), order.argument(), speaker.from(), answer.text());
      return;
    }
    boolean changesNothing =
        switch (order.word()) {
          case "status", "backup-status" -> true;
          // A monitor that leads says so each second; only that it begins to is worth a line.
          case "claim" ->
              !answer.accepted() || Long.parseLong(order.argument()) <= state.monitorEpoch();
          default -> false;
        };
    if (!changesNothing) {
      log.administered(
          speaker.name(),
          order.word(),
          order.argument(),
          speaker.from(),
          answer.accepted() ? "done" : "refused: " + answer.text());
    }
  }

  // Who is taken as a member.

  private boolean isTooOld(Envelope message) {
    return message.version() < settings.version() - 1;
  }

  private Optional<Refusal> objection(Envelope message) {
    Incarnation sender = message.sender();
    if (isTooOld(message)) {
      return refusal(Reason.VERSION, message, versionProblem(message));
    }
    if (!message.cluster().equals(settings.clusterName())) {
      return refusal(
          Reason.CLUSTER,
          message,
          nameOf(message)
              + " belongs to cluster '"
              + message.cluster()
              + "', node "
              + self.id()
              + " at "
              + address
              + " to cluster '"
              + settings.clusterName()
              + "'; give both the same cluster.name, or the former other cluster.seeds");
    }
    if (state.hasEnded(sender)) {
      return refusal(
          Reason.GONE,
          message,
          nameOf(message)
              + " was declared gone, or another process has taken its place: node "
              + self.id()
              + " at "
              + address
              + " accepts nothing from it; start it again as a new one");
    }
    if (peers.containsKey(sender)) {
      return Optional.empty();
    }
    Optional<String> twin = twin(sender, message.address());
    if (twin.isPresent()) {
      return refusal(
          Reason.DUPLICATE,
          message,
          "node id '"
              + sender.nodeId()
              + "' is taken by the live node at "
              + twin.get()
              + "; the one at "
              + message.address()
              + " must wait until that has ended, or needs another node.id");
    }
    long skewMillis = skewMillis(message);
    if (Math.abs(skewMillis) > settings.clockSkewMax().toMillis()) {
      return refusal(
          skewMillis > 0 ? Reason.CLOCK : Reason.LATE, message, skewProblem(message, skewMillis));
    }
    return Optional.empty();
  }

  private static Optional<Refusal> refusal(Reason reason, Envelope message, String text) {
    return Optional.of(new Refusal(reason, message.sender().number(), text));
  }

  private static String nameOf(Envelope message) {
    return "node " + message.sender().nodeId() + " at " + message.address();
  }

  private String versionProblem(Envelope message) {
    return (message.address().isEmpty() ? "a client" : nameOf(message))
        + " speaks version "
        + message.version()
        + " of the control protocol, node "
        + self.id()
        + " at "
        + address
        + " versions "
        + (settings.version() - 1)
        + " and "
        + settings.version()
        + "; upgrade the former";
  }

  /// The address of a live node that has the same id and is another process.
  private Optional<String> twin(Incarnation sender, String senderAddress) {
    if (sender.nodeId().equals(self.id())) {
      return Optional.of(address);
    }
    return peers.values().stream()
        .filter(peer -> peer.node.id().equals(sender.nodeId()))
        .map(Peer::address)
        // A process that has its predecessor's port is the same node, started again.
        .filter(other -> !other.equals(senderAddress))
        .findFirst();
  }

  private long skewMillis(Envelope message) {
    return message.clockMillis() - settings.clock().millis();
  }

  private String skewProblem(Envelope message, long skewMillis) {
    return "the clock of "
        + nameOf(message)
        + " shows "
        + Instant.ofEpochMilli(message.clockMillis())
        + ", that of node "
        + self.id()
        + " at "
        + address
        + " "
        + Instant.ofEpochMilli(message.clockMillis() - skewMillis)
        + ": the former is "
        + Math.abs(skewMillis)
        + (skewMillis > 0 ? " ms ahead" : " ms behind")
        + ", more than clock.skew.max ("
        + settings.clockSkewMax().toMillis()
        + " ms); set the clocks right";
  }

  /// A member whose clock runs away is kept: its data are needed more than its time.
  private void warnOfSkew(Envelope message) {
    long skewMillis = skewMillis(message);
    if (Math.abs(skewMillis) > 2 * settings.clockSkewMax().toMillis()
        && message.kind() == Kind.PING
        && skewed.add(message.sender())) {
      LOG.warn("{}", skewProblem(message, skewMillis));
    }
  }

  private void refuse(Envelope message, Refusal refused) {
    tallies.refused.increment();
    Ended ended = state.ended().get(message.sender());
    if (ended != null && ended.end() == End.LEFT) {
      return; // it knows
    }
    long now = System.nanoTime();
    Long last = refusedNanos.get(message.address());
    if (last != null && now - last < REFUSE_AGAIN_NANOS) {
      return;
    }
    if (last == null) {
      LOG.warn("refused: {}", refused.text());
    }
    refusedNanos.put(message.address(), now);
    if (refusedNanos.size() > REFUSED_MAX) {
      Iterator<String> eldest = refusedNanos.keySet().iterator();
      eldest.next();
      eldest.remove();
    }
    send(message.address(), Kind.REFUSAL, refused.encode());
  }

  /// Another node does not take this one.
  private void refused(Envelope message, Refusal refused) {
    if (refused.incarnation() != incarnation.number()) {
      return; // it was for another one that had this port before
    }
    if (refused.reason() == Reason.GONE && message.cluster().equals(settings.clusterName())) {
      end(incarnation, End.GONE);
      return;
    }
    long now = System.nanoTime();
    if (now - refusalSaidNanos > REMIND_NANOS || refusalSaidNanos == 0) {
      refusalSaidNanos = now;
      LOG.warn("not taken as a member yet, keeps trying: {}", refused.text());
    }
    if (!refused.isProven(skewMillis(message), settings.clockSkewMax().toMillis())) {
      return; // what this node sent was long on its way, which passes
    }
    if (refusal == null) {
      refusalNanos = now;
    }
    refusal = refused.text();
    refusedLastNanos = now;
  }

  // What ScaleCube tells.

  private void learn(MembershipEvent event) {
    String id = event.member().id();
    switch (event.type()) {
      case ADDED, UPDATED -> {
        ByteBuffer metadata = event.newMetadata();
        if (metadata == null) {
          return;
        }
        byte[] bytes = new byte[metadata.remaining()];
        metadata.duplicate().get(bytes);
        try {
          learn(id, MemberMetadata.decode(bytes));
        } catch (MalformedMessageException e) {
          tallies.malformed.increment();
          LOG.warn("member {} says of itself what cannot be read: {}", id, e.getMessage());
        }
      }
      case LEAVING -> peerOf(id).ifPresent(peer -> end(Incarnation.of(peer.node), End.LEFT));
      case REMOVED -> peerOf(id).ifPresent(peer -> peer.inCluster = false);
    }
  }

  private Optional<Peer> peerOf(String memberId) {
    return peers.values().stream()
        .filter(peer -> memberId(Incarnation.of(peer.node)).equals(memberId))
        .findFirst();
  }

  private void learn(String id, MemberMetadata metadata) throws MalformedMessageException {
    NodeDescriptor node = metadata.node();
    Incarnation who = Incarnation.of(node);
    if (!memberId(who).equals(id) || who.equals(incarnation)) {
      throw new MalformedMessageException("it is not who it says it is");
    }
    state = state.merge(metadata.state());
    if (!state.hasEnded(who) && twin(who, address(node)).isEmpty()) {
      Peer peer = peers.get(who);
      if (peer == null) {
        LOG.info("node {} at {} is a member: {}", node.id(), address(node), node.state().word());
        follow(node, metadata.former());
        peers.put(who, new Peer(node, metadata.isComplete(), System.nanoTime()));
        refusal = null;
      } else {
        peer.node = node;
        peer.isComplete = metadata.isComplete();
        peer.inCluster = true;
      }
    }
    refresh();
  }

  /// Whoever had the node's id before it never comes back, and what it had is lost unless the node
  /// has it.
  private void follow(NodeDescriptor node, List<Long> itsFormer) {
    Set<Incarnation> earlier = new HashSet<>(peers.keySet());
    earlier.addAll(state.known().keySet());
    earlier.remove(Incarnation.of(node));
    for (Incarnation one : earlier) {
      if (one.nodeId().equals(node.id())) {
        boolean hasData = itsFormer.contains(one.number());
        LOG.info(
            "node {} started again, {}", node.id(), hasData ? "with its data" : "without data");
        peers.remove(one);
        End end = hasData ? End.FOLLOWED : End.GONE;
        state = state.withEnded(one, new Ended(settings.clock().millis(), end));
      }
    }
  }

  private void end(Incarnation who, End end) {
    if (!state.hasEnded(who) || (end == End.GONE && !state.isGone(who))) {
      LOG.info(
          "node {} ({}) {}",
          who.nodeId(),
          Long.toHexString(who.number()),
          end == End.LEFT ? "has left" : "is gone for good");
      state = state.withEnded(who, new Ended(settings.clock().millis(), end));
      refresh();
    }
  }

  // Time goes by.

  private void tick() {
    if (ending) {
      return;
    }
    long now = System.nanoTime();
    long late = now - tickedNanos - pingNanos;
    if (late > 0) {
      // This thread had to wait, not the others: what they sent meanwhile comes after this.
      peers.values().forEach(peer -> peer.heardNanos = Math.min(now, peer.heardNanos + late));
    }
    tickedNanos = now;
    if (now - pingedNanos >= pingNanos) {
      pingedNanos = now;
      Payload ping = envelope(Kind.PING, Payload.EMPTY);
      peers.values().forEach(peer -> send(peer.address(), ping));
    }
    refresh();
    if (peers.isEmpty() && refusal != null) {
      failIfRefusedForLong(now);
    }
    sayWhomItWaitsFor(now);
  }

  /// What does not pass while others forget whoever had the id before will not pass at all.
  private void failIfRefusedForLong(long now) {
    // Seeds are tried less and less often.
    if (now - refusedLastNanos > 2 * removeNanos + 24 * pingNanos) {
      refusal = null; // whoever refused is not there any more
    } else if (now - refusalNanos > 3 * removeNanos && self.state() == State.JOINING) {
      failure.complete(new StartupException(String.valueOf(refusal)));
    }
  }

  private void sayWhomItWaitsFor(long now) {
    sayWhoIsAwaySinceTheStart(now);
    if (self.state() != State.JOINING || seeds.configured().isEmpty()) {
      return;
    }
    boolean first = waitingNanos - startedNanos < removeNanos && peers.isEmpty();
    long patience = first ? 2 * removeNanos : settings.cluster().startupWait().toNanos();
    if (now - waitingNanos < patience) {
      return;
    }
    waitingNanos = now;
    LOG.warn("node {} {}", self.id(), waitsFor());
  }

  /// After a start with data from before: what others have that were there, too, is waited for.
  private void sayWhoIsAwaySinceTheStart(long now) {
    boolean due = now - startedNanos > settings.cluster().startupWait().toNanos();
    if (former.isEmpty() || absenceSaid || !due) {
      return;
    }
    absenceSaid = true;
    Set<String> away = new TreeSet<>();
    view.absent().forEach(node -> away.add(node.nodeId()));
    if (!away.isEmpty()) {
      LOG.warn(
          "node {} has its data again, but of the nodes that were there before, {} are away; while"
              + " they may have what nobody else has, keys of theirs cannot be read: start them, or"
              + " give them up with 'trellis node remove ID --dead'",
          self.id(),
          away);
    }
  }

  /// Whether the node is no member in full yet.
  boolean isJoining() {
    return view.topology()
        .member(self.id())
        .map(node -> node.state() == State.JOINING)
        .orElse(true);
  }

  /// Whom a joining node waits for, for people.
  String waitsFor() {
    MembershipView now = view;
    int founders = settings.cluster().founders(address);
    Collection<NodeDescriptor> members = now.topology().members();
    List<String> ids = members.stream().map(NodeDescriptor::id).toList();
    if (members.size() == 1) {
      Collection<String> problems = socket.problems();
      return "finds nobody yet and keeps trying: none of the seeds "
          + seeds.configured()
          + " answers"
          + (problems.isEmpty() ? "" : "; " + String.join("; ", problems));
    }
    return members.stream().allMatch(node -> node.state() == State.JOINING)
        ? "waits until " + founders + " nodes are there to found the cluster; there are " + ids
        : "takes over its part of the data; members are " + ids;
  }

  /// Brings the view, and what others are told, up to date.
  private void refresh() {
    long now = System.nanoTime();
    for (Iterator<Peer> each = peers.values().iterator(); each.hasNext(); ) {
      Peer peer = each.next();
      long silentNanos = now - peer.heardNanos;
      boolean suspected = silentNanos > suspectNanos;
      if (suspected != peer.suspected) {
        peer.suspected = suspected;
        LOG.info("node {} {}", peer.node.id(), suspected ? "does not answer" : "answers again");
      }
      Incarnation who = Incarnation.of(peer.node);
      if (state.hasEnded(who)) {
        each.remove();
      } else if (!peer.inCluster && silentNanos > removeNanos) {
        LOG.warn(
            "node {} at {} is removed: it has not answered for {} ms",
            peer.node.id(),
            peer.address(),
            TimeUnit.NANOSECONDS.toMillis(silentNanos));
        each.remove();
      }
    }
    rememberThoseWithData();
    settings.file().ifPresent(this::remember);
    MembershipView next = compute();
    if (!isEqual(next, view)) {
      view = next;
      tell(listeners, next);
    }
    Payload metadata = new MemberMetadata(self, state, former, isComplete).encode();
    Cluster started = cluster;
    if (started != null && !ending && !metadata.equals(told)) {
      told = metadata;
      var _ =
          started
              .updateMetadata(metadata.toBytes())
              .subscribe(
                  _ -> {}, problem -> LOG.debug("others will be told a little later", problem));
    }
  }

  /// Before anything is done about it: who is gone from here must not come back as if it were not.
  /// By the thread that tells, since a disk takes its time, while others must hear from this one.
  private void remember(MemberFile file) {
    State stateNow = self.state();
    ClusterState now = state;
    if (now.equals(remembered) && stateNow == rememberedState && !isToBeRemembered.get()) {
      return;
    }
    remembered = now;
    rememberedState = stateNow;
    isToBeRemembered.set(false);
    try {
      teller.execute(
          () -> guarded(() -> isToBeRemembered.compareAndSet(false, !file.save(stateNow, now))));
    } catch (RejectedExecutionException e) {
      LOG.debug("the membership has ended", e);
    }
  }

  /// A node that joins a cluster gets its writes at once; one that waits for a cluster to be
  /// founded has nothing.
  private void rememberThoseWithData() {
    List<NodeDescriptor> all = new ArrayList<>(List.of(self));
    peers.values().forEach(peer -> all.add(peer.node));
    if (all.stream().anyMatch(node -> node.state() != State.JOINING)) {
      for (NodeDescriptor node : all) {
        state = state.withKnown(Incarnation.of(node), new Known(address(node), node.tier()));
      }
    }
  }

  private MembershipView compute() {
    Map<String, NodeDescriptor> members = new HashMap<>();
    members.put(self.id(), self);
    Set<String> suspected = new TreeSet<>();
    Set<String> complete = new TreeSet<>();
    for (Peer peer : peers.values()) {
      members.put(peer.node.id(), peer.node);
      if (peer.isComplete) {
        complete.add(peer.node.id());
      }
      if (peer.suspected) {
        suspected.add(peer.node.id());
      }
    }
    Set<Incarnation> absent = new HashSet<>(state.known().keySet());
    members.values().forEach(node -> absent.remove(Incarnation.of(node)));
    int nodes = state.faultTolerance().nodes();
    return new MembershipView(
        Topology.of(members.values(), nodes),
        suspected,
        absent,
        state.gone(),
        complete,
        state.monitorEpoch());
  }

  /// Equal but for the tables that a topology remembers.
  private static boolean isEqual(MembershipView a, MembershipView b) {
    return a.topology().faultTolerance() == b.topology().faultTolerance()
        && List.copyOf(a.topology().members()).equals(List.copyOf(b.topology().members()))
        && a.suspected().equals(b.suspected())
        && a.absent().equals(b.absent())
        && a.gone().equals(b.gone())
        && a.complete().equals(b.complete())
        && a.monitorEpoch() == b.monitorEpoch();
  }

  private void tell(List<Consumer<MembershipView>> whom, MembershipView what) {
    List<Consumer<MembershipView>> now = List.copyOf(whom);
    try {
      teller.execute(() -> now.forEach(listener -> guarded(() -> listener.accept(what))));
    } catch (RejectedExecutionException e) {
      LOG.debug("the membership has ended", e);
    }
  }

  // What goes out.

  private void sendToScaleCube(String to, Payload message) {
    send(to, envelope(Kind.CLUSTER, message));
  }

  private void sendToAnyone(Payload message) {
    execute(
        () -> {
          Set<String> seen = new HashSet<>(Set.of(address));
          peers.values().forEach(peer -> seen.add(peer.address()));
          Set<String> lost = new HashSet<>();
          state.known().values().forEach(known -> lost.add(known.address()));
          for (String one : seeds.due(lost, seen, System.nanoTime())) {
            send(one, envelope(Kind.CLUSTER, message));
          }
        });
  }

  private void send(String to, Kind kind, Payload body) {
    send(to, envelope(kind, body));
  }

  private void send(String to, Payload message) {
    if (!muted && settings.reaches().test(to)) {
      socket.send(to, message);
    }
  }

  private Payload envelope(Kind kind, Payload body) {
    return new Envelope(
            settings.version(),
            kind,
            settings.clusterName(),
            incarnation,
            address,
            settings.clock().millis(),
            body)
        .encode();
  }
}
