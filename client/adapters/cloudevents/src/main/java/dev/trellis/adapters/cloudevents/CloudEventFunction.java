package dev.trellis.adapters.cloudevents;

import dev.trellis.functions.Function;
import dev.trellis.functions.Invocation;
import dev.trellis.lattice.Payload;
import io.cloudevents.CloudEvent;
import io.cloudevents.CloudEventData;
import io.cloudevents.core.builder.CloudEventBuilder;
import java.net.URI;
import java.util.Optional;

/// A function that takes an event, and may answer with one.
@FunctionalInterface
public interface CloudEventFunction {
  /// Runs once. What it has begun to write when it returns is waited for and committed.
  ///
  /// @return the answer, which gets the token of the session; its id should follow from that of the
  ///   invocation, so that a repeated answer is recognised as one
  /// @throws Exception to have the event delivered again
  Optional<CloudEvent> handle(Invocation invocation, CloudEvent event) throws Exception;

  /// A function that works with the data of events alone.
  ///
  /// @param source of the answers: the URI of this function
  /// @param type of the answers
  static CloudEventFunction ofData(Function function, URI source, String type) {
    return (invocation, event) -> {
      CloudEventData data = event.getData();
      Payload argument = data == null ? Payload.EMPTY : Payload.of(data.toBytes());
      Payload result = function.handle(invocation, argument);
      String contentType = event.getDataContentType();
      return Optional.of(
          CloudEventBuilder.v1()
              .withId(invocation.id().toString())
              .withSource(source)
              .withType(type)
              .withData(
                  contentType == null ? "application/octet-stream" : contentType, result.toBytes())
              .build());
    };
  }
}
