package dev.trellis.functions;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.Handles;
import dev.trellis.client.Place;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Reply;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;

/// One run of a function for an invocation. Gives handles as a [Session] does, and tags what they
/// write, so that a function that is run again, here or elsewhere, after a failure or beside a run
/// that is not known to go on, changes nothing twice: counters count once, logs append once. What
/// it writes is sent by [#commit], unless its session has guarantees that say otherwise; until then
/// it shows in what the invocation reads.
///
/// For that the function must do the same to each key, in the same order, each time that it is run;
/// between keys the order does not matter. Where it does something else, because it has read
/// something else, one of the two counts, the same one on all replicas. Once the invocation is
/// older than `invocation.lifetime` of the nodes (1 h), its mutations fail as
/// [dev.trellis.client.DefiniteException.InvocationExpired].
///
/// Safe for several threads, which share one order per key. Closing it gives up what was not
/// committed.
public final class Invocation implements Handles, Calls, AutoCloseable {
  private final Functions functions;
  private final InvocationId id;
  private final Session session;
  private final Numbering numbering;
  private final Map<String, Integer> scatters = new HashMap<>(); // by function; guarded by itself

  Invocation(Functions functions, InvocationId id, Session session) {
    this.functions = functions;
    this.id = id;
    this.session = session;
    this.numbering = new Numbering(id, session);
  }

  public InvocationId id() {
    return id;
  }

  /// The session in which it reads and writes. What is written through it, and not through the
  /// invocation, has no tag.
  public Session session() {
    return session;
  }

  Functions functions() {
    return functions;
  }

  /// Counts the scatters of a function, as mutations are counted key by key.
  int numberOfScatter(String function) {
    synchronized (scatters) {
      return scatters.merge(function, 1, Integer::sum);
    }
  }

  @Override
  public Place place(Payload key) {
    return Place.of(this, key);
  }

  /// Carries out one operation. A mutation that has no [Tag] yet gets the next one of its key.
  @Override
  public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
    return numbering.execute(key, operation, options);
  }

  /// Has [#commit] wait for something that was begun for the invocation, and fail where it does.
  ///
  /// @return the same
  public <T> CompletableFuture<T> counting(CompletableFuture<T> begun) {
    return numbering.counting(begun);
  }

  /// Waits for all that was begun, then commits what the session keeps until then.
  ///
  /// @return the session's token, for whoever goes on with it
  /// @throws TrellisException of the first mutation that failed since the last commit, whoever has
  ///   waited for it; then the function is to be run again
  public SessionToken commit() {
    return Trellis.await(commitAsync());
  }

  /// As [#commit].
  public CompletableFuture<SessionToken> commitAsync() {
    return numbering
        .settled()
        .thenCompose(settled -> session.commitAsync())
        .thenCompose(committed -> numbering.settled())
        .thenApply(settled -> session.token());
  }

  /// Forgets what waits for a commit.
  @Override
  public void close() {
    session.abort();
  }

  @Override
  public String toString() {
    return "Invocation[" + id + "]";
  }
}
