package dev.trellis.client;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;

/// Where a value is: under a key, or in a field of a map under it.
public final class Place {
  private final Calls calls;
  private final Payload key;
  private final List<Payload> fields; // from the key inwards
  private final CallOptions options;

  private Place(Calls calls, Payload key, List<Payload> fields, CallOptions options) {
    this.calls = calls;
    this.key = key;
    this.fields = fields;
    this.options = options;
  }

  /// The value of a key itself.
  ///
  /// @param calls who is to carry out what is done there
  public static Place of(Calls calls, Payload key) {
    return new Place(calls, key, List.of(), CallOptions.DEFAULT);
  }

  Payload key() {
    return key;
  }

  CallOptions options() {
    return options;
  }

  Place with(CallOptions other) {
    return new Place(calls, key, fields, other);
  }

  Place field(Payload name) {
    List<Payload> deeper = new ArrayList<>(fields);
    deeper.add(name);
    return new Place(calls, key, List.copyOf(deeper), options);
  }

  CompletableFuture<Reply> read(Read read) {
    Read wrapped = read;
    for (int i = fields.size() - 1; i >= 0; i--) {
      wrapped = new Read.Field(fields.get(i), wrapped);
    }
    return calls.execute(key, wrapped, options);
  }

  /// Waits until the key has reached a threshold.
  ///
  /// @throws IllegalArgumentException if not for 1 ms to one day
  CompletableFuture<Reply> await(Threshold threshold, Duration timeout) {
    if (!fields.isEmpty()) {
      return CompletableFuture.failedFuture(
          TrellisException.of(
              ErrorCode.BAD_REQUEST,
              "await "
                  + threshold.describe()
                  + " of "
                  + this
                  + ": only whole keys are waited for, not fields of a map; watch the map"));
    }
    return calls.execute(key, new Read.Await(threshold), options.withTimeout(timeout));
  }

  CompletableFuture<Reply> mutate(Mutation mutation) {
    Mutation wrapped = mutation;
    for (int i = fields.size() - 1; i >= 0; i--) {
      wrapped = new Mutation.UpdateField(fields.get(i), wrapped);
    }
    return calls.execute(key, wrapped, options);
  }

  /// Carries out a mutation that shows the value. If the first answer was lost, the repeat may show
  /// nothing, as a session does whose writes wait for its commit; then the value is read. Where
  /// that fails, whyever, the mutation has not: it fails as `OUTCOME_UNKNOWN`.
  CompletableFuture<Reply> mutateAndShow(Mutation mutation, Read read) {
    return mutate(mutation)
        .thenCompose(
            reply ->
                view(reply) instanceof View.Nothing
                    ? read(read).exceptionally(failure -> notShown(mutation, failure))
                    : CompletableFuture.completedFuture(reply));
  }

  private Reply notShown(Mutation mutation, Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    if (!(cause instanceof TrellisException)) {
      throw new CompletionException(cause); // a fault of ours
    }
    throw TrellisException.of(
        new TrellisException.Failure(
            ErrorCode.OUTCOME_UNKNOWN,
            Operations.describe(mutation)
                + " "
                + this
                + ": was carried out, or waits for the session's commit, but what the value is now"
                + " can't be told: "
                + cause.getMessage(),
            cause));
  }

  /// What a completed reply shows.
  static View view(Reply reply) {
    return ((Outcome.Done) reply.outcome()).view();
  }

  /// How much a completed reply changed.
  static long changed(Reply reply) {
    return ((Outcome.Done) reply.outcome()).changed();
  }

  /// A view of another type than the operation answers with: the node and this client disagree
  /// about the protocol.
  static IllegalStateException unexpected(View view) {
    return new IllegalStateException(
        "the node answered with " + view.getClass().getSimpleName() + ", which does not fit");
  }

  /// The key, and the fields below it, as people read it.
  @Override
  public String toString() {
    StringBuilder text = new StringBuilder(key.toString());
    for (Payload field : fields) {
      text.append('.').append(field);
    }
    return text.toString();
  }
}
