package dev.trellis.node.net;

import dev.trellis.access.AccessList;
import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.Caller;
import dev.trellis.access.Role;
import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.ClientTls;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.Origin;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.placement.KeyHash;
import dev.trellis.placement.Partitions;
import dev.trellis.process.Doorkeeper;
import dev.trellis.process.Doorkeeper.Certificate;
import dev.trellis.process.Doorkeeper.Proof;
import dev.trellis.process.Occupancy;
import dev.trellis.process.Protection;
import dev.trellis.process.Tls;
import dev.trellis.process.Units;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.PlainReply;
import dev.trellis.wire.PlainRequests;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.VersionRange;
import dev.trellis.wire.WireException;
import io.netty.buffer.ByteBuf;
import io.netty.channel.Channel;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.handler.codec.DecoderException;
import io.netty.handler.ssl.SslHandler;
import io.netty.handler.ssl.SslHandshakeCompletionEvent;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.Future;
import java.util.function.Consumer;
import javax.net.ssl.SSLException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One socket of a shard.
///
/// Back-pressure is the point of this class. It goes on, one small step at a time, only while the
/// client reads what it asked for and has not too much under way; else it stops, and stops reading
/// too, so that what the client still wants waits undecoded in the client's own buffers. A client
/// that never reads thus costs what the socket's write buffer is allowed, a pack of replies and one
/// value, however much it asks for. What all of them cost together is bounded by [SharedMemory]:
/// where it is short, connections take turns, and one that holds some and moves too little is
/// closed ([Pace]).
///
/// A client may ask for keys of one shard, or of all shards of the node. Then what belongs to
/// others is passed on ([Passage], [PassedConnection]) and the results come back here.
final class Connection extends ChannelInboundHandlerAdapter implements Recipient {
  private static final Logger LOG = LoggerFactory.getLogger(Connection.class);

  /// Steps after which other connections have their turn.
  private static final int STEPS_MAX = 1_024;

  /// Requests of a batch that the store gets ready for at a time: what it looked at for them is to
  /// be in the processor's cache still when their turn comes.
  private static final int EXPECTED_MAX = 64;

  /// Frames up to this length need no share of the memory for long ones.
  private static final int SHORT_BYTES_MAX = 4 << 10;

  /// How long a client has to read the last bytes and to close, before the socket is closed under
  /// it.
  private static final long LINGER_MILLIS = 1_000;

  private enum Phase {
    /// Nothing but a Hello is welcome.
    GREETING,
    OPEN,
    /// The node stops: what was read is still answered, and nothing more is read.
    DRAINING,
    /// All is said; what comes is thrown away. Or a peer was on the other side, and this is over.
    CLOSING
  }

  private final ShardServer shard;
  private final long id;
  private final Channel channel;
  private final FrameAccumulator inbound;
  private final Outbound outbound;
  private final PlainRequests plain; // shared by the connections of a shard
  private final int requestsMax;
  private final ArrayDeque<Request> batch = new ArrayDeque<>(); // decoded and not yet begun
  private final ArrayDeque<Errand.Delivery> delivered = new ArrayDeque<>(); // not yet written
  private final Map<Integer, List<Errand>> passing =
      new TreeMap<>(); // by shard; all ever passed to
  private Phase phase = Phase.GREETING;
  private @Nullable Future<?> greetingDeadline;
  private @Nullable Passage passage; // set once open
  private Frame.Scope scope = Frame.Scope.SHARD;
  private long claimedBytes; // of the memory for long requests
  private @Nullable SharedMemory claimed; // what that is part of
  private final Pace receiving;
  private int underWay; // requests begun and not answered
  private final Set<Long> awaits = new HashSet<>(); // those that wait for thresholds beside them
  private boolean scanning; // whether one that was begun waits for pages
  private boolean changes; // whether the shard may have some for this connection
  private boolean stirred; // whether something came that steps can be taken for
  private boolean advancing;
  private Optional<Proof> proof = Optional.empty(); // by which the caller is known
  private @Nullable String occupant; // the principal that this connection counts for
  private @Nullable Future<?> expiry; // when that ends

