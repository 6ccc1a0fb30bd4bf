package dev.trellis.casestudy;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.Handles;
import dev.trellis.client.MultiCausalHandle;
import dev.trellis.client.Trellis;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.View;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;

/// What transactions write and read: numbers, as values of one kind.
enum Values {
  /// The last one written wins.
  REGISTERS {
    @Override
    void put(
        Handles handles, String key, long number, HybridTimestamp stamp, Acknowledgement level) {
      handles
          .register(key)
          .withOptions(CallOptions.DEFAULT.withAcknowledgement(level).withStamp(stamp))
          .putText(Long.toString(number));
    }

    @Override
    CompletableFuture<Optional<Long>> getAsync(Handles handles, String key) {
      return handles.register(key).getTextAsync().thenApply(text -> text.map(Long::valueOf));
    }
  },
  /// A value replaces what its writer has read, and stands beside what he has not.
  CAUSAL {
    @Override
    void put(
        Handles handles, String key, long number, HybridTimestamp stamp, Acknowledgement level) {
      MultiCausalHandle handle = handles.multiCausal(key);
      CausalContext replaced = handle.get().context();
      handle
          .withOptions(CallOptions.DEFAULT.withAcknowledgement(level))
          .put(Payload.ofText(Long.toString(number)), replaced, Map.of());
    }

    @Override
    CompletableFuture<Optional<Long>> getAsync(Handles handles, String key) {
      return handles.multiCausal(key).getAsync().thenApply(Values::greatest);
    }
  };

  private static Optional<Long> greatest(View.Siblings found) {
    return found.siblings().stream()
        .map(sibling -> Long.valueOf(sibling.value().text()))
        .max(Comparator.naturalOrder());
  }

  /// Writes a number.
  ///
  /// @param stamp of what the last one wins
  abstract void put(
      Handles handles, String key, long number, HybridTimestamp stamp, Acknowledgement level);

  /// The number that was read: of several the greatest. Empty if there is none.
  abstract CompletableFuture<Optional<Long>> getAsync(Handles handles, String key);

  /// As [#getAsync].
  Optional<Long> get(Handles handles, String key) {
    return Trellis.await(getAsync(handles, key));
  }
}
