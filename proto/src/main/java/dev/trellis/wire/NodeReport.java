package dev.trellis.wire;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.util.List;
import java.util.Optional;

/// What a node publishes of itself each period, for monitors. Each report stands alone: numbers are
/// of its own period or of the moment, never to be added up with those of a report that was lost.
///
/// @param cluster the cluster's name
/// @param incarnation of the node's process
/// @param sequence from 1, one more with each report of the incarnation
/// @param atMillis when the period ended, by the node's clock
/// @param periodMillis how long it was, 1 or more
public record NodeReport(
    String cluster,
    String nodeId,
    long incarnation,
    Tier tier,
    long sequence,
    long atMillis,
    int periodMillis,
    List<Shard> shards) {
  public NodeReport {
    shards = List.copyOf(shards);
  }

  /// One shard.
  ///
  /// @param reads carried out in the period
  /// @param mutations by clients in the period
  /// @param busyNanos of the period, how long the shard's thread had something to do
  /// @param entries now
  /// @param bytes what the entries take now: of memory, or of disk in the SSD tier
  /// @param bytesMax what they may take
  /// @param progress how far it is with what the members ask of it
  /// @param service how long requests kept the shard busy
  /// @param seen how long clients waited, as some of them told in the period
  /// @param heavy the keys with the greatest load, the greatest first, and with them those that
  ///   have more replicas than by default
  /// @param idle keys that were not accessed of late, for a choice of what to demote; those that
  ///   free most first
  public record Shard(
      int shard,
      long reads,
      long mutations,
      long busyNanos,
      long entries,
      long bytes,
      long bytesMax,
      Progress progress,
      Histogram service,
      Histogram seen,
      List<Heavy> heavy,
      List<Idle> idle) {
    public Shard {
      heavy = List.copyOf(heavy);
      idle = List.copyOf(idle);
    }

    /// Whether it has all that it shall hold, and nothing to hand over.
    public boolean isComplete() {
      return progress.incomplete() == 0 && progress.surplus() == 0;
    }
  }

  /// How far a shard is, in partitions.
  ///
  /// @param held those that it shall hold
  /// @param incomplete of these, those that it has yet to fetch
  /// @param surplus those that it has yet to hand over
  public record Progress(int held, int incomplete, int surplus) {}

  /// A key with much load.
  ///
  /// @param reads in the period, estimated
  /// @param writes by clients in the period, estimated
  /// @param error by how much `reads + writes` may be too great
  /// @param bytes what the entry takes here
  /// @param placement where it is, if that was decided
  public record Heavy(
      Payload key,
      long reads,
      long writes,
      long error,
      long bytes,
      Optional<Placement> placement) {}

  /// A key that nobody has asked for of late.
  ///
  /// @param bytes what the entry takes here
  /// @param idleMillis for at least how long
  public record Idle(Payload key, long bytes, long idleMillis) {}

  /// How often something took how long, in classes that are all but 19% wide: class `4e + m` begins
  /// at `2^e (1 + m/4)` µs, class 0 holds whatever is shorter than 1.25 µs, the last one whatever
  /// is longer.
  ///
  /// @param counts by class; those that are missing at the end are 0
  public record Histogram(List<Long> counts) {
    /// Classes there are at most: up to about 19 minutes.
    public static final int CLASSES = 120;

    public static final Histogram EMPTY = new Histogram(List.of());

    public Histogram {
      counts = List.copyOf(counts);
    }

    /// The class of a duration.
    public static int classOf(long nanos) {
      long micros = nanos / 1_000;
      if (micros < 1) {
        return 0;
      }
      int exponent = 63 - Long.numberOfLeadingZeros(micros);
      long quarter = (nanos / 250) >>> exponent; // of a µs, from 4 to 7 and a rest
      return Math.min(CLASSES - 1, 4 * exponent + (int) Math.min(3, quarter - 4));
    }

    /// Where a class begins, in µs.
    public static double beginsAtMicros(int number) {
      return Math.scalb(1 + number % 4 / 4.0, number / 4);
    }

    public long count() {
      return counts.stream().mapToLong(Long::longValue).sum();
    }
  }
}
