package dev.trellis.node.net;

import dev.trellis.access.Caller;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.node.config.ConnectionConfig;
import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.node.shard.Origin;
import dev.trellis.node.shard.Outbox;
import dev.trellis.node.shard.ScanTurn;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.shard.ShardStatistics;
import dev.trellis.node.shard.Usage;
import dev.trellis.node.store.Slot;
import dev.trellis.process.Doorkeeper.Certificate;
import dev.trellis.process.StartupException;
import dev.trellis.process.Tls;
import dev.trellis.process.TlsEntrance;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.PlainReply;
import dev.trellis.wire.PlainRequests;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.ReplyPack;
import dev.trellis.wire.Request;
import io.netty.bootstrap.ServerBootstrap;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelInitializer;
import io.netty.channel.ChannelOption;
import io.netty.channel.EventLoop;
import io.netty.channel.EventLoopGroup;
import io.netty.channel.WriteBufferWaterMark;
import io.netty.util.collection.LongObjectHashMap;
import io.netty.util.collection.LongObjectMap;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A shard at work: the event loop that owns its port, its connections and its [ShardCore]. All of
/// it happens on that loop's thread, in *turns*: bytes came, a socket drained, another shard passed
/// something on, time went by. At the end of a turn all that was answered is sent.
///
/// What a turn throws is a defect: the node stops, since nobody knows what state the shard is in.
final class ShardServer implements Outbox {
  private static final Logger LOG = LoggerFactory.getLogger(ShardServer.class);
  private static final long TICK_MILLIS = 10;
  private static final int SCRATCH_BYTES = 64 << 10;
  private static final int SPARE_PACKS_MAX = 16;
  private static final long OBSERVED_MICROS_MAX = 3_600_000_000L;

  /// Plain requests of one class whose service time is measured together: asking for the time twice
  /// for each would cost as much as looking a key up.
  private static final int RUN_MAX = 64;

  /// What is scheduled lets the loop look at its sockets first, as what is executed may not.
  private static final long SCAN_PAUSE_MILLIS = 1;

  private static final long SCAN_TURN_NANOS = 1_000_000;

  /// Connections beyond the limit, for those who have not introduced themselves: replicas among
  /// them, which do not count, and clients who are to be told that there is no room.
  private static final int STRANGERS_MAX = 1_000;

  /// Memory that their frames may take together while they arrive.
  private static final long STRANGERS_BYTES_MAX = 1 << 20;

  /// The longest that a timer runs: clocks may be set meanwhile.
  private static final long REVIEW_MILLIS_MAX = 600_000;

  /// How often a defect that requests meet with is told.
  private static final long DEFECTS_PERIOD_MILLIS = 1_000;

  /// A scan that has no page yet.
  ///
  /// @param isWanted whether anybody waits for the page still
  private record WaitingScan(
      Passage asker, Frame.Scan scan, BooleanSupplier isWanted, Consumer<Frame.Scanned> then) {}

