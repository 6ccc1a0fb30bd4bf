package dev.trellis.client;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.Limits;
import dev.trellis.wire.ReadMode;
import java.time.Duration;
import java.util.Optional;

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
public record CallOptions(
    Acknowledgement acknowledgement,
    ReadMode readMode,
    Optional<Duration> ttl,
    Optional<Duration> timeout,
    Optional<HybridTimestamp> generation,
    Demand demand,
    Optional<HybridTimestamp> stamp) {
  /// What the cluster does by itself: its own acknowledgement, one replica to read, no expiry.
  public static final CallOptions DEFAULT =
      new CallOptions(
          Acknowledgement.DEFAULT,
          ReadMode.ANY,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Demand.NONE,
          Optional.empty());

  private static final Duration TTL_MAX = Duration.ofMillis(Limits.TTL_MILLIS_MAX);
  static final Duration TIMEOUT_MAX = Duration.ofDays(1);

  public CallOptions {
    ttl.ifPresent(life -> requireWithin("ttl", life, TTL_MAX));
    timeout.ifPresent(time -> requireWithin("timeout", time, TIMEOUT_MAX));
  }

  static void requireWithin(String what, Duration value, Duration max) {
    if (value.compareTo(Duration.ofMillis(1)) < 0 || value.compareTo(max) > 0) {
      throw new IllegalArgumentException(
          what + " " + value + " is outside " + Duration.ofMillis(1) + " to " + max);
    }
  }

  public CallOptions withAcknowledgement(Acknowledgement level) {
    return new CallOptions(level, readMode, ttl, timeout, generation, demand, stamp);
  }

  public CallOptions withReadMode(ReadMode mode) {
    return new CallOptions(acknowledgement, mode, ttl, timeout, generation, demand, stamp);
  }

  /// Lets what is written live for `life`.
  ///
  /// @throws IllegalArgumentException if not 1 ms to ten years
  public CallOptions withTtl(Duration life) {
    return new CallOptions(
        acknowledgement, readMode, Optional.of(life), timeout, generation, demand, stamp);
  }

  public CallOptions withoutTtl() {
    return new CallOptions(
        acknowledgement, readMode, Optional.empty(), timeout, generation, demand, stamp);
  }

  /// Lets the call take as long as `time`.
  ///
  /// @throws IllegalArgumentException if not 1 ms to one day
  public CallOptions withTimeout(Duration time) {
    return new CallOptions(
        acknowledgement, readMode, ttl, Optional.of(time), generation, demand, stamp);
  }

  public CallOptions withGeneration(HybridTimestamp wanted) {
    return new CallOptions(
        acknowledgement, readMode, ttl, timeout, Optional.of(wanted), demand, stamp);
  }

  public CallOptions withDemand(Demand more) {
    return new CallOptions(acknowledgement, readMode, ttl, timeout, generation, more, stamp);
  }

  /// Carries out a mutation under this timestamp and no other.
  public CallOptions withStamp(HybridTimestamp minted) {
    return new CallOptions(
        acknowledgement, readMode, ttl, timeout, generation, demand, Optional.of(minted));
  }
}
