package dev.trellis.routing.lookup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import java.util.List;
import org.junit.jupiter.api.Test;

class NodeDirectoryTest {
  private static final Address A = new Address("a", 1);
  private static final Address B = new Address("b", 2);

  private long millis = 1_000;
  private final NodeDirectory directory = new NodeDirectory("trellis", List.of(A, B), () -> millis);

  @Test
  void knowsNobodyAtFirst() {
    assertEquals(List.of(), directory.map().nodes());
    assertEquals(1_000, directory.map().version());
    assertEquals("trellis", directory.map().clusterName());
  }

  @Test
  void theFirstMapWaitsUntilEveryNodeHasAnsweredOrFailedTo() {
    assertFalse(directory.heard(A, mapOf(node("n1", 7))));
    assertEquals(List.of(), ids());
    assertTrue(directory.heard(B, mapOf(node("n2", 7))));
    assertEquals(List.of("n1", "n2"), ids());

    NodeDirectory other = new NodeDirectory("trellis", List.of(A, B), () -> millis);
    assertFalse(other.lost(A));
    assertTrue(other.heard(B, mapOf(node("n2", 7))));
  }

  @Test
  void theVersionGrowsOnChangeOnly() {
    directory.lost(B);
    assertTrue(directory.heard(A, mapOf(node("n1", 7))));
    long first = directory.map().version();
    assertTrue(first > 1_000);
    assertFalse(directory.heard(A, mapOf(node("n1", 7))));
    assertEquals(first, directory.map().version());
    assertTrue(directory.heard(A, mapOf(node("n1", 8))), "a restarted node is another one");
    assertTrue(directory.map().version() > first);
  }

  @Test
  void aRestartedRouterGoesOnWithGreaterVersions() {
    directory.heard(A, mapOf(node("n1", 7)));
    directory.heard(B, mapOf(node("n2", 7)));
    millis += 10;
    NodeDirectory restarted = new NodeDirectory("trellis", List.of(A, B), () -> millis);
    assertTrue(restarted.map().version() > directory.map().version());
  }

  @Test
  void versionsGrowEvenIfTheClockGoesBack() {
    directory.lost(B);
    directory.heard(A, mapOf(node("n1", 7)));
    long before = directory.map().version();
    millis = 5;
    directory.lost(A);
    assertTrue(directory.map().version() > before);
  }

  @Test
  void whoIsLostIsLeftOutAndComesBack() {
    directory.heard(A, mapOf(node("n1", 7)));
    directory.heard(B, mapOf(node("n2", 7)));
    assertTrue(directory.lost(A));
    assertEquals(List.of("n2"), ids());
    assertFalse(directory.lost(A));
    assertTrue(directory.heard(A, mapOf(node("n1", 7))));
    assertEquals(List.of("n1", "n2"), ids());
  }

  @Test
  void twoAddressesOfOneNodeCountOnce() {
    directory.lost(B);
    directory.heard(A, mapOf(node("n1", 7)));
    assertFalse(directory.heard(B, mapOf(node("n1", 7))));
    assertEquals(List.of("n1"), ids());
  }

  private List<String> ids() {
    return directory.map().nodes().stream().map(NodeDescriptor::id).toList();
  }

  private static Frame.ClusterMap mapOf(NodeDescriptor node) {
    return new Frame.ClusterMap(1, 1, "trellis", 1, List.of(node));
  }

  private static NodeDescriptor node(String id, long incarnation) {
    return new NodeDescriptor(
        id,
        NodeDescriptor.Tier.MEMORY,
        "127.0.0.1",
        List.of(1),
        2,
        incarnation,
        1,
        NodeDescriptor.State.ACTIVE);
  }
}
