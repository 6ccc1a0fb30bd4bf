package dev.trellis.wire;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.Tag;
import java.util.List;
import java.util.Optional;
import java.util.function.Consumer;

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

  /// A context without what most do not have.
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
        List.of(),
        0,
        Demand.NONE,
        Optional.empty());
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
    return with(draft -> draft.ttlMillis = ttl);
  }

  public RequestContext withGeneration(Optional<HybridTimestamp> wanted) {
    return with(draft -> draft.generation = wanted);
  }

  public RequestContext withFieldGenerations(List<HybridTimestamp> atLeast) {
    return with(draft -> draft.fieldGenerations = atLeast);
  }

  public RequestContext withAcknowledgement(Acknowledgement level) {
    return with(draft -> draft.acknowledgement = level);
  }

  /// The same mutation, sent again.
  public RequestContext repeated() {
    return with(draft -> draft.repeat = true);
  }

  /// The same, asking for more.
  public RequestContext withDemand(Demand more) {
    return with(draft -> draft.demand = more);
  }

  /// The same mutation under a tag, or without one.
  public RequestContext withTag(Optional<Tag> name) {
    return with(draft -> draft.tag = name);
  }

  /// The same with what the client saw of another request.
  public RequestContext withObservedMicros(long observed) {
    return with(draft -> draft.observedMicros = observed);
  }

  private RequestContext with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.finished();
  }

  /// A copy, of which some may change before it becomes a context.
  private static final class Draft {
    private final RequestContext from;
    private boolean repeat;
    private Optional<HybridTimestamp> generation;
    private Acknowledgement acknowledgement;
    private long ttlMillis;
    private List<HybridTimestamp> fieldGenerations;
    private long observedMicros;
    private Demand demand;
    private Optional<Tag> tag;

    Draft(RequestContext from) {
      this.from = from;
      repeat = from.repeat;
      generation = from.generation;
      acknowledgement = from.acknowledgement;
      ttlMillis = from.ttlMillis;
      fieldGenerations = from.fieldGenerations;
      observedMicros = from.observedMicros;
      demand = from.demand;
      tag = from.tag;
    }

    RequestContext finished() {
      return new RequestContext(
          from.sequence,
          repeat,
          from.timestamp,
          generation,
          acknowledgement,
          from.read,
          ttlMillis,
          from.timeoutMillis,
          from.ringVersion,
          fieldGenerations,
          observedMicros,
          demand,
          tag);
    }
  }
}
