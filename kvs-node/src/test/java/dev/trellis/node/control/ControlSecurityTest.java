package dev.trellis.node.control;

import static dev.trellis.node.control.TestMember.activate;
import static dev.trellis.node.control.TestMember.await;
import static dev.trellis.node.control.TestMember.awaitTogether;
import static dev.trellis.node.control.TestMember.plan;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.CertificateName;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import dev.trellis.process.TestSecrets.CurvePair;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlSecurityTest {
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  @TempDir private Path folder;
  private TestSecrets secrets;

  @BeforeEach
  void makeSecrets() {
    secrets = new TestSecrets(folder, "test");
  }

  private TestMember start(String id, TestMember... seeds) {
    return plan(id).secrets(secrets.node(id)).seeds(seeds).start();
  }

  private static ControlClient client(TestMember member, Path keys) {
    return client(member, keys, PATIENCE);
  }

  private static ControlClient client(TestMember member, Path keys, Duration timeout) {
    return new ControlClient(
        "127.0.0.1", member.port(), timeout, Optional.of(CurveKeys.of(new Secrets(keys))));
  }

  private static String pair(CurvePair pair) {
    return "public " + pair.publicKey() + "\nsecret " + pair.secretKey() + "\n";
  }

  private String known(String... namesAndKeys) {
    StringBuilder lines = new StringBuilder();
    for (String name : List.of("node", "monitor", "operator")) {
      lines.append(secrets.known(name).publicKey()).append(' ').append(name).append('\n');
    }
    for (int at = 0; at < namesAndKeys.length; at += 2) {
      lines.append(namesAndKeys[at + 1]).append(' ').append(namesAndKeys[at]).append('\n');
    }
    return lines.toString();
  }

  @Test
  void nodesWhoKnowEachOtherAreOneClusterAndTakeOrdersOfOperators() throws Exception {
    try (AuditedLines audit = new AuditedLines();
        TestMember a = start("a");
        TestMember b = start("b", a)) {
      awaitTogether(a, b);
      activate(a, b);
      Path operator = secrets.user();
      assertTrue(client(a, operator).status().startsWith("{\"id\":\"a\""));
      client(a, operator).changeFaultTolerance(3);
      await(() -> b.view().topology().faultTolerance() == 3, () -> "b: " + b.view());
      assertThrows(OrderRefusedException.class, () -> client(a, operator).changeFaultTolerance(99));
      await(
          () ->
              audit.count("administered", "operator", "fault-tolerance", "\"target\":\"3\"", "done")
                      == 1
                  && audit.has("fault-tolerance", "\"target\":\"99\"", "refused", "127.0.0.1:"),
          () -> "audited: " + audit.lines());
      assertFalse(audit.has("status"), () -> "audited: " + audit.lines());
    }
  }

  @Test
  void monitorsLeadAndHaveNodesLeaveAndNoMore() throws Exception {
    try (AuditedLines audit = new AuditedLines();
        TestMember a = start("a");
        TestMember b = start("b", a)) {
      awaitTogether(a, b);
      activate(a, b);
      Path monitor = secrets.monitor("m").folder();
      assertTrue(client(a, monitor).claim(7).startsWith("{\"epoch\":7"));
      assertTrue(client(a, monitor).claim(7).startsWith("{\"epoch\":7"));
      assertEquals(
          "the key of 'monitor' in curve.known does not allow the order fault-tolerance",
          assertThrows(
                  OrderRefusedException.class, () -> client(a, monitor).changeFaultTolerance(0))
              .getMessage());
      assertThrows(OrderRefusedException.class, () -> client(a, monitor).declareGone("b"));
      assertThrows(OrderRefusedException.class, () -> client(a, monitor).leave());
      assertThrows(
          OrderRefusedException.class, () -> client(a, monitor).beginBackup(Path.of("/backup")));
      client(b, monitor).leave(7);
      b.asked.join();
      await(
          () -> audit.has("refused", "monitor", "backup", "/backup"),
          () -> "audited: " + audit.lines());
      assertEquals(1, audit.count("administered", "claim"), () -> "audited: " + audit.lines());
      assertEquals(1, audit.count("administered", "leave"), () -> "audited: " + audit.lines());
    }
  }

  @Test
  void nodesGiveNoOrdersAndOperatorsAreNoNodes() throws Exception {
    Secrets operator = new Secrets(secrets.user());
    try (AuditedLines audit = new AuditedLines();
        TestMember a = start("a")) {
      ControlClient node = client(a, secrets.node("b").folder());
      assertTrue(node.status().startsWith("{\"id\":\"a\""));
      assertThrows(OrderRefusedException.class, () -> node.claim(3));
      assertThrows(OrderRefusedException.class, () -> node.leave());
      // A node of the cluster that has the key of an operator.
      Secrets mixed = secrets.node("b");
      TestSecrets.replace(mixed, Secrets.CURVE_KEY, pair(secrets.known("operator")));
      try (TestMember _ = plan("b").secrets(mixed).seeds(a).start()) {
        await(
            () -> audit.has("refused", "operator", "speak as node", "\"target\":\"b\""),
            () -> "audited: " + audit.lines());
        assertEquals(List.of(a.incarnation()), a.incarnations());
      }
      assertTrue(client(a, operator.folder()).status().startsWith("{\"id\":\"a\""));
    }
  }

  @Test
  void aKeyThatIsNamedForOneNodeSpeaksForNoOther() {
    CurvePair key = TestSecrets.strangersPair();
    Secrets a = secrets.node("a");
    Secrets b = secrets.node("b");
    Secrets c = secrets.node("c");
    TestSecrets.replace(b, Secrets.CURVE_KEY, pair(key));
    TestSecrets.replace(c, Secrets.CURVE_KEY, pair(key));
    for (Secrets each : List.of(a, b, c)) {
      TestSecrets.replace(each, Secrets.CURVE_KNOWN, known("node/b", key.publicKey()));
    }
    try (AuditedLines audit = new AuditedLines();
        TestMember first = plan("a").secrets(a).start();
        TestMember second = plan("b").secrets(b).seeds(first).start()) {
      awaitTogether(first, second);
      try (TestMember _ = plan("c").secrets(c).seeds(first).start()) {
        await(
            () -> audit.has("refused", "node/b", "speak as node", "\"target\":\"c\""),
            () -> "audited: " + audit.lines());
      }
      awaitTogether(first, second);
    }
  }

  @Test
  void aNodeWithTheKeysOfAnotherClusterIsRefusedAndBothSaySo() {
    TestSecrets others = new TestSecrets(folder.resolve("other"), "test");
    try (AuditedLines audit = new AuditedLines();
        TestMember a = start("a");
        TestMember b = plan("b").secrets(others.node("b")).seeds(a).start()) {
      await(
          () -> b.membership.waitsFor().contains(a.address() + " has none of the server keys in "),
          () -> b.membership.waitsFor());
      await(
          () -> audit.has("refused", "connect", "it has shown no key", "127.0.0.1:"),
          () -> "audited: " + audit.lines());
      assertEquals(List.of(a.incarnation()), a.incarnations());
      assertEquals(List.of(b.incarnation()), b.incarnations());
    }
  }

  @Test
  void aNodeWhoseOwnKeyIsNotKnownIsRefusedAndBothSaySo() {
    CurvePair key = TestSecrets.strangersPair();
    Secrets stranger = secrets.node("b");
    TestSecrets.replace(stranger, Secrets.CURVE_KEY, pair(key));
    try (AuditedLines audit = new AuditedLines();
        TestMember a = start("a");
        TestMember b = plan("b").secrets(stranger).seeds(a).start()) {
      await(
          () -> b.membership.waitsFor().contains(a.address() + " refuses our CURVE key"),
          () -> b.membership.waitsFor());
      await(
          () ->
              audit.has(
                  "refused",
                  "connect",
                  "the key " + key.publicKey().replace("\\", "\\\\") + " is not in curve.known"),
          () -> "audited: " + audit.lines());
      assertEquals(List.of(a.incarnation()), a.incarnations());
    }
  }

  @Test
  void aNodeWithoutCurveIsRefusedByThoseWithItAndTheReverse() {
    try (AuditedLines audit = new AuditedLines();
        TestMember secured = start("a");
        TestMember plain = plan("b").seeds(secured).start();
        TestMember lost = plan("c").secrets(secrets.node("c")).seeds(plain).start()) {
      await(
          () -> plain.membership.waitsFor().contains(secured.address() + " ends connections"),
          () -> plain.membership.waitsFor());
      await(
          () -> lost.membership.waitsFor().contains(plain.address() + " does not speak CURVE"),
          () -> lost.membership.waitsFor());
      await(
          () -> audit.has("refused", "connect", "it does not speak CURVE"),
          () -> "audited: " + audit.lines());
      for (TestMember one : List.of(secured, plain, lost)) {
        assertEquals(List.of(one.incarnation()), one.incarnations());
      }
    }
  }

  @Test
  void whoGivesOrdersHearsWhyHeIsNotServed() throws Exception {
    Path operator = secrets.user();
    TestSecrets others = new TestSecrets(folder.resolve("other"), "test");
    Secrets stranger = secrets.node("x");
    TestSecrets.replace(stranger, Secrets.CURVE_KEY, pair(TestSecrets.strangersPair()));
    try (TestMember a = start("a");
        TestMember plain = plan("p").start()) {
      assertSays(a, " refuses our CURVE key", () -> client(a, stranger.folder()).status());
      assertSays(a, " has none of the server keys in ", () -> client(a, others.user()).status());
      assertSays(plain, " does not speak CURVE", () -> client(plain, operator).status());
      assertSays(
          a,
          " ends connections before it says anything: it seems to want CURVE",
          () -> new ControlClient("127.0.0.1", a.port(), Duration.ofSeconds(3)).status());
      assertTrue(client(a, operator).status().startsWith("{\"id\":\"a\""));
    }
  }

  private interface Asking {
    void ask() throws IOException;
  }

  private static void assertSays(TestMember member, String problem, Asking asking) {
    String message = assertThrows(IOException.class, asking::ask).getMessage();
    assertTrue(message.startsWith("the control plane at " + member.address() + problem), message);
  }

  @Test
  void whoIsRevokedIsNotHeardAnyMoreAndHisConnectionsEnd() throws Exception {
    CurvePair key = TestSecrets.strangersPair();
    Secrets a = secrets.node("a");
    Secrets b = secrets.node("b");
    TestSecrets.replace(b, Secrets.CURVE_KEY, pair(key));
    for (Secrets each : List.of(a, b)) {
      TestSecrets.replace(each, Secrets.CURVE_KNOWN, known("node/b", key.publicKey()));
    }
    try (TestMember first = plan("a").secrets(a).start();
        TestMember second = plan("b").secrets(b).seeds(first).start()) {
      awaitTogether(first, second);
      long begun = System.nanoTime();
      TestSecrets.replace(a, Secrets.CURVE_KNOWN, known());
      await(
          () -> first.incarnations().equals(List.of(first.incarnation())),
          () -> "a: " + first.view());
      // It is removed after a second of silence; two more may it take until the file was read.
      assertTrue(System.nanoTime() - begun < Duration.ofSeconds(20).toNanos());
      await(
          () -> second.socket.problems().toString().contains("refuses our CURVE key"),
          () -> "b: " + second.socket.problems());
    }
  }

  @Test
  void keysAreExchangedOneNodeAtATimeAndNobodyIsTakenForDead() {
    CurvePair oldServer = secrets.curveServer();
    CurvePair newServer = TestSecrets.strangersPair();
    CurvePair oldNode = secrets.known("node");
    CurvePair newNode = TestSecrets.strangersPair();
    List<Secrets> folders = List.of(secrets.node("a"), secrets.node("b"), secrets.node("c"));
    List<String> suspicions = new CopyOnWriteArrayList<>();
    try (TestMember a = plan("a").secrets(folders.get(0)).defaultTimes().start();
        TestMember b = plan("b").secrets(folders.get(1)).seeds(a).defaultTimes().start();
        TestMember c = plan("c").secrets(folders.get(2)).seeds(a).defaultTimes().start()) {
      List<TestMember> members = List.of(a, b, c);
      awaitTogether(a, b, c);
      activate(a, b, c);
      for (TestMember member : members) {
        member.membership.listen(
            view -> {
              if (view.topology().members().size() != 3) {
                suspicions.add(member.self.id() + " sees " + view);
              }
            });
      }
      List<Runnable> steps = new ArrayList<>();
      String both = pair(oldServer) + pair(newServer);
      for (Secrets each : folders) {
        steps.add(
            () -> {
              TestSecrets.replace(each, Secrets.CURVE_SERVER_KEY, both);
              TestSecrets.replace(each, Secrets.CURVE_KNOWN, known("node", newNode.publicKey()));
            });
      }
      for (Secrets each : folders) {
        steps.add(
            () -> {
              TestSecrets.replace(
                  each, Secrets.CURVE_SERVER_KEY, pair(newServer) + pair(oldServer));
              TestSecrets.replace(each, Secrets.CURVE_KEY, pair(newNode));
            });
      }
      for (Secrets each : folders) {
        steps.add(
            () -> {
              TestSecrets.replace(each, Secrets.CURVE_SERVER_KEY, pair(newServer));
              TestSecrets.replace(
                  each,
                  Secrets.CURVE_KNOWN,
                  known("node", newNode.publicKey()).replace(oldNode.publicKey() + " node\n", ""));
            });
      }
      for (int at = 0; at < steps.size(); at++) {
        steps.get(at).run();
        TestMember changed = members.get(at % 3);
        int step = at;
        await(() -> changed.socket.hasRead(), () -> "step " + step + " is not noticed");
        // Each is still heard by each: with connections made anew, where the old ones ended.
        awaitTogether(a, b, c);
      }
      // New connections too, in both directions.
      Secrets late = secrets.node("d");
      TestSecrets.replace(late, Secrets.CURVE_SERVER_KEY, pair(newServer));
      TestSecrets.replace(late, Secrets.CURVE_KEY, pair(newNode));
      TestSecrets.replace(
          late,
          Secrets.CURVE_KNOWN,
          newNode.publicKey() + " node\n" + secrets.known("operator").publicKey() + " operator\n");
      assertEquals(List.of(), suspicions);
      try (TestMember d = plan("d").secrets(late).seeds(a).defaultTimes().start()) {
        awaitTogether(a, b, c, d);
        // Whoever has what was there before is out.
        try (TestMember old = plan("e").secrets(secrets.node("e")).seeds(a).defaultTimes().start();
            TestMember half = halfNew(a, newServer)) {
          await(
              () -> old.membership.waitsFor().contains("has none of the server keys"),
              () -> old.membership.waitsFor());
          await(
              () -> half.membership.waitsFor().contains("refuses our CURVE key"),
              () -> half.membership.waitsFor());
          assertEquals(4, a.view().topology().members().size());
        }
      }
    }
  }

  /// With the new server key and the old one of nodes.
  private TestMember halfNew(TestMember seed, CurvePair newServer) {
    Secrets own = secrets.node("f");
    TestSecrets.replace(own, Secrets.CURVE_SERVER_KEY, pair(newServer));
    return plan("f").secrets(own).seeds(seed).defaultTimes().start();
  }

  @Test
  void nodesThatAreHalfwayTakeTheServerKeyThatTheOtherHas() {
    CurvePair newServer = TestSecrets.strangersPair();
    Secrets old = secrets.node("a");
    Secrets next = secrets.node("b");
    TestSecrets.replace(
        old, Secrets.CURVE_SERVER_KEY, pair(secrets.curveServer()) + pair(newServer));
    TestSecrets.replace(
        next, Secrets.CURVE_SERVER_KEY, pair(newServer) + pair(secrets.curveServer()));
    try (TestMember a = plan("a").secrets(old).start();
        TestMember b = plan("b").secrets(next).seeds(a).start()) {
      awaitTogether(a, b);
    }
  }

  @Test
  void certificatesAreNotAsked() {
    // Of the parts of a process' secrets only those of CURVE matter to the control plane.
    Secrets own = secrets.expired(new CertificateName("test", CertificateName.Part.NODE, "a"));
    try (TestMember a = plan("a").secrets(own).start();
        TestMember b = start("b", a)) {
      awaitTogether(a, b);
    }
  }
}
