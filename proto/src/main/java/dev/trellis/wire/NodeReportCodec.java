package dev.trellis.wire;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.NodeReport.Heavy;
import dev.trellis.wire.NodeReport.Histogram;
import dev.trellis.wire.NodeReport.Idle;
import dev.trellis.wire.NodeReport.Progress;
import dev.trellis.wire.NodeReport.Shard;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/// Turns reports into Protobuf messages and back; `trellis.proto` tells their form. Whoever reads
/// them takes them from a socket that anybody may have written to, so they are decoded within
/// memory in proportion to their length, and no number in them is negative.
public final class NodeReportCodec {
  /// The first frame of the ZeroMQ message that has a report as its second.
  public static final String TOPIC = "report";

  /// No report is longer.
  public static final int BYTES_MAX = Limits.FRAME_BYTES_MAX;

  private static final int SHARD_HEAP_BYTES = 300;
  private static final int KEY_HEAP_BYTES = 160;
  private static final int NUMBER_HEAP_BYTES = 24;
  private static final int ID_CHARACTERS_MAX = 64;

  private NodeReportCodec() {}

  // ---- Writing ----

  /// The message of a report. O(size).
  public static byte[] encode(NodeReport report) {
    WireWriter out = new WireWriter(256 + expectedBytes(report.shards()));
    out.text(1, report.cluster());
    out.text(2, report.nodeId());
    out.fixed64(3, report.incarnation());
    out.uint32(4, report.tier().number());
    out.uint64(5, report.sequence());
    out.uint64(6, report.atMillis());
    out.uint32(7, report.periodMillis());
    for (Shard shard : report.shards()) {
      out.open(8, expectedBytes(List.of(shard)));
      write(out, shard);
      out.close();
    }
    return out.toBytes();
  }

  private static int expectedBytes(List<Shard> shards) {
    long bytes = 0;
    for (Shard shard : shards) {
      bytes += 256 + 48L * (shard.heavy().size() + shard.idle().size());
    }
    return (int) Math.min(bytes, BYTES_MAX);
  }

  private static void write(WireWriter out, Shard shard) {
    out.uint32(1, shard.shard());
    out.uint64(2, shard.reads());
    out.uint64(3, shard.mutations());
    out.uint64(4, shard.busyNanos());
    out.uint64(5, shard.entries());
    out.uint64(6, shard.bytes());
    out.uint64(7, shard.bytesMax());
    out.uint32(8, shard.progress().held());
    write(out, 9, shard.service());
    write(out, 10, shard.seen());
    for (Heavy heavy : shard.heavy()) {
      out.open(11, 32 + heavy.key().size());
      out.bytes(1, heavy.key());
      out.uint64(2, heavy.reads());
      out.uint64(3, heavy.writes());
      out.uint64(4, heavy.error());
      out.uint64(5, heavy.bytes());
      heavy.placement().ifPresent(placement -> ReplyCodec.writePlacement(out, 6, placement));
      out.close();
    }
    for (Idle idle : shard.idle()) {
      out.open(12, 32 + idle.key().size());
      out.bytes(1, idle.key());
      out.uint64(2, idle.bytes());
      out.uint64(3, idle.idleMillis());
      out.close();
    }
    out.uint32(13, shard.progress().incomplete());
    out.uint32(14, shard.progress().surplus());
  }

  private static void write(WireWriter out, int field, Histogram histogram) {
    out.open(field);
    out.open(1);
    histogram.counts().forEach(out::varint);
    out.closeUnlessEmpty();
    out.closeUnlessEmpty();
  }

  // ---- Reading ----

  /// The report of a message. The buffer's position is left alone. O(size).
  ///
  /// @throws WireException if it is malformed or no legal report
  public static NodeReport decode(ByteBuffer message) throws WireException {
    if (message.remaining() > BYTES_MAX) {
      throw WireReader.bad(
          "a report of " + message.remaining() + " bytes exceeds the limit of " + BYTES_MAX);
    }
    try {
      return readReport(WireReader.ofForeign(message, Limits.DEFAULT));
    } catch (IllegalArgumentException e) {
      throw WireReader.refused(e);
    }
  }

