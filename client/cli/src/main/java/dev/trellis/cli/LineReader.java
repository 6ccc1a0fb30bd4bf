package dev.trellis.cli;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Optional;

/// Reads lines of UTF-8, and knows the number of each: malformed ones are told, not repaired.
final class LineReader {
  /// Room for the longest value with every byte of it escaped.
  static final int LINE_BYTES_MAX = 128 << 20;

  private final InputStream source;
  private final byte[] buffer = new byte[1 << 16];
  private int at;
  private int end;
  private long lineNumber;
  private long bytesRead;

  LineReader(InputStream source) {
    this.source = source;
  }

  /// The next line without its end (`\n` or `\r\n`); empty at the end of the source.
  ///
  /// @throws CharacterCodingException if it is no UTF-8; reading can go on with the next line
  Optional<String> next() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream(256);
    boolean ended = false;
    while (!ended && fill()) {
      int feed = at;
      while (feed < end && buffer[feed] != '\n') {
        feed++;
      }
      ended = feed < end;
      line.write(buffer, at, feed - at);
      at = ended ? feed + 1 : feed;
      if (line.size() > LINE_BYTES_MAX) {
        throw new IOException(
            "line " + (lineNumber + 1) + " is longer than " + LINE_BYTES_MAX + " bytes");
      }
    }
    if (!ended && line.size() == 0) {
      return Optional.empty();
    }
    lineNumber++;
    return Optional.of(decoded(line.toByteArray()));
  }

  /// The number of the line read last, from 1.
  long lineNumber() {
    return lineNumber;
  }

  /// How much was taken from the source.
  long bytesRead() {
    return bytesRead - (end - at);
  }

  private boolean fill() throws IOException {
    if (at == end) {
      at = 0;
      end = Math.max(0, source.read(buffer));
      bytesRead += end;
    }
    return at < end;
  }

  private static String decoded(byte[] line) throws CharacterCodingException {
    int length = line.length > 0 && line[line.length - 1] == '\r' ? line.length - 1 : line.length;
    return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(line, 0, length)).toString();
  }
}
