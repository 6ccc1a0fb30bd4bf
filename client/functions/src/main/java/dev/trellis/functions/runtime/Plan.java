package dev.trellis.functions.runtime;

import java.util.EnumSet;
import java.util.Set;
import java.util.SplittableRandom;

/// What is going to befall one run.
///
/// @param mischief of which at most one ends the run
/// @param call at which a run ends that is to end in the middle, from 1
record Plan(Set<Mischief> mischief, int call) {
  static final Plan NONE = new Plan(Set.of(), 1);

  /// Of these only one can befall a run: the first that is drawn.
  private static final Set<Mischief> ENDS =
      EnumSet.of(
          Mischief.CRASH_BEFORE,
          Mischief.CRASH_DURING,
          Mischief.CRASH_AFTER,
          Mischief.KILLED,
          Mischief.ZOMBIE);

  /// The same for equal arguments.
  ///
  /// @param job number of the invocation
  /// @param run number of the run within it
  static Plan draw(CloudConfig cloud, long job, int run) {
    SplittableRandom random =
        new SplittableRandom(new SplittableRandom(cloud.seed() ^ (job << 20)).nextLong() + run);
    Set<Mischief> drawn = EnumSet.noneOf(Mischief.class);
    // From anywhere, so that each end is as likely as its probability says, and none the first.
    Mischief[] all = Mischief.values();
    int first = random.nextInt(all.length);
    boolean ends = false;
    for (int i = 0; i < all.length; i++) {
      Mischief each = all[(first + i) % all.length];
      boolean happens = random.nextDouble() < cloud.probabilityOf(each);
      if (happens && !(ends && ENDS.contains(each))) {
        drawn.add(each);
        ends |= ENDS.contains(each);
      }
    }
    return new Plan(drawn, 1 + random.nextInt(cloud.callsMax()));
  }

  boolean has(Mischief each) {
    return mischief.contains(each);
  }

  /// Whether the run is to end at one of its calls to the store.
  boolean endsInTheMiddle() {
    return has(Mischief.CRASH_DURING) || has(Mischief.KILLED) || has(Mischief.ZOMBIE);
  }
}
