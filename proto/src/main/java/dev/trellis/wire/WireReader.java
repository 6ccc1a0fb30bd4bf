package dev.trellis.wire;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.WireFormat;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Optional;

/// Reads Protobuf messages that anybody may have sent. A codec asks for the [#next] field until
/// there is none, reads the ones it knows and skips the others.
///
/// No length is trusted: it is compared with the bytes that are there before memory is taken. And
/// since two bytes can stand for an element that takes a hundred in memory, codecs [#spend] from an
/// allowance before they build what has many parts.
final class WireReader {
  /// Reads the fields of one message.
  interface MessageReader<T> {
    T read(WireReader in) throws WireException;
  }

  /// Reads the fields of one message into something else.
  interface PartReader {
    void read(WireReader in) throws WireException;
  }

  /// Is given the numbers of a repeated field, one by one.
  interface Numbers {
    void add(long number) throws WireException;
  }

  private static final int HEAP_FRAMES_MAX = 16;
  private static final int NUMBER_HEAP_BYTES = 40;
  private static final int COMPLAINT_LENGTH_MAX = 400;

  private static final class Allowance {
    private final long maxBytes;
    private long leftBytes;

    Allowance(long maxBytes) {
      this.maxBytes = maxBytes;
      this.leftBytes = maxBytes;
    }
  }

  private final byte[] source;
  private final int start; // of the message within `source`
  private final CodedInputStream in;
  private final Limits limits;
  private final Allowance allowance;
  private int wireType; // of the field that `next` returned last
  private int field;

  private WireReader(ByteBuffer message, Limits limits, Allowance allowance) {
    int length = message.remaining();
    if (message.hasArray()) {
      source = message.array();
      start = message.arrayOffset() + message.position();
    } else {
      source = new byte[length];
      message.duplicate().get(source);
      start = 0;
    }
    this.in = CodedInputStream.newInstance(source, start, length);
    this.limits = limits;
    this.allowance = allowance;
  }

  /// A reader of what remains in the buffer, whose position is left alone. What it reads may take
  /// up to sixteen times the longest frame in memory: values within their limit stay below that.
  static WireReader ofForeign(ByteBuffer message, Limits limits) {
    return new WireReader(message, limits, new Allowance(allowanceBytes(limits)));
  }

  /// How much memory what anybody has sent may take.
  static long allowanceBytes(Limits limits) {
    return (long) HEAP_FRAMES_MAX * limits.frameBytesMax();
  }

  /// A reader of what was checked when it first came in, and may take any memory.
  static WireReader ofOwn(ByteBuffer message) {
    return new WireReader(message, Limits.DEFAULT, new Allowance(Long.MAX_VALUE));
  }

  /// A part of the message of `parent`, which shares its allowance.
  private WireReader(WireReader parent, int start, int length) {
    this.source = parent.source;
    this.start = start;
    this.in = CodedInputStream.newInstance(source, start, length);
    this.limits = parent.limits;
    this.allowance = parent.allowance;
  }

  Limits limits() {
    return limits;
  }

  /// The number of the next field of the message; 0 at its end. Its value must be read or skipped.
  int next() throws WireException {
    try {
      int tag = in.readTag();
      wireType = WireFormat.getTagWireType(tag);
      field = WireFormat.getTagFieldNumber(tag);
      return field;
    } catch (IOException e) {
      throw malformed(e);
    }
  }

  /// Skips the field that [#next] told.
  void skip() throws WireException {
    try {
      switch (wireType) {
        case WireFormat.WIRETYPE_VARINT -> in.readRawVarint64();
        case WireFormat.WIRETYPE_FIXED64 -> in.skipRawBytes(Long.BYTES);
        case WireFormat.WIRETYPE_FIXED32 -> in.skipRawBytes(Integer.BYTES);
        case WireFormat.WIRETYPE_LENGTH_DELIMITED -> in.skipRawBytes(length());
        default ->
            throw bad("field " + field + " has wire type " + wireType + ", not 0, 1, 2 or 5");
      }
    } catch (IOException e) {
      throw malformed(e);
    }
  }

  /// Moves to the next field with this number and skips the others; false at the end of the
  /// message.
  boolean seek(int wanted) throws WireException {
    for (int number = next(); number != 0; number = next()) {
      if (number == wanted) {
        return true;
      }
      skip();
    }
    return false;
  }

