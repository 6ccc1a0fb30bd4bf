package dev.trellis.adapters.spring;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.Answer;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invoker;
import dev.trellis.functions.Result;
import dev.trellis.lattice.Payload;
import java.time.OffsetDateTime;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Function;
import org.springframework.messaging.Message;
import org.springframework.messaging.support.MessageBuilder;

/// A function of Trellis as one of Spring Cloud Function:
///
/// ```java
/// @Bean
/// Function<Message<byte[]>, Message<byte[]>> visits(Functions functions) {
///   return TrellisFunction.of(functions, (invocation, visitor) -> {
///     invocation.counter("visits").add(1);
///     return Payload.ofText("welcome, " + visitor.text());
///   });
/// }
/// ```
///
/// Whose run a message is, the first of these tells that it has:
///
/// - the header [#INVOCATION]: an id, from callers who repeat their calls;
/// - the attributes of a CloudEvent, `ce-id`, `ce-source` and, if there, `ce-time`;
/// - else it is an invocation of its own, and a message that comes again counts again. Spring's own
///   header `id` is made anew for each message.
///
/// With the header [#KEEP_RESULT] a message is a call: what the function gives is kept as the
/// [dev.trellis.functions.StoredFuture] of its id, for whoever waits for it or goes on with it, and
/// answered too. So the caller need not wait for the answer. A [CatalogInvoker] calls like that.
///
/// The session goes on with the token in the header `Trellis-Session`, or in `ce-trellissession`;
/// the answer has the new one in `Trellis-Session`.
public final class TrellisFunction implements Function<Message<byte[]>, Message<byte[]>> {
  /// The header with the id of the invocation.
  public static final String INVOCATION = "Trellis-Invocation";

  /// The header by which a result is kept: `true`.
  public static final String KEEP_RESULT = "Trellis-Keep-Result";

  /// The header with the id of the invocation on whose result a call works, and not on the payload.
  public static final String RESULT_OF = "Trellis-Result-Of";

  /// The header of the answer to a call that says why the function has failed for good.
  public static final String FAILURE = "Trellis-Failure";

  private static final String EVENT_TOKEN = "ce-" + SessionToken.CLOUD_EVENTS_ATTRIBUTE;

  private final Functions functions;
  private final dev.trellis.functions.Function function;
  private final Invoker invoker;

  private TrellisFunction(
      Functions functions, dev.trellis.functions.Function function, Invoker invoker) {
    this.functions = functions;
    this.function = function;
    this.invoker = invoker;
  }

  /// Runs a function for each message.
  public static TrellisFunction of(Functions functions, dev.trellis.functions.Function function) {
    return of(
        functions,
        function,
        call ->
            CompletableFuture.failedFuture(
                new IllegalStateException(
                    call.function()
                        + " is to go on with the result of a function that was made without an"
                        + " Invoker")));
  }

  /// Runs a function for each message, with whose results others may go on.
  ///
  /// @param invoker who runs them, as the bean of that type does: see [CatalogInvoker]
  public static TrellisFunction of(
      Functions functions, dev.trellis.functions.Function function, Invoker invoker) {
    return new TrellisFunction(functions, function, invoker);
  }

  /// Runs the function once.
  ///
  /// @throws IllegalStateException with what the function threw as its cause, if that is a checked
  ///   exception
  @Override
  public Message<byte[]> apply(Message<byte[]> message) {
    try {
      return header(message, KEEP_RESULT).filter(Boolean::parseBoolean).isPresent()
          ? keep(message)
          : run(message);
    } catch (RuntimeException e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } catch (Exception e) {
      throw new IllegalStateException("the function has failed: " + e.getMessage(), e);
    }
  }

  private Message<byte[]> run(Message<byte[]> message) throws Exception {
    Answer answer =
        functions.run(function, id(message), token(message), Payload.of(message.getPayload()));
    return MessageBuilder.withPayload(answer.result().toBytes())
        .setHeader(SessionToken.HEADER, answer.token().text())
        .build();
  }

  private Message<byte[]> keep(Message<byte[]> message) throws Exception {
    Optional<InvocationId> of = header(message, RESULT_OF).map(InvocationId::ofText);
    FunctionCall.Argument argument =
        of.isPresent()
            ? new FunctionCall.ResultOf(of.get())
            : new FunctionCall.Given(Payload.of(message.getPayload()));
    InvocationId id = id(message);
    Result kept =
        functions.run(new FunctionCall("this", id, argument, token(message)), function, invoker);
    MessageBuilder<byte[]> answer =
        MessageBuilder.withPayload(kept.payload().orElse(Payload.EMPTY).toBytes())
            .setHeader(INVOCATION, id.toString());
    kept.token().ifPresent(token -> answer.setHeader(SessionToken.HEADER, token.text()));
    if (kept.payload().isEmpty()) {
      answer.setHeader(FAILURE, kept.failure());
    }
    return answer.build();
  }

  private InvocationId id(Message<?> message) {
    Optional<String> given = header(message, INVOCATION);
    if (given.isPresent()) {
      return InvocationId.ofText(given.get());
    }
    Optional<String> event = header(message, "ce-id");
    if (event.isEmpty()) {
      return functions.newId();
    }
    String name = header(message, "ce-source").orElse("") + " " + event.get();
    return header(message, "ce-time")
        .map(time -> Functions.idOf(name, OffsetDateTime.parse(time).toInstant()))
        .orElseGet(() -> functions.idOf(name));
  }

  private static Optional<SessionToken> token(Message<?> message) {
    return header(message, SessionToken.HEADER)
        .or(() -> header(message, EVENT_TOKEN))
        .map(SessionToken::ofText);
  }

  /// A header in whatever case it arrives; HTTP gives it in lower case.
  static Optional<String> header(Message<?> message, String name) {
    for (Map.Entry<String, Object> each : message.getHeaders().entrySet()) {
      if (each.getKey().equalsIgnoreCase(name) && !each.getValue().toString().isBlank()) {
        return Optional.of(each.getValue().toString());
      }
    }
    return Optional.empty();
  }
}
