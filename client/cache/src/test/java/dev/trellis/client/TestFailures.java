package dev.trellis.client;

import dev.trellis.wire.ErrorCode;

/// Makes the exceptions that a client would throw: only the client can.
public final class TestFailures {
  private TestFailures() {}

  public static TrellisException of(ErrorCode code) {
    return TrellisException.of(new TrellisException.Failure(code, "as the test wants it"));
  }
}