  /// Skips to the end of the message.
  void skipAll() throws WireException {
    while (next() != 0) {
      skip();
    }
  }

  long uint64() throws WireException {
    require(WireFormat.WIRETYPE_VARINT);
    return varint();
  }

  int uint32() throws WireException {
    return (int) uint64();
  }

  long sint64() throws WireException {
    return CodedInputStream.decodeZigZag64(uint64());
  }

  boolean bool() throws WireException {
    return uint64() != 0;
  }

  long fixed64() throws WireException {
    require(WireFormat.WIRETYPE_FIXED64);
    return rawFixed64();
  }

  double float64() throws WireException {
    return Double.longBitsToDouble(fixed64());
  }

  /// A value that a request brings, or a part of one: at most [Limits#valueBytesMax] bytes. What
  /// replicas hold already is not measured again: none may refuse it.
  Payload value() throws WireException {
    int length = openLength();
    requireValueBytes(length);
    return payload(length);
  }

  /// A key, or a bound of a range of keys: at most [Limits#keyBytesMax] bytes.
  Payload keyBound() throws WireException {
    int length = openLength();
    requireKeyBytes(length);
    return payload(length);
  }

  /// Bytes of any length.
  Payload bytes() throws WireException {
    return payload(openLength());
  }

  /// Well-formed UTF-8.
  ///
  /// @param what names the text where it is malformed
  String text(String what) throws WireException {
    int length = openLength();
    ByteBuffer encoded = ByteBuffer.wrap(source, position(), length);
    advance(length);
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(encoded).toString();
    } catch (CharacterCodingException e) {
      throw new WireException(
          ErrorCode.BAD_REQUEST, "the " + what + " is not well-formed UTF-8 text", e);
    }
  }

  /// A known kind; empty for 0.
  Optional<Kind> kind() throws WireException {
    long number = uint64();
    if (number == 0) {
      return Optional.empty();
    }
    Optional<Kind> kind = kindOf(number);
    if (kind.isEmpty()) {
      throw bad("unknown kind number " + Long.toUnsignedString(number));
    }
    return kind;
  }

  /// The kind of a number, or empty if it is not known.
  static Optional<Kind> kindOf(long number) {
    return number > 0 && number <= Integer.MAX_VALUE
        ? Kind.ofNumber((int) number)
        : Optional.empty();
  }

  /// A nested message, read to its end.
  <T> T message(MessageReader<T> reader) throws WireException {
    int length = openLength();
    try {
      int outer = in.pushLimit(length);
      T read = reader.read(this);
      in.popLimit(outer);
      return read;
    } catch (IOException e) {
      throw malformed(e);
    }
  }

  /// A nested message that is part of a greater whole, read to its end.
  void part(PartReader reader) throws WireException {
    message(
        in -> {
          reader.read(in);
          return this;
        });
  }

  /// A nested message to be read later, when it is known what it is.
  WireReader postponed() throws WireException {
    int length = openLength();
    WireReader part = new WireReader(this, position(), length);
    advance(length);
    return part;
  }

  /// The varints of a repeated field, packed or not.
  void varints(Numbers numbers) throws WireException {
    if (wireType == WireFormat.WIRETYPE_VARINT) {
      spend(NUMBER_HEAP_BYTES);
      numbers.add(varint());
      return;
    }
    int end = openLength() + in.getTotalBytesRead();
    while (in.getTotalBytesRead() < end) {
      spend(NUMBER_HEAP_BYTES);
      numbers.add(varint());
    }
    requireEnd(end);
  }

  /// The 8-byte numbers of a repeated field, packed or not.
  void fixed64s(Numbers numbers) throws WireException {
    if (wireType == WireFormat.WIRETYPE_FIXED64) {
      spend(NUMBER_HEAP_BYTES);
      numbers.add(rawFixed64());
      return;
    }
    int end = openLength() + in.getTotalBytesRead();
    while (in.getTotalBytesRead() < end) {
      spend(NUMBER_HEAP_BYTES);
      numbers.add(rawFixed64());
    }
    requireEnd(end);
  }

  /// Takes from the allowance of the whole message.
  ///
  /// @param heapBytes about how much memory is going to be taken
  void spend(long heapBytes) throws WireException {
    allowance.leftBytes -= heapBytes;
    if (allowance.leftBytes < 0) {
      throw bad(
          "a frame with so many small parts that it would take more than "
              + allowance.maxBytes
              + " bytes of memory; send fewer at once");
    }
  }

  /// What is left of the message.
  Payload rest() throws WireException {
    return payload(in.getBytesUntilLimit());
  }

  /// A reader of an empty message.
  WireReader nothing() {
    return new WireReader(this, position(), 0);
  }

  /// @throws WireException if the key is empty
  static void requireNonEmpty(Payload key) throws WireException {
    if (key.isEmpty()) {
      throw bad("an empty key; a key has at least one byte");
    }
  }

  /// @throws WireException if the key is empty or longer than [Limits#keyBytesMax]
  void requireKey(Payload key) throws WireException {
    requireNonEmpty(key);
    requireKeyBytes(key.size());
  }

  /// @throws WireException if the value is longer than [Limits#valueBytesMax]
  void requireValue(Payload value) throws WireException {
    requireValueBytes(value.size());
  }

  private void requireValueBytes(int length) throws WireException {
    if (length > limits.valueBytesMax()) {
      throw new WireException(
          ErrorCode.VALUE_TOO_LARGE,
          "a value of " + length + " bytes exceeds the limit of " + limits.valueBytesMax());
    }
  }

  private void requireKeyBytes(int length) throws WireException {
    if (length > limits.keyBytesMax()) {
      throw new WireException(
          ErrorCode.KEY_TOO_LONG,
          "a key of " + length + " bytes exceeds the limit of " + limits.keyBytesMax());
    }
  }

  /// @throws WireException if maps nest too deep
  static void requireDepth(int depth) throws WireException {
    if (depth > Limits.DEPTH_MAX) {
      throw bad("maps nested deeper than the limit of " + Limits.DEPTH_MAX);
    }
  }

  /// The exception for content that no record accepts.
  static WireException refused(IllegalArgumentException cause) {
    String message = String.valueOf(cause.getMessage());
    // It may quote what came, of any length.
    int length = Math.min(message.length(), COMPLAINT_LENGTH_MAX);
    return new WireException(ErrorCode.BAD_REQUEST, message.substring(0, length), cause);
  }

  /// The exception for a message that is wrong in a way that has no code of its own.
  static WireException bad(String message) {
    return new WireException(ErrorCode.BAD_REQUEST, message);
  }

  private void require(int expected) throws WireException {
    if (wireType != expected) {
      throw bad("field " + field + " has wire type " + wireType + ", not " + expected);
    }
  }

  private int openLength() throws WireException {
    require(WireFormat.WIRETYPE_LENGTH_DELIMITED);
    return length();
  }

  private int length() throws WireException {
    long length = varint();
    int left = in.getBytesUntilLimit();
    if (length < 0 || length > left) {
      throw bad(
          "field "
              + field
              + " claims "
              + Long.toUnsignedString(length)
              + " bytes where "
              + left
              + " are left");
    }
    return (int) length;
  }

  private Payload payload(int length) throws WireException {
    Payload payload = Payload.of(source, position(), length);
    advance(length);
    return payload;
  }

  private int position() {
    return start + in.getTotalBytesRead();
  }

  private void advance(int length) throws WireException {
    try {
      in.skipRawBytes(length);
    } catch (IOException e) {
      throw malformed(e);
    }
  }

  private long varint() throws WireException {
    try {
      return in.readRawVarint64();
    } catch (IOException e) {
      throw malformed(e);
    }
  }

  private long rawFixed64() throws WireException {
    try {
      return in.readRawLittleEndian64();
    } catch (IOException e) {
      throw malformed(e);
    }
  }

  private void requireEnd(int end) throws WireException {
    if (in.getTotalBytesRead() != end) {
      throw bad("the last number of field " + field + " is cut off");
    }
  }

  private WireException malformed(IOException cause) {
    return new WireException(
        ErrorCode.BAD_REQUEST, "malformed message: " + cause.getMessage(), cause);
  }

  /// A list of numbers that grows.
  static final class NumberList implements Numbers {
    private static final long[] NONE = {};

    private long[] numbers = NONE;
    private int size;

    @Override
    public void add(long number) {
      if (size == numbers.length) {
        numbers = Arrays.copyOf(numbers, Math.max(4, 2 * size));
      }
      numbers[size++] = number;
    }

    int size() {
      return size;
    }

    long at(int index) {
      return numbers[index];
    }
  }
}
