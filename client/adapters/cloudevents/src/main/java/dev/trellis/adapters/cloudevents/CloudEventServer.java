package dev.trellis.adapters.cloudevents;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import dev.trellis.causal.InvocationId;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.Function;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invocation;
import dev.trellis.functions.Invoker;
import dev.trellis.functions.Result;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import io.cloudevents.CloudEvent;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.http.HttpMessageFactory;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.time.OffsetDateTime;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Takes events over HTTP, in binary or structured mode, and runs a function for each.
///
/// ```java
/// try (CloudEventServer server = CloudEventServer.start(functions, 8080, visits)) { … }
/// ```
///
/// An event names its invocation by its source, id and time, so one that is delivered again changes
/// nothing. Without a time, the store keeps when it was first seen, see [Functions#idOf(String)].
/// The token of a session comes in the extension attribute `trellissession`, and goes out in that
/// of the answer; where there is no answer, in the header `Trellis-Session`.
///
/// An event with the attribute `trellisinvocation` is a [FunctionCall], as a [CloudEventInvoker]
/// sends it: the attribute is its id, the data of the function's answer is kept as the result of
/// that, for whoever waits for it or goes on with it, and what is answered is that this is done.
///
/// What it answers, so that brokers repeat what is worth it (they do for 5xx, not for these 4xx):
///
/// | status | |
/// |---|---|
/// | 200, 202 | done, with and without an event as the answer; what came of a call is kept |
/// | 400 | no event, or no id or session token; the text says why |
/// | 401 | a session token that is not signed with this client's key |
/// | 405, 413, 415 | not a POST, too large, events in a batch |
/// | 410 | the event is older than `invocation.lifetime` of the nodes |
/// | 500, 503 | the function or the store has failed |
public final class CloudEventServer implements AutoCloseable {
  /// Bodies longer than this are refused.
  public static final int EVENT_BYTES_MAX = 16 << 20;

  private static final Logger log = LoggerFactory.getLogger(CloudEventServer.class);
  private static final int STOP_SECONDS = 5;
  private static final String BATCH = "application/cloudevents-batch";

  /// @param body of text, where no event is the answer
  private record Reply(int status, Map<String, String> headers, Payload body) {
    static Reply text(int status, String text) {
      return new Reply(
          status, Map.of("Content-Type", "text/plain; charset=utf-8"), Payload.ofText(text + "\n"));
    }

    Reply after(Duration pause) {
      Map<String, String> more = new LinkedHashMap<>(headers);
      more.put("Retry-After", Long.toString(Math.max(1, pause.toSeconds())));
      return new Reply(status, more, body);
    }
  }

  private final Functions functions;
  private final CloudEventFunction function;
  private final Invoker invoker;
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private final HttpServer server;

  private CloudEventServer(
      Functions functions, CloudEventFunction function, Invoker invoker, HttpServer server) {
    this.functions = functions;
    this.function = function;
    this.invoker = invoker;
    this.server = server;
  }

  /// Serves on a port of all interfaces.
  ///
  /// @param port 0 for a free one; Knative tells it in the environment variable `PORT`
  /// @throws IOException if the port is taken
  public static CloudEventServer start(Functions functions, int port, CloudEventFunction function)
      throws IOException {
    return start(functions, new InetSocketAddress(port), function);
  }

  /// As [#start(Functions, int, CloudEventFunction)], on one interface.
  public static CloudEventServer start(
      Functions functions, InetSocketAddress address, CloudEventFunction function)
      throws IOException {
    return start(functions, address, function, CloudEventServer::goOnNowhere);
  }

  private static CompletableFuture<@Nullable Void> goOnNowhere(FunctionCall call) {
    return CompletableFuture.failedFuture(
        new IllegalStateException(
            call.function()
                + " is to go on with the result of a function whose server was started without an"
                + " Invoker"));
  }

  /// As [#start(Functions, InetSocketAddress, CloudEventFunction)], for a function with whose
  /// result others go on.
  ///
  /// @param invoker who runs them
  public static CloudEventServer start(
      Functions functions, InetSocketAddress address, CloudEventFunction function, Invoker invoker)
      throws IOException {
    HttpServer http = HttpServer.create(address, 0);
    CloudEventServer server = new CloudEventServer(functions, function, invoker, http);
    http.setExecutor(server.threads);
    http.createContext("/", server::serve);
    http.start();
    return server;
  }

  /// Where it serves.
  public int port() {
    return server.getAddress().getPort();
  }

  private void serve(HttpExchange exchange) throws IOException {
    try (exchange) {
      Reply reply = reply(exchange);
      reply.headers.forEach(exchange.getResponseHeaders()::set);
      exchange.sendResponseHeaders(reply.status, reply.body.isEmpty() ? -1 : reply.body.size());
      exchange.getResponseBody().write(reply.body.toBytes());
    }
  }

