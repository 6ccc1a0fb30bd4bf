package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.TrellisNode;
import dev.trellis.placement.Partitions;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class MetricsTest {
  @Test
  void whatHappensIsCounted() throws Exception {
    try (TrellisNode node = Nodes.start("shards = 2");
        AdminClient admin = new AdminClient(node);
        RawClient client =
            RawClient.open(node.descriptor().shardPorts().getFirst(), Frame.Scope.NODE)) {
      assertEquals("ready\n", admin.get("/readyz").body());
      assertEquals("ok\n", admin.get("/healthz").body());
      for (int i = 0; i < 10; i++) {
        client.put("k" + i, Payload.of(new byte[1_000]));
        client.get("k" + i);
      }
      client.get("k0");
      client.ask(new Request(1, Payload.ofText("k0"), new Mutation.Enable(), RequestContext.READ));
      client.ask(RawClient.get(1, ""));
      client.send(new Frame.Watch(1, Payload.ofText("k1"), Optional.empty()));
      client.receive(Frame.Changed.class);

      assertEquals(22, admin.sum("trellis_requests_total"));
      assertEquals(1, admin.sum("trellis_request_failures_total"));
      assertEquals(22, admin.sum("trellis_request_service_seconds_count"));
      assertTrue(admin.sum("trellis_request_service_seconds_sum") > 0);
      assertEquals(10, admin.sum("trellis_entries"));
      assertTrue(admin.sum("trellis_entries_bytes") > 10_000);
      assertEquals(1, admin.sum("trellis_requests_malformed_total"));
      assertEquals(1, admin.sum("trellis_watches"));
      assertEquals(1, admin.sum("trellis_watch_changes_total"));
      assertEquals(1, admin.sum("trellis_connections"));
      assertEquals(2, admin.sum("trellis_shard_listening"));
      assertEquals(Partitions.STANDARD.count(), admin.sum("trellis_partitions_held"));
      assertEquals(0, admin.sum("trellis_partitions_incomplete"));
      assertEquals(0, admin.sum("trellis_partitions_surplus"));
      assertEquals(0, admin.sum("trellis_peer_links"));
      assertTrue(admin.sum("trellis_received_bytes_total") > 10_000);
      assertTrue(admin.sum("trellis_sent_bytes_total") > 10_000);
      String metrics = admin.get("/metrics").body();
      assertTrue(
          metrics.contains(
              "trellis_request_service_seconds_bucket{shard=\"0\",class=\"read\",le=\"1.0E-6\",}"),
          metrics);
      assertTrue(metrics.contains("# TYPE trellis_requests_total counter"), metrics);
      assertTrue(metrics.contains("jvm_memory_pool_bytes_used"), metrics);
    }
  }
}
