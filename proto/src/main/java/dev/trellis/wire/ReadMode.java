package dev.trellis.wire;

import java.util.Arrays;
import java.util.Locale;

/// How many replicas a read asks.
public enum ReadMode {
  /// One complete replica answers.
  ANY(0),
  /// Every replica is asked and the answers merged.
  ALL(1);

  private final int number;

  ReadMode(int number) {
    this.number = number;
  }

  /// The number on the wire.
  public int number() {
    return number;
  }

  /// The name people type.
  public String word() {
    return name().toLowerCase(Locale.ROOT);
  }

  /// The mode of a name that people type.
  ///
  /// @throws IllegalArgumentException for an unknown word; the message lists the known ones
  public static ReadMode ofWord(String word) {
    return Arrays.stream(values())
        .filter(mode -> mode.word().equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown read mode '" + word + "'; known are any, all"));
  }
}
