package dev.trellis.lattice;

import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.util.function.IntPredicate;

/// What strangers have named, as text that may stand in messages, logs and pages: it shows all
/// there is to see, and ends no line, moves no cursor and turns nothing round.
///
/// A backslash is doubled; a character that cannot be seen, or changes how others are shown, stands
/// as a backslash, `u` and its number in braces, and a byte that is no UTF-8 as a backslash, `x`
/// and two hexadecimal digits. So different names have different texts.
public final class VisibleText {
  private VisibleText() {}

  /// The bytes of a name read as UTF-8. O(size).
  public static String of(Payload name) {
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer bytes = name.asByteBuffer();
    CharBuffer chars = CharBuffer.allocate(name.size() + 1);
    StringBuilder text = new StringBuilder();
    while (true) {
      CoderResult result = decoder.decode(bytes, chars, true);
      chars.flip();
      append(text, chars, VisibleText::isVisible);
      chars.clear();
      if (!result.isError()) {
        return text.toString();
      }
      for (int wrong = 0; wrong < result.length(); wrong++) {
        text.append("\\x%02x".formatted(bytes.get()));
      }
      decoder.reset();
    }
  }

  /// A name that is text. O(length).
  public static String of(String name) {
    return append(new StringBuilder(), name, VisibleText::isVisible).toString();
  }

  /// A name in printable ASCII alone, for where none may look like another that has letters of
  /// another script: whatever else there is in it stands as its number. O(length).
  public static String ascii(String name) {
    return append(new StringBuilder(), name, point -> point >= ' ' && point <= '~').toString();
  }

  private static StringBuilder append(
      StringBuilder text, CharSequence name, IntPredicate isVisible) {
    name.codePoints()
        .forEach(
            point -> {
              if (point == '\\') {
                text.append("\\\\");
              } else if (isVisible.test(point)) {
                text.appendCodePoint(point);
              } else {
                text.append("\\u{").append(Integer.toHexString(point)).append('}');
              }
            });
    return text;
  }

  private static boolean isVisible(int point) {
    return switch (Character.getType(point)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.PRIVATE_USE,
          Character.SURROGATE,
          Character.UNASSIGNED,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      case Character.SPACE_SEPARATOR -> point == ' ';
      default -> true;
    };
  }
}
