package dev.trellis.monitor.kubernetes;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.monitor.decisions.DecisionBook;
import dev.trellis.monitor.decisions.Recorded;
import dev.trellis.monitor.kubernetes.FakeDrain.Told;
import dev.trellis.monitor.kubernetes.FakeKubernetes.Call;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.monitor.scaler.NodeDrain.Standing;
import dev.trellis.monitor.scaler.Scaler;
import dev.trellis.monitor.scaler.Scaler.Answer;
import dev.trellis.monitor.scaler.Scaler.Progress;
import dev.trellis.monitor.scaler.Scaler.Target;
import dev.trellis.monitor.scaler.ScalerSource;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;
import io.fabric8.kubernetes.api.model.apps.StatefulSetBuilder;
import io.fabric8.kubernetes.api.model.rbac.PolicyRule;
import io.fabric8.kubernetes.api.model.rbac.Role;
import io.fabric8.kubernetes.client.Config;
import io.fabric8.kubernetes.client.utils.KubernetesSerialization;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

class KubernetesScalerTest {
  private static final String MEMORY = "trellis-memory";
  private static final String SSD = "trellis-ssd";

  private final FakeKubernetes kubernetes = new FakeKubernetes();
  private final FakeDrain drain = new FakeDrain();
  private Scaler scaler = newScaler();

  @AfterEach
  void close() {
    scaler.close();
    kubernetes.close();
  }

  private Scaler newScaler() {
    Config config = KubernetesScalerSource.config(settings(""), kubernetes.config());
    return KubernetesScalerSource.create(settings(""), drain, config, kubernetes.client(config));
  }

  private static StrictConfig settings(String text) {
    return StrictConfig.ofText(new KubernetesScalerSource().reference(), text, Map.of());
  }

  /// As if the process of the monitor ended here and another one began.
  private void restart() {
    scaler.close();
    scaler = newScaler();
  }

  private Answer memory(int nodes, long epoch) {
    return scaler.scale(new Target(Tier.MEMORY, nodes, List.of(), epoch));
  }

  private static void assertProgress(int running, int starting, int leaving, Answer answer) {
    assertEquals(new Answer.Taken(new Progress(Tier.MEMORY, running, starting, leaving)), answer);
  }

  private static String failure(Answer answer) {
    return assertInstanceOf(Answer.Failed.class, answer).reason();
  }

  private static String refusal(Answer answer) {
    return assertInstanceOf(Answer.Refused.class, answer).reason();
  }

  private String draining() {
    return kubernetes.annotation(MEMORY, TierState.DRAINING);
  }

  /// A tier of so many nodes, all of them members and ready.
  private void haveMembers(int nodes) {
    kubernetes.create(MEMORY, nodes);
    kubernetes.settle(MEMORY);
    for (int node = 0; node < nodes; node++) {
      drain.are(Standing.MEMBER, MEMORY + "-" + node);
    }
  }

  @Test
  void aTierGrowsAtOnceAndSlowPodsCountAsStarting() {
    haveMembers(2);
    assertProgress(5, 3, 0, memory(5, 7));
    assertEquals(5, kubernetes.replicas(MEMORY));
    assertEquals("7", kubernetes.annotation(MEMORY, TierState.EPOCH));
    assertEquals("5", kubernetes.annotation(MEMORY, TierState.TARGET));
    kubernetes.control(MEMORY, 5, 3);
    assertProgress(5, 2, 0, memory(5, 7));
    kubernetes.settle(MEMORY);
    assertProgress(5, 0, 0, memory(5, 7));
    assertEquals(List.of(), drain.told());
  }

  @Test
  void anOrderThatIsFulfilledChangesNothing() {
    haveMembers(2);
    var _ = memory(2, 7);
    String version = kubernetes.read(MEMORY).getMetadata().getResourceVersion();
    assertProgress(2, 0, 0, memory(2, 7));
    assertEquals(version, kubernetes.read(MEMORY).getMetadata().getResourceVersion());
  }

