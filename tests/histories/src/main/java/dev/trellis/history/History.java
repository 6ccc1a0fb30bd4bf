package dev.trellis.history;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/// What happened, in real-time order, and the clients' calls in it. Immutable.
///
/// Operations of processes that are no clients (`:nemesis`) are kept and make no calls. A process
/// has one call at a time; one that was told `:info` may ask again, while that call stays open.
public final class History {
  private final List<Operation> operations;
  private final List<Call> calls;

  private History(List<Operation> operations, List<Call> calls) {
    this.operations = operations;
    this.calls = calls;
  }

  /// The history of these operations.
  ///
  /// @throws HistoryException if a client's completion has no invocation, or another's function, or
  ///   if a client asks while its last call is open
  public static History of(List<Operation> operations) {
    List<Operation> all = List.copyOf(operations);
    List<Call> calls = new ArrayList<>();
    Map<Object, Integer> open = new HashMap<>(); // process to its call's place among the calls
    for (int at = 0; at < all.size(); at++) {
      Operation operation = all.get(at);
      if (!operation.isClient()) {
        continue;
      }
      if (operation.type() == Operation.Type.INVOKE) {
        Integer before = open.put(operation.process(), calls.size());
        if (before != null) {
          throw wrong(
              at,
              operation,
              "process "
                  + operation.process()
                  + " asks again before it was told what became of operation "
                  + calls.get(before).invokedAt());
        }
        calls.add(new Call(operation, Optional.empty(), at, Call.NEVER));
        continue;
      }
      Integer number = open.remove(operation.process());
      if (number == null) {
        throw wrong(
            at,
            operation,
            "process " + operation.process() + " is told of a call that it did not make");
      }
      Call call = calls.get(number);
      if (!operation.f().equals(call.invoke().f())) {
        throw wrong(
            at,
            operation,
            "process "
                + operation.process()
                + " asked for "
                + call.invoke().f()
                + " and is told of "
                + operation.f());
      }
      int completedAt = operation.type() == Operation.Type.INFO ? Call.NEVER : at;
      calls.set(
          number, new Call(call.invoke(), Optional.of(operation), call.invokedAt(), completedAt));
    }
    return new History(all, List.copyOf(calls));
  }

  private static HistoryException wrong(int at, Operation operation, String problem) {
    return new HistoryException("operation " + at + ", " + operation + ": " + problem);
  }

  /// All operations, those of the nemesis too.
  public List<Operation> operations() {
    return operations;
  }

  /// The clients' calls in the order in which they were made.
  public List<Call> calls() {
    return calls;
  }

  /// The calls of one function, in the order in which they were made.
  public List<Call> calls(String f) {
    return calls.stream().filter(call -> call.isAbout(f)).toList();
  }

  /// The first so many operations, as a history of its own.
  public History prefix(int count) {
    return of(operations.subList(0, count));
  }
}
