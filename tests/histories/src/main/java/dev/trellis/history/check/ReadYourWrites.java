package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// A session that has written something reads that, or something newer.
///
/// Form: `:write v`, each v once and not nil; `:delete`; `:read` → v or nil. One register;
/// [EachKey] makes it many. A session is the invocation's field `:session`, or else the process.
/// Where `:ok` operations tell their `:version`, a whole number or a vector of such, an older
/// version is seen to be older; without it only the session's own earlier writes are, and nil that
/// no delete explains.
///
/// Also `:txn` with a vector of `[:r k v]` and `[:w k v]`, each v written to k once, nil at first,
/// of which those that write have a field `:versions`, a map from key to a version. What was
/// written is expected of the reads behind it in its transaction, and in later ones of the session.
///
/// Invalid: a read of something older than the session's last acknowledged write. Unknown: no
/// session has read after it wrote.
public final class ReadYourWrites implements Checker {
  @Override
  public String name() {
    return "read-your-writes";
  }

  @Override
  public CheckResult check(History history) {
    Forms.writers(history);
    List<Call> deletes =
        history.calls("delete").stream().filter(delete -> !delete.isFailed()).toList();
    List<Anomaly> anomalies = new ArrayList<>();
    long judged = 0;
    for (List<Call> session : Forms.bySession(history.calls()).values()) {
      List<Call> own = new ArrayList<>(); // writes and deletes so far
      Optional<Call> last = Optional.empty(); // of those, acknowledged
      for (Call call : session) {
        if (call.isFailed()) {
          continue;
        }
        if (call.isAbout("write") || call.isAbout("delete")) {
          own.add(call);
          last = call.isOk() ? Optional.of(call) : last;
        } else if (call.isAbout("read") && call.isOk() && last.isPresent()) {
          judged++;
          String older = older(call, last.get(), own, deletes);
          if (!older.isEmpty()) {
            anomalies.add(
                new Anomaly(
                    "stale-own",
                    "a session wrote "
                        + Edn.write(last.get().argument())
                        + " and then read "
                        + older,
                    Forms.operations(last.get(), call)));
          }
        }
      }
    }
    InTransactions transactions = new InTransactions(history);
    anomalies.addAll(transactions.anomalies);
    judged += transactions.judged;
    Map<String, @Nullable Object> details = new LinkedHashMap<>();
    if (transactions.any) {
      details.put("transaction-count", transactions.stale);
    }
    details.put("judged-reads", judged);
    return CheckResult.of(anomalies, judged == 0, details);
  }

  /// What sessions read in transactions.
  private static final class InTransactions {
    /// The last value that a session has written to a key.
    private record Own(Transaction by, Object version) {}

    final List<Anomaly> anomalies = new ArrayList<>();
    final boolean any;
    long judged;
    long stale; // transactions

    InTransactions(History history) {
      List<Transaction> transactions = Transaction.of(history);
      any = !transactions.isEmpty();
      RegisterVersions versions = RegisterVersions.of(transactions);
      Map<Object, Map<@Nullable Object, Own>> sessions = new HashMap<>();
      for (Transaction transaction : transactions) {
        if (!transaction.call().isOk()) {
          continue; // nobody knows what it wrote, nor what it read
        }
        Map<@Nullable Object, Own> written =
            sessions.computeIfAbsent(Forms.session(transaction.call()), fresh -> new HashMap<>());
        int before = anomalies.size();
        transaction.operations().forEach(one -> follow(one, transaction, written, versions));
        stale += anomalies.size() > before ? 1 : 0;
      }
    }

    private void follow(
        Transaction.MicroOperation operation,
        Transaction transaction,
        Map<@Nullable Object, Own> written,
        RegisterVersions versions) {
      Object key = operation.key();
      if (operation.kind() != Transaction.Kind.READ) {
        written.remove(key);
        versions
            .version(key, operation.value())
            .ifPresent(version -> written.put(key, new Own(transaction, version)));
        return;
      }
      Own own = written.get(key);
      if (own == null || !versions.isPlaced(operation)) {
        return;
      }
      judged++;
      if (versions.isOlder(operation, own.version)) {
        anomalies.add(
            new Anomaly(
                "stale-own",
                "a session wrote version "
                    + Edn.write(own.version)
                    + " of the key "
                    + Edn.write(key)
                    + " and then read "
                    + Edn.write(operation.value()),
                own.by.equals(transaction)
                    ? Forms.operations(transaction.call())
                    : Forms.operations(own.by.call(), transaction.call())));
      }
    }
  }

  /// What was read, if it is older than the last write of its session; else nothing.
  private static String older(Call read, Call last, List<Call> own, List<Call> deletes) {
    Object value = read.result();
    Object versionRead = Forms.completion(read).extra("version");
    Object versionWritten = Forms.completion(last).extra("version");
    if (versionRead != null && versionWritten != null) {
      return Forms.compareVersions(versionRead, versionWritten) < 0
          ? Edn.write(value) + " of version " + Edn.write(versionRead)
          : "";
    }
    int lastAt = own.indexOf(last);
    if (value != null) {
      boolean earlier =
          own.subList(0, lastAt).stream()
              .anyMatch(write -> write.isAbout("write") && value.equals(write.argument()));
      return earlier ? Edn.write(value) + ", which it had written before" : "";
    }
    boolean explained =
        deletes.stream()
            .filter(delete -> delete.invokedAt() < read.completedAt())
            .anyMatch(delete -> !own.subList(0, lastAt).contains(delete));
    return explained ? "" : "nil, though nobody has deleted it";
  }
}
