package dev.trellis.simulation;

import dev.trellis.node.shard.ReplicationConfig;
import java.time.Duration;
import java.util.List;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;

/// One reproducible bad day: the same plan and commit give the same run, event for event.
///
/// @param nodes that found the cluster, 3 to 9
/// @param ssdNodes how many of them are of the SSD tier
/// @param faultTolerance lost nodes that the cluster is to survive
/// @param keepsPromise whether no more nodes than that are lost between two moments at which the
///   cluster is whole
/// @param steps what the clients do in all
/// @param dropRate share of messages that are lost, 0 to 1
/// @param duplicateRate share of messages that arrive twice, 0 to 1
/// @param delayMaxMillis longest way of a message; messages overtake each other
/// @param nodeSkewMaxMillis furthest that a node's clock is from the true time
/// @param clientSkewMaxMillis furthest that a client's clock is from the true time, at first
/// @param clientGrainMillis how coarse the clients' clocks are; where that is more than 1, they are
///   all equal and ahead, so that many stamps are equal
/// @param suspectedAfterMillis silence after which a member is suspected
/// @param removedAfterMillis silence after which it is removed
/// @param tombstoneGrace see [dev.trellis.node.shard.ShardConfig#tombstoneGrace]
/// @param invocationLifetime see [dev.trellis.node.shard.ShardConfig#invocationLifetime]; of some
///   nodes, [#invocationLifetimeAt]
public record FaultPlan(
    long seed,
    Profile profile,
    int nodes,
    int ssdNodes,
    int faultTolerance,
    boolean keepsPromise,
    int steps,
    double dropRate,
    double duplicateRate,
    int delayMaxMillis,
    int nodeSkewMaxMillis,
    int clientSkewMaxMillis,
    int clientGrainMillis,
    int suspectedAfterMillis,
    int removedAfterMillis,
    Duration tombstoneGrace,
    ReplicationConfig replication,
    Duration invocationLifetime) {
  private static final int STEPS = 240;
  private static final int BUSY_STEPS = 1_000;

  public FaultPlan {
    requireRate("dropRate", dropRate);
    requireRate("duplicateRate", duplicateRate);
    if (delayMaxMillis < 1 || nodeSkewMaxMillis < 0 || clientSkewMaxMillis < 0) {
      throw new IllegalArgumentException(
          "delayMaxMillis "
              + delayMaxMillis
              + " must be at least 1, nodeSkewMaxMillis "
              + nodeSkewMaxMillis
              + " and clientSkewMaxMillis "
              + clientSkewMaxMillis
              + " at least 0");
    }
  }

  /// The plan that a seed stands for. Consecutive seeds go through all profiles.
  public static FaultPlan of(long seed) {
    List<Profile> profiles = List.of(Profile.values());
    return of(seed, profiles.get((int) Math.floorMod(seed, (long) profiles.size())));
  }

  /// The plan that a seed stands for among those of a profile.
  public static FaultPlan of(long seed, Profile profile) {
    RandomGenerator random = random(seed);
    int nodes = random.nextInt(profile.nodesMin(), profile.nodesMax() + 1);
    int suspectedAfter = random.nextInt(300, 1_000);
    boolean deletes = profile == Profile.DELETES;
    return new FaultPlan(
        seed,
        profile,
        nodes,
        ssdNodes(random, profile, nodes),
        faultTolerance(random, profile),
        random.nextInt(10) != 0,
        profile.isBusy() ? BUSY_STEPS : STEPS,
        profile == Profile.RESTARTS ? random.nextDouble(0.1, 0.3) : rate(random, 0.1),
        rate(random, 0.2),
        random.nextInt(1, random.nextBoolean() ? 10 : 80),
        random.nextInt(3) == 0 ? 0 : random.nextInt(125),
        random.nextInt(3) == 0 ? 0 : random.nextInt(900),
        random.nextInt(3) == 0 ? 200 : 1,
        suspectedAfter,
        suspectedAfter + random.nextInt(200, 2_500),
        Duration.ofMillis(random.nextInt(1_000, deletes ? 2_000 : 10_000)),
        replication(random, profile),
        Duration.ofMillis(random.nextInt(1_000, 12_000)));
  }

  private static int ssdNodes(RandomGenerator random, Profile profile, int nodes) {
    boolean some = random.nextInt(3) == 0;
    int drawn = random.nextInt(1, nodes);
    return switch (profile) {
      case PLACEMENTS, BLACKOUTS -> Math.min(drawn, nodes - 1);
      default -> some ? drawn : 0;
    };
  }

  private static int faultTolerance(RandomGenerator random, Profile profile) {
    int drawn = random.nextInt(10);
    if (profile == Profile.RESTARTS) {
      return 2; // so that two others may have heard different things
    }
    if (profile == Profile.BUSY_LEAVES || profile == Profile.BLACKOUTS) {
      return 1;
    }
    return drawn == 0 ? 0 : drawn < 8 ? 1 : 2;
  }

  /// Any legal setting that lets a run end in time: what the constructor accepts, the system must
  /// survive.
  private static ReplicationConfig replication(RandomGenerator random, Profile profile) {
    boolean small = profile.isBulky();
    return new ReplicationConfig(
        Duration.ofMillis(
            profile == Profile.CRASHES
                ? random.nextInt(100, 400)
                : random.nextInt(1, random.nextBoolean() ? 20 : 200)),
        Duration.ofMillis(random.nextInt(100, 4_000)),
        Duration.ofMillis(random.nextInt(50, 1_500)),
        Duration.ofMillis(random.nextInt(10, 300)),
        small || random.nextInt(4) == 0 ? 64 << 10 : 1 << 20,
        small ? 1 << 20 : 1L << random.nextInt(14, 26));
  }

  /// How long a node takes the tags of an invocation: in some plans, some nodes only for a third of
  /// the time, as while somebody changes it.
  Duration invocationLifetimeAt(String node) {
    boolean differ = Math.floorMod(seed / 16, 3L) == 0 && node.hashCode() % 2 == 0;
    long least = Duration.ofSeconds(1).toMillis();
    return differ
        ? Duration.ofMillis(Math.max(least, invocationLifetime.toMillis() / 3))
        : invocationLifetime;
  }

  /// A generator whose numbers follow from the seed alone, on every machine.
  static RandomGenerator random(long seed) {
    return RandomGeneratorFactory.of("L64X128MixRandom").create(seed);
  }

  private static double rate(RandomGenerator random, double max) {
    return random.nextBoolean() ? 0 : random.nextDouble(max);
  }

  private static void requireRate(String name, double rate) {
    if (!(rate >= 0 && rate <= 1)) {
      throw new IllegalArgumentException(name + " " + rate + " is outside 0 to 1");
    }
  }
}
