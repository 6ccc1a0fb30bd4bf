package dev.trellis.functions.agent;

import dev.trellis.lattice.Payload;
import java.util.Arrays;
import java.util.function.LongSupplier;

/// Keeps one lease: who has it, under which token, until when by the clock of the agent's host.
final class LeaseAgent implements Agent {
  /// What it is asked.
  enum Verb {
    ACQUIRE(1),
    RELEASE(2),
    LOOK(3);

    private final int code;

    Verb(int code) {
      this.code = code;
    }

    private static Verb of(int code) {
      return Arrays.stream(values())
          .filter(verb -> verb.code == code)
          .findFirst()
          .orElseThrow(
              () ->
                  new IllegalArgumentException(
                      "a lease is asked for something unknown, " + code + ", not 1 to 3"));
    }
  }

  /// A question.
  ///
  /// @param holder who asks
  record Request(Verb verb, String holder, long millis) {
    Payload encode() {
      Bytes.Out out = new Bytes.Out();
      out.code(verb.code);
      out.text(holder);
      out.number(millis);
      return out.payload();
    }

    static Request of(Payload said) {
      Bytes.In in = new Bytes.In(said);
      Verb verb = Verb.of(in.code());
      String holder = in.text();
      return new Request(verb, holder, in.number());
    }
  }

  /// The state of a lease.
  ///
  /// @param holder empty for nobody
  /// @param token of the holder, or of the last one
  /// @param untilMillis by the host's clock
  record Held(String holder, FencingToken token, long untilMillis) {
    static final Held NOBODY = new Held("", new FencingToken(0, "", 0), 0);

    Payload encode() {
      Bytes.Out out = new Bytes.Out();
      out.text(holder);
      out.text(token.toString());
      out.number(untilMillis);
      return out.payload();
    }

    static Held of(Payload value) {
      if (value.isEmpty()) {
        return NOBODY;
      }
      Bytes.In in = new Bytes.In(value);
      String holder = in.text();
      FencingToken token = FencingToken.ofText(in.text());
      return new Held(holder, token, in.number());
    }

    Held at(long nowMillis) {
      return untilMillis > nowMillis ? this : new Held("", token, 0);
    }
  }

  private final LongSupplier wallMillis;

  LeaseAgent(LongSupplier wallMillis) {
    this.wallMillis = wallMillis;
  }

  @Override
  public void handle(Message message, AgentContext context) {
    if (!(message instanceof Message.Asked asked)) {
      throw new IllegalArgumentException("leases are asked for, not told of");
    }
    Request request = Request.of(asked.payload());
    long now = wallMillis.getAsLong();
    Held held = Held.of(context.state()).at(now);
    boolean own = held.holder().equals(request.holder());
    long untilMillis = Timer.after(now, request.millis());
    Held next =
        switch (request.verb()) {
          case LOOK -> held;
          case RELEASE -> own ? new Held("", held.token(), 0) : held;
          case ACQUIRE ->
              own
                  ? new Held(held.holder(), held.token(), untilMillis)
                  : held.holder().isEmpty()
                      ? new Held(
                          request.holder(),
                          new FencingToken(
                              context.token().epoch(),
                              context.token().host(),
                              held.token().number() + 1),
                          untilMillis)
                      : held;
        };
    context.setState(next.encode());
    context.reply(next.encode());
  }
}