  /// As the monitor has it carried out: it asks while the decision is open, and no longer.
  @Test
  void aShrinkIsDoneOnceReplicasAreTakenAwayThoughOthersWereToLeave() {
    haveMembers(3);
    DecisionBook book = new DecisionBook(Duration.ofSeconds(30), DecisionBook.By.SCALER);
    List<String> advised = List.of(MEMORY + "-0");
    Explanation why = new Explanation("compute", "idle", Map.of(), "", Map.of());
    Recorded shrink = book.add(new Decision.Resize(Tier.MEMORY, 3, 2, advised, why), 0);
    Target target = new Target(Tier.MEMORY, 2, advised, 7);

    book.heard(shrink.id(), scaler.scale(target));
    drain.are(Standing.OUT, MEMORY + "-2");
    book.observe(members(2));
    assertEquals(List.of(shrink), book.open(), "nobody has taken its pod away");
    book.heard(shrink.id(), scaler.scale(target));
    assertEquals(2, kubernetes.replicas(MEMORY));
    kubernetes.settle(MEMORY);
    book.heard(shrink.id(), scaler.scale(target));
    book.observe(members(2));
    assertEquals(List.of(), book.open());
    assertEquals(Recorded.Progress.DONE, book.latest().getFirst().state());
    assertNull(draining());
  }

  private static ClusterView members(int nodes) {
    return new ClusterView(
        0,
        1,
        true,
        IntStream.range(0, nodes)
            .mapToObj(
                node ->
                    new ClusterView.Node(
                        MEMORY + "-" + node, Tier.MEMORY, State.ACTIVE, 0, false, List.of()))
            .toList(),
        List.of(),
        new ClusterView.Population(0, 0, 0),
        ClusterView.Latency.NONE,
        List.of());
  }

  @Test
  void theTiersAreScaledApart() {
    haveMembers(2);
    kubernetes.create(SSD, 1);
    Answer answer = scaler.scale(new Target(Tier.SSD, 2, List.of(), 3));
    assertEquals(new Answer.Taken(new Progress(Tier.SSD, 2, 2, 0)), answer);
    assertEquals(2, kubernetes.replicas(SSD));
    assertEquals(Map.of(), kubernetes.read(MEMORY).getMetadata().getAnnotations());
  }

  @Test
  void theHighestOrdinalsLeaveBeforeTheirPodsAreTakenAwayWhoeverWasAdvised() {
    haveMembers(5);
    Answer first =
        scaler.scale(new Target(Tier.MEMORY, 3, List.of(MEMORY + "-0", MEMORY + "-1"), 7));
    assertProgress(3, 0, 2, first);
    assertEquals(List.of(new Told(MEMORY + "-3", 7), new Told(MEMORY + "-4", 7)), drain.told());
    assertEquals(5, kubernetes.replicas(MEMORY));
    assertEquals("3", draining());

    assertProgress(3, 0, 2, memory(3, 7));
    assertEquals(5, kubernetes.replicas(MEMORY), "they have yet to hand over");
    assertEquals(2, drain.told().size(), "who leaves is not told again");

    drain.are(Standing.OUT, MEMORY + "-4");
    assertProgress(3, 0, 2, memory(3, 7));
    assertEquals(4, kubernetes.replicas(MEMORY));
    kubernetes.settle(MEMORY);

    drain.are(Standing.OUT, MEMORY + "-3");
    var _ = memory(3, 7);
    assertEquals(3, kubernetes.replicas(MEMORY));
    assertEquals("3", draining(), "Kubernetes has yet to see it");
    kubernetes.settle(MEMORY);
    assertProgress(3, 0, 0, memory(3, 7));
    assertNull(draining());
  }

  @Test
  void aPodBelowOneThatHasYetToHandOverIsNotTakenAway() {
    haveMembers(5);
    var _ = memory(3, 7);
    drain.are(Standing.OUT, MEMORY + "-3");
    assertProgress(3, 0, 2, memory(3, 7));
    assertEquals(5, kubernetes.replicas(MEMORY));
  }

  @Test
  void aNodeThatIsLostWhileItLeavesIsWaitedFor() {
    haveMembers(3);
    var _ = memory(2, 7);
    drain.are(Standing.LOST, MEMORY + "-2");
    assertProgress(2, 0, 1, memory(2, 7));
    assertEquals(3, kubernetes.replicas(MEMORY));
    drain.are(Standing.MEMBER, MEMORY + "-2"); // it was started again, and has joined again
    var _ = memory(2, 7);
    assertEquals(List.of(new Told(MEMORY + "-2", 7), new Told(MEMORY + "-2", 7)), drain.told());
    drain.are(Standing.OUT, MEMORY + "-2");
    var _ = memory(2, 7);
    assertEquals(2, kubernetes.replicas(MEMORY));
  }

