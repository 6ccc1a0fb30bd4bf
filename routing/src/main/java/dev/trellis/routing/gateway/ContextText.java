package dev.trellis.routing.gateway;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.CausalContext.Run;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import java.io.ByteArrayOutputStream;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;

/// Causal contexts and timestamps as opaque text, for headers, query parameters and JSON.
///
/// A context is base64url without padding over a format number and, for each run in their order,
/// the incarnation in 8 bytes and birth, first counter and run length as variable-length numbers.
/// Equal contexts have equal texts.
final class ContextText {
  private static final int FORMAT = 1;
  private static final int BYTES_PER_RUN_MIN = Long.BYTES + 3;

  private ContextText() {}

  static String of(CausalContext context) {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream(1 + 16 * context.runCount());
    bytes.write(FORMAT);
    for (Run run : context.runs()) {
      bytes.writeBytes(
          ByteBuffer.allocate(Long.BYTES).putLong(run.replica().incarnation()).array());
      writeNumber(bytes, run.replica().birth());
      writeNumber(bytes, run.from());
      writeNumber(bytes, run.to() - run.from());
    }
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes.toByteArray());
  }

  /// The context of a text. The empty text stands for the empty context.
  ///
  /// @throws IllegalArgumentException if this is no text that [#of] writes
  static CausalContext parse(String text) {
    if (text.isEmpty()) {
      return CausalContext.EMPTY;
    }
    try {
      ByteBuffer bytes = ByteBuffer.wrap(Base64.getUrlDecoder().decode(text));
      if (bytes.get() != FORMAT) {
        throw new IllegalArgumentException("of an unknown format");
      }
      List<Run> runs = new ArrayList<>(bytes.remaining() / BYTES_PER_RUN_MIN);
      while (bytes.hasRemaining()) {
        ReplicaId replica = new ReplicaId(bytes.getLong(), readNumber(bytes));
        long from = readNumber(bytes);
        runs.add(new Run(replica, from, Math.addExact(from, readNumber(bytes))));
      }
      return CausalContext.ofRuns(runs);
    } catch (BufferUnderflowException | ArithmeticException | IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "'" + shortened(text) + "' is no context that this store has given out", e);
    }
  }

  /// A timestamp as `milliseconds.counter`.
  static String of(HybridTimestamp timestamp) {
    return timestamp.toString();
  }

  /// @throws IllegalArgumentException if this is not `milliseconds.counter`
  static HybridTimestamp parseTimestamp(String text) {
    int dot = text.indexOf('.');
    try {
      return HybridTimestamp.of(
          Long.parseLong(text, 0, Math.max(dot, 0), 10),
          Integer.parseInt(text, dot + 1, text.length(), 10));
    } catch (IllegalArgumentException e) {
      throw new IllegalArgumentException(
          "'" + shortened(text) + "' is no timestamp of the form milliseconds.counter", e);
    }
  }

  private static String shortened(String text) {
    return text.length() <= 40 ? text : text.substring(0, 40) + "…";
  }

  private static void writeNumber(ByteArrayOutputStream bytes, long number) {
    long rest = number;
    while (rest > 0x7f) {
      bytes.write((int) ((rest & 0x7f) | 0x80));
      rest >>>= 7;
    }
    bytes.write((int) rest);
  }

  private static long readNumber(ByteBuffer bytes) {
    long number = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      byte next = bytes.get();
      number |= (long) (next & 0x7f) << shift;
      if (next >= 0) {
        return number;
      }
    }
    throw new ArithmeticException("a number of more than 64 bits");
  }
}
