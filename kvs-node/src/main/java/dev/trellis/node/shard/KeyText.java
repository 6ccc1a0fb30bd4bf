package dev.trellis.node.shard;

import dev.trellis.lattice.Payload;

/// Keys of strangers as messages and logs may show them: on one line, and short.
final class KeyText {
  private static final int SHOWN_MAX = 64;

  /// What is longer is no key.
  private static final int BYTES_MAX = 1 << 10;

  private KeyText() {}

  /// The key in quotes, what is no plain character as its number; of a long one the beginning, of
  /// what is no text its bytes in hexadecimal digits.
  static String of(Payload key) {
    if (key.size() > BYTES_MAX || !key.isText()) {
      return key.toString();
    }
    String text = key.text();
    StringBuilder shown = new StringBuilder("\"");
    for (int at = 0; at < text.length(); at++) {
      if (at == SHOWN_MAX) {
        return shown.append("…\"").toString();
      }
      char c = text.charAt(at);
      if (c == '"' || c == '\\') {
        shown.append('\\').append(c);
      } else if (isPlain(c)) {
        shown.append(c);
      } else {
        shown.append("\\u%04x".formatted((int) c));
      }
    }
    return shown.append('"').toString();
  }

  /// Whether it takes a place of its own and turns nothing round.
  private static boolean isPlain(char c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.PRIVATE_USE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }
}