  @Test
  void podsThatNeverBecameNodesAreTakenAwayAtOnce() {
    haveMembers(2);
    var _ = memory(5, 7);
    kubernetes.control(MEMORY, 5, 2);
    var _ = memory(2, 7);
    assertEquals(2, kubernetes.replicas(MEMORY));
    assertEquals(List.of(), drain.told());
  }

  @Test
  void aTierThatIsToGrowAgainShrinksToTheEndFirst() {
    haveMembers(4);
    var _ = memory(2, 7);
    assertProgress(2, 0, 2, memory(4, 7));
    assertEquals("4", kubernetes.annotation(MEMORY, TierState.TARGET));
    drain.are(Standing.OUT, MEMORY + "-2", MEMORY + "-3");
    assertProgress(2, 0, 2, memory(4, 7));
    assertEquals(2, kubernetes.replicas(MEMORY));
    assertProgress(2, 0, 2, memory(4, 7));
    assertEquals(2, kubernetes.replicas(MEMORY), "Kubernetes has yet to see that it shrank");
    kubernetes.control(MEMORY, 3, 2);
    assertProgress(2, 0, 1, memory(4, 7));
    assertEquals(2, kubernetes.replicas(MEMORY), "a pod is still there");
    kubernetes.settle(MEMORY);
    assertProgress(4, 2, 0, memory(4, 7));
    assertEquals(4, kubernetes.replicas(MEMORY));
    assertNull(draining());
  }

  @Test
  void anotherScalerGoesOnWhereOneStoppedInTheMiddle() {
    haveMembers(4);
    drain.refuse(Optional.of("it is busy"));
    assertEquals("node trellis-memory-3 does not leave: it is busy", failure(memory(3, 7)));
    assertEquals("3", draining(), "it is noted before the node is told");
    drain.refuse(Optional.empty());

    restart();
    assertProgress(3, 0, 1, memory(3, 8));
    assertEquals(new Told(MEMORY + "-3", 8), drain.told().getLast());

    restart();
    drain.are(Standing.OUT, MEMORY + "-3");
    var _ = memory(3, 8);
    assertEquals(3, kubernetes.replicas(MEMORY));

    restart();
    kubernetes.settle(MEMORY);
    assertProgress(3, 0, 0, memory(3, 8));
    assertNull(draining());
  }

  @Test
  void anotherScalerThatKnowsNothingOfADrainEndsItBeforeItGrows() {
    haveMembers(4);
    var _ = memory(2, 7);
    restart();
    drain.are(Standing.OUT, MEMORY + "-2", MEMORY + "-3");
    var _ = memory(4, 8);
    assertEquals(2, kubernetes.replicas(MEMORY), "both have left, and would stay out");
    kubernetes.settle(MEMORY);
    assertProgress(4, 2, 0, memory(4, 8));
  }

  @Test
  void ofTwoMonitorsTheOneWithTheLowerEpochIsRefused() throws Exception {
    haveMembers(2);
    try (Scaler other = newScaler()) {
      assertProgress(3, 1, 0, memory(3, 8));
      Answer late = other.scale(new Target(Tier.MEMORY, 2, List.of(), 7));
      assertEquals(
          "epoch 7 is over: a monitor of epoch 8 has scaled StatefulSet trellis-memory in namespace"
              + " tests",
          refusal(late));
      assertEquals(3, kubernetes.replicas(MEMORY));
      assertEquals(List.of(), drain.told());
      assertInstanceOf(Answer.Taken.class, other.scale(new Target(Tier.MEMORY, 4, List.of(), 9)));
      assertEquals(4, kubernetes.replicas(MEMORY));
      assertTrue(refusal(memory(3, 8)).startsWith("epoch 8 is over"));
    }
  }

  @Test
  void aMonitorThatComesBetweenReadingAndWritingWinsIfItsEpochIsHigher() throws Exception {
    haveMembers(3);
    try (Scaler other = newScaler()) {
      kubernetes.beforeNextUpdate(
          () -> {
            Answer answer = other.scale(new Target(Tier.MEMORY, 4, List.of(), 9));
            assertInstanceOf(Answer.Taken.class, answer);
          });
      assertTrue(refusal(memory(2, 8)).startsWith("epoch 8 is over"));
    }
    assertEquals(4, kubernetes.replicas(MEMORY));
    assertNull(draining());
    assertEquals(List.of(), drain.told(), "nobody is told to leave by who lost");
  }

