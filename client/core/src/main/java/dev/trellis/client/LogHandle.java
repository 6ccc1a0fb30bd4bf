package dev.trellis.client;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.List;
import java.util.concurrent.CompletableFuture;

/// A `log`: records in order of time, read from where one left off.
public final class LogHandle extends ExpirableHandle<LogHandle> {
  LogHandle(Place place) {
    super(place);
  }

  @Override
  LogHandle at(Place other) {
    return new LogHandle(other);
  }

  @Override
  Read existence() {
    return new Read.Size(Kind.LOG);
  }

  /// Appends records, at least one.
  ///
  /// @return the dots that name them
  public CausalContext append(List<Payload> records) {
    return Blocking.await(appendAsync(records));
  }

  /// Appends texts, at least one.
  ///
  /// @return the dots that name them
  public CausalContext append(String... records) {
    return append(ElementsHandle.payloads(records));
  }

  /// As [#append(List)].
  public CompletableFuture<CausalContext> appendAsync(List<Payload> records) {
    return place.mutate(new Mutation.Append(records)).thenApply(Reply::dots);
  }

  /// The records that the reader has not seen, oldest first, and what it will have seen then.
  ///
  /// @param seen of the read before; [CausalContext#EMPTY] to start with the oldest record
  /// @param limit at most this many, 1 or more
  public View.Records readSince(CausalContext seen, int limit) {
    return Blocking.await(readSinceAsync(seen, limit));
  }

  /// As [#readSince].
  public CompletableFuture<View.Records> readSinceAsync(CausalContext seen, int limit) {
    return place
        .read(new Read.Since(seen, limit))
        .thenApply(
            reply ->
                switch (Place.view(reply)) {
                  case View.Records view -> view;
                  case View.Missing missing -> new View.Records(List.of(), seen);
                  case View other -> throw Place.unexpected(other);
                });
  }

  /// Drops the records that `observed` includes, for good and on all replicas.
  ///
  /// @return how many were there
  public long trim(CausalContext observed) {
    return Blocking.await(trimAsync(observed));
  }

  /// As [#trim].
  public CompletableFuture<Long> trimAsync(CausalContext observed) {
    return place.mutate(new Mutation.Trim(observed)).thenApply(Place::changed);
  }

  /// How many records there are; 0 if the log is missing.
  public long size() {
    return Blocking.await(sizeAsync());
  }

  /// As [#size].
  public CompletableFuture<Long> sizeAsync() {
    return place.read(new Read.Size(Kind.LOG)).thenApply(CounterHandle::whole);
  }
}
