package dev.trellis.functions;

import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Reply;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import org.jspecify.annotations.Nullable;

/// Tags the mutations of an invocation, and counts what is under way. They are numbered key by key,
/// as a tag means nothing beyond its key: so a function that works on several keys at once gives
/// the same numbers when it is run again, if it does to each key the same as before.
final class Numbering implements Calls {
  private final InvocationId id;
  private final Calls next;
  private final Map<Payload, Long> last = new HashMap<>(); // by key; guarded by itself
  private final InFlight inFlight = new InFlight();

  Numbering(InvocationId id, Calls next) {
    this.id = id;
    this.next = next;
  }

  @Override
  public CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
    if (!(operation instanceof Mutation mutation)) {
      return next.execute(key, operation, options);
    }
    CallOptions tagged =
        isTaggable(mutation) && options.tag().isEmpty()
            ? options.withTag(new Tag(id, numberOfNext(key)))
            : options;
    return inFlight.of(next.execute(key, operation, tagged));
  }

  /// What a shard refuses a tag for goes without.
  private static boolean isTaggable(Mutation mutation) {
    return !(mutation instanceof Mutation.Commit
        || mutation instanceof Mutation.Place
        || mutation instanceof Mutation.Merge);
  }

  private long numberOfNext(Payload key) {
    synchronized (last) {
      return last.merge(key, 1L, Long::sum);
    }
  }

  <T> CompletableFuture<T> counting(CompletableFuture<T> begun) {
    return inFlight.of(begun);
  }

  /// Completes when all mutations that were begun have ended; with the failure of one that failed.
  CompletableFuture<@Nullable Void> settled() {
    return inFlight.settled();
  }
}
