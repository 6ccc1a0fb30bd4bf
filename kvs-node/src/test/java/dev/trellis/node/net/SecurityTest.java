package dev.trellis.node.net;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.Allowance;
import dev.trellis.access.ApiKey;
import dev.trellis.access.CertificateName;
import dev.trellis.access.CertificateName.Part;
import dev.trellis.access.KeyRecord;
import dev.trellis.access.Role;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.MapHandle;
import dev.trellis.client.Subscription;
import dev.trellis.client.SubscriptionListener;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.node.Nodes;
import dev.trellis.node.TrellisNode;
import dev.trellis.node.control.AuditedLines;
import dev.trellis.process.ConfigurationException;
import dev.trellis.process.HttpsClient;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Peer;
import dev.trellis.wire.Reply;
import io.netty.handler.ssl.JdkSslContext;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// Who is let in by a node with `security = on`, and what others are told.
class SecurityTest {
  private static final String CLUSTER = "trellis";
  private static final SecureRandom RANDOM = new SecureRandom();

  @TempDir Path folder;

  // ---- TLS or none ----

  @Test
  void aPlainClientIsToldThatThePortWantsTls() throws Exception {
    try (TrellisNode node = secured("");
        RawClient client = RawClient.silent(port(node))) {
      client.send(RawClient.hello(Frame.Scope.SHARD));
      Frame.Refused refused = client.refusal().orElseThrow();
      assertEquals(ErrorCode.UNAUTHENTICATED, refused.code());
      assertEquals("this port wants TLS; use withTls in a program, or --ca", refused.message());

      DefiniteException.Unauthenticated e =
          assertThrows(
              DefiniteException.Unauthenticated.class, () -> Trellis.connect(address(node)));
      assertTrue(e.getMessage().contains("withTls"), e.getMessage());
    }
  }

  @Test
  void whatSpeaksNeitherIsToldSoToo() throws Exception {
    try (TrellisNode node = secured("");
        RawClient client = RawClient.silent(port(node))) {
      client.sendBytes("GET / HTTP/1.1\r\n\r\n".getBytes(StandardCharsets.UTF_8));
      assertEquals(ErrorCode.UNAUTHENTICATED, client.refusal().orElseThrow().code());
    }
  }

  @Test
  void aClientWithTlsIsToldThatThereIsNone() {
    try (TrellisNode node = Nodes.start("")) {
      ClientConfig config =
          ClientConfig.of(address(node))
              .withTls(ClientTls.trusting(secrets().user().resolve("ca.crt")));
      TrellisException e =
          assertThrows(DefiniteException.NoNodes.class, () -> Trellis.connect(config));
      assertTrue(
          e.getMessage().contains("does not speak TLS; security is off there"), e.getMessage());
    }
  }

  @Test
  void anApiKeyIsNotSentWithoutTls() {
    ClientConfig config =
        ClientConfig.of("127.0.0.1:1").withApiKey(secrets().administrator().text());
    IllegalArgumentException e =
        assertThrows(IllegalArgumentException.class, () -> Trellis.connect(config));
    assertTrue(!e.getMessage().contains(secrets().administrator().text()), e.getMessage());
    assertTrue(!config.toString().contains(secrets().administrator().text()), config.toString());
  }

  @Test
  void whoDoesNotEndTheHandshakeIsClosed() throws Exception {
    try (TrellisNode node = secured("handshake.timeout = 300ms");
        RawClient silent = RawClient.silent(port(node));
        RawClient halfway = RawClient.silent(port(node))) {
      halfway.sendBytes(new byte[] {0x16, 3, 1, 2, 0, 1, 0}); // the beginning of a ClientHello
      silent.refusal();
      assertEquals(-1, halfway.socket().getInputStream().read());
    }
  }

