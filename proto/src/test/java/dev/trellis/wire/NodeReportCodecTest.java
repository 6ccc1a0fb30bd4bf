package dev.trellis.wire;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.google.protobuf.ByteString;
import dev.trellis.testing.Seeds;
import dev.trellis.wire.NodeDescriptor.Tier;
import dev.trellis.wire.NodeReport.Heavy;
import dev.trellis.wire.NodeReport.Histogram;
import dev.trellis.wire.NodeReport.Idle;
import dev.trellis.wire.NodeReport.Shard;
import dev.trellis.wire.generated.HeavyKey;
import dev.trellis.wire.generated.IdleKey;
import dev.trellis.wire.generated.ShardReport;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.SplittableRandom;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;
import org.junit.jupiter.api.Test;

class NodeReportCodecTest {
  private static final long[] EDGES = {0, 1, 127, 128, 1L << 40, Long.MAX_VALUE};

  /// Draws reports.
  private static final class RandomReports {
    private final RandomGenerator random;
    private final RandomFrames frames;

    RandomReports(RandomGenerator random) {
      this.random = random;
      this.frames = new RandomFrames(random);
    }

    private long count() {
      return random.nextInt(3) == 0 ? EDGES[random.nextInt(EDGES.length)] : random.nextInt(1_000);
    }

    private <T> List<T> list(Supplier<T> items) {
      List<T> all = new ArrayList<>();
      for (int left = random.nextInt(4); left > 0; left--) {
        all.add(items.get());
      }
      return all;
    }

    NodeReport report() {
      return new NodeReport(
          random.nextBoolean() ? "" : "trellis",
          "node-" + random.nextInt(10),
          random.nextLong(),
          random.nextBoolean() ? Tier.MEMORY : Tier.SSD,
          count(),
          count(),
          1 + random.nextInt(60_000),
          list(this::shard));
    }

    private Shard shard() {
      return new Shard(
          random.nextInt(256),
          count(),
          count(),
          count(),
          count(),
          count(),
          count(),
          new NodeReport.Progress(
              random.nextInt(3), random.nextInt(3), random.nextInt(Integer.MAX_VALUE)),
          histogram(),
          histogram(),
          list(
              () ->
                  new Heavy(
                      frames.request().key(), count(), count(), count(), count(), placement())),
          list(() -> new Idle(frames.request().key(), count(), count())));
    }

    private Histogram histogram() {
      List<Long> counts = new ArrayList<>();
      int classes = random.nextInt(3) == 0 ? random.nextInt(Histogram.CLASSES + 1) : 0;
      for (int left = classes; left > 0; left--) {
        counts.add(count());
      }
      return new Histogram(counts);
    }

    private Optional<Placement> placement() {
      return random.nextBoolean()
          ? Optional.empty()
          : Optional.of(
              new Placement(1 + random.nextInt(9), random.nextInt(3), 1 + random.nextInt(16)));
    }
  }

  @Test
  void aReportComesBackEqual() {
    Seeds.forAll(
        2_000,
        random -> {
          NodeReport report = new RandomReports(random).report();
          assertEquals(report, decoded(NodeReportCodec.encode(report)));
        });
  }

  @Test
  void protocReadsEveryFieldAndWritesTheSameBytesWhateverLegalFormComes() {
    Seeds.forAll(
        1_000,
        random -> {
          NodeReport report = new RandomReports(random).report();
          byte[] bytes = NodeReportCodec.encode(report);
          try {
            var peer = dev.trellis.wire.generated.NodeReport.parseFrom(bytes);
            assertEquals(List.of(), OtherForms.unknownFields(peer));
            assertArrayEquals(bytes, peer.toByteArray());
            byte[] other = new OtherForms(new Random(random.nextLong())).encode(peer);
            assertEquals(report, decoded(other));
          } catch (IOException e) {
            throw new AssertionError("protoc refuses what we wrote", e);
          }
        });
  }

