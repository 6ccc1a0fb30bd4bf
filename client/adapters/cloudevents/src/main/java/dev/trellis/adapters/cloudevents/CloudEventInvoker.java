package dev.trellis.adapters.cloudevents;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Invoker;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import io.cloudevents.CloudEvent;
import io.cloudevents.CloudEventData;
import io.cloudevents.core.builder.CloudEventBuilder;
import io.cloudevents.http.HttpMessageFactory;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.time.Instant;
import java.time.ZoneOffset;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Has functions run that a [CloudEventServer] serves, by events over HTTP in binary mode: to a
/// broker, which keeps them and repeats them until they are done, or to the functions themselves.
///
/// ```java
/// Invoker knative = CloudEventInvoker.to(URI.create(System.getenv("K_SINK")), URI.create("/shop"));
/// InvocationId id = functions.newId();
/// knative.invoke(FunctionCall.of("shop.resize", id, picture)).join();
/// StoredFuture sent = functions.future(id).then("shop.send", knative);
/// Payload receipt = sent.get(Duration.ofMinutes(1));
/// ```
///
/// The attributes of such an event:
///
/// | attribute | |
/// |---|---|
/// | `type` | the function's name, by which triggers choose |
/// | `id`, [#INVOCATION] | the id of the call, and of the invocation: the same whenever it is made again |
/// | `time` | when the invocation was born |
/// | `trellissession` | the token of the session that it goes on with, if there is one |
/// | [#RESULT_OF] | the id of whose result it works on, if that is not the data |
///
/// Safe for any thread.
public final class CloudEventInvoker implements Invoker {
  /// The extension attribute with the id of a call, by which an event is one.
  public static final String INVOCATION = "trellisinvocation";

  /// The extension attribute with the id of the invocation on whose result a call works.
  public static final String RESULT_OF = "trellisresultof";

  /// The content type of arguments.
  static final String CONTENT_TYPE = "application/octet-stream";

  private static final int ATTEMPTS = 3;
  private static final Duration PAUSE = Duration.ofMillis(100);

  private final Function<String, @Nullable URI> addresses;
  private final URI source;
  private final Duration timeout;
  private final HttpClient http;

  private CloudEventInvoker(
      Function<String, @Nullable URI> addresses, URI source, Duration timeout) {
    this.addresses = addresses;
    this.source = source;
    this.timeout = timeout;
    this.http = HttpClient.newBuilder().connectTimeout(timeout).build();
  }

  /// By a broker, or whatever else keeps events and knows by their types where they go. It has 30 s
  /// to take one.
  ///
  /// @param source of the events: the URI of who calls
  public static CloudEventInvoker to(URI broker, URI source) {
    return to(function -> broker, source, Duration.ofSeconds(30));
  }

  /// To an address for each function. Who sends to the functions themselves has the call done when
  /// it is made, and so waits for all that goes on with it; who is cut off calls again.
  ///
  /// @param addresses of functions by their names; null for one that is unknown
  /// @param source of the events: the URI of who calls
  /// @param timeout how long an answer may take: as long as the function, if it answers itself
  public static CloudEventInvoker to(
      Function<String, @Nullable URI> addresses, URI source, Duration timeout) {
    return new CloudEventInvoker(addresses, source, timeout);
  }

  /// Sends the call. Where it is not taken for now, that is tried three times; then this fails, and
  /// whoever asked is to be run again.
  @Override
  public CompletableFuture<@Nullable Void> invoke(FunctionCall call) {
    try {
      return attempt(request(call), call.function(), 1);
    } catch (RuntimeException e) { // what can't be sent
      return CompletableFuture.failedFuture(e);
    }
  }

  /// Why a call was not taken.
  private record Problem(String what, boolean mayPass, @Nullable Throwable cause) {}

  private CompletableFuture<@Nullable Void> attempt(
      HttpRequest request, String function, int number) {
    return http.sendAsync(request, HttpResponse.BodyHandlers.ofString())
        .handle(CloudEventInvoker::problem)
        .thenCompose(
            problem -> {
              if (problem.isEmpty()) {
                return CompletableFuture.completedFuture(null);
              }
              if (!problem.get().mayPass() || number == ATTEMPTS) {
                return CompletableFuture.failedFuture(
                    new IllegalStateException(
                        "nobody has taken the call of " + function + ": " + problem.get().what(),
                        problem.get().cause()));
              }
              return CompletableFuture.runAsync(
                      () -> {},
                      CompletableFuture.delayedExecutor(
                          PAUSE.toMillis() << number, TimeUnit.MILLISECONDS))
                  .thenCompose(paused -> attempt(request, function, number + 1));
            });
  }

