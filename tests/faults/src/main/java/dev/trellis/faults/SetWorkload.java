package dev.trellis.faults;

import dev.trellis.client.CallOptions;
import dev.trellis.client.GrowSetHandle;
import dev.trellis.client.Trellis;
import dev.trellis.history.check.ReplicaConvergence;
import dev.trellis.history.check.SetFull;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.random.RandomGenerator;

/// Elements that are added and never removed: each that was acknowledged must be there in the end,
/// and nothing that nobody added.
class SetWorkload extends Workload {
  private static final int KEYS = 10;
  private static final int READ_PERCENT = 15;

  private final CallOptions options;
  private final AtomicLong next = new AtomicLong();

  SetWorkload() {
    this("set", REPLICATED);
  }

  /// @param options of all calls but the last reads
  SetWorkload(String name, CallOptions options) {
    super(name, KEYS);
    this.options = options;
  }

  @Override
  final boolean isDurable() {
    return options.acknowledgement() == Acknowledgement.DURABLE;
  }

  @Override
  final Steps steps(int number, RandomGenerator random) {
    return () -> {
      int key = random.nextInt(KEYS);
      return random.nextInt(100) < READ_PERCENT ? read(key, options) : add(key);
    };
  }

  private Step add(int key) {
    long element = next.getAndIncrement();
    return new Step(
        "add",
        key,
        element,
        client -> {
          var _ = set(client, key, options).add(Long.toString(element));
          return element;
        });
  }

  private Step read(int key, CallOptions as) {
    return new Step("read", key, null, client -> numbers(set(client, key, as).elements()));
  }

  private GrowSetHandle set(Trellis client, int key, CallOptions as) {
    return client.growSet(Payload.ofText(keyOf(key))).withOptions(as);
  }

  @Override
  final Step finalRead(int key) {
    return read(key, ALL);
  }

  @Override
  List<Promise> promises(Fault fault, List<Ending> endings) {
    // What is on its way to the disk is read, and need not get there.
    SetFull checker = fault.takesMemory() ? SetFull.ofAcknowledged() : new SetFull();
    return List.of(new Promise(checker, true), new Promise(new ReplicaConvergence(), true));
  }
}
