package dev.trellis.history.edn;

import java.io.IOException;
import java.io.StringReader;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// EDN values as text, one line each: the inverse of [EdnReader], whose table says which Java types
/// stand for what. Besides, every [Integer], [Short] and [Byte] is written as an integer.
public final class Edn {
  private Edn() {}

  /// The one value that a text stands for.
  ///
  /// @throws EdnException if the text is not exactly one value
  public static @Nullable Object read(String text) {
    try {
      EdnReader reader = new EdnReader(new StringReader(text));
      Object value = reader.read();
      if (reader.peek() >= 0) {
        throw reader.error("more follows the value");
      }
      return value;
    } catch (IOException e) {
      throw new UncheckedIOException("a string gave no text", e);
    }
  }

  /// The value as [EdnReader] would give it: integers as [Long] where they fit, unmodifiable
  /// collections. What is neither number nor collection stays as it is.
  public static @Nullable Object canonical(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case Integer number -> number.longValue();
      case Short number -> number.longValue();
      case Byte number -> number.longValue();
      case Float number -> number.doubleValue();
      case BigInteger number ->
          number.bitLength() < Long.SIZE ? (Object) number.longValue() : number;
      case Tagged tagged -> new Tagged(tagged.tag(), canonical(tagged.value()));
      case EdnList list -> new EdnList(canonicalAll(list, new ArrayList<>()));
      case List<?> list -> Collections.unmodifiableList(canonicalAll(list, new ArrayList<>()));
      case Set<?> set -> Collections.unmodifiableSet(canonicalAll(set, new LinkedHashSet<>()));
      case Map<?, ?> map -> {
        Map<@Nullable Object, @Nullable Object> copy = new LinkedHashMap<>();
        map.forEach((key, element) -> copy.put(canonical(key), canonical(element)));
        yield Collections.unmodifiableMap(copy);
      }
      default -> value;
    };
  }

  private static <C extends Collection<@Nullable Object>> C canonicalAll(
      Collection<?> elements, C copy) {
    for (Object element : elements) {
      copy.add(canonical(element));
    }
    return copy;
  }

  /// The value as EDN, without line feeds.
  ///
  /// @throws IllegalArgumentException if it, or what is in it, has no form in EDN
  public static String write(@Nullable Object value) {
    StringBuilder text = new StringBuilder();
    write(value, text);
    return text.toString();
  }

  /// Appends the value as EDN, without line feeds.
  ///
  /// @throws IllegalArgumentException if it, or what is in it, has no form in EDN
  public static void write(@Nullable Object value, StringBuilder out) {
    write(value, out, 0);
  }

  private static void write(@Nullable Object value, StringBuilder out, int depth) {
    if (depth > EdnReader.DEPTH_MAX) {
      throw new IllegalArgumentException(
          "values are nested deeper than " + EdnReader.DEPTH_MAX + " levels");
    }
    switch (value) {
      case null -> out.append("nil");
      case Keyword keyword -> out.append(':').append(keyword.name());
      case Long number -> out.append(number.longValue());
      case String text -> writeText(text, out);
      case Boolean truth -> out.append(truth.booleanValue());
      case Integer number -> out.append(number.intValue());
      case Short number -> out.append(number.intValue());
      case Byte number -> out.append(number.intValue());
      case BigInteger number -> out.append(number).append('N');
      case Double number -> writeDouble(number, out);
      case Float number -> writeDouble(number.doubleValue(), out);
      case BigDecimal number -> out.append(number).append('M');
      case Character character -> writeCharacter(character, out);
      case Symbol symbol -> out.append(symbol.name());
      case Tagged tagged -> {
        out.append('#').append(tagged.tag().name()).append(' ');
        write(tagged.value(), out, depth + 1);
      }
      case EdnList list -> writeAll("(", list, ')', out, depth);
      case List<?> vector -> writeAll("[", vector, ']', out, depth);
      case Set<?> set -> writeAll("#{", set, '}', out, depth);
      case Map<?, ?> map -> {
        out.append('{');
        String separator = "";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          out.append(separator);
          write(entry.getKey(), out, depth + 1);
          out.append(' ');
          write(entry.getValue(), out, depth + 1);
          separator = ", ";
        }
        out.append('}');
      }
      default ->
          throw new IllegalArgumentException(
              "a value of " + value.getClass() + " has no form in EDN: " + value);
    }
  }

  private static void writeAll(
      String open, Iterable<?> elements, char close, StringBuilder out, int depth) {
    out.append(open);
    String separator = "";
    for (Object element : elements) {
      out.append(separator);
      write(element, out, depth + 1);
      separator = " ";
    }
    out.append(close);
  }

  private static void writeDouble(double number, StringBuilder out) {
    if (Double.isNaN(number)) {
      out.append("##NaN");
    } else if (Double.isInfinite(number)) {
      out.append(number > 0 ? "##Inf" : "##-Inf");
    } else {
      out.append(number);
    }
  }

  private static void writeText(String text, StringBuilder out) {
    out.append('"');
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      switch (c) {
        case '"' -> out.append("\\\"");
        case '\\' -> out.append("\\\\");
        case '\n' -> out.append("\\n");
        case '\r' -> out.append("\\r");
        case '\t' -> out.append("\\t");
        default -> {
          if (needsEscape(c, text, i)) {
            writeEscape(c, out);
          } else {
            out.append(c);
          }
        }
      }
    }
    out.append('"');
  }

  /// Control characters, line separators, and halves of pairs, which have no form in UTF-8.
  private static boolean needsEscape(char c, String text, int at) {
    if (Character.isHighSurrogate(c)) {
      return at + 1 == text.length() || !Character.isLowSurrogate(text.charAt(at + 1));
    }
    if (Character.isLowSurrogate(c)) {
      return at == 0 || !Character.isHighSurrogate(text.charAt(at - 1));
    }
    return Character.isISOControl(c) || c == '\u2028' || c == '\u2029';
  }

  private static void writeEscape(char c, StringBuilder out) {
    out.append("\\u");
    for (int shift = 12; shift >= 0; shift -= 4) {
      out.append(Character.forDigit((c >> shift) & 0xf, 16));
    }
  }

  private static void writeCharacter(char c, StringBuilder out) {
    switch (c) {
      case '\n' -> out.append("\\newline");
      case '\r' -> out.append("\\return");
      case ' ' -> out.append("\\space");
      case '\t' -> out.append("\\tab");
      case '\b' -> out.append("\\backspace");
      case '\f' -> out.append("\\formfeed");
      default -> {
        if (Character.isISOControl(c) || Character.isWhitespace(c) || Character.isSurrogate(c)) {
          writeEscape(c, out);
        } else {
          out.append('\\').append(c);
        }
      }
    }
  }
}
