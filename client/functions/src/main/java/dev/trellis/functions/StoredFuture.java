package dev.trellis.functions;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.GrowSetHandle;
import dev.trellis.client.Handles;
import dev.trellis.client.Place;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.SessionToken;
import dev.trellis.execution.EntryReader;
import dev.trellis.execution.Refusal;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// The result of an invocation, kept in the store: whoever knows the id can wait for it, wherever
/// he is, and long after the function has ended.
///
/// Kept as a `priority`, so that it merges: a value goes before a failure, and of two values the
/// lower bytes win, should a function that is run again give another one. So it is final once the
/// invocation is not run any more, or where it always gives the same. It expires after [#KEPT].
///
/// Immutable, and safe for any thread.
public final class StoredFuture {
  /// How long a result is kept once it is there.
  public static final Duration KEPT = Duration.ofDays(1);

  private static final String PREFIX = "_trellis/future/";
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.PRIORITY));

  private final Calls calls;
  private final Handles handles;
  private final InvocationId id;

  StoredFuture(Calls calls, InvocationId id) {
    this.calls = calls;
    this.handles = name -> Place.of(calls, name);
    this.id = id;
  }

  /// Of which invocation this is the result.
  public InvocationId id() {
    return id;
  }

  /// The key that it is kept under.
  public Payload key() {
    return Payload.ofText(PREFIX + id);
  }

  // ---- Who waits ----

  /// The result, if it is there.
  public Optional<Result> poll() {
    return Trellis.await(pollAsync());
  }

  /// As [#poll].
  public CompletableFuture<Optional<Result>> pollAsync() {
    return poll(ReadMode.ANY);
  }

  private CompletableFuture<Optional<Result>> poll(ReadMode mode) {
    return handles
        .priority(key())
        .withOptions(CallOptions.DEFAULT.withReadMode(mode))
        .getAsync()
        .thenApply(kept -> kept.map(value -> Result.decode(id, value)));
  }

  /// Waits for the value.
  ///
  /// @param timeout 1 ms to one day
  /// @throws FunctionFailedException if the function has failed for good
  /// @throws DefiniteException.NotReached if there is no result in time
  public Payload get(Duration timeout) {
    return await(timeout).value();
  }

  /// Waits for the result. Costs one request, which the store answers when it is there.
  ///
  /// @param timeout 1 ms to one day
  /// @throws DefiniteException.NotReached if there is none in time
  public Result await(Duration timeout) {
    return Trellis.await(awaitAsync(timeout));
  }

  /// As [#await].
  public CompletableFuture<Result> awaitAsync(Duration timeout) {
    Read.Await seen = new Read.Await(new Threshold.Seen(GET.kind(), Optional.empty()));
    Demand withEntry = new Demand(Demand.NONE.notBefore(), false, true);
    return calls
        .execute(key(), seen, CallOptions.DEFAULT.withTimeout(timeout).withDemand(withEntry))
        .thenCompose(
            reply ->
                // The answer has the entry with it, unless that is large, or a session knew it.
                shown(reply)
                    .map(result -> CompletableFuture.completedFuture(Optional.of(result)))
                    .orElseGet(this::pollAsync))
        .thenApply(found -> found.orElseThrow(this::isGone));
  }

  private Optional<Result> shown(Reply reply) {
    return reply
        .delta()
        .flatMap(
            entry -> {
              try {
                long now = reply.clock().millis();
                return EntryReader.read(entry, GET, now, "key " + key())
                        instanceof View.Prioritized kept
                    ? Optional.of(Result.decode(id, kept))
                    : Optional.empty();
              } catch (Refusal e) {
                throw TrellisException.of(e.outcome().code(), e.outcome().message());
              }
            });
  }

  private TrellisException isGone() {
    return TrellisException.of(
        ErrorCode.NOT_REACHED,
        "the result of " + id + " was there, and was deleted or has expired");
  }

  // ---- Who goes on ----

  /// Has another function run with the value, once it is there, in the session in which it came to
  /// be. The value does not travel through whoever calls this, who may be gone by then; nor does
  /// the failure, if that is what comes: then the other function fails likewise.
  ///
  /// To say so again changes nothing. All of a chain must be done within the `invocation.lifetime`
  /// (1 h) of its first function: its calls have the birth of that.
  ///
  /// @param invoker who runs the other function, should the value be there already; the same as the
  ///   one that runs this one
  /// @return the result of the other function
  public CompletableFuture<StoredFuture> thenAsync(String function, Invoker invoker) {
    Continuation next = new Continuation(continuationId(function), function);
    StoredFuture result = new StoredFuture(calls, next.id());
    // Whoever completes keeps the result and then looks for continuations; this does it the other
    // way round. So one of the two sees the other, and if both do, it is the same call twice.
    return continuations()
        .withTtl(KEPT)
        .addAsync(List.of(next.encode()))
        .thenCompose(added -> poll(ReadMode.ALL))
        .thenCompose(
            found ->
                found.isPresent()
                    ? next.start(this, found.get(), invoker)
                    : CompletableFuture.completedFuture(null))
        .thenApply(started -> result);
  }

  /// As [#thenAsync].
  public StoredFuture then(String function, Invoker invoker) {
    return Trellis.await(thenAsync(function, invoker));
  }

  private InvocationId continuationId(String function) {
    return Functions.idOf("then/" + id + "/" + function, Instant.ofEpochMilli(id.bornMillis()));
  }

  private GrowSetHandle continuations() {
    return handles.growSet(Payload.ofText(PREFIX + id + "/then"));
  }

  // ---- Who completes ----

  /// Keeps a value as the result, and has what shall go on with it run. To do so again, with the
  /// same value, changes nothing.
  ///
  /// @param token of the session in which the value came to be; empty if nobody needs to know
  /// @param invoker who runs what goes on
  /// @return the result that is kept, which may be another one
  public CompletableFuture<Result> completeAsync(
      Payload value, Optional<SessionToken> token, Invoker invoker) {
    return keep(Result.value(id, value, token), invoker);
  }

  /// Keeps that the function has failed, for good. A value that comes later takes its place.
  ///
  /// @param why for people; shown to who waits
  /// @return the result that is kept, which may be a value
  public CompletableFuture<Result> failAsync(String why, Invoker invoker) {
    return keep(Result.failure(id, why), invoker);
  }

  private CompletableFuture<Result> keep(Result result, Invoker invoker) {
    return handles
        .priority(key())
        .withTtl(KEPT)
        .putAsync(result.priority(), result.encode())
        .thenApply(kept -> Result.decode(id, kept))
        .thenCompose(
            kept ->
                continuations()
                    .withOptions(CallOptions.DEFAULT.withReadMode(ReadMode.ALL))
                    .elementsAsync()
                    .thenCompose(all -> start(all, kept, invoker))
                    .thenApply(started -> kept));
  }

  private CompletableFuture<@Nullable Void> start(
      Iterable<Payload> continuations, Result result, Invoker invoker) {
    CompletableFuture<@Nullable Void> all = CompletableFuture.completedFuture(null);
    for (Payload each : continuations) {
      CompletableFuture<@Nullable Void> one =
          Continuation.decode(each).start(this, result, invoker);
      all = all.thenCombine(one, (before, started) -> null);
    }
    return all;
  }

  /// A function that shall go on.
  private record Continuation(InvocationId id, String function) {
    private static final int ID_LENGTH = 32;

    Payload encode() {
      return Payload.ofText(id + function);
    }

    static Continuation decode(Payload bytes) {
      String text = bytes.text();
      return new Continuation(
          InvocationId.ofText(text.substring(0, ID_LENGTH)), text.substring(ID_LENGTH));
    }

    CompletableFuture<@Nullable Void> start(StoredFuture of, Result result, Invoker invoker) {
      return result.payload().isPresent()
          ? invoker.invoke(
              new FunctionCall(
                  function, id, new FunctionCall.ResultOf(result.id()), result.token()))
          : new StoredFuture(of.calls, id)
              .failAsync(result.failure(), invoker)
              .thenApply(failed -> null);
    }
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof StoredFuture future && id.equals(future.id);
  }

  @Override
  public int hashCode() {
    return id.hashCode();
  }

  @Override
  public String toString() {
    return "StoredFuture[" + id + "]";
  }
}
