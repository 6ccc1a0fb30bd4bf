package dev.trellis.routing.gateway;

import dev.trellis.client.Call;
import java.util.concurrent.CompletableFuture;

/// Who carries out single calls: a store, or a session in front of it.
interface CallExecutor {
  /// Carries out one call. The future never completes exceptionally; cancelling it says that nobody
  /// waits for it any more.
  CompletableFuture<StoreResult> execute(Call call);
}
