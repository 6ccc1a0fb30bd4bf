package dev.trellis.routing.gateway;

import dev.trellis.access.Caller;
import dev.trellis.process.Occupancy;
import dev.trellis.process.http.Admissions;
import dev.trellis.process.http.LastWords;
import dev.trellis.process.http.PeerFaults;
import dev.trellis.routing.gateway.Guests.Guest;
import dev.trellis.routing.gateway.Guests.Seat;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.Channel;
import io.netty.channel.ChannelFuture;
import io.netty.channel.ChannelFutureListener;
import io.netty.channel.ChannelHandlerContext;
import io.netty.channel.ChannelInboundHandlerAdapter;
import io.netty.channel.ChannelOutboundBuffer;
import io.netty.channel.socket.ChannelInputShutdownEvent;
import io.netty.handler.codec.http.DefaultFullHttpResponse;
import io.netty.handler.codec.http.FullHttpResponse;
import io.netty.handler.codec.http.HttpContent;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpHeaders;
import io.netty.handler.codec.http.HttpMethod;
import io.netty.handler.codec.http.HttpRequest;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpUtil;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.handler.codec.http.LastHttpContent;
import io.netty.handler.codec.http.TooLongHttpHeaderException;
import io.netty.handler.codec.http.TooLongHttpLineException;
import io.netty.handler.ssl.SslCloseCompletionEvent;
import io.netty.util.ReferenceCountUtil;
import io.netty.util.concurrent.Future;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// One HTTP/1.1 connection. Takes one request at a time: while one is answered the socket is not
/// read, so a client that pipelines, or does not read its answers, holds up itself and nobody else.
///
/// Every wait has an end: for the first byte, the header, the body, and for the client to take the
/// answer. What a request may cost is checked as early as it is known: the length told in the
/// header before the body is read, and the body as it arrives.
///
/// Confined to the event loop of its channel.
final class HttpConnection extends ChannelInboundHandlerAdapter {
  private static final Logger LOG = LoggerFactory.getLogger(HttpConnection.class);

  /// How long, and how many bytes, a client that still sends a body is listened to after it was
  /// refused. Closing at once would reset the connection and take the answer away from it.
  private static final Duration LINGER = Duration.ofSeconds(2);

  private static final long LINGER_BYTES_MAX = 64L << 20;
  private static final int BODY_INITIAL_BYTES_MAX = 64 << 10;

  /// How often it is looked at how fast a client takes what is written.
  private static final Duration LOOK = Duration.ofSeconds(1);

  /// While memory is contended, bytes a second that a client has to take, how far behind that it
  /// may be, and what is so little that it doesn't matter.
  private static final long LEAST_RATE = 256 << 10;

  private static final long BEHIND_MAX = 3 * LEAST_RATE;
  private static final long LITTLE = 64 << 10;

  private enum State {
    /// Between requests.
    IDLE,
    /// A header has begun to arrive.
    HEADER,
    /// A header is here, the body is arriving.
    BODY,
    /// A request is here, the answer is awaited or being written.
    ANSWERING,
    /// A watch is open.
    EVENTS,
    /// The last answer is written; what still arrives is thrown away.
    LINGERING,
    CLOSED
  }

  private final GatewayConfig config;
  private final Guests guests;
  private final Admissions admissions;
  private final Occupancy occupancy;
  private final Endpoints endpoints;
  private final MemoryBudget memory;
  private final GatewayMetrics metrics;

  private final Queue<Object> arrived = new ArrayDeque<>(); // decoded, waiting for their turn
  private @Nullable ChannelHandlerContext context;
  private @Nullable Future<?> deadline;
  private @Nullable EventStream events;
  private @Nullable CompletableFuture<Answer> waiting; // for something that may take long to come
  private State state = State.IDLE;
  private @Nullable Seat seat; // of the watch that is open
  private boolean hasWorked; // whether somebody who may has asked for something
  private String occupant = ""; // whose place this takes; empty for nobody's
  private boolean isTaking; // whether `take` is on the stack
  private boolean hasInputEnded;
  private boolean isStopping;
  private long lingeredBytes;
  private long
      completedWrites; // tells, with the progress of the current one, whether a client reads
  private long writes; // begun

