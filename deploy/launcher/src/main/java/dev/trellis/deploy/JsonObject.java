package dev.trellis.deploy;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A JSON object whose members are looked up by type.
record JsonObject(Map<?, ?> members) {
  /// @throws IllegalArgumentException if the value is no object
  static JsonObject of(@Nullable Object json) {
    if (json instanceof Map<?, ?> members) {
      return new JsonObject(members);
    }
    throw new IllegalArgumentException(json + " is no JSON object");
  }

  String text(String name) {
    return member(name, String.class);
  }

  long whole(String name) {
    return member(name, Long.class);
  }

  List<?> list(String name) {
    return member(name, List.class);
  }

  private <T> T member(String name, Class<T> type) {
    Object value = members.get(name);
    if (!type.isInstance(value)) {
      throw new IllegalArgumentException(
          "member '" + name + "' is " + value + ", not a " + type.getSimpleName());
    }
    return type.cast(value);
  }
}
