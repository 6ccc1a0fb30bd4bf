package dev.trellis.client;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.FrameCodec;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.RequestPack;
import io.netty.channel.EventLoop;
import io.netty.util.concurrent.ScheduledFuture;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// All that this client has to do with one port of the cluster: the calls that wait their turn,
/// those that were sent, the watches, and the connection, which is made when there is something to
/// do and made again when it is lost.
///
/// The rule for what was sent on a connection that is then lost: whatever may be carried out twice
/// is sent again, here or wherever the key belongs by then. Any other mutation is sent again only
/// to the same incarnation of the shard and under the same sequence, since only that can tell
/// whether it was carried out; if the incarnation is gone, the outcome is unknown. And once an
/// attempt went unanswered, a later refusal does not prove that nothing happened: such a mutation
/// never fails definitely.
///
/// A lane that has lost its connection, or does not get one, is down: what was not sent yet, and
/// what may be carried out twice, goes to another holder of its key that is not down, if there is
/// one. Nobody waits for the cluster to find out that a node is dead.
///
/// A lane without a target is where calls wait while the cluster has no node.
///
/// Any thread may [#take] and [#wake]; all else is confined to the event loop.
final class Lane implements Connection.Listener {
  private static final Logger log = LoggerFactory.getLogger(Lane.class);

  private static final int FOLLOWS_MAX = 3;
  private static final int RESTAMPS_MAX = 3;

  /// Of those refused as too old, which a busy network makes of stamps that were right.
  private static final int LATE_RESTAMPS_MAX = 20;

  private static final int RESTS_MAX = 3;
  private static final int SUPERSEDES_MAX = 3;
  private static final long BATCH_BYTES_MAX = 1 << 20;
  private static final long BACKOFF_MILLIS_MIN = 10;
  private static final long BACKOFF_MILLIS_MAX = 1_000;
  private static final long SHORTAGE_MILLIS_MAX = 500;

  /// Calls made while answers are told that are worth a system call of their own.
  private static final int EAGER_CALLS = 64;

  private static final long NANOS_PER_MICRO = 1_000;
  private static final long NANOS_PER_MILLI = 1_000_000;

  /// Time between two requests that tell the shard how long an earlier one took, at least.
  private static final long OBSERVATION_NANOS = NANOS_PER_MILLI;

  private static final long ATTEMPT_MILLIS = 100; // that a shard gets at least to answer

  /// A call that was turned away waits no longer for a new map: another holder may take it.
  private static final long FOLLOW_MILLIS_MAX = 500;

  /// Sequences that a shard surely still remembers, counted back from the last one sent.
  private static final long SEQUENCES_REMEMBERED = 4_096 - 2_048;

  private final Cluster cluster;
  private final Optional<Routing.Target> target;
  private final EventLoop loop;
  private final ClientConfig config;

  private final Queue<Pending> inbox = new ConcurrentLinkedQueue<>();
  private final AtomicBoolean passScheduled = new AtomicBoolean();
  private final AtomicInteger held = new AtomicInteger(); // calls with this lane, in whatever state
  private final AtomicLong heldBytes = new AtomicLong(); // of these
  private final AtomicBoolean mayProbe = new AtomicBoolean(); // down, and not about to connect
  private volatile boolean down; // written on the event loop, read where calls are placed

  private final Deque<Pending> waiting = new ArrayDeque<>();
  private final InFlight inFlight = new InFlight();
  private final List<Pending.OfCall> together = new ArrayList<>(); // about to be sent in one frame
  private final Set<Pending> resting = new LinkedHashSet<>(); // until an overload may be over
  private final Map<Long, ActiveWatch> watches = new LinkedHashMap<>();
  private long nextId = 1; // of requests, scans and watches
  private @Nullable Connection connection;
  private Frame.@Nullable Welcome welcome; // of the connection, once its handshake is done
  private String trouble = ""; // why there is no connection
  private int failures; // to connect, since a request was last answered
  private @Nullable ScheduledFuture<?> reconnect;
  private @Nullable ScheduledFuture<?> sweep;
  private long sweepNanos; // when the sweep is due
  private @Nullable ScheduledFuture<?> liveness;
  private Confirmations confirmations = new Confirmations(Confirmation.NONE); // of the connection
  private @Nullable ScheduledFuture<?> renewal; // of confirmations, while there are subscriptions
  private long renewalNanos; // between two of them
  private long renewalId; // of the ping that asks for one; 0 if none is under way
  private long renewalSentNanos;
  private long renewalSentMillis;
  private long passNanos; // when the sending under way began
  private long observedMicros; // what a call took, to be told with the next one; 0 if nothing is
  private int observesIn; // answers up to the one that is looked at; 0 if none is to be
  private long toldNanos = System.nanoTime(); // when something was told last
  private boolean receiving; // between what came and the end of it, where sending follows
  private boolean heard; // anything, since the last look
  private boolean pinged;
  private boolean retired; // the target has left the map
  private boolean closed;

  Lane(Cluster cluster, Optional<Routing.Target> target, EventLoop loop) {
    this.cluster = cluster;
    this.target = target;
    this.loop = loop;
    this.config = cluster.config();
  }

  // ---- From any thread ----

  /// Takes a call in, or fails it at once if too many wait already.
  ///
  /// @param moved whether it was taken in before, by another lane
  /// @return whether it was taken; then [#wake] is to be called
  boolean take(Pending call, boolean moved) {
    int calls = held.incrementAndGet();
    long bytes = heldBytes.addAndGet(call.weight);
    // One call may be larger than the bound, but not wait behind others then.
    boolean full =
        calls > config.queueMax() + config.inFlightMax()
            || (bytes > config.queueBytesMax() && bytes > call.weight);
    if (full && !moved) {
      letGo(call);
      call.fail(
          TrellisException.of(
              new TrellisException.Failure(
                  ErrorCode.OVERLOADED,
                  call.description()
                      + ": "
                      + (calls - 1)
                      + " calls of "
                      + (bytes - call.weight)
                      + " bytes wait for "
                      + name()
                      + " already; wait for some of them before you send more")));
      return false;
    }
    if (isSendingSoon() && welcome != null && !closed && !retired && !down) {
      waiting.add(call);
      sweepBy(call.deadlineNanos);
    } else {
      inbox.add(call);
    }
    return true;
  }