  // The request under way.
  private boolean keepsAlive;
  private boolean isHttp10;
  private boolean isHead; // an answer to HEAD never has a body, not even that of an error
  private boolean hasUnreadBody;
  private Optional<Route.Match> match = Optional.empty();
  private Optional<Problem> refusal = Optional.empty();
  private Optional<Guest> guest = Optional.empty(); // of all but the document, which is no secret
  private @Nullable RequestTarget target;
  private @Nullable HttpHeaders headers;
  private ByteBuf body = Unpooled.EMPTY_BUFFER;
  private Holding holding; // of the request under way, or of the watch that is open
  private long startedNanos;

  HttpConnection(
      GatewayConfig config,
      Guests guests,
      Admissions admissions,
      Occupancy occupancy,
      Endpoints endpoints,
      MemoryBudget memory,
      GatewayMetrics metrics) {
    this.config = config;
    this.guests = guests;
    this.admissions = admissions;
    this.occupancy = occupancy;
    this.endpoints = endpoints;
    this.memory = memory;
    this.holding = memory.holding(Optional.empty());
    this.metrics = metrics;
  }

  /// Bytes have arrived from the client.
  void onBytes() {
    if (state == State.IDLE) {
      state = State.HEADER;
      arm(config.headerTimeout(), this::headerIsLate);
    }
  }

  /// Takes no further request; ends once the one under way is answered.
  void stop() {
    isStopping = true;
    keepsAlive = false;
    switch (state) {
      case IDLE, HEADER, LINGERING -> close();
      case EVENTS -> endEvents();
      case ANSWERING -> {
        if (waiting != null) {
          close(); // it might take a day
        }
      }
      case BODY, CLOSED -> {}
    }
  }

  @Override
  public void channelActive(ChannelHandlerContext opened) {
    context = opened;
    metrics.connectionOpened();
    arm(config.idleTimeout(), this::close);
    opened.read();
  }

  @Override
  public void channelRead(ChannelHandlerContext ignored, Object message) {
    arrived.add(message);
    take();
  }

  @Override
  public void channelReadComplete(ChannelHandlerContext ignored) {
    readOn();
  }

  @Override
  public void userEventTriggered(ChannelHandlerContext ignored, Object event) {
    if (event instanceof ChannelInputShutdownEvent || event instanceof SslCloseCompletionEvent) {
      hasInputEnded = true;
      if (state == State.EVENTS || waiting != null) {
        close(); // whoever listens to events has nothing more to say, so this is goodbye
      } else {
        take();
      }
    }
  }

  @Override
  public void channelWritabilityChanged(ChannelHandlerContext ignored) {
    if (events != null) {
      events.flush();
    }
  }

  @Override
  public void channelInactive(ChannelHandlerContext ignored) {
    state = State.CLOSED;
    metrics.connectionClosed();
    disarm();
    closeEvents();
    giveUp();
    leavePlace();
    holding.end();
    arrived.forEach(ReferenceCountUtil::release);
    arrived.clear();
  }

  @Override
  public void exceptionCaught(ChannelHandlerContext ignored, Throwable cause) {
    if (!PeerFaults.isOfPeer(cause)) {
      LOG.error("connection of {} fails", channel().remoteAddress(), cause);
    }
    close();
  }

  private boolean takesInput() {
    return switch (state) {
      case IDLE, HEADER, BODY, EVENTS, LINGERING -> true;
      case ANSWERING, CLOSED -> false;
    };
  }

  /// Works off what has arrived, as far as the state allows. Not reentrant, so that thousands of
  /// pipelined requests whose answers are at hand do not nest.
  private void take() {
    if (isTaking) {
      return;
    }
    isTaking = true;
    try {
      while (takesInput() && !arrived.isEmpty()) {
        Object message = arrived.remove();
        try {
          take(message);
        } finally {
          ReferenceCountUtil.release(message);
        }
      }
    } finally {
      isTaking = false;
    }
    if (hasInputEnded && takesInput() && arrived.isEmpty()) {
      close();
    }
  }

