package dev.trellis.node.shard;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Value;
import dev.trellis.wire.ErrorCode;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/// Picks the value that an operation is about among the live ones of an entry.
final class Kinds {
  private Kinds() {}

  /// The live value of the wanted kind. Without a wanted kind, the only live value.
  ///
  /// @param live not empty
  /// @throws Refusal `KIND_MISMATCH` naming what there is
  static Value<?> choose(List<Value<?>> live, Optional<Kind> wanted, String subject)
      throws Refusal {
    if (wanted.isEmpty() && live.size() == 1) {
      return live.get(0);
    }
    for (Value<?> value : live) {
      if (wanted.isPresent() && value.kindNumber() == wanted.get().number()) {
        return value;
      }
    }
    throw new Refusal(
        ErrorCode.KIND_MISMATCH,
        wanted.isPresent()
            ? subject + " holds " + words(live) + ", not " + wanted.get().word()
            : subject + " got several kinds at once: " + words(live) + "; name one of them");
  }

  private static String words(List<Value<?>> values) {
    return values.stream()
        .map(value -> word(value.kindNumber()))
        .collect(Collectors.joining(" and "));
  }

  private static String word(int kindNumber) {
    return Kind.ofNumber(kindNumber)
        .map(Kind::word)
        .orElse("kind " + kindNumber + " of a newer version");
  }
}
