package dev.trellis.functions.examples;

import dev.trellis.functions.Function;
import dev.trellis.functions.Invocation;
import dev.trellis.lattice.Payload;
import java.time.Duration;

/// Lets each user do so much a minute, counted by all instances together.
///
/// Takes the name of a user; answers `yes` or `no`. Each minute has a counter of its own, which
/// expires. The minute is that in which the invocation was born, so a run that is repeated counts
/// in the same one, and there once. Who asks at the same moment may see the others' requests late,
/// and so a user who asks with many at once may get a few more.
final class RateLimiter implements Function {
  private static final Duration WINDOW = Duration.ofMinutes(1);

  private final long limit;

  /// @param limit requests a minute
  RateLimiter(long limit) {
    this.limit = limit;
  }

  @Override
  public Payload handle(Invocation invocation, Payload user) {
    long window = invocation.id().bornMillis() / WINDOW.toMillis();
    long asked =
        invocation
            .counter("rate/" + user.text() + "/" + window)
            .withTtl(WINDOW.multipliedBy(2))
            .add(1);
    return Payload.ofText(asked <= limit ? "yes" : "no");
  }
}