  /// More than the node has places for, half of them in the middle of a handshake.
  @Test
  void halfOpenConnectionsTakeNobodysPlace() throws Exception {
    List<RawClient> crowd = new ArrayList<>();
    try (TrellisNode node = secured("connections.max = 10, handshake.timeout = 1m")) {
      try (Trellis client = Trellis.connect(administrator(node))) {
        client.register("k").putText("v");
        for (int i = 0; i < 1_500; i++) {
          RawClient one = RawClient.silent(port(node));
          crowd.add(one);
          if (i % 2 == 0) {
            one.sendBytes(new byte[] {0x16, 3, 1, 2, 0, 1, 0});
          }
        }
        assertEquals(Optional.of("v"), client.register("k").getText());
      }
      try (Trellis another = Trellis.connect(administrator(node))) {
        assertEquals(Optional.of("v"), another.register("k").getText());
      }
    } finally {
      for (RawClient one : crowd) {
        one.close();
      }
    }
  }

  // ---- API keys ----

  @Test
  void anAdministratorOfTheSecretsGetsIn() {
    try (TrellisNode node = secured("");
        Trellis client = Trellis.connect(administrator(node))) {
      client.register("k").putText("v");
      assertEquals(Optional.of("v"), client.register("k").getText());
    }
  }

  @Test
  void aLongAnswerAndAConnectionForAllShards() {
    try (TrellisNode node = secured("shards = 2");
        Trellis client = Trellis.connect(administrator(node).withScope(Frame.Scope.NODE))) {
      byte[] value = new byte[8 << 20];
      RANDOM.nextBytes(value);
      for (String key : List.of("a", "b", "c", "d")) {
        client.register(key).put(value);
        assertEquals(Optional.of(Payload.of(value)), client.register(key).get());
      }
    }
  }

  @Test
  void whoShowsNothingOrTheWrongThingIsRefused() {
    try (TrellisNode node = secured("");
        Trellis administrator = Trellis.connect(administrator(node))) {
      refused(base(node), "no API key was shown");
      ApiKey unknown = ApiKey.mint(RANDOM);
      awaitChange(administrator, node);
      refused(base(node).withApiKey(unknown.text()), "is not known");
      ApiKey guessed = new ApiKey(secrets().administrator().id(), unknown.secret());
      refused(base(node).withApiKey(guessed.text()), "or its secret is another");
      ApiKey old = grant(administrator, "ann", 1);
      awaitChange(administrator, node);
      refused(base(node).withApiKey(old.text()), "has expired");
    }
  }

  private static void refused(ClientConfig config, String reason) {
    DefiniteException.Unauthenticated e =
        assertThrows(DefiniteException.Unauthenticated.class, () -> Trellis.connect(config));
    assertTrue(e.getMessage().contains(reason), e.getMessage());
    String secret = config.credentials().isEmpty() ? "none" : config.credentials().text();
    assertTrue(!e.getMessage().contains(secret), e.getMessage());
  }

  @Test
  void aKeyThatIsRevokedEndsItsConnections() {
    try (TrellisNode node = secured("");
        Trellis administrator = Trellis.connect(administrator(node))) {
      ApiKey key = grant(administrator, "ann", 0);
      awaitChange(administrator, node);
      try (Trellis ann = Trellis.connect(base(node).withApiKey(key.text()))) {
        ann.register("ann/k").putText("v");
        list(administrator).flag(AccessList.revokedField(key.id())).enable();
        DefiniteException.Unauthenticated e =
            assertThrows(
                DefiniteException.Unauthenticated.class,
                () -> {
                  while (true) {
                    ann.register("ann/k").getText();
                  }
                });
        assertTrue(e.getMessage().contains("was revoked"), e.getMessage());
        refused(base(node).withApiKey(key.text()), "was revoked");
      }
      assertEquals(Optional.of("v"), administrator.register("ann/k").getText());
    }
  }

