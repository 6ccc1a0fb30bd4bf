package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;

import com.sun.management.UnixOperatingSystemMXBean;
import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.TrellisNode;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.View;
import java.lang.management.ManagementFactory;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;

/// Many connections at once.
class ConnectionsTest {
  private static final int CROWD = 2_000;

  @Test
  void twoThousandAtOnceAreAllServed() throws Exception {
    requireFileDescriptors(2 * CROWD + 500);
    try (TrellisNode node = Nodes.start("");
        ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor()) {
      int port = node.descriptor().shardPorts().getFirst();
      CyclicBarrier allOpen = new CyclicBarrier(CROWD);
      List<Future<View>> found = new ArrayList<>();
      for (int i = 0; i < CROWD; i++) {
        String key = "k" + i;
        found.add(
            threads.submit(
                () -> {
                  try (RawClient client = RawClient.open(port, Frame.Scope.SHARD)) {
                    client.put(key, Payload.ofText(key));
                    allOpen.await();
                    return client.get(key);
                  }
                }));
      }
      for (int i = 0; i < CROWD; i++) {
        assertEquals(new View.Bytes(Payload.ofText("k" + i), 0), found.get(i).get());
      }
    }
  }

  @Test
  void connectionsBeyondTheLimitAreToldSoAndPlacesAreFreedAgain() throws Exception {
    int limit = 20;
    try (TrellisNode node = Nodes.start("connections.max = " + limit);
        AdminClient admin = new AdminClient(node)) {
      int port = node.descriptor().shardPorts().getFirst();
      List<RawClient> served = new ArrayList<>();
      for (int i = 0; i < limit; i++) {
        served.add(RawClient.open(port, Frame.Scope.SHARD));
      }
      for (int i = 0; i < 5; i++) {
        try (RawClient late = RawClient.silent(port)) {
          late.send(RawClient.hello(Frame.Scope.SHARD));
          Frame.Refused refused = late.refusal().orElseThrow();
          assertEquals(ErrorCode.OVERLOADED, refused.code());
          assertEquals(
              "this shard has 20 connections, its limit; try again later", refused.message());
        }
      }
      assertEquals(5, admin.sum("trellis_connections_refused_total"));
      for (RawClient client : served) {
        assertEquals(new View.Missing(), client.get("k"));
        client.close();
      }
      awaitZero(admin, "trellis_connections");
      try (RawClient next = RawClient.open(port, Frame.Scope.SHARD)) {
        assertEquals(new View.Missing(), next.get("k"));
      }
    }
  }

  private static void awaitZero(AdminClient admin, String metric) throws Exception {
    while (admin.sum(metric) > 0) {
      Thread.onSpinWait();
    }
  }

  private static void requireFileDescriptors(long count) {
    if (ManagementFactory.getOperatingSystemMXBean() instanceof UnixOperatingSystemMXBean unix) {
      long limit = unix.getMaxFileDescriptorCount();
      Assumptions.assumeTrue(
          limit >= count, () -> "needs " + count + " file descriptors, the limit is " + limit);
    }
  }
}
