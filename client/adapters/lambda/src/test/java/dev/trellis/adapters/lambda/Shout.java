package dev.trellis.adapters.lambda;

import dev.trellis.functions.Invocation;
import dev.trellis.lattice.Payload;

/// Counts, and says it louder; fails after that for who asks for it.
public final class Shout extends LambdaFunction {
  @Override
  public Payload handle(Invocation invocation, Payload word) {
    invocation.counter("shouts").add(1);
    if (word.text().equals("fail")) {
      throw new IllegalStateException("asked to fail");
    }
    return Payload.ofText(word.text() + "!");
  }
}
