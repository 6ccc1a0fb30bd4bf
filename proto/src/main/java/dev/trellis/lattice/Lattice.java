package dev.trellis.lattice;

import java.util.stream.Stream;

/// A join-semilattice: replicas that saw the same updates hold equal states, in whatever order and
/// however often those updates arrived. Immutable. Laws: commutative, associative, idempotent. A
/// delta is a lattice too, one that carries just a change: every update is `state.merge(delta)`.
///
/// @see "Wu et al., Anna: A KVS for Any Scale, ICDE 2018, §III and §VI.A"
/// @see "Almeida, Shoker, Baquero, Delta State Replicated Data Types, JPDC 2018"
public sealed interface Lattice<L extends Lattice<L>> permits Entry, Value {
  /// About what a part takes in memory: its place in a tree, and its objects. Measured on a 64-bit
  /// JVM with compressed references, where a 4-byte element of a set takes 96 bytes in all, and one
  /// of a set with removal 282.
  int PART_BYTES = 88;

  /// Returns the least upper bound of the two states. Pure: no I/O, no clock, no mutation. Returns
  /// `this` itself, where that is cheap to see, if `other` brings nothing new.
  L merge(L other);

  /// About how many bytes the state takes encoded: payload bytes plus a fixed share per part. O(1).
  long weight();

  /// How many parts the state is kept in, each of which takes about [#PART_BYTES] of memory besides
  /// what it weighs: an element of a grow-only set is one, an entry of a map of sets is many. O(1).
  int parts();

  /// States whose merge is this one, in whatever order and however often they arrive: each is at
  /// most this one, so who has merged just some of them has lost nothing by it. In the order given,
  /// what takes the place of something comes before that goes: who merges them one by one lacks
  /// nothing in between that he had before and has in the end. Lazily; O(weight) in all, and all
  /// share the memory of this state.
  ///
  /// @param weightMax what none of them exceeds, unless it is a single thing that has no parts
  /// @return one or more
  Stream<L> split(long weightMax);

  /// About how many bytes of memory the state takes: for small parts many times its weight. O(1).
  default long memoryBytes() {
    return weight() + (long) PART_BYTES * parts();
  }
}
