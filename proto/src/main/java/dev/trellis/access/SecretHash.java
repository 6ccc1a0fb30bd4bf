package dev.trellis.access;

import dev.trellis.lattice.Payload;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/// What is kept of a secret: enough to recognise it, not to know it. The secrets of API keys are 32
/// random bytes, which nobody finds by trying, so one round of SHA-256 is enough, and as fast as a
/// check at each connection should be; the salt keeps equal secrets from showing.
///
/// @param salt random, of 16 bytes
/// @param hash SHA-256 of salt and secret
public record SecretHash(Payload salt, Payload hash) {
  static final int SALT_BYTES = 16;
  static final int HASH_BYTES = 32;

  public SecretHash {
    requireSize("salt", salt, SALT_BYTES);
    requireSize("hash", hash, HASH_BYTES);
  }

  private static void requireSize(String what, Payload bytes, int size) {
    if (bytes.size() != size) {
      throw new IllegalArgumentException(
          "a " + what + " of " + bytes.size() + " bytes was given, but it must have " + size);
    }
  }

  static SecretHash of(Payload secret, Payload salt) {
    MessageDigest digest = sha256();
    digest.update(salt.toBytes());
    digest.update(secret.toBytes());
    return new SecretHash(salt, Payload.of(digest.digest()));
  }

  /// Whether it is the hash of a secret; takes as long whether it is or not.
  public boolean matches(Payload secret) {
    return MessageDigest.isEqual(of(secret, salt).hash.toBytes(), hash.toBytes());
  }

  /// Salt and hash, in hexadecimal digits, with a space between.
  String text() {
    HexFormat hex = HexFormat.of();
    return hex.formatHex(salt.toBytes()) + " " + hex.formatHex(hash.toBytes());
  }

  /// @throws IllegalArgumentException if these are not what [#text] makes
  static SecretHash parse(String salt, String hash) {
    HexFormat hex = HexFormat.of();
    return new SecretHash(Payload.of(hex.parseHex(salt)), Payload.of(hex.parseHex(hash)));
  }

  private static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every Java platform has SHA-256", e);
    }
  }

  /// Neither of both.
  @Override
  public String toString() {
    return "SecretHash";
  }
}
