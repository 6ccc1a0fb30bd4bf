package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.node.store.MemoryStore;
import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.NodeReport.Histogram;
import dev.trellis.wire.Read;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class ShardReportTest {
  private static Request get(long id, Read read, long observedMicros) {
    return new Request(
        id, Payload.ofText("key"), read, RequestContext.READ.withObservedMicros(observedMicros));
  }

  private static List<NodeReport.Shard> reports(DataPlane plane) throws Exception {
    List<NodeReport.Shard> reports = new ArrayList<>();
    for (var report : plane.report()) {
      reports.add(report.get(60, TimeUnit.SECONDS));
    }
    return reports;
  }

  @Test
  void aShardTellsWhatItDidAndWhatClientsSaw() throws Exception {
    NodeConfig config = Nodes.config("shards = 1");
    try (DataPlane plane = TestPlane.open(config, MemoryStore::new);
        RawClient client = RawClient.open(plane.ports().getFirst(), Frame.Scope.SHARD)) {
      long begun = System.nanoTime();
      reports(plane);
      client.ask(get(1, Read.Get.ANY, 0));
      client.ask(get(2, Read.Get.ANY, 1_000));
      client.ask(get(3, new Read.State(), 8));
      client.ask(get(4, Read.Get.ANY, Long.MIN_VALUE));
      client.ask(get(5, Read.Get.ANY, Long.MAX_VALUE));
      client.send(new Frame.Batch(List.of(get(6, Read.Get.ANY, 1_010), get(7, Read.Get.ANY, 0))));
      var _ = client.replies(2);
      NodeReport.Shard report = reports(plane).getFirst();
      long passed = System.nanoTime() - begun;
      assertTrue(report.busyNanos() > 0 && report.busyNanos() <= passed, report::toString);
      List<Long> seen = report.seen().counts();
      assertEquals(5, report.seen().count());
      assertEquals(2, seen.get(Histogram.classOf(1_000_000)));
      assertEquals(1, seen.get(Histogram.classOf(8_000)));
      assertEquals(2, seen.get(Histogram.CLASSES - 1), "what cannot be is in the last class");
      assertTrue(report.service().count() >= 6, report::toString);
      assertTrue(report.reads() >= 6);
      assertEquals(0, reports(plane).getFirst().seen().count());
    }
  }

  /// A loop that only waits is not busy, whether it sleeps or looks at its sockets all the time
  /// after a request has come, and one that has something to do all the time is.
  @ParameterizedTest
  @ValueSource(strings = {"0s", "10ms"})
  void busyIsTheTimeInWhichThereIsSomethingToDo(String poll) throws Exception {
    NodeConfig config = Nodes.config("shards = 1, poll.time = " + poll);
    try (DataPlane plane = TestPlane.open(config, MemoryStore::new);
        RawClient client = RawClient.open(plane.ports().getFirst(), Frame.Scope.SHARD)) {
      reports(plane);
      ShardServer shard = plane.shard(0);
      long[] worked = {0};
      var done = new CompletableFuture<Void>();
      shard.execute(
          () -> {
            long begun = System.nanoTime();
            while (System.nanoTime() - begun < 20_000_000) {
              Thread.onSpinWait();
            }
            worked[0] = System.nanoTime() - begun;
            done.complete(null);
          });
      done.get(60, TimeUnit.SECONDS);
      assertTrue(reports(plane).getFirst().busyNanos() >= worked[0]);
      // Of many periods of waiting, the least busy tells: others may have been held up.
      double least = 1;
      for (int period = 0; period < 200 && least > 0.5; period++) {
        client.ask(get(1, Read.Get.ANY, 0));
        reports(plane);
        long from = System.nanoTime();
        LockSupport.parkNanos(5_000_000);
        long busy = reports(plane).getFirst().busyNanos();
        least = Math.min(least, (double) busy / (System.nanoTime() - from));
      }
      assertTrue(least <= 0.5, "busy for " + least + " of the time though there is nothing to do");
    }
  }
}
