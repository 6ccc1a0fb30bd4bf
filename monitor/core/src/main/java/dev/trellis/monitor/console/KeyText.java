package dev.trellis.monitor.console;

import dev.trellis.lattice.Payload;
import java.nio.ByteBuffer;
import java.nio.CharBuffer;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.CoderResult;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;

/// Keys as text that shows all there is to see: what has no glyph, or changes how others are shown,
/// stands as its number. Different keys have different texts.
final class KeyText {
  private KeyText() {}

  /// The key's bytes read as UTF-8. A backslash is doubled; a character that cannot be seen stands
  /// as a backslash, `u` and its number in braces, and a byte that is no UTF-8 as a backslash, `x`
  /// and two hexadecimal digits.
  static String of(Payload key) {
    CharsetDecoder decoder =
        StandardCharsets.UTF_8
            .newDecoder()
            .onMalformedInput(CodingErrorAction.REPORT)
            .onUnmappableCharacter(CodingErrorAction.REPORT);
    ByteBuffer bytes = ByteBuffer.wrap(key.toBytes());
    CharBuffer chars = CharBuffer.allocate(key.size() + 1);
    StringBuilder text = new StringBuilder();
    while (true) {
      CoderResult result = decoder.decode(bytes, chars, true);
      chars.flip();
      chars.codePoints().forEach(point -> append(text, point));
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

  private static void append(StringBuilder text, int point) {
    if (point == '\\') {
      text.append("\\\\");
    } else if (isVisible(point)) {
      text.appendCodePoint(point);
    } else {
      text.append("\\u{%x}".formatted(point));
    }
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