  /// Whether all that waits will be sent without being asked for: an answer is being told, on the
  /// event loop, and others or none are to follow. Whoever makes the next call then needs no
  /// detour.
  private boolean isSendingSoon() {
    return loop.inEventLoop() && receiving && inbox.isEmpty();
  }

  /// Has the event loop look at what was taken in.
  void wake() {
    if (isSendingSoon()) {
      return;
    }
    if (passScheduled.compareAndSet(false, true)) {
      onLoop(this::pass);
    }
    if (cluster.isClosed()) {
      // The event loop may be gone; nobody else would look into the inbox.
      failInbox();
    }
  }

  Optional<Routing.Target> target() {
    return target;
  }

  /// Whether calls had better go elsewhere: the connection was lost, or takes long to be made.
  boolean isDown() {
    return down;
  }

  /// Tries to connect, if there is no connection and the last attempt was not just now: a call that
  /// belongs here first has gone elsewhere.
  void probe() {
    if (mayProbe.compareAndSet(true, false)) {
      onLoop(
          () -> {
            if (!closed && !retired && connection == null && reconnect == null) {
              connect();
            }
          });
    }
  }

  /// Hands over what others can do, since one of them has its connection again.
  void lookElsewhere() {
    onLoop(this::handOver);
  }

  void watch(ActiveWatch watch) {
    onLoop(() -> addWatch(watch));
  }

  void unwatch(ActiveWatch watch) {
    onLoop(() -> removeWatch(watch));
  }

  /// The map has changed: hands over what belongs elsewhere.
  void reroute(boolean stillInMap) {
    onLoop(
        () -> {
          retired = !stillInMap;
          handOver();
          if (retired) {
            askForSignOfLife();
          }
        });
  }

  /// Fails all that waits, and ends the connection.
  void close() {
    onLoop(this::closeNow);
  }

  /// Fails what is still in the inbox, once the client is closed.
  void failInbox() {
    for (Pending call = inbox.poll(); call != null; call = inbox.poll()) {
      letGo(call);
      failClosed(call);
    }
  }

  private void onLoop(Runnable task) {
    try {
      loop.execute(task);
    } catch (RejectedExecutionException e) {
      failInbox(); // the client is closed
    }
  }

  private void letGo(Pending call) {
    held.decrementAndGet();
    heldBytes.addAndGet(-call.weight);
  }

  private String name() {
    return target.map(Routing.Target::toString).orElse("a node to join the cluster");
  }

  // ---- Waiting and sending ----

  private void pass() {
    passScheduled.set(false);
    for (Pending call = inbox.poll(); call != null; call = inbox.poll()) {
      if (closed) {
        letGo(call);
        failClosed(call);
      } else if (belongsElsewhere(call) || isBetterElsewhere(call)) {
        passOn(call);
      } else if (isPointless(call)) {
        letGo(call);
        call.fail(outOfReach(call));
      } else {
        waiting.add(call);
        sweepBy(call.deadlineNanos);
      }
    }
    work();
  }

  /// Does what can be done now: connect, or send.
  private void work() {
    if (closed || (waiting.isEmpty() && watches.isEmpty())) {
      return;
    }
    if (retired) {
      handOver();
    } else if (welcome != null) {
      send();
    } else if (connection == null && reconnect == null) {
      connect();
    }
  }

  private void connect() {
    if (target.isEmpty()) {
      trouble = "the cluster has no node that could hold keys";
      failures++;
      cluster.refreshMapThen(() -> {});
      reconnectLater();
      return;
    }
    mayProbe.set(false);
    Connection opening =
        Connection.open(
            target.get().address(),
            loop,
            cluster.loops(),
            cluster.hello(target.get().scope()),
            config.tls(),
            config.connectTimeout().toMillis(),
            this);
    connection = opening;
    later(
        config.patience().toMillis(),
        () -> {
          if (connection == opening && welcome == null) {
            trouble = "no answer to the handshake within " + config.patience().toMillis() + " ms";
            down = true;
            handOver();
          }
        });
  }

  private void reconnectLater() {
    long most = BACKOFF_MILLIS_MAX;
    if (failures < 8) {
      most = Math.min(most, BACKOFF_MILLIS_MIN << failures);
    }
    long millis = most / 2 + ThreadLocalRandom.current().nextLong(most / 2 + 1);
    reconnect =
        loop.schedule(
            () -> {
              reconnect = null;
              mayProbe.set(down);
              work();
            },
            millis,
            TimeUnit.MILLISECONDS);
  }

  private void send() {
    Connection socket = connection;
    Frame.Welcome greeting = welcome;
    if (socket == null || greeting == null) {
      return;
    }
    passNanos = System.nanoTime();
    while (inFlight.busy() < config.inFlightMax() && socket.isWritable()) {
      Pending next = waiting.peek();
      if (next == null) {
        break;
      }
      if (next.isDone()) {
        letGo(waiting.remove());
      } else if (next instanceof Pending.OfCall call && isLost(call, greeting.incarnation())) {
        letGo(waiting.remove());
        call.fail(unknown(call, name() + " has restarted since, and does not know", null));
      } else if (next instanceof Pending.OfScan scan) {
        waiting.remove();
        write(socket, scan);
      } else if (next instanceof Pending.OfCall call) {
        sendCalls(socket, greeting, call);
      }
    }
    socket.flush();
    if (observesIn == 0 && observedMicros == 0 && passNanos - toldNanos >= OBSERVATION_NANOS) {
      // Any of those under way: the next one to be answered would tell too little of those behind.
      observesIn = 1 + ThreadLocalRandom.current().nextInt(1 + inFlight.busy());
    }
  }

