package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.ApiKey;
import dev.trellis.access.CertificateName;
import dev.trellis.access.KeyRecord;
import dev.trellis.access.Role;
import dev.trellis.client.AccessFeed;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.MapHandle;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import dev.trellis.wire.NodeDescriptor;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/// Three nodes with `security = on`.
class SecureClusterTest {
  private static final List<String> IDS = List.of("n1", "n2", "n3");
  private static final SecureRandom RANDOM = new SecureRandom();

  @TempDir Path folder;
  private final Map<String, TrellisNode> nodes = new HashMap<>();
  private final List<AutoCloseable> clients = new ArrayList<>();
  private String tier = "memory";

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable client : clients) {
      client.close();
    }
    nodes.values().forEach(TrellisNode::close);
  }

  @Test
  void itReplicatesAndSurvivesTheRestartOfANode() {
    TestSecrets secrets = new TestSecrets(folder, "trellis");
    IDS.forEach(id -> start(id, secrets.node(id)));
    Trellis administrator = administrator(secrets);
    awaitMembers(administrator);
    for (int i = 0; i < 100; i++) {
      administrator.register("k" + i).putText("v" + i); // waits for two copies
    }
    ApiKey key = grant(administrator, "ann");
    nodes.remove("n2").close();
    start("n2", secrets.node("n2"));
    awaitMembers(administrator);
    for (int i = 0; i < 100; i++) {
      assertEquals(Optional.of("v" + i), administrator.register("k" + i).getText());
      administrator.register("k" + i).putText("w" + i);
    }
    Trellis ann = awaitKnown(secrets, key, "n2"); // which has heard of the list again
    ann.register("ann/k").putText("v");
    assertEquals(Optional.of("v"), ann.register("ann/k").getText());
  }

  /// Each of them by itself, whoever was asked first.
  @Test
  void whatIsRevokedIsRefusedByAllNodes() throws Exception {
    TestSecrets secrets = new TestSecrets(folder, "trellis");
    IDS.forEach(id -> start(id, secrets.node(id)));
    Trellis administrator = administrator(secrets);
    awaitMembers(administrator);
    LinkedBlockingQueue<AccessList> told = new LinkedBlockingQueue<>();
    clients.add(AccessFeed.open(administrator, told::add));
    ApiKey key = grant(administrator, "ann");
    List<Trellis> anns = IDS.stream().map(id -> awaitKnown(secrets, key, id)).toList();
    for (Trellis ann : anns) {
      for (int i = 0; i < 30; i++) {
        ann.register("ann/" + i).putText("v"); // a connection to each node
      }
    }

    list(administrator).flag(AccessList.revokedField(key.id())).enable();
    while (!told.take().isRevoked(key.id())) {
      // an earlier list
    }
    for (Trellis ann : anns) {
      for (int i = 0; i < 30; i++) {
        String name = "ann/" + i;
        assertThrows(
            DefiniteException.Unauthenticated.class,
            () -> {
              while (true) {
                ann.register(name).getText();
              }
            });
      }
    }
    for (String id : IDS) {
      DefiniteException.Unauthenticated e =
          assertThrows(
              DefiniteException.Unauthenticated.class,
              () -> Trellis.connect(config(secrets, id).withApiKey(key.text())));
      assertTrue(e.getMessage().contains("was revoked"), e.getMessage());
    }
  }

  /// His key stands in the file of each node still, and a node with a disk has the list of before.
  @ParameterizedTest
  @ValueSource(strings = {"memory", "ssd"})
  void anAdministratorWhoWasRevokedStaysOutWhenANodeStartsAgain(String tier) {
    this.tier = tier;
    TestSecrets secrets = new TestSecrets(folder, "trellis");
    IDS.forEach(id -> start(id, secrets.node(id)));
    Trellis administrator = administrator(secrets);
    awaitMembers(administrator);
    ApiKey key = grant(administrator, "ann");
    list(administrator)
        .register(AccessList.grantField("ann", ""))
        .putText(AccessList.text(Set.of(Role.ADMIN)));
    Trellis ann = awaitKnown(secrets, key, "n1");
    String id = secrets.administrator().id();
    nodes.remove("n2").close();
    list(ann).flag(AccessList.revokedField(id)).enable();
    start("n2", secrets.node("n2"));
    DefiniteException.Unauthenticated e =
        assertThrows(
            DefiniteException.Unauthenticated.class,
            () ->
                Trellis.connect(config(secrets, "n2").withApiKey(secrets.administrator().text()))
                    .close());
    assertTrue(e.getMessage().contains(id + " was revoked"), e.getMessage());
  }

  /// Nodes that another authority has vouched for are not spoken to, and do not get to speak.
  @Test
  void aNodeOfAnotherAuthorityGetsNoCopies() {
    TestSecrets secrets = new TestSecrets(folder, "trellis");
    start("n1", secrets.node("n1"));
    Trellis administrator = administrator(secrets);
    administrator.register("k").putText("v");
    Secrets foreign =
        secrets.foreign(new CertificateName("trellis", CertificateName.Part.NODE, "n2"));
    start("n2", foreign);
    // It is a member as far as the control plane goes, but no replica hears it.
    TrellisException e =
        assertThrows(
            TrellisException.class,
            () -> {
              for (int i = 0; ; i++) {
                administrator.register("k" + i).putText("v");
              }
            });
    assertTrue(!(e instanceof DefiniteException.Unauthenticated), e.getMessage());
  }

  // ---- What the tests share ----

  private void start(String id, Secrets secrets) {
    String seeds =
        nodes.values().stream()
            .map(node -> "\"127.0.0.1:" + node.descriptor().controlPort() + "\"")
            .reduce((one, other) -> one + ", " + other)
            .map(list -> "\ncluster.founders = 3\ncluster.seeds = [" + list + "]")
            .orElse("");
    nodes.put(
        id,
        Nodes.start(
            "node.id = "
                + id
                + "\ncontrol.port = 0\nsecurity = on\nsecrets.folder = \""
                + secrets.folder()
                + "\"\nnode.tier = "
                + tier
                + (tier.equals("ssd") ? "\ndata.folder = \"" + folder.resolve(id) + "\"" : "")
                + seeds));
  }

  private ClientConfig config(TestSecrets secrets, String id) {
    return ClientConfig.of("127.0.0.1:" + nodes.get(id).descriptor().shardPorts().getFirst())
        .withTls(ClientTls.trusting(secrets.user().resolve("ca.crt")))
        .withMapRefresh(Duration.ofMillis(100))
        .withTimeout(Duration.ofSeconds(30));
  }

  private Trellis administrator(TestSecrets secrets) {
    Trellis administrator =
        Trellis.connect(config(secrets, "n1").withApiKey(secrets.administrator().text()));
    clients.add(administrator);
    return administrator;
  }

  private void awaitMembers(Trellis client) {
    while (client.clusterMap().nodes().stream()
            .filter(node -> node.state() == NodeDescriptor.State.ACTIVE)
            .filter(node -> nodes.get(node.id()) != null)
            .filter(node -> node.incarnation() == nodes.get(node.id()).descriptor().incarnation())
            .count()
        < nodes.size()) {
      Thread.onSpinWait();
    }
  }

  private static MapHandle list(Trellis administrator) {
    return administrator.map(AccessList.KEY);
  }

  private static ApiKey grant(Trellis administrator, String principal) {
    ApiKey key = ApiKey.mint(RANDOM);
    KeyRecord record = new KeyRecord(key.id(), principal, key.hash(RANDOM), 0, 0);
    list(administrator)
        .register(AccessList.grantField(principal, principal + "/"))
        .putText(AccessList.text(Set.of(Role.READ, Role.WRITE)));
    list(administrator).register(AccessList.keyField(key.id())).putText(record.text());
    return key;
  }

  /// Connects by a node, as soon as that one has heard of the key.
  private Trellis awaitKnown(TestSecrets secrets, ApiKey key, String id) {
    while (true) {
      try {
        Trellis known = Trellis.connect(config(secrets, id).withApiKey(key.text()));
        clients.add(known);
        return known;
      } catch (DefiniteException.Unauthenticated | DefiniteException.NoNodes e) {
        Thread.onSpinWait();
      }
    }
  }
}