  Connection(ShardServer shard, long id, Channel channel) {
    this.shard = shard;
    this.id = id;
    this.channel = channel;
    int bytesMax = shard.plane().config().connections().outboundBytesMax();
    this.inbound = new FrameAccumulator(channel.alloc(), shard.scratch());
    this.outbound = new Outbound(shard, channel, bytesMax);
    this.receiving = new Pace(shard.clock());
    this.plain = shard.plain();
    this.requestsMax = shard.plane().config().connections().requestsMax();
  }

  // What the socket tells.

  @Override
  public void channelActive(ChannelHandlerContext context) {
    shard.turn(
        () -> {
          shard.accept(this);
          Duration timeout = shard.plane().config().connections().handshakeTimeout();
          greetingDeadline =
              shard.schedule(
                  () ->
                      refuse(
                          ErrorCode.BAD_REQUEST,
                          "expected a Hello within " + Units.text(timeout) + ", and none came"),
                  timeout.toMillis());
        });
  }

  @Override
  public void channelRead(ChannelHandlerContext context, Object message) {
    ByteBuf bytes = (ByteBuf) message;
    shard.tallies().bytesReceived.add(bytes.readableBytes());
    if (phase == Phase.CLOSING || shard.plane().hasFailed()) {
      bytes.release();
      return;
    }
    shard.step(
        () -> {
          receiving.moved(bytes.readableBytes());
          inbound.add(bytes);
          advance();
        });
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext context) {
    shard.turn(() -> {}); // sends what all that was read led to
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext context) {
    if (channel.isWritable()) {
      shard.execute(this::advance); // not now: this is called from within a write
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext context) {
    shard.turn(this::forget);
    inbound.release();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext context, Throwable cause) {
    if (cause instanceof IOException
        || (cause instanceof DecoderException && cause.getCause() instanceof SSLException)) {
      LOG.debug("{} broke: {}", this, cause.getMessage());
    } else {
      LOG.warn("{} is closed after a failure", this, cause);
    }
    var _ = channel.close();
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext context, Object event) {
    if (event instanceof SslHandshakeCompletionEvent handshake
        && !handshake.isSuccess()
        && !(handshake.cause() instanceof ClosedChannelException)) {
      shard.tallies().connectionsRefused.add(1);
      audit("", "connect", "TLS: " + ClientTls.reason(handshake.cause()));
    }
  }

  /// Tells a client that has forgotten TLS; called before it has introduced itself.
  void refusePlain() {
    shard.turn(
        () -> {
          String reason = "this port wants TLS; use withTls in a program, or --ca";
          audit("", "connect", "no TLS");
          refuse(ErrorCode.UNAUTHENTICATED, reason);
        });
  }

  // What the shard tells.

  /// The socket has taken something.
  void moved(int bytes) {
    outbound.moved(bytes);
  }

  @Override
  public void reply(Reply reply) {
    if (awaits.isEmpty() || !awaits.remove(reply.id())) {
      underWay--;
    }
    auditIfForbidden("request", reply.outcome());
    outbound.add(reply);
    stir();
  }

  @Override
  public void reply(PlainReply reply) {
    underWay--;
    outbound.add(reply);
    stir();
  }

  @Override
  public void changesPending() {
    changes = true;
    stir();
  }

  @Override
  public void settle() {
    if (stirred) {
      advance();
    }
    passOn();
    outbound.flush();
  }

  private void stir() {
    stirred |= !advancing;
    shard.touch(this);
  }

  /// Results of what was passed on to other shards.
  void delivered(List<Errand.Delivery> deliveries) {
    if (phase == Phase.CLOSING) {
      return;
    }
    for (Errand.Delivery delivery : deliveries) {
      delivered.add(delivery);
      shard.tallies().bytesPending.add(delivery.bytes());
    }
    advance();
  }

  /// Reads no more, answers what was taken, then closes.
  void drain() {
    switch (phase) {
      case GREETING -> abort();
      case OPEN -> {
        phase = Phase.DRAINING;
        advance();
      }
      case DRAINING, CLOSING -> {}
    }
  }

  /// Closes at once.
  void abort() {
    var _ = channel.close();
  }

  /// Has another caller from now on, with what waits too: what he may not do any more ends. To be
  /// called in a turn of the shard.
  void callerIs(Caller caller) {
    if (passage != null) {
      Origin origin = passage.callerIs(caller);
      shard.callerIs(origin);
      tellOthers(other -> other.callerIs(origin));
    }
  }

  /// Looks again at who is on the other side: the list of principals has changed, or what he is
  /// known by may have ended. To be called in a turn of the shard.
  void review() {
    if (proof.isEmpty() || passage == null || phase == Phase.CLOSING) {
      return;
    }
    Caller caller = passage.origin().caller();
    switch (protection().doorkeeper().authenticate(proof.get(), shard.clock().millis())) {
      case Authentication.Known(Caller now, long expiresMillis) -> {
        if (now != caller) { // a list that has changed has callers of its own
          callerIs(now);
        }
        reviewAt(expiresMillis);
      }
      case Authentication.Unknown(String reason) -> {
        audit(caller.principal(), "stay", reason);
        refuse(ErrorCode.UNAUTHENTICATED, reason);
      }
    }
  }

  private void reviewAt(long expiresMillis) {
    if (expiry != null) {
      expiry.cancel(false);
    }
    expiry = shard.scheduleReview(this::review, expiresMillis);
  }

  /// Goes on after a wait.
  void resume() {
    if (phase != Phase.CLOSING) {
      advance();
    }
  }

  /// Closes the connection if it holds memory that others need, and too little moves: its client
  /// does not read, or does not send the rest.
  void endIfStalled() {
    Duration timeout = shard.plane().config().connections().stallTimeout();
    boolean awaitsRest =
        claimedBytes > 0
            && batch.isEmpty() // else it may be waiting in line itself
            && underWay == 0
            && outbound.pendingBytes() == 0;
    if (!awaitsRest || !channel.config().isAutoRead()) {
      receiving.begin(); // nothing is expected of it now
    }
    if (outbound.isSlow(timeout) || (awaitsRest && receiving.isBehind(timeout))) {
      LOG.info(
          "{} is closed: it was behind a megabyte a second for {}, and others need the memory it"
              + " holds",
          this,
          Units.text(timeout));
      shard.tallies().connectionsStalled.add(1);
      abort();
    }
  }

  // The work.

  /// Takes steps until there is nothing to do or the client must read first.
  private void advance() {
    stirred = false;
    advancing = true;
    boolean more = takeSteps();
    shard.endRun();
    advancing = false;
    if (phase == Phase.DRAINING && isQuiet()) {
      close();
    }
    if (more) {
      shard.execute(this::advance);
    }
    channel.config().setAutoRead(!more && wantsToRead());
  }

  /// Returns whether there is more to do, but others shall have their turn first.
  private boolean takeSteps() {
    for (int steps = 0; phase != Phase.CLOSING && mayAnswer(); steps++) {
      if (steps == STEPS_MAX) {
        return true;
      }
      if (!step()) {
        return false;
      }
    }
    return false;
  }

  /// Whether there is room for more answers. Who finds none will be called when there is.
  private boolean mayAnswer() {
    if (!outbound.hasRoom()) {
      return false;
    }
    if (!shard.outboundMemory().hasRoom()) {
      shard.outboundMemory().await(this);
      return false;
    }
    return true;
  }

  /// Whether the frame that comes may take the memory it needs. Who may not will be called.
  private boolean mayReceive() {
    long length = inbound.announced();
    if (length <= SHORT_BYTES_MAX || claimedBytes > 0) {
      return true;
    }
    // Strangers have memory of their own: however many there are, none of those waits for them.
    SharedMemory memory = phase == Phase.GREETING ? shard.strangersMemory() : shard.inboundMemory();
    if (!memory.hasRoom()) {
      memory.await(this);
      return false;
    }
    claimedBytes = length;
    claimed = memory;
    memory.take(length);
    receiving.begin();
    return true;
  }

  /// Gives the memory back that a long frame needed, once all in it was begun.
  private void releaseClaim() {
    if (claimed != null && batch.isEmpty()) {
      claimed.give(claimedBytes);
      claimed = null;
      claimedBytes = 0;
    }
  }

  private boolean wantsToRead() {
    return switch (phase) {
      case GREETING, OPEN -> mayAnswer() && mayBegin() && batch.isEmpty() && mayReceive();
      case DRAINING -> false;
      case CLOSING -> true; // to see the end
    };
  }

  /// Does the next thing; returns whether there was one.
  private boolean step() {
    if (!delivered.isEmpty()) {
      receive(delivered.remove());
      return true;
    }
    if (changes) {
      shard.nextChange(open().origin()).ifPresentOrElse(this::tell, () -> changes = false);
      return true;
    }
    if (!mayBegin()) {
      return false;
    }
    if (!batch.isEmpty()) {
      shard.tallies().requestsQueued.add(-1);
      begin(batch.remove());
      releaseClaim();
      return true;
    }
    return readFrame();
  }

  /// Whether another request may be begun. Pages are large, and several that wait for keys to be in
  /// order would all come at once, so nothing is begun beside a scan.
  private boolean mayBegin() {
    return underWay < requestsMax && !scanning;
  }

  private boolean isQuiet() {
    return delivered.isEmpty() && batch.isEmpty() && underWay == 0 && outbound.hasRoom();
  }

  private boolean readFrame() {
    int bytesMax =
        phase == Phase.GREETING
            ? Limits.HANDSHAKE_BYTES_MAX
            : shard.plane().config().limits().frameBytesMax();
    try {
      inbound.check(bytesMax);
      if (!mayReceive()) {
        return false;
      }
      if (!inbound.next()) {
        return false;
      }
      if (phase != Phase.GREETING
          && plain.accept(inbound.message(), inbound.messageAt(), inbound.messageLength())) {
        beginPlain();
      } else {
        Frame frame = decode(inbound.messageBuffer());
        if (phase == Phase.GREETING) {
          greet(frame);
        } else {
          carryOut(frame);
        }
      }
    } catch (WireException e) {
      object(e);
    }
    inbound.forgetMessage();
    releaseClaim();
    return true;
  }

  private Frame decode(ByteBuffer message) throws WireException {
    try {
      return shard.codec().decode(message);
    } catch (RuntimeException e) {
      // A defect, but one that has touched nothing yet: no client shall be able to stop a node by
      // it.
      LOG.error("{} sent what the decoder cannot cope with", this, e);
      throw new WireException(ErrorCode.BAD_REQUEST, "the message cannot be read", e);
    }
  }

  private void object(WireException e) {
    String message = String.valueOf(e.getMessage());
    if (phase == Phase.GREETING) {
      refuse(
          ErrorCode.BAD_REQUEST,
          "expected a Trellis Hello, a 4-byte length of at most "
              + Limits.HANDSHAKE_BYTES_MAX
              + " and a message; got: "
              + message);
    } else if (e.requestId().isPresent()) {
      shard.tallies().requestsMalformed.add(1);
      outbound.add(failed(e.requestId().getAsLong(), new Outcome.Failed(e.code(), message)));
      shard.touch(this);
    } else {
      refuse(e.code(), message);
    }
  }

  private void greet(Frame frame) {
    if (!(frame instanceof Frame.Hello hello)) {
      refuse(ErrorCode.BAD_REQUEST, "expected a Hello first, got " + name(frame));
      return;
    }
    Optional<String> objection =
        Handshake.objection(hello, shard.plane().config().clusterName(), VersionRange.SPOKEN);
    if (objection.isPresent()) {
      if (hello.introduction().isPresent() && mayBePeer(hello.introduction().get())) {
        shard.refusedPeer(
            hello.introduction().get().from(), ErrorCode.BAD_REQUEST, objection.get());
      }
      refuse(ErrorCode.BAD_REQUEST, objection.get());
      return;
    }
    int version = VersionRange.SPOKEN.shared(hello.versions()).orElseThrow();
    if (hello.introduction().isPresent()) {
      greetPeer(hello.introduction().get(), version);
      return;
    }
    Optional<Caller> caller =
        shard.plane().protection().isPresent()
            ? authenticate(hello.credentials())
            : Optional.of(Caller.ANONYMOUS);
    if (caller.isEmpty()) {
      return; // he was told why
    }
    if (!shard.hasRoom(isPreferred(caller.get()) ? Occupancy.PLACES_KEPT : 0)) {
      int connectionsMax = shard.plane().config().connections().connectionsMax();
      refuse(
          ErrorCode.OVERLOADED,
          "this shard has " + connectionsMax + " connections, its limit; try again later");
      return;
    }
    cancelGreetingDeadline();
    Origin origin = new Origin(id, hello.clientId(), caller.get());
    int bytesMax = shard.plane().config().connections().outboundBytesMax();
    passage = new Passage(origin, this, shard, bytesMax);
    scope = hello.scope();
    phase = Phase.OPEN;
    shard.join(origin, this);
    write(shard.welcome(version, shard.time(), origin.caller()));
  }

  /// Whether there are places kept for him.
  private boolean isPreferred(Caller caller) {
    return shard.plane().protection().isPresent() && Occupancy.isPreferred(caller, proof);
  }

  /// Whether he has shown that he is who he says, if that is to be shown.
  private boolean mayBePeer(Frame.Introduction introduction) {
    return shard.plane().protection().isEmpty()
        || protection()
            .doorkeeper()
            .objection(certificate(), introduction.from().nodeId(), shard.clock().millis())
            .isEmpty();
  }

  /// Finds out who asks; refuses him if that is not known, or he has too many connections.
  private Optional<Caller> authenticate(Payload credentials) {
    Doorkeeper doorkeeper = protection().doorkeeper();
    Optional<Certificate> certificate = certificate();
    long now = shard.clock().millis();
    Doorkeeper.Visit visit = doorkeeper.visit(credentials, certificate, now);
    return switch (visit.authentication()) {
      case Authentication.Unknown(String reason) when visit.isEarly() -> {
        refuse(ErrorCode.NO_NODES, reason);
        yield Optional.empty();
      }
      case Authentication.Unknown(String reason) -> {
        audit(certificate.map(shown -> shown.name().uri()).orElse(""), "connect", reason);
        refuse(ErrorCode.UNAUTHENTICATED, reason);
        yield Optional.empty();
      }
      case Authentication.Known(Caller caller, long expiresMillis) -> {
        long most = caller.allowance().connections();
        if (!shard.plane().occupancy().enter(caller.principal(), most)) {
          String reason =
              caller.principal() + " has " + most + " connections to this node, all it may have";
          audit(caller.principal(), "connect", reason);
          refuse(ErrorCode.OVERLOADED, reason + "; close some, or share them");
          yield Optional.empty();
        }
        occupant = caller.principal();
        proof = visit.proof();
        reviewAt(expiresMillis);
        yield Optional.of(caller);
      }
    };
  }

  private Protection protection() {
    return shard.plane().protection().orElseThrow();
  }

  /// What the other side has shown, in a handshake that is done.
  private Optional<Certificate> certificate() {
    SslHandler tls = channel.pipeline().get(SslHandler.class);
    return tls == null ? Optional.empty() : Tls.shownBy(tls.engine().getSession());
  }

  private void audit(String principal, String action, String reason) {
    if (shard.plane().protection().isPresent()) {
      String from = String.valueOf(channel.remoteAddress());
      protection().audit().refused(principal, action, "", from, reason);
    }
  }

  private void auditIfForbidden(String action, Outcome outcome) {
    if (outcome instanceof Outcome.Failed failed
        && failed.code() == ErrorCode.FORBIDDEN
        && passage != null) {
      audit(passage.origin().caller().principal(), action, failed.message());
    }
  }

  /// Hands the socket to a [PeerConnection].
  private void greetPeer(Frame.Introduction introduction, int version) {
    Optional<Certificate> certificate = certificate();
    if (shard.plane().protection().isPresent()) {
      String nodeId = introduction.from().nodeId();
      Optional<String> stranger =
          protection().doorkeeper().objection(certificate, nodeId, shard.clock().millis());
      if (stranger.isPresent()) {
        String principal = certificate.map(shown -> shown.name().uri()).orElse("");
        audit(principal, "connect as node " + nodeId, stranger.get());
        shard.tallies().peersRefused.add(1);
        refuse(ErrorCode.UNAUTHENTICATED, stranger.get());
        return;
      }
    }
    Optional<Frame.Refused> objection = shard.objection(introduction);
    if (objection.isPresent()) {
      Frame.Refused refusal = objection.get();
      shard.refusedPeer(introduction.from(), refusal.code(), refusal.message());
      refuse(refusal.code(), refusal.message());
      return;
    }
    cancelGreetingDeadline();
    phase = Phase.CLOSING;
    PeerConnection peer =
        new PeerConnection(shard, introduction.from(), certificate, channel, inbound);
    channel.pipeline().replace(this, "peer", peer);
    shard.forget(this);
    shard.join(peer);
    peer.begin(version);
  }

  private void carryOut(Frame frame) {
    switch (frame) {
      case Frame.Single single -> begin(single.request());
      case Frame.Batch more -> {
        batch.addAll(more.requests());
        shard.tallies().requestsQueued.add(more.requests().size());
      }
      case Frame.Watch watch -> watch(watch);
      case Frame.Unwatch unwatch -> unwatch(unwatch.id());
      case Frame.Scan scan -> scan(scan);
      case Frame.MapRequest request -> write(shard.plane().clusterMap(request.id()));
      case Frame.Ping ping -> pong(ping);
      case Frame.Refused refused -> {
        LOG.debug("{} was given up by its client: {}", this, refused.message());
        closeSoon();
      }
      case Frame.Hello hello -> refuse(ErrorCode.BAD_REQUEST, "one Hello is enough");
      case Frame.Welcome _,
          Frame.Answer _,
          Frame.Answers _,
          Frame.Changed _,
          Frame.Scanned _,
          Frame.ClusterMap _,
          Frame.Pong _,
          Frame.FromPeer _,
          Frame.PeerPiece _ ->
          refuse(ErrorCode.BAD_REQUEST, name(frame) + " is for nodes to send, not for clients");
    }
  }

  /// Begins the plain requests of a frame. What there is no room for, or no time, waits as objects
  /// of its own.
  private void beginPlain() {
    int begun = 0;
    while (plain.next()) {
      if (begun == STEPS_MAX || (begun > 0 && (underWay >= requestsMax || !mayAnswer()))) {
        do {
          batch.add(plain.toRequest());
          shard.tallies().requestsQueued.add(1);
        } while (plain.next());
        return;
      }
      int left = plain.count() - begun;
      if (left > 1 && begun % EXPECTED_MAX == 0) {
        shard.expect(plain, begun, begun + Math.min(left, EXPECTED_MAX));
      }
      begun++;
      beginOne();
    }
  }

  private void beginOne() {
    if (scope == Frame.Scope.NODE && ownerOf(plain) != shard.index()) {
      begin(plain.toRequest());
    } else {
      underWay++;
      shard.handle(open().origin(), plain);
    }
  }

  private void begin(Request request) {
    if (request.operation() instanceof Read.Await && awaits.add(request.id())) {
      await(request);
      return;
    }
    underWay++;
    if (request.operation() instanceof Mutation mutation) {
      auditAdministration(request.key(), mutation);
    }
    int owner = ownerOf(request.key());
    if (owner == shard.index()) {
      shard.handle(open().origin(), request);
    } else {
      pass(owner, new Errand.Handling(request));
    }
  }

  /// Writes down who changes the list of principals, or where keys are. Of who may not, the refusal
  /// is written down: among what administrators did there is no room for what others would do.
  private void auditAdministration(Payload key, Mutation mutation) {
    boolean places = mutation instanceof Mutation.Place;
    if ((places || key.equals(AccessList.KEY))
        && shard.plane().protection().isPresent()
        && open().origin().caller().rights().allow(places ? Role.ADMIN : Role.WRITE, key)) {
      String what =
          mutation instanceof Mutation.UpdateField update
              ? "change " + update.field()
              : mutation.getClass().getSimpleName().toLowerCase(Locale.ROOT);
      protection()
          .audit()
          .administered(
              open().origin().caller().principal(),
              what,
              key.toString(),
              String.valueOf(channel.remoteAddress()),
              "asked");
    }
  }

  /// Begins what may wait for long, and holds up nothing else meanwhile: the shard bounds how many
  /// there are, as it does for watches.
  private void await(Request request) {
    int owner = ownerOf(request.key());
    if (owner == shard.index()) {
      shard.handle(open().origin(), request);
    } else {
      underWay++; // until it has got there
      pass(owner, new Errand.Awaiting(request));
    }
  }

  private void watch(Frame.Watch watch) {
    int owner = ownerOf(watch.key());
    if (owner == shard.index()) {
      shard.watch(open().origin(), watch);
    } else {
      underWay++;
      pass(owner, new Errand.Watching(watch));
    }
  }

  /// Whose watch it is, only its shard knows.
  private void unwatch(long watchId) {
    shard.unwatch(open().origin(), watchId);
    for (int other : List.copyOf(passing.keySet())) {
      underWay++;
      pass(other, new Errand.Unwatching(watchId));
    }
  }

  /// Answers a ping. What the shard had to tell this connection was written before: no frame is
  /// read as long as there are changes. The other shards that may have watches of it say the same
  /// of theirs.
  private void pong(Frame.Ping ping) {
    HybridTimestamp time = shard.time();
    if (!ping.receipt()) {
      write(new Frame.Pong(ping.id(), time));
      return;
    }
    NodePong pong = new NodePong(ping.id(), time, shard.asOf(), passing.size());
    if (passing.isEmpty()) {
      write(pong.whole());
      return;
    }
    underWay++; // until the last of them has answered
    for (int other : List.copyOf(passing.keySet())) {
      pass(other, new Errand.Confirming(pong));
    }
  }

  private void gather(NodePong pong, HybridTimestamp asOf) {
    if (pong.add(asOf)) {
      underWay--;
      write(pong.whole());
    }
  }

  private void scan(Frame.Scan asked) {
    int shards = scope == Frame.Scope.NODE ? shard.plane().shardCount() : 1;
    NodeScan scan = new NodeScan(asked, shards);
    underWay++; // until the last page is there
    scanning = true; // likewise
    if (shards > 1) {
      for (int other = 0; other < shards; other++) {
        if (other != shard.index()) {
          pass(other, new Errand.Scanning(asked, scan));
        }
      }
    }
    shard.scan(
        open(),
        asked,
        () -> phase != Phase.CLOSING,
        page -> {
          if (phase != Phase.CLOSING) {
            gather(scan, page);
          }
        });
  }

  private void gather(NodeScan scan, Frame.Scanned page) {
    scan.add(page)
        .ifPresent(
            whole -> {
              underWay--;
              scanning = false;
              whole.failure().ifPresent(failure -> auditIfForbidden("scan", failure));
              write(whole);
              stir();
            });
  }

  private int ownerOf(Payload key) {
    // A connection to one shard gets its "not mine" from the shard itself.
    return scope == Frame.Scope.NODE
        ? Partitions.STANDARD.shardOfKey(KeyHash.of(key), shard.plane().shardCount())
        : shard.index();
  }

  private int ownerOf(PlainRequests request) {
    long hash = KeyHash.of(request.source(), request.keyAt(), request.keyLength());
    return Partitions.STANDARD.shardOfKey(hash, shard.plane().shardCount());
  }

  private void pass(int other, Errand errand) {
    passing.computeIfAbsent(other, ignored -> new ArrayList<>()).add(errand);
    shard.touch(this);
  }

  private void passOn() {
    Passage through = passage; // to be read here, not by the others
    if (through == null) {
      return;
    }
    for (Map.Entry<Integer, List<Errand>> errands : passing.entrySet()) {
      if (!errands.getValue().isEmpty()) {
        List<Errand> passed = List.copyOf(errands.getValue());
        errands.getValue().clear();
        ShardServer other = shard.plane().shard(errands.getKey());
        other.execute(() -> other.accept(through, passed));
      }
    }
  }

  /// Tells of a change to a watched key, or why it is watched no more.
  private void tell(Frame.Changed changed) {
    auditIfForbidden("watch", changed.reply().outcome());
    write(changed);
  }

  private void write(Frame frame) {
    outbound.write(frame);
    shard.touch(this);
  }

  private void receive(Errand.Delivery delivery) {
    switch (delivery) {
      case Errand.Answered answered -> reply(answered.reply());
      case Errand.Page page -> gather(page.scan(), page.page());
      case Errand.Confirmed confirmed -> gather(confirmed.pong(), confirmed.asOf());
      case Errand.Change change -> tell(change.changed());
      case Errand.Done _ -> underWay--;
    }
    shard.tallies().bytesPending.add(-delivery.bytes());
    if (open().keep(delivery.bytes())) {
      Origin origin = open().origin();
      tellOthers(other -> other.resume(origin));
    }
  }

  private void tellOthers(Consumer<ShardServer> what) {
    for (int index : passing.keySet()) {
      ShardServer other = shard.plane().shard(index);
      other.execute(() -> what.accept(other));
    }
  }

  private Reply failed(long requestId, Outcome.Failed failure) {
    return new Reply(
        requestId,
        failure,
        HybridTimestamp.ZERO,
        Optional.empty(),
        CausalContext.EMPTY,
        Receipt.NONE,
        shard.time(),
        ShardCore.RING_VERSION);
  }

  // The end.

  private void refuse(ErrorCode code, String message) {
    if (phase == Phase.CLOSING) {
      return;
    }
    LOG.debug("{} is refused: {} {}", this, code, message);
    shard.tallies().connectionsRefused.add(1);
    write(new Frame.Refused(code, message));
    closeSoon();
  }

  /// Closes even if the client does not read what was written.
  private void closeSoon() {
    close();
    abortLater();
  }

  /// Sends what was written, says that no more will come, and gives the client a moment to close:
  /// closing first, with something unread, might destroy what was sent.
  private void close() {
    leave();
    outbound.finish(this::abortLater);
    channel.config().setAutoRead(true);
  }

  private void abortLater() {
    var _ = shard.schedule(this::abort, LINGER_MILLIS);
  }

  private void forget() {
    leave();
    shard.forget(this);
  }

  /// Lets go of all that was under way.
  private void leave() {
    phase = Phase.CLOSING;
    cancelGreetingDeadline();
    inbound.release();
    shard.tallies().requestsQueued.add(-batch.size());
    batch.clear();
    releaseClaim();
    delivered.forEach(delivery -> shard.tallies().bytesPending.add(-delivery.bytes()));
    delivered.clear();
    changes = false;
    if (passage != null) {
      Origin origin = passage.origin();
      shard.leave(origin);
      tellOthers(other -> other.dismiss(origin));
      passing.clear();
      passage = null;
    }
    if (occupant != null) {
      shard.plane().occupancy().leave(occupant);
      occupant = null;
    }
    proof = Optional.empty();
    reviewAt(0); // never
  }

  private void cancelGreetingDeadline() {
    if (greetingDeadline != null) {
      greetingDeadline.cancel(false);
      greetingDeadline = null;
    }
  }

  private Passage open() {
    if (passage == null) {
      throw new IllegalStateException(this + " is not open");
    }
    return passage;
  }

  private static String name(Frame frame) {
    return frame.getClass().getSimpleName();
  }

  @Override
  public String toString() {
    return "connection " + id + " from " + channel.remoteAddress();
  }
}