  private void readOn() {
    if (takesInput() && arrived.isEmpty() && !hasInputEnded) {
      context().read();
    }
  }

  private void take(Object message) {
    if (state == State.EVENTS) {
      return; // what is pipelined behind a watch would never have its turn
    }
    if (state == State.LINGERING) {
      if (message instanceof HttpContent content) {
        lingeredBytes += content.content().readableBytes();
      }
      if (lingeredBytes > LINGER_BYTES_MAX) {
        close();
      }
      return;
    }
    if (message instanceof HttpRequest request) {
      head(request);
    }
    if (message instanceof HttpContent content && state == State.BODY) {
      content(content);
    }
  }

  private void head(HttpRequest request) {
    state = State.BODY;
    keepsAlive = HttpUtil.isKeepAlive(request) && !isStopping;
    isHttp10 = request.protocolVersion().equals(HttpVersion.HTTP_1_0);
    isHead = request.method().equals(HttpMethod.HEAD);
    hasUnreadBody = false;
    match = Optional.empty();
    refusal = Optional.empty();
    guest = Optional.empty();
    headers = request.headers();
    body = Unpooled.EMPTY_BUFFER;
    holding.end();
    holding = memory.holding(Optional.empty());
    arm(config.bodyTimeout(), this::bodyIsLate);
    if (request.decoderResult().isFailure()) {
      refuseUnread(problemOf(request.decoderResult().cause()));
      return;
    }
    boolean bodyFollows = bodyFollows(request);
    try {
      accept(request, bodyFollows);
    } catch (Refusal refused) {
      if (bodyFollows) {
        refuseUnread(refused.problem());
      } else {
        refusal = Optional.of(refused.problem());
      }
      return;
    }
    if (bodyFollows && HttpUtil.is100ContinueExpected(request)) {
      var _ =
          write(
              new DefaultFullHttpResponse(
                  HttpVersion.HTTP_1_1, HttpResponseStatus.CONTINUE, Unpooled.EMPTY_BUFFER));
    }
  }

  /// Checks all that a header can tell.
  private void accept(HttpRequest request, boolean bodyFollows) {
    if (request.protocolVersion().majorVersion() != 1) {
      throw Refusal.badRequest(
          request.protocolVersion() + " is not spoken here; use HTTP/1.1 or HTTP/1.0");
    }
    RequestTarget wanted = RequestTarget.parse(request.uri());
    if (!Route.isOpenToAll(wanted)) {
      // First of all: who is not known learns nothing of what is here.
      String what = request.method() + " " + request.uri();
      guest = Optional.of(guests.admit(request.headers(), what, channel().remoteAddress()));
    }
    Optional<Caller> caller = guest.flatMap(Guest::caller);
    if (caller.isPresent()) {
      takePlace(caller.get());
      holding = memory.holding(Optional.of(caller.get().principal()));
    }
    Route.Match found = Route.find(request.method(), wanted);
    target = wanted;
    match = Optional.of(found);
    BodyRules.check(config, found, request.headers(), bodyFollows);
    if (holding.isSpent()) {
      throw new Refusal(memory.spent());
    }
  }

  /// Takes one of the places of who asks, until the connection waits for a request again, when it
  /// can be asked to go.
  private void takePlace(Caller caller) {
    boolean isPreferred = Occupancy.isPreferred(caller, Optional.empty());
    long most = Occupancy.most(caller, isPreferred, config.connectionsMax());
    String principal = caller.principal();
    boolean isAnother = !principal.equals(occupant);
    if (isAnother && !occupancy.enter(principal, most)) {
      throw withoutPlace(
          principal + " has " + most + " connections to this gateway, all it may have");
    }
    if (isAnother) {
      leavePlace(); // of who asked before
      occupant = principal;
    }
    if (!admissions.works(channel(), isPreferred)) {
      leavePlace();
      throw withoutPlace(Gateway.connectionsFill(config));
    }
  }

  private Refusal withoutPlace(String reason) {
    keepsAlive = false;
    metrics.connectionRefused();
    return new Refusal(Problem.overloaded(reason));
  }

  private void leavePlace() {
    if (!occupant.isEmpty()) {
      occupancy.leave(occupant);
      occupant = "";
    }
  }

