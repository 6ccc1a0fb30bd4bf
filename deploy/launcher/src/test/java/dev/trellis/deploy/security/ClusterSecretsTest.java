package dev.trellis.deploy.security;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.ApiKey;
import dev.trellis.access.CertificateName;
import dev.trellis.access.CertificateName.Part;
import dev.trellis.access.KeyRecord;
import dev.trellis.cli.CommandFailure;
import dev.trellis.deploy.security.ClusterSecrets.Stage;
import dev.trellis.deploy.security.ClusterSecrets.What;
import dev.trellis.process.Doorkeeper;
import dev.trellis.process.Handshake;
import dev.trellis.process.Secrets;
import dev.trellis.process.Tls;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.security.SecureRandom;
import java.security.cert.CertificateParsingException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Stream;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClusterSecretsTest {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final Duration YEAR = Duration.ofDays(365);
  private final Instant now = Instant.now();

  @TempDir Path parent;

  private Path root() {
    return parent.resolve("secrets");
  }

  private ClusterSecrets create(String... nodes) {
    return ClusterSecrets.create(
        root(), "prod", List.of(nodes), List.of("db.example", "10.1.2.3"), YEAR, now, RANDOM);
  }

  private Secrets of(String folder) {
    return new Secrets(root().resolve(folder));
  }

  private String administratorKey() throws IOException {
    return Files.readString(root().resolve("client/admin.key")).strip();
  }

  /// Every file and folder, with its mode.
  private Map<String, String> modes() throws IOException {
    Map<String, String> modes = new TreeMap<>();
    try (Stream<Path> all = Files.walk(root())) {
      for (Path path : all.toList()) {
        modes.put(
            root().relativize(path).toString(),
            PosixFilePermissions.toString(Files.getPosixFilePermissions(path)));
      }
    }
    return modes;
  }

  private Map<String, String> contents() throws IOException {
    Map<String, String> contents = new TreeMap<>();
    try (Stream<Path> all = Files.walk(root())) {
      for (Path path : all.filter(Files::isRegularFile).toList()) {
        contents.put(root().relativize(path).toString(), Files.readString(path));
      }
    }
    return contents;
  }

  @Test
  void hasWhatEachProcessNeedsAndOnlyItsOwnerOpensIt() throws IOException {
    create("node-0", "*");
    String folder = "rwx------";
    String secret = "rw-------";
    String open = "rw-r--r--";
    Map<String, String> expected = new TreeMap<>();
    for (String name :
        List.of("", "ca", "client", "monitor", "nodes", "nodes/any", "nodes/node-0", "router")) {
      expected.put(name, folder);
    }
    expected.put("ca/ca.crt", open);
    expected.put("ca/ca.key", secret);
    for (String name : List.of("nodes/any", "nodes/node-0", "router", "monitor")) {
      expected.put(name + "/ca.crt", open);
      expected.put(name + "/tls.crt", open);
      expected.put(name + "/tls.key", secret);
      expected.put(name + "/access.keys", secret);
      expected.put(name + "/session.key", secret);
    }
    for (String name : List.of("nodes/any", "nodes/node-0")) {
      expected.put(name + "/curve-server.key", secret);
      expected.put(name + "/curve.known", open);
    }
    for (String name : List.of("nodes/any", "nodes/node-0", "monitor", "client")) {
      expected.put(name + "/curve.key", secret);
    }
    expected.put("client/ca.crt", open);
    expected.put("client/admin.key", secret);
    expected.put("client/session.key", secret);
    for (String name : List.of("monitor", "client")) {
      expected.put(name + "/curve-server.pub", open);
    }
    assertEquals(expected, modes());
    assertEquals(
        List.of("node/node-0", "node", "monitor", "operator"),
        of("nodes/node-0").lines(Secrets.CURVE_KNOWN).stream()
            .map(line -> line.substring(41))
            .toList());
    try (Stream<Path> beside = Files.list(parent)) {
      assertEquals(List.of(root()), beside.toList());
    }
  }

  @Test
  void nothingButTheAdministratorsOwnFileHoldsTheSecretOfHisKey() throws IOException {
    create("node-0");
    String secret = administratorKey().substring("trellis_0123456789abcdef_".length());
    contents()
        .forEach(
            (name, text) ->
                assertEquals(name.equals("client/admin.key"), text.contains(secret), name));
    Doorkeeper doorkeeper = new Doorkeeper("prod", of("nodes/node-0").administrators());
    assertTrue(isKnown(doorkeeper, administratorKey()));
    assertFalse(isKnown(doorkeeper, ApiKey.mint(RANDOM).text()));
  }

  private boolean isKnown(Doorkeeper doorkeeper, String key) {
    return doorkeeper.list().authenticate(ApiKey.parse(key), now.toEpochMilli())
            instanceof AccessList.Authentication.Known known
        && known.caller().rights().administer();
  }

  @Test
  void processesRecogniseEachOtherByTheirCertificates() throws IOException {
    create("node-0", "*");
    ClusterSecrets.open(root(), RANDOM).addClient("shop", YEAR, now);
    assertEquals(
        new CertificateName("prod", Part.NODE, "node-0"), shown("nodes/node-0", "nodes/any"));
    assertEquals(new CertificateName("prod", Part.NODE, "*"), shown("nodes/any", "router"));
    assertEquals(new CertificateName("prod", Part.ROUTER, "*"), shown("router", "monitor"));
    assertEquals(new CertificateName("prod", Part.MONITOR, "*"), shown("monitor", "nodes/node-0"));
    assertEquals(
        new CertificateName("prod", Part.CLIENT, "shop"), shownByClient("clients/shop", "router"));
    Path other = parent.resolve("other");
    ClusterSecrets.create(other, "prod", List.of("node-0"), List.of(), YEAR, now, RANDOM);
    assertThrows(
        SSLException.class,
        () ->
            Handshake.meet(
                Tls.of(of("router")), Tls.of(new Secrets(other.resolve("nodes/node-0")))));
  }

  /// What a server shows to a client.
  private CertificateName shown(String server, String client) throws IOException {
    return Handshake.meet(Tls.of(of(client)), Tls.of(of(server))).server().orElseThrow().name();
  }

  private CertificateName shownByClient(String client, String server) throws IOException {
    return Handshake.meet(Tls.of(of(client)), Tls.of(of(server))).client().orElseThrow().name();
  }

  @Test
  void neverOverwritesAndLeavesNothingHalfMade() throws IOException {
    create("node-0");
    Map<String, String> before = contents();
    CommandFailure refused = assertThrows(CommandFailure.class, () -> create("node-0"));
    assertTrue(refused.getMessage().contains("is there already"), refused::getMessage);
    assertEquals(before, contents());
    Path file = Files.writeString(parent.resolve("file"), "mine");
    assertThrows(
        CommandFailure.class,
        () ->
            ClusterSecrets.create(
                file.resolve("secrets"), "prod", List.of("a"), List.of(), YEAR, now, RANDOM));
    assertThrows(
        CommandFailure.class,
        () -> ClusterSecrets.create(file, "prod", List.of("a"), List.of(), YEAR, now, RANDOM));
    try (Stream<Path> beside = Files.list(parent)) {
      assertEquals(Set.of(root(), file), Set.copyOf(beside.toList()));
    }
  }

  @Test
  void namesThatCannotStandInACertificateAreRefused() {
    for (String name :
        List.of("", "my cluster", "a/b", "ä", "a%20b", "x\n", "-a", "a.", "a".repeat(65))) {
      CommandFailure refused =
          assertThrows(
              CommandFailure.class,
              () -> ClusterSecrets.create(root(), name, List.of("a"), List.of(), YEAR, now, RANDOM),
              name);
      assertTrue(
          refused.getMessage().contains("cannot be the name of a cluster"), refused::getMessage);
    }
    for (String name : List.of("../up", "a b", "any", "")) {
      assertThrows(CommandFailure.class, () -> create(name), name);
    }
    assertThrows(CommandFailure.class, () -> create("a", "a"));
    for (String host : List.of("a b", "http://a", "256.1.1.1", "a_b", "")) {
      assertThrows(
          CommandFailure.class,
          () ->
              ClusterSecrets.create(root(), "prod", List.of("a"), List.of(host), YEAR, now, RANDOM),
          host);
    }
    assertFalse(Files.exists(root()));
    // All others are readable by what reads them.
    for (String name : List.of("a_b", "prod.1", "a--b", "1", "a-", "127.0.0.1", "a".repeat(64))) {
      Path folder = parent.resolve("named-" + name);
      ClusterSecrets.create(folder, name, List.of("*"), List.of(), YEAR, now, RANDOM);
      ClusterSecrets.open(folder, RANDOM)
          .certificates()
          .subList(1, 4)
          .forEach(
              held ->
                  assertEquals(name, CertificateName.parse(held.uri()).orElseThrow().cluster()));
    }
  }

  @Test
  void oneMoreNodeIsKnownToAllOthers() throws IOException {
    create("node-0", "node-1");
    ClusterSecrets.open(root(), RANDOM).addNode("node-2", List.of(), YEAR, now);
    for (String node : List.of("nodes/node-0", "nodes/node-1", "nodes/node-2")) {
      assertTrue(knows(node, "nodes/node-2"), node);
      assertTrue(knows(node, "nodes/node-0"), node);
    }
    assertEquals(
        new CertificateName("prod", Part.NODE, "node-2"), shown("nodes/node-2", "nodes/node-0"));
    assertEquals(
        of("nodes/node-0").lines(Secrets.CURVE_SERVER_KEY),
        of("nodes/node-2").lines(Secrets.CURVE_SERVER_KEY));
    assertThrows(
        CommandFailure.class,
        () -> ClusterSecrets.open(root(), RANDOM).addNode("node-2", List.of(), YEAR, now));
  }

  private boolean knows(String node, String other) {
    String key = CurvePair.parse(of(other).lines(Secrets.CURVE_KEY)).get(0).publicKey();
    return of(node).lines(Secrets.CURVE_KNOWN).stream()
        .anyMatch(line -> line.startsWith(key + " "));
  }

  @Test
  void anotherAuthorityTakesOverWithoutAMomentInWhichTwoDoNotBelieveEachOther() throws IOException {
    ClusterSecrets secrets = create("node-0", "node-1");
    List<Tls> formerly = both("formerly");
    secrets.prepare(What.CA, now);
    List<Tls> prepared = both("prepared");
    secrets.use(What.CA, now);
    List<Tls> used = both("used");
    secrets.finish(What.CA);
    List<Tls> finished = both("finished");

    believeEachOther(formerly, prepared);
    believeEachOther(formerly, used); // even where nothing was prepared
    believeEachOther(prepared, used);
    believeEachOther(used, used);
    believeEachOther(used, finished);
    believeEachOther(finished, finished);
    for (Tls one : formerly) {
      for (Tls other : finished) {
        assertThrows(SSLException.class, () -> Handshake.meet(other, one));
      }
    }
    assertEquals(Stage.NONE, secrets.stage(What.CA));
    assertEquals(1, Pem.certificates(Files.readString(root().resolve("ca/ca.crt"))).size());
    assertFalse(Files.exists(root().resolve("ca/rotation")));
    // And it signs.
    ClusterSecrets.open(root(), RANDOM).addNode("node-2", List.of(), YEAR, now);
    shown("nodes/node-2", "nodes/node-0");
  }

  /// Two nodes as they are now, and stay while others get other files.
  private List<Tls> both(String stage) throws IOException {
    List<Tls> both = new ArrayList<>();
    for (String node : List.of("node-0", "node-1")) {
      Path copy = Files.createDirectories(parent.resolve(stage).resolve(node));
      try (Stream<Path> all = Files.list(root().resolve("nodes").resolve(node))) {
        for (Path file : all.toList()) {
          Files.copy(file, copy.resolve(file.getFileName()));
        }
      }
      both.add(Tls.of(new Secrets(copy)));
    }
    return both;
  }

  private static void believeEachOther(List<Tls> some, List<Tls> others) throws IOException {
    for (Tls one : some) {
      for (Tls other : others) {
        assertTrue(Handshake.meet(other, one).server().isPresent());
        assertTrue(Handshake.meet(one, other).server().isPresent());
      }
    }
  }

  @Test
  void certificatesAreRenewedForTheSameHosts() {
    ClusterSecrets secrets = create("node-0");
    List<ClusterSecrets.Held> before = secrets.certificates();
    List<String> replaced = secrets.use(What.CERTIFICATES, now);
    List<ClusterSecrets.Held> after = secrets.certificates();
    assertEquals(before.stream().skip(1).map(ClusterSecrets.Held::serialHex).toList(), replaced);
    for (int at = 1; at < before.size(); at++) {
      assertEquals(before.get(at).uri(), after.get(at).uri());
      assertNotEquals(before.get(at).serialHex(), after.get(at).serialHex());
      assertTrue(!after.get(at).expires().isBefore(before.get(at).expires()));
    }
    assertEquals(before.get(0), after.get(0));
    assertTrue(hosts("nodes/node-0").containsAll(List.of("localhost", "db.example", "10.1.2.3")));
  }

  private List<String> hosts(String folder) {
    try {
      return Pem.certificates(Files.readString(root().resolve(folder).resolve("tls.crt")))
          .get(0)
          .getSubjectAlternativeNames()
          .stream()
          .map(name -> String.valueOf(name.get(1)))
          .toList();
    } catch (IOException | CertificateParsingException e) {
      throw new IllegalStateException(e);
    }
  }

  @Test
  void curveKeysOverlap() {
    ClusterSecrets secrets = create("node-0", "node-1");
    String former = publicKey("nodes/node-0");
    String formerServer = serverKeys("nodes/node-0").get(0);
    secrets.prepare(What.CURVE, now);
    assertEquals(former, publicKey("nodes/node-0"), "not used yet");
    assertEquals(2, serverKeys("nodes/node-1").size());
    assertEquals(formerServer, serverKeys("nodes/node-1").get(0));
    secrets.use(What.CURVE, now);
    assertNotEquals(former, publicKey("nodes/node-0"));
    assertNotEquals(formerServer, serverKeys("nodes/node-1").get(0));
    assertEquals(formerServer, serverKeys("nodes/node-1").get(1));
    assertEquals(serverKeys("nodes/node-0"), of("client").lines("curve-server.pub"));
    assertTrue(knows("nodes/node-1", "nodes/node-0"));
    assertTrue(knownKeys("nodes/node-1").contains(former));
    secrets.finish(What.CURVE);
    assertTrue(knows("nodes/node-1", "nodes/node-0"));
    assertTrue(knows("nodes/node-1", "monitor"));
    assertTrue(knows("nodes/node-1", "client"));
    assertFalse(knownKeys("nodes/node-1").contains(former));
    assertEquals(4, knownKeys("nodes/node-1").size());
    assertEquals(1, serverKeys("nodes/node-1").size());
    assertEquals(serverKeys("nodes/node-0"), of("monitor").lines("curve-server.pub"));
  }

  private String publicKey(String folder) {
    return CurvePair.parse(of(folder).lines(Secrets.CURVE_KEY)).get(0).publicKey();
  }

  private List<String> serverKeys(String folder) {
    return CurvePair.parse(of(folder).lines(Secrets.CURVE_SERVER_KEY)).stream()
        .map(CurvePair::publicKey)
        .toList();
  }

  private List<String> knownKeys(String folder) {
    return of(folder).lines(Secrets.CURVE_KNOWN).stream()
        .map(line -> line.substring(0, 40))
        .toList();
  }

  @Test
  void keysOfSessionsAndOfTheAdministratorOverlap() throws IOException {
    ClusterSecrets secrets = create("node-0");
    String formerSession = of("router").lines(Secrets.SESSION_KEY).get(0);
    String formerKey = administratorKey();
    secrets.prepare(What.SESSION, now);
    secrets.prepare(What.ADMIN, now);
    assertEquals(formerSession, of("router").lines(Secrets.SESSION_KEY).get(0));
    assertEquals(2, of("router").lines(Secrets.SESSION_KEY).size());
    assertEquals(formerKey, administratorKey());
    assertEquals(2, of("router").administrators().size());
    secrets.use(What.SESSION, now);
    secrets.use(What.ADMIN, now);
    assertEquals(formerSession, of("router").lines(Secrets.SESSION_KEY).get(1));
    assertNotEquals(formerKey, administratorKey());
    assertAccepted("router", formerKey, administratorKey());
    CommandFailure again =
        assertThrows(CommandFailure.class, () -> secrets.prepare(What.SESSION, now));
    assertTrue(again.getMessage().contains("--finish"), again::getMessage);
    secrets.finish(What.SESSION);
    secrets.finish(What.ADMIN);
    assertEquals(of("router").lines(Secrets.SESSION_KEY), of("client").lines(Secrets.SESSION_KEY));
    assertFalse(of("router").lines(Secrets.SESSION_KEY).contains(formerSession));
    assertAccepted("nodes/node-0", administratorKey());
    assertFalse(isKnown(new Doorkeeper("prod", of("router").administrators()), formerKey));
    assertThrows(CommandFailure.class, () -> secrets.finish(What.ADMIN));
  }

  private void assertAccepted(String folder, String... keys) {
    List<KeyRecord> records = of(folder).administrators();
    assertEquals(keys.length, records.size());
    for (String key : keys) {
      assertTrue(isKnown(new Doorkeeper("prod", records), key));
    }
  }

  @Test
  void modesThatAreTooOpenAreFound() throws IOException {
    ClusterSecrets secrets = create("node-0");
    assertEquals(List.of(), secrets.tooOpen());
    Files.setPosixFilePermissions(
        root().resolve("client/admin.key"), PosixFilePermissions.fromString("rw-r-----"));
    Files.setPosixFilePermissions(
        root().resolve("router"), PosixFilePermissions.fromString("rwxr-xr-x"));
    assertEquals(List.of(Path.of("client/admin.key"), Path.of("router")), secrets.tooOpen());
  }
}
