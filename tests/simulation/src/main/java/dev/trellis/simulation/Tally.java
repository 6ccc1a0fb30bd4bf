package dev.trellis.simulation;

/// How often each hard case happened: a suite in which one never did has shown little.
public final class Tally {
  int ok;
  int failed;
  int unknownEndings;
  int repeats;
  int unknown;
  int clockSkews;
  int superseded;
  int kindMismatches;
  int restarts;
  long collected;
  int twoKinds;
  int generationsStarted;

  void count(Step.Ending ending) {
    switch (ending) {
      case OK -> ok++;
      case FAILED -> failed++;
      case UNKNOWN -> unknownEndings++;
    }
  }

  /// Adds the counts of another run.
  public void add(Tally other) {
    ok += other.ok;
    failed += other.failed;
    unknownEndings += other.unknownEndings;
    repeats += other.repeats;
    unknown += other.unknown;
    clockSkews += other.clockSkews;
    superseded += other.superseded;
    kindMismatches += other.kindMismatches;
    restarts += other.restarts;
    collected += other.collected;
    twoKinds += other.twoKinds;
    generationsStarted += other.generationsStarted;
  }

  @Override
  public String toString() {
    return "acknowledged %d, refused %d, unknown %d; repeats recognised %d, repeats refused %d,"
            .formatted(ok, failed, unknownEndings, repeats, unknown)
        + " clock skews %d, superseded %d, kind mismatches %d, two kinds of one key %d,"
            .formatted(clockSkews, superseded, kindMismatches, twoKinds)
        + " generations started %d, tombstones collected %d, restarts %d"
            .formatted(generationsStarted, collected, restarts);
  }
}
