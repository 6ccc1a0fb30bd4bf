package dev.trellis.history.command;

import dev.trellis.history.edn.Edn;
import dev.trellis.history.edn.Keyword;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// EDN values in the types that [dev.trellis.cli.Json] writes. Keywords become their names, sets
/// arrays; what JSON lacks becomes its EDN text.
final class EdnToJson {
  private EdnToJson() {}

  static @Nullable Object convert(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case Long number -> number;
      case BigInteger number -> number;
      case Double number -> number;
      case Boolean truth -> truth;
      case String text -> text;
      case Character character -> character.toString();
      case Keyword keyword -> keyword.name();
      case Collection<?> elements -> {
        List<@Nullable Object> list = new ArrayList<>();
        elements.forEach(element -> list.add(convert(element)));
        yield list;
      }
      case Map<?, ?> map -> {
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        map.forEach((key, element) -> fields.put(name(key), convert(element)));
        yield fields;
      }
      default -> Edn.write(value);
    };
  }

  private static String name(@Nullable Object key) {
    return switch (key) {
      case Keyword keyword -> keyword.name();
      case String text -> text;
      case null, default -> Edn.write(key);
    };
  }

  /// A name of several words as JSON has them here: `failingPrefix` for `failing-prefix`.
  static String fieldName(String name) {
    StringBuilder field = new StringBuilder();
    boolean upper = false;
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c == '-') {
        upper = true;
      } else {
        field.append(upper ? Character.toUpperCase(c) : c);
        upper = false;
      }
    }
    return field.toString();
  }
}
