package dev.trellis.adapters.lambda;

import dev.trellis.functions.Invocation;
import dev.trellis.lattice.Payload;

/// Counts visits, and fails after that for who asks for it.
public final class Visits extends LambdaFunction {
  @Override
  public Payload handle(Invocation invocation, Payload event) {
    invocation.counter("visits").add(1);
    invocation.register("last").put(event);
    if (event.text().contains("fail")) {
      throw new IllegalStateException("asked to fail");
    }
    return event;
  }
}