  @Test
  void whatSomebodyElseChangedMeanwhileIsReadAgain() {
    haveMembers(2);
    kubernetes.beforeNextUpdate(() -> kubernetes.scaleByHand(MEMORY, 3));
    assertProgress(4, 2, 0, memory(4, 7));
    assertEquals(4, kubernetes.replicas(MEMORY));
  }

  @Test
  void whoeverIsAlwaysLateSaysSoAndMayTryAgain() {
    haveMembers(2);
    for (int replicas : new int[] {3, 2, 3}) {
      kubernetes.beforeNextUpdate(() -> kubernetes.scaleByHand(MEMORY, replicas));
    }
    assertEquals(
        "StatefulSet trellis-memory in namespace tests was changed by others each of 3 times",
        failure(memory(4, 7)));
    assertProgress(4, 2, 0, memory(4, 7));
  }

  @Test
  void aConflictIsReadAgainOnlyOfAnUpdate() {
    haveMembers(2);
    kubernetes.failNextUpdate(409);
    assertProgress(3, 1, 0, memory(3, 7));
    kubernetes.failNext(409);
    assertTrue(failure(memory(4, 7)).contains("Kubernetes answers 409"));
  }

  @Test
  void errorsOfKubernetesAreToldAndTheNextOrderGoesThrough() {
    haveMembers(2);
    for (int status : new int[] {500, 503, 403}) {
      kubernetes.failNext(status);
      String reason = failure(memory(3, 7));
      assertTrue(
          reason.startsWith(
              "StatefulSet trellis-memory in namespace tests: Kubernetes answers " + status),
          reason);
      assertTrue(reason.contains("the test says so"), reason);
    }
    assertEquals(2, kubernetes.replicas(MEMORY));
    assertProgress(3, 1, 0, memory(3, 7));
  }

  @Test
  void nobodyIsToldToLeaveWhenThatCouldNotBeNoted() {
    haveMembers(3);
    kubernetes.failNextUpdate(500);
    assertTrue(failure(memory(2, 7)).contains("Kubernetes answers 500"));
    assertEquals(List.of(), drain.told());
    assertEquals(Map.of(), kubernetes.read(MEMORY).getMetadata().getAnnotations());
  }

  @Test
  void aKubernetesThatIsNotThereIsTold() {
    haveMembers(2);
    kubernetes.close();
    String reason = failure(memory(3, 7));
    assertTrue(reason.contains("Kubernetes does not answer"), reason);
  }

  @Test
  void aMissingStatefulSetIsNamedWithTheSettingThatNamesIt() {
    assertEquals(
        "there is no StatefulSet trellis-memory in namespace tests; create it, or name another one in"
            + " kubernetes.statefulset.memory",
        failure(memory(2, 7)));
    kubernetes.create(MEMORY, 1);
    assertProgress(2, 2, 0, memory(2, 7));
  }

  @Test
  void nothingIsTakenAwayWhileNobodyTellsWhoIsAMember() {
    haveMembers(3);
    drain.fallSilent("no node answers");
    assertEquals(
        "nobody tells which nodes of StatefulSet trellis-memory in namespace tests have handed over"
            + " what they hold: no node answers",
        failure(memory(2, 7)));
    assertEquals(3, kubernetes.replicas(MEMORY));
    assertProgress(5, 2, 0, memory(5, 7));
  }

  @Test
  void oneNodeThatRefusesDoesNotKeepAnotherFromBeingTold() {
    haveMembers(4);
    drain.refuse(Optional.of("it is the only member"));
    assertEquals(
        "node trellis-memory-3 does not leave: it is the only member", failure(memory(2, 7)));
    assertEquals(2, drain.told().size());
  }

  @Test
  void replicasTakenAwayByHandEndTheDrain() {
    haveMembers(4);
    var _ = memory(2, 7);
    kubernetes.scaleByHand(MEMORY, 2);
    kubernetes.settle(MEMORY);
    assertProgress(2, 0, 0, memory(2, 7));
    assertNull(draining());
  }

