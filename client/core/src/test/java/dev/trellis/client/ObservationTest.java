package dev.trellis.client;

import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Read;
import dev.trellis.wire.Request;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/// What a client tells nodes of how long its calls take.
class ObservationTest {
  private static final Payload KEY = Payload.ofText("key");

  private FakeNode node;
  private Trellis trellis;

  @BeforeEach
  void start() throws Exception {
    node = new FakeNode("node-1");
    trellis = Trellis.connect(FakeNode.config(node.address()));
  }

  @AfterEach
  void stop() throws Exception {
    trellis.close();
    node.close();
  }

  private CompletableFuture<?> get() {
    return trellis.execute(KEY, Read.Get.ANY, CallOptions.DEFAULT);
  }

  private List<Long> told() {
    List<Long> told = new ArrayList<>();
    for (FakeNode.Received received : node.requests) {
      Request request = received.request();
      if (request.context().observedMicros() != 0) {
        told.add(request.context().observedMicros());
      }
    }
    return told;
  }

  @Test
  void whatACallTookIsToldWithALaterOne() throws Exception {
    long longestMicros = 0;
    long begun = System.nanoTime();
    while (told().size() < 5) {
      long from = System.nanoTime();
      get().get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS);
      long took = System.nanoTime() - from;
      longestMicros = Math.max(longestMicros, 1 + took / 1_000);
      assertTrue(System.nanoTime() - begun < 60_000_000_000L, "nothing is told");
    }
    for (long micros : told()) {
      assertTrue(micros >= 1 && micros <= longestMicros, micros + " of " + longestMicros);
    }
  }

  @Test
  void notMoreIsToldThanOnceAMillisecond() throws Exception {
    long begun = System.nanoTime();
    List<CompletableFuture<?>> calls = new ArrayList<>();
    for (int round = 0; round < 50; round++) {
      for (int call = 0; call < 100; call++) {
        calls.add(get());
      }
      for (CompletableFuture<?> call : calls) {
        call.get(FakeNode.WAIT_SECONDS, TimeUnit.SECONDS);
      }
      calls.clear();
    }
    long millis = (System.nanoTime() - begun) / 1_000_000;
    int told = told().size();
    assertTrue(told <= millis + 1, told + " in " + millis + " ms");
  }
}
