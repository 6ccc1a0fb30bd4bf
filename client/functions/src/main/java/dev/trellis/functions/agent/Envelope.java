package dev.trellis.functions.agent;

import dev.trellis.lattice.Payload;
import java.util.Arrays;

/// What is in a mailbox of agents around what was said.
///
/// @param replyTo the mailbox for the reply; empty if none is wanted
/// @param correlation by which who has asked knows the reply; empty for what is only told
record Envelope(Kind kind, String replyTo, String correlation, Payload said) {
  enum Kind {
    TELL(1),
    ASK(2),
    REPLY(3);

    private final int code;

    Kind(int code) {
      this.code = code;
    }

    private static Kind of(int code) {
      return Arrays.stream(values())
          .filter(kind -> kind.code == code)
          .findFirst()
          .orElseThrow(
              () ->
                  new IllegalArgumentException(
                      "a message of unknown kind " + code + ", not 1 to 3"));
    }
  }

  static Envelope tell(Payload said) {
    return new Envelope(Kind.TELL, "", "", said);
  }

  static Envelope ask(String replyTo, String correlation, Payload said) {
    return new Envelope(Kind.ASK, replyTo, correlation, said);
  }

  static Envelope reply(String correlation, Payload said) {
    return new Envelope(Kind.REPLY, "", correlation, said);
  }

  Payload encode() {
    Bytes.Out out = new Bytes.Out();
    out.code(kind.code);
    out.text(replyTo);
    out.text(correlation);
    out.payload(said);
    return out.payload();
  }

  /// @throws IllegalArgumentException if it is no such message
  static Envelope of(Payload body) {
    Bytes.In in = new Bytes.In(body);
    Kind kind = Kind.of(in.code());
    String replyTo = in.text();
    String correlation = in.text();
    return new Envelope(kind, replyTo, correlation, in.payload());
  }
}
