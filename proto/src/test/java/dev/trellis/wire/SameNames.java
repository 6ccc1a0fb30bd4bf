package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation.ScoredMember;
import java.lang.reflect.RecordComponent;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;

/// Compares records with protoc's messages by the names of their parts. Two fields of one type that
/// a codec mixes up when it writes, and back when it reads, show nowhere else.
final class SameNames {
  private final Set<String> compared = new TreeSet<>();

  /// The names of the scalars that were compared, as `Record.component`.
  Set<String> compared() {
    return compared;
  }

  /// Compares all that has the same name on both sides, however deep.
  void compare(Record ours, Message theirs) {
    for (RecordComponent component : ours.getClass().getRecordComponents()) {
      Object part = part(ours, component);
      for (FieldDescriptor field : theirs.getDescriptorForType().getFields()) {
        if (field.getJsonName().equals(component.getName())) {
          compare(ours.getClass().getSimpleName() + "." + component.getName(), part, theirs, field);
        }
      }
    }
    // A oneof whose cases are records: named like them.
    for (FieldDescriptor field : theirs.getAllFields().keySet()) {
      if (field.getJsonName().equals(camelCase(ours))
          && theirs.getField(field) instanceof Message inner) {
        compare(ours, inner);
      }
    }
  }

  private void compare(String name, Object ours, Message theirs, FieldDescriptor field) {
    switch (ours) {
      case Map<?, ?> map -> {} // lists of pairs on the other side
      case List<?> list when field.isRepeated() -> {
        List<?> peers = (List<?>) theirs.getField(field);
        assertEquals(list.size(), peers.size(), name);
        for (int at = 0; at < list.size(); at++) {
          compareOne(name, list.get(at), peers.get(at));
        }
      }
      case Optional<?> optional -> {
        if (field.hasPresence()) {
          assertEquals(optional.isPresent(), theirs.hasField(field), name);
        }
        optional.ifPresent(one -> compareOne(name, one, theirs.getField(field)));
      }
      case OptionalLong optional -> {
        assertEquals(optional.isPresent(), theirs.hasField(field), name);
        optional.ifPresent(one -> compareOne(name, one, theirs.getField(field)));
      }
      default -> compareOne(name, ours, theirs.getField(field));
    }
  }

  private void compareOne(String name, Object ours, Object theirs) {
    if (theirs instanceof Message message) {
      if (ours instanceof Record inner) {
        compare(inner, message);
      }
    } else if (!(ours instanceof ScoredMember)) { // two columns on the other side
      assertEquals(plain(theirs), plain(ours), name);
      compared.add(name);
    }
  }

  private static Object plain(Object value) {
    return switch (value) {
      case EnumValueDescriptor constant -> constant.getNumber();
      case Enum<?> constant -> invoke(constant, "number");
      case HybridTimestamp timestamp -> timestamp.packed();
      case Payload payload -> ByteString.copyFrom(payload.asByteBuffer());
      default -> value;
    };
  }

  private static Object part(Record record, RecordComponent component) {
    return invoke(record, component.getName());
  }

  private static Object invoke(Object target, String method) {
    try {
      return target.getClass().getMethod(method).invoke(target);
    } catch (ReflectiveOperationException e) {
      throw new IllegalStateException("cannot ask " + target.getClass() + " for " + method, e);
    }
  }

  private static String camelCase(Record record) {
    String name = record.getClass().getSimpleName();
    return name.substring(0, 1).toLowerCase(Locale.ROOT) + name.substring(1);
  }
}