  @Test
  void aKeyThatExpiresEndsItsConnections() {
    try (TrellisNode node = secured("");
        Trellis administrator = Trellis.connect(administrator(node))) {
      ApiKey key = grant(administrator, "ann", System.currentTimeMillis() + 5_000);
      awaitChange(administrator, node);
      try (Trellis ann = Trellis.connect(base(node).withApiKey(key.text()))) {
        DefiniteException.Unauthenticated e =
            assertThrows(
                DefiniteException.Unauthenticated.class,
                () -> {
                  while (true) {
                    ann.register("ann/k").getText();
                  }
                });
        assertTrue(e.getMessage().contains("has expired"), e.getMessage());
      }
    }
  }

  @Test
  void aPrincipalHasAsManyConnectionsAsItMay() throws Exception {
    try (TrellisNode node = secured("shards = 2");
        Trellis administrator = Trellis.connect(administrator(node))) {
      ApiKey key = grant(administrator, "ann", 0);
      list(administrator)
          .register(AccessList.allowanceField("ann"))
          .putText(AccessList.text(new Allowance(0, 0, 2, 0)));
      awaitChange(administrator, node);
      Frame.Hello hello = hello(Payload.ofText(key.text()), Optional.empty());
      try (RawClient first = encrypted(node, secrets().client("nobody"));
          RawClient second = encrypted(node, secrets().client("nobody"));
          RawClient third = encrypted(node, secrets().client("nobody"))) {
        assertTrue(welcome(first, hello).isEmpty());
        assertTrue(welcome(second, hello).isEmpty());
        Frame.Refused refused = welcome(third, hello).orElseThrow();
        assertEquals(ErrorCode.OVERLOADED, refused.code());
        assertTrue(refused.message().startsWith("ann has 2 connections"), refused.message());
      }
    }
  }

  // ---- Certificates ----

  @Test
  void aCertificateStandsForItsPrincipal() {
    try (TrellisNode node = secured("");
        Trellis administrator = Trellis.connect(administrator(node))) {
      grant(administrator, "ann", 0);
      awaitChange(administrator, node);
      Secrets own = secrets().client("ann");
      ClientConfig config = base(node).withTls(certificate(own));
      try (Trellis ann = Trellis.connect(config)) {
        ann.register("ann/k").putText("v");
        String id = AccessList.certificateId(TestSecrets.serialHex(own));
        list(administrator).flag(AccessList.revokedField(id)).enable();
        assertThrows(
            DefiniteException.Unauthenticated.class,
            () -> {
              while (true) {
                ann.register("ann/k").getText();
              }
            });
        refused(config, "was revoked");
      }
    }
  }

  @Test
  void whatIsWrongWithAClientsCertificateKeepsItOut() throws Exception {
    try (TrellisNode node = secured("")) {
      CertificateName ann = new CertificateName(CLUSTER, Part.CLIENT, "ann");
      CertificateName other = new CertificateName("green", Part.CLIENT, "ann");
      refused(base(node).withTls(certificate(secrets().of(other))), "of cluster 'green'");
      for (Secrets wrong : List.of(secrets().expired(ann), secrets().foreign(ann))) {
        assertThrows(
            IOException.class,
            () -> {
              try (RawClient client = encrypted(node, wrong)) {
                client.send(hello(Payload.EMPTY, Optional.empty()));
                client.receive();
              }
            });
      }
      TrellisException e =
          assertThrows(
              TrellisException.class,
              () -> Trellis.connect(base(node).withTls(certificate(secrets().expired(ann)))));
      assertEquals(ErrorCode.NO_NODES, e.code());
    }
  }

