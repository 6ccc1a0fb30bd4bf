package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.edn.Edn;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// Read committed: nobody sees what was not committed, or only half done, and transactions can be
/// put in an order in which each writes over and reads from those before it.
///
/// Form: `:txn` with a vector of micro-operations, in one of two kinds for each key:
/// - *lists*: `[:append k v]` and `[:r k [v …]]`, each v appended to k once. Longer reads show the
///   order.
/// - *registers*: `[:w k v]` and `[:r k v]`, each v written to k once, nil at first. The order of
///   writes is known of a session's own (see [ReadYourWrites]); and of all where every `:ok`
///   transaction that writes the key has a field `:versions`, a map from key to a version.
///
/// | anomaly | what it is |
/// |---|---|
/// | `G0` | a cycle of transactions that wrote over each other |
/// | `G1a` | a read of what a failed transaction wrote |
/// | `G1b` | a read of what its transaction then wrote over |
/// | `G1c` | a cycle of transactions that wrote over, or read from, each other |
/// | `unexpected` | a read of what nobody wrote |
/// | `duplicate` | a list with one element twice |
/// | `incompatible-order` | two reads of one list of which neither begins with the other |
///
/// Invalid: any of these. Unknown: no `:ok` transaction has read what another wrote.
///
/// A transaction with `:info` counts as committed as far as others read from it.
///
/// @see "Adya, Weak Consistency, PhD thesis, MIT 1999, §3.1"
/// @see "Kingsbury and Alvaro, Elle: Inferring Isolation Anomalies from Experimental Observations,
///   VLDB 2020"
public final class ReadCommitted implements Checker {
  @Override
  public String name() {
    return "read-committed";
  }

  @Override
  public CheckResult check(History history) {
    return new Analysis(Transaction.of(history)).result();
  }

  /// Of a longer cycle only the beginning is shown.
  private static final int STEPS_MAX = 10;

  /// A value of a key.
  private record Version(@Nullable Object key, @Nullable Object value) {}

  private static final class Analysis {
    private final List<Transaction> transactions;
    private final DependencyGraph graph;
    private final Map<Version, Integer> writers = new HashMap<>(); // to the transaction's number
    private final Map<@Nullable Object, Transaction.Kind> kinds = new HashMap<>(); // of keys
    private final Map<@Nullable Object, List<?>> longest = new HashMap<>(); // reads of lists
    private final Map<@Nullable Object, Integer> longestReader = new HashMap<>();
    private final Map<@Nullable Object, Set<Integer>> registers =
        new HashMap<>(); // by whom written
    private final List<Anomaly> anomalies = new ArrayList<>();
    private long readsFromOthers;

    Analysis(List<Transaction> transactions) {
      this.transactions = transactions;
      this.graph = new DependencyGraph(transactions.size());
    }

    CheckResult result() {
      for (int number = 0; number < transactions.size(); number++) {
        noteWrites(number);
      }
      for (int number = 0; number < transactions.size(); number++) {
        if (transactions.get(number).reads()) {
          checkReads(number);
        }
      }
      longest.forEach(this::orderList);
      registers.forEach(this::orderRegister);
      addCycles("G0", EnumSet.of(DependencyGraph.Kind.WRITE_WRITE));
      addCycles("G1c", EnumSet.allOf(DependencyGraph.Kind.class));
      Map<String, @Nullable Object> details = new LinkedHashMap<>();
      details.put("transactions", (long) transactions.size());
      details.put("reads-from-others", readsFromOthers);
      return CheckResult.of(anomalies, readsFromOthers == 0, details);
    }

    private void noteWrites(int number) {
      Transaction transaction = transactions.get(number);
      for (Transaction.MicroOperation write : transaction.writes()) {
        Transaction.Kind before = kinds.putIfAbsent(write.key(), write.kind());
        if (before != null && before != write.kind()) {
          throw Forms.wrong(
              transaction.call().invoke(),
              "the key " + Edn.write(write.key()) + " is both written and appended to");
        }
        if (writers.put(new Version(write.key(), write.value()), number) != null) {
          throw Forms.wrong(
              transaction.call().invoke(),
              Edn.write(write.value())
                  + " is written twice to the key "
                  + Edn.write(write.key())
                  + "; each value should be written once");
        }
        if (write.kind() == Transaction.Kind.WRITE && transaction.call().isOk()) {
          registers.computeIfAbsent(write.key(), key -> new LinkedHashSet<>()).add(number);
        }
      }
    }

    private void checkReads(int number) {
      for (Transaction.MicroOperation read : transactions.get(number).operations()) {
        if (read.kind() != Transaction.Kind.READ) {
          continue;
        }
        boolean list = kinds.get(read.key()) == Transaction.Kind.APPEND;
        if (!list && kinds.containsKey(read.key())) {
          if (read.value() != null) {
            readFrom(number, read.key(), read.value(), true);
          }
        } else if (read.value() instanceof List<?> elements) {
          checkList(number, read.key(), elements);
        } else if (read.value() != null) {
          if (list) {
            throw Forms.wrong(
                Forms.completion(transactions.get(number).call()),
                "a read of a list should have a vector, not " + Edn.write(read.value()));
          }
          readFrom(number, read.key(), read.value(), true);
        }
      }
    }

