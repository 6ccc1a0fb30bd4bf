package dev.trellis.routing.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assertions.fail;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.DecimalNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import com.fasterxml.jackson.dataformat.yaml.YAMLMapper;
import com.networknt.schema.Error;
import com.networknt.schema.Schema;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.dialect.Dialects;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/// `openapi.yaml`, as something that answers and requests can be held against.
final class OpenApiDocument {
  private static final Set<String> METHODS =
      Set.of("get", "put", "post", "delete", "head", "options", "patch", "trace");

  private final JsonNode root;
  private final SchemaRegistry registry =
      SchemaRegistry.withDefaultDialect(Dialects.getDraft202012());
  private final Map<JsonNode, Schema> schemas = new HashMap<>();

  /// A method on a path, as documented.
  record Operation(String method, String path, JsonNode node) {
    /// Such as `GET /v1/keys/{key}`.
    String name() {
      return method + " " + path;
    }
  }

  OpenApiDocument() {
    try (InputStream in = OpenApiDocument.class.getResourceAsStream("/openapi.yaml")) {
      root = new YAMLMapper().readTree(Objects.requireNonNull(in));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  JsonNode root() {
    return root;
  }

  List<Operation> operations() {
    List<Operation> operations = new ArrayList<>();
    for (Map.Entry<String, JsonNode> path : root.get("paths").properties()) {
      for (Map.Entry<String, JsonNode> method : path.getValue().properties()) {
        if (METHODS.contains(method.getKey())) {
          operations.add(
              new Operation(
                  method.getKey().toUpperCase(Locale.ROOT), path.getKey(), method.getValue()));
        }
      }
    }
    return operations;
  }

  Operation operation(String name) {
    return operations().stream()
        .filter(operation -> operation.name().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(name + " is not documented"));
  }

  Set<Integer> statuses(Operation operation) {
    Set<Integer> statuses = new TreeSet<>();
    operation
        .node
        .get("responses")
        .fieldNames()
        .forEachRemaining(s -> statuses.add(Integer.parseInt(s)));
    return statuses;
  }

  /// Follows a reference, if the node is one.
  JsonNode resolve(JsonNode node) {
    if (!node.has("$ref")) {
      return node;
    }
    JsonNode target = root.at(node.get("$ref").textValue().substring(1));
    assertTrue(!target.isMissingNode(), () -> node + " leads nowhere");
    return resolve(target);
  }

  /// Holds an answer against what is documented of it.
  void check(Operation operation, RawHttp.Response response) {
    String what = operation.name() + " answered " + response.status() + ": " + response.text();
    JsonNode documented = operation.node.at("/responses/" + response.status());
    assertTrue(!documented.isMissingNode(), () -> "undocumented: " + what);
    JsonNode answer = resolve(documented);
    checkHeaders(answer, response, what);
    String type = response.header("Content-Type").orElse("").replaceFirst(";.*", "");
    JsonNode media = answer.path("content").path(type);
    assertTrue(!media.isMissingNode(), () -> "undocumented content type " + type + ": " + what);
    if (operation.method.equals("HEAD")) {
      assertEquals(0, response.body().size(), what);
    } else if (type.endsWith("json")) {
      assertFits(media.get("schema"), GatewayFixture.json(response), what);
    }
  }

  private void checkHeaders(JsonNode answer, RawHttp.Response response, String what) {
    Map<String, JsonNode> documented = new HashMap<>();
    answer
        .path("headers")
        .properties()
        .forEach(
            header -> documented.put(header.getKey().toLowerCase(Locale.ROOT), header.getValue()));
    for (Map.Entry<String, String> header : response.headers().entrySet()) {
      String name = header.getKey();
      JsonNode known = documented.get(name);
      if (known != null) {
        assertFitsAsText(resolve(known).get("schema"), header.getValue(), what + " " + name);
      } else if (name.startsWith("trellis-") || name.equals("retry-after")) {
        fail("undocumented header " + name + ": " + what);
      }
    }
  }

  /// Holds a request that is meant to be right against what is documented of such.
  void checkRequest(
      Operation operation, Map<String, List<String>> query, Optional<JsonNode> document) {
    Map<String, JsonNode> parameters = new HashMap<>();
    for (JsonNode parameter : operation.node.path("parameters")) {
      JsonNode resolved = resolve(parameter);
      if (resolved.get("in").textValue().equals("query")) {
        parameters.put(resolved.get("name").textValue(), resolved);
      }
    }
    query.forEach(
        (name, values) -> {
          String what = operation.name() + " with " + name + "=" + values;
          assertTrue(parameters.containsKey(name), () -> "undocumented parameter: " + what);
          JsonNode schema = resolve(parameters.get(name).get("schema"));
          boolean isFlag =
              values.equals(List.of("")) && parameters.get(name).has("allowEmptyValue");
          JsonNode one =
              schema.path("type").asText().equals("array") ? schema.get("items") : schema;
          if (!isFlag) {
            values.forEach(value -> assertFitsAsText(one, value, what));
          }
        });
    document.ifPresent(
        body ->
            assertFits(
                operation.node.at("/requestBody/content/application~1json/schema"),
                body,
                "the body of " + operation.name()));
  }

  /// Holds the headers of ours that a right request has against what is documented of such.
  ///
  /// @param headers lines such as `Trellis-Context: AQ`
  void checkRequestHeaders(Operation operation, List<String> headers) {
    Map<String, JsonNode> documented = new HashMap<>();
    for (JsonNode parameter : operation.node.path("parameters")) {
      JsonNode resolved = resolve(parameter);
      if (resolved.get("in").textValue().equals("header")) {
        documented.put(resolved.get("name").textValue(), resolved);
      }
    }
    for (String header : headers) {
      String name = header.substring(0, header.indexOf(':'));
      if (name.startsWith("Trellis-")) {
        String what = operation.name() + " with " + header;
        assertTrue(documented.containsKey(name), () -> "undocumented header: " + what);
        String value = header.substring(name.length() + 1).strip();
        assertFitsAsText(resolve(documented.get(name).get("schema")), value, what);
      }
    }
  }

  /// Text stands for a number or a truth value too, where one is wanted.
  private void assertFitsAsText(JsonNode schema, String text, String what) {
    List<JsonNode> readings = new ArrayList<>();
    readings.add(TextNode.valueOf(text));
    readings.add(JsonNodeFactory.instance.booleanNode(text.equals("true")));
    try {
      readings.add(DecimalNode.valueOf(new BigDecimal(text)));
    } catch (NumberFormatException e) {
      // then it is none
    }
    boolean fits = readings.stream().anyMatch(reading -> errors(schema, reading).isEmpty());
    assertTrue(fits, () -> "'" + text + "' is not as documented: " + what);
  }

  void assertFits(JsonNode schema, JsonNode instance, String what) {
    assertEquals(List.of(), errors(schema, instance), what);
  }

  List<Error> errors(JsonNode schema, JsonNode instance) {
    return schemas.computeIfAbsent(schema, this::compile).validate(instance);
  }

  /// A schema of its own, in which the document's references still lead somewhere.
  private Schema compile(JsonNode schema) {
    ObjectNode whole = JsonNodeFactory.instance.objectNode();
    whole.set("components", root.get("components"));
    whole.putArray("allOf").add(schema);
    return registry.getSchema(whole);
  }

  /// Every schema anywhere in the document.
  List<JsonNode> allSchemas() {
    List<JsonNode> found = new ArrayList<>();
    Set<JsonNode> seen = new LinkedHashSet<>();
    root.at("/components/schemas").forEach(schema -> collect(schema, seen));
    collectUnder(root.get("paths"), seen);
    collectUnder(root.get("components"), seen);
    found.addAll(seen);
    return found;
  }

  private static void collectUnder(JsonNode node, Set<JsonNode> found) {
    if (node.has("schema")) {
      collect(node.get("schema"), found);
    }
    node.properties().stream()
        .filter(member -> !member.getKey().startsWith("example"))
        .filter(member -> !member.getKey().equals("schemas"))
        .forEach(member -> collectUnder(member.getValue(), found));
    if (node.isArray()) {
      node.forEach(element -> collectUnder(element, found));
    }
  }

  private static void collect(JsonNode schema, Set<JsonNode> found) {
    found.add(schema);
    for (String many : List.of("anyOf", "allOf", "oneOf")) {
      schema.path(many).forEach(part -> collect(part, found));
    }
    schema.path("properties").forEach(property -> collect(property, found));
    for (String one : List.of("items", "additionalProperties")) {
      if (schema.path(one).isObject()) {
        collect(schema.get(one), found);
      }
    }
  }
}
