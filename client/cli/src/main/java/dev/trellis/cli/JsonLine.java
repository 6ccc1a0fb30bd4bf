package dev.trellis.cli;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.MultiCausalRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.Value;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// A line of an import or export: a key with its kind and value, in the JSON of [Values]. Reading
/// it gives the writes that bring the value into a store, where it merges with what is there: a
/// counter is added, a maximum raised, elements are added, a register is put.
///
/// ```
/// {"key": "visits", "kind": "counter", "value": 3, "ttlMillis": 60000}
/// ```
///
/// @param writes in order; none for an empty collection, and for a value that has expired
record JsonLine(Payload key, List<Write> writes) {
  private static final String KEY = "key";
  private static final String KIND = "kind";
  private static final String VALUE = "value";
  private static final String TTL_MILLIS = "ttlMillis";
  private static final String EXPIRES_AT_MILLIS = "expiresAtMillis";
  private static final String BINARY_FIELDS = "binaryFields";
  private static final String FIELD = "field";
  private static final Set<String> OF_VALUE =
      Set.of(KIND, VALUE, TTL_MILLIS, EXPIRES_AT_MILLIS, BINARY_FIELDS);

  /// A mutation and the life of what it writes.
  record Write(Mutation mutation, Optional<Duration> ttl) {
    Write in(Payload field) {
      return new Write(new Mutation.UpdateField(field, mutation), ttl);
    }
  }

  JsonLine {
    writes = List.copyOf(writes);
  }

  /// Reads a line.
  ///
  /// @param nowMillis turns points in time into lengths of life
  /// @throws IllegalArgumentException if the line is malformed; the message says what is wrong
  static JsonLine parse(String line, long nowMillis) {
    Map<?, ?> object = object("a line", Json.read(line));
    if (!object.containsKey(KEY)) {
      throw new IllegalArgumentException("\"key\" is missing");
    }
    requireKnown(object, KEY);
    return new JsonLine(
        JsonBytes.payload("\"key\"", object.get(KEY)), new Reader(nowMillis).writes(object));
  }

  /// A line that [#parse] reads.
  ///
  /// @param view of the key's value of that kind
  /// @param state of the key, which tells when a collection expires; empty for `lww`, whose view
  ///   tells it
  static String write(Payload key, Kind kind, View view, Optional<Entry> state, long nowMillis) {
    Map<String, @Nullable Object> object = new LinkedHashMap<>();
    object.put(KEY, JsonBytes.of(key));
    object.put(KIND, kind.word());
    Values.describe(object, view);
    state.ifPresent(entry -> addExpiries(object, kind, entry, nowMillis));
    return Json.write(object);
  }

  /// Adds when each part of a value expires, as far as its view does not tell.
  private static void addExpiries(
      Map<String, @Nullable Object> object, Kind kind, Entry entry, long nowMillis) {
    Optional<Value<?>> value = entry.value(kind);
    if (value.isEmpty()) {
      return;
    }
    switch (value.get()) {
      case CausalRegister register -> object.put(VALUE, siblings(register, nowMillis));
      case MultiCausalRegister register ->
          object.put(VALUE, siblings(register.register(), nowMillis));
      default -> {
        entry
            .expiry()
            .filter(expiry -> kind != Kind.LWW && expiry.atMillis() != Expiry.NEVER)
            .ifPresent(expiry -> object.put(EXPIRES_AT_MILLIS, expiry.atMillis()));
        if (value.get() instanceof LatticeMap map) {
          addExpiriesOfFields(object, map, nowMillis);
        }
      }
    }
  }

  @SuppressWarnings("unchecked") // this is what Values.describe made
  private static void addExpiriesOfFields(
      Map<String, @Nullable Object> object, LatticeMap map, long nowMillis) {
    Map<Payload, Map<String, @Nullable Object>> described = new LinkedHashMap<>();
    if (object.get(VALUE) instanceof Map<?, ?> fields) {
      fields.forEach(
          (name, field) ->
              described.put(Payload.ofText((String) name), (Map<String, @Nullable Object>) field));
    }
    if (object.get(BINARY_FIELDS) instanceof List<?> fields) {
      for (Object field : fields) {
        Map<String, @Nullable Object> members = (Map<String, @Nullable Object>) field;
        described.put(JsonBytes.payload(FIELD, members.get(FIELD)), members);
      }
    }
    described.forEach(
        (name, members) ->
            map.field(name)
                .ifPresent(
                    entry -> {
                      if (members.get(KIND) instanceof String kind) {
                        addExpiries(members, Kind.ofWord(kind), entry, nowMillis);
                      }
                    }));
  }

