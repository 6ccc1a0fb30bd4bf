package dev.trellis.routing.gateway;

import dev.trellis.client.Call;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.ScanPage;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.Watch;
import dev.trellis.client.WatchListener;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.function.Supplier;

/// The cluster behind a Java client, which it does not own.
final class ClientStore implements Store {
  private final Trellis trellis;
  private final Supplier<Frame.ClusterMap> map;

  ClientStore(Trellis trellis, Supplier<Frame.ClusterMap> map) {
    this.trellis = trellis;
    this.map = map;
  }

  @Override
  public CompletableFuture<StoreResult> execute(Call call) {
    return asResult(trellis.execute(call.key(), call.operation(), call.options()));
  }

  @Override
  public List<CompletableFuture<StoreResult>> executeAll(List<Call> calls) {
    return trellis.executeAll(calls).stream().map(ClientStore::asResult).toList();
  }

  @Override
  public CompletableFuture<ScanPage> scan(
      Payload prefix, Optional<Payload> after, int limit, boolean withValues) {
    return trellis
        .scan(prefix, after, limit, withValues)
        .exceptionally(
            failure -> {
              throw new Refusal(Problem.of(failed(failure)));
            });
  }

  @Override
  public Subscription watch(Payload key, Optional<Kind> kind, Observer observer) {
    Watch watch =
        trellis.watch(
            key,
            kind,
            new WatchListener() {
              @Override
              public void onState(Reply reply) {
                observer.onState(reply);
              }

              @Override
              public void onFailure(TrellisException failure) {
                observer.onFailure(failed(failure));
              }
            });
    return watch::close;
  }

  @Override
  public Frame.ClusterMap clusterMap() {
    return map.get();
  }

  @Override
  public Session begin(Set<Guarantee> guarantees) {
    return trellis.session(guarantees);
  }

  @Override
  public Session resume(SessionToken token) {
    return trellis.resume(token);
  }

  /// What a call of a client, or of a session, comes to.
  static CompletableFuture<StoreResult> asResult(CompletableFuture<Reply> future) {
    CompletableFuture<StoreResult> result =
        future.handle(
            (reply, failure) -> {
              if (failure != null) {
                return failed(failure);
              }
              if (!(reply.outcome() instanceof Outcome.Done done)) {
                throw new IllegalStateException("the client passed on " + reply.outcome());
              }
              return new StoreResult.Done(reply, done);
            });
    return Store.passingOnCancel(future, result);
  }

  static StoreResult.Failed failed(Throwable failure) {
    Throwable cause =
        failure instanceof CompletionException && failure.getCause() != null
            ? failure.getCause()
            : failure;
    if (!(cause instanceof TrellisException refused)) {
      throw new CompletionException(cause);
    }
    return new StoreResult.Failed(
        refused.code(),
        String.valueOf(refused.getMessage()),
        refused.isDefinite()
            || (refused instanceof IndefiniteException.NotEnoughReplicas shortfall
                && !shortfall.isKept()),
        refused.retryAfter(),
        refused.reply());
  }
}
