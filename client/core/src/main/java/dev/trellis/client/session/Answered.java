package dev.trellis.client.session;

import dev.trellis.client.TrellisException;
import dev.trellis.wire.Reply;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What came of a call that a session asked for.
///
/// @param reply null if it failed
/// @param failure null if it did not
record Answered(@Nullable Reply reply, @Nullable TrellisException failure) {
  static Answered of(Reply reply) {
    return new Answered(reply, null);
  }

  static Answered of(TrellisException failure) {
    return new Answered(null, failure);
  }

  static Optional<TrellisException> firstFailure(List<Answered> answers) {
    return answers.stream()
        .flatMap(each -> Optional.ofNullable(each.failure()).stream())
        .findFirst();
  }

  /// The reply of a call that did not fail.
  Reply done() {
    if (reply == null) {
      throw new IllegalStateException("the call has failed", failure);
    }
    return reply;
  }
}
