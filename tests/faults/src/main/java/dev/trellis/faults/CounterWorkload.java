package dev.trellis.faults;

import dev.trellis.client.CallOptions;
import dev.trellis.client.CounterHandle;
import dev.trellis.client.Trellis;
import dev.trellis.history.check.CounterInterval;
import dev.trellis.history.check.ReplicaConvergence;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.random.RandomGenerator;

/// Counters that are only added to: the value must lie between the sum of what was acknowledged and
/// that of what may have happened.
final class CounterWorkload extends Workload {
  private static final int KEYS = 10;
  private static final int READ_PERCENT = 30;
  private static final int MOST = 5;

  CounterWorkload() {
    super("counter", KEYS);
  }

  @Override
  Steps steps(int number, RandomGenerator random) {
    return () -> {
      int key = random.nextInt(KEYS);
      return random.nextInt(100) < READ_PERCENT
          ? read(key, REPLICATED)
          : add(key, 1 + random.nextInt(MOST));
    };
  }

  private Step add(int key, long amount) {
    return new Step(
        "add",
        key,
        amount,
        client -> {
          var _ = counter(client, key, REPLICATED).add(amount);
          return amount;
        });
  }

  private Step read(int key, CallOptions options) {
    return new Step("read", key, null, client -> counter(client, key, options).value());
  }

  private CounterHandle counter(Trellis client, int key, CallOptions options) {
    return client.counter(Payload.ofText(keyOf(key))).withOptions(options);
  }

  @Override
  Step finalRead(int key) {
    return read(key, ALL);
  }

  @Override
  List<Promise> promises(Fault fault, List<Ending> endings) {
    return List.of(
        new Promise(new CounterInterval(true), true), new Promise(new ReplicaConvergence(), true));
  }
}
