package dev.trellis.client;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Operation;

/// One operation on one key, as part of a batch.
public record Call(Payload key, Operation operation, CallOptions options) {
  public Call(Payload key, Operation operation) {
    this(key, operation, CallOptions.DEFAULT);
  }
}