  @Test
  void whatHasTheSameNameHasTheSameValue() throws IOException {
    SameNames names = new SameNames();
    RandomReports reports = new RandomReports(new SplittableRandom(1));
    for (int round = 0; round < 500; round++) {
      NodeReport report = reports.report();
      names.compare(
          report, dev.trellis.wire.generated.NodeReport.parseFrom(NodeReportCodec.encode(report)));
    }
    assertTrue(names.compared().size() >= 26, () -> "compared only " + names.compared());
  }

  @Test
  void whateverComesIsALegalReportOrRefused() {
    Seeds.forAll(
        2_000,
        random -> {
          byte[] bytes = NodeReportCodec.encode(new RandomReports(random).report());
          assertHarmless(Arrays.copyOf(bytes, random.nextInt(bytes.length)));
          byte[] damaged = bytes.clone();
          for (int flips = 1 + random.nextInt(4); flips > 0; flips--) {
            damaged[random.nextInt(bytes.length)] ^= (byte) (1 << random.nextInt(8));
          }
          assertHarmless(damaged);
          byte[] noise = new byte[random.nextInt(100)];
          random.nextBytes(noise);
          assertHarmless(noise);
        });
  }

  @Test
  void whatNoNodeReportsIsRefusedAndToldWhy() {
    assertRefused(
        "a report of a node whose id has 0 characters, not 1 to 64", r -> r.setNodeId(""));
    assertRefused("a report of a period of 0 ms", report -> report.setPeriodMillis(0));
    assertRefused(
        "unknown tier number 0",
        report -> report.setTier(dev.trellis.wire.generated.Tier.TIER_UNSPECIFIED));
    assertRefused(
        "a report that counts 18446744073709551615",
        report -> report.addShards(ShardReport.newBuilder().setReads(-1)));
    assertRefused(
        "an empty key; a key has at least one byte",
        report ->
            report.addShards(ShardReport.newBuilder().addHeavy(HeavyKey.newBuilder().setReads(1))));
    assertRefused(
        "a key of 1025 bytes exceeds the limit of 1024",
        report ->
            report.addShards(
                ShardReport.newBuilder()
                    .addIdle(IdleKey.newBuilder().setKey(ByteString.copyFrom(new byte[1_025])))));
    assertRefused(
        "a histogram of more than 120 classes",
        report -> {
          ShardReport.Builder shard = ShardReport.newBuilder();
          for (int number = 0; number <= Histogram.CLASSES; number++) {
            shard.getSeenBuilder().addCounts(1);
          }
          report.addShards(shard);
        });
    // Two bytes each, and so of many hundred times their length in memory.
    assertRefused(
        "a frame with so many small parts that it would take more than 536870912 bytes of memory;"
            + " send fewer at once",
        report -> {
          ShardReport empty = ShardReport.getDefaultInstance();
          for (int count = 0; count < 2_000_000; count++) {
            report.addShards(empty);
          }
        });
  }

  private static void assertRefused(
      String why, Consumer<dev.trellis.wire.generated.NodeReport.Builder> change) {
    var report =
        dev.trellis.wire.generated.NodeReport.newBuilder()
            .setNodeId("n")
            .setPeriodMillis(1)
            .setTier(dev.trellis.wire.generated.Tier.TIER_MEMORY);
    change.accept(report);
    byte[] bytes = report.build().toByteArray();
    assertEquals(
        why,
        assertThrows(WireException.class, () -> NodeReportCodec.decode(ByteBuffer.wrap(bytes)))
            .getMessage());
  }

  private static void assertHarmless(byte[] bytes) {
    NodeReport report;
    try {
      report = NodeReportCodec.decode(ByteBuffer.wrap(bytes));
    } catch (WireException e) {
      assertTrue(String.valueOf(e.getMessage()).length() < 1_000, e::getMessage);
      return;
    }
    assertEquals(report, decoded(NodeReportCodec.encode(report)));
  }

  private static NodeReport decoded(byte[] bytes) {
    try {
      return NodeReportCodec.decode(ByteBuffer.wrap(bytes));
    } catch (WireException e) {
      throw new AssertionError("a legal report is refused", e);
    }
  }
}
