package dev.trellis.history.edn;

import java.io.IOException;
import java.io.Reader;
import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// Reads EDN values one after the other from a stream of text.
///
/// | EDN | Java |
/// |---|---|
/// | `nil`, `true` | null, [Boolean] |
/// | `1`, `1N` | [Long]; beyond its range [BigInteger], with or without the `N` |
/// | `1.5`, `##Inf`, `1.5M` | [Double], [Double], [BigDecimal] |
/// | `"text"`, `\c`, `:a/b`, `sym` | [String], [Character], [Keyword], [Symbol] |
/// | `[1 2]`, `(1 2)` | [List], [EdnList] |
/// | `{:a 1}`, `#{1}` | [Map], [Set]; a key or element that stands twice is refused |
/// | `#tag 1` | [Tagged] |
///
/// Collections are unmodifiable, keep the order of the text, and may hold null. Memory is the
/// value's; time is linear. Not safe for use by several threads.
///
/// @see <a href="https://github.com/edn-format/edn">the format</a>
public final class EdnReader {
  /// How deep values may be nested: far more than anybody means, far less than fills the stack.
  public static final int DEPTH_MAX = 256;

  /// The longest number, name or symbol. Else a long number costs quadratic time.
  private static final int TOKEN_LENGTH_MAX = 4_096;

  private static final int END = -1;

  private final Reader source;
  private final char[] buffer = new char[1 << 14];
  private final StringBuilder token = new StringBuilder();
  private final Map<String, Keyword> keywords = new HashMap<>();
  private int position;
  private int limit;
  private long consumed; // characters before the buffer
  private long line = 1;
  private long lineStart; // characters before the line

  /// @param source is read ahead in large pieces; the caller closes it
  public EdnReader(Reader source) {
    this.source = source;
  }

  /// The line that the reader is at, from 1.
  public long line() {
    return line;
  }

  /// The column that the reader is at, in characters from 1.
  public long column() {
    return consumed + position - lineStart + 1;
  }

  /// Goes on to the next value and returns the character that it begins with, or -1 at the end of
  /// the text. Consumes what is between values only.
  ///
  /// @throws EdnException if what is between them is malformed
  public int peek() throws IOException {
    return skipBetween(0);
  }

  /// Consumes one character that [#peek] has returned, so that the caller can go through the
  /// elements of a collection one by one.
  public void skip() throws IOException {
    next();
  }

  /// Reads the next value.
  ///
  /// @throws EdnException if the text has none, or no valid one
  public @Nullable Object read() throws IOException {
    return read(0);
  }

  /// An error at the place where the reader is.
  public EdnException error(String problem) {
    return new EdnException(line, column(), problem);
  }

  private @Nullable Object read(int depth) throws IOException {
    if (skipBetween(depth) == END) {
      throw endOfText("a value");
    }
    return readHere(depth);
  }

  private @Nullable Object readHere(int depth) throws IOException {
    if (depth > DEPTH_MAX) {
      throw error("values are nested deeper than " + DEPTH_MAX + " levels");
    }
    int c = peekCharacter();
    return switch (c) {
      case '[' -> Collections.unmodifiableList(readSequence(']', "vector", depth));
      case '(' -> new EdnList(readSequence(')', "list", depth));
      case '{' -> readMap(depth);
      case '"' -> readString();
      case '\\' -> readCharacter();
      case ':' -> readKeyword();
      case '#' -> readDispatch(depth);
      case ']', ')', '}' -> throw error("'" + (char) c + "' closes nothing that is open");
      default -> readNumberOrSymbol();
    };
  }

  private List<@Nullable Object> readSequence(char close, String what, int depth)
      throws IOException {
    long startLine = line;
    next();
    List<@Nullable Object> elements = new ArrayList<>();
    while (!closes(close, what, startLine, depth)) {
      elements.add(readHere(depth + 1));
    }
    return elements;
  }

  private Map<@Nullable Object, @Nullable Object> readMap(int depth) throws IOException {
    long startLine = line;
    next();
    Map<@Nullable Object, @Nullable Object> map = new LinkedHashMap<>();
    while (!closes('}', "map", startLine, depth)) {
      long keyLine = line;
      long keyColumn = column();
      Object key = readHere(depth + 1);
      if (closesHere('}', "map", startLine, depth)) {
        throw new EdnException(
            keyLine, keyColumn, "the key " + Edn.write(key) + " of a map has no value");
      }
      Object value = readHere(depth + 1);
      if (map.containsKey(key)) {
        throw new EdnException(
            keyLine, keyColumn, "the key " + Edn.write(key) + " stands twice in a map");
      }
      map.put(key, value);
    }
    return Collections.unmodifiableMap(map);
  }

  private Set<@Nullable Object> readSet(long startLine, int depth) throws IOException {
    next();
    Set<@Nullable Object> set = new LinkedHashSet<>();
    while (!closes('}', "set", startLine, depth)) {
      long elementLine = line;
      long elementColumn = column();
      Object element = readHere(depth + 1);
      if (!set.add(element)) {
        throw new EdnException(
            elementLine, elementColumn, Edn.write(element) + " stands twice in a set");
      }
    }
    return Collections.unmodifiableSet(set);
  }

