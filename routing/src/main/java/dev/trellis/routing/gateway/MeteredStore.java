package dev.trellis.routing.gateway;

import dev.trellis.client.Call;
import dev.trellis.client.ScanPage;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/// A store whose answers are counted as memory of the request that asks, the moment they are here.
/// A read for whose answer there is no room comes back as overloaded. Those of sessions are counted
/// by [SessionStore], those of watches by [EventStream].
final class MeteredStore implements Store {
  private final Store store;
  private final Holding holding;

  MeteredStore(Store store, Holding holding) {
    this.store = store;
    this.holding = holding;
  }

  /// A result, counted.
  static CompletableFuture<StoreResult> metered(
      Holding holding, Call call, CompletableFuture<StoreResult> asked) {
    CompletableFuture<StoreResult> result =
        asked.thenApply(answer -> counted(holding, call, answer));
    return Store.passingOnCancel(asked, result);
  }

  private static StoreResult counted(Holding holding, Call call, StoreResult answer) {
    long weight = Weights.of(answer);
    if (call.operation() instanceof Mutation) {
      holding.take(weight); // it is done, and must be told
    } else if (!holding.tryTake(weight)) {
      return overloaded(
          "there is no memory for the answer, of " + weight + " bytes: gateway.memory.max is full");
    }
    return answer;
  }

  /// What becomes of a read for which there is no room.
  static StoreResult.Failed overloaded(String message) {
    return new StoreResult.Failed(
        ErrorCode.OVERLOADED, message, true, Optional.empty(), Optional.empty());
  }

  @Override
  public CompletableFuture<StoreResult> execute(Call call) {
    return metered(holding, call, store.execute(call));
  }

  @Override
  public List<CompletableFuture<StoreResult>> executeAll(List<Call> calls) {
    List<CompletableFuture<StoreResult>> asked = store.executeAll(calls);
    List<CompletableFuture<StoreResult>> results = new ArrayList<>(asked.size());
    for (int at = 0; at < asked.size(); at++) {
      results.add(metered(holding, calls.get(at), asked.get(at)));
    }
    return results;
  }

  @Override
  public CompletableFuture<ScanPage> scan(
      Payload prefix, Optional<Payload> after, int limit, boolean withValues) {
    return store
        .scan(prefix, after, limit, withValues)
        .thenApply(
            page -> {
              if (!holding.tryTake(Weights.of(page))) {
                throw new Refusal(
                    Problem.of(
                        overloaded("there is no memory for the page: gateway.memory.max is full")));
              }
              return page;
            });
  }

  @Override
  public Subscription watch(Payload key, Optional<Kind> kind, Observer observer) {
    return store.watch(key, kind, observer);
  }

  @Override
  public Frame.ClusterMap clusterMap() {
    return store.clusterMap();
  }

  @Override
  public Session begin(Set<Guarantee> guarantees) {
    return store.begin(guarantees);
  }

  @Override
  public Session resume(SessionToken token) {
    return store.resume(token);
  }
}
