package dev.trellis.history.linear;

import dev.trellis.history.Call;
import dev.trellis.history.HistoryException;
import dev.trellis.history.Operation;

/// Errors about calls that no model can carry out.
final class Misfits {
  private Misfits() {}

  static HistoryException unknownFunction(Call call, String model, String functions) {
    return new HistoryException(
        at(call.invokedAt(), call.invoke())
            + "the model "
            + model
            + " has no function "
            + call.invoke().f()
            + ", only "
            + functions);
  }

  static HistoryException invocation(Call call, String problem) {
    return new HistoryException(at(call.invokedAt(), call.invoke()) + problem);
  }

  static HistoryException completion(Call call, String problem) {
    return new HistoryException(at(call.completedAt(), call.completion().orElseThrow()) + problem);
  }

  private static String at(int place, Operation operation) {
    return "operation " + place + ", " + operation + ": ";
  }
}
