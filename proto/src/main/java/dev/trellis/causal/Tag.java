package dev.trellis.causal;

/// Names one mutation of one invocation. A function that is run again gives its mutations the same
/// tags, whatever client and replica they go through, and what they write gets its names from the
/// tag: so it merges with what is there already.
///
/// @param number of the mutation within the invocation, 1 to [#NUMBER_MAX]
public record Tag(InvocationId invocation, long number) implements Comparable<Tag> {
  /// Elements or records of one mutation, at most: each has a dot of its own.
  public static final int POSITIONS_MAX = 1 << 20;

  public static final long NUMBER_MAX = (1L << 42) - 1;

  public Tag {
    if (number < 1 || number > NUMBER_MAX) {
      throw new IllegalArgumentException(
          "mutation " + number + " of invocation " + invocation + " is outside 1 to " + NUMBER_MAX);
    }
  }

  /// The least tag of invocations that are born then or later.
  ///
  /// @param bornMillis at least 0; beyond what an id can tell, the greatest tag of all
  public static Tag firstBorn(long bornMillis) {
    return bornMillis > InvocationId.BORN_MILLIS_MAX
        ? new Tag(InvocationId.LAST, NUMBER_MAX)
        : new Tag(InvocationId.firstBornAt(bornMillis), 1);
  }

  /// The dot of the element or record at a position of the mutation.
  ///
  /// @param position 0 to [#POSITIONS_MAX] - 1
  public Dot dot(int position) {
    if (position < 0 || position >= POSITIONS_MAX) {
      throw new IllegalArgumentException(
          "position " + position + " is outside 0 to " + (POSITIONS_MAX - 1));
    }
    return new Dot(invocation.replica(), number * POSITIONS_MAX + position);
  }

  @Override
  public int compareTo(Tag other) {
    int order = invocation.compareTo(other.invocation);
    return order != 0 ? order : Long.compare(number, other.number);
  }

  @Override
  public String toString() {
    return invocation + "/" + number;
  }
}