  private final DataPlane plane;
  private final int index;
  private final long incarnation;
  private final ShardCore core; // touched on the loop only, but for its statistics
  private final InstantSource clock;
  private final EventLoopGroup group;
  private final EventLoop loop;
  private final FrameCodec codec;
  private final PlainRequests plain;
  private final ShardTallies tallies = new ShardTallies();
  private final LoopTime time = new LoopTime();
  private final ClassCounts service = new ClassCounts();
  private final ClassCounts seen = new ClassCounts(); // by clients
  private final Peer self;
  private final PeerLinks links;
  private final Set<PeerConnection> peers = new HashSet<>();
  private final RefusalsTold refusalsTold = new RefusalsTold(); // of peers
  private final AtomicInteger fromSiblings = new AtomicInteger(); // messages yet to be taken
  private final SharedMemory inboundMemory;
  private final SharedMemory outboundMemory;
  private final SharedMemory strangersMemory;
  private final Scratch scratch = new Scratch(SCRATCH_BYTES);
  private final ArrayDeque<ReplyPack> sparePacks = new ArrayDeque<>();
  private final Set<Connection> connections = new HashSet<>();
  private final LinkedHashSet<Connection> strangers =
      new LinkedHashSet<>(); // those of them that have not introduced themselves, eldest first
  private final LongObjectMap<Recipient> recipients = new LongObjectHashMap<>(); // by connection id
  private final ArrayDeque<WaitingScan> scansWaiting = new ArrayDeque<>();
  private final CompletableFuture<Void> drained = new CompletableFuture<>();
  private List<Recipient> touched = new ArrayList<>(); // may hold one several times
  private List<Recipient> settling = new ArrayList<>(); // were touched before
  private @Nullable Recipient touchedLast; // so that it is not noted for each of many replies
  private long runNanos; // when the run of plain requests began that is handled
  private long runMillis; // likewise, as time of day
  private int runLength;
  private boolean runMutates;
  private long defectMillis; // when one was told last
  private boolean draining;
  private @Nullable MembershipView view; // the latest
  private @Nullable Channel listener; // set by bind
  private volatile boolean listening; // written by the loop, read by the admin threads
  private volatile long tickedMillis; // written by the loop, read by the admin threads

  ShardServer(
      DataPlane plane,
      int index,
      long incarnation,
      long nodeIncarnation,
      ShardCore core,
      InstantSource clock,
      Transport transport) {
    this.plane = plane;
    this.index = index;
    this.incarnation = incarnation;
    this.core = core;
    this.clock = clock;
    this.group = transport.newLoop("shard-" + index, time, plane.config().connections().pollTime());
    this.loop = group.next();
    this.codec = new FrameCodec(plane.config().limits());
    this.plain = new PlainRequests(plane.config().limits());
    this.self = new Peer(plane.config().nodeId(), nodeIncarnation, index);
    this.links = new PeerLinks(this, group, transport);
    ConnectionConfig limits = plane.config().connections();
    int shards = plane.config().shards();
    this.inboundMemory = new SharedMemory(limits.inboundMemoryBytes() / shards, this::wakeInbound);
    this.outboundMemory =
        new SharedMemory(limits.outboundMemoryBytes() / shards, this::wakeOutbound);
    this.strangersMemory = new SharedMemory(STRANGERS_BYTES_MAX, this::wakeStrangers);
    core.onDiskProgress(() -> execute(() -> {})); // every turn ends with a look at the disk
    core.onLoss(
        partition ->
            LOG.error(
                "shard {} of node {}: a record in partition {} is not as it was written; it is"
                    + " taken out, and the partition is fetched from other replicas",
                index,
                plane.config().nodeId(),
                partition));
    core.onDefect(this::noteDefect);
  }

  /// Who has found such a request may send many of them.
  private void noteDefect(RuntimeException defect) {
    long now = clock.millis();
    if (now - defectMillis >= DEFECTS_PERIOD_MILLIS || now < defectMillis) {
      defectMillis = now;
      LOG.error(
          "shard {} of node {}: a request met with a defect and was refused; nothing was changed",
          index,
          plane.config().nodeId(),
          defect);
    }
  }

  // Life, called from outside.

