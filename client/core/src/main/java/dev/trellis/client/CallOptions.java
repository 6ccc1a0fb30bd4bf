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
    return new CallOptions(
        level, readMode, ttl, timeout, generation, demand, stamp, maxStaleness, tag, observer);
  }

  public CallOptions withReadMode(ReadMode mode) {
    return new CallOptions(
        acknowledgement,
        mode,
        ttl,
        timeout,
        generation,
        demand,
        stamp,
        maxStaleness,
        tag,
        observer);
  }

  /// Lets what is written live for `life`.
  ///
  /// @throws IllegalArgumentException if not 1 ms to ten years
  public CallOptions withTtl(Duration life) {
    return new CallOptions(
        acknowledgement,
        readMode,
        Optional.of(life),
        timeout,
        generation,
        demand,
        stamp,
        maxStaleness,
        tag,
        observer);
  }

  public CallOptions withoutTtl() {
    return new CallOptions(
        acknowledgement,
        readMode,
        Optional.empty(),
        timeout,
        generation,
        demand,
        stamp,
        maxStaleness,
        tag,
        observer);
  }

  /// Lets the call take as long as `time`.
  ///
  /// @throws IllegalArgumentException if not 1 ms to one day
  public CallOptions withTimeout(Duration time) {
    return new CallOptions(
        acknowledgement,
        readMode,
        ttl,
        Optional.of(time),
        generation,
        demand,
        stamp,
        maxStaleness,
        tag,
        observer);
  }

  public CallOptions withGeneration(HybridTimestamp wanted) {
    return new CallOptions(
        acknowledgement,
        readMode,
        ttl,
        timeout,
        Optional.of(wanted),
        demand,
        stamp,
        maxStaleness,
        tag,
        observer);
  }

  public CallOptions withDemand(Demand more) {
    return new CallOptions(
        acknowledgement,
        readMode,
        ttl,
        timeout,
        generation,
        more,
        stamp,
        maxStaleness,
        tag,
        observer);
  }

  /// Carries out a mutation under this timestamp and no other.
  public CallOptions withStamp(HybridTimestamp minted) {
    return new CallOptions(
        acknowledgement,
        readMode,
        ttl,
        timeout,
        generation,
        demand,
        Optional.of(minted),
        maxStaleness,
        tag,
        observer);
  }

  /// Refuses answers to reads that may be further behind what others have written than `bound`: all
  /// that was first written to the key before, wherever that was, is in the answer. Where the
  /// replica that is asked does not know that, it asks the others; where one of those is silent,
  /// the read fails as `SESSION_UNAVAILABLE`. As good as the clocks of client and nodes agree.
  ///
  /// @throws IllegalArgumentException if not 1 ms to one day
  public CallOptions withMaxStaleness(Duration bound) {
    return new CallOptions(
        acknowledgement,
        readMode,
        ttl,
        timeout,
        generation,
        demand,
        stamp,
        Optional.of(bound),
        tag,
        observer);
  }

  /// Carries out a mutation under a tag: once, wherever and however often that tag is given to it,
  /// by whichever client. So two mutations of a key need two numbers. A connection that is lost is
  /// then no reason for an unknown outcome, as the mutation goes to another replica. Once the
  /// invocation is too old for that, the call fails as [DefiniteException.InvocationExpired].
  public CallOptions withTag(Tag name) {
    return new CallOptions(
        acknowledgement,
        readMode,
        ttl,
        timeout,
        generation,
        demand,
        stamp,
        maxStaleness,
        Optional.of(name),
        observer);
  }

  /// Has `told` called with the receipt of each call that is carried out: copies, how many of them
  /// are durable, the generation, up to when all writes are in the answer, and where it came from.
  /// It is called before the call's future is completed and on the same thread, so it must not
  /// block.
  public CallOptions withObserver(Consumer<Receipt> told) {
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
        Optional.of(told));
  }

  public CallOptions withoutObserver() {
    return observer.isEmpty()
        ? this
        : new CallOptions(
            acknowledgement,
            readMode,
            ttl,
            timeout,
            generation,
            demand,
            stamp,
            maxStaleness,
            tag,
            Optional.empty());
  }
}
