package dev.trellis.node.control;

import static dev.trellis.node.control.TestMember.activate;
import static dev.trellis.node.control.TestMember.await;
import static dev.trellis.node.control.TestMember.awaitTogether;
import static dev.trellis.node.control.TestMember.plan;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.node.membership.Incarnation;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import java.io.IOException;
import java.net.InetAddress;
import java.net.UnknownHostException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Deque;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicReference;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClusterMembershipTest {
  private final Deque<TestMember> started = new ArrayDeque<>();

  @AfterEach
  void closeAll() {
    started.forEach(TestMember::close);
  }

  private TestMember start(TestMember.Plan plan) {
    TestMember member = plan.start();
    started.push(member);
    return member;
  }

  private void kill(TestMember member) {
    started.remove(member);
    member.close();
  }

  @Test
  void membersFindEachOtherThroughOneSeedAndKnowAllOfEachOther() {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a).tier(Tier.SSD));
    TestMember c = start(plan("c").seeds(a));
    awaitTogether(a, b, c);
    assertEquals(b.self, c.view().topology().member("b").orElseThrow());
    b.membership.announce(State.ACTIVE);
    await(() -> c.stateOf("b") == State.ACTIVE, () -> "c sees b as " + c.stateOf("b"));
  }

  @Test
  void aMemberThatDiesIsSuspectedThenAbsentUntilItIsDeclaredGone() {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a));
    TestMember c = start(plan("c").seeds(a));
    awaitTogether(a, b, c);
    activate(a, b, c);
    List<MembershipView> seen = Collections.synchronizedList(new ArrayList<>());
    a.membership.listen(seen::add);
    kill(c);
    awaitTogether(a, b);
    assertTrue(
        seen.stream()
            .anyMatch(
                view ->
                    view.suspected().equals(Set.of("c"))
                        && view.topology().member("c").isPresent()),
        () -> "never suspected: " + seen);
    for (TestMember member : List.of(a, b)) {
      await(
          () -> member.view().absent().equals(Set.of(c.incarnation())),
          () -> "absent: " + member.view());
    }
    a.membership.declareGone(c.incarnation());
    for (TestMember member : List.of(a, b)) {
      await(
          () ->
              member.view().absent().isEmpty()
                  && member.view().gone().equals(Set.of(c.incarnation())),
          () -> "gone: " + member.view());
    }
  }

  @Test
  void whatTheClusterKnowsSurvivesTheDeathOfWhoeverSaidIt() {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a));
    awaitTogether(a, b);
    activate(a, b);
    Incarnation dead = new Incarnation("x", 5);
    a.membership.changeFaultTolerance(3);
    a.membership.declareGone(dead);
    await(() -> b.view().topology().faultTolerance() == 3, () -> "b: " + b.view());
    await(() -> b.view().gone().contains(dead), () -> "b: " + b.view());
    kill(a);
    TestMember c = start(plan("c").seeds(b));
    awaitTogether(b, c);
    await(
        () ->
            c.view().topology().faultTolerance() == 3
                && c.view().gone().contains(dead)
                && c.view().absent().contains(a.incarnation()),
        () -> "c: " + c.view());
  }

  @Test
  void aMemoryNodeThatStartsAgainHasLostWhatItsFormerIncarnationHad() {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a));
    awaitTogether(a, b);
    activate(a, b);
    kill(b);
    TestMember again = start(plan("b").seeds(a).port(b.port()));
    awaitTogether(a, again);
    assertTrue(a.view().gone().contains(b.incarnation()), () -> "a: " + a.view());
    assertEquals(Set.of(), a.view().absent());
    assertEquals(
        again.self.incarnation(), a.view().topology().member("b").orElseThrow().incarnation());
    await(() -> again.view().gone().contains(b.incarnation()), () -> "b: " + again.view());
  }

  @Test
  void anSsdNodeThatStartsAgainIsNeitherAbsentNorGone(@TempDir Path folder) {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder));
    awaitTogether(a, b);
    activate(a, b);
    kill(b);
    TestMember again = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder).port(b.port()));
    assertEquals(State.ACTIVE, again.self.state(), "others count on what it has");
    awaitTogether(a, again);
    assertEquals(Set.of(), a.view().gone());
    assertEquals(Set.of(), a.view().absent());
  }

  @Test
  void anSsdNodeThatStartsAgainTwiceBeforeItIsMetHasItsDataStill(@TempDir Path folder) {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder));
    awaitTogether(a, b);
    activate(a, b);
    kill(b);
    kill(start(plan("b").tier(Tier.SSD).folder(folder).port(b.port())));
    TestMember again = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder).port(b.port()));
    awaitTogether(a, again);
    assertEquals(Set.of(), a.view().gone());
    assertEquals(Set.of(), a.view().absent());
  }

  @Test
  void anSsdNodeThatStartsAgainWithoutItsDataHasLostThem(
      @TempDir Path folder, @TempDir Path other) {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder));
    awaitTogether(a, b);
    activate(a, b);
    kill(b);
    TestMember again = start(plan("b").seeds(a).tier(Tier.SSD).folder(other).port(b.port()));
    assertEquals(State.JOINING, again.self.state());
    awaitTogether(a, again);
    assertEquals(Set.of(Incarnation.of(b.self)), a.view().gone());
  }

  @Test
  void afterAStartOfAllAnSsdNodeKnowsWhoIsAway(@TempDir Path folder) {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder));
    awaitTogether(a, b);
    activate(a, b);
    kill(a);
    kill(b);
    TestMember again = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder));
    assertEquals(Set.of(Incarnation.of(a.self)), again.view().absent());
    // It had nothing but memory, so it is not waited for once it is there.
    TestMember anew = start(plan("a").port(a.port()));
    awaitTogether(anew, again);
    assertEquals(Set.of(), again.view().absent());
    assertEquals(Set.of(Incarnation.of(a.self)), again.view().gone());
  }

  @Test
  void afterAStartOfAllAMemoryNodeKnowsWhoHasDataOnDisk(
      @TempDir Path folder, @TempDir Path other, @TempDir Path third) {
    TestMember a = start(plan("a").folder(other));
    TestMember b = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder));
    TestMember c = start(plan("c").seeds(a).folder(third));
    awaitTogether(a, b, c);
    activate(a, b, c);
    kill(a);
    kill(b);
    kill(c);
    TestMember again = start(plan("a").folder(other).port(a.port()));
    assertEquals(State.JOINING, again.self.state());
    assertEquals(Set.of(Incarnation.of(b.self)), again.view().absent(), "c has lost what it had");
    TestMember data = start(plan("b").seeds(again).tier(Tier.SSD).folder(folder));
    awaitTogether(again, data);
    assertEquals(
        Set.of(),
        again.view().absent().stream()
            .filter(one -> one.nodeId().equals("b"))
            .collect(Collectors.toSet()));
  }

  @Test
  void aFullDiskDoesNotEndTheNodeWhenAnotherOneJoins(@TempDir Path folder) throws IOException {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder));
    awaitTogether(a, b);
    activate(a, b);
    await(() -> !Files.exists(folder.resolve("member.unfinished")), () -> "it writes");
    Files.createDirectory(folder.resolve("member.unfinished")); // so nothing can be written
    TestMember c = start(plan("c").seeds(a));
    awaitTogether(a, b, c);
    assertFalse(b.membership.failure().isDone());
    Files.delete(folder.resolve("member.unfinished"));
    kill(a);
    await(() -> b.view().absent().contains(Incarnation.of(a.self)), () -> "b: " + b.view());
    kill(b);
    await(
        () -> {
          TestMember again = plan("b").tier(Tier.SSD).folder(folder).start();
          boolean knows = again.view().absent().stream().anyMatch(one -> one.nodeId().equals("c"));
          again.close();
          return knows;
        },
        () -> "it was not tried again");
  }

  @Test
  void whoWasGivenUpWhileItWasAwayIsToldSo(@TempDir Path folder) {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder));
    awaitTogether(a, b);
    activate(a, b);
    kill(b);
    await(() -> a.view().absent().contains(Incarnation.of(b.self)), () -> "a: " + a.view());
    a.membership.declareGone(Incarnation.of(b.self));
    TestMember again = start(plan("b").seeds(a).tier(Tier.SSD).folder(folder).port(b.port()));
    await(() -> again.view().gone().contains(Incarnation.of(b.self)), () -> "b: " + again.view());
  }

  @Test
  void aPartitionMakesBothSidesGoOnAndHeals() {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a));
    TestMember c = start(plan("c").seeds(a));
    TestMember d = start(plan("d").seeds(a));
    awaitTogether(a, b, c, d);
    activate(a, b, c, d);
    a.cutOff(c, d);
    b.cutOff(c, d);
    c.cutOff(a, b);
    d.cutOff(a, b);
    awaitTogether(a, b);
    awaitTogether(c, d);
    await(
        () -> a.view().absent().equals(Set.of(c.incarnation(), d.incarnation())),
        () -> "a: " + a.view());
    c.membership.changeFaultTolerance(2);
    for (TestMember member : List.of(a, b, c, d)) {
      member.reconnect();
    }
    awaitTogether(a, b, c, d);
    for (TestMember member : List.of(a, b, c, d)) {
      await(
          () -> member.view().isSettled() && member.view().topology().faultTolerance() == 2,
          () -> "not whole again: " + member.view());
      assertEquals(Set.of(), member.view().gone());
    }
  }

  @Test
  void whoWasRemovedByMistakeComesBackByItself() {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a));
    awaitTogether(a, b);
    activate(a, b);
    b.cutOff(a); // one direction is enough
    awaitTogether(a);
    b.reconnect();
    awaitTogether(a, b);
    assertEquals(Set.of(), a.view().gone());
    await(() -> a.view().isSettled() && b.view().isSettled(), () -> "a: " + a.view());
  }

  @Test
  void anIncarnationDeclaredGoneIsToldSoWhenItComesBack() {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a));
    awaitTogether(a, b);
    activate(a, b);
    a.cutOff(b);
    b.cutOff(a);
    awaitTogether(a);
    a.membership.declareGone(b.incarnation());
    await(() -> a.view().gone().contains(b.incarnation()), () -> "a: " + a.view());
    a.reconnect();
    b.reconnect();
    await(() -> b.view().gone().contains(b.incarnation()), () -> "b: " + b.view());
    assertEquals(List.of(a.incarnation()), a.incarnations());
  }

  @Test
  void whoLeavesIsMissedByNobody() {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a));
    awaitTogether(a, b);
    activate(a, b);
    List<MembershipView> seen = Collections.synchronizedList(new ArrayList<>());
    a.membership.listen(seen::add);
    b.membership.leave();
    started.remove(b);
    awaitTogether(a);
    assertEquals(Set.of(), a.view().absent());
    assertTrue(seen.stream().allMatch(view -> view.suspected().isEmpty()), seen::toString);
  }

  @Test
  void listenersAreToldTheLatestViewFirstAndEachOneAfterIt() {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a));
    awaitTogether(a, b);
    List<MembershipView> seen = Collections.synchronizedList(new ArrayList<>());
    a.membership.listen(seen::add);
    a.membership.announce(State.ACTIVE);
    a.membership.announce(State.LEAVING);
    await(() -> a.stateOf("a") == State.LEAVING, () -> "a: " + a.view());
    await(() -> !seen.isEmpty() && seen.getLast().equals(a.view()), seen::toString);
    List<State> states =
        seen.stream()
            .map(view -> view.topology().member("a").orElseThrow().state())
            .distinct()
            .toList();
    assertEquals(List.of(State.JOINING, State.ACTIVE, State.LEAVING), states);
  }

  @Test
  void aSeedThatIsDownIsTriedUntilItIsUp() {
    TestMember early = start(plan("a"));
    String address = early.address();
    int port = early.port();
    kill(early);
    TestMember b = start(plan("b").seeds(address));
    assertEquals(List.of(b.incarnation()), b.incarnations());
    TestMember a = start(plan("a").port(port));
    awaitTogether(a, b);
  }

  @Test
  void aSeedMayBeANameOfSeveralAddressesWhichChange() throws UnknownHostException {
    InetAddress loopback = InetAddress.getByAddress(new byte[] {127, 0, 0, 1});
    InetAddress nobody = InetAddress.getByAddress(new byte[] {127, 0, 0, 77});
    AtomicReference<List<InetAddress>> addresses = new AtomicReference<>(List.of());
    Resolver resolver =
        host -> host.equals("nodes.test") ? addresses.get() : Resolver.SYSTEM.resolve(host);
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds("nodes.test:" + a.port()).resolver(resolver));
    addresses.set(List.of(nobody, loopback));
    awaitTogether(a, b);
  }

  @Test
  void aSecondNodeWithTheSameIdIsRefusedAndEnds() throws Exception {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a));
    awaitTogether(a, b);
    TestMember twin = start(plan("b").seeds(a));
    assertEquals(
        "node id 'b' is taken by the live node at "
            + b.address()
            + "; the one at "
            + twin.address()
            + " must wait until that has ended, or needs another node.id",
        twin.membership.failure().get(60, SECONDS).getMessage());
    assertEquals(b.self.incarnation(), a.view().topology().member("b").orElseThrow().incarnation());
  }

  @Test
  void aNodeOnAnotherPortTakesThePlaceOfOneThatDied() {
    TestMember a = start(plan("a"));
    TestMember b = start(plan("b").seeds(a));
    awaitTogether(a, b);
    activate(a, b);
    b.cutOff(a); // as good as dead, and a does not know yet
    TestMember again = start(plan("b").seeds(a));
    await(
        () ->
            a.view()
                .topology()
                .member("b")
                .map(node -> node.incarnation() == again.self.incarnation())
                .orElse(false),
        () -> "a: " + a.view());
    assertFalse(again.membership.failure().isDone());
  }

  @Test
  void aNodeOfAnotherClusterIsRefusedAndBothAreNamed() throws Exception {
    TestMember a = start(plan("a").cluster("blue"));
    TestMember b = start(plan("b").cluster("green").seeds(a));
    assertEquals(
        "node b at "
            + b.address()
            + " belongs to cluster 'green', node a at "
            + a.address()
            + " to cluster 'blue'; give both the same cluster.name, or the former other"
            + " cluster.seeds",
        b.membership.failure().get(60, SECONDS).getMessage());
    assertEquals(List.of(a.incarnation()), a.incarnations());
  }

  @Test
  void aClockThatIsWrongIsRefusedAndBothTimesAreNamed() throws Exception {
    TestMember a = start(plan("a"));
    for (int seconds : List.of(10, -10)) {
      TestMember b = start(plan("b").clockOffset(Duration.ofSeconds(seconds)).seeds(a));
      String message = b.membership.failure().get(60, SECONDS).getMessage();
      String pattern =
          "the clock of node b at "
              + b.address()
              + " shows \\S+Z, that of node a at "
              + a.address()
              + " \\S+Z: the former is -?[0-9]+ ms "
              + (seconds > 0 ? "ahead" : "behind")
              + ", more than clock.skew.max \\(500 ms\\); set the clocks right";
      assertTrue(message.matches(pattern), message);
      assertEquals(List.of(a.incarnation()), a.incarnations());
      kill(b);
    }
  }

  @Test
  void theVersionBeforeIsServedAndTheOneBeforeThatIsNot() throws Exception {
    TestMember a = start(plan("a").version(7));
    TestMember b = start(plan("b").version(6).seeds(a));
    awaitTogether(a, b);
    TestMember c = start(plan("c").version(5).seeds(a));
    assertEquals(
        "node c at "
            + c.address()
            + " speaks version 5 of the control protocol, node a at "
            + a.address()
            + " versions 6 and 7; upgrade the former",
        c.membership.failure().get(60, SECONDS).getMessage());
    awaitTogether(a, b);
  }

  @Test
  void manyMembersAgree() {
    List<TestMember> all = new ArrayList<>(List.of(start(plan("n0"))));
    for (int index = 1; index < 7; index++) {
      all.add(start(plan("n" + index).seeds(all.getFirst())));
    }
    awaitTogether(all.toArray(TestMember[]::new));
    activate(all.toArray(TestMember[]::new));
    Set<Long> versions =
        Set.copyOf(all.stream().map(member -> member.view().topology().version()).toList());
    assertEquals(1, versions.size());
  }
}
