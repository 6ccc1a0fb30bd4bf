package dev.trellis.functions;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Payload;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.Optional;

/// That a function is to be run.
///
/// @param function its name, where it runs
/// @param id the same whenever the call is made again
/// @param argument what it works on
/// @param token of the session that it goes on with; empty for a new one
public record FunctionCall(
    String function, InvocationId id, Argument argument, Optional<SessionToken> token) {
  private static final byte VERSION = 1;
  private static final byte GIVEN = 0;
  private static final byte RESULT_OF = 1;
  private static final int ID_BYTES = 2 * Long.BYTES;

  /// What a function works on.
  public sealed interface Argument {}

  /// Something that travels with the call.
  public record Given(Payload value) implements Argument {}

  /// The result of another invocation, which whoever runs the function fetches: it does not travel
  /// through whoever calls.
  public record ResultOf(InvocationId id) implements Argument {}

  public FunctionCall {
    if (function.isEmpty()) {
      throw new IllegalArgumentException("a call names no function");
    }
  }

  /// A call with an argument, in a session of its own.
  public static FunctionCall of(String function, InvocationId id, Payload argument) {
    return new FunctionCall(function, id, new Given(argument), Optional.empty());
  }

  /// As bytes, for whatever carries calls: a queue, a mailbox, the event of a platform. One byte of
  /// version; the length of the name in four bytes, the name; the id in sixteen; the length of the
  /// token in four, the token; one byte that says what the argument is, and that: its bytes, or the
  /// id of whose result it is.
  public Payload encode() {
    byte[] name = Payload.ofText(function).toBytes();
    byte[] session = token.map(SessionToken::bytes).orElse(new byte[0]);
    byte[] rest =
        switch (argument) {
          case Given given -> given.value().toBytes();
          case ResultOf of -> put(ByteBuffer.allocate(ID_BYTES), of.id()).array();
        };
    ByteBuffer bytes =
        ByteBuffer.allocate(
            2 + 2 * Integer.BYTES + ID_BYTES + name.length + session.length + rest.length);
    bytes.put(VERSION).putInt(name.length).put(name);
    put(bytes, id).putInt(session.length).put(session);
    bytes.put(argument instanceof Given ? GIVEN : RESULT_OF).put(rest);
    return Payload.of(bytes.array());
  }

  private static ByteBuffer put(ByteBuffer bytes, InvocationId id) {
    return bytes.putLong(id.high()).putLong(id.low());
  }

  /// The call of bytes that [#encode] gave.
  ///
  /// @throws IllegalArgumentException if it is none
  public static FunctionCall decode(Payload encoded) {
    ByteBuffer bytes = ByteBuffer.wrap(encoded.toBytes());
    try {
      byte version = bytes.get();
      if (version != VERSION) {
        throw new IllegalArgumentException(
            "a call of a function of version " + version + "; this program knows " + VERSION);
      }
      String function = Payload.of(take(bytes, bytes.getInt())).text();
      InvocationId id = id(bytes);
      byte[] session = take(bytes, bytes.getInt());
      byte what = bytes.get();
      Argument argument =
          switch (what) {
            case GIVEN -> new Given(Payload.of(take(bytes, bytes.remaining())));
            case RESULT_OF -> new ResultOf(id(bytes));
            default ->
                throw new IllegalArgumentException(
                    "a call of a function with an argument of unknown kind " + what);
          };
      return new FunctionCall(
          function,
          id,
          argument,
          session.length == 0 ? Optional.empty() : Optional.of(SessionToken.ofBytes(session)));
    } catch (BufferUnderflowException e) {
      throw new IllegalArgumentException(
          "the call of a function is cut off after " + encoded.size() + " bytes", e);
    }
  }

  private static InvocationId id(ByteBuffer bytes) {
    long high = bytes.getLong();
    return new InvocationId(high, bytes.getLong());
  }

  private static byte[] take(ByteBuffer bytes, int length) {
    if (length < 0 || length > bytes.remaining()) {
      throw new IllegalArgumentException(
          "the call of a function says "
              + length
              + " bytes where there are "
              + bytes.remaining()
              + " more");
    }
    byte[] taken = new byte[length];
    bytes.get(taken);
    return taken;
  }
}
