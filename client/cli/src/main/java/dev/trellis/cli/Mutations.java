package dev.trellis.cli;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import java.util.List;

/// Mutations from what people type.
final class Mutations {
  private Mutations() {}

  /// The mutation that brings one typed value into a value of a kind: puts it, raises to it, adds
  /// it.
  ///
  /// @throws IllegalArgumentException if the kind needs more than one typed value, or another one
  static Mutation ofText(Kind kind, Payload value) {
    return switch (kind) {
      case LWW -> new Mutation.Put(value);
      case MAX -> new Mutation.Raise(whole(value));
      case MIN -> new Mutation.Lower(whole(value));
      case COUNTER -> new Mutation.Increment(whole(value));
      case FLAG -> {
        if (!value.text().equals("true")) {
          throw new IllegalArgumentException(
              "a flag can only become true, not " + value + "; delete the key to clear it");
        }
        yield new Mutation.Enable();
      }
      case GSET, OSET, ORSET -> new Mutation.Add(kind, List.of(value));
      case LOG -> new Mutation.Append(List.of(value));
      case SORTEDSET -> new Mutation.AddScored(List.of(scored(value.text())));
      case MAP, CAUSAL, MULTICAUSAL, PRIORITY ->
          throw new IllegalArgumentException(
              "a " + kind.word() + " cannot be written by a single value here");
    };
  }

  /// A member with its score, from `MEMBER=SCORE`; a member may hold more equals signs.
  ///
  /// @throws IllegalArgumentException if it has another form
  static Mutation.ScoredMember scored(String text) {
    int equals = text.lastIndexOf('=');
    if (equals < 0) {
      throw new IllegalArgumentException("'" + text + "' is no MEMBER=SCORE, such as alice=10");
    }
    try {
      return new Mutation.ScoredMember(
          Payload.ofText(text.substring(0, equals)),
          Double.parseDouble(text.substring(equals + 1)));
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          "the score in '" + text + "' is no number; write MEMBER=SCORE, such as alice=10", e);
    }
  }

  private static long whole(Payload value) {
    try {
      return Long.parseLong(value.text().strip());
    } catch (NumberFormatException e) {
      throw new IllegalArgumentException(
          value + " is no whole number from " + Long.MIN_VALUE + " to " + Long.MAX_VALUE, e);
    }
  }
}
