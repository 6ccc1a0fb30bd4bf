package dev.trellis.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.ApiKey;
import dev.trellis.access.CertificateName;
import dev.trellis.access.CertificateName.Part;
import dev.trellis.access.KeyRecord;
import dev.trellis.access.Role;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.MapHandle;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.node.TrellisNode;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import dev.trellis.wire.ErrorCode;
import java.net.Socket;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A router with `security = on`, before a node that has it too.
class SecureRouterTest {
  private static final String CLUSTER = "trellis";
  private static final SecureRandom RANDOM = new SecureRandom();

  @TempDir Path folder;
  private final List<AutoCloseable> closing = new ArrayList<>();
  private TestSecrets secrets;

  @BeforeEach
  void makeSecrets() {
    secrets = new TestSecrets(folder, CLUSTER);
  }

  @AfterEach
  void close() throws Exception {
    for (AutoCloseable open : closing.reversed()) {
      open.close();
    }
  }

  @Test
  void whoIsKnownGetsTheMapAndOthersAreToldWhyNot() {
    TrellisRouter router = router(secrets.router("r1"), node(secrets.node("n1")), "");
    Trellis administrator = connect(administrator(router));
    administrator.register("k").putText("v");
    assertEquals(Optional.of("v"), administrator.register("k").getText());

    refused(base(router), "no API key was shown");
    TrellisException e =
        assertThrows(
            DefiniteException.Unauthenticated.class, () -> Trellis.connect(address(router)));
    assertTrue(e.getMessage().contains("this port wants TLS"), e.getMessage());
    Secrets expired = secrets.expired(new CertificateName(CLUSTER, Part.CLIENT, "ann"));
    assertThrows(
        DefiniteException.NoNodes.class,
        () ->
            Trellis.connect(
                base(router)
                    .withTls(
                        ClientTls.trusting(expired.file(Secrets.AUTHORITIES))
                            .withCertificate(
                                expired.file(Secrets.CERTIFICATE),
                                expired.file(Secrets.PRIVATE_KEY)))));
  }

  @Test
  void itHearsOfKeysAndOfTheirEnd() {
    TrellisRouter router = router(secrets.router("r1"), node(secrets.node("n1")), "");
    Trellis administrator = connect(administrator(router));
    MapHandle list = administrator.map(AccessList.KEY);
    ApiKey key = ApiKey.mint(RANDOM);
    list.register(AccessList.grantField("ann", "ann/"))
        .putText(AccessList.text(Set.of(Role.READ, Role.WRITE)));
    list.register(AccessList.keyField(key.id()))
        .putText(new KeyRecord(key.id(), "ann", key.hash(RANDOM), 0, 0).text());
    Trellis ann = connect(base(router).withApiKey(key.text()));
    ann.register("ann/k").putText("v");

    list.flag(AccessList.revokedField(key.id())).enable();
    assertThrows(
        DefiniteException.Unauthenticated.class,
        () -> {
          while (true) {
            ann.register("ann/k").getText();
          }
        });
    // Also by the router, which may have heard a moment later.
    refused(base(router).withApiKey(key.text()), "was revoked");
  }

  /// The map has the addresses to which clients show their keys.
  @Test
  void itBelievesNoNodeOfAnotherAuthorityOrWithAnothersName() throws Exception {
    CertificateName name = new CertificateName(CLUSTER, Part.NODE, "n1");
    TrellisNode foreign = node(secrets.foreign(name));
    believesNobodyAt(foreign);
    for (CertificateName wrong :
        List.of(
            new CertificateName(CLUSTER, Part.CLIENT, "n1"),
            new CertificateName(CLUSTER, Part.NODE, "n2"))) {
      Secrets own = secrets.node("n1");
      TrellisNode node = node(own);
      secrets.renew(own, wrong);
      TestSecrets.awaitShown(own, node.descriptor().shardPorts().getFirst());
      believesNobodyAt(node);
    }
  }

  /// So it has no map, and does not hear either whom it may show it to but to other routers.
  private void believesNobodyAt(TrellisNode node) {
    TrellisRouter router = router(secrets.router("r1"), node, "");
    Duration patience = Duration.ofSeconds(1);
    TrellisException early =
        assertThrows(
            TrellisException.class,
            () -> Trellis.connect(administrator(router).withTimeout(patience)));
    assertEquals(ErrorCode.NO_NODES, early.code());
    Secrets other = secrets.router("r2");
    Trellis client =
        connect(
            base(router)
                .withTimeout(patience)
                .withTls(
                    ClientTls.trusting(other.file(Secrets.AUTHORITIES))
                        .withCertificate(
                            other.file(Secrets.CERTIFICATE), other.file(Secrets.PRIVATE_KEY))));
    assertTrue(client.clusterMap().nodes().isEmpty());
    TrellisException e =
        assertThrows(TrellisException.class, () -> client.register("k").putText("v"));
    assertEquals(ErrorCode.NO_NODES, e.code());
  }

  @Test
  void halfOpenConnectionsTakeNobodysPlace() throws Exception {
    TrellisRouter router =
        router(
            secrets.router("r1"),
            node(secrets.node("n1")),
            "connections.max = 20\nhandshake.timeout = 1m");
    connect(administrator(router)).register("k").putText("v");
    for (int i = 0; i < 200; i++) {
      Socket half = new Socket(router.dataAddress().getAddress(), router.dataAddress().getPort());
      closing.add(half);
      if (i % 2 == 0) {
        half.getOutputStream().write(new byte[] {0x16, 3, 1, 2, 0, 1, 0});
      }
    }
    assertEquals(Optional.of("v"), connect(administrator(router)).register("k").getText());
  }

  // ---- What the tests share ----

  private TrellisNode node(Secrets own) {
    TrellisNode node = SecuredProcesses.node(own, "n1", "clock.skew.max = 1m");
    closing.add(node);
    return node;
  }

  private TrellisRouter router(Secrets own, TrellisNode node, String settings) {
    TrellisRouter router =
        SecuredProcesses.router(own, "router.id = r1, cluster.period = 20ms\n" + settings, node);
    closing.add(router);
    return router;
  }

  private static String address(TrellisRouter router) {
    return "127.0.0.1:" + router.dataAddress().getPort();
  }

  private ClientConfig base(TrellisRouter router) {
    return ClientConfig.of(address(router))
        .withTls(ClientTls.trusting(secrets.user().resolve("ca.crt")))
        .withMapRefresh(Duration.ofMillis(50))
        .withTimeout(Duration.ofSeconds(30));
  }

  private ClientConfig administrator(TrellisRouter router) {
    return base(router).withApiKey(secrets.administrator().text());
  }

  /// Connects as soon as the router has heard who it is.
  private Trellis connect(ClientConfig config) {
    while (true) {
      try {
        Trellis client = Trellis.connect(config);
        closing.add(client);
        return client;
      } catch (DefiniteException.Unauthenticated | DefiniteException.NoNodes e) {
        Thread.onSpinWait();
      }
    }
  }

  private static void refused(ClientConfig config, String reason) {
    while (true) {
      try {
        Trellis.connect(config).close();
      } catch (DefiniteException.Unauthenticated e) {
        assertTrue(e.getMessage().contains(reason), e.getMessage());
        return;
      }
    }
  }
}
