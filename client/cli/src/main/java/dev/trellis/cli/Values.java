package dev.trellis.cli;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// How values look: as text for people and pipes, and as JSON for programs, imports and exports.
/// The JSON is that of the REST gateway.
final class Values {
  /// The widest range in which every whole number has a double of its own.
  private static final double EXACT_WHOLE_MAX = 1L << 53;

  private Values() {}

  /// Adds to a JSON object the member `value`, and what belongs beside it. Null stands for a
  /// missing value; where there is nothing to see, nothing is added.
  static void describe(Map<String, @Nullable Object> object, View view) {
    switch (view) {
      case View.Nothing nothing -> {}
      case View.Bytes bytes -> {
        object.put("value", JsonBytes.of(bytes.value()));
        if (bytes.expiresAtMillis() != 0) {
          object.put("expiresAtMillis", bytes.expiresAtMillis());
        }
      }
      case View.Conflict conflict -> {
        object.put("value", null);
        object.put("kinds", words(conflict));
      }
      case View.Fields fields -> {
        object.put("value", json(fields));
        List<Object> binary = binaryFields(fields);
        if (!binary.isEmpty()) {
          object.put("binaryFields", binary);
        }
      }
      default -> object.put("value", json(view));
    }
  }

  /// A value in JSON, without what [#describe] puts beside it.
  static @Nullable Object json(View view) {
    return switch (view) {
      case View.Missing missing -> null;
      case View.Nothing nothing -> null;
      case View.Bytes bytes -> JsonBytes.of(bytes.value());
      case View.Whole whole -> whole.value();
      case View.Truth truth -> truth.value();
      case View.Elements elements -> elements.elements().stream().map(JsonBytes::of).toList();
      case View.Scored scored -> scored.members().stream().map(Values::json).toList();
      case View.Fields fields -> json(fields);
      case View.Conflict conflict -> null;
      case View.Siblings siblings ->
          Map.of(
              "siblings",
              siblings.siblings().stream()
                  .map(sibling -> Map.of("value", JsonBytes.of(sibling.value())))
                  .toList());
      case View.Prioritized prioritized ->
          ordered(
              "priority",
              number(prioritized.priority()),
              "value",
              JsonBytes.of(prioritized.value()));
      case View.Records records ->
          Map.of("records", records.records().stream().map(Values::json).toList());
      case View.State state -> state.entry().toString();
      case View.Placed placed -> json(placed);
    };
  }

  private static Object json(View.Placed placed) {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("memoryNodes", placed.placement().memoryNodes());
    object.put("ssdNodes", placed.placement().ssdNodes());
    object.put("shardsPerNode", placed.placement().shardsPerNode());
    object.put("explicit", placed.explicit());
    return object;
  }

  private static String text(View.Placed placed) {
    return "memory "
        + placed.placement().memoryNodes()
        + ", ssd "
        + placed.placement().ssdNodes()
        + ", shards per node "
        + placed.placement().shardsPerNode()
        + (placed.explicit() ? "" : " (default)");
  }

  private static Object json(ScoredMember member) {
    return ordered("member", JsonBytes.of(member.member()), "score", number(member.score()));
  }

  private static Object json(View.LogRecord one) {
    return ordered("value", JsonBytes.of(one.value()), "timestamp", one.timestamp().toString());
  }

  private static Object json(View.Fields fields) {
    Map<String, Object> byName = new LinkedHashMap<>();
    fields
        .fields()
        .forEach(
            (name, field) -> {
              if (name.isText()) {
                byName.put(name.text(), described(new LinkedHashMap<>(), field));
              }
            });
    return byName;
  }

  /// The fields that no JSON object can have, since their names are no text.
  private static List<Object> binaryFields(View.Fields fields) {
    List<Object> binary = new ArrayList<>();
    fields
        .fields()
        .forEach(
            (name, field) -> {
              if (!name.isText()) {
                Map<String, @Nullable Object> named = new LinkedHashMap<>();
                named.put("field", JsonBytes.of(name));
                binary.add(described(named, field));
              }
            });
    return binary;
  }

  private static Map<String, @Nullable Object> described(
      Map<String, @Nullable Object> object, View.Field field) {
    field.kind().ifPresent(kind -> object.put("kind", kind.word()));
    describe(object, field.view());
    return object;
  }

  private static List<String> words(View.Conflict conflict) {
    return conflict.kindNumbers().stream()
        .map(number -> Kind.ofNumber(number).map(Kind::word).orElse("unknown kind " + number))
        .toList();
  }

  /// A number without a pointless `.0`.
  static Object number(double number) {
    boolean isWhole =
        number == Math.rint(number)
            && Math.abs(number) <= EXACT_WHOLE_MAX
            && Double.compare(number, -0.0) != 0;
    return isWhole ? (Object) (long) number : (Object) number;
  }

  /// A JSON object of two members.
  static Map<String, @Nullable Object> ordered(
      String first, @Nullable Object one, String second, @Nullable Object two) {
    Map<String, @Nullable Object> map = new LinkedHashMap<>();
    map.put(first, one);
    map.put(second, two);
    return map;
  }

  /// Prints a value: bytes as they are, one line for each part of a collection. Ends with a line
  /// feed.
  static void print(Console console, View view) {
    switch (view) {
      case View.Missing missing -> {}
      case View.Nothing nothing -> {}
      case View.Bytes bytes -> printLine(console, bytes.value());
      case View.Elements elements -> elements.elements().forEach(one -> printLine(console, one));
      case View.Scored scored ->
          scored
              .members()
              .forEach(
                  one -> {
                    console.print(number(one.score()) + "\t");
                    printLine(console, one.member());
                  });
      case View.Fields fields ->
          fields
              .fields()
              .forEach(
                  (name, field) -> {
                    console.print(name);
                    console.print("\t");
                    printOnOneLine(console, field.view());
                  });
      case View.Siblings siblings ->
          siblings.siblings().forEach(sibling -> printLine(console, sibling.value()));
      case View.Records records ->
          records.records().forEach(one -> printLine(console, one.value()));
      case View.Prioritized prioritized -> {
        console.print(number(prioritized.priority()) + "\t");
        printLine(console, prioritized.value());
      }
      case View.Whole whole -> console.printLine(Long.toString(whole.value()));
      case View.Truth truth -> console.printLine(Boolean.toString(truth.value()));
      case View.Conflict conflict ->
          console.printLine("several kinds at once: " + String.join(", ", words(conflict)));
      case View.State state -> console.printLine(state.entry().toString());
      case View.Placed placed -> console.printLine(text(placed));
    }
  }

  /// Prints a value on one line: collections as JSON.
  static void printOnOneLine(Console console, View view) {
    switch (view) {
      case View.Bytes bytes -> printLine(console, bytes.value());
      case View.Whole whole -> console.printLine(Long.toString(whole.value()));
      case View.Truth truth -> console.printLine(Boolean.toString(truth.value()));
      default -> console.printLine(Json.write(json(view)));
    }
  }

  private static void printLine(Console console, Payload bytes) {
    console.print(bytes);
    console.print("\n");
  }
}
