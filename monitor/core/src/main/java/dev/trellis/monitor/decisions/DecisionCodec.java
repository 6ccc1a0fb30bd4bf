package dev.trellis.monitor.decisions;

import dev.trellis.cli.Json;
import dev.trellis.cli.JsonBytes;
import dev.trellis.cli.JsonObject;
import dev.trellis.lattice.Payload;
import dev.trellis.monitor.decisions.Recorded.Progress;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.Placement;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Recorded decisions as JSON, an object on one line each.
///
/// ```json
/// {"id": 1790000000000001, "at": 1790000000000, "state": "done", "stateAt": 1790000000450, "problem": "",
///  "decision": "place", "key": "cart:7", "others": [], "count": 1, "move": "replicate",
///  "from": {"memory": 1, "ssd": 1, "shards": 1}, "to": {"memory": 2, "ssd": 1, "shards": 1},
///  "default": false, "policy": "hot-keys", "because": "…", "inputs": {"readsPerSecond": 81000},
///  "threshold": "…", "expected": {"occupancyMax": 0.4}, "effect": {}}
/// {"id": 1790000000000002, …, "decision": "resize", "tier": "memory", "from": 2, "to": 3, "leaving": [], …}
/// ```
public final class DecisionCodec {
  private DecisionCodec() {}

  public static Payload encode(Recorded recorded) {
    return Payload.ofText(Json.write(json(recorded)));
  }

  /// The decision as [Json] takes it.
  public static Map<String, Object> json(Recorded recorded) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("id", recorded.id());
    json.put("at", recorded.atMillis());
    json.put("state", recorded.state().word());
    json.put("stateAt", recorded.stateMillis());
    json.put("problem", recorded.problem());
    switch (recorded.decision()) {
      case Decision.Place place -> {
        json.put("decision", "place");
        json.put("key", JsonBytes.of(place.key()));
        json.put("others", place.others().stream().map(JsonBytes::of).toList());
        json.put("count", place.count());
        json.put("move", place.move().word());
        json.put("from", json(place.from()));
        json.put("to", json(place.to()));
        json.put("default", place.toDefault());
      }
      case Decision.Resize resize -> {
        json.put("decision", "resize");
        json.put("tier", resize.tier().word());
        json.put("from", resize.from());
        json.put("to", resize.to());
        json.put("leaving", resize.leaving());
      }
    }
    Explanation why = recorded.decision().explanation();
    json.put("policy", why.policy());
    json.put("because", why.because());
    json.put("inputs", why.inputs());
    json.put("threshold", why.threshold());
    json.put("expected", why.expected());
    json.put("effect", recorded.effect());
    return json;
  }

  private static Map<String, Object> json(Placement placement) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("memory", placement.memoryNodes());
    json.put("ssd", placement.ssdNodes());
    json.put("shards", placement.shardsPerNode());
    return json;
  }

  /// Reads what [#encode] wrote.
  ///
  /// @throws IllegalArgumentException if it is something else; the message says what is wrong
  public static Recorded decode(Payload record) {
    JsonObject json = JsonObject.of(Json.read(record.text()));
    Explanation why =
        new Explanation(
            json.text("policy"),
            json.text("because"),
            json.numbers("inputs"),
            json.text("threshold"),
            json.numbers("expected"));
    return new Recorded(
        json.whole("id"),
        json.whole("at"),
        decision(json, why),
        word(Progress.values(), json.text("state").replace('-', '_')),
        json.whole("stateAt"),
        json.text("problem"),
        json.numbers("effect"));
  }

  private static Decision decision(JsonObject json, Explanation why) {
    return switch (json.text("decision")) {
      case "place" ->
          new Decision.Place(
              key(json.members().get("key")),
              json.isGiven("others")
                  ? json.list("others").stream().<Payload>map(DecisionCodec::key).toList()
                  : List.of(),
              json.whole("count"),
              word(Move.values(), json.text("move")),
              placement(json.object("from")),
              placement(json.object("to")),
              json.bool("default"),
              why);
      case "resize" ->
          new Decision.Resize(
              word(Tier.values(), json.text("tier")),
              (int) json.whole("from"),
              (int) json.whole("to"),
              json.list("leaving").stream().map(String::valueOf).toList(),
              why);
      default ->
          throw new IllegalArgumentException("no decision is a '" + json.text("decision") + "'");
    };
  }

  private static Payload key(@Nullable Object json) {
    return JsonBytes.payload("\"key\"", json);
  }

  private static Placement placement(JsonObject json) {
    return new Placement(
        (int) json.whole("memory"), (int) json.whole("ssd"), (int) json.whole("shards"));
  }

  private static <E extends Enum<E>> E word(E[] values, String word) {
    return Arrays.stream(values)
        .filter(value -> value.name().equals(word.toUpperCase(Locale.ROOT)))
        .findFirst()
        .orElseThrow(
            () -> new IllegalArgumentException("'" + word + "' is none of " + List.of(values)));
  }
}