  private static Optional<Problem> problem(
      @Nullable HttpResponse<String> response, @Nullable Throwable failure) {
    if (response == null) {
      return Optional.of(new Problem(String.valueOf(failure), true, failure));
    }
    int status = response.statusCode();
    return status >= 200 && status < 300
        ? Optional.empty()
        : Optional.of(
            new Problem(
                "status " + status + ", " + response.body(), status == 429 || status >= 500, null));
  }

  private HttpRequest request(FunctionCall call) {
    @Nullable URI address = addresses.apply(call.function());
    if (address == null) {
      throw new IllegalStateException("nobody knows where function " + call.function() + " is");
    }
    HttpRequest.Builder request = HttpRequest.newBuilder(address).timeout(timeout);
    ByteArrayOutputStream body = new ByteArrayOutputStream();
    Map<String, String> headers = new LinkedHashMap<>();
    HttpMessageFactory.createWriter(headers::put, data -> write(data, body))
        .writeBinary(event(call));
    headers.forEach(request::header);
    return request.POST(HttpRequest.BodyPublishers.ofByteArray(body.toByteArray())).build();
  }

  /// An event without data has none, and no empty ones.
  private static void write(byte @Nullable [] data, ByteArrayOutputStream body) {
    if (data != null) {
      body.writeBytes(data);
    }
  }

  private CloudEvent event(FunctionCall call) {
    String id = call.id().toString();
    CloudEventBuilder event =
        CloudEventBuilder.v1()
            .withId(id)
            .withSource(source)
            .withType(call.function())
            .withTime(Instant.ofEpochMilli(call.id().bornMillis()).atOffset(ZoneOffset.UTC))
            .withExtension(INVOCATION, id);
    call.token()
        .ifPresent(token -> event.withExtension(SessionToken.CLOUD_EVENTS_ATTRIBUTE, token.text()));
    return switch (call.argument()) {
      case FunctionCall.Given given ->
          event.withData(CONTENT_TYPE, given.value().toBytes()).build();
      case FunctionCall.ResultOf of -> event.withExtension(RESULT_OF, of.id().toString()).build();
    };
  }

  // ---- What a server reads of it ----

  static boolean isCall(CloudEvent event) {
    return event.getExtension(INVOCATION) != null;
  }

  /// The id of a call.
  ///
  /// @throws dev.trellis.client.DefiniteException.BadRequest if it is none
  static InvocationId id(CloudEvent event) {
    return id(event, INVOCATION);
  }

  private static InvocationId id(CloudEvent event, String attribute) {
    try {
      return InvocationId.ofText(String.valueOf(event.getExtension(attribute)));
    } catch (IllegalArgumentException e) {
      throw TrellisException.of(
          ErrorCode.BAD_REQUEST, "the event's attribute " + attribute + ": " + e.getMessage());
    }
  }

  /// The token of the session that an event goes on with.
  ///
  /// @throws dev.trellis.client.DefiniteException.BadRequest if it is none
  static Optional<SessionToken> token(CloudEvent event) {
    return Optional.ofNullable(event.getExtension(SessionToken.CLOUD_EVENTS_ATTRIBUTE))
        .map(Object::toString)
        .filter(text -> !text.isBlank())
        .map(SessionToken::ofText);
  }

  /// The call that an event is; empty if it is none.
  ///
  /// @throws dev.trellis.client.DefiniteException.BadRequest if it tells no such id or token
  static Optional<FunctionCall> call(CloudEvent event) {
    if (!isCall(event)) {
      return Optional.empty();
    }
    @Nullable CloudEventData data = event.getData();
    FunctionCall.Argument argument =
        event.getExtension(RESULT_OF) != null
            ? new FunctionCall.ResultOf(id(event, RESULT_OF))
            : new FunctionCall.Given(data == null ? Payload.EMPTY : Payload.of(data.toBytes()));
    return Optional.of(new FunctionCall(event.getType(), id(event), argument, token(event)));
  }
}
