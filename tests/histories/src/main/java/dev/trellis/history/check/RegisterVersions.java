package dev.trellis.history.check;

import dev.trellis.history.Operation;
import dev.trellis.history.edn.Edn;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Which transaction wrote each value of each register, and in which order a register's values
/// stand: by the field `:versions` of those that wrote them, a map from key to a whole number or a
/// vector of such. A transaction that writes a key more than once tells the version of its last
/// value.
final class RegisterVersions {
  /// A value of a key.
  private record Value(@Nullable Object key, @Nullable Object value) {}

  private final Map<Value, Transaction> writers = new HashMap<>();

  private RegisterVersions() {}

  /// Those of some transactions, whatever became of them.
  ///
  /// @throws dev.trellis.history.HistoryException if a value is written twice to one key: a read of
  ///   it would not say which
  static RegisterVersions of(List<Transaction> transactions) {
    RegisterVersions versions = new RegisterVersions();
    for (Transaction transaction : transactions) {
      for (Transaction.MicroOperation write : transaction.writes()) {
        if (write.kind() == Transaction.Kind.WRITE
            && versions.writers.put(new Value(write.key(), write.value()), transaction) != null) {
          throw Forms.wrong(
              transaction.call().invoke(),
              Edn.write(write.value())
                  + " is written twice to the key "
                  + Edn.write(write.key())
                  + "; each value should be written once");
        }
      }
    }
    return versions;
  }

  /// Who wrote a value; empty if nobody did.
  Optional<Transaction> writer(@Nullable Object key, @Nullable Object value) {
    return Optional.ofNullable(writers.get(new Value(key, value)));
  }

  /// The version of a value; empty if it is not told.
  Optional<Object> version(@Nullable Object key, @Nullable Object value) {
    return writer(key, value)
        .filter(writer -> !writer.overwrites(key, value))
        .flatMap(writer -> Optional.ofNullable(told(writer).get(key)));
  }

  /// The versions that a transaction tells, by key.
  static Map<?, ?> told(Transaction transaction) {
    return transaction.call().completion().map(RegisterVersions::told).orElse(Map.of());
  }

  private static Map<?, ?> told(Operation completion) {
    return completion.extra("versions") instanceof Map<?, ?> versions ? versions : Map.of();
  }

  /// Whether it is known how new the value is that a read showed. Nil is older than all.
  boolean isPlaced(Transaction.MicroOperation read) {
    return read.value() == null || version(read.key(), read.value()).isPresent();
  }

  /// Whether a read showed something older than a version of its key.
  ///
  /// @param read one that [#isPlaced]
  boolean isOlder(Transaction.MicroOperation read, Object than) {
    return read.value() == null
        || Forms.compareVersions(version(read.key(), read.value()).orElseThrow(), than) < 0;
  }
}
