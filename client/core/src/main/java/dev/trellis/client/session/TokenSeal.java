package dev.trellis.client.session;

import dev.trellis.lattice.Payload;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.GeneralSecurityException;
import java.security.MessageDigest;
import java.util.List;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;

/// What session tokens are signed with, and whose they are. Immutable.
///
/// @param keys secrets that all clients of a session share. The first one signs, a signature by any
///   is taken: so a new key is first added at the end everywhere, then put first, and the old one
///   dropped once the tokens that it signed are over. Empty: tokens are not signed, and those that
///   come must not be
/// @param principal whom the store takes the client for, which a signature covers: the token of
///   another is not taken. Empty where there is no security
public record TokenSeal(List<Payload> keys, String principal) {
  /// No signatures: whoever has a token is believed.
  public static final TokenSeal NONE = new TokenSeal(List.of(), "");

  static final int SIGNATURE_BYTES = 32;
  private static final String SIGNATURE = "HmacSHA256";

  /// @throws IllegalArgumentException if a key is empty, with which anybody could sign
  public TokenSeal {
    keys = List.copyOf(keys);
    if (keys.stream().anyMatch(Payload::isEmpty)) {
      throw new IllegalArgumentException(
          "one of " + keys.size() + " session keys is empty; it must have at least one byte");
    }
  }

  boolean signs() {
    return !keys.isEmpty();
  }

  /// Whether signatures say whose a token is.
  boolean binds() {
    return signs() && !principal.isEmpty();
  }

  /// The signature of the first `length` bytes, by the first key.
  byte[] sign(byte[] bytes, int length) {
    return signature(bytes, length, keys.get(0));
  }

  /// Whether a signature of the first `length` bytes is by one of the keys. How long it takes tells
  /// only how many there are.
  boolean accepts(byte[] bytes, int length, byte[] signature) {
    boolean right = false;
    for (Payload key : keys) {
      right |= MessageDigest.isEqual(signature(bytes, length, key), signature);
    }
    return right;
  }

  private byte[] signature(byte[] bytes, int length, Payload key) {
    try {
      Mac mac = Mac.getInstance(SIGNATURE);
      mac.init(new SecretKeySpec(key.toBytes(), SIGNATURE));
      if (!principal.isEmpty()) {
        // In front and with its length, so that no byte of the token can pass for one of the name.
        byte[] name = principal.getBytes(StandardCharsets.UTF_8);
        mac.update(ByteBuffer.allocate(Integer.BYTES).putInt(0, name.length));
        mac.update(name);
      }
      mac.update(bytes, 0, length);
      return mac.doFinal();
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("this Java has no " + SIGNATURE, e);
    }
  }

  /// How many keys there are, and whose: no secret.
  @Override
  public String toString() {
    return "TokenSeal["
        + keys.size()
        + " keys"
        + (principal.isEmpty() ? "]" : ", " + principal + "]");
  }
}