  private boolean closes(char close, String what, long startLine, int depth) throws IOException {
    boolean closes = closesHere(close, what, startLine, depth);
    if (closes) {
      next();
    }
    return closes;
  }

  private boolean closesHere(char close, String what, long startLine, int depth)
      throws IOException {
    int c = skipBetween(depth + 1);
    if (c == END) {
      throw endOfText("'" + close + "', which closes the " + what + " of line " + startLine);
    }
    if (c != close && (c == ']' || c == ')' || c == '}')) {
      throw error(
          "'"
              + (char) c
              + "' where '"
              + close
              + "' should close the "
              + what
              + " of line "
              + startLine);
    }
    return c == close;
  }

  private String readString() throws IOException {
    long startLine = line;
    next();
    token.setLength(0);
    while (true) {
      int c = nextOfText(startLine);
      if (c == '"') {
        return token.toString();
      }
      if (c != '\\') {
        token.append((char) c);
        continue;
      }
      int escape = nextOfText(startLine);
      switch (escape) {
        case 'n' -> token.append('\n');
        case 't' -> token.append('\t');
        case 'r' -> token.append('\r');
        case 'b' -> token.append('\b');
        case 'f' -> token.append('\f');
        case '"', '\\' -> token.append((char) escape);
        case 'u' -> {
          int code = 0;
          for (int i = 0; i < 4; i++) {
            int digit = Character.digit(nextOfText(startLine), 16);
            if (digit < 0) {
              throw error("\\u in a text takes four hexadecimal digits");
            }
            code = code * 16 + digit;
          }
          token.append((char) code);
        }
        default -> throw error("'\\" + (char) escape + "' means nothing in a text");
      }
    }
  }

  private int nextOfText(long startLine) throws IOException {
    int c = next();
    if (c == END) {
      throw endOfText("'\"', which closes the text of line " + startLine);
    }
    return c;
  }

  private Character readCharacter() throws IOException {
    next();
    int first = next();
    if (first == END || Character.isWhitespace(first)) {
      throw first == END ? endOfText("a character") : error("'\\' is followed by no character");
    }
    token.setLength(0);
    token.append((char) first);
    String name = readToken();
    if (name.length() == 1) {
      return (char) first;
    }
    if (name.length() == 5 && first == 'u') {
      try {
        return (char) Integer.parseUnsignedInt(name, 1, 5, 16);
      } catch (NumberFormatException e) {
        throw error("'\\" + name + "' is no character");
      }
    }
    return switch (name) {
      case "newline" -> '\n';
      case "return" -> '\r';
      case "space" -> ' ';
      case "tab" -> '\t';
      case "backspace" -> '\b';
      case "formfeed" -> '\f';
      default -> throw error("'\\" + name + "' is no character");
    };
  }

  private Keyword readKeyword() throws IOException {
    next();
    token.setLength(0);
    String name = readToken();
    Keyword known = keywords.get(name);
    if (known != null) {
      return known;
    }
    if (!Symbol.isName(name, true)) {
      throw error("':" + name + "' is no keyword");
    }
    Keyword keyword = new Keyword(name);
    if (keywords.size() < 1_000) { // those of a program; those made of data would fill the memory
      keywords.put(name, keyword);
    }
    return keyword;
  }

  private @Nullable Object readDispatch(int depth) throws IOException {
    long startLine = line;
    next();
    int c = peekCharacter();
    if (c == '{') {
      return readSet(startLine, depth);
    }
    if (c == '#') {
      next();
      token.setLength(0);
      String name = readToken();
      return switch (name) {
        case "Inf" -> Double.POSITIVE_INFINITY;
        case "-Inf" -> Double.NEGATIVE_INFINITY;
        case "NaN" -> Double.NaN;
        default -> throw error("'##" + name + "' is no number: there are ##Inf, ##-Inf and ##NaN");
      };
    }
    if (c == END) {
      throw endOfText("a tag");
    }
    token.setLength(0);
    String tag = readToken();
    if (tag.isEmpty() || !Character.isLetter(tag.charAt(0)) || !Symbol.isName(tag, false)) {
      throw error("'#" + (tag.isEmpty() ? (char) c : tag) + "' begins nothing that EDN has");
    }
    return new Tagged(new Symbol(tag), read(depth + 1));
  }

  private @Nullable Object readNumberOrSymbol() throws IOException {
    token.setLength(0);
    String text = readToken();
    if (text.isEmpty()) {
      throw error("'" + (char) peekCharacter() + "' begins nothing that EDN has");
    }
    char first = text.charAt(0);
    boolean signed = (first == '-' || first == '+') && text.length() > 1;
    char leading = signed ? text.charAt(1) : first;
    if (leading >= '0' && leading <= '9') {
      return number(text, signed);
    }
    return switch (text) {
      case "nil" -> null;
      case "true" -> true;
      case "false" -> false;
      default -> {
        if (!Symbol.isName(text, false)) {
          throw error("'" + text + "' is no symbol, and nothing else that EDN has");
        }
        yield new Symbol(text);
      }
    };
  }

