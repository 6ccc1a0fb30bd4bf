package dev.trellis.node;

import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.MinRegister;
import dev.trellis.lattice.MultiCausalRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.OpaqueValue;
import dev.trellis.lattice.OrderedSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.PriorityRegister;
import dev.trellis.lattice.SortedSet;
import dev.trellis.lattice.Value;
import java.util.ArrayList;
import java.util.Base64;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// The lines of an export, as `bin/trellis import` reads them, for what is live of an entry: a line
/// for each kind. They carry what can be seen; timestamps, contexts and removals stay behind, and
/// values of kinds that only a newer version knows.
final class QuarantineLine {
  private final StringBuilder text = new StringBuilder();
  private final long nowMillis;

  private QuarantineLine(long nowMillis) {
    this.nowMillis = nowMillis;
  }

  /// The lines of a key, without their ends; empty if there is nothing to see, or nothing that a
  /// line can tell.
  static List<String> of(Payload key, Entry entry, long nowMillis) {
    List<String> lines = new ArrayList<>();
    for (Value<?> value : entry.liveValues(nowMillis)) {
      if (canTell(value)) {
        QuarantineLine line = new QuarantineLine(nowMillis);
        line.text.append("{\"key\": ");
        line.bytes(key);
        line.text.append(", ");
        line.described(entry, value);
        lines.add(line.text.append('}').toString());
      }
    }
    return lines;
  }

  private static boolean canTell(Value<?> value) {
    return !(value instanceof OpaqueValue) && !(value instanceof Flag flag && !flag.value());
  }

  private void described(Entry entry, Value<?> value) {
    String kind = Kind.ofNumber(value.kindNumber()).orElseThrow().word();
    text.append("\"kind\": \"").append(kind).append("\", \"value\": ");
    switch (value) {
      case LwwRegister register -> {
        bytes(register.payload().orElseThrow());
        expires(register.expiresAtMillis());
        return; // a register has no other expiry
      }
      case CausalRegister register -> {
        siblings(register);
        return;
      }
      case MultiCausalRegister register -> {
        siblings(register.register());
        return;
      }
      case MaxRegister register -> text.append(register.value());
      case MinRegister register -> text.append(register.value());
      case Flag flag -> text.append(flag.value());
      case Counter counter -> text.append(counter.value());
      case GrowSet set -> list(set.elements(), this::bytes);
      case OrderedSet set -> list(set.elements(), this::bytes);
      case ObservedRemoveSet set -> list(set.elements(), this::bytes);
      case SortedSet set -> list(members(set), this::member);
      case PriorityRegister register -> {
        text.append("{\"priority\": ");
        number(register.priority());
        text.append(", \"value\": ");
        bytes(register.payload());
        text.append('}');
      }
      case Log log -> {
        text.append("{\"records\": ");
        list(log.records(), one -> valued(one.getValue()).append('}'));
        text.append('}');
      }
      case LatticeMap map -> fields(map);
      case OpaqueValue opaque ->
          throw new IllegalStateException("kind " + opaque.kindNumber() + " cannot be told");
    }
    entry.expiry().ifPresent(expiry -> expires(expiry.atMillis()));
  }

  private static Iterable<SortedSet.Ranked> members(SortedSet set) {
    return () -> set.range(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, false);
  }

  private void member(SortedSet.Ranked ranked) {
    text.append("{\"member\": ");
    bytes(ranked.member());
    text.append(", \"score\": ");
    number(ranked.score());
    text.append('}');
  }

  private void siblings(CausalRegister register) {
    text.append("{\"siblings\": ");
    list(
        register.liveSiblings(nowMillis),
        sibling -> {
          valued(sibling.payload());
          expires(sibling.expiresAtMillis());
          text.append('}');
        });
    text.append('}');
  }

  private void fields(LatticeMap map) {
    List<Map.Entry<Payload, Entry>> named = new ArrayList<>();
    List<Map.Entry<Payload, Entry>> binary = new ArrayList<>();
    for (Map.Entry<Payload, Entry> field : map.fields()) {
      if (toldOf(field.getValue()).isPresent()) {
        (field.getKey().isText() ? named : binary).add(field);
      }
    }
    text.append('{');
    String separator = "";
    for (Map.Entry<Payload, Entry> field : named) {
      text.append(separator);
      bytes(field.getKey());
      text.append(": {");
      described(field.getValue(), toldOf(field.getValue()).orElseThrow());
      text.append('}');
      separator = ", ";
    }
    text.append('}');
    if (!binary.isEmpty()) {
      text.append(", \"binaryFields\": ");
      list(
          binary,
          field -> {
            text.append("{\"field\": ");
            bytes(field.getKey());
            text.append(", ");
            described(field.getValue(), toldOf(field.getValue()).orElseThrow());
            text.append('}');
          });
    }
  }

  /// What a line tells of a field, for which it has room for one kind.
  private Optional<Value<?>> toldOf(Entry field) {
    for (Value<?> value : field.liveValues(nowMillis)) {
      if (canTell(value)) {
        return Optional.of(value);
      }
    }
    return Optional.empty();
  }

  private StringBuilder valued(Payload payload) {
    text.append("{\"value\": ");
    bytes(payload);
    return text;
  }

  private void expires(long atMillis) {
    if (atMillis != Expiry.NEVER) {
      text.append(", \"expiresAtMillis\": ").append(atMillis);
    }
  }

  private <T> void list(Iterable<T> items, java.util.function.Consumer<T> writer) {
    text.append('[');
    Iterator<T> walk = items.iterator();
    while (walk.hasNext()) {
      writer.accept(walk.next());
      text.append(walk.hasNext() ? ", " : "");
    }
    text.append(']');
  }

  /// JSON has no infinity; an import takes it as text.
  private void number(double number) {
    text.append(Double.isInfinite(number) ? "\"" + number + "\"" : Double.toString(number));
  }

  /// Text, or `{"base64": …}` where the bytes are no UTF-8.
  private void bytes(Payload payload) {
    if (!payload.isText()) {
      text.append("{\"base64\": \"")
          .append(Base64.getEncoder().encodeToString(payload.toBytes()))
          .append("\"}");
      return;
    }
    String characters = payload.text();
    text.append('"');
    for (int at = 0; at < characters.length(); at++) {
      char one = characters.charAt(at);
      if (one == '"' || one == '\\') {
        text.append('\\').append(one);
      } else if (one < ' ') {
        text.append(String.format("\\u%04x", (int) one));
      } else {
        text.append(one);
      }
    }
    text.append('"');
  }
}
