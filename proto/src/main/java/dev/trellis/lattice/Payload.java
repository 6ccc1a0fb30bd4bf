package dev.trellis.lattice;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Objects;

/// An immutable string of bytes, compared by content: keys, values, set elements. Ordered as
/// unsigned bytes, which for UTF-8 text is the order of code points.
public final class Payload implements Comparable<Payload> {
  public static final Payload EMPTY = new Payload(new byte[0]);

  private static final int SHOWN_AS_TEXT_MAX = 1 << 10; // bytes; no key has more
  private static final int SHOWN_CHARACTERS_MAX = 64;
  private static final int SHOWN_BYTES_MAX = 16;

  private final byte[] bytes; // never handed out, never changed
  private int hash; // 0 until computed; racing threads compute the same

  private Payload(byte[] bytes) {
    this.bytes = bytes;
  }

  /// Copies the bytes.
  public static Payload of(byte[] bytes) {
    return bytes.length == 0 ? EMPTY : new Payload(bytes.clone());
  }

  /// Copies `length` bytes from `offset`.
  ///
  /// @throws IndexOutOfBoundsException if they are not all in `bytes`
  public static Payload of(byte[] bytes, int offset, int length) {
    Objects.checkFromIndexSize(offset, length, bytes.length);
    return length == 0 ? EMPTY : new Payload(Arrays.copyOfRange(bytes, offset, offset + length));
  }

  /// Copies what remains in the buffer; its position is left alone.
  public static Payload of(ByteBuffer buffer) {
    byte[] copy = new byte[buffer.remaining()];
    buffer.duplicate().get(copy);
    return new Payload(copy);
  }

  /// The UTF-8 bytes of a text. A text with an unpaired surrogate has none.
  ///
  /// @throws IllegalArgumentException if the text is not well-formed UTF-16
  public static Payload ofText(String text) {
    try {
      return of(StandardCharsets.UTF_8.newEncoder().encode(java.nio.CharBuffer.wrap(text)));
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException(
          "text with an unpaired surrogate at index "
              + unpairedSurrogateIn(text)
              + " has no UTF-8 form",
          e);
    }
  }

  private static int unpairedSurrogateIn(String text) {
    int at = 0;
    while (Character.getType(text.codePointAt(at)) != Character.SURROGATE) {
      at += Character.charCount(text.codePointAt(at));
    }
    return at;
  }

  /// The number of bytes.
  public int size() {
    return bytes.length;
  }

  public boolean isEmpty() {
    return bytes.length == 0;
  }

  /// The byte at an index from 0 to `size() - 1`.
  public byte at(int index) {
    return bytes[index];
  }

  /// A copy of the bytes.
  public byte[] toBytes() {
    return bytes.clone();
  }

  /// A read-only view of the bytes, without copying.
  public ByteBuffer asByteBuffer() {
    return ByteBuffer.wrap(bytes).asReadOnlyBuffer();
  }

  /// Copies all bytes into `target` from `offset`.
  public void copyTo(byte[] target, int offset) {
    System.arraycopy(bytes, 0, target, offset, bytes.length);
  }

  /// A hash of the bytes, which are lent to the function and must not be changed by it.
  public long hashedBy(Hash hash) {
    return hash.of(bytes, 0, bytes.length);
  }

  /// A hash of a part of an array.
  @FunctionalInterface
  public interface Hash {
    long of(byte[] bytes, int offset, int length);
  }

  /// Whether these are the bytes of a part of an array.
  public boolean equals(byte[] source, int offset, int length) {
    return Arrays.equals(bytes, 0, bytes.length, source, offset, offset + length);
  }

  public boolean startsWith(Payload prefix) {
    return bytes.length >= prefix.bytes.length
        && Arrays.equals(bytes, 0, prefix.bytes.length, prefix.bytes, 0, prefix.bytes.length);
  }

  /// Whether the bytes are well-formed UTF-8. O(size).
  public boolean isText() {
    try {
      StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes));
      return true;
    } catch (CharacterCodingException e) {
      return false;
    }
  }

  /// The bytes as UTF-8 text; malformed sequences become U+FFFD. Ask [#isText] where that matters.
  public String text() {
    return new String(bytes, StandardCharsets.UTF_8);
  }

  @Override
  public int compareTo(Payload other) {
    return Arrays.compareUnsigned(bytes, other.bytes);
  }

  @Override
  public boolean equals(Object other) {
    return this == other
        || (other instanceof Payload payload && Arrays.equals(bytes, payload.bytes));
  }

  @Override
  public int hashCode() {
    int computed = hash;
    if (computed == 0) {
      computed = Arrays.hashCode(bytes);
      hash = computed;
    }
    return computed;
  }

  /// The text in quotes, of a long one the beginning; of what is no text, or longer than keys are,
  /// the number of bytes and the first ones in hex. On one line, as [VisibleText] is, so that a key
  /// can't look like a line of a log.
  @Override
  public String toString() {
    if (bytes.length <= SHOWN_AS_TEXT_MAX && isText()) {
      String text = text();
      int shown = Math.min(text.length(), SHOWN_CHARACTERS_MAX);
      return '"'
          + VisibleText.of(text.substring(0, shown)).replace("\"", "\\\"")
          + (shown < text.length() ? "…\"" : "\"");
    }
    int shown = Math.min(bytes.length, SHOWN_BYTES_MAX);
    return bytes.length
        + " bytes "
        + HexFormat.of().formatHex(bytes, 0, shown)
        + (shown < bytes.length ? "…" : "");
  }
}
