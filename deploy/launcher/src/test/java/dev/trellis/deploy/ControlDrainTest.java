package dev.trellis.deploy;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.fail;

import dev.trellis.monitor.scaler.NodeDrain.Standing;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.config.NodeConfig;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class ControlDrainTest {
  private static final long PATIENCE_NANOS = TimeUnit.SECONDS.toNanos(60);

  private final List<TrellisNode> nodes = new ArrayList<>();
  private final List<NodeDescriptor> known = new ArrayList<>();
  private final ControlDrain drain =
      new ControlDrain(() -> known, Duration.ofSeconds(2), Optional.empty());

  @AfterEach
  void stop() {
    nodes.forEach(TrellisNode::close);
  }

  private TrellisNode start(String id) {
    String seeds =
        nodes.isEmpty()
            ? ""
            : "cluster.seeds = [\"127.0.0.1:" + known.getFirst().controlPort() + "\"]\n";
    TrellisNode node =
        TrellisNode.start(
            NodeConfig.of(
                StrictConfig.ofText(
                    NodeConfig.reference(),
                    "node.id = "
                        + id
                        + ", control.port = 0, data.ports = 0, admin.port = 0, clock.skew.max = 1m\n"
                        + seeds,
                    Map.of())));
    nodes.add(node);
    known.add(node.descriptor());
    return node;
  }

  private void awaitStanding(String id, Standing wanted) throws IOException {
    awaitStanding(drain, id, wanted);
  }

  private static void awaitStanding(ControlDrain asked, String id, Standing wanted)
      throws IOException {
    long deadline = System.nanoTime() + PATIENCE_NANOS;
    Standing standing = asked.standings(Set.of(id)).get(id);
    while (standing != wanted) {
      if (System.nanoTime() > deadline) {
        fail(id + " is " + standing + ", not " + wanted);
      }
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(10));
      standing = asked.standings(Set.of(id)).get(id);
    }
  }

  @Test
  void aNodeThatIsToldToLeaveIsOutInTheEndAndOneThatDiesIsLost() throws Exception {
    TrellisNode first = start("n1");
    TrellisNode second = start("n2");
    TrellisNode third = start("n3");
    awaitStanding("n2", Standing.MEMBER);
    awaitStanding("n3", Standing.MEMBER);
    awaitStanding("n1", Standing.MEMBER); // on a busy machine it may be suspected for a moment
    assertEquals(Set.of("n1", "n9"), drain.standings(Set.of("n1", "n9")).keySet());
    awaitStanding("n9", Standing.OUT);
    // Before it has heard of others it would refuse.
    awaitStanding(
        new ControlDrain(
            () -> List.of(second.descriptor()), Duration.ofSeconds(2), Optional.empty()),
        "n1",
        Standing.MEMBER);
    // Told before it is a member in full, it would take note and go later.
    drain.leave("n2", 7);
    second.finished().get(1, TimeUnit.MINUTES);
    second.close();
    known.remove(second.descriptor()); // or each question would wait for its answer
    awaitStanding("n2", Standing.OUT);
    third.close();
    awaitStanding("n3", Standing.LOST);
    first.close();
    IOException silence = assertThrows(IOException.class, () -> drain.standings(Set.of("n1")));
    assertEquals("no node answers on its control port", silence.getMessage());
  }

  @Test
  void whatANodeRefusesAndWhoIsUnknownIsTold() {
    TrellisNode only = start("n1");
    IOException refused = assertThrows(IOException.class, () -> drain.leave("n1", 7));
    assertEquals(
        "node n1 is the only member: nobody could take over what it holds; stop it instead",
        refused.getMessage());
    IOException unknown = assertThrows(IOException.class, () -> drain.leave("n9", 7));
    assertEquals("it is not known where it is", unknown.getMessage());
    assertEquals("n1", only.descriptor().id());
  }
}
