package dev.trellis.routing.gateway;

import dev.trellis.client.Call;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Read;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// A read of which the kind may still have to be found out.
///
/// @param field the path within the key, for the answer; empty for the key itself
/// @param candidates what the read may mean, likelier ones first, at least one
record ReadCall(Payload key, List<Payload> field, List<Read> candidates, Options options) {
  static ReadCall of(Payload key, Arguments arguments) {
    return new ReadCall(
        key, arguments.payloads("field"), Reads.read(arguments), Options.ofRead(arguments));
  }

  /// The same, and its reply is to have a receipt.
  ReadCall withReceipt() {
    return new ReadCall(key, field, candidates, options.withReceipt());
  }

  /// The likeliest read.
  Call first() {
    return call(candidates.get(0));
  }

  CompletableFuture<StoreResult> run(CallExecutor store) {
    return store.execute(first()).thenCompose(result -> settle(store, result));
  }

  /// Makes of the answer to [#first] that of the read: asks again where the value is of another
  /// kind than guessed.
  CompletableFuture<StoreResult> settle(CallExecutor store, StoreResult first) {
    return settle(store, first, candidates.subList(1, candidates.size()))
        .thenApply(this::inGeneration);
  }

  private CompletableFuture<StoreResult> settle(
      CallExecutor store, StoreResult result, List<Read> others) {
    if (!(result instanceof StoreResult.Failed failed)
        || failed.code() != ErrorCode.KIND_MISMATCH
        || others.isEmpty()) {
      return CompletableFuture.completedFuture(result);
    }
    // The refusal of a key tells what kind it has, that of a field does not.
    Optional<Kind> told =
        field.isEmpty() ? failed.reply().flatMap(reply -> reply.kind()) : Optional.empty();
    List<Read> left =
        told.isEmpty() ? others : others.stream().filter(read -> read.kind().equals(told)).toList();
    if (left.isEmpty()) {
      return CompletableFuture.completedFuture(result);
    }
    return store
        .execute(call(left.get(0)))
        .thenCompose(next -> settle(store, next, left.subList(1, left.size())));
  }

  /// A read that names a generation is about that one, and not about what came after it.
  private StoreResult inGeneration(StoreResult result) {
    if (!(result instanceof StoreResult.Done done)
        || options.call().generation().isEmpty()
        || options.call().generation().get().equals(done.reply().generation())) {
      return result;
    }
    return new StoreResult.Failed(
        ErrorCode.SUPERSEDED,
        "the request is for generation "
            + options.call().generation().get()
            + ", key "
            + key
            + " is in "
            + done.reply().generation(),
        true,
        Optional.empty(),
        Optional.of(done.reply()));
  }

  private Call call(Read read) {
    return new Call(key, read, options.call());
  }
}