  /// Whether a mutation was sent to an incarnation that alone could tell what became of it.
  private static boolean isLost(Pending.OfCall call, long incarnation) {
    return isForThisShardOnly(call) && call.incarnation != incarnation;
  }

  private void write(Connection socket, Pending.OfScan scan) {
    scan.id = nextId++;
    inFlight.put(scan);
    socket.write(
        FrameCodec.encode(
            new Frame.Scan(scan.id, scan.prefix, scan.after, scan.limit, scan.withValues)));
  }

  /// Sends the first waiting call, and those of the same batch that follow it.
  private void sendCalls(Connection socket, Frame.Welcome greeting, Pending.OfCall first) {
    waiting.remove();
    if (first.batch == null) {
      writeAlone(socket, greeting, first);
      return;
    }
    List<Pending.OfCall> calls = together;
    calls.clear();
    calls.add(first);
    int room = Math.min(greeting.limits().batchKeysMax(), config.inFlightMax() - inFlight.busy());
    long bytes = first.weight;
    while (calls.size() < room
        && waiting.peek() instanceof Pending.OfCall next
        && next.batch == first.batch
        && !next.isDone()
        && !isLost(next, greeting.incarnation())
        && bytes + next.weight <= BATCH_BYTES_MAX) {
      waiting.remove();
      bytes += next.weight;
      calls.add(next);
    }
    boolean written =
        calls.size() > 1 && (writePlain(socket, greeting, calls) || write(socket, greeting, calls));
    if (!written) {
      for (Pending.OfCall call : calls) {
        writeAlone(socket, greeting, call);
      }
    }
    calls.clear();
  }

  /// Writes the calls as one frame, if all are plain and surely fit into one.
  ///
  /// @return whether that is so; else nothing was done
  private boolean writePlain(
      Connection socket, Frame.Welcome greeting, List<Pending.OfCall> calls) {
    long bytesMax = 0;
    for (Pending.OfCall call : calls) {
      if (!RequestPack.isPlain(call.operation)
          || !call.options.demand().equals(Demand.NONE)
          || call.options.tag().isPresent()) {
        return false;
      }
      bytesMax += RequestPack.plainBytesMax(call.key, call.operation);
    }
    if (bytesMax > greeting.limits().frameBytesMax()) {
      return false;
    }
    socket.beginBatch();
    for (Pending.OfCall call : calls) {
      call.id = nextId++;
      Request request = new Request(call.id, call.key, call.operation, context(call, greeting));
      if (!socket.writePlain(request)) {
        throw new IllegalStateException(call.description() + " is not plain"); // it names no fields
      }
      inFlight.put(call);
    }
    socket.endBatch();
    return true;
  }

  private void writeAlone(Connection socket, Frame.Welcome greeting, Pending.OfCall call) {
    call.id = nextId++;
    Request request = new Request(call.id, call.key, call.operation, context(call, greeting));
    if (socket.writePlain(request)) {
      inFlight.put(call);
    } else {
      write(socket, greeting, List.of(call), List.of(request));
    }
    if (call.isAwait()) {
      long id = call.id;
      var unused =
          call.reply.whenComplete(
              (done, failure) -> {
                if (call.reply.isCancelled()) {
                  onLoop(() -> giveUp(call, id));
                }
              });
    }
  }

  /// Has the shard forget a call that would wait for long, and that nobody waits for any more.
  private void giveUp(Pending.OfCall call, long id) {
    Connection socket = connection;
    if (call.id == id && inFlight.get(id) == call && socket != null) {
      inFlight.remove(id);
      letGo(call);
      socket.write(FrameCodec.encode(new Frame.Unwatch(id)));
      socket.flush();
    }
  }

  /// Writes the calls as one frame.
  ///
  /// @return whether that was possible: several calls may be too much for one frame; a single one
  ///   is failed if it is
  private boolean write(Connection socket, Frame.Welcome greeting, List<Pending.OfCall> calls) {
    List<Request> requests = new ArrayList<>(calls.size());
    for (Pending.OfCall call : calls) {
      call.id = nextId++;
      requests.add(new Request(call.id, call.key, call.operation, context(call, greeting)));
    }
    return write(socket, greeting, calls, requests);
  }

  private boolean write(
      Connection socket,
      Frame.Welcome greeting,
      List<Pending.OfCall> calls,
      List<Request> requests) {
    byte[] frame;
    try {
      frame =
          FrameCodec.encode(
              requests.size() == 1 ? new Frame.Single(requests.get(0)) : new Frame.Batch(requests));
    } catch (IllegalArgumentException e) {
      return calls.size() == 1
          && refuseToSend(calls.get(0), ErrorCode.BAD_REQUEST, String.valueOf(e.getMessage()));
    }
    if (frame.length > greeting.limits().frameBytesMax()) {
      return calls.size() == 1
          && refuseToSend(
              calls.get(0),
              ErrorCode.VALUE_TOO_LARGE,
              "the request has "
                  + frame.length
                  + " bytes; the limit of a frame is "
                  + greeting.limits().frameBytesMax());
    }
    for (Pending.OfCall call : calls) {
      inFlight.put(call);
    }
    socket.write(frame);
    return true;
  }

  private boolean refuseToSend(Pending.OfCall call, ErrorCode code, String why) {
    letGo(call);
    String message = call.description() + ": " + why;
    call.fail(
        call.ambiguous
            ? unknown(call, why, null)
            : TrellisException.of(new TrellisException.Failure(code, message)));
    return true;
  }