  /// Takes the port, without accepting connections yet.
  ///
  /// @throws StartupException if the port cannot be opened
  void bind(InetSocketAddress address, Transport transport) {
    int bytesMax = plane.config().connections().outboundBytesMax();
    ServerBootstrap bootstrap =
        new ServerBootstrap()
            .group(group)
            .channel(transport.serverChannel())
            .option(ChannelOption.AUTO_READ, false)
            .option(ChannelOption.SO_REUSEADDR, true)
            .childOption(ChannelOption.TCP_NODELAY, true)
            .childOption(ChannelOption.SO_KEEPALIVE, true)
            .childOption(
                ChannelOption.WRITE_BUFFER_WATER_MARK,
                new WriteBufferWaterMark(bytesMax / 2, bytesMax))
            .childHandler(
                new ChannelInitializer<Channel>() {
                  @Override
                  protected void initChannel(Channel channel) {
                    accept(channel);
                  }
                });
    transport.probeIdle(bootstrap);
    ChannelFuture bound = bootstrap.bind(address).awaitUninterruptibly();
    if (!bound.isSuccess()) {
      throw StartupException.portUnavailable(
          address,
          "shard " + index + " of node " + plane.config().nodeId(),
          "data.ports",
          bound.cause());
    }
    listener = bound.channel();
    listener.closeFuture().addListener(closed -> listening = false);
  }

  private void accept(Channel channel) {
    Connection connection = new Connection(this, plane.nextConnectionId(), channel);
    if (plane.protection().isPresent()) {
      Tls tls = plane.protection().get().tls();
      channel
          .pipeline()
          .addLast(
              new TlsEntrance(
                  tls,
                  handler -> channel.pipeline().addFirst(new SentBytes(connection::moved)),
                  connection::refusePlain));
    }
    channel.pipeline().addLast(connection);
  }

  /// The port taken.
  int port() {
    return ((InetSocketAddress) bound().localAddress()).getPort();
  }

  /// Accepts connections from now on.
  ///
  /// @return completes when it does
  CompletableFuture<Void> open() {
    tickedMillis = clock.millis();
    CompletableFuture<Void> opened = new CompletableFuture<>();
    execute(
        () -> {
          bound().config().setAutoRead(true);
          listening = true;
          opened.complete(null);
        });
    var _ =
        loop.scheduleWithFixedDelay(
            () -> turn(this::tick), TICK_MILLIS, TICK_MILLIS, TimeUnit.MILLISECONDS);
    return opened;
  }

  /// Stops accepting and reading, answers what was taken, closes the connections.
  ///
  /// @return completes when that is done
  CompletableFuture<Void> drain() {
    execute(
        () -> {
          draining = true;
          var _ = bound().close();
          List.copyOf(connections).forEach(Connection::drain);
          if (connections.isEmpty()) {
            drained.complete(null);
          }
        });
    return drained;
  }

  /// Closes everything at once.
  void abort() {
    listening = false;
    try {
      loop.execute(
          () -> {
            if (listener != null) {
              var _ = listener.close();
            }
            List.copyOf(connections).forEach(Connection::abort);
            List.copyOf(peers).forEach(PeerConnection::abort);
            links.close();
          });
    } catch (RejectedExecutionException e) {
      LOG.debug("shard {} is down already", index);
    }
  }

  /// Ends the thread.
  void shutDown() {
    group.shutdownGracefully(0, 1, TimeUnit.SECONDS).awaitUninterruptibly();
  }

  /// Tells the shard who belongs to the cluster.
  void membership(MembershipView latest) {
    execute(
        () -> {
          view = latest;
          links.membership(latest);
          List.copyOf(peers).forEach(this::refuseIfGone);
          core.membership(latest, clock.millis(), this);
        });
  }

  /// Looks again at who is let in, since the list of principals has changed.
  void review() {
    execute(
        () -> {
          List.copyOf(connections).forEach(Connection::review);
          List.copyOf(peers).forEach(PeerConnection::review);
          links.review();
        });
  }

  /// Shows every entry to `visitor` on this shard's thread.
  CompletableFuture<Void> show(Consumer<Slot> visitor) {
    CompletableFuture<Void> shown = new CompletableFuture<>();
    execute(
        () -> {
          try {
            core.slots().forEachRemaining(visitor);
            shown.complete(null);
          } catch (RuntimeException e) {
            shown.completeExceptionally(e);
          }
        });
    return shown;
  }

