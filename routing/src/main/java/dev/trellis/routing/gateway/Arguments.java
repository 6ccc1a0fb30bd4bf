package dev.trellis.routing.gateway;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation.ScoredMember;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.OptionalLong;
import java.util.TreeSet;
import java.util.function.Function;

/// The named arguments of an operation, from the query string, a JSON object, or both. What is
/// asked for is remembered, so that [#requireAllUsed] can refuse a name that means nothing here
/// instead of ignoring it.
final class Arguments {
  private final Map<String, List<String>> query;
  private final ObjectNode body;
  private final String place; // where the JSON object stands, for messages: "" or "operation 3: "
  private final TreeSet<String> asked = new TreeSet<>();

  private Arguments(Map<String, List<String>> query, ObjectNode body, String place) {
    this.query = query;
    this.body = body;
    this.place = place;
    for (String name : query.keySet()) {
      if (body.has(name)) {
        throw Refusal.badRequest(
            "'" + name + "' is given both in the query and in the body; give it once");
      }
    }
  }

  static Arguments of(Map<String, List<String>> query) {
    return new Arguments(query, JsonNodeFactory.instance.objectNode(), "");
  }

  /// @throws Refusal if `body` is no object
  static Arguments of(Map<String, List<String>> query, JsonNode body) {
    return new Arguments(query, requireObject(body, ""), "");
  }

  /// @param place stands before every message, such as `operation 3: `
  static Arguments of(JsonNode body, String place) {
    return new Arguments(Map.of(), requireObject(body, place), place);
  }

  /// The arguments in the object that the argument `name` holds.
  Arguments nested(String name) {
    JsonNode node = find(name).orElseThrow(() -> missing(name));
    return of(node, place + name + ": ");
  }

  boolean has(String name) {
    asked.add(name);
    return query.containsKey(name) || body.hasNonNull(name);
  }

  /// Whether the argument is a JSON object.
  boolean isObject(String name) {
    return find(name).filter(JsonNode::isObject).isPresent();
  }

  Optional<String> text(String name) {
    Optional<JsonNode> node = find(name);
    if (node.isPresent()) {
      // Lengths of time are as often written as numbers.
      if (!node.get().isTextual() && !node.get().isIntegralNumber()) {
        throw wrong(name, "a string", node.get());
      }
      return Optional.of(node.get().asText());
    }
    return single(name);
  }

  OptionalLong whole(String name) {
    Optional<JsonNode> node = find(name);
    if (node.isPresent()) {
      if (!node.get().isIntegralNumber() || !node.get().canConvertToLong()) {
        throw wrong(name, "a whole number from -2^63 to 2^63-1", node.get());
      }
      return OptionalLong.of(node.get().longValue());
    }
    Optional<String> text = single(name);
    try {
      return text.isPresent() ? OptionalLong.of(Long.parseLong(text.get())) : OptionalLong.empty();
    } catch (NumberFormatException e) {
      throw wrong(name, "a whole number from -2^63 to 2^63-1", text.orElse(""));
    }
  }

  /// A number of things, from 1.
  OptionalInt count(String name, int max) {
    OptionalLong number = whole(name);
    if (number.isEmpty()) {
      return OptionalInt.empty();
    }
    if (number.getAsLong() < 1 || number.getAsLong() > max) {
      throw wrong(name, "a whole number from 1 to " + max, Long.toString(number.getAsLong()));
    }
    return OptionalInt.of((int) number.getAsLong());
  }

  OptionalDouble real(String name) {
    Optional<JsonNode> node = find(name);
    if (node.isPresent()) {
      return OptionalDouble.of(real(name, node.get()));
    }
    Optional<String> text = single(name);
    return text.isPresent()
        ? OptionalDouble.of(parseReal(name, text.get()))
        : OptionalDouble.empty();
  }

  /// In a query, a name without a value means true: `?size`.
  boolean truth(String name) {
    Optional<JsonNode> node = find(name);
    if (node.isPresent()) {
      if (!node.get().isBoolean()) {
        throw wrong(name, "true or false", node.get());
      }
      return node.get().booleanValue();
    }
    Optional<String> text = single(name);
    return switch (text.orElse("false")) {
      case "", "true" -> true;
      case "false" -> false;
      default -> throw wrong(name, "true or false", text.orElse(""));
    };
  }

  Optional<Payload> payload(String name) {
    Optional<JsonNode> node = find(name);
    return node.isPresent()
        ? Optional.of(payload(name, node.get()))
        : single(name).map(Payload::ofText);
  }

  /// In a query, the values of all parameters of this name; in JSON, one payload or a list. Empty
  /// if the argument is missing.
  List<Payload> payloads(String name) {
    Optional<JsonNode> node = find(name);
    if (node.isEmpty()) {
      return query.getOrDefault(name, List.of()).stream().map(Payload::ofText).toList();
    }
    if (!node.get().isArray()) {
      return List.of(payload(name, node.get()));
    }
    List<Payload> payloads = new ArrayList<>(node.get().size());
    for (JsonNode element : node.get()) {
      payloads.add(payload(name, element));
    }
    return payloads;
  }