  private RequestContext context(Pending.OfCall call, Frame.Welcome greeting) {
    boolean mutates = call.operation instanceof Mutation;
    HybridTimestamp timestamp = HybridTimestamp.ZERO;
    boolean repeat = false;
    if (mutates) {
      HybridTimestamp minted = call.timestamp;
      timestamp = minted == null ? cluster.clock().tick() : minted;
      call.timestamp = timestamp;
      if (call.sequence == 0 || call.incarnation != greeting.incarnation()) {
        call.incarnation = greeting.incarnation();
        call.sequence = cluster.nextSequence(call.incarnation);
      } else {
        repeat = call.ambiguous;
      }
    }
    Optional<HybridTimestamp> generation = call.generation;
    if (generation.isEmpty() && mutates && !Operations.isForHome(call.operation)) {
      generation = cluster.generationOf(call.key);
    }
    List<HybridTimestamp> ofFields =
        cluster.fieldGenerationsOf(
            call.key, call.operation, generation.orElse(HybridTimestamp.ZERO));
    if (generation.isEmpty() && !ofFields.isEmpty()) {
      generation = Optional.of(HybridTimestamp.ZERO); // in another one, the fields are others
    }
    call.inGeneration = generation.isPresent();
    HybridTimestamp latest = generation.orElse(HybridTimestamp.ZERO);
    for (HybridTimestamp ofField : ofFields) {
      latest = latest.max(ofField);
    }
    call.latestGeneration = latest;
    long observed = observedMicros;
    if (observed != 0) {
      observedMicros = 0;
      toldNanos = passNanos;
    }
    long wordMillis = call.isAwait() ? Awaiting.WORD_MILLIS : 0;
    long leftMillis = Math.max(1, (call.deadlineNanos - passNanos) / NANOS_PER_MILLI - wordMillis);
    return new RequestContext(
        mutates ? call.sequence : 0,
        repeat,
        timestamp,
        generation,
        call.options.acknowledgement(),
        call.options.readMode(),
        mutates ? call.options.ttl().map(Duration::toMillis).orElse(0L) : 0,
        leftMillis,
        cluster.routing().ringVersion(),
        ofFields,
        observed,
        call.options.demand(),
        mutates ? call.options.tag() : Optional.empty());
  }

  // ---- The connection ----

  @Override
  public void opened(Connection opened, Frame.Welcome greeting) {
    Routing.Target expected = target.orElseThrow();
    if (!greeting.nodeId().equals(expected.nodeId()) || greeting.shard() != expected.shard()) {
      opened.close(
          "it is shard "
              + greeting.shard()
              + " of node "
              + greeting.nodeId()
              + ", not "
              + expected.shard()
              + " of "
              + expected.nodeId());
      return;
    }
    if (!opened.isNode()) {
      opened.close("node " + expected.nodeId() + " shows a certificate that is of no node");
      return;
    }
    welcome = greeting;
    cluster.clock().observe(greeting.clock());
    cluster.learnLimits(greeting.limits());
    cluster.learnPrincipal(greeting.principal());
    heard = true;
    pinged = false;
    long patienceMillis = config.patience().toMillis();
    liveness =
        loop.scheduleWithFixedDelay(
            this::checkLiveness, patienceMillis, patienceMillis, TimeUnit.MILLISECONDS);
    confirmations = new Confirmations(Confirmation.NONE);
    renewalId = 0;
    for (ActiveWatch watch : watches.values()) {
      opened.write(FrameCodec.encode(watch.frame()));
      renewFor(watch);
    }
    send();
    opened.flush();
    if (down) {
      down = false;
      cluster.laneIsUp();
    }
  }

  @Override
  public void passed(Connection socket) {
    receiving = false;
    if (retired) {
      handOver();
    } else if (!waiting.isEmpty()) {
      send();
    }
  }

  @Override
  public void received(Connection socket, Frame frame) {
    heard = true;
    receiving = true;
    switch (frame) {
      case Frame.Answer answer -> {
        answered(answer.reply());
        sendIfMany();
      }
      case Frame.Answers answers -> {
        for (Reply reply : answers.replies()) {
          answered(reply);
          sendIfMany();
        }
      }
      case Frame.Changed changed -> changed(changed.reply());
      case Frame.Scanned scanned -> scanned(scanned);
      case Frame.Ping ping -> {
        socket.write(FrameCodec.encode(new Frame.Pong(ping.id(), cluster.clock().tick())));
        socket.flush();
      }
      case Frame.Pong pong -> {
        cluster.clock().observe(pong.clock());
        confirmed(pong);
      }
      default -> log.debug("{} sent an unexpected {}", name(), frame.getClass().getSimpleName());
    }
  }

  @Override
  public void closed(Connection socket, Connection.Closure closure) {
    boolean wasOpen = welcome != null;
    receiving = false;
    connection = null;
    welcome = null;
    down = !closed;
    trouble = closure.reason();
    failures++;
    cancel(liveness);
    liveness = null;
    confirmations.end();
    endRenewal();
    List<Pending> unanswered = inFlight.all();
    inFlight.clear();
    if (failures == 1 && !closed) {
      log.info(
          "connection to {} lost: {}; {} calls wait for it",
          name(),
          trouble,
          unanswered.size() + waiting.size());
    } else {
      log.debug("no connection to {}: {}", name(), trouble);
    }
    // Back to the head of the queue, in the order they were sent in.
    unanswered.sort(Comparator.comparingLong((Pending call) -> call.id).reversed());
    for (Pending call : unanswered) {
      call.lost();
      waiting.addFirst(call);
    }
    if (closed) {
      return;
    }
    if (!wasOpen && closure.refusal().isPresent() && isFinal(closure.refusal().get())) {
      refuseAll(closure.refusal().get());
      return;
    }
    cluster.refreshMapThen(() -> {});
    handOver();
    if (!retired) {
      reconnectLater();
    }
  }

  /// Whether asking again would get the same answer.
  private static boolean isFinal(ErrorCode refusal) {
    return refusal == ErrorCode.BAD_REQUEST
        || refusal == ErrorCode.UNAUTHENTICATED
        || refusal == ErrorCode.FORBIDDEN;
  }

