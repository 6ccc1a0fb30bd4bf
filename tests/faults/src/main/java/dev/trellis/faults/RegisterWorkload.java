package dev.trellis.faults;

import dev.trellis.history.check.LwwConvergence;
import dev.trellis.history.check.ReplicaConvergence;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/// Registers that everybody writes: all replicas must hold the same in the end, and something that
/// was written. That a register is linearizable is not promised; whether it was is told.
final class RegisterWorkload extends Workload {
  private static final int KEYS = 10;

  private final AtomicLong next = new AtomicLong();

  RegisterWorkload() {
    super("register", KEYS);
  }

  @Override
  Steps steps(int number, RandomGenerator random) {
    return () -> {
      int key = random.nextInt(KEYS);
      return random.nextBoolean()
          ? readRegister(key, REPLICATED)
          : write(key, next.getAndIncrement());
    };
  }

  @Override
  Step finalRead(int key) {
    return readRegister(key, ALL);
  }

  @Override
  List<Promise> promises(Fault fault, List<Ending> endings) {
    return List.of(
        new Promise(new LwwConvergence(fault.clockError()), fault.keepsOrder()),
        new Promise(new ReplicaConvergence(), true),
        new Promise(new LinearCheck(), false));
  }
}
