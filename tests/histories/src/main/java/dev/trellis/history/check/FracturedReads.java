package dev.trellis.history.check;

import dev.trellis.history.History;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Fractured reads: a transaction that sees one write of another, and does not see what that one
/// wrote besides. Who never does so reads atomically.
///
/// Form: `:txn` with a vector of `[:r k v]` and `[:w k v]`, each v written to k once, nil at first.
/// A transaction that writes has a field `:versions`, a map from key to a version, which is a whole
/// number or a vector of such.
///
/// Invalid: an `:ok` transaction reads, in whatever order, a value of another `:ok` one, and of
/// another key that this one wrote too, a value of an older version (`fractured`, once for each
/// read that is too old), or a value that nobody wrote (`unexpected`). Unknown: no transaction has
/// read a value and another key that its writer wrote too.
///
/// That one key is read twice and differently is for [ItemCut], and that a transaction does not see
/// its own writes for [ReadYourWrites]. What is read of transactions that failed, or tell no
/// versions, is not judged.
///
/// @see "Bailis et al., Scalable Atomic Visibility with RAMP Transactions, SIGMOD 2014, §3.1"
public final class FracturedReads implements Checker {
  @Override
  public String name() {
    return "fractured-reads";
  }

  @Override
  public CheckResult check(History history) {
    List<Transaction> transactions = Transaction.of(history);
    RegisterVersions versions = RegisterVersions.of(transactions);
    List<Anomaly> anomalies = new ArrayList<>();
    long judged = 0;
    long fractured = 0;
    for (Transaction transaction : transactions) {
      if (!transaction.reads()) {
        continue;
      }
      int before = anomalies.size();
      List<Transaction.MicroOperation> reads =
          transaction.operations().stream()
              .filter(operation -> operation.kind() == Transaction.Kind.READ)
              .toList();
      for (Transaction.MicroOperation read : reads) {
        if (read.value() != null && versions.writer(read.key(), read.value()).isEmpty()) {
          anomalies.add(unexpected(transaction, read));
          continue;
        }
        if (!versions.isPlaced(read)) {
          continue;
        }
        List<Transaction> sources = sourcesOf(reads, read.key(), transaction, versions);
        judged += sources.isEmpty() ? 0 : 1;
        sources.stream()
            .filter(source -> versions.isOlder(read, versionBy(source, read.key())))
            .findFirst()
            .ifPresent(source -> anomalies.add(fractured(transaction, read, source)));
      }
      fractured += anomalies.size() > before ? 1 : 0;
    }
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    details.put("transaction-count", fractured);
    details.put("judged-reads", judged);
    return CheckResult.of(anomalies, judged == 0, details);
  }

  /// The other transactions that wrote a key and of which other keys are read. Told apart by their
  /// places: comparing two takes as long as there is in them.
  private static List<Transaction> sourcesOf(
      List<Transaction.MicroOperation> reads,
      @Nullable Object key,
      Transaction reader,
      RegisterVersions versions) {
    return reads.stream()
        .filter(other -> !Objects.equals(other.key(), key))
        .map(other -> versions.writer(other.key(), other.value()))
        .flatMap(Optional::stream)
        .filter(source -> source.call().isOk())
        .filter(source -> source.call().invokedAt() != reader.call().invokedAt())
        .filter(source -> RegisterVersions.told(source).containsKey(key))
        .toList();
  }

  private static Object versionBy(Transaction source, @Nullable Object key) {
    return Objects.requireNonNull(RegisterVersions.told(source).get(key));
  }

  private static Anomaly fractured(
      Transaction reader, Transaction.MicroOperation read, Transaction source) {
    return new Anomaly(
        "fractured",
        "one transaction read "
            + Edn.write(read.value())
            + " of the key "
            + Edn.write(read.key())
            + ", and of another key what a transaction wrote that had written the newer version "
            + Edn.write(versionBy(source, read.key()))
            + " of it",
        Forms.operations(source.call(), reader.call()));
  }

  private static Anomaly unexpected(Transaction reader, Transaction.MicroOperation read) {
    return new Anomaly(
        "unexpected",
        Edn.write(read.value())
            + " is read of the key "
            + Edn.write(read.key())
            + ", and nobody wrote it",
        Forms.operations(reader.call()));
  }
}