  private void refuseAll(ErrorCode code) {
    String why = name() + " refuses the connection: " + trouble;
    while (!waiting.isEmpty()) {
      Pending call = waiting.remove();
      letGo(call);
      call.fail(
          call.mayHaveHappened()
              ? unknown(call, why, null)
              : TrellisException.of(
                  new TrellisException.Failure(code, call.description() + ": " + why)));
    }
    for (ActiveWatch watch : List.copyOf(watches.values())) {
      removeWatch(watch);
      watch.fail(
          TrellisException.of(
              new TrellisException.Failure(code, "watch " + watch.key() + ": " + why)));
    }
  }

  /// A peer that vanished without a word leaves a connection that looks alive. So who is waited for
  /// and was not heard since the last look is pinged, and given up at the next.
  private void checkLiveness() {
    Connection socket = connection;
    boolean waitedFor = !inFlight.isEmpty() || !watches.isEmpty();
    if (socket == null || heard || !waitedFor) {
      heard = false;
      pinged = false;
    } else if (pinged) {
      socket.close("no sign of life for " + 2 * config.patience().toMillis() + " ms");
    } else {
      pinged = true;
      socket.write(FrameCodec.encode(new Frame.Ping(nextId++)));
      socket.flush();
    }
  }

  /// A node that has left the map may still answer what it was sent, or be dead: then nobody shall
  /// wait for it.
  private void askForSignOfLife() {
    Connection socket = connection;
    if (socket == null || welcome == null || inFlight.isEmpty()) {
      return;
    }
    heard = false;
    socket.write(FrameCodec.encode(new Frame.Ping(nextId++)));
    socket.flush();
    long millis = config.patience().toMillis();
    later(
        millis,
        () -> {
          if (connection == socket && !heard) {
            socket.close("it has left the cluster, and gave no sign of life for " + millis + " ms");
          }
        });
  }

  // ---- Answers ----

  /// Does not leave the shard without work until all that came with an answer was told.
  private void sendIfMany() {
    if (waiting.size() >= EAGER_CALLS && !retired) {
      send();
    }
  }

  private void answered(Reply reply) {
    cluster.clock().observe(reply.clock());
    Pending pending = inFlight.remove(reply.id());
    if (!(pending instanceof Pending.OfCall call)) {
      if (pending != null) {
        inFlight.put(pending); // a scan is not answered by a reply
      }
      return; // its caller has given up
    }
    failures = 0;
    cluster.learn(call.key, reply);
    cluster.learnFields(call.key, call.operation, reply);
    if (reply.outcome() instanceof Outcome.Failed failed) {
      failed(call, reply, failed);
    } else {
      letGo(call);
      if (observesIn > 0 && !call.isAwait() && --observesIn == 0) {
        observedMicros = Math.max(1, call.tookNanos(System.nanoTime()) / NANOS_PER_MICRO);
      }
      call.answer(reply);
    }
  }

  private void failed(Pending.OfCall call, Reply reply, Outcome.Failed failed) {
    if (!call.ambiguous) {
      call.startAnew();
    }
    boolean again =
        switch (failed.code()) {
          case NOT_OWNER, MOVED, STALE_PEER -> follow(call, reply, failed.code());
          case CLOCK_SKEW -> restamp(call, reply);
          case SUPERSEDED -> regenerate(call, reply);
          case OVERLOADED -> waitOut(call, failed);
          case NOT_ENOUGH_REPLICAS, SESSION_UNAVAILABLE -> waitForReplicas(call, reply);
          default -> false;
        };
    if (!again) {
      letGo(call);
      call.fail(verdict(call, reply, failed));
    }
  }

  private TrellisException verdict(Pending.OfCall call, Reply reply, Outcome.Failed failed) {
    boolean didNothing =
        failed.code().isDefinite()
            || (failed.code() == ErrorCode.NOT_ENOUGH_REPLICAS && reply.receipt().copies() == 0);
    if (call.ambiguous && didNothing) {
      return unknown(
          call,
          "the connection was lost before the first answer, and the repeat was refused with "
              + failed.code()
              + ": "
              + failed.message(),
          reply);
    }
    String message = call.description() + ": " + failed.message();
    if (call.follows == FOLLOWS_MAX) {
      message +=
          " (after "
              + FOLLOWS_MAX
              + " attempts to follow the key; the last was at "
              + name()
              + ". The cluster may be changing, so try again)";
    } else if (call.shortages > 0) {
      message += " (after " + (call.shortages + 1) + " attempts)";
    }
    return TrellisException.of(reply, failed, message);
  }

  /// Sends the call where the key is: where the shard says, or else where a newer map says, or
  /// another shard that should hold it.
  private boolean follow(Pending.OfCall call, Reply reply, ErrorCode code) {
    if (code != ErrorCode.MOVED) {
      cluster.forgetPlacement(call.key);
    }
    if (call.follows == FOLLOWS_MAX || isForThisShardOnly(call)) {
      return false;
    }
    long delayMillis = call.follows == 0 ? 0 : BACKOFF_MILLIS_MIN << call.follows;
    call.follows++;
    call.refusedBy(target.orElseThrow(), cluster.routing());
    if (code == ErrorCode.MOVED && reply.placement().isPresent()) {
      passOn(call); // where it is now was learned from the reply
      return true;
    }
    rest(
        call,
        wakeUp -> {
          later(delayMillis, () -> cluster.refreshMapThen(() -> onLoop(wakeUp)));
          later(FOLLOW_MILLIS_MAX, wakeUp);
        });
    return true;
  }

