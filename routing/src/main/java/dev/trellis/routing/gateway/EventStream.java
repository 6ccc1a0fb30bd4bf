package dev.trellis.routing.gateway;

import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import io.netty.buffer.ByteBuf;
import io.netty.buffer.Unpooled;
import io.netty.channel.ChannelHandlerContext;
import io.netty.handler.codec.http.DefaultHttpContent;
import io.netty.handler.codec.http.DefaultHttpResponse;
import io.netty.handler.codec.http.HttpHeaderNames;
import io.netty.handler.codec.http.HttpHeaderValues;
import io.netty.handler.codec.http.HttpResponse;
import io.netty.handler.codec.http.HttpResponseStatus;
import io.netty.handler.codec.http.HttpVersion;
import io.netty.util.concurrent.Future;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// A watch as server-sent events. Between the store and a slow reader stands a place for one state:
/// a newer one replaces an older one that was not sent yet, so memory is bounded and the last state
/// always arrives. Where there is no memory for a state, the watch ends, saying so.
final class EventStream implements Store.Observer {
  static final String MEDIA_TYPE = "text/event-stream";

  /// What a browser is told to wait before it connects anew.
  private static final String PREAMBLE = "retry: 1000\n\n";

  private static final String HEARTBEAT = ": heartbeat\n\n";

  private final HttpConnection connection;
  private final GatewayConfig config;
  private final Answer.Events wanted;
  private final Holding holding;
  private final AtomicReference<StoreResult.@Nullable Done> latest = new AtomicReference<>();
  private final AtomicReference<StoreResult.@Nullable Failed> failure = new AtomicReference<>();
  private final AtomicBoolean isScheduled = new AtomicBoolean();

  // Touched on the event loop only.
  private Store.@Nullable Subscription subscription;
  private @Nullable Future<?> heartbeat;
  private boolean hasBegun;
  private boolean isClosed;

  /// @param holding counts states and events, until the connection ends it
  EventStream(
      HttpConnection connection, GatewayConfig config, Answer.Events wanted, Holding holding) {
    this.connection = connection;
    this.config = config;
    this.wanted = wanted;
    this.holding = holding;
  }

  void start(Store store) {
    subscription = store.watch(wanted.key(), wanted.kind(), this);
    if (isClosed) { // it failed at once
      subscription.close();
    }
  }

  @Override
  public void onState(Reply reply) {
    if (!(reply.outcome() instanceof Outcome.Done outcome)) {
      throw new IllegalStateException("a watch told of " + reply.outcome());
    }
    StoreResult.Done state = new StoreResult.Done(reply, outcome);
    if (holding.tryTake(Weights.of(state))) {
      StoreResult.Done replaced = latest.getAndSet(state);
      if (replaced != null) {
        holding.give(Weights.of(replaced));
      }
    } else {
      failure.compareAndSet(null, withoutRoom());
    }
    schedule();
  }

  @Override
  public void onFailure(StoreResult.Failed ended) {
    failure.compareAndSet(null, ended);
    schedule();
  }

  /// Sends what is waiting, if the client keeps up.
  void flush() {
    isScheduled.set(false);
    if (isClosed || !connection.channel().isWritable()) {
      return; // the connection calls again once it is writable
    }
    StoreResult.Done state = latest.getAndSet(null);
    if (state != null) {
      tell(state);
    }
    StoreResult.Failed ended = failure.get();
    if (ended != null) {
      fail(Problem.of(ended));
    }
  }

  private void tell(StoreResult.Done state) {
    long length = Weights.jsonOf(state);
    if (holding.tryGrow(length)) {
      begin();
      ByteBuf event = event(state);
      long bytes = event.readableBytes();
      holding.take(bytes - length);
      connection.write(new DefaultHttpContent(event)).addListener(_ -> holding.give(bytes));
    } else {
      failure.compareAndSet(null, withoutRoom());
    }
    holding.give(Weights.of(state));
  }

  private static StoreResult.Failed withoutRoom() {
    return MeteredStore.overloaded(
        "there is no memory for the state of the key: gateway.memory.max is full; watch it again");
  }

  /// Ends the watch in the store. Idempotent.
  void close() {
    isClosed = true;
    if (heartbeat != null) {
      heartbeat.cancel(false);
    }
    if (subscription != null) {
      subscription.close();
    }
  }

  private void schedule() {
    if (isScheduled.compareAndSet(false, true)) {
      connection.channel().eventLoop().execute(this::flush);
    }
  }

  /// Sends the header, once it is clear that the watch stands.
  private void begin() {
    if (hasBegun) {
      return;
    }
    hasBegun = true;
    HttpResponse response = new DefaultHttpResponse(HttpVersion.HTTP_1_1, HttpResponseStatus.OK);
    response.headers().set(HttpHeaderNames.CONTENT_TYPE, MEDIA_TYPE);
    if (!connection.speaksHttp10()) {
      response.headers().set(HttpHeaderNames.TRANSFER_ENCODING, HttpHeaderValues.CHUNKED);
    }
    connection.setCommonHeaders(response);
    connection.answeredWithEvents();
    var _ = connection.write(response);
    write(text(PREAMBLE));
    heartbeat =
        context()
            .executor()
            .scheduleAtFixedRate(
                this::beat,
                config.heartbeat().toMillis(),
                config.heartbeat().toMillis(),
                TimeUnit.MILLISECONDS);
  }

  private void beat() {
    if (connection.channel().isWritable()) {
      write(text(HEARTBEAT));
    }
  }

  /// Ends the watch, saying why.
  void fail(Problem problem) {
    if (!hasBegun) {
      connection.refuseEvents(problem);
      return;
    }
    ByteBuf event = text("event: problem\ndata: ");
    event.writeBytes(Json.write(json -> Views.writeProblem(json, problem))).writeByte('\n');
    write(event);
    connection.endEvents();
  }

  private ByteBuf event(StoreResult.Done state) {
    String name = state.outcome().view() instanceof View.Missing ? "missing" : "value";
    ByteBuf event =
        text("id: " + ContextText.of(state.reply().clock()) + "\nevent: " + name + "\ndata: ");
    // JSON in one line, as it is written here, ends with a line feed; an empty line ends an event.
    return event
        .writeBytes(
            Json.write(
                json -> {
                  json.writeStartObject();
                  Views.writeRead(json, wanted.key(), List.of(), state);
                  json.writeEndObject();
                }))
        .writeByte('\n');
  }

  private void write(ByteBuf bytes) {
    var _ = connection.write(new DefaultHttpContent(bytes));
  }

  private static ByteBuf text(String text) {
    byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
    return Unpooled.buffer(bytes.length + 256).writeBytes(bytes);
  }

  private ChannelHandlerContext context() {
    return connection.context();
  }
}