  /// What there is to tell of the time since the last call.
  CompletableFuture<NodeReport.Shard> report() {
    CompletableFuture<NodeReport.Shard> report = new CompletableFuture<>();
    execute(
        () ->
            report.complete(
                core.report(clock.millis(), time.takeBusyNanos(), service.take(), seen.take())));
    return report;
  }

  /// Has the shard take entries as they stand from clients too, for some time from now.
  void admitMerges(Duration lease) {
    execute(() -> core.admitMerges(clock.millis(), lease));
  }

  /// Has the shard take what it has for all there is.
  void found() {
    execute(core::found);
  }

  /// How far the shard has come with what the view asks of it.
  ShardProgress progress() {
    return core.progress();
  }

  boolean isListening() {
    return listening;
  }

  /// How long ago the loop last had time for what it does a hundred times a second.
  long silentMillis() {
    return clock.millis() - tickedMillis;
  }

  ShardTallies tallies() {
    return tallies;
  }

  /// What principals use of the shard; may be called by any thread.
  Collection<Usage> usages() {
    return core.usages();
  }

  ShardStatistics statistics() {
    return core.statistics();
  }

  int index() {
    return index;
  }

  // Turns.

  /// Runs a turn on the loop; may be called by any thread. Turns given by one thread run in order.
  void execute(Runnable work) {
    try {
      loop.execute(() -> turn(work));
    } catch (RejectedExecutionException e) {
      LOG.debug("shard {} is down, and with it the connection that this was for", index);
    }
  }

  /// Runs a turn; to be called on the loop.
  void turn(Runnable work) {
    step(work);
    step(this::settle);
  }

  /// Runs a part of a turn that another one will end; to be called on the loop.
  void step(Runnable work) {
    if (plane.hasFailed()) {
      return;
    }
    try {
      work.run();
    } catch (Throwable defect) { // whatever it is, the shard cannot be trusted any more
      plane.fail(index, defect);
    }
  }

  /// Runs a turn later on.
  Future<?> schedule(Runnable work, long delayMillis) {
    return loop.schedule(() -> turn(work), delayMillis, TimeUnit.MILLISECONDS);
  }

  /// Has somebody looked at again when what he is known by has ended, or earlier.
  ///
  /// @param expiresMillis since the epoch; 0 for never
  /// @return null for never
  @Nullable Future<?> scheduleReview(Runnable review, long expiresMillis) {
    long left = expiresMillis - clock.millis();
    return expiresMillis == 0 ? null : schedule(review, Math.clamp(left, 1, REVIEW_MILLIS_MAX));
  }

  /// Notes that a recipient has something to send at the end of the turn.
  void touch(Recipient recipient) {
    if (recipient != touchedLast) {
      touchedLast = recipient;
      touched.add(recipient);
    }
  }

  private void tick() {
    long now = clock.millis();
    tickedMillis = now;
    core.tick(now, this);
    refusalsTold.overdue(now).ifPresent(this::tellUntold);
    if (inboundMemory.isContended() || outboundMemory.isContended()) {
      List.copyOf(connections).forEach(Connection::endIfStalled);
    }
  }

  private void wakeInbound() {
    execute(() -> inboundMemory.wake());
  }

  private void wakeStrangers() {
    execute(() -> strangersMemory.wake());
  }

  private void wakeOutbound() {
    execute(() -> outboundMemory.wake());
  }

  private void settle() {
    core.persist(clock, this);
    // Settling may touch others, and these again: a fixed point is reached as each does less.
    while (!touched.isEmpty()) {
      List<Recipient> now = touched;
      touched = settling;
      settling = now;
      touchedLast = null;
      for (Recipient recipient : now) {
        recipient.settle();
      }
      now.clear();
      core.persist(clock, this); // what they began with the room that answers gave them
    }
    links.flush();
  }

  // The shard's state, for its connections.

