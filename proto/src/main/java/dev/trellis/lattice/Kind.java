package dev.trellis.lattice;

import java.util.Arrays;
import java.util.Locale;
import java.util.Optional;
import java.util.stream.Collectors;

/// The lattice kinds: each names a merge function. Numbers and names are part of the wire format
/// and of the REST interface; they are never reused.
public enum Kind {
  LWW(1),
  MAX(2),
  MIN(3),
  FLAG(4),
  COUNTER(5),
  GSET(6),
  ORSET(7),
  OSET(8),
  SORTEDSET(9),
  MAP(10),
  CAUSAL(11),
  MULTICAUSAL(12),
  PRIORITY(13),
  LOG(14);

  private static final Kind[] BY_NUMBER = new Kind[15];

  static {
    for (Kind kind : values()) {
      BY_NUMBER[kind.number] = kind;
    }
  }

  private final int number;

  Kind(int number) {
    this.number = number;
  }

  /// The number on the wire, 1 or more.
  public int number() {
    return number;
  }

  /// The name people type: `lww`, `orset`, …
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The kind of a wire number; empty for kinds that only a newer version knows.
  public static Optional<Kind> ofNumber(int number) {
    return number > 0 && number < BY_NUMBER.length
        ? Optional.ofNullable(BY_NUMBER[number])
        : Optional.empty();
  }

  /// The kind of a name that people type.
  ///
  /// @throws IllegalArgumentException for an unknown word; the message lists the known ones
  public static Kind ofWord(String word) {
    return Arrays.stream(values())
        .filter(kind -> kind.word().equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown kind '"
                        + word
                        + "'; the kinds are "
                        + Arrays.stream(values())
                            .map(Kind::word)
                            .collect(Collectors.joining(", "))));
  }
}
