package dev.trellis.client.session;

import dev.trellis.client.TrellisException;
import dev.trellis.wire.Receipt;
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

  /// Whether it failed, and is not known to have done nothing.
  boolean mayHaveHappened() {
    return failure != null && !failure.isDefinite();
  }

  /// The least that is true of all the calls that did not fail, of which there is one at least.
  static Receipt leastReceipt(List<Answered> answers) {
    int copies = Integer.MAX_VALUE;
    int durableCopies = Integer.MAX_VALUE;
    for (Answered answer : answers) {
      Reply reply = answer.reply();
      if (reply != null) {
        copies = Math.min(copies, reply.receipt().copies());
        durableCopies = Math.min(durableCopies, reply.receipt().durableCopies());
      }
    }
    return new Receipt(copies, durableCopies);
  }

  /// The reply of a call that did not fail.
  Reply done() {
    if (reply == null) {
      throw new IllegalStateException("the call has failed", failure);
    }
    return reply;
  }
}
