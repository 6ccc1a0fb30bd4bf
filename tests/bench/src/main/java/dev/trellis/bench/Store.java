package dev.trellis.bench;

import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Reply;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/// What a load is put on: a client, or what a test has in its place.
interface Store {
  /// As [Trellis#execute].
  CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options);

  /// As [Trellis#executeAll].
  List<CompletableFuture<Reply>> executeAll(List<Call> calls);

  static Store of(Trellis client) {
    return new Store() {
      @Override
      public CompletableFuture<Reply> execute(
          Payload key, Operation operation, CallOptions options) {
        return client.execute(key, operation, options);
      }

      @Override
      public List<CompletableFuture<Reply>> executeAll(List<Call> calls) {
        return client.executeAll(calls);
      }
    };
  }
}
