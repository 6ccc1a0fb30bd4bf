package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import java.util.List;
import java.util.Optional;

/// The answer to one [Request].
///
/// @param id of the request
/// @param generation of the entry as the request left it, zero if the key was never deleted; after
///   `SUPERSEDED`, the one to repeat the request in
/// @param kind of the live value as the request left it; empty if there is none, or more than one
/// @param dots for a mutation, the dots it minted; for a read, the dots that the replica's value
///   has seen, where its kind has them at hand: `orset`, `causal`, `multicausal`
/// @param clock the shard's clock; the client ratchets its own with it
/// @param ringVersion of the ring by which the shard decided that it owns the key
/// @param placement of the key where it has one of its own; empty for the default, and where the
///   shard does not know. With `MOVED`, what the client must follow
/// @param fieldGenerations for a mutation of a field, the generation of each field on the way to it
///   as the request left them, the outermost first; empty if none of them was ever deleted
/// @param delta what the mutation was merged as, or the entry that has reached a threshold if it is
///   not above [Limits#AWAITED_ENTRY_BYTES_MAX], where that was asked for; empty if it changed
///   nothing, or was carried out before
public record Reply(
    long id,
    Outcome outcome,
    HybridTimestamp generation,
    Optional<Kind> kind,
    CausalContext dots,
    Receipt receipt,
    HybridTimestamp clock,
    long ringVersion,
    Optional<Placement> placement,
    List<HybridTimestamp> fieldGenerations,
    Optional<Entry> delta) {
  public Reply {
    fieldGenerations = List.copyOf(fieldGenerations);
    receipt = receipt.in(generation);
  }

  /// A reply that tells no delta.
  public Reply(
      long id,
      Outcome outcome,
      HybridTimestamp generation,
      Optional<Kind> kind,
      CausalContext dots,
      Receipt receipt,
      HybridTimestamp clock,
      long ringVersion,
      Optional<Placement> placement,
      List<HybridTimestamp> fieldGenerations) {
    this(
        id,
        outcome,
        generation,
        kind,
        dots,
        receipt,
        clock,
        ringVersion,
        placement,
        fieldGenerations,
        Optional.empty());
  }

  /// A reply about a key in its default place, and not about a field that was ever deleted.
  public Reply(
      long id,
      Outcome outcome,
      HybridTimestamp generation,
      Optional<Kind> kind,
      CausalContext dots,
      Receipt receipt,
      HybridTimestamp clock,
      long ringVersion) {
    this(
        id,
        outcome,
        generation,
        kind,
        dots,
        receipt,
        clock,
        ringVersion,
        Optional.empty(),
        List.of());
  }

  /// The same with another outcome.
  public Reply with(Outcome other) {
    return new Reply(
        id,
        other,
        generation,
        kind,
        dots,
        receipt,
        clock,
        ringVersion,
        placement,
        fieldGenerations,
        delta);
  }

  /// The same with another receipt.
  public Reply with(Receipt other) {
    return new Reply(
        id,
        outcome,
        generation,
        kind,
        dots,
        other,
        clock,
        ringVersion,
        placement,
        fieldGenerations,
        delta);
  }

  /// The same with the delta of its mutation.
  public Reply withDelta(Entry merged) {
    return new Reply(
        id,
        outcome,
        generation,
        kind,
        dots,
        receipt,
        clock,
        ringVersion,
        placement,
        fieldGenerations,
        Optional.of(merged));
  }
}