  /// Tries again when, or where, the other replicas may be back: the shard did nothing without
  /// them.
  private boolean waitForReplicas(Pending.OfCall call, Reply reply) {
    if (reply.receipt().copies() > 0) {
      return false;
    }
    long most = Math.min(SHORTAGE_MILLIS_MAX, BACKOFF_MILLIS_MIN << Math.min(call.shortages, 10));
    long delayMillis = most / 2 + ThreadLocalRandom.current().nextLong(most / 2 + 1);
    // Better to tell what a shard said than to run out of time with the next attempt under way.
    if (isPastAfter(call, delayMillis + ATTEMPT_MILLIS)) {
      return false;
    }
    call.shortages++;
    call.refusedBy(target.orElseThrow(), cluster.routing());
    rest(call, wakeUp -> later(delayMillis, wakeUp));
    return true;
  }

  private static boolean isPastAfter(Pending call, long delayMillis) {
    return call.deadlineNanos - System.nanoTime() <= TimeUnit.MILLISECONDS.toNanos(delayMillis);
  }

  /// Takes the shard's time for ours and sends the mutation with a new timestamp, if surely none
  /// with the old one can be carried out any more.
  private boolean restamp(Pending.OfCall call, Reply reply) {
    HybridTimestamp refused = call.timestamp;
    if (refused == null) {
      return false;
    }
    cluster.clock().adopt(reply.clock(), refused);
    if (call.options.stamp().isPresent()) {
      return false; // whoever chose it has to choose another
    }
    boolean late = reply.clock().isAfter(refused);
    if (call.restamps >= (late ? LATE_RESTAMPS_MAX : RESTAMPS_MAX)) {
      return false;
    }
    long aheadMillis = call.latestGeneration.millis() - reply.clock().millis();
    if (call.generation.isEmpty() && call.inGeneration && aheadMillis > 0) {
      return waitForClock(call, aheadMillis);
    }
    Mutation mutation = (Mutation) call.operation;
    boolean harmless =
        call.isRepeatable()
            && (call.isNamedByTag()
                ? call.options.ttl().isEmpty()
                : !Operations.dependsOnTimestamp(mutation, call.options.ttl().isPresent()));
    Frame.Welcome greeting = welcome;
    // The incarnation that may have got it earlier says that it is new to it, and too old by now;
    // so what it may still get of the lost connection is too old as well.
    boolean neverHappens =
        greeting != null
            && call.isAmbiguousOnlyAt(greeting.incarnation(), call.sequence)
            && late
            && cluster.lastSequence(call.incarnation) - call.sequence < SEQUENCES_REMEMBERED;
    if (call.ambiguous && !harmless && !neverHappens) {
      return false;
    }
    if (neverHappens) {
      call.startAnew();
    }
    call.restamps++;
    call.timestamp = null;
    putFirst(call);
    return true;
  }

  /// Lets a shard's clock come nearer to a generation that it takes for too far ahead: another
  /// shard started that, and its clock is before this one's.
  private boolean waitForClock(Pending.OfCall call, long aheadMillis) {
    long delayMillis = BACKOFF_MILLIS_MIN + aheadMillis / 2; // some distance is accepted
    if (isForThisShardOnly(call) || isPastAfter(call, delayMillis)) {
      return false;
    }
    call.restamps++;
    if (!call.ambiguous) {
      call.timestamp = null;
    }
    rest(call, wakeUp -> later(delayMillis, wakeUp));
    return true;
  }

  /// Sends the mutation again in the generation that the key is in. Who named one gets that once;
  /// who did not must not suffer from what this client has remembered.
  private boolean regenerate(Pending.OfCall call, Reply reply) {
    cluster.correctGeneration(call.key, reply.generation());
    int most = call.options.generation().isPresent() ? 1 : SUPERSEDES_MAX;
    if (call.supersedes == most || !call.inGeneration || isForThisShardOnly(call)) {
      return false;
    }
    call.supersedes++;
    if (call.generation.isPresent()) {
      call.generation = Optional.of(reply.generation());
    }
    putFirst(call);
    return true;
  }

  /// Waits as long as the shard asks for, if there is the time.
  private boolean waitOut(Pending.OfCall call, Outcome.Failed failed) {
    if (failed.retryAfter().isEmpty() || call.rests == RESTS_MAX) {
      return false;
    }
    long most = failed.retryAfter().get().toMillis();
    // Half as long again at most, so that not all who were turned away come back together.
    long delayMillis = most + ThreadLocalRandom.current().nextLong(most / 2 + 1);
    if (isPastAfter(call, delayMillis)) {
      return false;
    }
    call.rests++;
    rest(call, wakeUp -> later(delayMillis, wakeUp));
    return true;
  }

  /// Keeps a call aside until it is woken, and then routes it anew, unless it belongs to this shard
  /// alone; its deadline still holds.
  private void rest(Pending.OfCall call, Consumer<Runnable> alarm) {
    resting.add(call);
    sweepBy(call.deadlineNanos);
    alarm.accept(
        () -> {
          if (!resting.remove(call)) {
            return; // it was too late, or the client is closed
          }
          if (isForThisShardOnly(call) && !retired) {
            putFirst(call);
          } else {
            passOn(call);
          }
        });
  }

  /// Whether nobody else may carry it out, since this shard may have done so.
  private static boolean isForThisShardOnly(Pending.OfCall call) {
    return call.ambiguous && !call.isRepeatable();
  }

  private void later(long delayMillis, Runnable task) {
    var unused = loop.schedule(task, delayMillis, TimeUnit.MILLISECONDS);
  }

  private void putFirst(Pending call) {
    waiting.addFirst(call);
    sweepBy(call.deadlineNanos);
    work();
  }

  private void scanned(Frame.Scanned scanned) {
    if (!(inFlight.get(scanned.id()) instanceof Pending.OfScan scan)) {
      return;
    }
    inFlight.remove(scanned.id());
    letGo(scan);
    failures = 0;
    if (scanned.failure().isPresent()) {
      Outcome.Failed failed = scanned.failure().get();
      scan.fail(
          TrellisException.of(
              new TrellisException.Failure(
                  failed.code(),
                  scan.description() + ": " + failed.message(),
                  Optional.empty(),
                  failed.retryAfter(),
                  null)));
    } else {
      scan.page.complete(scanned);
    }
  }

