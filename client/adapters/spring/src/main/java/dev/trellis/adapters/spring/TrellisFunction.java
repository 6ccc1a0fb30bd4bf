package dev.trellis.adapters.spring;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.Answer;
import dev.trellis.functions.Functions;
import dev.trellis.lattice.Payload;
import java.time.OffsetDateTime;
import java.util.Map;
import java.util.Optional;
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
/// The session goes on with the token in the header `Trellis-Session`, or in `ce-trellissession`;
/// the answer has the new one in `Trellis-Session`.
public final class TrellisFunction implements Function<Message<byte[]>, Message<byte[]>> {
  /// The header with the id of the invocation.
  public static final String INVOCATION = "Trellis-Invocation";

  private static final String EVENT_TOKEN = "ce-" + SessionToken.CLOUD_EVENTS_ATTRIBUTE;

  private final Functions functions;
  private final dev.trellis.functions.Function function;

  private TrellisFunction(Functions functions, dev.trellis.functions.Function function) {
    this.functions = functions;
    this.function = function;
  }

  /// Runs a function for each message.
  public static TrellisFunction of(Functions functions, dev.trellis.functions.Function function) {
    return new TrellisFunction(functions, function);
  }

  /// Runs the function once.
  ///
  /// @throws IllegalStateException with what the function threw as its cause, if that is a checked
  ///   exception
  @Override
  public Message<byte[]> apply(Message<byte[]> message) {
    Answer answer;
    try {
      answer =
          functions.run(function, id(message), token(message), Payload.of(message.getPayload()));
    } catch (RuntimeException e) {
      throw e;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } catch (Exception e) {
      throw new IllegalStateException("the function has failed: " + e.getMessage(), e);
    }
    return MessageBuilder.withPayload(answer.result().toBytes())
        .setHeader(SessionToken.HEADER, answer.token().text())
        .build();
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
  private static Optional<String> header(Message<?> message, String name) {
    for (Map.Entry<String, Object> each : message.getHeaders().entrySet()) {
      if (each.getKey().equalsIgnoreCase(name) && !each.getValue().toString().isBlank()) {
        return Optional.of(each.getValue().toString());
      }
    }
    return Optional.empty();
  }
}