  private static boolean bodyFollows(HttpRequest request) {
    return HttpUtil.isTransferEncodingChunked(request)
        || HttpUtil.getContentLength(request, 0L) > 0;
  }

  private void content(HttpContent content) {
    if (content.decoderResult().isFailure()) {
      refuseUnread(problemOf(content.decoderResult().cause()));
      return;
    }
    int size = content.content().readableBytes();
    if (size > 0 && match.isPresent()) {
      Route.Body rule = match.get().route().body();
      long total = (long) body.readableBytes() + size;
      if (total > config.bodyBytesMax(rule)) {
        refuseUnread(BodyRules.tooLarge(config, rule, "the body has more"));
        return;
      }
      if (!holding.tryTake(size)) {
        refuseUnread(memory.spent());
        return;
      }
      if (body == Unpooled.EMPTY_BUFFER) {
        body = Unpooled.buffer(Math.min(size, BODY_INITIAL_BYTES_MAX));
      }
      body.writeBytes(content.content());
    }
    if (content instanceof LastHttpContent) {
      end();
    }
  }

  private void end() {
    state = State.ANSWERING;
    disarm();
    if (refusal.isPresent()) {
      respond(Answer.Whole.of(refusal.get()));
      return;
    }
    Route.Match found = match.orElseThrow();
    if (target == null || headers == null) {
      throw new IllegalStateException("a request ends that has not begun");
    }
    Exchange exchange = new Exchange(found, target, headers, body, holding);
    startedNanos = System.nanoTime();
    if (guest.isEmpty()) {
      answered(Endpoints.document(exchange));
      return;
    }
    if (!hasWorked && occupant.isEmpty()) {
      hasWorked = true;
      admissions.works(channel());
    }
    CompletableFuture<Seat> given = guest.get().seat(() -> onLoop(this::endGuest));
    if (given.isDone() && !given.isCompletedExceptionally()) {
      answer(exchange, given.join());
      return;
    }
    var _ =
        given.whenComplete(
            (taken, failure) ->
                onLoop(
                    () -> {
                      if (failure != null) {
                        answered(Answer.Whole.of(Endpoints.problemOf(failure)));
                      } else if (state == State.ANSWERING) {
                        answer(exchange, taken);
                      } else {
                        taken.leave();
                      }
                    }));
  }

  private void answer(Exchange exchange, Seat taken) {
    Route.Match found = exchange.match();
    exchange.holding().begin();
    CompletionStage<Answer> answer = endpoints.answer(exchange, taken.store());
    if (found.route() == Route.AWAIT && answer instanceof CompletableFuture<Answer> future) {
      waiting = future;
      context().read(); // else nobody would notice that the client has gone
    }
    answer.whenComplete(
        (given, failure) -> {
          exchange.holding().finish();
          if (given instanceof Answer.Events) {
            onLoop(() -> watch(taken));
          } else {
            taken.leave();
          }
          if (!(failure instanceof CancellationException)) {
            onLoop(
                () ->
                    answered(
                        failure == null ? given : Answer.Whole.of(Endpoints.problemOf(failure))));
          }
        });
  }

  private Seat seatOfWatch() {
    if (seat == null) {
      throw new IllegalStateException("a watch begins for nobody");
    }
    return seat;
  }

  /// Keeps what a watch needs for as long as it is open.
  private void watch(Seat taken) {
    if (state == State.ANSWERING) {
      seat = taken;
    } else {
      taken.leave();
    }
  }

  /// Who is served here must not be any more: what goes on without end, ends.
  private void endGuest() {
    Problem problem =
        Problem.of(
            ProblemType.UNAUTHENTICATED, "the API key was revoked, or is over, in the meantime");
    if (events != null) {
      events.fail(problem);
    } else if (waiting != null) {
      CompletableFuture<Answer> given = waiting;
      answered(Answer.Whole.of(problem));
      given.cancel(false);
    }
  }

  private void giveUp() {
    if (waiting != null) {
      waiting.cancel(false);
      waiting = null;
    }
  }

