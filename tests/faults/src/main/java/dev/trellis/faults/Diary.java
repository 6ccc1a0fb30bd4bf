package dev.trellis.faults;

import dev.trellis.history.HistoryWriter;
import dev.trellis.history.Operation;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.LongSupplier;

/// The histories of one cluster's life: one for each workload, with times of one clock, and the
/// nemesis in all of them.
final class Diary implements AutoCloseable {
  private final Map<String, HistoryWriter> writers = new LinkedHashMap<>(); // by workload
  private final LongSupplier nanos;

  /// @param files that do not exist yet, by workload
  Diary(Map<String, Path> files) throws IOException {
    long began = System.nanoTime();
    nanos = () -> System.nanoTime() - began;
    for (Map.Entry<String, Path> file : files.entrySet()) {
      writers.put(file.getKey(), HistoryWriter.create(file.getValue(), nanos));
    }
  }

  /// What one workload writes to.
  HistoryWriter of(String workload) {
    HistoryWriter writer = writers.get(workload);
    if (writer == null) {
      throw new IllegalArgumentException("there is no workload '" + workload + "' here");
    }
    return writer;
  }

  /// The time of these histories.
  long now() {
    return nanos.getAsLong();
  }

  /// Writes into every history.
  void all(Operation operation) {
    Operation now = operation.at(now(), Operation.NOT_STATED);
    writers.values().forEach(writer -> writer.append(now));
  }

  @Override
  public void close() throws IOException {
    for (HistoryWriter writer : writers.values()) {
      writer.close();
    }
  }
}
