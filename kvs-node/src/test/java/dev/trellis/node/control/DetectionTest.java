package dev.trellis.node.control;

import static dev.trellis.node.control.TestMember.activate;
import static dev.trellis.node.control.TestMember.await;
import static dev.trellis.node.control.TestMember.awaitTogether;
import static dev.trellis.node.control.TestMember.plan;

import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// How soon the death of a member is noticed with the default settings. The times are logged, and
/// not judged: they depend on what else the machine does.
class DetectionTest {
  private static final Logger LOG = LoggerFactory.getLogger(DetectionTest.class);

  @Test
  void aDeadMemberIsSuspectedAndThenRemovedByAll() {
    try (TestMember a = plan("a").defaultTimes().start();
        TestMember b = plan("b").defaultTimes().seeds(a).start();
        TestMember c = plan("c").defaultTimes().seeds(a).start()) {
      awaitTogether(a, b, c);
      activate(a, b, c);
      c.cutOff(a, b);
      long dead = System.nanoTime();
      await(
          () -> a.view().suspected().contains("c") && b.view().suspected().contains("c"),
          () -> "a: " + a.view());
      long suspected = System.nanoTime();
      await(
          () -> a.view().absent().size() == 1 && b.view().absent().size() == 1,
          () -> "a: " + a.view());
      long removed = System.nanoTime();
      c.reconnect();
      awaitTogether(a, b, c);
      LOG.info(
          "suspected by all after {} ms, removed after {} ms, back after {} ms",
          TimeUnit.NANOSECONDS.toMillis(suspected - dead),
          TimeUnit.NANOSECONDS.toMillis(removed - dead),
          TimeUnit.NANOSECONDS.toMillis(System.nanoTime() - removed));
    }
  }
}