  private static Object siblings(CausalRegister register, long nowMillis) {
    List<Object> siblings = new ArrayList<>();
    for (CausalRegister.Sibling sibling : register.liveSiblings(nowMillis)) {
      Map<String, @Nullable Object> members = new LinkedHashMap<>();
      members.put(VALUE, JsonBytes.of(sibling.payload()));
      if (sibling.expiresAtMillis() != Expiry.NEVER) {
        members.put(EXPIRES_AT_MILLIS, sibling.expiresAtMillis());
      }
      siblings.add(members);
    }
    return Map.of("siblings", siblings);
  }

  private static void requireKnown(Map<?, ?> object, String beside) {
    for (Object name : object.keySet()) {
      if (!name.equals(beside) && !OF_VALUE.contains(name)) {
        throw new IllegalArgumentException(
            "unknown member \""
                + name
                + "\"; known are "
                + beside
                + ", kind, value, ttlMillis, expiresAtMillis, binaryFields");
      }
    }
  }

  private static Map<?, ?> object(String what, @Nullable Object json) {
    if (json instanceof Map<?, ?> object) {
      return object;
    }
    throw new IllegalArgumentException(
        what + " must be a JSON object, not " + shortened(Json.write(json)));
  }

  private static String shortened(String json) {
    return json.length() <= 60 ? json : json.substring(0, 60) + "…";
  }

  /// Turns described values into writes.
  private record Reader(long nowMillis) {
    /// The writes of an object with kind and value.
    List<Write> writes(Map<?, ?> object) {
      if (!(object.get(KIND) instanceof String word)) {
        throw new IllegalArgumentException("\"kind\" is missing, or is no text");
      }
      Kind kind = Kind.ofWord(word);
      Object value = object.get(VALUE);
      if (value == null) {
        throw new IllegalArgumentException("\"value\" is missing, or null");
      }
      if (object.containsKey(BINARY_FIELDS) && kind != Kind.MAP) {
        throw new IllegalArgumentException("\"binaryFields\" belongs to a map, not to a " + word);
      }
      OptionalLong life = lifeMillis(object);
      if (life.isPresent() && life.getAsLong() < 1) {
        return List.of(); // it expired since the export
      }
      Optional<Duration> ttl =
          life.isPresent() ? Optional.of(Duration.ofMillis(life.getAsLong())) : Optional.empty();
      return switch (kind) {
        case LWW ->
            List.of(new Write(new Mutation.Put(JsonBytes.payload("\"value\"", value)), ttl));
        case CAUSAL ->
            siblings(value, ttl, one -> new Mutation.PutCausal(one, CausalContext.EMPTY));
        case MULTICAUSAL ->
            siblings(
                value, ttl, one -> new Mutation.PutMultiCausal(one, CausalContext.EMPTY, Map.of()));
        default -> expiring(ofCollection(kind, value, object), life);
      };
    }

    /// Values whose expiry is not part of each write get it by a write of its own.
    private static List<Write> expiring(List<Write> writes, OptionalLong life) {
      if (life.isEmpty() || writes.isEmpty()) {
        return writes;
      }
      List<Write> all = new ArrayList<>(writes);
      all.add(new Write(new Mutation.Expire(life), Optional.empty()));
      return all;
    }

    private List<Write> ofCollection(Kind kind, Object value, Map<?, ?> object) {
      return switch (kind) {
        case MAX -> lasting(new Mutation.Raise(whole(value)));
        case MIN -> lasting(new Mutation.Lower(whole(value)));
        case COUNTER -> lasting(new Mutation.Increment(whole(value)));
        case FLAG -> {
          if (!value.equals(true)) {
            throw new IllegalArgumentException("the value of a flag can only be true");
          }
          yield lasting(new Mutation.Enable());
        }
        case GSET, OSET, ORSET -> {
          List<Payload> elements =
              list("\"value\"", value).stream()
                  .map(element -> JsonBytes.payload("an element", element))
                  .toList();
          yield elements.isEmpty() ? List.of() : lasting(new Mutation.Add(kind, elements));
        }
        case SORTEDSET -> {
          List<ScoredMember> members =
              list("\"value\"", value).stream().map(Reader::scored).toList();
          yield members.isEmpty() ? List.of() : lasting(new Mutation.AddScored(members));
        }
        case PRIORITY -> {
          Map<?, ?> prioritized = object("the value of a priority", value);
          yield lasting(
              new Mutation.PutPriority(
                  real("\"priority\"", prioritized.get("priority")),
                  JsonBytes.payload("\"value\"", prioritized.get(VALUE))));
        }
        case LOG -> {
          List<Payload> records =
              list("\"records\"", object("the value of a log", value).get("records")).stream()
                  .map(one -> JsonBytes.payload("a record", object("a record", one).get(VALUE)))
                  .toList();
          yield records.isEmpty() ? List.of() : lasting(new Mutation.Append(records));
        }
        case MAP -> fields(value, object);
        case LWW, CAUSAL, MULTICAUSAL ->
            throw new IllegalStateException(kind + " is handled above");
      };
    }

