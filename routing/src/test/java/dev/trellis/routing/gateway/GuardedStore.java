package dev.trellis.routing.gateway;

import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.Role;
import dev.trellis.client.Call;
import dev.trellis.client.ScanPage;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.process.Doorkeeper;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/// A store that does for who shows some credentials what nodes would do for him.
final class GuardedStore implements Store {
  private final LocalStore store;
  private final Doorkeeper doorkeeper;
  private final Payload credentials;

  GuardedStore(LocalStore store, Doorkeeper doorkeeper, Payload credentials) {
    this.store = store;
    this.doorkeeper = doorkeeper;
    this.credentials = credentials;
  }

  private Optional<StoreResult.Failed> objection(Role role, Payload key) {
    return switch (doorkeeper.visit(credentials, Optional.empty(), 0).authentication()) {
      case Authentication.Unknown unknown ->
          Optional.of(failed(ErrorCode.UNAUTHENTICATED, unknown.reason()));
      case Authentication.Known known when !known.caller().rights().allow(role, key) ->
          Optional.of(
              failed(ErrorCode.FORBIDDEN, known.caller() + " has no right to " + role.word()));
      case Authentication.Known _ -> Optional.empty();
    };
  }

  private static StoreResult.Failed failed(ErrorCode code, String message) {
    return new StoreResult.Failed(code, message, true, Optional.empty(), Optional.empty());
  }

  @Override
  public CompletableFuture<StoreResult> execute(Call call) {
    Role role = call.operation() instanceof Mutation ? Role.WRITE : Role.READ;
    Optional<StoreResult.Failed> objection = objection(role, call.key());
    return objection.isPresent()
        ? CompletableFuture.completedFuture(objection.get())
        : store.execute(call);
  }

  @Override
  public List<CompletableFuture<StoreResult>> executeAll(List<Call> calls) {
    return calls.stream().map(this::execute).toList();
  }

  @Override
  public CompletableFuture<ScanPage> scan(
      Payload prefix, Optional<Payload> after, int limit, boolean withValues) {
    Optional<StoreResult.Failed> objection = objection(Role.READ, prefix);
    return objection.isPresent()
        ? CompletableFuture.failedFuture(new Refusal(Problem.of(objection.get())))
        : store.scan(prefix, after, limit, withValues);
  }

  @Override
  public Subscription watch(Payload key, Optional<Kind> kind, Observer observer) {
    Optional<StoreResult.Failed> objection = objection(Role.READ, key);
    if (objection.isPresent()) {
      observer.onFailure(objection.get());
      return () -> {};
    }
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