  @Test
  void ordinalsNeedNotBeginAtZero() {
    kubernetes.create(
        new StatefulSetBuilder()
            .withNewMetadata()
            .withName(MEMORY)
            .endMetadata()
            .withNewSpec()
            .withReplicas(2)
            .withNewOrdinals(10)
            .endSpec()
            .build());
    kubernetes.settle(MEMORY);
    drain.are(Standing.MEMBER, MEMORY + "-10", MEMORY + "-11");
    assertProgress(1, 0, 1, memory(1, 7));
    assertEquals(List.of(new Told(MEMORY + "-11", 7)), drain.told());
    assertEquals("11", draining());
    drain.are(Standing.OUT, MEMORY + "-11");
    restart();
    var _ = memory(1, 7);
    assertEquals(1, kubernetes.replicas(MEMORY));
  }

  @Test
  void anAnnotationThatNoMonitorWritesIsNamed() {
    kubernetes.create(
        new StatefulSetBuilder()
            .withNewMetadata()
            .withName(MEMORY)
            .addToAnnotations(TierState.EPOCH, "latest")
            .endMetadata()
            .withNewSpec()
            .endSpec()
            .build());
    assertEquals(
        "annotation trellis.dev/epoch of StatefulSet trellis-memory is 'latest', which no monitor"
            + " writes; remove it",
        failure(memory(2, 7)));
  }

  @Test
  void theRoleInDeployAllowsExactlyWhatTheScalerDoes() throws IOException {
    haveMembers(3);
    kubernetes.create(SSD, 1);
    var _ = scaler.scale(new Target(Tier.SSD, 2, List.of(), 1));
    var _ = memory(2, 7);
    drain.are(Standing.OUT, MEMORY + "-2");
    var _ = memory(2, 7);
    kubernetes.settle(MEMORY);
    var _ = memory(4, 7);

    Map<String, String> verbs = Map.of("GET", "get", "PUT", "update");
    String path = "/apis/apps/v1/namespaces/" + FakeKubernetes.NAMESPACE + "/statefulsets/";
    Set<List<String>> done = new TreeSet<>(KubernetesScalerTest::compare);
    for (Call call : kubernetes.calls()) {
      assertTrue(call.path().startsWith(path), call::toString);
      done.add(
          List.of(
              Optional.ofNullable(verbs.get(call.method())).orElse(call.method()),
              call.path().substring(path.length())));
    }
    Path file = Path.of(System.getProperty("trellis.root"), "deploy/kubernetes/base/rbac.yaml");
    Role role = role(Files.readString(file));
    Set<List<String>> allowed = new TreeSet<>(KubernetesScalerTest::compare);
    for (PolicyRule rule : role.getRules()) {
      assertEquals(List.of("apps"), rule.getApiGroups());
      assertEquals(List.of("statefulsets"), rule.getResources());
      for (String verb : rule.getVerbs()) {
        rule.getResourceNames().forEach(name -> allowed.add(List.of(verb, name)));
      }
    }
    assertEquals(done, allowed);
  }

  private static Role role(String manifests) {
    String manifest =
        Pattern.compile("^---$", Pattern.MULTILINE)
            .splitAsStream(manifests)
            .filter(one -> one.contains("\nkind: Role\n"))
            .findFirst()
            .orElseThrow();
    return new KubernetesSerialization().unmarshal(manifest, Role.class);
  }

  private static int compare(List<String> a, List<String> b) {
    return a.toString().compareTo(b.toString());
  }

  @Test
  void itIsFoundByItsNameAndItsSettingsAreItsOwn() {
    List<ScalerSource> found = ScalerSource.all();
    ScalerSource source =
        found.stream().filter(one -> one.name().equals("kubernetes")).findFirst().orElseThrow();
    assertTrue(source.reference().contains("kubernetes.timeout = 5s"));
    assertEquals("kubernetes", scaler.name());
    ConfigurationException wrong =
        assertThrows(
            ConfigurationException.class,
            () ->
                KubernetesScalerSource.config(
                    settings("kubernetes.timeout = 5m"), kubernetes.config()));
    assertEquals("kubernetes.timeout 5m is outside 100ms to 1m", wrong.getMessage());
  }

  @Test
  void withoutANamespaceItSaysHowToSetOne() {
    Config found = kubernetes.config();
    found.setNamespace(null);
    ConfigurationException wrong =
        assertThrows(
            ConfigurationException.class,
            () ->
                KubernetesScalerSource.create(
                    settings(""), drain, found, kubernetes.client(found)));
    assertTrue(wrong.getMessage().startsWith("kubernetes.namespace is not set"), wrong::toString);
  }
}
