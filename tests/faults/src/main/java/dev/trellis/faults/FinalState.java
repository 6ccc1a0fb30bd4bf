package dev.trellis.faults;

import dev.trellis.history.Call;
import dev.trellis.history.History;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// What is left of a key once all is mended and at rest.
final class FinalState {
  private FinalState() {}

  /// The last read that was made then; empty if none succeeded.
  static Optional<Call> read(History history) {
    return reads(history).stream().reduce((earlier, later) -> later);
  }

  private static List<Call> reads(History history) {
    return history.calls("read").stream().filter(FinalState::isFinal).filter(Call::isOk).toList();
  }

  static boolean isFinal(Call call) {
    return Boolean.TRUE.equals(call.invoke().extra(Workload.FINAL));
  }

  /// A value as a whole number; -1 for nil.
  static long number(@Nullable Object value) {
    return value instanceof Long number ? number : -1;
  }
}
