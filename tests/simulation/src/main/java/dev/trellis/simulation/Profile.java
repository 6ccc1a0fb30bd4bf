package dev.trellis.simulation;

import java.util.List;

/// The kind of day that a seed stands for. Each brings another part of the protocol into trouble; a
/// mixture of all of it at once would seldom get far enough for the rare cases.
public enum Profile {
  /// Only messages and clocks go wrong.
  CALM(3, 4, 2, 2_000, Fault.CLOCK_JUMP),
  CRASHES(
      3,
      5,
      2,
      900,
      Fault.CRASH,
      Fault.CRASH,
      Fault.CRASH,
      Fault.PAUSE,
      Fault.RELAPSE,
      Fault.RELAPSE),
  PARTITIONS(3, 5, 2, 900, Fault.PARTITION, Fault.PARTITION, Fault.PARTITION, Fault.CRASH),
  SUSPICION(
      3,
      5,
      2,
      700,
      Fault.SUSPICION,
      Fault.SUSPICION,
      Fault.SUSPICION,
      Fault.PAUSE,
      Fault.DECLARE_GONE,
      Fault.CRASH,
      Fault.RELAPSE),
  CHURN(
      3,
      6,
      2,
      700,
      Fault.JOIN,
      Fault.JOIN,
      Fault.LEAVE,
      Fault.LEAVE,
      Fault.CRASH_JOINING,
      Fault.CRASH_LEAVING,
      Fault.CRASH,
      Fault.PARTITION),
  /// Nodes come and go, but all others hear each other, so what a read may miss is narrow.
  REPLACEMENTS(4, 5, 1, 500, Fault.CRASH, Fault.CRASH, Fault.JOIN, Fault.JOIN, Fault.LEAVE),
  /// Much is deleted, and forgotten soon.
  DELETES(
      3,
      4,
      1,
      900,
      Fault.PARTITION,
      Fault.PARTITION,
      Fault.PAUSE,
      Fault.SUSPICION,
      Fault.JOIN,
      Fault.LEAVE,
      Fault.CRASH),
  /// Large values, and links that hold few of them.
  SMALL_BUFFERS(3, 4, 1, 900, Fault.PARTITION, Fault.PARTITION, Fault.PAUSE, Fault.CRASH),
  /// Values so large that they are not sent once more for a write that is repeated.
  LARGE_VALUES(
      3, 5, 1, 500, Fault.PARTITION, Fault.SUSPICION, Fault.SUSPICION, Fault.PAUSE, Fault.CRASH),
  /// Nodes die and start again at once, while what they wrote last is under way.
  RESTARTS(
      5,
      6,
      1,
      150,
      Fault.RESTART_HALF_HEARD,
      Fault.RESTART_HALF_HEARD,
      Fault.RESTART_HALF_HEARD,
      Fault.SUSPICION),
  /// Keys are placed by hand, again and again, while nodes come and go.
  PLACEMENTS(4, 6, 2, 700, Fault.CRASH, Fault.JOIN, Fault.LEAVE, Fault.LAG),
  /// Nodes leave under a load that does not end before they have.
  BUSY_LEAVES(4, 5, 1, 700, Fault.LEAVE, Fault.LEAVE_AND_CRASH, Fault.LEAVE_AND_CRASH, Fault.JOIN),
  /// Nodes act upon views that others have left behind.
  LAGGING_VIEWS(
      3, 5, 2, 400, Fault.LAG, Fault.LAG, Fault.JOIN, Fault.LEAVE, Fault.CRASH, Fault.SUSPICION),
  /// The number of lost nodes to survive changes.
  TOLERANCE(
      3,
      6,
      2,
      700,
      Fault.TOLERATE,
      Fault.TOLERATE,
      Fault.CRASH,
      Fault.JOIN,
      Fault.LEAVE,
      Fault.PARTITION),
  /// All nodes lose power at once, again and again: what was durable is there again.
  BLACKOUTS(3, 5, 2, 2_500, Fault.BLACKOUT, Fault.BLACKOUT, Fault.CRASH, Fault.RELAPSE, Fault.JOIN),
  MANY_SHARDS(3, 4, 3, 1_000, Fault.CRASH, Fault.JOIN, Fault.LEAVE, Fault.PAUSE, Fault.SUSPICION),
  EVERYTHING(
      4,
      7,
      2,
      500,
      Fault.CRASH,
      Fault.CRASH_JOINING,
      Fault.CRASH_LEAVING,
      Fault.PAUSE,
      Fault.PARTITION,
      Fault.PARTITION,
      Fault.SUSPICION,
      Fault.SUSPICION,
      Fault.JOIN,
      Fault.LEAVE,
      Fault.DECLARE_GONE,
      Fault.LAG,
      Fault.CLOCK_JUMP);

  private final int nodesMin;
  private final int nodesMax;
  private final int shardsMax;
  private final int faultEveryMillis;

  @SuppressWarnings("ImmutableEnumChecker") // List.of makes it so
  private final List<Fault> faults;

  Profile(int nodesMin, int nodesMax, int shardsMax, int faultEveryMillis, Fault... faults) {
    this.nodesMin = nodesMin;
    this.nodesMax = nodesMax;
    this.shardsMax = shardsMax;
    this.faultEveryMillis = faultEveryMillis;
    this.faults = List.of(faults);
  }

  /// Whether clients go on until all that leave have left.
  boolean isBusy() {
    return this == BUSY_LEAVES;
  }

  /// Whether only what was durable is sure to be there in the end.
  boolean losesPower() {
    return this == BLACKOUTS;
  }

  /// Whether values are large, for links that hold few of them.
  boolean isBulky() {
    return this == SMALL_BUFFERS || this == LARGE_VALUES;
  }

  /// Of so many sendings one goes to any shard that may take it, and the others to the best.
  int targetsAmong() {
    return this == RESTARTS || this == PLACEMENTS ? 2 : 4;
  }

  int clients() {
    return isBusy() ? 10 : 4;
  }

  /// Longest time, exclusive, for which a client does nothing between two steps.
  int pauseMaxMillis() {
    return isBusy() ? 10 : 80;
  }

  /// Nodes that found the cluster: at least so many.
  int nodesMin() {
    return nodesMin;
  }

  /// At most so many.
  int nodesMax() {
    return nodesMax;
  }

  int shardsMax() {
    return shardsMax;
  }

  /// Mean time between two faults.
  int faultEveryMillis() {
    return faultEveryMillis;
  }

  /// What goes wrong; the more often it is listed, the more often it does.
  List<Fault> faults() {
    return faults;
  }
}
