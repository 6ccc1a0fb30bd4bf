package dev.trellis.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class LineReaderTest {
  private static LineReader reader(String text) {
    return new LineReader(new ByteArrayInputStream(text.getBytes(StandardCharsets.UTF_8)));
  }

  private static List<String> lines(String text) throws IOException {
    LineReader reader = reader(text);
    List<String> lines = new ArrayList<>();
    for (Optional<String> line = reader.next(); line.isPresent(); line = reader.next()) {
      lines.add(line.get());
    }
    assertEquals(lines.size(), reader.lineNumber());
    assertEquals(text.getBytes(StandardCharsets.UTF_8).length, reader.bytesRead());
    return lines;
  }

  @Test
  void linesEndWithALineFeedWithOrWithoutACarriageReturnOrWithTheFile() throws IOException {
    assertEquals(List.of(), lines(""));
    assertEquals(List.of("a"), lines("a"));
    assertEquals(List.of("a"), lines("a\n"));
    assertEquals(List.of("a", "", "ä"), lines("a\r\n\nä"));
    assertEquals(List.of("a\rb"), lines("a\rb\r\n"));
  }

  @Test
  void linesLongerThanTheBufferComeWhole() throws IOException {
    String line = "ä".repeat(100_000);
    assertEquals(List.of(line, line, "x"), lines(line + "\n" + line + "\nx"));
  }

  @Test
  void aLineThatIsNoUtf8IsToldAndTheNextOneCanBeRead() throws IOException {
    LineReader reader =
        new LineReader(new ByteArrayInputStream(new byte[] {'a', '\n', (byte) 0xff, '\n', 'b'}));
    assertEquals(Optional.of("a"), reader.next());
    assertThrows(CharacterCodingException.class, reader::next);
    assertEquals(2, reader.lineNumber());
    assertEquals(Optional.of("b"), reader.next());
    assertEquals(Optional.empty(), reader.next());
  }
}
