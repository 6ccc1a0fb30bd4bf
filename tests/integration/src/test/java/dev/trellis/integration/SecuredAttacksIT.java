package dev.trellis.integration;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.ApiKey;
import dev.trellis.access.KeyRecord;
import dev.trellis.access.Role;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.client.Watch;
import dev.trellis.client.WatchListener;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.integration.RecordedLoad.Conditions;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Peer;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import java.io.ByteArrayInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.SecureRandom;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.Test;

/// A cluster of `up --secure`: what strangers send, and what those try who are known and want more.
class SecuredAttacksIT extends Attacked {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final Payload OTHERS = Payload.ofText("others/x");
  private static final char[] NO_PASSWORD = {};

  private ApiKey shop = ApiKey.mint(RANDOM);
  private ApiKey bank = ApiKey.mint(RANDOM);

  @Override
  List<String> options() {
    return List.of("--secure");
  }

  private Path secrets() {
    return local.home().resolve("clusters/" + local.portBase() + "/secrets");
  }

  private Path authority() {
    return secrets().resolve("client/ca.crt");
  }

  @Override
  ClientConfig config() {
    return config(key());
  }

  private ClientConfig config(String key) {
    return ClientConfig.of(local.address())
        .withTls(ClientTls.trusting(authority()))
        .withApiKey(key);
  }

  @Override
  String key() {
    return read(secrets().resolve("client/admin.key")).strip();
  }

