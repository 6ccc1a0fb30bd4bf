package dev.trellis.cli;

import dev.trellis.lattice.Payload;
import java.util.Base64;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Bytes in JSON: text, or `{"base64": …}` where they are no UTF-8.
public final class JsonBytes {
  private JsonBytes() {}

  /// As [Json] takes it.
  public static Object of(Payload bytes) {
    return bytes.isText()
        ? bytes.text()
        : Map.of("base64", Base64.getEncoder().encodeToString(bytes.toBytes()));
  }

  /// What [#of] stands for.
  ///
  /// @param what names it in errors
  /// @throws IllegalArgumentException if it is neither text nor `{"base64": …}`
  public static Payload payload(String what, @Nullable Object json) {
    if (json instanceof String text) {
      return Payload.ofText(text);
    }
    if (json instanceof Map<?, ?> map
        && map.size() == 1
        && map.get("base64") instanceof String base64) {
      try {
        return Payload.of(Base64.getDecoder().decode(base64));
      } catch (IllegalArgumentException e) {
        throw new IllegalArgumentException(what + " has malformed base64: " + e.getMessage(), e);
      }
    }
    throw new IllegalArgumentException(
        what + " must be text or {\"base64\": \"…\"}, not " + Json.write(json));
  }
}
