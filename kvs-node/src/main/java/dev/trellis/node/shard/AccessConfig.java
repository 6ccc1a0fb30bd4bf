package dev.trellis.node.shard;

/// What a shard notes of which keys are asked for.
///
/// @param sampleEveryMax where there are many accesses, one of so many is looked at, 1 to 4,096;
///   where there are few, each. 0 to look at none, and to look for no idle keys either
/// @param idleFrom how full a shard must be, as a share of what it may hold, before it looks for
///   keys that are not asked for any more, 0 to 1
public record AccessConfig(int sampleEveryMax, double idleFrom) {
  private static final int SAMPLE_EVERY_MAX = 4_096;

  public static final AccessConfig DEFAULT = new AccessConfig(32, 0.5);

  public AccessConfig {
    if (sampleEveryMax < 0 || sampleEveryMax > SAMPLE_EVERY_MAX) {
      throw new IllegalArgumentException(
          "statistics.sample " + sampleEveryMax + " is outside 0 to " + SAMPLE_EVERY_MAX);
    }
    if (!(idleFrom >= 0 && idleFrom <= 1)) {
      throw new IllegalArgumentException("statistics.idle.from " + idleFrom + " is outside 0 to 1");
    }
  }
}
