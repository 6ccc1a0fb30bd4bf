package dev.trellis.client;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.Tag;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.Limits;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Receipt;
import java.time.Duration;
import java.util.Optional;
import java.util.function.Consumer;

/// How one call is carried out. Immutable; start from [#DEFAULT].
///
/// @param acknowledgement what a mutation waits for
/// @param readMode how many replicas a read asks
/// @param ttl how long the written value lives, 1 ms to ten years; empty for ever
/// @param timeout how long the call may take, 1 ms to one day; empty for the client's default
/// @param generation the generation the call is meant for; empty for whatever the key is in. A
///   mutation that finds a later one is repeated in that, once
/// @param demand what is asked for beyond the operation
/// @param stamp the timestamp of a mutation; empty for one that is minted when it is sent, and anew
///   should a shard refuse it
/// @param maxStaleness by how much the answer to a read may be behind what others have written, 1
///   ms to one day; empty for whatever the replica has that is asked. Ignored by mutations
/// @param tag by which a mutation is the same one, whoever carries it out again; empty for none.
///   Ignored by reads
/// @param observer is told the receipt of each call that is carried out, before its future is
///   completed and on the same thread; so it must not block
public record CallOptions(
    Acknowledgement acknowledgement,
    ReadMode readMode,
    Optional<Duration> ttl,
    Optional<Duration> timeout,
    Optional<HybridTimestamp> generation,
    Demand demand,
    Optional<HybridTimestamp> stamp,
    Optional<Duration> maxStaleness,
    Optional<Tag> tag,
    Optional<Consumer<Receipt>> observer) {
  /// What the cluster does by itself: its own acknowledgement, one replica to read, no expiry.
  public static final CallOptions DEFAULT =
      new CallOptions(
          Acknowledgement.DEFAULT,
          ReadMode.ANY,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Demand.NONE,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());

  private static final Duration TTL_MAX = Duration.ofMillis(Limits.TTL_MILLIS_MAX);
  private static final Duration STALENESS_MAX = Duration.ofDays(1);
  static final Duration TIMEOUT_MAX = Duration.ofDays(1);

  public CallOptions {
    ttl.ifPresent(life -> requireWithin("ttl", life, TTL_MAX));
    timeout.ifPresent(time -> requireWithin("timeout", time, TIMEOUT_MAX));
    maxStaleness.ifPresent(bound -> requireWithin("maxStaleness", bound, STALENESS_MAX));
  }

  static void requireWithin(String what, Duration value, Duration max) {
    if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(max) > 0) {
      throw new IllegalArgumentException(
          what + " " + value + " is outside " + Duration.ofMillis(1) + " to " + max);
    }
  }

  public CallOptions withAcknowledgement(Acknowledgement level) {
    return with(draft -> draft.acknowledgement = level);
  }

  public CallOptions withReadMode(ReadMode mode) {
    return with(draft -> draft.readMode = mode);
  }

  /// Lets what is written live for `life`.
  ///
  /// @throws IllegalArgumentException if not 1 ms to ten years
  public CallOptions withTtl(Duration life) {
    return with(draft -> draft.ttl = Optional.of(life));
  }

  public CallOptions withoutTtl() {
    return with(draft -> draft.ttl = Optional.empty());
  }

  /// Lets the call take as long as `time`.
  ///
  /// @throws IllegalArgumentException if not 1 ms to one day
  public CallOptions withTimeout(Duration time) {
    return with(draft -> draft.timeout = Optional.of(time));
  }

  public CallOptions withGeneration(HybridTimestamp wanted) {
    return with(draft -> draft.generation = Optional.of(wanted));
  }

  public CallOptions withDemand(Demand more) {
    return with(draft -> draft.demand = more);
  }

  /// Carries out a mutation under this timestamp and no other.
  public CallOptions withStamp(HybridTimestamp minted) {
    return with(draft -> draft.stamp = Optional.of(minted));
  }

  /// Refuses answers to reads that may be further behind what others have written than `bound`: all
  /// that was first written to the key before, wherever that was, is in the answer. Where the
  /// replica that is asked does not know that, it asks the others; where one of those is silent,
  /// the read fails as `SESSION_UNAVAILABLE`. As good as the clocks of client and nodes agree.
  ///
  /// @throws IllegalArgumentException if not 1 ms to one day
  public CallOptions withMaxStaleness(Duration bound) {
    return with(draft -> draft.maxStaleness = Optional.of(bound));
  }

  /// Carries out a mutation under a tag: once, wherever and however often that tag is given to it,
  /// by whichever client. So two mutations of a key need two numbers. A connection that is lost is
  /// then no reason for an unknown outcome, as the mutation goes to another replica. Once the
  /// invocation is too old for that, the call fails as [DefiniteException.InvocationExpired].
  public CallOptions withTag(Tag name) {
    return with(draft -> draft.tag = Optional.of(name));
  }

  /// Has `told` called with the receipt of each call that is carried out: copies, how many of them
  /// are durable, the generation, up to when all writes are in the answer, and where it came from.
  /// It is called before the call's future is completed and on the same thread, so it must not
  /// block.
  public CallOptions withObserver(Consumer<Receipt> told) {
    return with(draft -> draft.observer = Optional.of(told));
  }

  public CallOptions withoutObserver() {
    return observer.isEmpty() ? this : with(draft -> draft.observer = Optional.empty());
  }

  private CallOptions with(Consumer<Draft> change) {
    Draft draft = new Draft(this);
    change.accept(draft);
    return draft.finished();
  }

  /// A copy that may change before it becomes options.
  private static final class Draft {
    private Acknowledgement acknowledgement;
    private ReadMode readMode;
    private Optional<Duration> ttl;
    private Optional<Duration> timeout;
    private Optional<HybridTimestamp> generation;
    private Demand demand;
    private Optional<HybridTimestamp> stamp;
    private Optional<Duration> maxStaleness;
    private Optional<Tag> tag;
    private Optional<Consumer<Receipt>> observer;

    Draft(CallOptions from) {
      acknowledgement = from.acknowledgement;
      readMode = from.readMode;
      ttl = from.ttl;
      timeout = from.timeout;
      generation = from.generation;
      demand = from.demand;
      stamp = from.stamp;
      maxStaleness = from.maxStaleness;
      tag = from.tag;
      observer = from.observer;
    }

    CallOptions finished() {
      return new CallOptions(
          acknowledgement,
          readMode,
          ttl,
          timeout,
          generation,
          demand,
          stamp,
          maxStaleness,
          tag,
          observer);
    }
  }
}
