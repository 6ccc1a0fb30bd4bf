package dev.trellis.simulation;

import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.Origin;
import dev.trellis.node.shard.Outbox;
import dev.trellis.node.shard.ShardConfig;
import dev.trellis.node.shard.ShardCore;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import java.time.Duration;
import java.util.function.Consumer;
import java.util.random.RandomGenerator;

/// A shard under simulation: the real core and store, with a clock that is a bit wrong, pauses, and
/// restarts that lose everything.
final class SimulatedShard {
  private final int index;
  private final int shardCount;
  private final long clockOffsetMillis;
  private final Defect defect;
  private final RandomGenerator random;
  private ShardConfig config;
  private ShardCore core;
  private long pausedUntil;
  private long collectedBefore; // by earlier incarnations

  SimulatedShard(
      int index, int shardCount, long clockOffsetMillis, Defect defect, RandomGenerator random) {
    this.index = index;
    this.shardCount = shardCount;
    this.clockOffsetMillis = clockOffsetMillis;
    this.defect = defect;
    this.random = random;
    this.config = config(random.nextLong());
    this.core = new ShardCore(config, new MemoryStore());
  }

  private ShardConfig config(long incarnation) {
    ShardConfig defaults = ShardConfig.of("simulated-" + index, index, shardCount, incarnation);
    return new ShardConfig(
        defaults.nodeId(),
        defaults.shard(),
        defaults.shardCount(),
        defaults.incarnation(),
        defaults.limits(),
        defaults.clockSkewMax(),
        Duration.ofSeconds(60),
        defaults.memoryBytesMax(),
        defaults.clientsMax(),
        defaults.watchesMax());
  }

  long incarnation() {
    return config.incarnation();
  }

  long pausedUntil() {
    return pausedUntil;
  }

  void pause(long untilMillis) {
    pausedUntil = untilMillis;
  }

  void restart() {
    collectedBefore += core.statistics().collected();
    config = config(defect == Defect.INCARNATION_REUSED ? incarnation() : random.nextLong());
    core = new ShardCore(config, new MemoryStore());
  }

  void handle(Origin origin, Request request, long trueMillis, Consumer<Reply> answer) {
    core.handle(origin, request, trueMillis + clockOffsetMillis, new Answers(answer));
  }

  void tick(long trueMillis) {
    core.tick(trueMillis + clockOffsetMillis, new Answers(reply -> {}));
  }

  Entry entryOf(Payload key) {
    return core.entryOf(key);
  }

  long collected() {
    return collectedBefore + core.statistics().collected();
  }

  private record Answers(Consumer<Reply> answer) implements Outbox {
    @Override
    public void reply(Origin origin, Reply reply) {
      answer.accept(reply);
    }

    @Override
    public void changesPending(Origin origin) {}
  }
}
