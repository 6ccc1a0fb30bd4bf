package dev.trellis.wire;

import com.google.protobuf.ByteString;
import com.google.protobuf.CodedOutputStream;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.Message;
import dev.trellis.lattice.Kind;
import dev.trellis.wire.generated.CausalRegister;
import dev.trellis.wire.generated.Counter;
import dev.trellis.wire.generated.Flag;
import dev.trellis.wire.generated.GrowSet;
import dev.trellis.wire.generated.LatticeMap;
import dev.trellis.wire.generated.Log;
import dev.trellis.wire.generated.LwwRegister;
import dev.trellis.wire.generated.MaxRegister;
import dev.trellis.wire.generated.MinRegister;
import dev.trellis.wire.generated.ObservedRemoveSet;
import dev.trellis.wire.generated.OrderedSet;
import dev.trellis.wire.generated.PriorityRegister;
import dev.trellis.wire.generated.SortedSet;
import dev.trellis.wire.generated.Value;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Random;

/// What protoc's classes make of our bytes, and the forms in which other legal encoders might write
/// the same messages: fields in another order, packed numbers one by one, defaults written out,
/// fields from the future in between.
final class OtherForms {
  private static final int FUTURE_FIELD = 1_000;

  private final Random random;

  OtherForms(Random random) {
    this.random = random;
  }

  /// The message that a value of a known kind carries as bytes.
  static Message state(Value value) throws InvalidProtocolBufferException {
    ByteString state = value.getState();
    return switch (Kind.ofNumber(value.getKind()).orElseThrow()) {
      case LWW -> LwwRegister.parseFrom(state);
      case MAX -> MaxRegister.parseFrom(state);
      case MIN -> MinRegister.parseFrom(state);
      case FLAG -> Flag.parseFrom(state);
      case COUNTER -> Counter.parseFrom(state);
      case GSET -> GrowSet.parseFrom(state);
      case OSET -> OrderedSet.parseFrom(state);
      case ORSET -> ObservedRemoveSet.parseFrom(state);
      case SORTEDSET -> SortedSet.parseFrom(state);
      case MAP -> LatticeMap.parseFrom(state);
      case CAUSAL, MULTICAUSAL -> CausalRegister.parseFrom(state);
      case PRIORITY -> PriorityRegister.parseFrom(state);
      case LOG -> Log.parseFrom(state);
    };
  }

  /// The names of all fields, however deep, that protoc's classes do not know.
  static List<String> unknownFields(Message message) throws InvalidProtocolBufferException {
    List<String> unknown = new ArrayList<>();
    for (int number : message.getUnknownFields().asMap().keySet()) {
      unknown.add(message.getDescriptorForType().getName() + "." + number);
    }
    for (Message part : parts(message)) {
      unknown.addAll(unknownFields(part));
    }
    if (message instanceof Value value && Kind.ofNumber(value.getKind()).isPresent()) {
      unknown.addAll(unknownFields(state(value)));
    }
    return unknown;
  }

  private static List<Message> parts(Message message) {
    List<Message> parts = new ArrayList<>();
    for (Map.Entry<FieldDescriptor, Object> field : message.getAllFields().entrySet()) {
      Object content = field.getValue();
      for (Object part : content instanceof List<?> list ? list : List.of(content)) {
        if (part instanceof Message nested) {
          parts.add(nested);
        }
      }
    }
    return parts;
  }

  /// Another legal encoding of the message.
  byte[] encode(Message message) throws IOException {
    List<byte[]> fields = new ArrayList<>();
    Descriptor type = message.getDescriptorForType();
    for (FieldDescriptor field : type.getFields()) {
      if (field.isRepeated()) {
        fields.add(repeated(message, field));
      } else if (message.hasField(field)) {
        fields.add(one(field, content(message, field, message.getField(field))));
      } else if (!field.hasPresence() && random.nextBoolean()) {
        fields.add(one(field, message.getField(field)));
      }
    }
    for (int count = random.nextInt(3); count > 0; count--) {
      fields.add(future());
    }
    Collections.shuffle(fields, random);
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] field : fields) {
      all.write(field);
    }
    return all.toByteArray();
  }

  private Object content(Message message, FieldDescriptor field, Object content)
      throws IOException {
    boolean nested =
        message instanceof Value value
            && field.getNumber() == Value.STATE_FIELD_NUMBER
            && Kind.ofNumber(value.getKind()).isPresent();
    return nested ? ByteString.copyFrom(encode(state((Value) message))) : content;
  }

  private byte[] repeated(Message message, FieldDescriptor field) throws IOException {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    List<?> values = (List<?>) message.getField(field);
    boolean packed = field.isPackable() && random.nextBoolean();
    if (packed && !values.isEmpty()) {
      int cut = random.nextInt(values.size());
      for (List<?> part : List.of(values.subList(0, cut), values.subList(cut, values.size()))) {
        all.write(packed(field, part));
      }
      return all.toByteArray();
    }
    for (Object value : values) {
      all.write(one(field, value));
    }
    return all.toByteArray();
  }

  private static byte[] packed(FieldDescriptor field, List<?> values) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    for (Object value : values) {
      scalar(out, field, value);
    }
    out.flush();
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    CodedOutputStream whole = CodedOutputStream.newInstance(all);
    whole.writeByteArray(field.getNumber(), bytes.toByteArray());
    whole.flush();
    return all.toByteArray();
  }

  private byte[] one(FieldDescriptor field, Object value) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    if (value instanceof Message message) {
      out.writeByteArray(field.getNumber(), encode(message));
    } else {
      out.writeTag(field.getNumber(), field.getLiteType().getWireType());
      scalar(out, field, value);
    }
    out.flush();
    return bytes.toByteArray();
  }

  private static void scalar(CodedOutputStream out, FieldDescriptor field, Object value)
      throws IOException {
    switch (field.getType()) {
      case UINT32 -> out.writeUInt32NoTag((Integer) value);
      case UINT64 -> out.writeUInt64NoTag((Long) value);
      case SINT64 -> out.writeSInt64NoTag((Long) value);
      case FIXED64 -> out.writeFixed64NoTag((Long) value);
      case DOUBLE -> out.writeDoubleNoTag((Double) value);
      case BOOL -> out.writeBoolNoTag((Boolean) value);
      case STRING -> out.writeStringNoTag((String) value);
      case BYTES -> out.writeBytesNoTag((ByteString) value);
      case ENUM -> out.writeEnumNoTag(((EnumValueDescriptor) value).getNumber());
      default -> throw new IllegalStateException("no field here is a " + field.getType());
    }
  }

  private byte[] future() throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    CodedOutputStream out = CodedOutputStream.newInstance(bytes);
    int number = FUTURE_FIELD + random.nextInt(10);
    switch (random.nextInt(4)) {
      case 0 -> out.writeUInt64(number, random.nextLong());
      case 1 -> out.writeFixed64(number, random.nextLong());
      case 2 -> out.writeFixed32(number, random.nextInt());
      default -> out.writeByteArray(number, new byte[random.nextInt(5)]);
    }
    out.flush();
    return bytes.toByteArray();
  }
}
