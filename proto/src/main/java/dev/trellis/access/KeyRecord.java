package dev.trellis.access;

/// What a cluster knows of an API key.
///
/// @param id of the key
/// @param principal whose key it is
/// @param createdMillis since the epoch
/// @param expiresMillis since the epoch; 0 for never
public record KeyRecord(
    String id, String principal, SecretHash hash, long createdMillis, long expiresMillis) {
  public KeyRecord {
    Caller.requireFree(principal);
  }

  /// As it is kept in a field: `PRINCIPAL SALT HASH CREATED EXPIRES`.
  public String text() {
    return principal + " " + hash.text() + " " + createdMillis + " " + expiresMillis;
  }

  /// Reads what [#text] makes.
  ///
  /// @throws IllegalArgumentException if the text is something else
  public static KeyRecord parse(String id, String text) {
    String[] words = text.split(" ", -1);
    if (words.length != 5) {
      throw new IllegalArgumentException(
          "a key's record has 5 words, principal, salt, hash and two times; here are "
              + words.length);
    }
    return new KeyRecord(
        id,
        words[0],
        SecretHash.parse(words[1], words[2]),
        Long.parseLong(words[3]),
        Long.parseLong(words[4]));
  }
}