  private void answered(Answer answer) {
    waiting = null;
    if (state != State.ANSWERING) {
      return;
    }
    match.ifPresent(found -> metrics.took(found.route(), System.nanoTime() - startedNanos));
    switch (answer) {
      case Answer.Whole whole -> respond(whole);
      case Answer.Events wanted -> {
        state = State.EVENTS;
        holding.settle(0);
        metrics.watchOpened();
        EventStream stream = new EventStream(this, config, wanted, holding);
        events = stream;
        try {
          stream.start(seatOfWatch().store());
        } catch (RuntimeException defect) {
          refuseEvents(Endpoints.problemOf(defect));
          return;
        }
        watchWriting();
        readOn();
      }
    }
  }

  /// Answers before the body has arrived, and then closes.
  private void refuseUnread(Problem problem) {
    state = State.ANSWERING;
    disarm();
    keepsAlive = false;
    hasUnreadBody = true;
    respond(Answer.Whole.of(problem));
  }

  /// Answers a watch that could not be opened.
  void refuseEvents(Problem problem) {
    state = State.ANSWERING;
    closeEvents();
    respond(Answer.Whole.of(problem));
  }

  private void respond(Answer.Whole answer) {
    metrics.answered(match.map(Route.Match::route), answer.status());
    ByteBuf content = isHead ? Unpooled.EMPTY_BUFFER : answer.body();
    FullHttpResponse response =
        new DefaultFullHttpResponse(
            HttpVersion.HTTP_1_1, HttpResponseStatus.valueOf(answer.status()), content);
    response.headers().set(answer.headers());
    response.headers().set(HttpHeaderNames.CONTENT_LENGTH, answer.body().readableBytes());
    setCommonHeaders(response);
    holding.settle(content.readableBytes());
    writes++;
    context().writeAndFlush(response).addListener(written -> written(written.isSuccess()));
    if (state == State.ANSWERING) {
      watchWriting();
    }
  }