  /// Members with scores: an object of member to score, or a list of `{"member", "score"}`.
  List<ScoredMember> members(String name) {
    JsonNode node = find(name).orElseThrow(() -> missing(name));
    List<ScoredMember> members = new ArrayList<>(node.size());
    if (node.isObject()) {
      for (Map.Entry<String, JsonNode> member : node.properties()) {
        members.add(
            new ScoredMember(
                text(name, member.getKey()),
                real(name + "." + member.getKey(), member.getValue())));
      }
      return members;
    }
    if (!node.isArray()) {
      throw wrong(name, "an object of member to score, or a list of {member, score}", node);
    }
    for (JsonNode member : node) {
      Arguments one = of(member, place + name + ": ");
      members.add(
          new ScoredMember(
              one.payload("member").orElseThrow(() -> one.missing("member")),
              one.real("score").orElseThrow(() -> one.missing("score"))));
      one.requireAllUsed("a member");
    }
    return members;
  }

  Optional<CausalContext> context(String name) {
    return text(name).map(text -> parsed(name, text, ContextText::parse));
  }

  /// An argument that has a set of words as its values.
  ///
  /// @param parse throws IllegalArgumentException with a message that lists the known words
  <T> Optional<T> word(String name, Function<String, T> parse) {
    return text(name).map(text -> parsed(name, text, parse));
  }

  /// The list of JSON objects under a name; empty if it is missing.
  List<Arguments> list(String name) {
    Optional<JsonNode> node = find(name);
    if (node.isEmpty()) {
      return List.of();
    }
    if (!node.get().isArray()) {
      throw wrong(name, "a list", node.get());
    }
    List<Arguments> list = new ArrayList<>(node.get().size());
    for (JsonNode element : node.get()) {
      list.add(of(element, place + name + ": "));
    }
    return list;
  }

  /// @param subject what takes the arguments, for the message
  /// @throws Refusal if an argument was given that nobody asked for
  void requireAllUsed(String subject) {
    for (String name : query.keySet()) {
      requireUsed(subject, "query parameter", name);
    }
    for (Map.Entry<String, JsonNode> member : body.properties()) {
      requireUsed(subject, "member", member.getKey());
    }
  }

  Refusal missing(String name) {
    return Refusal.badRequest(place + "'" + name + "' is missing");
  }

  Refusal refusal(String detail) {
    return Refusal.badRequest(place + detail);
  }

  private void requireUsed(String subject, String what, String name) {
    if (!asked.contains(name)) {
      throw Refusal.badRequest(
          place
              + "unknown "
              + what
              + " '"
              + name
              + "' for "
              + subject
              + (asked.isEmpty()
                  ? ", which takes none"
                  : ", which takes " + String.join(", ", asked)));
    }
  }

  private Optional<JsonNode> find(String name) {
    asked.add(name);
    return body.hasNonNull(name) ? Optional.of(body.get(name)) : Optional.empty();
  }

  private Optional<String> single(String name) {
    asked.add(name);
    List<String> values = query.getOrDefault(name, List.of());
    if (values.size() > 1) {
      throw refusal("'" + name + "' is given " + values.size() + " times; give it once");
    }
    return values.isEmpty() ? Optional.empty() : Optional.of(values.get(0));
  }

  private <T> T parsed(String name, String text, Function<String, T> parse) {
    try {
      return parse.apply(text);
    } catch (IllegalArgumentException e) {
      throw refusal(name + ": " + e.getMessage());
    }
  }

  private Payload payload(String name, JsonNode node) {
    if (node.isTextual()) {
      return text(name, node.textValue());
    }
    if (node.isObject() && node.size() == 1 && node.path(Json.BASE64).isTextual()) {
      try {
        return Payload.of(Base64.getDecoder().decode(node.get(Json.BASE64).textValue()));
      } catch (IllegalArgumentException e) {
        throw refusal(name + ": malformed base64: " + e.getMessage());
      }
    }
    throw wrong(name, "a string or {\"base64\": \"…\"}", node);
  }

  private Payload text(String name, String text) {
    try {
      return Payload.ofText(text);
    } catch (IllegalArgumentException e) {
      throw refusal(name + ": " + e.getMessage());
    }
  }

  private double real(String name, JsonNode node) {
    if (node.isNumber()) {
      double number = node.doubleValue();
      if (Double.isInfinite(number)) {
        throw wrong(name, "a number in the range of a double, or \"Infinity\"", node);
      }
      return number;
    }
    if (node.isTextual()) {
      return parseReal(name, node.textValue());
    }
    throw wrong(name, "a number", node);
  }

  private double parseReal(String name, String text) {
    double number;
    try {
      number = Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw wrong(name, "a number", text);
    }
    if (Double.isNaN(number)) {
      throw wrong(name, "a number, and NaN has no order", text);
    }
    return number;
  }

  private Refusal wrong(String name, String right, JsonNode found) {
    String text = found.toString();
    return wrong(name, right, text.length() <= 60 ? text : text.substring(0, 60) + "…");
  }

  private Refusal wrong(String name, String right, String found) {
    return refusal("'" + name + "' must be " + right + ", but is " + found);
  }

  private static ObjectNode requireObject(JsonNode node, String place) {
    if (node instanceof ObjectNode object) {
      return object;
    }
    throw Refusal.badRequest(
        place
            + "a JSON object is needed, but found "
            + node.getNodeType().name().toLowerCase(Locale.ROOT));
  }
}