  private static TrellisException unknown(Pending call, String why, @Nullable Reply reply) {
    return TrellisException.of(
        new TrellisException.Failure(
            ErrorCode.OUTCOME_UNKNOWN,
            call.description()
                + ": it was sent, but "
                + why
                + "; it may or may not have been carried out, so read the key before you repeat it",
            Optional.ofNullable(reply),
            Optional.empty(),
            null));
  }

  // ---- Watches ----

  private void addWatch(ActiveWatch watch) {
    if (closed) {
      watch.end();
    }
    if (!watch.isOpen()) {
      return;
    }
    if (isBetterElsewhere(watch)) {
      cluster.place(watch);
      return;
    }
    watch.startIn(this, nextId++);
    if (!watch.isOpen()) {
      return; // closed just now, by who may have told another lane
    }
    watches.put(watch.id(), watch);
    Connection socket = connection;
    if (welcome != null && socket != null) {
      socket.write(FrameCodec.encode(watch.frame()));
      renewFor(watch);
      socket.flush();
    } else {
      work();
    }
  }

  private void removeWatch(ActiveWatch watch) {
    Connection socket = connection;
    watch.cut();
    if (watches.remove(watch.id(), watch) && welcome != null && socket != null) {
      socket.write(FrameCodec.encode(new Frame.Unwatch(watch.id())));
      socket.flush();
    }
  }

  private void changed(Reply reply) {
    cluster.clock().observe(reply.clock());
    ActiveWatch watch = watches.get(reply.id());
    if (watch == null) {
      return; // closed meanwhile
    }
    cluster.learn(watch.key(), reply);
    failures = 0;
    if (!(reply.outcome() instanceof Outcome.Failed failed)) {
      watch.tell(reply, confirmations);
      return;
    }
    watches.remove(reply.id());
    watch.cut();
    boolean elsewhere =
        failed.code() == ErrorCode.NOT_OWNER
            || failed.code() == ErrorCode.MOVED
            || failed.code() == ErrorCode.STALE_PEER;
    if (elsewhere && watch.mayMove(FOLLOWS_MAX)) {
      cluster.refreshMapThen(() -> cluster.place(watch));
    } else {
      watch.fail(
          TrellisException.of(reply, failed, "watch " + watch.key() + ": " + failed.message()));
    }
  }

  // ---- Confirmations ----

  /// Has the shard confirm, now and again and again, that it has told all: one exchange for all
  /// subscriptions of the connection. What a subscription is told first comes after the last
  /// confirmation, if there is one, so that counts for it too.
  private void renewFor(ActiveWatch watch) {
    Subscriber subscriber = watch.subscriber();
    if (subscriber == null) {
      return;
    }
    if (renewal == null || subscriber.periodNanos() < renewalNanos) {
      cancel(renewal);
      renewalNanos = subscriber.periodNanos();
      renewal =
          loop.scheduleWithFixedDelay(
              this::renew, renewalNanos, renewalNanos, TimeUnit.NANOSECONDS);
    }
    if (!confirmations.latest().live()) {
      ask();
    }
  }

  private void renew() {
    if (watches.values().stream().noneMatch(watch -> watch.subscriber() != null)) {
      endRenewal();
      confirmations = new Confirmations(Confirmation.NONE); // the next one has none to rely on
      return;
    }
    ask();
    Connection socket = connection;
    if (socket != null) {
      socket.flush();
    }
  }

  private void endRenewal() {
    cancel(renewal);
    renewal = null;
    renewalId = 0;
  }

  /// One is under way at a time: who is slow to answer one is not helped by more.
  private void ask() {
    Connection socket = connection;
    if (renewalId != 0 || welcome == null || socket == null) {
      return;
    }
    renewalId = nextId++;
    renewalSentNanos = System.nanoTime();
    renewalSentMillis = System.currentTimeMillis();
    socket.write(FrameCodec.encode(new Frame.Ping(renewalId, true)));
  }

  private void confirmed(Frame.Pong pong) {
    if (pong.id() == renewalId) {
      renewalId = 0;
      confirmations.confirm(
          new Confirmation(true, renewalSentNanos, renewalSentMillis, pong.clock(), pong.asOf()));
    }
  }

  // ---- Elsewhere ----

  private boolean belongsElsewhere(Pending pending) {
    if (retired) {
      return true;
    }
    if (!(pending instanceof Pending.OfCall call) || call.routedBy == cluster.routing()) {
      return false;
    }
    call.routedBy = cluster.routing();
    return !cluster.isRightLane(this, call);
  }

  /// Whether another shard may carry it out, and would at once, while this one can't be reached.
  private boolean isBetterElsewhere(Pending pending) {
    return down
        && pending instanceof Pending.OfCall call
        && !isForThisShardOnly(call)
        && cluster.hasBetterLane(this, call);
  }

  /// Whether nobody waits for this shard, as long as it can't be reached.
  private boolean isPointless(Pending pending) {
    return down && pending instanceof Pending.OfScan scan && scan.isSpare;
  }

  private TrellisException outOfReach(Pending pending) {
    return TrellisException.of(
        new TrellisException.Failure(
            ErrorCode.NO_NODES,
            pending.description() + ": there is no connection to " + name() + ": " + trouble));
  }

  private boolean isBetterElsewhere(ActiveWatch watch) {
    return retired
        || !cluster.isRightLane(this, watch)
        || (down && cluster.hasBetterLane(this, watch));
  }

  /// Routes a call anew, unless only this lane's shard can say what became of it.
  private void passOn(Pending pending) {
    letGo(pending);
    switch (pending) {
      case Pending.OfCall call -> {
        if (isForThisShardOnly(call)) {
          call.fail(unknown(call, name() + " is no longer in the cluster map", null));
        } else {
          cluster.place(call, true);
        }
      }
      case Pending.OfScan scan ->
          scan.fail(
              TrellisException.of(
                  new TrellisException.Failure(
                      ErrorCode.NOT_OWNER,
                      "scan: " + name() + " is no longer in the cluster map")));
    }
  }