  void handle(Origin origin, Request request) {
    noteObserved(request.context().observedMicros());
    long start = System.nanoTime();
    core.handle(origin, request, now(), this);
    long took = System.nanoTime() - start;
    (request.operation() instanceof Read ? tallies.reads : tallies.mutations).record(took);
    service.add(took, 1);
  }

  /// Takes note of what a client says it saw of an earlier request.
  private void noteObserved(long micros) {
    if (micros != 0) {
      // What is out of all proportion goes into the last class.
      seen.add(micros > 0 && micros < OBSERVED_MICROS_MAX ? micros * 1_000 : Long.MAX_VALUE, 1);
    }
  }

  /// Has the shard get ready for requests of a frame, counted from the first of the frame.
  void expect(PlainRequests requests, int from, int to) {
    core.expect(requests, from, to);
  }

  /// Handles the plain request that was taken last. The caller tells when the [#endRun] of those
  /// that come together has come.
  void handle(Origin origin, PlainRequests request) {
    boolean mutates = request.isPut();
    if (runLength > 0 && (runLength == RUN_MAX || runMutates != mutates)) {
      endRun();
    }
    if (runLength == 0) {
      runNanos = System.nanoTime();
      runMillis = clock.millis();
      runMutates = mutates;
    }
    runLength++;
    noteObserved(request.observedMicros());
    core.handle(origin, request, runMillis, this);
  }

  /// The time for something else than a plain request: no run goes on after it with an earlier one.
  private long now() {
    endRun();
    return clock.millis();
  }

  /// Takes note of how long the plain requests took that were handled since the last call.
  void endRun() {
    if (runLength > 0) {
      long took = System.nanoTime() - runNanos;
      (runMutates ? tallies.mutations : tallies.reads).record(took, runLength);
      service.add(took / runLength, runLength);
      runLength = 0;
    }
  }

  /// The caller of a connection is another from now on; see [ShardCore#callerIs].
  void callerIs(Origin origin) {
    core.callerIs(origin, now(), this);
  }

  void watch(Origin origin, Frame.Watch watch) {
    core.watch(origin, watch, now(), this);
  }

  void unwatch(Origin origin, long watchId) {
    core.unwatch(origin, watchId);
    core.giveUp(origin, watchId, now(), this);
  }

  Optional<Frame.Changed> nextChange(Origin origin) {
    return core.nextChange(origin, now());
  }

  /// Gives a page, once the keys of the shard are in order and some that are to be shown are found;
  /// until then, sockets and other turns come in between.
  ///
  /// @param isWanted whether anybody waits for the page still
  void scan(
      Passage asker, Frame.Scan scan, BooleanSupplier isWanted, Consumer<Frame.Scanned> then) {
    WaitingScan asked = new WaitingScan(asker, scan, isWanted, then);
    if (scansWaiting.isEmpty() && core.prepareScan(now())) {
      goOn(asked);
    } else {
      scansWaiting.add(asked);
    }
    if (scansWaiting.size() == 1) {
      var _ = schedule(this::goOnWithScans, SCAN_PAUSE_MILLIS);
    }
  }

  private void goOn(WaitingScan scan) {
    switch (core.scan(scan.asker().origin().caller(), scan.scan(), now())) {
      case ScanTurn.Done(Frame.Scanned page) -> scan.then().accept(page);
      case ScanTurn.Unfinished(Frame.Scan rest) ->
          scansWaiting.add(new WaitingScan(scan.asker(), rest, scan.isWanted(), scan.then()));
    }
  }

  /// Puts some more keys in order, or gives pages to those who wait for that, for about a
  /// millisecond.
  private void goOnWithScans() {
    boolean ready = core.prepareScan(now());
    long begun = System.nanoTime();
    while (ready && !scansWaiting.isEmpty() && System.nanoTime() - begun < SCAN_TURN_NANOS) {
      WaitingScan next = scansWaiting.remove();
      if (next.isWanted().getAsBoolean()) {
        goOn(next);
      }
    }
    if (!scansWaiting.isEmpty()) {
      var _ = schedule(this::goOnWithScans, SCAN_PAUSE_MILLIS);
    }
  }

