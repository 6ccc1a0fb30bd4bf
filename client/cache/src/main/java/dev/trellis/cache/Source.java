package dev.trellis.cache;

import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.Subscription;
import dev.trellis.client.SubscriptionListener;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;

/// Where a cache has from what it does not know.
interface Source extends Calls {
  Subscription subscribe(Payload key, Duration period, SubscriptionListener listener);

  static Source of(Trellis trellis) {
    return new Source() {
      @Override
      public CompletableFuture<Reply> execute(
          Payload key, Operation operation, CallOptions options) {
        return trellis.execute(key, operation, options);
      }

      @Override
      public Subscription subscribe(Payload key, Duration period, SubscriptionListener listener) {
        return trellis.subscribe(key, period, listener);
      }
    };
  }
}