  @Test
  void aClientSaysWhatIsWrongWithTheNodesCertificate() {
    CertificateName name = new CertificateName(CLUSTER, Part.NODE, "n1");
    try (TrellisNode node = secured(secrets().expired(name), "")) {
      nobody(base(node), "certificate of trellis://trellis/node/n1, number ", "has expired");
    }
    try (TrellisNode node = secured(secrets().foreign(name), "")) {
      nobody(base(node), "is not signed by an authority that is believed here (ca.crt)");
    }
    Secrets own = secrets().node("n1");
    try (TrellisNode node = secured(own, "")) {
      shows(node, own, new CertificateName(CLUSTER, Part.CLIENT, "ann"));
      nobody(base(node), "trellis://trellis/client/ann, which is neither a node nor a router");
      shows(node, own, new CertificateName(CLUSTER, Part.NODE, "n2"));
      nobody(
          administrator(node),
          "says that it is n1",
          "its certificate is of trellis://trellis/node/n2");
      shows(node, own, new CertificateName("green", Part.NODE, "n1"));
      nobody(base(node).withClusterName(CLUSTER), "but this client expects cluster 'trellis'");
    }
  }

  private void shows(TrellisNode node, Secrets own, CertificateName name) {
    secrets().renew(own, name);
    TestSecrets.awaitShown(own, port(node));
  }

  private static void nobody(ClientConfig config, String... reasons) {
    TrellisException e = assertThrows(TrellisException.class, () -> Trellis.connect(config));
    assertEquals(ErrorCode.NO_NODES, e.code());
    for (String reason : reasons) {
      assertTrue(e.getMessage().contains(reason), e.getMessage());
    }
  }

  @Test
  void aNodeWithTheCertificateOfAnotherDoesNotStart() {
    for (CertificateName other :
        List.of(
            new CertificateName(CLUSTER, Part.NODE, "n2"),
            new CertificateName("green", Part.NODE, "n1"),
            new CertificateName(CLUSTER, Part.CLIENT, "n1"))) {
      Secrets wrong = secrets().of(other);
      ConfigurationException e =
          assertThrows(ConfigurationException.class, () -> secured(wrong, "").close());
      assertTrue(e.getMessage().contains(wrong.file(Secrets.CERTIFICATE).toString()));
      assertTrue(e.getMessage().contains(" is of " + other.uri() + ","), e.getMessage());
      assertTrue(e.getMessage().contains("is trellis://trellis/node/n1 by"), e.getMessage());
    }
    secured(secrets().node("*"), "").close();
  }

  // ---- Before the list of principals is heard ----

  /// The others of its cluster do not answer, so it cannot hear who was revoked.
  @Test
  void asLongAsTheListIsNotHeardOnlyNodesAndRoutersAreLetIn() throws Exception {
    try (ServerSocket nobody = new ServerSocket(0, 1, InetAddress.getLoopbackAddress());
        TrellisNode node =
            secured(
                "control.port = 0, cluster.founders = 3, cluster.seeds = [\"127.0.0.1:"
                    + nobody.getLocalPort()
                    + "\"]")) {
      String administrator = secrets().administrator().text();
      for (Secrets early : List.of(secrets().monitor("m"), secrets().client("ann"))) {
        early(node, early, Payload.EMPTY);
      }
      early(node, secrets().client("nobody"), Payload.ofText(administrator));
      early(node, secrets().client("nobody"), Payload.ofText(ApiKey.mint(RANDOM).text()));
      for (Secrets carrier : List.of(secrets().node("n2"), secrets().router("r1"))) {
        try (RawClient client = encrypted(node, carrier)) {
          assertEquals(Optional.empty(), welcome(client, hello(Payload.EMPTY, Optional.empty())));
        }
      }
      TrellisException e =
          assertThrows(
              DefiniteException.NoNodes.class,
              () -> Trellis.connect(administrator(node).withTimeout(Duration.ofMillis(300))));
      assertTrue(e.getMessage().contains("has not heard yet who is known"), e.getMessage());
      String readiness = readiness(node);
      assertTrue(readiness.contains("the list of principals has not been heard yet"), readiness);
    }
  }

  private static void early(TrellisNode node, Secrets own, Payload credentials) throws IOException {
    try (RawClient client = encrypted(node, own)) {
      Frame.Refused refused = welcome(client, hello(credentials, Optional.empty())).orElseThrow();
      assertEquals(ErrorCode.NO_NODES, refused.code(), refused.message());
    }
  }

