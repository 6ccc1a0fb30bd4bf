package dev.trellis.casestudy;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.Handles;
import dev.trellis.client.Place;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.CompletableFuture;

/// Registers in some replicas, any of which answers, and which merge after some calls.
final class FakeStore implements Calls, Handles {
  private final Random random = new Random(1);
  private final int callsToMerge;
  private final List<Map<Payload, LwwRegister>> replicas = new ArrayList<>();
  private final int callsToFailure; // 0 for never
  private final Optional<TrellisException> failure;
  private int calls;

  FakeStore(int replicas, int callsToMerge) {
    this(replicas, callsToMerge, 0, Optional.empty());
  }

  /// @param callsToFailure each so manieth call fails
  FakeStore(
      int replicas, int callsToMerge, int callsToFailure, Optional<TrellisException> failure) {
    this.callsToMerge = callsToMerge;
    this.callsToFailure = callsToFailure;
    this.failure = failure;
    for (int i = 0; i < replicas; i++) {
      this.replicas.add(new HashMap<>());
    }
  }

  @Override
  public Place place(Payload name) {
    return Place.of(this, name);
  }

  @Override
  public synchronized CompletableFuture<Reply> execute(
      Payload key, Operation operation, CallOptions options) {
    calls++;
    if (callsToFailure > 0 && calls % callsToFailure == 0) {
      return CompletableFuture.failedFuture(failure.orElseThrow());
    }
    if (calls % callsToMerge == 0) {
      merge();
    }
    Map<Payload, LwwRegister> replica = replicas.get(random.nextInt(replicas.size()));
    if (operation instanceof Mutation.Put put) {
      replica.merge(
          key,
          LwwRegister.of(options.stamp().orElseThrow(), 1, 0, put.value()),
          LwwRegister::merge);
      return reply(new View.Nothing());
    }
    LwwRegister found = replica.get(key);
    return reply(
        found == null
            ? new View.Missing()
            : new View.Bytes(found.payload().orElseThrow(), found.expiresAtMillis()));
  }

  /// Brings all replicas up to date.
  synchronized void merge() {
    Map<Payload, LwwRegister> all = new HashMap<>();
    for (Map<Payload, LwwRegister> replica : replicas) {
      replica.forEach((key, register) -> all.merge(key, register, LwwRegister::merge));
    }
    replicas.forEach(replica -> replica.putAll(all));
  }

  private static CompletableFuture<Reply> reply(View view) {
    return CompletableFuture.completedFuture(
        new Reply(
            1,
            new Outcome.Done(view, 0, false),
            HybridTimestamp.ZERO,
            Optional.empty(),
            CausalContext.EMPTY,
            Receipt.NONE,
            HybridTimestamp.ZERO,
            1));
  }
}