  @Override
  Optional<SSLContext> tls() {
    return Optional.of(context(Optional.empty()));
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /// Believes the authority of the cluster.
  ///
  /// @param shown a folder with the certificate and key to show
  private SSLContext context(Optional<Path> shown) {
    try {
      KeyStore trusted = KeyStore.getInstance(KeyStore.getDefaultType());
      trusted.load(null, NO_PASSWORD);
      int number = 0;
      for (Certificate certificate : certificates(authority())) {
        trusted.setCertificateEntry("ca" + number++, certificate);
      }
      TrustManagerFactory trust =
          TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
      trust.init(trusted);
      KeyManagerFactory keys =
          KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
      KeyStore own = KeyStore.getInstance(KeyStore.getDefaultType());
      own.load(null, NO_PASSWORD);
      if (shown.isPresent()) {
        own.setKeyEntry(
            "own",
            privateKey(shown.get().resolve("tls.key")),
            NO_PASSWORD,
            certificates(shown.get().resolve("tls.crt")).toArray(Certificate[]::new));
      }
      keys.init(own, NO_PASSWORD);
      SSLContext context = SSLContext.getInstance("TLSv1.3");
      context.init(keys.getKeyManagers(), trust.getTrustManagers(), RANDOM);
      return context;
    } catch (GeneralSecurityException | IOException e) {
      throw new AssertionError(e);
    }
  }

  private static List<Certificate> certificates(Path file)
      throws IOException, GeneralSecurityException {
    return List.copyOf(
        CertificateFactory.getInstance("X.509")
            .generateCertificates(new ByteArrayInputStream(Files.readAllBytes(file))));
  }

  private static PrivateKey privateKey(Path file) throws IOException, GeneralSecurityException {
    String base64 = Files.readString(file).replaceAll("-----[^-]*-----|\\s", "");
    return KeyFactory.getInstance("EC")
        .generatePrivate(new PKCS8EncodedKeySpec(Base64.getDecoder().decode(base64)));
  }

  // ---- Principals ----

  @Override
  void begun() {
    try (Trellis administrator = Trellis.connect(config())) {
      administrator.register("others/x").putText("secret");
      grant(administrator, shop, "shop", 0);
      grant(administrator, bank, "bank", 0);
    }
    Conditions.await("shop is known everywhere", () -> isKnown(shop) && isKnown(bank));
  }

  private static void grant(Trellis administrator, ApiKey key, String name, long expiresMillis) {
    KeyRecord record = new KeyRecord(key.id(), name, key.hash(RANDOM), 0, expiresMillis);
    administrator
        .map(AccessList.KEY)
        .register(AccessList.grantField(name, name + "/"))
        .putText(AccessList.text(Set.of(Role.READ, Role.WRITE)));
    administrator
        .map(AccessList.KEY)
        .register(AccessList.keyField(key.id()))
        .putText(record.text());
  }

  /// To the router and to every shard, and with its grants.
  private boolean isKnown(ApiKey key) {
    try (Trellis client = Trellis.connect(config(key.text()))) {
      String name = client.principal();
      for (int number = 0; number < 40; number++) {
        client.register(name + "/" + number).putText("v");
      }
      return request(Optional.of(key), "GET", "/v1/keys/" + name + "%2F1", "").statusCode() == 200;
    } catch (DefiniteException.Unauthenticated | DefiniteException.Forbidden e) {
      return false;
    }
  }

  private HttpResponse<String> request(
      Optional<ApiKey> key, String method, String path, String body, String... headers) {
    return requestAs(key.map(ApiKey::text), method, path, body, headers);
  }

  private HttpResponse<String> requestAs(
      Optional<String> key, String method, String path, String body, String... headers) {
    try (HttpClient http = HttpClient.newBuilder().sslContext(tls().orElseThrow()).build()) {
      HttpRequest.Builder request =
          HttpRequest.newBuilder(URI.create("https://localhost:" + local.gatewayPort() + path))
              .method(
                  method, body.isEmpty() ? BodyPublishers.noBody() : BodyPublishers.ofString(body));
      key.ifPresent(text -> request.header("Authorization", "Bearer " + text));
      if (body.startsWith("{") || body.startsWith("[")) {
        request.header("Content-Type", "application/json");
      }
      if (headers.length > 0) {
        request.headers(headers);
      }
      return http.send(request.build(), BodyHandlers.ofString());
    } catch (IOException e) {
      throw new AssertionError(e);
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private static void assertForbidden(String what, CompletableFuture<?> future) {
    Throwable thrown =
        assertThrows(CompletionException.class, future::join, () -> what + " was allowed")
            .getCause();
    assertInstanceOf(DefiniteException.Forbidden.class, thrown, what);
    assertFalse(String.valueOf(thrown.getMessage()).contains("secret"), thrown.getMessage());
  }

  // ---- Attacks ----

  @Test
  void nobodyGetsBeyondHisPrefixByTheDataPorts() throws Exception {
    try (Trellis client = Trellis.connect(config(shop.text()))) {
      List<Operation> operations =
          List.of(
              Read.Get.ANY,
              new Read.State(),
              new Read.Size(Kind.GSET),
              new Read.Placed(),
              new Mutation.Put(Payload.ofText("v")),
              new Mutation.Increment(1),
              new Mutation.Add(Kind.GSET, List.of(Payload.ofText("v"))),
              new Mutation.Delete());
      for (Payload key :
          List.of(
              OTHERS,
              Payload.ofText("shop"),
              Payload.ofText("shoq/"),
              AccessList.KEY,
              Payload.ofText("_trellis/monitor"))) {
        for (Operation operation : operations) {
          assertForbidden(
              operation + " of " + key, client.execute(key, operation, CallOptions.DEFAULT));
        }
      }
      Call own = new Call(Payload.ofText("shop/b"), Read.Get.ANY, CallOptions.DEFAULT);
      Call other = new Call(OTHERS, Read.Get.ANY, CallOptions.DEFAULT);
      List<CompletableFuture<Reply>> batch = client.executeAll(List.of(own, other, own));
      batch.get(0).join();
      assertForbidden("in a batch", batch.get(1));
      batch.get(2).join();

      for (String prefix : List.of("", "others/", "sho", "_trellis/")) {
        assertForbidden(
            "a scan of '" + prefix + "'",
            client.scan(Payload.ofText(prefix), Optional.empty(), 10, true));
      }
      assertForbidden(
          "a scan that goes on elsewhere",
          client.scan(Payload.ofText("others/"), Optional.of(Payload.ofText("shop/")), 10, true));
      for (String after : List.of("a", "others/", "shop/1", "t")) {
        client
            .scan(Payload.ofText("shop/"), Optional.of(Payload.ofText(after)), 1_000, true)
            .join()
            .keys()
            .forEach(
                found -> assertTrue(found.key().text().startsWith("shop/"), found.key()::text));
      }

      CompletableFuture<TrellisException> ended = new CompletableFuture<>();
      try (Watch watch =
          client.watch(
              OTHERS,
              Optional.empty(),
              new WatchListener() {
                @Override
                public void onState(Reply reply) {
                  ended.completeExceptionally(new AssertionError("told " + reply));
                }

                @Override
                public void onFailure(TrellisException failure) {
                  ended.complete(failure);
                }
              })) {
        assertInstanceOf(
            DefiniteException.Forbidden.class, ended.get(60, TimeUnit.SECONDS), watch::toString);
      }

      Session session = client.session(Guarantee.READ_COMMITTED);
      session.register("others/x").putText("mine");
      assertThrows(DefiniteException.Forbidden.class, session::commit);
    }
    assertEquals("secret", bystander.client().register("others/x").getText().orElseThrow());
  }

  /// Neither the holders of a key nor whether it is there is told to who may not read it.
  @Test
  void everyShardRefusesAlikeWhetherItHasTheKeyOrNot() throws IOException {
    for (Door door : doors) {
      if (!door.name().startsWith("shard")) {
        continue;
      }
      try (RudeClient client = encrypted(door, Optional.empty())) {
        client.send(RudeClient.hello("", Payload.ofText(shop.text()), "rude"));
        Frame.Welcome welcome = assertInstanceOf(Frame.Welcome.class, client.receive());
        assertEquals("shop", welcome.principal());
        for (String key : List.of("others/x", "others/missing")) {
          client.send(
              new Frame.Single(
                  new Request(1, Payload.ofText(key), Read.Get.ANY, RequestContext.READ)));
          assertForbidden(client.receive(), key);
          client.send(
              new Frame.Single(
                  new Request(
                      2,
                      Payload.ofText(key),
                      new Mutation.Put(Payload.ofText("v")),
                      RequestContext.mutation(
                          1, HybridTimestamp.ofMillis(System.currentTimeMillis())))));
          assertForbidden(client.receive(), key);
        }
      }
    }
  }

  private static void assertForbidden(Frame frame, String key) {
    Reply reply = assertInstanceOf(Frame.Answer.class, frame).reply();
    Outcome.Failed failed = assertInstanceOf(Outcome.Failed.class, reply.outcome(), key);
    assertEquals(ErrorCode.FORBIDDEN, failed.code(), key);
    assertTrue(reply.placement().isEmpty(), key);
  }

  @Test
  void nobodyGetsBeyondHisPrefixByHttp() {
    List<List<String>> requests =
        List.of(
            List.of("GET", "/v1/keys/others%2Fx", ""),
            List.of("HEAD", "/v1/keys/others%2Fx", ""),
            List.of("PUT", "/v1/keys/others%2Fx", "v"),
            List.of("DELETE", "/v1/keys/others%2Fx", ""),
            List.of("POST", "/v1/keys/others%2Fx/add?by=1", ""),
            List.of("GET", "/v1/keys/others%2Fx/watch", ""),
            List.of("GET", "/v1/keys/others%2Fx/await?kind=flag&enabled", ""),
            List.of("GET", "/v1/keys", ""),
            List.of("GET", "/v1/keys?prefix=others%2F&values", ""),
            List.of("GET", "/v1/keys/%6Fthers%2fx", ""),
            List.of("GET", "/v1/keys/_trellis%2Faccess", ""));
    for (List<String> each : requests) {
      for (Optional<String> unknown :
          List.of(
              Optional.<String>empty(),
              Optional.of(ApiKey.mint(RANDOM).text()),
              Optional.of(wrongSecret(shop)),
              Optional.of("x"))) {
        HttpResponse<String> refused = requestAs(unknown, each.get(0), each.get(1), each.get(2));
        assertEquals(401, refused.statusCode(), each + " as nobody: " + refused.body());
      }
      HttpResponse<String> refused =
          request(Optional.of(shop), each.get(0), each.get(1), each.get(2));
      assertEquals(403, refused.statusCode(), each + " as shop: " + refused.body());
      assertFalse(refused.body().contains("secret"), refused.body());
    }
    String batch =
        request(
                Optional.of(shop),
                "POST",
                "/v1/batch",
                "[{\"operation\":\"get\",\"key\":\"others/x\"},{\"operation\":\"get\",\"key\":\"shop/1\"}]")
            .body();
    assertTrue(batch.contains("FORBIDDEN") && !batch.contains("secret"), batch);
    String cursor = Base64.getUrlEncoder().withoutPadding().encodeToString("a".getBytes(UTF_8));
    String page =
        request(Optional.of(shop), "GET", "/v1/keys?prefix=shop%2F&values&cursor=" + cursor, "")
            .body();
    assertFalse(page.contains("others/x") || page.contains("secret"), page);
    for (String trick :
        List.of("/v1/keys/shop%2F..%2Fothers%2Fx", "/v1/keys/shop%2F%2E%2E%2Fothers%2Fx")) {
      assertEquals(404, request(Optional.of(shop), "GET", trick, "").statusCode(), trick);
    }
  }

  private static String wrongSecret(ApiKey key) {
    String text = key.text();
    return text.substring(0, text.length() - 4) + (text.endsWith("AAAA") ? "BBBB" : "AAAA");
  }

  @Test
  void whoHasNoGoodKeyIsNotLetIn() throws Exception {
    for (ClientConfig config :
        List.of(
            ClientConfig.of(local.address()),
            ClientConfig.of(local.address()).withTls(ClientTls.trusting(authority())),
            config(ApiKey.mint(RANDOM).text()),
            config(wrongSecret(shop)))) {
      TrellisException refused =
          assertThrows(
              DefiniteException.class,
              () -> {
                try (Trellis client = Trellis.connect(config)) {
                  client.register("shop/1").getText();
                }
              },
              config::toString);
      assertFalse(refused.getMessage().contains(shop.text().substring(30)), refused::getMessage);
    }
    Trellis administrator = bystander.client();
    ApiKey brief = ApiKey.mint(RANDOM);
    grant(administrator, brief, "brief", System.currentTimeMillis() + 1);
    ApiKey revoked = ApiKey.mint(RANDOM);
    grant(administrator, revoked, "gone", 0);
    Conditions.await("it is known", () -> isKnown(revoked));
    assertFalse(isKnown(brief), "it has expired");
    try (Trellis client = Trellis.connect(config(revoked.text()))) {
      client.register("gone/1").putText("v");
      administrator.map(AccessList.KEY).flag(AccessList.revokedField(revoked.id())).enable();
      long begun = System.nanoTime();
      Conditions.await("what is open is refused", () -> isRefused(client));
      System.out.println("revoked after " + (System.nanoTime() - begun) / 1_000_000 + " ms");
    }
    Conditions.await(
        "the gateway knows",
        () -> request(Optional.of(revoked), "GET", "/v1/keys/gone%2F1", "").statusCode() == 401);
    assertThrows(DefiniteException.class, () -> Trellis.connect(config(revoked.text())).close());
  }

  private static boolean isRefused(Trellis client) {
    try {
      client.register("gone/1").getText();
      return false;
    } catch (DefiniteException.Unauthenticated e) {
      return true;
    }
  }

  @Test
  void aTokenOfASessionIsOfUseToItsPrincipalOnly() {
    String begin = "begin=read-committed";
    HttpResponse<String> put =
        request(Optional.of(shop), "PUT", "/v1/keys/shop%2Ft", "v", SessionToken.HEADER, begin);
    assertEquals(200, put.statusCode() / 100 * 100, put::body);
    String token = put.headers().firstValue(SessionToken.HEADER).orElseThrow();
    HttpResponse<String> replayed =
        request(Optional.of(bank), "POST", "/v1/commit", "", SessionToken.HEADER, token);
    assertEquals(400, replayed.statusCode(), replayed::body);
    assertTrue(replayed.body().contains("for its principal 'bank'"), replayed::body);
    byte[] bytes = Base64.getUrlDecoder().decode(token);
    for (int at = 0; at < bytes.length; at += 1 + bytes.length / 40) {
      byte[] tampered = bytes.clone();
      tampered[at] ^= 1;
      String text = Base64.getUrlEncoder().withoutPadding().encodeToString(tampered);
      assertEquals(
          400,
          request(Optional.of(shop), "POST", "/v1/commit", "", SessionToken.HEADER, text)
              .statusCode(),
          "byte " + at);
    }
    List<Payload> keys =
        read(secrets().resolve("client/session.key"))
            .lines()
            .map(String::strip)
            .filter(line -> !line.isEmpty() && !line.startsWith("#"))
            .map(Payload::ofText)
            .toList();
    try (Trellis other = Trellis.connect(config(bank.text()).withSessionKeys(keys))) {
      assertEquals("bank", other.principal());
      assertThrows(
          DefiniteException.Unauthenticated.class, () -> other.resume(SessionToken.ofText(token)));
    }
    try (Trellis same = Trellis.connect(config(shop.text()).withSessionKeys(keys))) {
      Session session = same.resume(SessionToken.ofText(token));
      assertEquals("v", session.register("shop/t").getText().orElseThrow());
    }
    for (int time = 0; time < 2; time++) { // one's own may come twice
      HttpResponse<String> own =
          request(Optional.of(shop), "POST", "/v1/commit", "", SessionToken.HEADER, token);
      assertEquals(200, own.statusCode() / 100 * 100, own::body);
    }
  }

  @Test
  void whoIsNoNodeOfTheClusterCannotPassForOne() throws Exception {
    Path foreign = folder.resolve("foreign");
    local.trellis("security", "init", foreign.toString(), "--cluster", "trellis").expect(0);
    Path impostor;
    try (var folders = Files.list(foreign.resolve("nodes"))) {
      impostor = folders.findFirst().orElseThrow();
    }
    NodeDescriptor node = bystander.client().clusterMap().nodes().getFirst();
    Frame.Introduction introduction =
        new Frame.Introduction(
            new Peer("stranger", 1, 0),
            new Peer(node.id(), node.incarnation(), 0),
            System.currentTimeMillis());
    for (Door door : doors) {
      if (!door.name().startsWith("shard")) { // a router has no replicas
        continue;
      }
      for (Optional<Path> shown :
          List.of(
              Optional.<Path>empty(),
              Optional.of(impostor),
              Optional.of(secrets().resolve("router")))) {
        for (String key : List.of("", key())) {
          List<Frame> answers = new ArrayList<>();
          try (RudeClient client = encrypted(door, shown)) {
            client.send(
                new Frame.Hello(
                    Frame.PROTOCOL_VERSION,
                    Frame.PROTOCOL_VERSION,
                    "trellis",
                    7,
                    Frame.Scope.SHARD,
                    Payload.ofText(key),
                    "rude",
                    Optional.of(introduction)));
            answers.addAll(client.rest());
          } catch (SSLException | SocketException | EOFException e) {
            // Not even the certificate is taken.
          }
          assertTrue(
              answers.stream().noneMatch(frame -> !(frame instanceof Frame.Refused)),
              () -> door + " answers " + answers + " to who shows " + shown);
        }
      }
    }
    assertThrows(
        DefiniteException.class,
        () ->
            Trellis.connect(
                    ClientConfig.of(local.address())
                        .withTls(
                            ClientTls.trusting(authority())
                                .withCertificate(
                                    impostor.resolve("tls.crt"), impostor.resolve("tls.key"))))
                .close());
    assertThrows(
        DefiniteException.class,
        () ->
            Trellis.connect(
                    ClientConfig.of(local.address())
                        .withTls(ClientTls.trusting(foreign.resolve("client/ca.crt")))
                        .withApiKey(key()))
                .close(),
        "the key was shown to a stranger");
  }

  private RudeClient encrypted(Door door, Optional<Path> shown) throws IOException {
    InetAddress host = InetAddress.getLoopbackAddress();
    Socket plain = new Socket(host, door.port());
    plain.setSoTimeout(60_000);
    SSLSocket socket =
        (SSLSocket)
            context(shown)
                .getSocketFactory()
                .createSocket(plain, host.getHostAddress(), door.port(), true);
    socket.startHandshake();
    return new RudeClient(socket);
  }
}
