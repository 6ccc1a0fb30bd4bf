package dev.trellis.history;

import dev.trellis.history.edn.Edn;
import dev.trellis.history.edn.EdnException;
import dev.trellis.history.edn.EdnReader;
import dev.trellis.history.edn.Tagged;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Reads operations one by one, from either form that Jepsen's tools use: one after the other, or
/// all in a single vector or list. Memory is one operation's. Not safe for use by several threads.
public final class HistoryReader implements AutoCloseable {
  private static final int NOT_STARTED = -2;
  private static final int NO_BRACKET = -1;

  private final String name;
  private final Reader source;
  private final EdnReader reader;
  private int bracket = NOT_STARTED; // the character that ends the operations
  private boolean ended;

  /// Opens a file of UTF-8.
  public static HistoryReader open(Path file) throws IOException {
    return open(Files.newInputStream(file), file.toString());
  }

  private static HistoryReader open(InputStream bytes, String name) {
    // A decoder of its own reports bytes that are no UTF-8; by default they would be replaced.
    return new HistoryReader(
        new InputStreamReader(bytes, StandardCharsets.UTF_8.newDecoder()), name);
  }

  /// @param source is closed with this reader
  /// @param name what errors call it
  public HistoryReader(Reader source, String name) {
    this.source = source;
    this.name = name;
    this.reader = new EdnReader(source);
  }

  /// All of a file.
  ///
  /// @throws HistoryException if it is no history
  public static History read(Path file) throws IOException {
    try (HistoryReader reader = open(file)) {
      return reader.readAll();
    }
  }

  /// All whole lines of a file that a [HistoryWriter] has written and perhaps not finished: if its
  /// process was killed, the file may end in the middle of a line.
  ///
  /// @throws HistoryException if they are no history
  public static History readPrefix(Path file) throws IOException {
    byte[] bytes = Files.readAllBytes(file);
    int end = bytes.length;
    while (end > 0 && bytes[end - 1] != '\n') {
      end--;
    }
    try (HistoryReader reader = open(new ByteArrayInputStream(bytes, 0, end), file.toString())) {
      return reader.readAll();
    }
  }

  /// All operations from here on, as a history.
  ///
  /// @throws HistoryException if they are none
  public History readAll() throws IOException {
    List<Operation> operations = new ArrayList<>();
    for (Optional<Operation> next = next(); next.isPresent(); next = next()) {
      operations.add(next.get());
    }
    return History.of(operations);
  }

  /// The next operation; empty at the end.
  ///
  /// @throws HistoryException if something else comes next; the message says where
  public Optional<Operation> next() throws IOException {
    if (ended) {
      return Optional.empty();
    }
    try {
      return read();
    } catch (EdnException e) {
      throw new HistoryException(name + ", " + e.getMessage(), e);
    } catch (CharacterCodingException e) {
      throw new HistoryException(name + ", after line " + reader.line() + ": no UTF-8", e);
    }
  }

  private Optional<Operation> read() throws IOException {
    int first = reader.peek();
    if (bracket == NOT_STARTED) {
      bracket = first == '[' ? ']' : first == '(' ? ')' : NO_BRACKET;
      if (bracket != NO_BRACKET) {
        reader.skip();
        first = reader.peek();
      }
    }
    if (first == bracket) {
      ended = true;
      if (bracket != NO_BRACKET) {
        reader.skip();
        if (reader.peek() >= 0) {
          throw reader.error("more follows the history");
        }
      }
      return Optional.empty();
    }
    long line = reader.line();
    Object value = reader.read();
    // Jepsen's records print as tagged maps.
    Object untagged = value instanceof Tagged tagged ? tagged.value() : value;
    if (!(untagged instanceof Map<?, ?> map)) {
      throw wrong(line, "a map should be here, which an operation is, not " + shortened(value));
    }
    try {
      return Optional.of(Operation.ofMap(map));
    } catch (IllegalArgumentException e) {
      throw wrong(line, e.getMessage() + ", in " + shortened(value));
    }
  }

  private HistoryException wrong(long line, String problem) {
    return new HistoryException(name + ", line " + line + ": " + problem);
  }

  private static String shortened(@Nullable Object value) {
    String text = Edn.write(value);
    return text.length() <= 200 ? text : text.substring(0, 200) + "…";
  }

  @Override
  public void close() throws IOException {
    source.close();
  }
}
