package dev.trellis.history.check;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import dev.trellis.history.Operation;
import dev.trellis.history.edn.Edn;
import dev.trellis.history.edn.Keyword;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/// A call `:txn`, whose value is a vector of micro-operations `[f key value]` as Jepsen has them:
/// `[:r k v]` reads, `[:w k v]` writes, `[:append k v]` appends to a list. The invocation's reads
/// have the value nil, the completion's what they saw.
///
/// @param reads whether what it read is known: it is `:ok`
record Transaction(Call call, List<MicroOperation> operations, boolean reads) {
  /// One read or write.
  record MicroOperation(Kind kind, @Nullable Object key, @Nullable Object value) {}

  enum Kind {
    READ,
    WRITE,
    APPEND
  }

  /// Those of a history, those that failed too, in the order in which they began.
  static List<Transaction> of(History history) {
    return history.calls("txn").stream().map(Transaction::of).toList();
  }

  private static Transaction of(Call call) {
    Operation told = call.isOk() ? Forms.completion(call) : call.invoke();
    if (!(told.value() instanceof List<?> all)) {
      throw Forms.wrong(told, "the value of a :txn should be a vector of [f key value]");
    }
    List<MicroOperation> operations = new ArrayList<>();
    for (Object one : all) {
      operations.add(microOperation(told, one));
    }
    return new Transaction(call, List.copyOf(operations), call.isOk());
  }

  private static MicroOperation microOperation(Operation told, @Nullable Object one) {
    if (one instanceof List<?> parts && parts.size() == 3 && parts.get(0) instanceof Keyword f) {
      switch (f.name()) {
        case "r" -> {
          return new MicroOperation(Kind.READ, parts.get(1), parts.get(2));
        }
        case "w" -> {
          return new MicroOperation(Kind.WRITE, parts.get(1), parts.get(2));
        }
        case "append" -> {
          return new MicroOperation(Kind.APPEND, parts.get(1), parts.get(2));
        }
        default -> {}
      }
    }
    throw Forms.wrong(
        told, Edn.write(one) + " should be [:r key value], [:w key value] or [:append key value]");
  }

  /// What it writes or appends.
  List<MicroOperation> writes() {
    return operations.stream().filter(operation -> operation.kind != Kind.READ).toList();
  }

  /// Whether it writes the key again after a value.
  boolean overwrites(@Nullable Object key, @Nullable Object value) {
    Object last = null;
    for (MicroOperation write : writes()) {
      if (Objects.equals(write.key, key)) {
        last = write.value;
      }
    }
    return !Objects.equals(last, value);
  }
}