  private Number number(String text, boolean signed) {
    int start = signed ? 1 : 0;
    int end = text.length();
    int digits = start;
    while (digits < end && text.charAt(digits) >= '0' && text.charAt(digits) <= '9') {
      digits++;
    }
    if (text.charAt(start) == '0' && digits - start > 1) {
      throw error("the number '" + text + "' has a leading zero");
    }
    boolean whole = digits == end || (digits == end - 1 && text.charAt(digits) == 'N');
    if (whole) {
      return digits - start <= 18
          ? (Number) Long.parseLong(text, 0, digits, 10)
          : narrowed(new BigInteger(text.substring(0, digits)));
    }
    boolean exact = text.charAt(end - 1) == 'M';
    String decimal = exact ? text.substring(0, end - 1) : text;
    if (!isDecimal(decimal, digits, exact)) {
      throw error("'" + text + "' is no number");
    }
    try {
      return exact ? (Number) new BigDecimal(decimal) : (Number) Double.parseDouble(decimal);
    } catch (NumberFormatException e) {
      throw error("'" + text + "' is no number");
    }
  }

  private static Number narrowed(BigInteger number) {
    return number.bitLength() < Long.SIZE ? (Number) number.longValue() : number;
  }

  /// Whether digits are followed by a fraction, an exponent, or both; by neither only before an M.
  private static boolean isDecimal(String text, int digits, boolean exact) {
    int at = digits;
    if (at < text.length() && text.charAt(at) == '.') {
      at = afterDigits(text, at + 1);
    }
    if (at < text.length() && (text.charAt(at) == 'e' || text.charAt(at) == 'E')) {
      at++;
      if (at < text.length() && (text.charAt(at) == '+' || text.charAt(at) == '-')) {
        at++;
      }
      int end = afterDigits(text, at);
      if (end == at) {
        return false;
      }
      at = end;
    }
    return at == text.length() && (exact || at > digits);
  }

  private static int afterDigits(String text, int start) {
    int at = start;
    while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') {
      at++;
    }
    return at;
  }

  /// Adds to the token what comes before the next delimiter.
  private String readToken() throws IOException {
    while (true) {
      int c = peekCharacter();
      if (c == END || isDelimiter(c)) {
        return token.toString();
      }
      if (token.length() == TOKEN_LENGTH_MAX) {
        throw error("a number or name is longer than " + TOKEN_LENGTH_MAX + " characters");
      }
      token.append((char) c);
      position++;
    }
  }

  private static boolean isDelimiter(int c) {
    return switch (c) {
      case ' ', '\n', '\r', '\t', ',', '"', ';', '(', ')', '[', ']', '{', '}', '\\' -> true;
      default -> c < ' ' || (c > '~' && Character.isWhitespace(c));
    };
  }

  /// Skips space, commas, comments and discarded values; returns the character that follows.
  private int skipBetween(int depth) throws IOException {
    while (true) {
      int c = peekCharacter();
      if (c == ';') {
        while (c != '\n' && c != END) {
          c = next();
        }
      } else if (c == '#') {
        if (peekSecond() != '_') {
          return c;
        }
        if (depth > DEPTH_MAX) {
          throw error("values are nested deeper than " + DEPTH_MAX + " levels");
        }
        next();
        next();
        read(depth + 1);
      } else if (c == ',' || (c != END && Character.isWhitespace(c))) {
        next();
      } else {
        return c;
      }
    }
  }

  private int peekCharacter() throws IOException {
    return position < limit || fill() ? buffer[position] : END;
  }

  /// The character after the one that was peeked at.
  private int peekSecond() throws IOException {
    if (position + 1 < limit) {
      return buffer[position + 1];
    }
    // Only at the end of a piece: the rest, one character, moves to the front.
    buffer[0] = buffer[position];
    consumed += position;
    position = 0;
    limit = 1;
    int count = readPiece(1);
    if (count == END) {
      return END;
    }
    limit += count;
    return buffer[1];
  }

  private int next() throws IOException {
    if (position == limit && !fill()) {
      return END;
    }
    char c = buffer[position++];
    if (c == '\n') {
      line++;
      lineStart = consumed + position;
    }
    return c;
  }

  private boolean fill() throws IOException {
    consumed += limit;
    position = 0;
    limit = 0;
    int count = readPiece(0);
    if (count == END) {
      return false;
    }
    limit = count;
    return true;
  }

  private int readPiece(int offset) throws IOException {
    int count;
    do {
      count = source.read(buffer, offset, buffer.length - offset);
    } while (count == 0);
    return count;
  }

  private EdnException endOfText(String expected) {
    return new EdnException(line, column(), "the text ends here, where " + expected + " should be");
  }
}
