package dev.trellis.history;

import dev.trellis.history.edn.Edn;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.LongSupplier;

/// Writes operations to a file as they happen, one a line, for any number of threads.
///
/// The order of the lines is the order of the calls of [#append]. So append an invocation before
/// the request is sent, and its completion after the answer has come: then a line above another
/// really came first.
///
/// Each line is one write to the file, without a buffer, so that a process that is killed leaves
/// all that it appended, and at most one torn line, which [HistoryReader#readPrefix] leaves out. A
/// crash of the machine may lose more.
public final class HistoryWriter implements AutoCloseable {
  // Not a FileChannel, which the interruption of one thread would close for all of them.
  private final OutputStream out;
  private final LongSupplier nanos;
  private final StringBuilder line = new StringBuilder();
  private long count;
  private boolean broken;

  /// Begins a file; times count from now.
  ///
  /// @throws IOException if the file exists or cannot be made
  public static HistoryWriter create(Path file) throws IOException {
    long start = System.nanoTime();
    return create(file, () -> System.nanoTime() - start);
  }

  /// Begins a file with times from another clock.
  ///
  /// @param nanos nanoseconds from some point on, never negative; read once an operation, by one
  ///   thread at a time
  /// @throws IOException if the file exists or cannot be made
  public static HistoryWriter create(Path file, LongSupplier nanos) throws IOException {
    if (Files.exists(file)) {
      throw new FileAlreadyExistsException(file.toString());
    }
    return new HistoryWriter(new FileOutputStream(file.toFile()), nanos);
  }

  private HistoryWriter(OutputStream out, LongSupplier nanos) {
    this.out = out;
    this.nanos = nanos;
  }

  /// Writes an operation with its index, which is the number of those before it, and with the time
  /// now unless it states one. It is in the file when this returns.
  ///
  /// @return the operation as it was written
  /// @throws IllegalArgumentException if its value has no form in EDN; nothing is written then
  /// @throws UncheckedIOException if it cannot be written, and for every operation after such a
  ///   one: half of it may be in the file
  public synchronized Operation append(Operation operation) {
    if (broken) {
      throw new UncheckedIOException(
          new IOException("the history ends with operation " + count + ": writing failed there"));
    }
    long time = operation.time() == Operation.NOT_STATED ? nanos.getAsLong() : operation.time();
    Operation written = operation.at(time, count);
    line.setLength(0);
    Edn.write(written.toMap(), line);
    line.append('\n');
    try {
      out.write(line.toString().getBytes(StandardCharsets.UTF_8));
    } catch (IOException e) {
      broken = true;
      throw new UncheckedIOException("operation " + count + " cannot be written", e);
    }
    count++;
    return written;
  }

  /// How many operations were written.
  public synchronized long count() {
    return count;
  }

  @Override
  public synchronized void close() throws IOException {
    broken = true;
    out.close();
  }
}
