package dev.trellis.monitor.simulation;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Placement;

/// Keys that are alike: those of some neighbouring ranks of a part of the keys. The first ranks are
/// classes of one key each.
final class KeyClass {
  final Payload name;
  final int part;
  final long firstRank; // from 1
  final long lastRank;
  Placement placement;
  boolean isDefault;

  KeyClass(
      String name,
      int part,
      long firstRank,
      long lastRank,
      Placement placement,
      boolean isDefault) {
    this.name = Payload.ofText(name);
    this.part = part;
    this.firstRank = firstRank;
    this.lastRank = lastRank;
    this.placement = placement;
    this.isDefault = isDefault;
  }

  static KeyClass of(
      int part, long firstRank, long lastRank, Placement placement, boolean isDefault) {
    String name = "part" + part + "/" + firstRank + (lastRank > firstRank ? ".." + lastRank : "");
    return new KeyClass(name, part, firstRank, lastRank, placement, isDefault);
  }

  long count() {
    return lastRank - firstRank + 1;
  }

  /// The weight of all its keys under a zipf law: the sum of `rank ^ -zipf`, or the integral where
  /// there are many.
  double weight(double zipf) {
    if (count() == 1) {
      return Math.pow((double) firstRank, -zipf);
    }
    double from = firstRank - 0.5;
    double to = lastRank + 0.5;
    return Math.abs(zipf - 1) < 1e-9
        ? Math.log(to / from)
        : (Math.pow(to, 1 - zipf) - Math.pow(from, 1 - zipf)) / (1 - zipf);
  }

  boolean isInMemory() {
    return placement.memoryNodes() > 0;
  }

  /// Whether it is one key, which is on some shards, and not many, which are on all.
  boolean isSingle() {
    return count() == 1;
  }
}