    private void checkList(int number, @Nullable Object key, List<?> elements) {
      Set<@Nullable Object> seen = new HashSet<>();
      for (int at = 0; at < elements.size(); at++) {
        Object element = elements.get(at);
        if (!seen.add(element)) {
          add(
              "duplicate",
              Edn.write(element) + " stands twice in the list " + Edn.write(key),
              number);
        }
        readFrom(number, key, element, at == elements.size() - 1);
      }
      List<?> other = longest.getOrDefault(key, List.of());
      int common = Math.min(other.size(), elements.size());
      if (!other.subList(0, common).equals(elements.subList(0, common))) {
        add(
            "incompatible-order",
            "the list "
                + Edn.write(key)
                + " is read as "
                + Edn.write(other)
                + " and as "
                + Edn.write(elements),
            longestReader.getOrDefault(key, number),
            number);
      } else if (elements.size() > other.size() || !longest.containsKey(key)) {
        longest.put(key, elements);
        longestReader.put(key, number);
      }
    }

    /// @param last whether nothing was read over the value: else a list goes on after it
    private void readFrom(int reader, @Nullable Object key, @Nullable Object value, boolean last) {
      Integer writer = writers.get(new Version(key, value));
      if (writer == null) {
        add(
            "unexpected",
            Edn.write(value) + " is read of the key " + Edn.write(key) + ", and nobody wrote it",
            reader);
        return;
      }
      if (writer == reader) {
        return;
      }
      readsFromOthers++;
      Transaction from = transactions.get(writer);
      if (from.call().isFailed()) {
        add(
            "G1a",
            Edn.write(value)
                + " is read of the key "
                + Edn.write(key)
                + ", and the transaction that wrote it had failed",
            writer,
            reader);
      } else if (last && from.overwrites(key, value)) {
        add(
            "G1b",
            Edn.write(value)
                + " is read of the key "
                + Edn.write(key)
                + ", which its transaction then wrote over",
            writer,
            reader);
      }
      if (last) {
        graph.add(writer, reader, DependencyGraph.Kind.WRITE_READ);
      }
    }

    private void orderList(@Nullable Object key, List<?> elements) {
      Integer before = null;
      for (Object element : elements) {
        Integer writer = writers.get(new Version(key, element));
        if (writer != null && before != null) {
          graph.add(before, writer, DependencyGraph.Kind.WRITE_WRITE);
        }
        before = writer != null ? writer : before;
      }
    }

    /// @param committed the numbers of the `:ok` transactions that write the key
    private void orderRegister(@Nullable Object key, Set<Integer> committed) {
      boolean versioned =
          committed.stream()
              .allMatch(number -> versionOf(transactions.get(number).call(), key) != null);
      if (versioned) {
        List<Integer> ordered = new ArrayList<>(committed);
        ordered.sort(
            (one, other) ->
                Forms.compareVersions(
                    Objects.requireNonNull(versionOf(transactions.get(one).call(), key)),
                    Objects.requireNonNull(versionOf(transactions.get(other).call(), key))));
        chain(ordered);
        return;
      }
      committed.stream()
          .collect(Collectors.groupingBy(number -> Forms.session(transactions.get(number).call())))
          .values()
          .forEach(this::chain);
    }

    private void chain(List<Integer> numbers) {
      for (int i = 1; i < numbers.size(); i++) {
        graph.add(numbers.get(i - 1), numbers.get(i), DependencyGraph.Kind.WRITE_WRITE);
      }
    }

    private static @Nullable Object versionOf(Call call, @Nullable Object key) {
      return Forms.completion(call).extra("versions") instanceof Map<?, ?> versions
          ? versions.get(key)
          : null;
    }

    private void addCycles(String kind, Set<DependencyGraph.Kind> kinds) {
      DependencyGraph.Kind needed =
          kinds.size() == 1 ? DependencyGraph.Kind.WRITE_WRITE : DependencyGraph.Kind.WRITE_READ;
      for (List<DependencyGraph.Edge> cycle : graph.cycles(kinds, needed)) {
        List<String> steps = new ArrayList<>();
        for (DependencyGraph.Edge edge : cycle.subList(0, Math.min(cycle.size(), STEPS_MAX))) {
          steps.add(
              transactions.get(edge.to()).call().invoke()
                  + (edge.kind() == DependencyGraph.Kind.WRITE_WRITE
                      ? " writes over "
                      : " reads from ")
                  + transactions.get(edge.from()).call().invoke());
        }
        if (cycle.size() > STEPS_MAX) {
          steps.add("and so on, " + cycle.size() + " in all");
        }
        add(
            kind,
            String.join("; ", steps),
            cycle.stream().limit(STEPS_MAX).mapToInt(DependencyGraph.Edge::from).toArray());
      }
    }

    private void add(String kind, String explanation, int... numbers) {
      Call[] calls = new Call[numbers.length];
      for (int i = 0; i < numbers.length; i++) {
        calls[i] = transactions.get(numbers[i]).call();
      }
      anomalies.add(new Anomaly(kind, explanation, Forms.operations(calls)));
    }
  }
}
