package dev.trellis.faults;

import dev.trellis.client.DefiniteException;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.faults.Workload.Step;
import dev.trellis.history.HistoryWriter;
import dev.trellis.history.Operation;
import java.util.Map;
import java.util.Optional;

/// Makes the calls of a workload through one client and writes them down: each before it is sent,
/// and again when its outcome is known. Any thread may use it.
///
/// @param history of the workload
record RecordedCalls(Trellis client, Workload workload, HistoryWriter history) {
  /// Makes one call.
  ///
  /// @param fields of the invocation beside the usual ones
  /// @return `OK`, `FAIL` or `INFO`
  Operation.Type make(long process, Map<String, ?> fields, Step step) {
    Operation invocation =
        Operation.invoke(process, step.f(), Workload.keyed(step.key(), step.argument()));
    for (Map.Entry<String, ?> field : fields.entrySet()) {
      invocation = invocation.with(field.getKey(), field.getValue());
    }
    history.append(invocation);
    try {
      Object result = step.action().perform(client);
      Told told = result instanceof Told more ? more : new Told(result, Map.of());
      Operation completion =
          invocation.completed(Operation.Type.OK, Workload.keyed(step.key(), told.value()));
      for (Map.Entry<String, Object> field : told.fields().entrySet()) {
        completion = completion.with(field.getKey(), field.getValue());
      }
      Optional<Object> version = workload.version(told.value());
      history.append(version.isPresent() ? completion.with("version", version.get()) : completion);
      return Operation.Type.OK;
    } catch (TrellisException e) {
      return failed(invocation, step, outcome(e, step), e.code().name(), e);
    } catch (RuntimeException e) {
      // The client promises to tell which of the two it was.
      return failed(invocation, step, Operation.Type.INFO, "DEFECT", e);
    }
  }

  private Operation.Type failed(
      Operation invocation,
      Step step,
      Operation.Type outcome,
      String error,
      RuntimeException failure) {
    history.append(
        invocation
            .completed(outcome, Workload.keyed(step.key(), step.argument()))
            .with("error", error)
            .with("message", String.valueOf(failure.getMessage())));
    return outcome;
  }

  /// A read that failed changed nothing; nor did a write that no replica took.
  private static Operation.Type outcome(TrellisException failure, Step step) {
    return switch (failure) {
      case DefiniteException definite -> Operation.Type.FAIL;
      case IndefiniteException indefinite when step.isRead() -> Operation.Type.FAIL;
      case IndefiniteException.NotEnoughReplicas few when !few.isKept() -> Operation.Type.FAIL;
      case IndefiniteException indefinite -> Operation.Type.INFO;
    };
  }
}