  HybridTimestamp time() {
    return core.clock(now());
  }

  /// See [ShardCore#asOf].
  HybridTimestamp asOf() {
    return core.asOf(now());
  }

  /// @param time what to tell of the time
  /// @param caller who is greeted
  Frame.Welcome welcome(int version, HybridTimestamp time, Caller caller) {
    return new Frame.Welcome(
        version,
        plane.config().clusterName(),
        plane.config().nodeId(),
        index,
        incarnation,
        time,
        plane.config().limits(),
        ShardCore.RING_VERSION,
        caller.equals(Caller.ANONYMOUS) ? "" : caller.principal());
  }

  // Its peers.

  /// Who this shard is to others.
  Peer self() {
    return self;
  }

  /// Where short messages are put while they are decoded.
  Scratch scratch() {
    return scratch;
  }

  /// Room for replies that leave together, to be given back when they have.
  ReplyPack takePack() {
    ReplyPack spare = sparePacks.poll();
    return spare == null ? new ReplyPack() : spare;
  }

  void giveBack(ReplyPack pack) {
    pack.clear();
    if (sparePacks.size() < SPARE_PACKS_MAX) {
      sparePacks.push(pack);
    }
  }

  @Override
  public void send(Peer to, PeerMessage message) {
    links.send(to, message);
  }

  /// Takes a message of a peer.
  void receive(Peer from, PeerMessage message) {
    tallies.peerMessagesReceived.add(1);
    core.receive(from, message, clock.millis(), this);
  }

  /// Takes a message of another shard of this node; to be called on that one's thread.
  ///
  /// @return whether there was room
  boolean takeOver(ShardServer from, PeerMessage message) {
    if (fromSiblings.incrementAndGet() > PeerLinks.SIBLING_MESSAGES_MAX) {
      fromSiblings.decrementAndGet();
      return false;
    }
    execute(
        () -> {
          fromSiblings.decrementAndGet();
          receive(from.self(), message);
        });
    return true;
  }

  /// The way to a peer is free.
  void connected(Peer peer) {
    core.connected(peer, clock.millis(), this);
  }

  /// Why a replica that introduces itself is not listened to; empty if it is.
  Optional<Frame.Refused> objection(Frame.Introduction introduction) {
    return Handshake.objection(
        introduction, self, view, clock.millis(), plane.config().clockSkewMax());
  }

  /// Why a certificate does not show that its owner is this node; empty if it does, and where there
  /// is no security.
  Optional<String> objection(Optional<Certificate> certificate, String nodeId) {
    return plane
        .protection()
        .flatMap(known -> known.doorkeeper().objection(certificate, nodeId, clock.millis()));
  }

  /// Tells of a replica that is refused, as far as there is room in the log: it will try again and
  /// again.
  void refusedPeer(Peer from, ErrorCode code, String message) {
    tallies.peersRefused.add(1);
    // Of a skew the message tells the times, which differ each time.
    String reason = from + (code == ErrorCode.CLOCK_SKEW ? code.name() : message);
    OptionalLong before = refusalsTold.note(reason, clock.millis());
    if (before.isPresent()) {
      LOG.warn("{}: {} is refused: {}", self, from, message);
      tellUntold(before.getAsLong());
    }
  }

  private void tellUntold(long count) {
    if (count > 0) {
      LOG.warn("{}: {} more refused of other replicas, or who says that he is one", self, count);
    }
  }

  /// A replica has introduced itself.
  void join(PeerConnection peer) {
    peers.add(peer);
  }

  /// The connection of a replica is closed.
  void forget(PeerConnection peer) {
    peers.remove(peer);
  }

  private void refuseIfGone(PeerConnection peer) {
    if (view != null && view.gone().contains(Incarnation.of(peer.from()))) {
      Frame.Refused refusal = Handshake.stale(peer.from());
      peer.refuse(refusal.code(), refusal.message());
    }
  }

