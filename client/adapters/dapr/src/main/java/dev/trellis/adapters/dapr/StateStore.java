package dev.trellis.adapters.dapr;

import com.google.protobuf.ByteString;
import dev.trellis.adapters.dapr.wire.BulkDeleteRequest;
import dev.trellis.adapters.dapr.wire.BulkDeleteResponse;
import dev.trellis.adapters.dapr.wire.BulkGetRequest;
import dev.trellis.adapters.dapr.wire.BulkGetResponse;
import dev.trellis.adapters.dapr.wire.BulkSetRequest;
import dev.trellis.adapters.dapr.wire.BulkSetResponse;
import dev.trellis.adapters.dapr.wire.BulkStateItem;
import dev.trellis.adapters.dapr.wire.DeleteRequest;
import dev.trellis.adapters.dapr.wire.DeleteResponse;
import dev.trellis.adapters.dapr.wire.Etag;
import dev.trellis.adapters.dapr.wire.GetRequest;
import dev.trellis.adapters.dapr.wire.GetResponse;
import dev.trellis.adapters.dapr.wire.SetRequest;
import dev.trellis.adapters.dapr.wire.SetResponse;
import dev.trellis.adapters.dapr.wire.StateOptions;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Calls;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.View;
import io.grpc.Status;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/// One component: Dapr's requests as calls of the store. A key of Dapr's is an `lww` under the same
/// key, behind the component's prefix.
///
/// Strong consistency is a write on as many nodes as are to survive faults, and a read that asks
/// all replicas: who reads after a write sees it, or a later one. It makes no order between
/// writers.
final class StateStore {
  private static final String TTL = "ttlInSeconds";
  private static final String EXPIRES = "ttlExpireTime";
  private static final Read.Get GET = new Read.Get(Optional.of(Kind.LWW));

  private final Calls calls;
  private final StoreSettings settings;

  StateStore(Calls calls, StoreSettings settings) {
    this.calls = calls;
    this.settings = settings;
  }

  CompletableFuture<GetResponse> get(GetRequest request) {
    ReadMode mode =
        switch (request.getConsistency()) {
          case CONSISTENCY_STRONG -> ReadMode.ALL;
          case CONSISTENCY_EVENTUAL, CONSISTENCY_UNSPECIFIED -> ReadMode.ANY;
          case UNRECOGNIZED -> throw unknown("consistency", request.getConsistencyValue());
        };
    return calls
        .execute(key(request.getKey()), GET, options().withReadMode(mode))
        .thenApply(
            reply -> {
              GetResponse.Builder response = GetResponse.newBuilder();
              if (((Outcome.Done) reply.outcome()).view() instanceof View.Bytes found) {
                response.setData(ByteString.copyFrom(found.value().toBytes()));
                if (found.expiresAtMillis() != 0) {
                  response.putMetadata(
                      EXPIRES, Instant.ofEpochMilli(found.expiresAtMillis()).toString());
                }
              }
              return response.build();
            });
  }

  CompletableFuture<SetResponse> set(SetRequest request) {
    refuseConditions(request.hasEtag() ? request.getEtag() : null, request.getOptions());
    CallOptions options = writeOptions(request.getOptions());
    Optional<Duration> life = life(request.getMetadataMap());
    Payload value = Payload.of(request.getValue().toByteArray());
    return calls
        .execute(
            key(request.getKey()),
            new Mutation.Put(value),
            life.isPresent() ? options.withTtl(life.get()) : options)
        .thenApply(reply -> SetResponse.getDefaultInstance());
  }

  CompletableFuture<DeleteResponse> delete(DeleteRequest request) {
    refuseConditions(request.hasEtag() ? request.getEtag() : null, request.getOptions());
    return calls
        .execute(key(request.getKey()), new Mutation.Delete(), writeOptions(request.getOptions()))
        .thenApply(reply -> DeleteResponse.getDefaultInstance());
  }

