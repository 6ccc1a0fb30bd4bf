package dev.trellis.lattice;

/// A join-semilattice: replicas that saw the same updates hold equal states, in whatever order and
/// however often those updates arrived. Immutable. Laws: commutative, associative, idempotent. A
/// delta is a lattice too, one that carries just a change: every update is `state.merge(delta)`.
///
/// @see "Wu et al., Anna: A KVS for Any Scale, ICDE 2018, §III and §VI.A"
/// @see "Almeida, Shoker, Baquero, Delta State Replicated Data Types, JPDC 2018"
public sealed interface Lattice<L extends Lattice<L>> permits Entry, Value {
  /// Returns the least upper bound of the two states. Pure: no I/O, no clock, no mutation. Returns
  /// `this` itself, where that is cheap to see, if `other` brings nothing new.
  L merge(L other);

  /// About how many bytes the state takes encoded: payload bytes plus a fixed share per part. O(1).
  long weight();
}
