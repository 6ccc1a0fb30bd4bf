package dev.trellis.causal;

/// One write event: the `counter`-th write of `replica`.
///
/// @param replica who wrote
/// @param counter 1 for the replica's first write; gapless where it is minted, with gaps where it
///   arrives
/// @see "Almeida et al., Scalable and Accurate Causality Tracking for Eventually Consistent Stores,
///   DAIS 2014"
public record Dot(ReplicaId replica, long counter) implements Comparable<Dot> {
  public Dot {
    if (counter < 1) {
      throw new IllegalArgumentException("dot counter " + counter + " is below 1");
    }
  }

  @Override
  public int compareTo(Dot other) {
    int order = replica.compareTo(other.replica);
    return order != 0 ? order : Long.compare(counter, other.counter);
  }

  @Override
  public String toString() {
    return replica + ":" + counter;
  }
}
