package dev.trellis.faults;

import dev.trellis.history.check.NoResurrection;
import dev.trellis.history.check.ReplicaConvergence;
import java.util.List;
import java.util.random.RandomGenerator;

/// Registers that are put and deleted, each by one thread: what was there before an acknowledged
/// delete must not be there in the end, and what was put after it must.
final class DeleteWorkload extends Workload {
  // Few, so that each is deleted in any run: a key of which nothing was deleted shows nothing.
  private static final int KEYS_EACH = 2;
  private static final int DELETE_PERCENT = 30;
  private static final int READ_PERCENT = 25;

  private final int workers;

  DeleteWorkload(int workers) {
    super("delete", workers * KEYS_EACH);
    this.workers = workers;
  }

  @Override
  Steps steps(int number, RandomGenerator random) {
    return new Steps() {
      private long next;

      @Override
      public Step next() {
        int key = number * KEYS_EACH + random.nextInt(KEYS_EACH);
        int drawn = random.nextInt(100);
        if (drawn < DELETE_PERCENT) {
          return delete(key);
        }
        if (drawn < DELETE_PERCENT + READ_PERCENT) {
          return readRegister(random.nextInt(workers * KEYS_EACH), REPLICATED);
        }
        return write(key, next++);
      }
    };
  }

  @Override
  Step finalRead(int key) {
    return readRegister(key, ALL);
  }

  @Override
  List<Promise> promises(Fault fault, List<Ending> endings) {
    return List.of(
        new Promise(new DeleteCheck(), fault.keepsOrder()),
        new Promise(new NoResurrection(true, fault.clockError()), fault.keepsOrder()),
        new Promise(new ReplicaConvergence(), true));
  }
}
