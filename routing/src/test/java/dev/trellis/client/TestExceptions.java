package dev.trellis.client;

import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Reply;
import java.util.Optional;

/// Makes the exceptions that a client would throw: only the client can.
public final class TestExceptions {
  private TestExceptions() {}

  /// The exception of a failure.
  ///
  /// @param reply what the shard answered, if it did
  public static TrellisException of(ErrorCode code, String message, Optional<Reply> reply) {
    return TrellisException.of(
        new TrellisException.Failure(code, message, reply, Optional.empty(), null));
  }
}
