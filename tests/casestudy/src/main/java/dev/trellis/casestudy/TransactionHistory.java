package dev.trellis.casestudy;

import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.edn.Keyword;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// Writes down what transactions asked for and saw, in the form that checkers read. Safe for any
/// thread.
///
/// A value is the number of the transaction that wrote it, and a version the timestamp under which
/// it was written. Each transaction is a session of its own.
final class TransactionHistory {
  private static final String TRANSACTION = "txn";
  private static final Keyword READ = Keyword.of("r");
  private static final Keyword WRITE = Keyword.of("w");

  private final List<Operation> operations = new ArrayList<>();

  static List<Object> write(String key, long number) {
    return List.of(WRITE, key, number);
  }

  /// @param number of the transaction that wrote what was read; empty if there was nothing, or it
  ///   is not read yet
  static List<Object> read(String key, Optional<Long> number) {
    return Arrays.asList(READ, key, number.orElse(null));
  }

  /// A transaction begins.
  synchronized void begin(long process, long number, List<List<Object>> asked) {
    operations.add(Operation.invoke(process, TRANSACTION, asked).with("session", number));
  }

  /// It was carried out.
  ///
  /// @param versions of the keys that it wrote
  synchronized void end(long process, List<List<Object>> done, Map<String, Long> versions) {
    operations.add(Operation.ok(process, TRANSACTION, done).with("versions", versions));
  }

  /// A call of it failed, so that it may have been carried out in part.
  ///
  /// @param versions of the keys that it may have written
  synchronized void abandon(long process, Map<String, Long> versions) {
    operations.add(Operation.info(process, TRANSACTION, null).with("versions", versions));
  }

  synchronized History history() {
    return History.of(operations);
  }
}
