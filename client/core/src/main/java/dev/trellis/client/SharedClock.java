package dev.trellis.client;

import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import java.util.function.LongSupplier;

/// The client's hybrid logical clock: stamps mutations, follows the clocks of the shards. Any
/// thread may use it.
///
/// A shard refuses stamps too far from its own time. The client then takes that shard's time for
/// its own ([#adopt]), since it can't know whose clock is wrong, and a write that is refused helps
/// nobody. Stamps may then go back, but never below one that this shard has accepted: its clock,
/// which is adopted, follows all of those. So writes to one key stay in order.
final class SharedClock {
  /// No cluster accepts a greater skew, so readings further ahead of ours than this are ignored.
  private static final long AHEAD_MILLIS_MAX = 60 * 60 * 1_000;

  /// A shard that claims to live later than this (the year 3000) is not believed.
  private static final long ADOPTED_MILLIS_MAX = 32_503_680_000_000L;

  private final LongSupplier wallMillis;
  private HybridLogicalClock clock = new HybridLogicalClock(AHEAD_MILLIS_MAX);
  private volatile long observed = -1; // the reading taken into account last; -1 for none
  private long offsetMillis; // of the adopted shard's clock from ours

  /// @param wallMillis milliseconds since the epoch, as this machine knows them
  SharedClock(LongSupplier wallMillis) {
    this.wallMillis = wallMillis;
  }

  /// A stamp later than all before it and all that was observed.
  synchronized HybridTimestamp tick() {
    return clock.tick(physicalMillis());
  }

  /// What time it is, without making it later.
  synchronized HybridTimestamp current() {
    return clock.current(physicalMillis());
  }

  /// Makes later stamps follow a shard's clock.
  void observe(HybridTimestamp shardClock) {
    // The answers that come together mostly tell one time.
    if (shardClock.packed() != observed) {
      observeNew(shardClock);
    }
  }

  private synchronized void observeNew(HybridTimestamp shardClock) {
    if (clock.observe(shardClock, physicalMillis())) {
      observed = shardClock.packed();
    }
  }

  /// Takes a shard's clock for ours, unless that was done since the refused stamp was made: many
  /// refusals arrive together, and setting the clock back for each would give one stamp twice.
  ///
  /// The shard read its clock after the stamp was made and before its answer came. If that reading
  /// lies between what our own clock was then and what it is now, the request or the answer has
  /// taken long, and our clock may well be right: it is not set back by how long the answer took.
  ///
  /// @param refused the stamp that was too far from the shard's clock
  synchronized void adopt(HybridTimestamp shardClock, HybridTimestamp refused) {
    HybridTimestamp now = clock.current(physicalMillis());
    boolean late = refused.compareTo(shardClock) <= 0 && shardClock.compareTo(now) <= 0;
    long distance = Math.abs(now.millis() - shardClock.millis());
    boolean done = distance < Math.abs(refused.millis() - shardClock.millis()) / 2;
    if (late || done || shardClock.millis() > ADOPTED_MILLIS_MAX) {
      return;
    }
    offsetMillis = shardClock.millis() - wallMillis.getAsLong();
    clock = new HybridLogicalClock(AHEAD_MILLIS_MAX);
    observed = -1;
    clock.observe(shardClock, physicalMillis());
  }

  private long physicalMillis() {
    return Math.max(0, wallMillis.getAsLong() + offsetMillis);
  }
}