  private Reply reply(HttpExchange exchange) throws IOException {
    if (!exchange.getRequestMethod().equals("POST")) {
      return Reply.text(405, "events come by POST, not by " + exchange.getRequestMethod());
    }
    String contentType = exchange.getRequestHeaders().getFirst("Content-Type");
    if (contentType != null && contentType.startsWith(BATCH)) {
      return Reply.text(415, "this takes one event at a time, and no " + contentType);
    }
    byte[] body = exchange.getRequestBody().readNBytes(EVENT_BYTES_MAX + 1);
    if (body.length > EVENT_BYTES_MAX) {
      return Reply.text(413, "an event of more than " + EVENT_BYTES_MAX + " bytes");
    }
    CloudEvent event;
    try {
      event =
          HttpMessageFactory.createReader(
                  each ->
                      exchange
                          .getRequestHeaders()
                          .forEach((name, values) -> each.accept(name, values.getFirst())),
                  body)
              .toEvent();
    } catch (RuntimeException e) { // of several kinds, as what is missing or malformed
      return Reply.text(400, "no CloudEvent: " + e.getMessage());
    }
    try {
      return run(event);
    } catch (DefiniteException.InvocationExpired e) {
      return Reply.text(410, String.valueOf(e.getMessage()));
    } catch (TrellisException e) {
      log.warn("event {} of {} has failed: {}", event.getId(), event.getSource(), e.getMessage());
      Reply reply = Reply.text(503, String.valueOf(e.getMessage()));
      return e.retryAfter().map(reply::after).orElse(reply);
    } catch (Exception e) {
      log.warn("event {} of {} has failed", event.getId(), event.getSource(), e);
      return Reply.text(500, "the function has failed: " + e);
    }
  }

  private Reply run(CloudEvent event) throws Exception {
    Optional<FunctionCall> call;
    Invocation opened;
    try {
      call = CloudEventInvoker.call(event);
      opened = open(event);
    } catch (DefiniteException.BadRequest e) {
      return Reply.text(400, String.valueOf(e.getMessage()));
    } catch (DefiniteException.Unauthenticated e) {
      return Reply.text(401, String.valueOf(e.getMessage()));
    }
    try (Invocation invocation = opened) {
      if (call.isPresent()) {
        return keep(call.get(), event);
      }
      Optional<CloudEvent> answer = function.handle(invocation, event);
      SessionToken token = invocation.commit();
      return answer.isEmpty()
          ? new Reply(202, Map.of(SessionToken.HEADER, token.text()), Payload.EMPTY)
          : written(answer.get(), token);
    }
  }

  /// Runs the function in an invocation of its own, and keeps the data of what it answers.
  private Reply keep(FunctionCall call, CloudEvent event) throws Exception {
    Function ofData =
        (invocation, argument) ->
            function
                .handle(
                    invocation,
                    CloudEventBuilder.from(event)
                        .withData(
                            Optional.ofNullable(event.getDataContentType())
                                .orElse(CloudEventInvoker.CONTENT_TYPE),
                            argument.toBytes())
                        .build())
                .map(CloudEvent::getData)
                .map(data -> Payload.of(data.toBytes()))
                .orElse(Payload.EMPTY);
    Result kept = functions.run(call, ofData, invoker);
    return new Reply(
        202,
        kept.token().map(token -> Map.of(SessionToken.HEADER, token.text())).orElseGet(Map::of),
        Payload.EMPTY);
  }

  private Invocation open(CloudEvent event) {
    InvocationId id = id(event);
    Optional<SessionToken> token = CloudEventInvoker.token(event);
    return token.isEmpty() ? functions.invocation(id) : functions.invocation(id, token.get());
  }

  private InvocationId id(CloudEvent event) {
    if (CloudEventInvoker.isCall(event)) {
      return CloudEventInvoker.id(event);
    }
    // A source is a URI, which has no space in it.
    String name = event.getSource() + " " + event.getId();
    OffsetDateTime time = event.getTime();
    if (time == null) {
      return functions.idOf(name);
    }
    try {
      return Functions.idOf(name, time.toInstant());
    } catch (IllegalArgumentException | ArithmeticException e) {
      throw TrellisException.of(
          ErrorCode.BAD_REQUEST,
          "the event's time " + time + " can't be when it was born: " + e.getMessage());
    }
  }

  private static Reply written(CloudEvent answer, SessionToken token) {
    CloudEvent event =
        CloudEventBuilder.from(answer)
            .withExtension(SessionToken.CLOUD_EVENTS_ATTRIBUTE, token.text())
            .build();
    Map<String, String> headers = new LinkedHashMap<>();
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    HttpMessageFactory.createWriter(headers::put, body::writeBytes).writeBinary(event);
    return new Reply(200, headers, Payload.of(body.toByteArray()));
  }

  /// Takes no more, and waits for what is under way, for 5 s at most.
  @Override
  public void close() {
    server.stop(STOP_SECONDS);
    threads.shutdownNow();
  }
}
