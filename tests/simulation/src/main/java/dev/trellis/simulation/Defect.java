package dev.trellis.simulation;

import dev.trellis.node.shard.Sabotage;
import java.util.Set;

/// A bug put in on purpose, to show that the checks would see it.
public enum Defect {
  NONE,
  /// Mutations travel without their numbers, so a repeat can't be recognised.
  REPEATS_FORGOTTEN,
  /// A restarted shard speaks under its former replica ids.
  INCARNATION_REUSED,
  /// Clients repeat to whatever incarnation answers, as if everything were idempotent.
  REPEATED_ELSEWHERE,
  NO_RETRANSMISSION(Sabotage.NO_RETRANSMISSION),
  EQUAL_TIMESTAMPS_KEEP_INCOMING(Sabotage.EQUAL_TIMESTAMPS_KEEP_INCOMING),
  COLLECT_WITHOUT_VOTE(Sabotage.COLLECT_WITHOUT_VOTE),
  ACKNOWLEDGEMENTS_PER_SHARD(Sabotage.ACKNOWLEDGEMENTS_PER_SHARD),
  REPEATS_FORGOTTEN_ON_DISCONNECT(Sabotage.REPEATS_FORGOTTEN_ON_DISCONNECT),
  DROP_UNACKNOWLEDGED(Sabotage.DROP_UNACKNOWLEDGED),
  INCOMPLETE_ANSWERS_MISSING(Sabotage.INCOMPLETE_ANSWERS_MISSING),
  DURABLE_BEFORE_SYNC(Sabotage.DURABLE_BEFORE_SYNC),
  TAGS_IGNORED(Sabotage.TAGS_IGNORED),
  FOLDED_EARLY(Sabotage.FOLDED_EARLY);

  @SuppressWarnings("ImmutableEnumChecker") // Set.of makes it so
  private final Set<Sabotage> sabotage;

  Defect(Sabotage... sabotage) {
    this.sabotage = Set.of(sabotage);
  }

  /// What the shards do wrong.
  Set<Sabotage> sabotage() {
    return sabotage;
  }
}
