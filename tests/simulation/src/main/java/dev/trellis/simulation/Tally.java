package dev.trellis.simulation;

import java.util.LinkedHashMap;
import java.util.Map;

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

  /// What was counted, by name.
  public Map<String, Long> counts() {
    Map<String, Long> counts = new LinkedHashMap<>();
    counts.put("acknowledged", (long) ok);
    counts.put("refused", (long) failed);
    counts.put("unknown outcomes", (long) unknownEndings);
    counts.put("repeats recognised", (long) repeats);
    counts.put("repeats refused", (long) unknown);
    counts.put("clock skews", (long) clockSkews);
    counts.put("superseded", (long) superseded);
    counts.put("kind mismatches", (long) kindMismatches);
    counts.put("two kinds of one key", (long) twoKinds);
    counts.put("generations started", (long) generationsStarted);
    counts.put("tombstones collected", collected);
    counts.put("restarts", (long) restarts);
    return counts;
  }

  @Override
  public String toString() {
    return counts().toString();
  }
}
