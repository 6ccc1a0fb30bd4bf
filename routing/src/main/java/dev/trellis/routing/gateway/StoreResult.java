package dev.trellis.routing.gateway;

import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.Optional;

/// How a call to the store ended.
sealed interface StoreResult {
  /// It was carried out.
  ///
  /// @param reply whose outcome is `outcome`
  record Done(Reply reply, Outcome.Done outcome) implements StoreResult {}

  /// It was not, or not as asked.
  ///
  /// @param definite whether it did not take effect and never will
  /// @param reply what the shard answered, if it did
  record Failed(
      ErrorCode code,
      String message,
      boolean definite,
      Optional<Duration> retryAfter,
      Optional<Reply> reply)
      implements StoreResult {}
}
