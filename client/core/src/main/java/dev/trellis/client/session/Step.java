package dev.trellis.client.session;

import dev.trellis.client.Call;
import dev.trellis.client.TrellisException;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Reply;
import java.util.List;

/// What a session wants next, while it carries out an operation.
sealed interface Step {
  /// Calls to carry out, and to be told the replies of.
  record Ask(List<Call> calls) implements Step {
    public Ask {
      calls = List.copyOf(calls);
    }

    Ask(Call call) {
      this(List.of(call));
    }
  }

  /// The answer to the operation.
  record Answer(Reply reply) implements Step {}

  /// A call has failed, and with it the operation.
  record Fail(TrellisException failure) implements Step {}

  /// The operation can't be carried out.
  record Refuse(ErrorCode code, String message) implements Step {}
}
