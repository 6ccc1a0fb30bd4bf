package dev.trellis.monitor.console;

import java.math.BigDecimal;
import java.math.MathContext;
import java.util.Collection;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.function.BiConsumer;
import java.util.function.Consumer;

/// Writes JSON objects. What is nested is written by a function, so every object and list that is
/// begun is ended. A number that JSON does not have, such as an infinite one, becomes null.
final class JsonWriter {
  private final StringBuilder text = new StringBuilder();
  private boolean isFirst = true; // in the innermost object or list

  private JsonWriter() {}

  /// The object that a function writes the fields of.
  static String object(Consumer<JsonWriter> fields) {
    JsonWriter json = new JsonWriter();
    json.nest('{', '}', fields);
    return json.text.toString();
  }

  private void nest(char begin, char end, Consumer<JsonWriter> content) {
    text.append(begin);
    isFirst = true;
    content.accept(this);
    isFirst = false;
    text.append(end);
  }

  private void separate() {
    if (!isFirst) {
      text.append(',');
    }
    isFirst = false;
  }

  private JsonWriter name(String name) {
    separate();
    appendString(name);
    text.append(':');
    return this;
  }

  JsonWriter field(String name, String value) {
    name(name).appendString(value);
    return this;
  }

  JsonWriter field(String name, boolean value) {
    name(name).text.append(value);
    return this;
  }

  JsonWriter field(String name, long value) {
    name(name).text.append(value);
    return this;
  }

  JsonWriter field(String name, double value) {
    name(name).appendNumber(value);
    return this;
  }

  JsonWriter field(String name, OptionalLong value) {
    name(name).text.append(value.isPresent() ? Long.toString(value.getAsLong()) : "null");
    return this;
  }

  JsonWriter field(String name, OptionalDouble value) {
    return field(name, value.orElse(Double.NaN));
  }

  /// A field that holds an object.
  JsonWriter field(String name, Consumer<JsonWriter> fields) {
    name(name).nest('{', '}', fields);
    return this;
  }

  /// A field that holds numbers by name.
  JsonWriter field(String name, Map<String, Double> numbers) {
    return field(name, json -> numbers.forEach(json::field));
  }

  /// A field that holds a list of objects, the fields of each written by a function.
  <T> JsonWriter list(String name, Collection<T> elements, BiConsumer<JsonWriter, T> fields) {
    Consumer<JsonWriter> all =
        json ->
            elements.forEach(
                element -> {
                  json.separate();
                  json.nest('{', '}', inner -> fields.accept(inner, element));
                });
    name(name).nest('[', ']', all);
    return this;
  }

  /// A field that holds a list of lists of numbers: little text for many.
  JsonWriter rows(String name, Collection<double[]> rows) {
    Consumer<JsonWriter> all =
        json ->
            rows.forEach(
                row -> {
                  json.separate();
                  json.nest('[', ']', inner -> inner.appendRow(row));
                });
    name(name).nest('[', ']', all);
    return this;
  }

  private void appendRow(double[] row) {
    for (double number : row) {
      separate();
      appendNumber(number);
    }
  }

  /// Whole numbers in full, others to six digits, which is more than anything here is measured to.
  private void appendNumber(double value) {
    if (!Double.isFinite(value)) {
      text.append("null");
    } else if (value == Math.rint(value) && Math.abs(value) < 1L << 53) {
      text.append((long) value);
    } else {
      text.append(new BigDecimal(value).round(new MathContext(6)).stripTrailingZeros());
    }
  }

  /// Escapes also what JSON does not ask for: `<`, lest a reader that guesses take it for HTML, and
  /// halves of characters, which have no UTF-8.
  private void appendString(String value) {
    text.append('"');
    for (int at = 0; at < value.length(); at++) {
      char c = value.charAt(at);
      switch (c) {
        case '"' -> text.append("\\\"");
        case '\\' -> text.append("\\\\");
        case '\n' -> text.append("\\n");
        default -> {
          if (c < ' ' || c == '<' || c == '\u2028' || c == '\u2029' || isHalf(value, at)) {
            text.append("\\u%04x".formatted((int) c));
          } else {
            text.append(c);
          }
        }
      }
    }
    text.append('"');
  }

  private static boolean isHalf(String value, int at) {
    char c = value.charAt(at);
    if (Character.isHighSurrogate(c)) {
      return at + 1 == value.length() || !Character.isLowSurrogate(value.charAt(at + 1));
    }
    return Character.isLowSurrogate(c)
        && (at == 0 || !Character.isHighSurrogate(value.charAt(at - 1)));
  }
}
