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
/// allowance in proportion to the message before they build what has many parts.
final class WireReader {
  /// Reads the fields of one message.
  interface MessageReader<T> {
    T read(WireReader in) throws WireException;
  }

  /// Is given the numbers of a repeated field, one by one.
  interface Numbers {
    void add(long number) throws WireException;
  }

  // The densest honest message known is a log of one-byte records, about 40 bytes of heap a byte.
  private static final int HEAP_BYTES_PER_BYTE = 64;
  private static final long HEAP_BYTES_FREE = 1 << 20;
  private static final long HEAP_FRAMES_MAX = 16;

  private static final class Allowance {
    private final int messageBytes;
    private long heapBytes; // what may still be spent

    Allowance(int messageBytes, long heapBytes) {
      this.messageBytes = messageBytes;
      this.heapBytes = heapBytes;
    }
  }

  private final byte[] bytes;
  private final int start; // of the message within `bytes`
  private final CodedInputStream in;
  private final Limits limits;
  private final Allowance allowance;
  private int wireType; // of the field that `next` returned last
  private int field;

  /// Reads what remains in the buffer, whose position is left alone.
  WireReader(ByteBuffer message, Limits limits) {
    int length = message.remaining();
    if (message.hasArray()) {
      bytes = message.array();
      start = message.arrayOffset() + message.position();
    } else {
      bytes = new byte[length];
      message.duplicate().get(bytes);
      start = 0;
    }
    this.in = CodedInputStream.newInstance(bytes, start, length);
    this.limits = limits;
    this.allowance =
        new Allowance(
            length,
            HEAP_BYTES_FREE
                + Math.min(
                    (long) HEAP_BYTES_PER_BYTE * length, HEAP_FRAMES_MAX * limits.frameBytesMax()));
  }

  /// A part of the message of `parent`, which shares its allowance.
  private WireReader(WireReader parent, int start, int length) {
    this.bytes = parent.bytes;
    this.start = start;
    this.in = CodedInputStream.newInstance(bytes, start, length);
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

  /// A value, or a part of one, of at most [Limits#valueBytesMax] bytes.
  Payload value() throws WireException {
    int length = openLength();
    if (length > limits.valueBytesMax()) {
      throw new WireException(
          ErrorCode.VALUE_TOO_LARGE,
          "a value of " + length + " bytes exceeds the limit of " + limits.valueBytesMax());
    }
    return payload(length);
  }

  /// The start or the end of a range of keys: at most [Limits#keyBytesMax] bytes.
  Payload keyBound() throws WireException {
    int length = openLength();
    if (length > limits.keyBytesMax()) {
      throw new WireException(
          ErrorCode.KEY_TOO_LONG,
          "a key of " + length + " bytes exceeds the limit of " + limits.keyBytesMax());
    }
    return payload(length);
  }

  /// Bytes of any length.
  Payload opaque() throws WireException {
    return payload(openLength());
  }

  /// Well-formed UTF-8.
  ///
  /// @param what names the text where it is malformed
  String text(String what) throws WireException {
    int length = openLength();
    ByteBuffer encoded = ByteBuffer.wrap(bytes, position(), length);
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
      numbers.add(varint());
      return;
    }
    int end = openLength() + in.getTotalBytesRead();
    while (in.getTotalBytesRead() < end) {
      numbers.add(varint());
    }
    requireEnd(end);
  }

  /// The 8-byte numbers of a repeated field, packed or not.
  void fixed64s(Numbers numbers) throws WireException {
    if (wireType == WireFormat.WIRETYPE_FIXED64) {
      numbers.add(rawFixed64());
      return;
    }
    int end = openLength() + in.getTotalBytesRead();
    while (in.getTotalBytesRead() < end) {
      numbers.add(rawFixed64());
    }
    requireEnd(end);
  }

  /// Takes from the allowance of the whole message.
  ///
  /// @param heapBytes about how much memory is going to be taken
  void spend(long heapBytes) throws WireException {
    allowance.heapBytes -= heapBytes;
    if (allowance.heapBytes < 0) {
      throw bad(
          "a message of "
              + allowance.messageBytes
              + " bytes has so many small parts that it would take several times "
              + HEAP_BYTES_PER_BYTE
              + " times its size in memory");
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

  /// @throws WireException if the key of a request is empty
  static Payload requireKey(Payload key) throws WireException {
    if (key.isEmpty()) {
      throw bad("an empty key; a key has at least one byte");
    }
    return key;
  }

  /// @throws WireException if maps nest too deep
  static void requireDepth(int depth) throws WireException {
    if (depth > Limits.DEPTH_MAX) {
      throw bad("maps nested deeper than the limit of " + Limits.DEPTH_MAX);
    }
  }

  /// The exception for content that no record accepts.
  static WireException refused(IllegalArgumentException cause) {
    return new WireException(ErrorCode.BAD_REQUEST, String.valueOf(cause.getMessage()), cause);
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
    Payload payload = Payload.of(bytes, position(), length);
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
        ErrorCode.BAD_REQUEST,
        "malformed message of " + allowance.messageBytes + " bytes: " + cause.getMessage(),
        cause);
  }

  /// A list of numbers that grows.
  static final class NumberList implements Numbers {
    private long[] numbers = new long[8];
    private int size;

    @Override
    public void add(long number) {
      if (size == numbers.length) {
        numbers = Arrays.copyOf(numbers, 2 * size);
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