  /// Sets what every answer carries.
  void setCommonHeaders(HttpResponse response) {
    response
        .headers()
        .set(
            HttpHeaderNames.DATE,
            DateTimeFormatter.RFC_1123_DATE_TIME.format(ZonedDateTime.now(ZoneOffset.UTC)))
        .set(HttpHeaderNames.CACHE_CONTROL, HttpHeaderValues.NO_STORE)
        // Values are whatever somebody stored: a browser must not take them for a page of ours.
        .set("X-Content-Type-Options", "nosniff");
    if (!keepsAlive) {
      response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.CLOSE);
    } else if (isHttp10) {
      response.headers().set(HttpHeaderNames.CONNECTION, HttpHeaderValues.KEEP_ALIVE);
    }
  }

  private void written(boolean succeeded) {
    holding.settle(0);
    if (state != State.ANSWERING) {
      return;
    }
    if (!succeeded) {
      close();
    } else if (hasUnreadBody) {
      linger();
    } else if (!keepsAlive) {
      close();
    } else {
      state = State.IDLE;
      arm(config.idleTimeout(), this::close);
      if (!occupant.isEmpty()) {
        admissions.waits(channel());
      }
      take();
      readOn();
    }
  }

  /// Tells the client that this was all, and waits until it has seen that.
  private void linger() {
    state = State.LINGERING;
    arm(LINGER, this::close);
    LastWords.endOutput(channel());
    take();
    readOn();
  }

  private void headerIsLate() {
    match = Optional.empty();
    isHead = false;
    refuseUnread(
        Problem.of(
            ProblemType.REQUEST_TIMEOUT,
            "the header did not arrive within " + config.headerTimeout().toMillis() + " ms"));
  }

  private void bodyIsLate() {
    refuseUnread(
        Problem.of(
            ProblemType.REQUEST_TIMEOUT,
            "the body did not arrive within " + config.bodyTimeout().toMillis() + " ms"));
  }

  /// Closes the connection if the client takes nothing of what is being written for too long, or
  /// too little while others need the memory.
  private void watchWriting() {
    watchWriting(new Reading(-1, 0, 0, 0, System.nanoTime(), 0));
  }

  /// How a client has taken what was written, up to a look at it.
  ///
  /// @param writes begun by then; -1 before the first look
  /// @param completed of these
  /// @param progress of the next
  /// @param left bytes that wait
  /// @param movedNanos when it last took something
  /// @param behind bytes behind the least rate
  private record Reading(
      long writes, long completed, long progress, long left, long movedNanos, long behind) {}

  private void watchWriting(Reading before) {
    ChannelOutboundBuffer buffer = channel().unsafe().outboundBuffer();
    if (buffer == null || (buffer.isEmpty() && state != State.EVENTS)) {
      return;
    }
    long now = System.nanoTime();
    long progress = buffer.currentProgress();
    long left = buffer.totalPendingWriteBytes() - progress;
    boolean hasMoved =
        buffer.isEmpty()
            || completedWrites != before.completed
            || progress != before.progress
            || left < before.left; // of many records of TLS, the next may always be at its start
    long behind = 0;
    if (before.writes == writes && left > LITTLE) {
      long due = LEAST_RATE * look().toMillis() / 1_000;
      behind = Math.max(0, before.behind + due - (before.left - left));
    }
    Reading reading =
        new Reading(
            writes,
            completedWrites,
            progress,
            left,
            hasMoved || before.writes < 0 ? now : before.movedNanos,
            behind);
    boolean isStuck = now - reading.movedNanos >= config.writeTimeout().toNanos();
    if (isStuck || (behind > BEHIND_MAX && memory.isContended())) {
      close();
    } else {
      arm(look(), () -> watchWriting(reading));
    }
  }

  private Duration look() {
    return LOOK.compareTo(config.writeTimeout()) < 0 ? LOOK : config.writeTimeout();
  }

  /// Writes a part of an answer.
  ChannelFuture write(Object part) {
    writes++;
    return context().writeAndFlush(part).addListener(done -> completedWrites++);
  }

  private static Problem problemOf(Throwable cause) {
    return switch (cause) {
      case TooLongHttpLineException _ ->
          Problem.of(
              ProblemType.URI_TOO_LONG,
              "the request line is longer than gateway.line.max allows: " + cause.getMessage());
      case TooLongHttpHeaderException _ ->
          Problem.of(
              ProblemType.HEADERS_TOO_LARGE,
              "the header is longer than gateway.header.max allows: " + cause.getMessage());
      default ->
          Problem.of(ProblemType.BAD_REQUEST, "this is no HTTP/1.1 request: " + cause.getMessage());
    };
  }

  /// Ends the stream of events in order.
  void endEvents() {
    closeEvents();
    if (state == State.EVENTS) {
      state = State.ANSWERING;
      context()
          .writeAndFlush(LastHttpContent.EMPTY_LAST_CONTENT)
          .addListener(ChannelFutureListener.CLOSE);
    }
  }

  private void closeEvents() {
    if (events != null) {
      events.close();
      events = null;
      metrics.watchClosed();
    }
    if (seat != null) {
      seat.leave();
      seat = null;
    }
  }

  /// Runs a task on the connection's event loop; at once if this is it. A defect in it must not
  /// leave the client waiting for ever.
  private void onLoop(Runnable task) {
    Runnable guarded =
        () -> {
          try {
            task.run();
          } catch (RuntimeException defect) {
            exceptionCaught(context(), defect);
          }
        };
    if (context().executor().inEventLoop()) {
      guarded.run();
    } else {
      context().executor().execute(guarded);
    }
  }

  private void arm(Duration after, Runnable task) {
    disarm();
    deadline = context().executor().schedule(task, after.toMillis(), TimeUnit.MILLISECONDS);
  }

  private void disarm() {
    if (deadline != null) {
      deadline.cancel(false);
      deadline = null;
    }
  }

  void close() {
    var _ = context().close();
  }

  boolean speaksHttp10() {
    return isHttp10;
  }

  /// Counts a watch whose header is on its way.
  void answeredWithEvents() {
    metrics.answered(match.map(Route.Match::route), HttpResponseStatus.OK.code());
  }

  Channel channel() {
    return context().channel();
  }

  ChannelHandlerContext context() {
    if (context == null) {
      throw new IllegalStateException("the connection is not open yet");
    }
    return context;
  }
}
