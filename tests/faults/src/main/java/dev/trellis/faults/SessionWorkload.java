package dev.trellis.faults;

import dev.trellis.history.check.MonotonicReads;
import dev.trellis.history.check.ReadYourWrites;
import dev.trellis.history.check.ReplicaConvergence;
import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// Registers with one writer each, who counts upwards, and readers who ask all replicas. As long as
/// all nodes hear each other, nobody may read less than what was acknowledged before. That reads of
/// one thread never go back is told only: what was read need not have been acknowledged.
final class SessionWorkload extends Workload {
  private static final int KEYS_EACH = 2;

  private final int workers;

  SessionWorkload(int workers) {
    super("session", workers * KEYS_EACH);
    this.workers = workers;
  }

  @Override
  Steps steps(int number, RandomGenerator random) {
    return new Steps() {
      private long next;

      @Override
      public Step next() {
        return switch (random.nextInt(4)) {
          case 0, 1 -> write(number * KEYS_EACH + random.nextInt(KEYS_EACH), next++);
          case 2 -> finalRead(number * KEYS_EACH + random.nextInt(KEYS_EACH));
          default -> finalRead(random.nextInt(workers * KEYS_EACH));
        };
      }
    };
  }

  /// The numbers of a key grow, so they tell which value is older.
  @Override
  Optional<Object> version(@Nullable Object result) {
    return Optional.ofNullable(result);
  }

  @Override
  Step finalRead(int key) {
    return readRegister(key, ALL);
  }

  @Override
  List<Promise> promises(Fault fault, List<Ending> endings) {
    return List.of(
        new Promise(new GrowingCheck(), fault.everybodyHeard()),
        new Promise(new ReadYourWrites(), fault.everybodyHeard()),
        new Promise(new MonotonicReads(), false),
        new Promise(new ReplicaConvergence(), true));
  }
}
