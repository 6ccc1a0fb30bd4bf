package dev.trellis.simulation;

import dev.trellis.node.shard.ShardStatistics;
import dev.trellis.wire.Mutation;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/// How often each hard case happened: a suite in which one never did has shown little.
public final class Tally {
  /// What a suite may do without.
  static final Set<String> MAY_NEVER_HAPPEN =
      Set.of("repeats refused", "superseded after acknowledgement");

  int ok;
  int replicated;
  int failed;
  int unknownEndings;
  int reads;
  int placements;
  int thresholdsReached;
  int thresholdsNotReached;
  int watchesTold;
  int repeats;
  int unknown;
  int clockSkews;
  int superseded;
  int moved;
  int notOwner;
  int notEnoughReplicas;
  int kindMismatches;
  int supersededAfterwards;
  int expiryRaces;
  int generationRaces;
  int twoKinds;
  int crashes;
  int crashesWhileJoining;
  int crashesWhileLeaving;
  int restarts;
  int restartsHalfHeard;
  int blackouts;
  int givenUp;
  int declaredGoneAlive;
  int falseSuspicions;
  int lags;
  int differingViews;
  int partitions;
  int toleranceChanges;
  int joins;
  int leaves;
  int runsAgain;
  int runsTooLate;
  long folded;
  long collected;
  long linkOverflows;
  long handedBack;
  long standInWrites;
  long partitionsLost;

  void count(Step step) {
    switch (step.ending()) {
      case OK -> ok++;
      case FAILED -> failed++;
      case UNKNOWN -> unknownEndings++;
    }
    replicated += step.ending() == Step.Ending.OK && step.replicated() ? 1 : 0;
    placements +=
        step.ending() == Step.Ending.OK && step.mutation() instanceof Mutation.Place ? 1 : 0;
  }

  /// Adds what a shard has counted in its life.
  void add(ShardStatistics shard) {
    collected += shard.collected();
    linkOverflows += shard.linkOverflows();
    handedBack += shard.handedBack();
    standInWrites += shard.standInWrites();
    partitionsLost += shard.partitionsLost();
    twoKinds += (int) shard.kindConflicts();
  }

  /// Adds the counts of another run.
  public void add(Tally other) {
    ok += other.ok;
    replicated += other.replicated;
    failed += other.failed;
    unknownEndings += other.unknownEndings;
    reads += other.reads;
    placements += other.placements;
    thresholdsReached += other.thresholdsReached;
    thresholdsNotReached += other.thresholdsNotReached;
    watchesTold += other.watchesTold;
    repeats += other.repeats;
    unknown += other.unknown;
    clockSkews += other.clockSkews;
    superseded += other.superseded;
    moved += other.moved;
    notOwner += other.notOwner;
    notEnoughReplicas += other.notEnoughReplicas;
    kindMismatches += other.kindMismatches;
    supersededAfterwards += other.supersededAfterwards;
    expiryRaces += other.expiryRaces;
    generationRaces += other.generationRaces;
    twoKinds += other.twoKinds;
    crashes += other.crashes;
    crashesWhileJoining += other.crashesWhileJoining;
    crashesWhileLeaving += other.crashesWhileLeaving;
    restarts += other.restarts;
    restartsHalfHeard += other.restartsHalfHeard;
    blackouts += other.blackouts;
    givenUp += other.givenUp;
    declaredGoneAlive += other.declaredGoneAlive;
    falseSuspicions += other.falseSuspicions;
    lags += other.lags;
    differingViews += other.differingViews;
    partitions += other.partitions;
    toleranceChanges += other.toleranceChanges;
    joins += other.joins;
    leaves += other.leaves;
    runsAgain += other.runsAgain;
    runsTooLate += other.runsTooLate;
    folded += other.folded;
    collected += other.collected;
    linkOverflows += other.linkOverflows;
    handedBack += other.handedBack;
    standInWrites += other.standInWrites;
  }

  /// What was counted, by name.
  public Map<String, Long> counts() {
    Map<String, Long> counts = new LinkedHashMap<>();
    counts.put("acknowledged", (long) ok);
    counts.put("acknowledged as replicated", (long) replicated);
    counts.put("refused", (long) failed);
    counts.put("unknown outcomes", (long) unknownEndings);
    counts.put("reads", (long) reads);
    counts.put("placements by hand", (long) placements);
    counts.put("states told to watchers", (long) watchesTold);
    counts.put("thresholds reached", (long) thresholdsReached);
    counts.put("thresholds not reached in time", (long) thresholdsNotReached);
    counts.put("repeats recognised", (long) repeats);
    counts.put("repeats refused", (long) unknown);
    counts.put("clock skews", (long) clockSkews);
    counts.put("superseded", (long) superseded);
    counts.put("superseded after acknowledgement", (long) supersededAfterwards);
    counts.put("not the owner", (long) notOwner);
    counts.put("moved", (long) moved);
    counts.put("not enough replicas", (long) notEnoughReplicas);
    counts.put("kind mismatches", (long) kindMismatches);
    counts.put("two kinds of one key", (long) twoKinds);
    counts.put("races with expiry", (long) expiryRaces);
    counts.put("races of generations", (long) generationRaces);
    counts.put("tombstones collected", collected);
    counts.put("link buffer overflows", linkOverflows);
    counts.put("hand-backs", handedBack);
    counts.put("stand-ins' writes", standInWrites);
    counts.put("crashes", (long) crashes);
    counts.put("crashes while joining", (long) crashesWhileJoining);
    counts.put("crashes while leaving", (long) crashesWhileLeaving);
    counts.put("restarts under the same id", (long) restarts);
    counts.put("restarts of who was half heard", (long) restartsHalfHeard);
    counts.put("blackouts", (long) blackouts);
    counts.put("live nodes declared gone", (long) declaredGoneAlive);
    counts.put("returns of nodes declared gone", (long) givenUp);
    counts.put("false suspicions", (long) falseSuspicions);
    counts.put("shards behind their view", (long) lags);
    counts.put("views that differ", (long) differingViews);
    counts.put("partitions", (long) partitions);
    counts.put("changes of the fault tolerance", (long) toleranceChanges);
    counts.put("joins", (long) joins);
    counts.put("leaves", (long) leaves);
    counts.put("functions run again", (long) runsAgain);
    counts.put("functions run again too late", (long) runsTooLate);
    counts.put("counters folded", folded);
    return counts;
  }

  @Override
  public String toString() {
    return counts().toString();
  }
}
