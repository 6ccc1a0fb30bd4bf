package dev.trellis.cli;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// A JSON object whose members are looked up by type. Each look-up throws an
/// [IllegalArgumentException], which names the member, if it is missing or of another type.
public record JsonObject(Map<?, ?> members) {
  /// The object that a value of [Json#read] is.
  ///
  /// @throws IllegalArgumentException if it is none
  public static JsonObject of(@Nullable Object json) {
    if (json instanceof Map<?, ?> members) {
      return new JsonObject(members);
    }
    throw new IllegalArgumentException(json + " is no JSON object");
  }

  public boolean isGiven(String name) {
    return members.containsKey(name);
  }

  public String text(String name) {
    return member(name, String.class);
  }

  public long whole(String name) {
    return member(name, Long.class);
  }

  /// A number, whole or not.
  public double number(String name) {
    return member(name, Number.class).doubleValue();
  }

  public boolean bool(String name) {
    return member(name, Boolean.class);
  }

  public List<?> list(String name) {
    return member(name, List.class);
  }

  public List<JsonObject> objects(String name) {
    return list(name).stream().map(JsonObject::of).toList();
  }

  /// The members of an object, all of which are texts.
  public Map<String, String> texts(String name) {
    Map<String, String> texts = new LinkedHashMap<>();
    JsonObject object = JsonObject.of(members.get(name));
    object.members().keySet().forEach(key -> texts.put((String) key, object.text((String) key)));
    return texts;
  }

  /// The members of an object, all of which are numbers, in their order.
  public Map<String, Double> numbers(String name) {
    Map<String, Double> numbers = new LinkedHashMap<>();
    JsonObject object = JsonObject.of(members.get(name));
    object
        .members()
        .keySet()
        .forEach(key -> numbers.put((String) key, object.number((String) key)));
    return numbers;
  }

  /// The object that a member is.
  public JsonObject object(String name) {
    return JsonObject.of(members.get(name));
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
