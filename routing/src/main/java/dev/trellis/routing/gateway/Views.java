package dev.trellis.routing.gateway;

import com.fasterxml.jackson.core.JsonGenerator;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// The JSON of what the store answers. Whatever a value is, it stands in the member `value`; its
/// shape follows from `kind`.
final class Views {
  private Views() {}

  /// The members of the answer to a read.
  ///
  /// @param field the path that was read within the key; empty for the key itself
  static void writeRead(JsonGenerator json, Payload key, List<Payload> field, StoreResult.Done done)
      throws IOException {
    Reply reply = done.reply();
    writeKey(json, key, reply);
    if (!field.isEmpty()) {
      json.writeArrayFieldStart("field");
      for (Payload name : field) {
        Json.writePayload(json, name);
      }
      json.writeEndArray();
    }
    writeValue(json, done.outcome().view());
  }

  /// The members of the answer to a mutation that was carried out.
  static void writeWritten(JsonGenerator json, Payload key, StoreResult.Done done)
      throws IOException {
    Reply reply = done.reply();
    Outcome.Done outcome = done.outcome();
    writeKey(json, key, reply);
    json.writeNumberField("changed", outcome.changed());
    if (outcome.repeated()) {
      json.writeBooleanField("repeated", true);
    }
    if (outcome.view() instanceof View.Siblings siblings) {
      json.writeStringField("context", ContextText.of(siblings.context()));
    } else {
      writeValue(json, outcome.view());
    }
    if (!reply.dots().isEmpty()) {
      json.writeStringField("dots", ContextText.of(reply.dots()));
    }
    writeReceipt(json, reply.receipt());
  }

  /// The members of the answer to a mutation that fewer replicas than asked for have.
  static void writeShortfall(JsonGenerator json, Payload key, Reply reply, String message)
      throws IOException {
    writeKey(json, key, reply);
    writeReceipt(json, reply.receipt());
    json.writeStringField("shortfall", message);
  }

  static void writeProblem(JsonGenerator json, Problem problem) throws IOException {
    json.writeStartObject();
    json.writeStringField("type", problem.type().uri());
    json.writeStringField("title", problem.type().title());
    json.writeNumberField("status", problem.status());
    json.writeStringField("detail", problem.detail());
    json.writeStringField("code", problem.type().name());
    json.writeBooleanField("definite", problem.definite());
    if (problem.retryAfter().isPresent()) {
      json.writeNumberField("retryAfterMillis", problem.retryAfter().get().toMillis());
    }
    json.writeEndObject();
  }

  static void writeScannedKey(JsonGenerator json, Frame.ScannedKey scanned) throws IOException {
    json.writeStartObject();
    json.writeFieldName("key");
    Json.writePayload(json, scanned.key());
    json.writeArrayFieldStart("kinds");
    for (Kind kind : scanned.kinds()) {
      json.writeString(kind.word());
    }
    json.writeEndArray();
    writeValue(json, scanned.view());
    json.writeEndObject();
  }

