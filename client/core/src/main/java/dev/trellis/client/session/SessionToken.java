package dev.trellis.client.session;

import dev.trellis.client.DefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.SessionImage;
import dev.trellis.wire.WireException;
import java.nio.ByteBuffer;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.Arrays;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/// A session as it travels: give it to whoever goes on with the session, on whatever machine, and
/// let him call `Trellis.resume`. It tells what the session wrote and read, so it is as secret as
/// that is. The form is `SessionImage` in `trellis.proto`.
///
/// A token is a copy: two that go on with one token are two sessions with a common past.
public final class SessionToken {
  /// The header in which tokens travel: of requests to the REST gateway, and of its answers.
  public static final String HEADER = "Trellis-Session";

  /// The name of the CloudEvents extension attribute in which tokens travel.
  public static final String CLOUD_EVENTS_ATTRIBUTE = "trellissession";

  /// How long a token is at most, unless another length is asked for.
  public static final int BYTES_MAX = 4 << 10;

  private static final byte VERSION = 2;
  private static final int HEAD_BYTES = 2;
  private static final int SIGNATURE_BYTES = 32;
  private static final String SIGNATURE = "HmacSHA256";

  private final byte[] bytes;
  private final boolean coarse;

  private SessionToken(byte[] bytes, boolean coarse) {
    this.bytes = bytes;
    this.coarse = coarse;
  }

  /// The token of an image.
  ///
  /// @param key to sign it with; empty for none
  static SessionToken of(SessionImage image, Payload key) {
    byte[] content = image.encode();
    boolean signed = !key.isEmpty();
    byte[] bytes = new byte[HEAD_BYTES + content.length + (signed ? SIGNATURE_BYTES : 0)];
    bytes[0] = VERSION;
    bytes[1] = (byte) (signed ? 1 : 0);
    System.arraycopy(content, 0, bytes, HEAD_BYTES, content.length);
    if (signed) {
      int end = HEAD_BYTES + content.length;
      System.arraycopy(signature(bytes, end, key), 0, bytes, end, SIGNATURE_BYTES);
    }
    return new SessionToken(bytes, image.coarse());
  }

  /// How many bytes a token has beside its image.
  static int overhead(Payload key) {
    return HEAD_BYTES + (key.isEmpty() ? 0 : SIGNATURE_BYTES);
  }

  private static byte[] signature(byte[] bytes, int length, Payload key) {
    try {
      Mac mac = Mac.getInstance(SIGNATURE);
      mac.init(new SecretKeySpec(key.toBytes(), SIGNATURE));
      mac.update(bytes, 0, length);
      return mac.doFinal();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no " + SIGNATURE, e);
    }
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
  /// @param key with which it must be signed; empty if it must not be
  /// @throws DefiniteException.BadRequest if it is no token
  /// @throws DefiniteException.Unauthenticated if its signature is missing or wrong
  SessionImage image(Payload key) {
    if (bytes.length < HEAD_BYTES) {
      throw refusal("a session token of " + bytes.length + " bytes is too short to be one");
    }
    if (bytes[0] != VERSION) {
      throw refusal(
          "a session token of version " + bytes[0] + "; this client knows version " + VERSION);
    }
    int end = bytes.length;
    boolean signed = bytes[1] == 1;
    if (signed != !key.isEmpty()) {
      throw unauthenticated(
          signed
              ? "the session token is signed, and this client has no session key to check it with"
              : "the session token is not signed, and this client takes signed ones only");
    }
    if (signed) {
      end -= SIGNATURE_BYTES;
      boolean right =
          end >= HEAD_BYTES
              && MessageDigest.isEqual(
                  signature(bytes, end, key), Arrays.copyOfRange(bytes, end, bytes.length));
      if (!right) {
        throw unauthenticated(
            "the session token is not signed with this client's session key, or was changed");
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
