package dev.trellis.functions;

import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// Has functions run, somewhere: the asynchronous invocation of a platform, its queue, a mailbox,
/// or a runtime in this process.
@FunctionalInterface
public interface Invoker {
  /// Sees to it that a function is run, at least once. To ask for the same call again is harmless.
  ///
  /// @return completes once the call will not be forgotten; the result comes as the [StoredFuture]
  ///   of its id
  CompletableFuture<@Nullable Void> invoke(FunctionCall call);
}
