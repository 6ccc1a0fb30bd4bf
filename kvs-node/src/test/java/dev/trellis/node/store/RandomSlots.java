package dev.trellis.node.store;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.random.RandomGenerator;

/// Slots of every form that a store has, of sizes around the borders between them.
final class RandomSlots {
  private final RandomGenerator random;

  RandomSlots(RandomGenerator random) {
    this.random = random;
  }

  Slot slot(Payload key) {
    long birth = random.nextInt(3) == 0 ? random.nextLong(1L << 40) : 0;
    Optional<PlacementSetting> setting =
        random.nextInt(10) == 0 ? Optional.of(setting()) : Optional.empty();
    return new Slot(key, entry(), birth, setting);
  }

  private PlacementSetting setting() {
    Optional<Placement> placement =
        random.nextBoolean()
            ? Optional.of(new Placement(1 + random.nextInt(9), random.nextInt(9), 1))
            : Optional.empty();
    return new PlacementSetting(time(), random.nextLong(), time(), placement);
  }

  HybridTimestamp time() {
    return new HybridTimestamp(random.nextLong(1L << 50));
  }

  private Entry entry() {
    HybridTimestamp generation = random.nextInt(3) == 0 ? time() : HybridTimestamp.ZERO;
    return switch (random.nextInt(12)) {
      case 0 -> Entry.empty(generation);
      case 1 -> Entry.of(generation, LwwRegister.tombstone(time(), random.nextLong()));
      case 2 -> Entry.of(generation, new Flag(true));
      case 3 -> {
        ReplicaId replica = new ReplicaId(random.nextLong(), random.nextInt(100));
        Counter.Sums sums = new Counter.Sums(random.nextInt(1_000), random.nextInt(1_000));
        yield Entry.of(generation, Counter.of(Map.of(replica, sums)));
      }
      case 4 ->
          Entry.of(
              generation,
              Optional.of(new Expiry(time(), random.nextLong(), 1 + random.nextInt(1_000))),
              List.of(lww(20), new Flag(true)));
      case 5 -> Entry.of(generation, GrowSet.of(elements()));
      case 6 ->
          Entry.of(
              generation,
              Optional.of(new Expiry(time(), random.nextLong(), 1 + random.nextInt(1_000))),
              List.of(lww(20)));
      default -> Entry.of(generation, lww(random.nextInt(100) == 0 ? 300_000 : 600));
    };
  }

  private LwwRegister lww(int lengthMax) {
    long expiry = random.nextInt(4) == 0 ? 1 + random.nextInt(1_000) : Expiry.NEVER;
    byte[] bytes = new byte[random.nextInt(lengthMax)];
    random.nextBytes(bytes);
    return LwwRegister.of(time(), random.nextLong(), expiry, Payload.of(bytes));
  }

  private List<Payload> elements() {
    List<Payload> elements = new ArrayList<>();
    int count = random.nextInt(40);
    for (int i = 0; i < count; i++) {
      elements.add(Payload.ofText("element" + random.nextInt(1_000)));
    }
    return elements;
  }
}
