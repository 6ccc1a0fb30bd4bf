package dev.trellis.functions;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.View;
import java.nio.ByteBuffer;
import java.util.Optional;

/// What came of an invocation.
///
/// @param id of the invocation
/// @param payload the value; empty if the function has failed
/// @param failure why it has failed; empty if it has not
/// @param token of the session in which the value came to be; empty if it told none
public record Result(
    InvocationId id, Optional<Payload> payload, String failure, Optional<SessionToken> token) {
  private static final double OF_VALUE = 0; // goes before
  private static final double OF_FAILURE = 1;
  private static final byte VERSION = 1;
  private static final int HEAD_BYTES = 1 + Integer.BYTES;

  static Result value(InvocationId id, Payload payload, Optional<SessionToken> token) {
    return new Result(id, Optional.of(payload), "", token);
  }

  static Result failure(InvocationId id, String why) {
    return new Result(id, Optional.empty(), why, Optional.empty());
  }

  /// The value.
  ///
  /// @throws FunctionFailedException if the function has failed
  public Payload value() {
    return payload.orElseThrow(() -> new FunctionFailedException(id, failure));
  }

  double priority() {
    return payload.isPresent() ? OF_VALUE : OF_FAILURE;
  }

  /// One byte of version, the length of the token in four, the token, and the value or the failure.
  Payload encode() {
    byte[] bytesOfToken = token.map(SessionToken::bytes).orElse(new byte[0]);
    byte[] content = payload.orElseGet(() -> Payload.ofText(failure)).toBytes();
    byte[] bytes =
        ByteBuffer.allocate(HEAD_BYTES + bytesOfToken.length + content.length)
            .put(VERSION)
            .putInt(bytesOfToken.length)
            .put(bytesOfToken)
            .put(content)
            .array();
    return Payload.of(bytes);
  }

  static Result decode(InvocationId id, View.Prioritized kept) {
    ByteBuffer bytes = ByteBuffer.wrap(kept.value().toBytes());
    if (bytes.remaining() < HEAD_BYTES || bytes.get() != VERSION) {
      throw malformed(id);
    }
    int length = bytes.getInt();
    if (length < 0 || length > bytes.remaining()) {
      throw malformed(id);
    }
    byte[] token = new byte[length];
    bytes.get(token);
    byte[] rest = new byte[bytes.remaining()];
    bytes.get(rest);
    Payload content = Payload.of(rest);
    return kept.priority() == OF_VALUE
        ? value(
            id, content, length == 0 ? Optional.empty() : Optional.of(SessionToken.ofBytes(token)))
        : failure(id, content.text());
  }

  private static TrellisException malformed(InvocationId id) {
    return TrellisException.of(
        ErrorCode.BAD_REQUEST,
        "what is kept as the result of "
            + id
            + " is none that this client knows; somebody else has written to its key, or a later"
            + " version of it has");
  }
}
