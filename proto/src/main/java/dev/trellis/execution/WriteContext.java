package dev.trellis.execution;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import java.util.List;
import java.util.Optional;
import java.util.function.LongSupplier;
import java.util.function.ToLongFunction;

/// What a mutation needs besides the entry it changes.
///
/// @param timestamp of the mutation, minted by the client
/// @param writer the client's id
/// @param ttlMillis time to live from `timestamp` on; 0 for none
/// @param nowMillis physical time where it is carried out
/// @param clock the clock there, later than all it has seen: starts generations
/// @param incarnation of the shard that carries it out
/// @param birthMin replica ids with lower births were minted in an earlier life of the key
/// @param birthEnd replica ids with births from there on the shard has not minted yet
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
    long birthEnd,
    LongSupplier births,
    List<HybridTimestamp> fieldGenerations,
    long forgottenUpToMillis,
    Optional<Tag> tag) {
  /// Where a shard stops counting under a name. It takes 2⁵² writes to get there, so none does but
  /// under one that somebody has made up, in a context that came by way of another replica.
  private static final long COUNTER_MAX = 1L << 52;

  /// The greatest counter that a reader can have seen of a shard: one write may bring many dots.
  static final long COUNTER_SEEN_MAX = 2 * COUNTER_MAX;

  /// What a mutation needs whose names nobody else makes up.
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
      long forgottenUpToMillis,
      Optional<Tag> tag) {
    this(
        timestamp,
        writer,
        ttlMillis,
        nowMillis,
        clock,
        incarnation,
        birthMin,
        Long.MAX_VALUE,
        births,
        fieldGenerations,
        forgottenUpToMillis,
        tag);
  }

  /// The same without a tag.
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
    return speaking.filter(name -> !InvocationId.isOne(name)).orElseGet(this::newName);
  }

  /// The same for a value with dots, where somebody may have made up names of this shard, and
  /// counters for them: one that has counters left.
  ///
  /// @param counterOf the greatest counter that the value knows of a name; 0 for none
  public ReplicaId replica(Optional<ReplicaId> speaking, ToLongFunction<ReplicaId> counterOf) {
    ReplicaId name = replica(speaking.filter(one -> counterOf.applyAsLong(one) <= COUNTER_MAX));
    while (counterOf.applyAsLong(name) > COUNTER_MAX) {
      name = newName();
    }
    return name;
  }

  private ReplicaId newName() {
    return new ReplicaId(incarnation, births.getAsLong());
  }

  public long expiresAtMillis() {
    return ttlMillis == 0 ? 0 : timestamp.millis() + ttlMillis;
  }
}
