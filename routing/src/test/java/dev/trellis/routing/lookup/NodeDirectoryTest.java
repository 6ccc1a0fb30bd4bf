package dev.trellis.routing.lookup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.wire.Frame;
import dev.trellis.wire.NodeDescriptor;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;

class NodeDirectoryTest {
  private static final Address A = new Address("10.0.0.1", 1);
  private static final Address B = new Address("10.0.0.2", 1);
  private static final Address C = new Address("10.0.0.3", 1);
  private static final NodeDescriptor N1 = node("n1", A, 7);
  private static final NodeDescriptor N2 = node("n2", B, 7);
  private static final NodeDescriptor N3 = node("n3", C, 7);

  private long millis = 1_000;
  private final NodeDirectory directory = directory(A, B);

  private NodeDirectory directory(Address... seeds) {
    NodeDirectory made = new NodeDirectory("trellis", List.of(seeds), () -> millis);
    for (Address seed : seeds) {
      made.found(seed, List.of(seed));
    }
    return made;
  }

  @Test
  void knowsNobodyAtFirst() {
    assertEquals(List.of(), directory.map().nodes());
    assertEquals(1_000, directory.map().version());
    assertEquals("trellis", directory.map().clusterName());
    assertEquals(Set.of(A, B), directory.wanted());
    assertFalse(directory.isHearing());
  }

  @Test
  void theFirstMapWaitsUntilEverySeedHasAnsweredOrFailedTo() {
    assertFalse(directory.heard(A, "n1", seen(N1)));
    assertEquals(List.of(), ids(directory));
    assertTrue(directory.heard(B, "n2", seen(N2)));
    assertEquals(List.of("n1", "n2"), ids(directory));

    NodeDirectory other = directory(A, B);
    assertFalse(other.lost(A));
    assertTrue(other.heard(B, "n2", seen(N2)));
  }

  @Test
  void itWaitsForAllAddressesOfAName() {
    Address name = new Address("nodes.example", 1);
    NodeDirectory named = new NodeDirectory("trellis", List.of(name), () -> millis);
    assertEquals(Set.of(), named.wanted());
    assertFalse(named.found(name, List.of(A, B)));
    assertEquals(Set.of(A, B), named.wanted());
    assertFalse(named.heard(A, "n1", seen(N1)));
    assertTrue(named.heard(B, "n2", seen(N2)));
    assertFalse(named.found(name, List.of(B, C)));
    assertEquals(Set.of(A, B, C), named.wanted(), "who was learned of is asked on");
    assertFalse(named.found(name, List.of()));
    assertEquals(Set.of(A, B, C), named.wanted(), "an unknown name says nothing");
  }

  @Test
  void aNameThatIsUnknownOrChangesIsNotWaitedFor() {
    Address name = new Address("nodes.example", 1);
    NodeDirectory named = new NodeDirectory("trellis", List.of(A, name), () -> millis);
    named.found(A, List.of(A));
    assertFalse(named.heard(A, "n1", seen(N1)));
    assertTrue(named.found(name, List.of()));

    NodeDirectory other = new NodeDirectory("trellis", List.of(name), () -> millis);
    other.found(name, List.of(A, B));
    other.heard(A, "n1", seen(N1));
    assertTrue(other.found(name, List.of(A)));
  }

  @Test
  void theMembersThatANodeSeesAreInAndAreAsked() {
    directory.lost(B);
    assertTrue(directory.heard(A, "n1", seen(N1, N2, N3)));
    assertEquals(List.of("n1", "n2", "n3"), ids(directory));
    assertEquals(Set.of(A, B, C), directory.wanted());
  }

  @Test
  void whoIsSilentStaysWhileAnotherListsItAndGoesWhenNoneDoes() {
    directory.heard(A, "n1", seen(N1, N2));
    directory.heard(B, "n2", seen(N1, N2));
    assertFalse(directory.lost(B));
    assertEquals(List.of("n1", "n2"), ids(directory));
    assertTrue(directory.heard(A, "n1", seen(N1)));
    assertEquals(List.of("n1"), ids(directory));
    assertTrue(directory.heard(B, "n2", seen(N2)), "who answers is in");
    assertEquals(List.of("n1", "n2"), ids(directory));
  }