  static void writeClusterMap(JsonGenerator json, Frame.ClusterMap map) throws IOException {
    json.writeStartObject();
    json.writeStringField("name", map.clusterName());
    json.writeNumberField("version", map.version());
    json.writeNumberField("faultTolerance", map.faultTolerance());
    json.writeArrayFieldStart("nodes");
    for (NodeDescriptor node : map.nodes()) {
      json.writeStartObject();
      json.writeStringField("id", node.id());
      json.writeStringField("tier", node.tier().word());
      json.writeStringField("state", node.state().word());
      if (!node.zone().isEmpty()) {
        json.writeStringField("zone", node.zone());
      }
      json.writeStringField("host", node.host());
      json.writeArrayFieldStart("shardPorts");
      for (int port : node.shardPorts()) {
        json.writeNumber(port);
      }
      json.writeEndArray();
      json.writeNumberField("adminPort", node.adminPort());
      if (node.controlPort() != 0) {
        json.writeNumberField("controlPort", node.controlPort());
      }
      json.writeNumberField("capacity", node.capacity());
      // A number of 64 bits would lose its last digits in readers that only know doubles.
      json.writeStringField("incarnation", Long.toHexString(node.incarnation()));
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeEndObject();
  }

  private static void writeKey(JsonGenerator json, Payload key, Reply reply) throws IOException {
    json.writeFieldName("key");
    Json.writePayload(json, key);
    writeKind(json, reply.kind());
    json.writeStringField("generation", ContextText.of(reply.generation()));
    json.writeStringField("clock", ContextText.of(reply.clock()));
  }

  private static void writeKind(JsonGenerator json, Optional<Kind> kind) throws IOException {
    if (kind.isPresent()) {
      json.writeStringField("kind", kind.get().word());
    }
  }

  static void writeReceipt(JsonGenerator json, Receipt receipt) throws IOException {
    json.writeObjectFieldStart("receipt");
    json.writeNumberField("copies", receipt.copies());
    json.writeNumberField("durableCopies", receipt.durableCopies());
    json.writeEndObject();
  }

  /// The member `value`, and what belongs beside it. Nothing at all for [View.Nothing].
  private static void writeValue(JsonGenerator json, View view) throws IOException {
    switch (view) {
      case View.Missing _ -> json.writeNullField("value");
      case View.Nothing _ -> {}
      case View.Bytes bytes -> {
        json.writeFieldName("value");
        Json.writePayload(json, bytes.value());
        if (bytes.expiresAtMillis() != 0) {
          json.writeNumberField("expiresAtMillis", bytes.expiresAtMillis());
        }
      }
      case View.Whole whole -> json.writeNumberField("value", whole.value());
      case View.Truth truth -> json.writeBooleanField("value", truth.value());
      case View.Elements elements -> {
        json.writeArrayFieldStart("value");
        for (Payload element : elements.elements()) {
          Json.writePayload(json, element);
        }
        json.writeEndArray();
      }
      case View.Scored scored -> writeScored(json, scored);
      case View.Fields fields -> writeFields(json, fields);
      case View.Conflict conflict -> {
        json.writeNullField("value");
        json.writeArrayFieldStart("kinds");
        for (int number : conflict.kindNumbers()) {
          json.writeString(Kind.ofNumber(number).map(Kind::word).orElse("kind-" + number));
        }
        json.writeEndArray();
      }
      case View.Siblings siblings -> writeSiblings(json, siblings);
      case View.Prioritized prioritized -> {
        json.writeObjectFieldStart("value");
        writeReal(json, "priority", prioritized.priority());
        json.writeFieldName("value");
        Json.writePayload(json, prioritized.value());
        json.writeEndObject();
      }
      case View.Records records -> writeRecords(json, records);
      case View.Placed placed -> {
        json.writeObjectFieldStart("value");
        json.writeNumberField("memoryNodes", placed.placement().memoryNodes());
        json.writeNumberField("ssdNodes", placed.placement().ssdNodes());
        json.writeNumberField("shardsPerNode", placed.placement().shardsPerNode());
        json.writeBooleanField("explicit", placed.explicit());
        json.writeEndObject();
      }
      case View.State _ ->
          throw new IllegalStateException("the gateway never asks for a state as a lattice");
    }
  }

  private static void writeScored(JsonGenerator json, View.Scored scored) throws IOException {
    json.writeArrayFieldStart("value");
    for (ScoredMember member : scored.members()) {
      json.writeStartObject();
      json.writeFieldName("member");
      Json.writePayload(json, member.member());
      writeReal(json, "score", member.score());
      json.writeEndObject();
    }
    json.writeEndArray();
  }

  /// Fields whose names are no text cannot be members of a JSON object, and stand in a list beside.
  private static void writeFields(JsonGenerator json, View.Fields fields) throws IOException {
    SortedMap<Payload, View.Field> text = new TreeMap<>();
    List<Map.Entry<Payload, View.Field>> binary = new ArrayList<>();
    for (Map.Entry<Payload, View.Field> field : fields.fields().entrySet()) {
      if (field.getKey().isText()) {
        text.put(field.getKey(), field.getValue());
      } else {
        binary.add(field);
      }
    }
    json.writeObjectFieldStart("value");
    for (Map.Entry<Payload, View.Field> field : text.entrySet()) {
      json.writeObjectFieldStart(field.getKey().text());
      writeField(json, field.getValue());
      json.writeEndObject();
    }
    json.writeEndObject();
    if (!binary.isEmpty()) {
      json.writeArrayFieldStart("binaryFields");
      for (Map.Entry<Payload, View.Field> field : binary) {
        json.writeStartObject();
        json.writeFieldName("field");
        Json.writePayload(json, field.getKey());
        writeField(json, field.getValue());
        json.writeEndObject();
      }
      json.writeEndArray();
    }
  }

  private static void writeField(JsonGenerator json, View.Field field) throws IOException {
    writeKind(json, field.kind());
    writeValue(json, field.view());
  }

  private static void writeSiblings(JsonGenerator json, View.Siblings siblings) throws IOException {
    json.writeObjectFieldStart("value");
    json.writeArrayFieldStart("siblings");
    for (View.Sibling sibling : siblings.siblings()) {
      json.writeStartObject();
      json.writeFieldName("value");
      Json.writePayload(json, sibling.value());
      if (!sibling.dependencies().isEmpty()) {
        json.writeArrayFieldStart("dependencies");
        for (var dependency : new TreeMap<>(sibling.dependencies()).entrySet()) {
          json.writeStartObject();
          json.writeFieldName("key");
          Json.writePayload(json, dependency.getKey());
          json.writeStringField("context", ContextText.of(dependency.getValue()));
          json.writeEndObject();
        }
        json.writeEndArray();
      }
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeStringField("context", ContextText.of(siblings.context()));
    json.writeEndObject();
  }

  private static void writeRecords(JsonGenerator json, View.Records records) throws IOException {
    json.writeObjectFieldStart("value");
    json.writeArrayFieldStart("records");
    for (View.LogRecord one : records.records()) {
      json.writeStartObject();
      json.writeFieldName("value");
      Json.writePayload(json, one.value());
      json.writeStringField("timestamp", ContextText.of(one.timestamp()));
      json.writeStringField("dot", one.dot().toString());
      json.writeEndObject();
    }
    json.writeEndArray();
    json.writeStringField("context", ContextText.of(records.seen()));
    json.writeEndObject();
  }

  /// JSON has no infinities; they travel as strings.
  private static void writeReal(JsonGenerator json, String name, double number) throws IOException {
    if (Double.isInfinite(number)) {
      json.writeStringField(name, Double.toString(number));
    } else {
      json.writeNumberField(name, number);
    }
  }
}
