package dev.trellis.wire;

import java.util.Arrays;
import java.util.Locale;

/// How much a write waits for before it is answered.
public enum Acknowledgement {
  /// Whatever the cluster's default is: `REPLICATED` where it has k+1 nodes, else `ONE`.
  DEFAULT(0),
  /// Merged in one replica; gossip follows.
  ONE(1),
  /// Merged on k+1 distinct nodes.
  REPLICATED(2),
  /// As `REPLICATED`, and an SSD replica has synced it.
  DURABLE(3);

  private final int number;

  Acknowledgement(int number) {
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

  /// The level of a name that people type.
  ///
  /// @throws IllegalArgumentException for an unknown word; the message lists the known ones
  public static Acknowledgement ofWord(String word) {
    return Arrays.stream(values())
        .filter(level -> level.word().equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown acknowledgement '"
                        + word
                        + "'; known are default, one, replicated, durable"));
  }
}
