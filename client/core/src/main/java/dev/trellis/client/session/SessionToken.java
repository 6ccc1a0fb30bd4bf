package dev.trellis.client.session;

import dev.trellis.client.DefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.SessionImage;
import dev.trellis.wire.WireException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Base64;

/// A session as it travels: give it to whoever goes on with the session, on whatever machine, and
/// let him call `Trellis.resume`. It tells what the session wrote and read, so it is as secret as
/// that is. The form is `SessionImage` in `trellis.proto`.
///
/// A token is a copy: two that go on with one token are two sessions with a common past. So nothing
/// is won by sending one's own token twice; what waits in it for a commit is written by each, as if
/// its owner had written it twice.
public final class SessionToken {
  /// The header in which tokens travel: of requests to the REST gateway, and of its answers.
  public static final String HEADER = "Trellis-Session";

  /// The name of the CloudEvents extension attribute in which tokens travel.
  public static final String CLOUD_EVENTS_ATTRIBUTE = "trellissession";

  /// How long a token is at most, unless another length is asked for.
  public static final int BYTES_MAX = 4 << 10;

  private static final byte VERSION = 2;
  private static final byte BOUND_VERSION = 3; // signed, and the signature covers the principal
  private static final int HEAD_BYTES = 2;

  private final byte[] bytes;
  private final boolean coarse;

  private SessionToken(byte[] bytes, boolean coarse) {
    this.bytes = bytes;
    this.coarse = coarse;
  }

  /// The token of an image.
  static SessionToken of(SessionImage image, TokenSeal seal) {
    byte[] content = image.encode();
    byte[] bytes = new byte[overhead(seal) + content.length];
    bytes[0] = seal.binds() ? BOUND_VERSION : VERSION;
    bytes[1] = (byte) (seal.signs() ? 1 : 0);
    System.arraycopy(content, 0, bytes, HEAD_BYTES, content.length);
    if (seal.signs()) {
      int end = HEAD_BYTES + content.length;
      System.arraycopy(seal.sign(bytes, end), 0, bytes, end, TokenSeal.SIGNATURE_BYTES);
    }
    return new SessionToken(bytes, image.coarse());
  }

  /// How many bytes a token has beside its image.
  static int overhead(TokenSeal seal) {
    return HEAD_BYTES + (seal.signs() ? TokenSeal.SIGNATURE_BYTES : 0);
  }

  /// The token of bytes that [#bytes] gave.
  public static SessionToken ofBytes(byte[] bytes) {
    return new SessionToken(bytes.clone(), false);
  }

  /// The token of a text that [#text] gave.
  ///
  /// @throws DefiniteException.BadRequest if it is none
  public static SessionToken ofText(String text) {
    try {
      return new SessionToken(Base64.getUrlDecoder().decode(text.trim()), false);
    } catch (IllegalArgumentException e) {
      throw refusal("a session token is base64url, and this is not: " + e.getMessage());
    }
  }

  /// What it carries.
  ///
  /// @param seal of who takes it
  /// @throws DefiniteException.BadRequest if it is no token
  /// @throws DefiniteException.Unauthenticated if its signature is missing or wrong, or another
  ///   principal's
  SessionImage image(TokenSeal seal) {
    if (bytes.length < HEAD_BYTES) {
      throw refusal("a session token of " + bytes.length + " bytes is too short to be one");
    }
    if (bytes[0] != VERSION && bytes[0] != BOUND_VERSION) {
      throw refusal(
          "a session token of version "
              + bytes[0]
              + "; this client knows versions "
              + VERSION
              + " and "
              + BOUND_VERSION);
    }
    if (bytes[1] != 0 && bytes[1] != 1) {
      throw refusal("a session token whose second byte is " + bytes[1] + ", and not 0 or 1");
    }
    int end = bytes.length;
    boolean signed = bytes[1] == 1;
    if (signed != seal.signs()) {
      throw unauthenticated(
          signed
              ? "the session token is signed, and this client has no session key to check it with"
              : "the session token is not signed, and this client takes signed ones only");
    }
    boolean bound = bytes[0] == BOUND_VERSION;
    if (bound != seal.binds()) {
      throw unauthenticated(
          bound
              ? "the session token is a principal's, and this client, which has not said who it is"
                  + " or has no session key, is none"
              : "the session token is not bound to a principal, and this client takes those of its"
                  + " own only");
    }
    if (signed) {
      end -= TokenSeal.SIGNATURE_BYTES;
      if (end < HEAD_BYTES
          || !seal.accepts(bytes, end, Arrays.copyOfRange(bytes, end, bytes.length))) {
        // One message for all of it: who tries must not learn which he has hit upon.
        throw unauthenticated(
            "the session token is not signed with a session key of this client"
                + (bound ? " for its principal '" + seal.principal() + "'" : "")
                + ", or was changed");
      }
    }
    try {
      return SessionImage.decode(ByteBuffer.wrap(bytes, HEAD_BYTES, end - HEAD_BYTES).slice());
    } catch (WireException e) {
      throw refusal("a malformed session token: " + e.getMessage());
    }
  }

  public byte[] bytes() {
    return bytes.clone();
  }

  /// The same as text, for a header: base64url without padding.
  public String text() {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  /// How long it is in bytes.
  public int size() {
    return bytes.length;
  }

  /// Whether it, or a token before it, had to leave something out to be short enough. All promises
  /// hold nevertheless; a read may have to wait for a replica that has more, or be refused where
  /// there is none. Known where the token was made.
  public boolean isCoarse() {
    return coarse;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof SessionToken token && Arrays.equals(bytes, token.bytes);
  }

  @Override
  public int hashCode() {
    return Arrays.hashCode(bytes);
  }

  @Override
  public String toString() {
    return "SessionToken[" + bytes.length + " bytes]";
  }

  private static TrellisException refusal(String message) {
    return TrellisException.of(ErrorCode.BAD_REQUEST, message);
  }

  private static TrellisException unauthenticated(String message) {
    return TrellisException.of(ErrorCode.UNAUTHENTICATED, message);
  }
}