  private void handOver() {
    if (closed) {
      return;
    }
    List<Pending> stay = new ArrayList<>();
    while (!waiting.isEmpty()) {
      Pending call = waiting.remove();
      boolean onlyHere = call instanceof Pending.OfCall one && isForThisShardOnly(one);
      if ((belongsElsewhere(call) && (retired || !onlyHere)) || isBetterElsewhere(call)) {
        passOn(call);
      } else if (isPointless(call)) {
        letGo(call);
        call.fail(outOfReach(call));
      } else {
        stay.add(call);
      }
    }
    waiting.addAll(stay);
    for (ActiveWatch watch : List.copyOf(watches.values())) {
      if (isBetterElsewhere(watch)) {
        removeWatch(watch);
        cluster.place(watch);
      }
    }
    Connection socket = connection;
    if (retired && socket != null && inFlight.busy() == 0) {
      socket.close("the node has left the cluster");
    }
  }

  // ---- Deadlines ----

  /// Makes sure that somebody looks when `deadlineNanos` has come. One timer serves all calls: most
  /// are answered long before their deadline, and cost nothing more here.
  private void sweepBy(long deadlineNanos) {
    if (sweep != null && sweepNanos - deadlineNanos <= 0) {
      return;
    }
    cancel(sweep);
    sweepNanos = deadlineNanos;
    sweep =
        loop.schedule(
            this::sweep, Math.max(0, deadlineNanos - System.nanoTime()), TimeUnit.NANOSECONDS);
  }

  private void sweep() {
    sweep = null;
    long now = System.nanoTime();
    long earliest = now + Long.MAX_VALUE / 2;
    List<Pending> late = new ArrayList<>();
    for (Pending call : inFlight.all()) {
      if (call.isDone() || call.isPast(now)) {
        late.add(call);
      } else if (call.deadlineNanos - earliest < 0) {
        earliest = call.deadlineNanos;
      }
    }
    for (Pending call : late) {
      inFlight.remove(call.id);
      letGo(call);
      call.fail(tooLate(call, true));
    }
    for (Pending call : List.copyOf(resting)) {
      if (call.isDone() || call.isPast(now)) {
        resting.remove(call);
        letGo(call);
        call.fail(refusedTooLate(call));
      } else if (call.deadlineNanos - earliest < 0) {
        earliest = call.deadlineNanos;
      }
    }
    int before = waiting.size();
    for (int i = 0; i < before; i++) {
      Pending call = waiting.remove();
      if (call.isDone() || call.isPast(now)) {
        letGo(call);
        call.fail(tooLate(call, false));
      } else {
        waiting.add(call);
        if (call.deadlineNanos - earliest < 0) {
          earliest = call.deadlineNanos;
        }
      }
    }
    if (!inFlight.isEmpty() || !waiting.isEmpty() || !resting.isEmpty()) {
      sweepBy(earliest);
    }
    work();
  }

  private TrellisException tooLate(Pending call, boolean sent) {
    String within = call.description() + ": ";
    if (sent) {
      return TrellisException.of(
          new TrellisException.Failure(
              ErrorCode.TIMEOUT,
              within
                  + name()
                  + " did not answer within "
                  + call.timeoutMillis
                  + " ms"
                  + (call instanceof Pending.OfCall one && one.operation instanceof Mutation
                      ? "; it may have been carried out, or may yet be"
                      : "")));
    }
    if (call.mayHaveHappened()) {
      return TrellisException.of(
          new TrellisException.Failure(
              ErrorCode.TIMEOUT,
              within
                  + "the connection to "
                  + name()
                  + " was lost before it answered, and not made again within "
                  + call.timeoutMillis
                  + " ms ("
                  + trouble
                  + "); it may have been carried out"));
    }
    if (welcome == null) {
      return TrellisException.of(
          new TrellisException.Failure(
              ErrorCode.NO_NODES,
              within
                  + "not sent within "
                  + call.timeoutMillis
                  + " ms, since there is no connection to "
                  + name()
                  + (trouble.isEmpty() ? "" : ": " + trouble)));
    }
    return new DefiniteException.NotSent(
        new TrellisException.Failure(
            ErrorCode.TIMEOUT,
            within
                + "not sent within "
                + call.timeoutMillis
                + " ms, since "
                + inFlight.size()
                + " calls to "
                + name()
                + " are unanswered; send fewer at a time"));
  }

  /// Of a call that shard after shard has turned away.
  private TrellisException refusedTooLate(Pending call) {
    if (call.mayHaveHappened()) {
      return tooLate(call, false);
    }
    return new DefiniteException.NotSent(
        new TrellisException.Failure(
            ErrorCode.TIMEOUT,
            call.description()
                + ": not carried out within "
                + call.timeoutMillis
                + " ms, since no shard took it; the last to refuse it was "
                + name()));
  }

  // ---- The end ----

  private void closeNow() {
    if (closed) {
      return;
    }
    closed = true;
    Connection socket = connection;
    if (socket != null) {
      socket.close("the client is closed"); // puts the unanswered calls back among the waiting
    }
    cancel(reconnect);
    cancel(sweep);
    endRenewal();
    while (!waiting.isEmpty()) {
      failClosed(waiting.remove());
    }
    resting.forEach(Lane::failClosed);
    resting.clear();
    watches.values().forEach(ActiveWatch::end);
    watches.clear();
    failInbox();
  }

  static void failClosed(Pending call) {
    call.fail(
        call.mayHaveHappened()
            ? unknown(call, "the client was closed before the answer came", null)
            : Cluster.closed(call.description()));
  }

  private static void cancel(@Nullable ScheduledFuture<?> task) {
    if (task != null) {
      task.cancel(false);
    }
  }
}
