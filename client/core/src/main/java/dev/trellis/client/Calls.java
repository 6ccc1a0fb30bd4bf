package dev.trellis.client;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Reply;
import java.util.concurrent.CompletableFuture;

/// Who carries out operations: a [Trellis], or what stands in front of one and knows more, as a
/// session does, or a cache. Safe for any thread.
public interface Calls {
  /// Carries out one operation.
  ///
  /// @return completes with a reply whose outcome is [dev.trellis.wire.Outcome.Done], or with a
  ///   [TrellisException]
  CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options);
}
