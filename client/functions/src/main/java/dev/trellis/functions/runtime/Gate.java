package dev.trellis.functions.runtime;

import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Reply;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;

/// Between a run and the store: here a run ends in the middle, and what is over is kept out. Safe
/// for any thread.
final class Gate implements Calls {
  private final Plan plan;
  private final Runnable reached; // told when the run is at the call at which it is to end
  private final Calls next;
  private final AtomicInteger calls = new AtomicInteger();
  private final CompletableFuture<Void> goesOn = new CompletableFuture<>(); // of a zombie
  private volatile boolean shut;

  Gate(Plan plan, Runnable reached, Calls next) {
    this.plan = plan;
    this.reached = reached;
    this.next = next;
  }

  @Override
  public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
    if (shut) {
      return ended();
    }
    int call = calls.incrementAndGet();
    if (!plan.endsInTheMiddle() || call < plan.call()) {
      return next.execute(key, operation, options);
    }
    if (plan.has(Mischief.ZOMBIE)) {
      if (call == plan.call()) {
        reached.run();
      }
      return goesOn.thenCompose(released -> shut ? ended() : next.execute(key, operation, options));
    }
    shut = true;
    if (call == plan.call()) {
      var unused = next.execute(key, operation, options);
      reached.run();
    }
    return ended();
  }

  private static CompletableFuture<Reply> ended() {
    return CompletableFuture.failedFuture(
        TrellisException.of(
            ErrorCode.TIMEOUT, "the cloud has ended this run; what it calls now is not done"));
  }

  /// Keeps out what comes from now on.
  void shut() {
    shut = true;
    goesOn.complete(null);
  }

  /// Lets what was held go on.
  void letGo() {
    goesOn.complete(null);
  }
}
