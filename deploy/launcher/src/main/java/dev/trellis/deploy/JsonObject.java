package dev.trellis.deploy;

import java.util.LinkedHashMap;
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

  boolean isGiven(String name) {
    return members.containsKey(name);
  }

  String text(String name) {
    return member(name, String.class);
  }

  long whole(String name) {
    return member(name, Long.class);
  }

  boolean bool(String name) {
    return member(name, Boolean.class);
  }

  List<?> list(String name) {
    return member(name, List.class);
  }

  List<JsonObject> objects(String name) {
    return list(name).stream().map(JsonObject::of).toList();
  }

  /// The members of an object, all of which are texts.
  Map<String, String> texts(String name) {
    Map<String, String> texts = new LinkedHashMap<>();
    JsonObject object = JsonObject.of(members.get(name));
    object.members().keySet().forEach(key -> texts.put((String) key, object.text((String) key)));
    return texts;
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
