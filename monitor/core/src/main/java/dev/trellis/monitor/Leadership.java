package dev.trellis.monitor;

import java.util.List;
import java.util.Optional;
import java.util.random.RandomGenerator;

/// Which of several monitors decides: the one of the highest epoch that a node knows. There is no
/// vote and no lock. A monitor that hears of a higher epoch stands by; one that stands by and hears
/// nothing of the leader for a while claims a higher epoch. Across a partition each side may have a
/// leader; then the nodes of each follow the one they hear, and once the partition has healed they
/// refuse the lower one. That is safe since orders are absolute targets, and one that is over is
/// refused wherever a higher epoch is known.
///
/// An epoch is a number that grows, and below it 16 bits that differ from monitor to monitor, so
/// two that claim at one time do not have the same. Not for several threads.
final class Leadership {
  private static final int TIE_BITS = 16;

  private final long tie;
  private final long patienceMillis;
  private long epoch; // ours; 0 before the first claim
  private long highest; // known
  private long heardMillis; // when the leader was heard last, or we began to listen
  private boolean isListening;

  /// @param patienceMillis how long a leader may be silent
  Leadership(RandomGenerator random, long patienceMillis) {
    this.tie = random.nextLong(1L << TIE_BITS);
    this.patienceMillis = patienceMillis;
  }

  /// Takes what nodes say, and decides whether to lead.
  ///
  /// @param heard one answer of each node that gave one; empty if none did
  /// @return the epoch to claim; empty to stand by
  Optional<Long> decide(List<NodeControl.Claimed> heard, long nowMillis) {
    if (!isListening) {
      isListening = true;
      heardMillis = nowMillis;
    }
    for (NodeControl.Claimed one : heard) {
      if (one.epoch() > highest) {
        highest = one.epoch();
        heardMillis = nowMillis;
      }
      if (one.epoch() == highest && one.ageMillis() >= 0) {
        heardMillis = Math.max(heardMillis, nowMillis - one.ageMillis());
      }
    }
    if (heard.isEmpty()) {
      // Whoever hears no node knows nothing of other monitors, nor could it order anything.
      heardMillis = nowMillis;
      return Optional.empty();
    }
    if (epoch > 0 && epoch == highest) {
      return Optional.of(epoch);
    }
    if (highest == 0 || nowMillis - heardMillis >= patienceMillis) {
      epoch = (((highest >>> TIE_BITS) + 1) << TIE_BITS) | tie;
      highest = epoch;
      heardMillis = nowMillis;
      return Optional.of(epoch);
    }
    return Optional.empty();
  }

  /// Takes note that another monitor has a higher epoch, as a refusal says.
  void refused() {
    // What it is the nodes will say when they are asked next; until then nothing is claimed.
    if (epoch == highest) {
      highest = epoch + 1;
    }
  }

  /// Whether this monitor leads as far as it knows.
  boolean leads() {
    return epoch > 0 && epoch == highest;
  }

  /// Of this monitor; 0 if it never led.
  long epoch() {
    return epoch;
  }

  /// The highest that is known; 0 for none.
  long highest() {
    return highest;
  }
}
