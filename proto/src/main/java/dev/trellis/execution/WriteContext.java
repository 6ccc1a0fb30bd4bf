package dev.trellis.execution;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;

/// What a mutation needs besides the entry it changes.
///
/// @param timestamp of the mutation, minted by the client
/// @param writer the client's id
/// @param ttlMillis time to live from `timestamp` on; 0 for none
/// @param nowMillis physical time where it is carried out
/// @param clock the clock there, later than all it has seen: starts generations
/// @param incarnation of the shard that carries it out
/// @param birthMin replica ids with lower births were minted in an earlier life of the key
/// @param births gives the next birth number of the shard
/// @param fieldGenerations what the generations of the fields on the way must not be behind, the
///   outermost first; what is missing at the end is zero
/// @param forgottenUpToMillis generations that began by then may be forgotten
/// @param tag names what is written, in place of the shard; empty for none
public record WriteContext(
    HybridTimestamp timestamp,
    long writer,
    long ttlMillis,
    long nowMillis,
    HybridTimestamp clock,
    long incarnation,
    long birthMin,
    LongSupplier births,
    List<HybridTimestamp> fieldGenerations,
    long forgottenUpToMillis,
    Optional<Tag> tag) {
  /// What a mutation without a tag needs.
  public WriteContext(
      HybridTimestamp timestamp,
      long writer,
      long ttlMillis,
      long nowMillis,
      HybridTimestamp clock,
      long incarnation,
      long birthMin,
      LongSupplier births,
      List<HybridTimestamp> fieldGenerations,
      long forgottenUpToMillis) {
    this(
        timestamp,
        writer,
        ttlMillis,
        nowMillis,
        clock,
        incarnation,
        birthMin,
        births,
        fieldGenerations,
        forgottenUpToMillis,
        Optional.empty());
  }

  /// The name under which to write into a value that knows `speaking` as this shard's. Never one of
  /// an invocation's, should somebody have made up one that looks like this shard's.
  public ReplicaId replica(Optional<ReplicaId> speaking) {
    return speaking
        .filter(name -> !InvocationId.isOne(name))
        .orElseGet(() -> new ReplicaId(incarnation, births.getAsLong()));
  }

  public long expiresAtMillis() {
    return ttlMillis == 0 ? 0 : timestamp.millis() + ttlMillis;
  }
}