  @Test
  void aMemberThatHasLeftIsNoLongerAskedButASeedIs() {
    directory.heard(B, "n2", seen(N1, N2, N3));
    directory.heard(A, "n1", seen(N1, N2, N3));
    directory.heard(C, "n3", seen(N1, N2, N3));
    directory.lost(C);
    directory.lost(B);
    directory.heard(A, "n1", seen(N1));
    assertEquals(Set.of(A, B), directory.wanted());
  }

  @Test
  void aSeedThatHasLeftDoesNotTakeTheOthersWithIt() {
    directory.lost(B);
    directory.heard(A, "n1", seen(N1, N3));
    directory.heard(C, "n3", seen(N1, N3));
    directory.lost(A);
    assertTrue(directory.heard(C, "n3", seen(N3)));
    assertEquals(List.of("n3"), ids(directory));
    assertEquals(Set.of(A, B, C), directory.wanted());
  }

  @Test
  void whenNobodyAnswersTheLastMapStays() {
    directory.lost(B);
    directory.heard(A, "n1", seen(N1));
    assertTrue(directory.isHearing());
    assertFalse(directory.lost(A));
    assertFalse(directory.isHearing());
    assertEquals(List.of("n1"), ids(directory));
    assertTrue(directory.heard(A, "n1", seen(node("n1", A, 8))));
  }

  @Test
  void aRestartedRouterLearnsAllByAnyOneSeed() {
    directory.heard(A, "n1", seen(N1, N2, N3));
    directory.heard(B, "n2", seen(N1, N2, N3));
    for (Address seed : List.of(A, B)) {
      NodeDirectory restarted = directory(A, B);
      restarted.lost(seed.equals(A) ? B : A);
      restarted.heard(seed, seed.equals(A) ? "n1" : "n2", seen(N1, N2, N3));
      assertEquals(directory.map().nodes(), restarted.map().nodes());
    }
  }

  @Test
  void theVersionGrowsOnChangeOnly() {
    directory.lost(B);
    assertTrue(directory.heard(A, "n1", seen(N1)));
    long first = directory.map().version();
    assertTrue(first > 1_000);
    assertFalse(directory.heard(A, "n1", seen(N1)));
    assertEquals(first, directory.map().version());
    assertTrue(directory.heard(A, "n1", seen(node("n1", A, 8))), "a restarted node is another one");
    assertTrue(directory.map().version() > first);
  }

  @Test
  void aRestartedRouterGoesOnWithGreaterVersions() {
    directory.heard(A, "n1", seen(N1));
    directory.heard(B, "n2", seen(N2));
    millis += 10;
    assertTrue(directory(A, B).map().version() > directory.map().version());
  }

  @Test
  void versionsGrowEvenIfTheClockGoesBack() {
    directory.lost(B);
    directory.heard(A, "n1", seen(N1));
    long before = directory.map().version();
    millis = 5;
    directory.heard(A, "n1", seen(N1, N2));
    assertTrue(directory.map().version() > before);
  }

  @Test
  void twoAddressesOfOneNodeCountOnce() {
    directory.lost(B);
    directory.heard(A, "n1", seen(N1));
    assertFalse(directory.heard(B, "n1", seen(N1)));
    assertEquals(List.of("n1"), ids(directory));
  }

  private static List<String> ids(NodeDirectory directory) {
    return directory.map().nodes().stream().map(NodeDescriptor::id).toList();
  }

  private static Frame.ClusterMap seen(NodeDescriptor... nodes) {
    return new Frame.ClusterMap(1, 1, "trellis", 1, List.of(nodes));
  }

  private static NodeDescriptor node(String id, Address address, long incarnation) {
    return new NodeDescriptor(
        id,
        NodeDescriptor.Tier.MEMORY,
        address.host(),
        List.of(address.port()),
        2,
        incarnation,
        1,
        NodeDescriptor.State.ACTIVE,
        "",
        7500);
  }
}
