package dev.trellis.simulation;

import java.util.ArrayList;
import java.util.List;
import java.util.random.RandomGenerator;

/// Carries messages between processes, which are known by their slots: nodes from 0, clients from
/// [#CLIENTS]. Loses, repeats, delays and reorders as the plan says, and cuts who is partitioned.
final class Network {
  /// The slot of the first client.
  static final int CLIENTS = 40;

  /// Bits of slots: what those of `from` send does not reach those of `to`.
  private record Cut(long from, long to) {
    boolean cuts(int sender, int receiver) {
      return (from >>> sender & 1) != 0 && (to >>> receiver & 1) != 0;
    }
  }

  private final FaultPlan plan;
  private final Scheduler scheduler;
  private final RandomGenerator random;
  private final List<Cut> cuts = new ArrayList<>();
  private boolean perfect = true;

  Network(FaultPlan plan, Scheduler scheduler, RandomGenerator random) {
    this.plan = plan;
    this.scheduler = scheduler;
    this.random = random;
  }

  /// Whether messages can get from one to the other now.
  boolean reaches(int sender, int receiver) {
    for (Cut cut : cuts) {
      if (cut.cuts(sender, receiver)) {
        return false;
      }
    }
    return true;
  }

  boolean connects(int one, int other) {
    return reaches(one, other) && reaches(other, one);
  }

  /// Sends a message between processes.
  void send(int sender, int receiver, Runnable arrival) {
    boolean lost = !perfect && random.nextDouble() < plan.dropRate();
    if (lost || !reaches(sender, receiver)) {
      return;
    }
    scheduler.after(delay(), arrival);
    if (!perfect && random.nextDouble() < plan.duplicateRate()) {
      scheduler.after(delay() + delay(), arrival);
    }
  }

  /// Sends a message within a process: it may be overtaken, but is not lost.
  void sendInside(Runnable arrival) {
    scheduler.after(perfect ? 0 : random.nextLong(3), arrival);
  }

  /// How long a message takes now.
  long delay() {
    return perfect ? 1 : random.nextLong(1, plan.delayMaxMillis() + 1L);
  }

  /// Begins to lose and delay as the plan says.
  void misbehave() {
    perfect = false;
  }

  /// Whether anybody is cut off from anybody.
  boolean isCut() {
    return !cuts.isEmpty();
  }

  /// Nobody is cut off any more.
  void mend() {
    cuts.clear();
  }

  /// Nothing is lost or cut any more.
  void heal() {
    perfect = true;
    mend();
  }

  /// Cuts off for a while.
  ///
  /// @param from bits of slots
  /// @param to bits of slots
  /// @param mended what to do when it is over, unless all was healed meanwhile
  void cut(long from, long to, boolean bothWays, long millis, Runnable mended) {
    List<Cut> made = new ArrayList<>(List.of(new Cut(from, to)));
    if (bothWays) {
      made.add(new Cut(to, from));
    }
    cuts.addAll(made);
    scheduler.after(
        millis,
        () -> {
          if (cuts.contains(made.get(0))) {
            made.forEach(cuts::remove);
            mended.run();
          }
        });
  }
}
