package dev.trellis.wire;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.Tag;
import java.util.List;
import java.util.Optional;

/// What a request carries beside its operation.
///
/// @param sequence the client's number for this mutation, counted from 1 per client and shard; a
///   repeat carries the same number; 0 for reads
/// @param repeat whether the client may have sent this before: a shard that cannot tell whether it
///   carried out a mutation then refuses instead of doing it again
/// @param timestamp minted by the client once per mutation; zero for reads
/// @param generation the generation the request is meant for; empty for whatever the replica holds
/// @param acknowledgement what a mutation waits for
/// @param read how many replicas a read asks
/// @param ttlMillis time to live from `timestamp` on, 1 to [Limits#TTL_MILLIS_MAX]; 0 for none
/// @param timeoutMillis how long the caller waits, counted from arrival at the shard; 0 for no
///   limit
/// @param ringVersion of the ring by which the client chose this shard; 0 if it knows none
/// @param fieldGenerations for a mutation of a field, the generation that each field on the way to
///   it must not be behind, the outermost first; zero, or an end of the list, for none. Good only
///   in the `generation` named: with another one, the fields are others. A field that is in a later
///   one already stays in that
/// @param observedMicros how long the client waited for the answer to an earlier request of the
///   connection, its own queue included; 0 if it does not tell, as mostly
/// @param demand what is asked for beyond the operation
/// @param tag by which a mutation is the same one, whoever sends it again; empty for none
public record RequestContext(
    long sequence,
    boolean repeat,
    HybridTimestamp timestamp,
    Optional<HybridTimestamp> generation,
    Acknowledgement acknowledgement,
    ReadMode read,
    long ttlMillis,
    long timeoutMillis,
    long ringVersion,
    List<HybridTimestamp> fieldGenerations,
    long observedMicros,
    Demand demand,
    Optional<Tag> tag) {
  public RequestContext {
    fieldGenerations = List.copyOf(fieldGenerations);
  }

  /// A context without a tag.
  public RequestContext(
      long sequence,
      boolean repeat,
      HybridTimestamp timestamp,
      Optional<HybridTimestamp> generation,
      Acknowledgement acknowledgement,
      ReadMode read,
      long ttlMillis,
      long timeoutMillis,
      long ringVersion,
      List<HybridTimestamp> fieldGenerations,
      long observedMicros,
      Demand demand) {
    this(
        sequence,
        repeat,
        timestamp,
        generation,
        acknowledgement,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        fieldGenerations,
        observedMicros,
        demand,
        Optional.empty());
  }

  /// A context that asks for nothing more.
  public RequestContext(
      long sequence,
      boolean repeat,
      HybridTimestamp timestamp,
      Optional<HybridTimestamp> generation,
      Acknowledgement acknowledgement,
      ReadMode read,
      long ttlMillis,
      long timeoutMillis,
      long ringVersion,
      List<HybridTimestamp> fieldGenerations,
      long observedMicros) {
    this(
        sequence,
        repeat,
        timestamp,
        generation,
        acknowledgement,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        fieldGenerations,
        observedMicros,
        Demand.NONE);
  }

  /// A context that does not tell what the client saw of others.
  public RequestContext(
      long sequence,
      boolean repeat,
      HybridTimestamp timestamp,
      Optional<HybridTimestamp> generation,
      Acknowledgement acknowledgement,
      ReadMode read,
      long ttlMillis,
      long timeoutMillis,
      long ringVersion,
      List<HybridTimestamp> fieldGenerations) {
    this(
        sequence,
        repeat,
        timestamp,
        generation,
        acknowledgement,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        fieldGenerations,
        0);
  }

  /// A context that names no generations of fields, which most do not.
  public RequestContext(
      long sequence,
      boolean repeat,
      HybridTimestamp timestamp,
      Optional<HybridTimestamp> generation,
      Acknowledgement acknowledgement,
      ReadMode read,
      long ttlMillis,
      long timeoutMillis,
      long ringVersion) {
    this(
        sequence,
        repeat,
        timestamp,
        generation,
        acknowledgement,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        List.of());
  }

  /// Whether it is all the same how often and where a mutation in this context is carried out.
  public boolean isRepeatable(Mutation mutation) {
    return mutation.isIdempotent() || (tag.isPresent() && Mutation.isNamedByTag(mutation));
  }

  /// A read of any replica, with no deadline.
  public static final RequestContext READ =
      new RequestContext(
          0,
          false,
          HybridTimestamp.ZERO,
          Optional.empty(),
          Acknowledgement.DEFAULT,
          ReadMode.ANY,
          0,
          0,
          0);

  /// A mutation with the defaults of everything else.
  public static RequestContext mutation(long sequence, HybridTimestamp timestamp) {
    return new RequestContext(
        sequence,
        false,
        timestamp,
        Optional.empty(),
        Acknowledgement.DEFAULT,
        ReadMode.ANY,
        0,
        0,
        0);
  }

  public RequestContext withTtlMillis(long ttl) {
    return new RequestContext(
        sequence,
        repeat,
        timestamp,
        generation,
        acknowledgement,
        read,
        ttl,
        timeoutMillis,
        ringVersion,
        fieldGenerations,
        observedMicros,
        demand,
        tag);
  }

  public RequestContext withGeneration(Optional<HybridTimestamp> wanted) {
    return new RequestContext(
        sequence,
        repeat,
        timestamp,
        wanted,
        acknowledgement,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        fieldGenerations,
        observedMicros,
        demand,
        tag);
  }

  public RequestContext withFieldGenerations(List<HybridTimestamp> atLeast) {
    return new RequestContext(
        sequence,
        repeat,
        timestamp,
        generation,
        acknowledgement,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        atLeast,
        observedMicros,
        demand,
        tag);
  }

  public RequestContext withAcknowledgement(Acknowledgement level) {
    return new RequestContext(
        sequence,
        repeat,
        timestamp,
        generation,
        level,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        fieldGenerations,
        observedMicros,
        demand,
        tag);
  }

  /// The same mutation, sent again.
  public RequestContext repeated() {
    return new RequestContext(
        sequence,
        true,
        timestamp,
        generation,
        acknowledgement,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        fieldGenerations,
        observedMicros,
        demand,
        tag);
  }

  /// The same, asking for more.
  public RequestContext withDemand(Demand more) {
    return new RequestContext(
        sequence,
        repeat,
        timestamp,
        generation,
        acknowledgement,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        fieldGenerations,
        observedMicros,
        more,
        tag);
  }

  /// The same mutation under a tag, or without one.
  public RequestContext withTag(Optional<Tag> name) {
    return new RequestContext(
        sequence,
        repeat,
        timestamp,
        generation,
        acknowledgement,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        fieldGenerations,
        observedMicros,
        demand,
        name);
  }

  /// The same with what the client saw of another request.
  public RequestContext withObservedMicros(long observed) {
    return new RequestContext(
        sequence,
        repeat,
        timestamp,
        generation,
        acknowledgement,
        read,
        ttlMillis,
        timeoutMillis,
        ringVersion,
        fieldGenerations,
        observed,
        demand,
        tag);
  }
}
