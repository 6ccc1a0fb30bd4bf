package dev.trellis.access;

import dev.trellis.lattice.Payload;
import java.security.SecureRandom;
import java.util.Base64;
import java.util.HexFormat;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// What a client shows to be known: an id, which may be told, and a secret, which may not. As text
/// it is `trellis_`, the id in 16 hexadecimal digits, `_`, and the secret in 43 digits of base64
/// for URLs; that is what users have, and what travels.
///
/// @param secret 32 bytes
public record ApiKey(String id, Payload secret) {
  private static final int ID_BYTES = 8;
  private static final int SECRET_BYTES = 32;
  private static final Pattern ID = Pattern.compile("[0-9a-f]{16}");
  private static final Pattern TEXT = Pattern.compile("trellis_([0-9a-f]{16})_([A-Za-z0-9_-]{43})");

  public ApiKey {
    if (!ID.matcher(id).matches() || secret.size() != SECRET_BYTES) {
      throw new IllegalArgumentException(
          "an API key has an id of 16 hexadecimal digits and a secret of 32 bytes");
    }
  }

  /// Makes up a new one.
  public static ApiKey mint(SecureRandom random) {
    byte[] id = new byte[ID_BYTES];
    byte[] secret = new byte[SECRET_BYTES];
    random.nextBytes(id);
    random.nextBytes(secret);
    return new ApiKey(HexFormat.of().formatHex(id), Payload.of(secret));
  }

  /// Reads one. The text is never repeated in a message.
  ///
  /// @throws IllegalArgumentException if it is none
  public static ApiKey parse(String text) {
    Matcher matcher = TEXT.matcher(text);
    if (!matcher.matches()) {
      throw new IllegalArgumentException(
          "this is no API key: one has 68 characters, and looks like trellis_0123456789abcdef_…; it"
              + " has "
              + text.length());
    }
    return new ApiKey(
        matcher.group(1), Payload.of(Base64.getUrlDecoder().decode(matcher.group(2))));
  }

  /// With its secret: for its owner, and for nobody's log.
  public String text() {
    return "trellis_"
        + id
        + "_"
        + Base64.getUrlEncoder().withoutPadding().encodeToString(secret.toBytes());
  }

  /// What is to be kept of the secret.
  public SecretHash hash(SecureRandom random) {
    byte[] salt = new byte[SecretHash.SALT_BYTES];
    random.nextBytes(salt);
    return SecretHash.of(secret, Payload.of(salt));
  }

  /// The id alone.
  @Override
  public String toString() {
    return "API key " + id;
  }
}