  InstantSource clock() {
    return clock;
  }

  /// For long requests, from the announcement of their length until they were begun.
  SharedMemory inboundMemory() {
    return inboundMemory;
  }

  /// For answers, until the sockets have taken them. For long Hellos, of which no honest one is.
  SharedMemory strangersMemory() {
    return strangersMemory;
  }

  SharedMemory outboundMemory() {
    return outboundMemory;
  }

  DataPlane plane() {
    return plane;
  }

  FrameCodec codec() {
    return codec;
  }

  /// What reads the frames that hold plain requests, one at a time.
  PlainRequests plain() {
    return plain;
  }

  @Override
  public void reply(Origin origin, Reply reply) {
    Recipient recipient = recipients.get(origin.connection());
    if (recipient != null) { // else it is gone
      recipient.reply(reply);
    }
  }

  @Override
  public void reply(Origin origin, PlainReply reply) {
    Recipient recipient = recipients.get(origin.connection());
    if (recipient != null) { // else it is gone
      recipient.reply(reply);
    }
  }

  @Override
  public void changesPending(Origin origin) {
    Recipient recipient = recipients.get(origin.connection());
    if (recipient != null) {
      recipient.changesPending();
    }
  }

  // Its connections.

  /// Counts a new connection. Those that have not introduced themselves take the place of none that
  /// has: where there are too many, the one ends that has been taking its time for longest.
  void accept(Connection connection) {
    connections.add(connection);
    strangers.add(connection);
    tallies.connections.add(1);
    tallies.connectionsAccepted.add(1);
    int limit = plane.config().connections().connectionsMax();
    if (draining) {
      connection.abort();
    } else if (connections.size() > limit + STRANGERS_MAX) {
      Connection eldest = strangers.removeFirst();
      tallies.connectionsRefused.add(1);
      eldest.abort();
    }
  }

  /// Whether there is room for one more connection of a client.
  boolean hasRoom(int more) {
    int most = plane.config().connections().connectionsMax() + more;
    return connections.size() - strangers.size() < most;
  }

  /// A connection has introduced itself.
  void join(Origin origin, Connection connection) {
    strangers.remove(connection);
    recipients.put(origin.connection(), connection);
  }

  /// A connection asks for nothing any more.
  void leave(Origin origin) {
    recipients.remove(origin.connection());
    core.disconnected(origin);
  }

  /// A connection is closed.
  void forget(Connection connection) {
    inboundMemory.forget(connection);
    outboundMemory.forget(connection);
    strangersMemory.forget(connection);
    strangers.remove(connection);
    if (connections.remove(connection)) {
      tallies.connections.add(-1);
    }
    if (draining && connections.isEmpty()) {
      drained.complete(null);
    }
  }

  // Connections of other shards of this node.

  /// Does errands for a connection of another shard.
  void accept(Passage passage, List<Errand> errands) {
    PassedConnection connection = passed(passage.origin());
    if (connection == null) {
      connection = new PassedConnection(this, passage);
      recipients.put(passage.origin().connection(), connection);
    }
    connection.accept(errands);
  }

  /// Goes on with what waits for a connection of another shard.
  void resume(Origin origin) {
    PassedConnection connection = passed(origin);
    if (connection != null) {
      connection.advance();
    }
  }

  /// A connection of another shard is gone.
  void dismiss(Origin origin) {
    PassedConnection connection = passed(origin);
    if (connection != null) {
      connection.close();
      leave(origin);
    }
  }

  private @Nullable PassedConnection passed(Origin origin) {
    return recipients.get(origin.connection()) instanceof PassedConnection found ? found : null;
  }

  private Channel bound() {
    if (listener == null) {
      throw new IllegalStateException("shard " + index + " has no port yet");
    }
    return listener;
  }
}