  // ---- Several keys: not atomic, one outcome a key ----

  CompletableFuture<BulkGetResponse> bulkGet(BulkGetRequest request) {
    List<CompletableFuture<BulkStateItem>> items = new ArrayList<>(request.getItemsCount());
    for (GetRequest each : request.getItemsList()) {
      items.add(
          attempt(() -> get(each))
              .handle(
                  (found, failed) -> {
                    BulkStateItem.Builder item = BulkStateItem.newBuilder().setKey(each.getKey());
                    if (failed != null) {
                      return item.setError(Failures.status(failed).getDescription()).build();
                    }
                    return item.setData(found.getData())
                        .putAllMetadata(found.getMetadataMap())
                        .build();
                  }));
    }
    return all(items)
        .thenApply(
            done -> {
              BulkGetResponse.Builder response = BulkGetResponse.newBuilder();
              items.forEach(item -> response.addItems(item.join()));
              return response.build();
            });
  }

  CompletableFuture<BulkSetResponse> bulkSet(BulkSetRequest request) {
    List<String> keys = request.getItemsList().stream().map(SetRequest::getKey).toList();
    List<CompletableFuture<SetResponse>> items =
        request.getItemsList().stream().map(each -> attempt(() -> set(each))).toList();
    return each("set", keys, items).thenApply(done -> BulkSetResponse.getDefaultInstance());
  }

  CompletableFuture<BulkDeleteResponse> bulkDelete(BulkDeleteRequest request) {
    List<String> keys = request.getItemsList().stream().map(DeleteRequest::getKey).toList();
    List<CompletableFuture<DeleteResponse>> items =
        request.getItemsList().stream().map(each -> attempt(() -> delete(each))).toList();
    return each("deleted", keys, items).thenApply(done -> BulkDeleteResponse.getDefaultInstance());
  }

  /// Completes once all have ended; if some have failed, as the first of them, with all named.
  private static <T> CompletableFuture<Boolean> each(
      String done, List<String> keys, List<CompletableFuture<T>> items) {
    return all(items)
        .handle(
            (unused, anyFailed) -> {
              List<String> failures = new ArrayList<>();
              Status first = Status.OK;
              for (int at = 0; at < items.size(); at++) {
                if (items.get(at).isCompletedExceptionally()) {
                  Status status = Failures.status(items.get(at).exceptionNow());
                  first = first.isOk() ? status : first;
                  failures.add("'" + keys.get(at) + "': " + status.getDescription());
                }
              }
              if (failures.isEmpty()) {
                return true;
              }
              throw first
                  .withDescription(
                      failures.size()
                          + " of "
                          + items.size()
                          + " keys were not "
                          + done
                          + ", the others were: "
                          + String.join("; ", failures))
                  .asRuntimeException();
            });
  }

  private static CompletableFuture<Void> all(List<? extends CompletableFuture<?>> items) {
    return CompletableFuture.allOf(items.toArray(CompletableFuture<?>[]::new));
  }

  /// Something that is begun, or refused at once.
  @FunctionalInterface
  private interface Attempt<T> {
    CompletableFuture<T> begin();
  }

  private static <T> CompletableFuture<T> attempt(Attempt<T> attempt) {
    try {
      return attempt.begin();
    } catch (RuntimeException e) {
      return CompletableFuture.failedFuture(e);
    }
  }

  // ---- What a request says ----

  private Payload key(String key) {
    if (key.isEmpty()) {
      throw invalid("the key is empty; it is 1 to 1,024 bytes");
    }
    return Payload.ofText(settings.keyPrefix() + key);
  }

  private CallOptions options() {
    return CallOptions.DEFAULT.withTimeout(settings.timeout());
  }

