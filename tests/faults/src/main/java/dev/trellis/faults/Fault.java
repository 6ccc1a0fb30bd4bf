package dev.trellis.faults;

import java.time.Duration;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Collectors;

/// A kind of thing that happens to a cluster while it serves.
enum Fault {
  KILL("a node is killed, and started again after a while", Need.NOTHING, true),
  BLACKOUT(
      "all nodes are killed at once, and started again: what was durable is there",
      Need.NOTHING,
      false),
  RESTART("a node is asked to stop, and started again", Need.NOTHING, true),
  PAUSE("one or two nodes stand still for a while without knowing", Need.NOTHING, false),
  ISOLATE("one node and the others do not hear each other", Need.CUTS, false),
  HALVES("a minority and the majority do not hear each other", Need.CUTS, false),
  RING("each node hears a majority, and no two the same", Need.CUTS, false),
  ONE_WAY("some nodes do not hear others, who hear them", Need.CUTS, false),
  CLIENTS("one node hears no client, and all other nodes", Need.CUTS, false),
  CLOCK("the clocks of one or two nodes are wrong by less than is tolerated", Need.CLOCKS, false),
  CLOCK_FAR("the clocks of one or two nodes are wrong by seconds", Need.CLOCKS, false),
  MEMBERS("nodes join and leave", Need.NOTHING, true),
  CHURN("a node is killed while another joins or leaves", Need.NOTHING, true);

  /// What must be there for it.
  enum Need {
    NOTHING,
    /// A lab that can cut ways.
    CUTS,
    /// libfaketime.
    CLOCKS
  }

  private static final Duration STAMP_ERROR = Duration.ofMillis(100);
  private static final Duration CLOCK_SKEW = Duration.ofMillis(400);
  private static final Duration CLOCK_FAR_SKEW = Duration.ofSeconds(30);

  private final String description;
  private final Need need;
  private final boolean everybodyHeard;

  Fault(String description, Need need, boolean everybodyHeard) {
    this.description = description;
    this.need = need;
    this.everybodyHeard = everybodyHeard;
  }

  /// Whether it takes all that is not on disk.
  boolean takesMemory() {
    return this == BLACKOUT;
  }

  String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// For people.
  String description() {
    return description;
  }

  Need need() {
    return need;
  }

  /// Whether all nodes that live hear each other throughout. Where they do not, a read of all
  /// replicas cannot have asked them all.
  boolean everybodyHeard() {
    return everybodyHeard;
  }

  /// How wrong clocks may be, at most; zero where they are right.
  Duration skewMax() {
    return switch (this) {
      case CLOCK -> CLOCK_SKEW;
      case CLOCK_FAR -> CLOCK_FAR_SKEW;
      default -> Duration.ZERO;
    };
  }

  /// By how much the stamps of two writes may be in another order than the writes: clients do not
  /// share a counter, and follow the clocks of nodes.
  Duration clockError() {
    return STAMP_ERROR.plus(skewMax().multipliedBy(2));
  }

  /// Whether the order in which values are written is that of their timestamps. Of clocks that are
  /// further off than `clock.skew.max`, 500 ms, nothing is promised that depends on it.
  boolean keepsOrder() {
    return this != CLOCK_FAR;
  }

  /// @throws IllegalArgumentException for an unknown word; the message lists the known ones
  static Fault ofWord(String word) {
    return Arrays.stream(values())
        .filter(fault -> fault.word().equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown fault '"
                        + word
                        + "'; known are "
                        + Arrays.stream(values()).map(Fault::word).collect(Collectors.joining(", "))
                        + ", or all"));
  }
}
