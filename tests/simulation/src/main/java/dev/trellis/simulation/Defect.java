package dev.trellis.simulation;

/// A bug put in on purpose, to show that the checks would see it.
public enum Defect {
  NONE,
  /// Mutations travel without their numbers, so a repeat can't be recognised.
  REPEATS_FORGOTTEN,
  /// A restarted shard speaks under its former replica ids.
  INCARNATION_REUSED,
  /// Clients repeat to whatever incarnation answers, as if everything were idempotent.
  REPEATED_ELSEWHERE
}
