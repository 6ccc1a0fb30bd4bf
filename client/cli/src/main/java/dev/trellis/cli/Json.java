package dev.trellis.cli;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.IOException;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// JSON as plain values: [Map] with text keys in order, [List], [String], [Long] (or
/// [java.math.BigInteger] beyond its range), [Double], [Boolean] and null.
public final class Json {
  private static final JsonFactory FACTORY =
      JsonFactory.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

  /// Deeper values than maps can nest are refused before they can fill the stack.
  private static final int DEPTH_MAX = 100;

  private Json() {}

  /// The value as JSON on one line. Infinite and undefined numbers, which JSON lacks, become text.
  public static String write(@Nullable Object value) {
    StringWriter text = new StringWriter();
    try (JsonGenerator generator = FACTORY.createGenerator(text)) {
      write(generator, value);
    } catch (IOException e) {
      throw new UncheckedIOException("a string took no text", e);
    }
    return text.toString();
  }

  /// The value that a JSON text stands for.
  ///
  /// @throws IllegalArgumentException if the text is not exactly one JSON value; the message says
  ///   where
  public static @Nullable Object read(String text) {
    try (JsonParser parser = FACTORY.createParser(text)) {
      if (parser.nextToken() == null) {
        throw new IllegalArgumentException("nothing there, where a JSON value should be");
      }
      Object value = read(parser, 1);
      if (parser.nextToken() != null) {
        throw new IllegalArgumentException(
            "more follows the JSON value, at column "
                + parser.currentTokenLocation().getColumnNr());
      }
      return value;
    } catch (JsonProcessingException e) {
      throw new IllegalArgumentException(
          "no valid JSON at column "
              + e.getLocation().getColumnNr()
              + ": "
              + e.getOriginalMessage().replaceFirst(" \\(start marker at .*", ""),
          e);
    } catch (IOException e) {
      throw new UncheckedIOException("a string gave no text", e);
    }
  }

  private static void write(JsonGenerator generator, @Nullable Object value) throws IOException {
    switch (value) {
      case null -> generator.writeNull();
      case String text -> generator.writeString(text);
      case Integer number -> generator.writeNumber(number);
      case Long number -> generator.writeNumber(number);
      case BigInteger number -> generator.writeNumber(number);
      case Double number -> generator.writeNumber(number);
      case Boolean truth -> generator.writeBoolean(truth);
      case List<?> list -> {
        generator.writeStartArray();
        for (Object element : list) {
          write(generator, element);
        }
        generator.writeEndArray();
      }
      case Map<?, ?> map -> {
        generator.writeStartObject();
        for (Map.Entry<?, ?> field : map.entrySet()) {
          generator.writeFieldName((String) field.getKey());
          write(generator, field.getValue());
        }
        generator.writeEndObject();
      }
      default -> throw new IllegalArgumentException(value.getClass() + " has no form in JSON");
    }
  }

  private static @Nullable Object read(JsonParser parser, int depth) throws IOException {
    if (depth > DEPTH_MAX) {
      throw new IllegalArgumentException("nested deeper than " + DEPTH_MAX + " levels");
    }
    return switch (parser.currentToken()) {
      case VALUE_NULL -> null;
      case VALUE_TRUE -> true;
      case VALUE_FALSE -> false;
      case VALUE_STRING -> parser.getText();
      case VALUE_NUMBER_FLOAT -> parser.getDoubleValue();
      case VALUE_NUMBER_INT ->
          parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER
              ? parser.getBigIntegerValue()
              : (Object) parser.getLongValue();
      case START_ARRAY -> {
        List<@Nullable Object> list = new ArrayList<>();
        while (parser.nextToken() != JsonToken.END_ARRAY) {
          list.add(read(parser, depth + 1));
        }
        yield list;
      }
      case START_OBJECT -> {
        Map<String, @Nullable Object> map = new LinkedHashMap<>();
        while (parser.nextToken() != JsonToken.END_OBJECT) {
          String name = parser.currentName();
          parser.nextToken();
          map.put(name, read(parser, depth + 1));
        }
        yield map;
      }
      default -> throw new IllegalStateException(parser.currentToken() + " begins no JSON value");
    };
  }
}
