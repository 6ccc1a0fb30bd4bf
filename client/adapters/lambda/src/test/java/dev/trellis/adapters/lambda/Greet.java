package dev.trellis.adapters.lambda;

import dev.trellis.functions.Invocation;
import dev.trellis.lattice.Payload;

/// Counts, and greets; tells how often somebody has shouted, as it is seen in this session.
public final class Greet extends LambdaFunction {
  @Override
  public Payload handle(Invocation invocation, Payload who) {
    invocation.counter("greetings").add(1);
    return Payload.ofText("hello " + who.text() + " " + invocation.counter("shouts").value());
  }
}