  private CallOptions writeOptions(StateOptions asked) {
    return options()
        .withAcknowledgement(
            switch (asked.getConsistency()) {
              // Which is on so many nodes, wherever there are so many.
              case CONSISTENCY_STRONG ->
                  settings.acknowledgement() == Acknowledgement.ONE
                      ? Acknowledgement.DEFAULT
                      : settings.acknowledgement();
              case CONSISTENCY_EVENTUAL -> Acknowledgement.ONE;
              case CONSISTENCY_UNSPECIFIED -> settings.acknowledgement();
              case UNRECOGNIZED -> throw unknown("consistency", asked.getConsistencyValue());
            });
  }

  /// A store without coordination can compare and write in one replica, and not in all: a check
  /// that passes twice, once on either side, is none.
  private static void refuseConditions(@Nullable Etag etag, StateOptions options) {
    if (etag != null && !etag.getValue().isEmpty()) {
      throw invalid(
          "the etag '"
              + etag.getValue()
              + "' asks that nobody has written meanwhile, which this store can't know: it takes"
              + " writes at every replica, and the last one wins; leave it out");
    }
    switch (options.getConcurrency()) {
      case CONCURRENCY_FIRST_WRITE ->
          throw invalid(
              "concurrency 'first-write' asks that nobody has written meanwhile, which this store"
                  + " can't know; it has 'last-write'");
      case CONCURRENCY_LAST_WRITE, CONCURRENCY_UNSPECIFIED -> {}
      case UNRECOGNIZED -> throw unknown("concurrency", options.getConcurrencyValue());
    }
  }

  private static Optional<Duration> life(Map<String, String> metadata) {
    String text = metadata.get(TTL);
    if (text == null || text.isBlank() || text.strip().equals("-1")) {
      return Optional.empty(); // for ever
    }
    long max = Limits.TTL_MILLIS_MAX / 1_000;
    try {
      long seconds = Long.parseLong(text.strip());
      if (seconds >= 1 && seconds <= max) {
        return Optional.of(Duration.ofSeconds(seconds));
      }
    } catch (NumberFormatException e) {
      // as out of range
    }
    throw invalid("'" + TTL + "' is '" + text + "'; it can be 1 to " + max + ", or -1 for ever");
  }

  private static RuntimeException unknown(String what, int number) {
    return invalid(what + " " + number + " is unknown to this version of the component");
  }

  static RuntimeException invalid(String message) {
    return Status.INVALID_ARGUMENT.withDescription(message).asRuntimeException();
  }

  /// Failures as Dapr is told them.
  static final class Failures {
    private Failures() {}

    static Status status(Throwable failure) {
      Throwable cause =
          failure instanceof CompletionException && failure.getCause() != null
              ? failure.getCause()
              : failure;
      return cause instanceof TrellisException known
          ? code(known).withDescription(known.code() + ": " + known.getMessage())
          : Status.fromThrowable(cause);
    }

    private static Status code(TrellisException failure) {
      return switch (failure.code()) {
        case BAD_REQUEST, KEY_TOO_LONG, VALUE_TOO_LARGE, INVOCATION_EXPIRED ->
            Status.INVALID_ARGUMENT;
        case KIND_MISMATCH, CLOCK_SKEW -> Status.FAILED_PRECONDITION;
        case UNAUTHENTICATED -> Status.UNAUTHENTICATED;
        case FORBIDDEN -> Status.PERMISSION_DENIED;
        case SUPERSEDED -> Status.ABORTED;
        case OUT_OF_MEMORY, DISK_FULL -> Status.RESOURCE_EXHAUSTED;
        case OVERLOADED, NO_NODES, SESSION_UNAVAILABLE, NOT_ENOUGH_REPLICAS -> Status.UNAVAILABLE;
        case TIMEOUT, NOT_REACHED -> Status.DEADLINE_EXCEEDED;
        case OUTCOME_UNKNOWN -> Status.UNKNOWN;
        case NOT_OWNER, MOVED, STALE_PEER -> Status.INTERNAL; // which clients follow by themselves
      };
    }
  }
}