  private static NodeReport readReport(WireReader in) throws WireException {
    String cluster = "";
    String nodeId = "";
    long incarnation = 0;
    int tier = 0;
    long sequence = 0;
    long atMillis = 0;
    int periodMillis = 0;
    List<Shard> shards = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> cluster = in.text("cluster name");
        case 2 -> nodeId = in.text("node id");
        case 3 -> incarnation = in.fixed64();
        case 4 -> tier = in.uint32();
        case 5 -> sequence = count(in);
        case 6 -> atMillis = count(in);
        case 7 -> periodMillis = in.uint32();
        case 8 -> {
          in.spend(SHARD_HEAP_BYTES);
          shards.add(in.message(NodeReportCodec::readShard));
        }
        default -> in.skip();
      }
    }
    if (nodeId.isEmpty() || nodeId.length() > ID_CHARACTERS_MAX) {
      throw WireReader.bad(
          "a report of a node whose id has " + nodeId.length() + " characters, not 1 to 64");
    }
    if (periodMillis < 1) {
      throw WireReader.bad("a report of a period of " + periodMillis + " ms");
    }
    return new NodeReport(
        cluster, nodeId, incarnation, tierOf(tier), sequence, atMillis, periodMillis, shards);
  }

  private static Tier tierOf(int number) throws WireException {
    for (Tier tier : Tier.values()) {
      if (tier.number() == number) {
        return tier;
      }
    }
    throw WireReader.bad("unknown tier number " + Integer.toUnsignedString(number));
  }

  private static Shard readShard(WireReader in) throws WireException {
    int shard = 0;
    long reads = 0;
    long mutations = 0;
    long busyNanos = 0;
    long entries = 0;
    long bytes = 0;
    long bytesMax = 0;
    int held = 0;
    int incomplete = 0;
    int surplus = 0;
    Histogram service = Histogram.EMPTY;
    Histogram seen = Histogram.EMPTY;
    List<Heavy> heavy = new ArrayList<>();
    List<Idle> idle = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> shard = in.uint32();
        case 2 -> reads = count(in);
        case 3 -> mutations = count(in);
        case 4 -> busyNanos = count(in);
        case 5 -> entries = count(in);
        case 6 -> bytes = count(in);
        case 7 -> bytesMax = count(in);
        case 8 -> held = in.uint32();
        case 13 -> incomplete = in.uint32();
        case 14 -> surplus = in.uint32();
        case 9 -> service = in.message(NodeReportCodec::readHistogram);
        case 10 -> seen = in.message(NodeReportCodec::readHistogram);
        case 11 -> {
          in.spend(KEY_HEAP_BYTES);
          heavy.add(in.message(NodeReportCodec::readHeavy));
        }
        case 12 -> {
          in.spend(KEY_HEAP_BYTES);
          idle.add(in.message(NodeReportCodec::readIdle));
        }
        default -> in.skip();
      }
    }
    if (held < 0 || incomplete < 0 || surplus < 0) {
      throw WireReader.bad("a report of more partitions than there can be");
    }
    if (shard < 0) {
      throw WireReader.bad("a report of shard " + Integer.toUnsignedString(shard));
    }
    return new Shard(
        shard,
        reads,
        mutations,
        busyNanos,
        entries,
        bytes,
        bytesMax,
        new Progress(held, incomplete, surplus),
        service,
        seen,
        heavy,
        idle);
  }

  private static Heavy readHeavy(WireReader in) throws WireException {
    Payload key = Payload.EMPTY;
    long reads = 0;
    long writes = 0;
    long error = 0;
    long bytes = 0;
    Optional<Placement> placement = Optional.empty();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> key = in.keyBound();
        case 2 -> reads = count(in);
        case 3 -> writes = count(in);
        case 4 -> error = count(in);
        case 5 -> bytes = count(in);
        case 6 -> placement = Optional.of(in.message(ReplyCodec::readPlacement));
        default -> in.skip();
      }
    }
    WireReader.requireNonEmpty(key);
    return new Heavy(key, reads, writes, error, bytes, placement);
  }

  private static Idle readIdle(WireReader in) throws WireException {
    Payload key = Payload.EMPTY;
    long bytes = 0;
    long idleMillis = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> key = in.keyBound();
        case 2 -> bytes = count(in);
        case 3 -> idleMillis = count(in);
        default -> in.skip();
      }
    }
    WireReader.requireNonEmpty(key);
    return new Idle(key, bytes, idleMillis);
  }

  private static Histogram readHistogram(WireReader in) throws WireException {
    List<Long> counts = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      if (field == 1) {
        in.varints(
            number -> {
              in.spend(NUMBER_HEAP_BYTES);
              if (counts.size() == Histogram.CLASSES) {
                throw WireReader.bad("a histogram of more than " + Histogram.CLASSES + " classes");
              }
              counts.add(notNegative(number));
            });
      } else {
        in.skip();
      }
    }
    return new Histogram(counts);
  }

  private static long count(WireReader in) throws WireException {
    return notNegative(in.uint64());
  }

  private static long notNegative(long number) throws WireException {
    if (number < 0) {
      throw WireReader.bad("a report that counts " + Long.toUnsignedString(number));
    }
    return number;
  }
}