  private String readiness(TrellisNode node) throws Exception {
    try (HttpClient http =
        HttpClient.newBuilder()
            .sslContext(HttpsClient.context(secrets().client("nobody"), Optional.empty()))
            .build()) {
      URI uri = URI.create("https://127.0.0.1:" + node.descriptor().adminPort() + "/readyz");
      return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString()).body();
    }
  }

  // ---- The audit log ----

  @Test
  void whatIsForbiddenIsWrittenDownWhateverItIs() {
    try (AuditedLines audit = new AuditedLines();
        TrellisNode node = secured("shards = 2");
        Trellis administrator = Trellis.connect(administrator(node))) {
      ApiKey key = grant(administrator, "ann", 0);
      awaitChange(administrator, node);
      try (Trellis ann =
          Trellis.connect(base(node).withApiKey(key.text()).withScope(Frame.Scope.NODE))) {
        DefiniteException.Forbidden e =
            assertThrows(DefiniteException.Forbidden.class, () -> ann.register("shop/1").getText());
        assertTrue(e.getMessage().contains("'ann'"), e.getMessage());
        assertThrows(DefiniteException.Forbidden.class, () -> ann.keys("shop/").toList());
        for (int i = 0; i < 4; i++) { // of either shard
          CompletableFuture<TrellisException> ended = new CompletableFuture<>();
          try (Subscription _ =
              ann.subscribe(Payload.ofText("shop/" + i), Duration.ofSeconds(1), failing(ended))) {
            assertTrue(
                ended.join() instanceof DefiniteException.Forbidden, () -> ended.join().toString());
          }
        }
        // What he may not is no deed of an administrator's.
        assertThrows(
            DefiniteException.Forbidden.class,
            () -> ann.map(AccessList.KEY).flag(AccessList.revokedField("x")).enable());
      }
      String who = "\"principal\":\"ann\"";
      assertEquals(
          1, audit.count("\"event\":\"refused\"", who, "\"action\":\"request\"", "shop/1"));
      assertTrue(
          audit.has("\"event\":\"refused\"", who, "\"action\":\"scan\"", "shop/"),
          audit.lines()::toString);
      for (int i = 0; i < 4; i++) {
        assertTrue(
            audit.has("\"event\":\"refused\"", who, "\"action\":\"watch\"", "shop/" + i),
            audit.lines()::toString);
      }
      assertEquals(0, audit.count("\"event\":\"administered\"", who), audit.lines()::toString);
      assertTrue(audit.has("\"event\":\"administered\"", "\"principal\":\"admin\""));
    }
  }

  private static SubscriptionListener failing(CompletableFuture<TrellisException> ended) {
    return new SubscriptionListener() {
      @Override
      public void onState(Reply reply, boolean first) {
        ended.completeExceptionally(new AssertionError("it is told of " + reply));
      }

      @Override
      public void onFailure(TrellisException failure) {
        ended.complete(failure);
      }
    };
  }

  // ---- Peers ----

  @Test
  void nobodyButANodeIsAPeer() throws Exception {
    try (TrellisNode node = secured("")) {
      Peer to = new Peer("n1", node.descriptor().incarnation(), 0);
      Frame.Introduction introduction =
          new Frame.Introduction(new Peer("n2", 2, 0), to, System.currentTimeMillis());
      String administrator = secrets().administrator().text();
      Frame.Hello hello = hello(Payload.ofText(administrator), Optional.of(introduction));
      for (Secrets wrong :
          List.of(
              secrets().client("ann"),
              secrets().router("n2"),
              secrets().monitor("n2"),
              secrets().node("n3"),
              secrets().of(new CertificateName("green", Part.NODE, "n2")))) {
        try (RawClient client = encrypted(node, wrong)) {
          Frame.Refused refused = welcome(client, hello).orElseThrow();
          assertEquals(ErrorCode.UNAUTHENTICATED, refused.code(), refused.message());
          assertTrue(refused.message().contains("which is not node n2"), refused.message());
        }
      }
      try (RawClient client = encrypted(node, secrets().node("n2"))) {
        assertEquals(Optional.empty(), welcome(client, hello));
      }
    }
  }

  // ---- What the tests share ----

  private TestSecrets secrets; // of the cluster

  private TestSecrets secrets() {
    if (secrets == null) {
      secrets = new TestSecrets(folder, CLUSTER);
    }
    return secrets;
  }

  private TrellisNode secured(String settings) {
    return secured(secrets().node("n1"), settings);
  }

  private static TrellisNode secured(Secrets secrets, String settings) {
    return Nodes.start("security = on, secrets.folder = \"" + secrets.folder() + "\"\n" + settings);
  }

  private static int port(TrellisNode node) {
    return node.descriptor().shardPorts().getFirst();
  }

  private static String address(TrellisNode node) {
    return "127.0.0.1:" + port(node);
  }

  private ClientConfig base(TrellisNode node) {
    return ClientConfig.of(address(node))
        .withTls(ClientTls.trusting(secrets().user().resolve("ca.crt")))
        .withTimeout(Duration.ofSeconds(30));
  }

  private ClientConfig administrator(TrellisNode node) {
    return base(node).withApiKey(secrets().administrator().text());
  }

  private static ClientTls certificate(Secrets own) {
    return ClientTls.trusting(own.file(Secrets.AUTHORITIES))
        .withCertificate(own.file(Secrets.CERTIFICATE), own.file(Secrets.PRIVATE_KEY));
  }

  private static MapHandle list(Trellis administrator) {
    return administrator.map(AccessList.KEY);
  }

  /// Makes a key of somebody who may do everything under his own name.
  private static ApiKey grant(Trellis administrator, String principal, long expiresMillis) {
    ApiKey key = ApiKey.mint(RANDOM);
    KeyRecord record = new KeyRecord(key.id(), principal, key.hash(RANDOM), 0, expiresMillis);
    list(administrator).register(AccessList.keyField(key.id())).putText(record.text());
    list(administrator)
        .register(AccessList.grantField(principal, principal + "/"))
        .putText(AccessList.text(Set.of(Role.READ, Role.WRITE)));
    return key;
  }

  /// Waits until a change that is made now is known to the node, and so all that were made before.
  private void awaitChange(Trellis administrator, TrellisNode node) {
    ApiKey probe = grant(administrator, "probe", 0);
    while (true) {
      try {
        Trellis.connect(base(node).withApiKey(probe.text())).close();
        return;
      } catch (DefiniteException.Unauthenticated | DefiniteException.NoNodes e) {
        Thread.onSpinWait();
      }
    }
  }

  private static RawClient encrypted(TrellisNode node, Secrets own) throws IOException {
    JdkSslContext context = (JdkSslContext) TestSecrets.stubborn(own);
    Socket socket = context.context().getSocketFactory().createSocket("127.0.0.1", port(node));
    return RawClient.on(socket);
  }

  private static Frame.Hello hello(Payload credentials, Optional<Frame.Introduction> introduction) {
    return new Frame.Hello(
        Frame.PROTOCOL_VERSION,
        Frame.PROTOCOL_VERSION,
        "",
        7,
        Frame.Scope.SHARD,
        credentials,
        "test",
        introduction);
  }

  /// Empty if it is welcome.
  private static Optional<Frame.Refused> welcome(RawClient client, Frame.Hello hello)
      throws IOException {
    client.send(hello);
    return switch (client.receive()) {
      case Frame.Welcome _ -> Optional.empty();
      case Frame.Refused refused -> Optional.of(refused);
      case Frame other -> throw new AssertionError("answered with " + other);
    };
  }
}
