package dev.trellis.routing.gateway;

import dev.trellis.client.Call;
import dev.trellis.client.ScanPage;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Reply;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;

/// What the gateway needs of a store: the Java client, or a fake in tests. Never blocks; futures
/// complete on any thread.
interface Store extends CallExecutor {
  /// Carries out several calls in this order per key, each with an outcome of its own. No future
  /// completes exceptionally.
  List<CompletableFuture<StoreResult>> executeAll(List<Call> calls);

  /// A page of the keys that start with `prefix`, in byte order. Completes exceptionally with a
  /// [Refusal] only.
  ///
  /// @param after keys up to and including this are left out
  CompletableFuture<ScanPage> scan(
      Payload prefix, Optional<Payload> after, int limit, boolean withValues);

  /// Tells the states of a key until the subscription is closed.
  Subscription watch(Payload key, Optional<Kind> kind, Observer observer);

  Frame.ClusterMap clusterMap();

  /// Begins a session.
  Session begin(Set<Guarantee> guarantees);

  /// Goes on with a session.
  ///
  /// @throws TrellisException if the token is none that this store, or one with the same session
  ///   key, can have given
  Session resume(SessionToken token);

  /// Is told of a watched key, never by two threads at once.
  interface Observer {
    /// The state of the key: the current one first, then after changes.
    ///
    /// @param reply whose outcome is `Done`
    void onState(Reply reply);

    /// The watch has ended; nothing else will be called.
    void onFailure(StoreResult.Failed failure);
  }

  /// Ends a watch. Closing twice is harmless.
  interface Subscription extends AutoCloseable {
    @Override
    void close();
  }

  /// What comes of something that is awaited, which is taken back when nobody wants that any more.
  static <T> CompletableFuture<T> passingOnCancel(
      CompletableFuture<?> awaited, CompletableFuture<T> answer) {
    if (!answer.isDone()) {
      var _ =
          answer.whenComplete(
              (_, _) -> {
                if (answer.isCancelled()) {
                  awaited.cancel(false);
                }
              });
    }
    return answer;
  }
}
