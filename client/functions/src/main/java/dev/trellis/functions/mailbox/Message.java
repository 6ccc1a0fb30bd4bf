package dev.trellis.functions.mailbox;

import dev.trellis.lattice.Payload;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// What is sent to a mailbox.
///
/// @param body up to 1 MiB
/// @param purpose whether somebody waits for an answer, or this is one
/// @param from who sends, for people and for whoever answers later; empty for nobody in particular
/// @param headers of the application, such as a content type; up to 64 KiB together
public record Message(
    Payload body, Purpose purpose, Optional<String> from, SortedMap<String, String> headers) {
  /// The largest body.
  public static final int BODY_BYTES_MAX = 1 << 20;

  /// Bytes of all headers together.
  public static final int HEADER_BYTES_MAX = 64 << 10;

  /// Why a message is sent.
  public sealed interface Purpose {
    /// Nobody waits for an answer.
    record Notice() implements Purpose {}

    /// Somebody waits for an answer.
    ///
    /// @param replyTo the mailbox that the answer goes to
    /// @param correlation by which whoever asked knows the answer
    record Question(String replyTo, long correlation) implements Purpose {
      public Question {
        Names.require(replyTo);
      }
    }

    /// The answer to a question.
    ///
    /// @param failed whether the body says what went wrong
    record Answer(long correlation, boolean failed) implements Purpose {}
  }

  private static final Purpose NOTICE = new Purpose.Notice();

  public Message {
    headers = Collections.unmodifiableSortedMap(new TreeMap<>(headers));
    if (body.size() > BODY_BYTES_MAX) {
      throw new IllegalArgumentException(
          "a message of "
              + body.size()
              + " bytes; the limit is "
              + BODY_BYTES_MAX
              + ", so put it under a key and send the key");
    }
    from.ifPresent(Names::require);
  }

  /// One that nobody waits for an answer to.
  public static Message of(Payload body) {
    return new Message(body, NOTICE, Optional.empty(), new TreeMap<>());
  }

  /// As [#of(Payload)], of a text in UTF-8.
  public static Message ofText(String text) {
    return of(Payload.ofText(text));
  }

  public Message withFrom(String sender) {
    return new Message(body, purpose, Optional.of(sender), headers);
  }

  public Message withPurpose(Purpose other) {
    return new Message(body, other, from, headers);
  }

  public Message withHeaders(Map<String, String> more) {
    SortedMap<String, String> all = new TreeMap<>(headers);
    all.putAll(more);
    return new Message(body, purpose, from, all);
  }
}
