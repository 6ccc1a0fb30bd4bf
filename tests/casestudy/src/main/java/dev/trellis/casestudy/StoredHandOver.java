package dev.trellis.casestudy;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Result;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/// Hands calls over as keys of the store alone: the batch of each number is a future, which the
/// function waits for, the next one in turn. For one caller and one function.
final class StoredHandOver implements FunctionServing.HandOver {
  static final String NAME = "keys and threshold reads";
  private static final Duration WAIT = Duration.ofSeconds(2);

  private final Trellis caller;
  private final Functions callers;
  private final Functions functions;
  private final String run;
  private final Instant born;
  private long sent; // by the caller
  private @Nullable Thread worker;
  private volatile boolean isClosed;

  /// @param run tells apart what several runs keep in one store
  StoredHandOver(Trellis caller, Trellis host, String run, Instant born) {
    this.caller = caller;
    this.callers = Functions.over(caller);
    this.functions = Functions.over(host);
    this.run = run;
    this.born = born;
  }

  @Override
  public String name() {
    return NAME;
  }

  private InvocationId numbered(long number) {
    return Functions.idOf(run + "/" + number, born);
  }

  @Override
  public CompletableFuture<?> send(InvocationId id, Payload batch) {
    return callers
        .future(numbered(sent++))
        .completeAsync(
            FunctionServing.message(id, batch), Optional.empty(), FunctionServing.NOBODY);
  }

  @Override
  public void receive(Consumer<FunctionCall> function) {
    worker = Thread.ofPlatform().name("classifier-function").start(() -> work(function));
  }

  private void work(Consumer<FunctionCall> function) {
    long received = 0;
    CompletableFuture<Result> next = await(received);
    while (!isClosed) {
      try {
        FunctionCall call = FunctionServing.call(Trellis.await(next).value());
        received++;
        next = await(received); // before it is there, so that nobody need ask for it then
        function.accept(call);
      } catch (DefiniteException.NotReached e) {
        next = await(received);
      }
    }
  }

  private CompletableFuture<Result> await(long number) {
    return functions.future(numbered(number)).awaitAsync(WAIT);
  }

  @Override
  public void close() {
    isClosed = true;
    try {
      if (worker != null) {
        worker.join(WAIT.multipliedBy(2));
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    for (long number = 0; number < sent; number++) {
      var _ = caller.delete(callers.future(numbered(number)).key());
    }
  }
}