    private static List<Write> lasting(Mutation mutation) {
      return List.of(new Write(mutation, Optional.empty()));
    }

    private List<Write> fields(Object value, Map<?, ?> object) {
      List<Write> writes = new ArrayList<>();
      object("the value of a map", value)
          .forEach(
              (name, field) -> {
                Payload named = Payload.ofText((String) name);
                Map<?, ?> described = object("field " + named, field);
                requireKnown(described, "nothing else");
                writes(described).forEach(write -> writes.add(write.in(named)));
              });
      if (object.containsKey(BINARY_FIELDS)) {
        for (Object field : list("\"binaryFields\"", object.get(BINARY_FIELDS))) {
          Map<?, ?> described = object("a binary field", field);
          requireKnown(described, FIELD);
          Payload named = JsonBytes.payload("\"field\"", described.get(FIELD));
          writes(described).forEach(write -> writes.add(write.in(named)));
        }
      }
      return writes;
    }

    private List<Write> siblings(
        Object value, Optional<Duration> ttl, Function<Payload, Mutation> put) {
      List<Write> writes = new ArrayList<>();
      Object list = object("the value of a causal", value).get("siblings");
      for (Object one : list("\"siblings\"", list)) {
        Map<?, ?> sibling = object("a sibling", one);
        OptionalLong life = lifeMillis(sibling);
        Payload payload = JsonBytes.payload("\"value\" of a sibling", sibling.get(VALUE));
        if (life.isEmpty()) {
          writes.add(new Write(put.apply(payload), ttl));
        } else if (life.getAsLong() > 0) {
          Duration own = Duration.ofMillis(life.getAsLong());
          writes.add(new Write(put.apply(payload), Optional.of(own)));
        }
      }
      return writes;
    }

    /// How long a described value still lives; below 1 if it has expired.
    private OptionalLong lifeMillis(Map<?, ?> object) {
      boolean relative = object.containsKey(TTL_MILLIS);
      if (!relative && !object.containsKey(EXPIRES_AT_MILLIS)) {
        return OptionalLong.empty();
      }
      if (relative && object.containsKey(EXPIRES_AT_MILLIS)) {
        throw new IllegalArgumentException("give \"ttlMillis\" or \"expiresAtMillis\", not both");
      }
      String name = relative ? TTL_MILLIS : EXPIRES_AT_MILLIS;
      if (!(object.get(name) instanceof Long number)) {
        throw new IllegalArgumentException("\"" + name + "\" must be a whole number");
      }
      if (relative && (number < 1 || number > Limits.TTL_MILLIS_MAX)) {
        throw new IllegalArgumentException(
            "\"ttlMillis\" " + number + " is outside 1 to " + Limits.TTL_MILLIS_MAX);
      }
      long life = relative ? number : Math.max(0, number) - nowMillis;
      return OptionalLong.of(Math.min(life, Limits.TTL_MILLIS_MAX));
    }

    private static ScoredMember scored(@Nullable Object json) {
      Map<?, ?> member = object("a member", json);
      return new ScoredMember(
          JsonBytes.payload("\"member\"", member.get("member")),
          real("\"score\"", member.get("score")));
    }

    private static List<?> list(String what, @Nullable Object json) {
      if (json instanceof List<?> list) {
        return list;
      }
      throw new IllegalArgumentException(
          what + " must be a JSON array, not " + shortened(Json.write(json)));
    }

    private static long whole(Object json) {
      if (json instanceof Long number) {
        return number;
      }
      throw new IllegalArgumentException(
          "\"value\" must be a whole number of 64 bits, not " + shortened(Json.write(json)));
    }

    private static double real(String what, @Nullable Object json) {
      return switch (json) {
        case Number number -> number.doubleValue();
        case String text when text.equals("Infinity") -> Double.POSITIVE_INFINITY;
        case String text when text.equals("-Infinity") -> Double.NEGATIVE_INFINITY;
        case null, default ->
            throw new IllegalArgumentException(
                what + " must be a number, not " + shortened(Json.write(json)));
      };
    }
  }
}
