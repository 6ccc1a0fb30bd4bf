package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.CertificateName;
import dev.trellis.access.CertificateName.Part;
import dev.trellis.lattice.Payload;
import io.netty.buffer.UnpooledByteBufAllocator;
import io.netty.handler.ssl.SslContext;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import javax.net.ssl.SSLEngine;
import javax.net.ssl.SSLException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TlsTest {
  private static final String CLUSTER = "blue";
  private static final CertificateName NODE = new CertificateName(CLUSTER, Part.NODE, "n1");

  @TempDir Path folder;

  @Test
  void bothSidesShowWhoTheyAre() throws Exception {
    TestSecrets secrets = new TestSecrets(folder, CLUSTER);
    Secrets node = secrets.node("n1");
    Handshake.Met met = Handshake.meet(Tls.of(secrets.router("*")), Tls.of(node));

    assertEquals(Optional.of(NODE), met.server().map(Doorkeeper.Certificate::name));
    assertEquals(
        Optional.of(TestSecrets.serialHex(node)),
        met.server().map(Doorkeeper.Certificate::serialHex));
    assertEquals(
        Optional.of(new CertificateName(CLUSTER, Part.ROUTER, "*")),
        met.client().map(Doorkeeper.Certificate::name));
    assertEquals("TLSv1.3", met.protocol());
  }

  @Test
  void whatIsWrongWithACertificateEndsTheHandshake() {
    TestSecrets secrets = new TestSecrets(folder, CLUSTER);
    Tls good = Tls.of(secrets.node("n1"));
    assertThrows(SSLException.class, () -> Handshake.meet(good, Tls.of(secrets.expired(NODE))));
    assertThrows(SSLException.class, () -> Handshake.meet(Tls.of(secrets.expired(NODE)), good));
    assertThrows(SSLException.class, () -> Handshake.meet(good, Tls.of(secrets.foreign(NODE))));
  }

  /// A client leaves a certificate out that the server would not believe. One that shows it all the
  /// same fails.
  @Test
  void theCertificateOfAForeignClientIsNotBelieved() throws Exception {
    TestSecrets secrets = new TestSecrets(folder, CLUSTER);
    Tls good = Tls.of(secrets.node("n1"));
    Secrets foreign = secrets.foreign(NODE);
    TestSecrets.replace(
        foreign, Secrets.AUTHORITIES, Files.readString(secrets.user().resolve("ca.crt")));
    assertEquals(Optional.empty(), Handshake.meet(Tls.of(foreign), good).client());
    SSLEngine stubborn = TestSecrets.stubborn(foreign).newEngine(UnpooledByteBufAllocator.DEFAULT);
    SSLEngine server = good.server().newEngine(UnpooledByteBufAllocator.DEFAULT);
    assertThrows(IllegalStateException.class, () -> Handshake.meet(stubborn, server));
  }

  @Test
  void anotherClusterOfTheSameAuthorityIsForTheDoorkeeperToFind() throws Exception {
    TestSecrets secrets = new TestSecrets(folder, CLUSTER);
    CertificateName other = new CertificateName("green", Part.NODE, "n1");
    Handshake.Met met = Handshake.meet(Tls.of(secrets.of(other)), Tls.of(secrets.node("n1")));

    Doorkeeper doorkeeper = new Doorkeeper(CLUSTER, List.of());
    assertTrue(
        doorkeeper.visit(Payload.EMPTY, met.client(), 0).authentication()
            instanceof Authentication.Unknown);
    assertTrue(
        doorkeeper.visit(Payload.EMPTY, met.server(), 0).authentication()
            instanceof Authentication.Known);
  }

  @Test
  void aCertificateIsRevokedByItsNumber() throws Exception {
    TestSecrets secrets = new TestSecrets(folder, CLUSTER);
    Secrets node = secrets.node("n1");
    Handshake.Met met = Handshake.meet(Tls.of(secrets.router("r1")), Tls.of(node));
    String id = AccessList.certificateId(TestSecrets.serialHex(node));

    Doorkeeper doorkeeper = new Doorkeeper(CLUSTER, List.of());
    doorkeeper.heard(AccessList.of(Map.of(), Set.of(AccessList.revokedField(id))));
    assertTrue(
        doorkeeper.visit(Payload.EMPTY, met.server(), 0).authentication()
            instanceof Authentication.Unknown);
    assertTrue(
        doorkeeper.visit(Payload.EMPTY, met.client(), 0).authentication()
            instanceof Authentication.Known);
  }

  @Test
  void filesThatChangeAreReadAnew() throws Exception {
    TestSecrets secrets = new TestSecrets(folder, CLUSTER);
    Secrets node = secrets.node("n1");
    Tls tls = Tls.of(node);
    String before = TestSecrets.serialHex(node);
    secrets.renew(node, NODE);
    tls.refresh();

    Tls client = Tls.of(secrets.router("r1"));
    Optional<Doorkeeper.Certificate> met = Handshake.meet(client, tls).server();
    assertEquals(
        Optional.of(TestSecrets.serialHex(node)), met.map(Doorkeeper.Certificate::serialHex));
    assertTrue(!before.equals(TestSecrets.serialHex(node)));
  }

  @Test
  void halfWrittenFilesChangeNothing() throws Exception {
    TestSecrets secrets = new TestSecrets(folder, CLUSTER);
    Secrets node = secrets.node("n1");
    Tls tls = Tls.of(node);
    SslContext good = tls.server();
    String certificate = Files.readString(node.file(Secrets.CERTIFICATE));

    TestSecrets.replace(node, Secrets.CERTIFICATE, certificate.substring(0, 100));
    tls.refresh();
    assertSame(good, tls.server());

    // A certificate whose key is still the old one.
    Secrets other = secrets.node("n1");
    TestSecrets.replace(
        node, Secrets.CERTIFICATE, Files.readString(other.file(Secrets.CERTIFICATE)));
    tls.refresh();
    assertSame(good, tls.server());

    TestSecrets.replace(
        node, Secrets.PRIVATE_KEY, Files.readString(other.file(Secrets.PRIVATE_KEY)));
    tls.refresh();
    assertNotSame(good, tls.server());
    assertEquals(
        Optional.of(TestSecrets.serialHex(other)),
        Handshake.meet(Tls.of(secrets.router("r1")), tls)
            .server()
            .map(Doorkeeper.Certificate::serialHex));
  }

  @Test
  void filesThatCannotBeUsedAreNamedAndNotShown() throws Exception {
    TestSecrets secrets = new TestSecrets(folder, CLUSTER);
    Secrets node = secrets.node("n1");
    String key = Files.readString(node.file(Secrets.PRIVATE_KEY));
    Files.writeString(node.file(Secrets.PRIVATE_KEY), key.substring(0, key.length() / 2));
    ConfigurationException e = assertThrows(ConfigurationException.class, () -> Tls.of(node));
    assertTrue(e.getMessage().contains(node.folder().toString()), e.getMessage());
    assertTrue(e.getMessage().contains(Secrets.PRIVATE_KEY), e.getMessage());
    assertTrue(!e.getMessage().contains(key.lines().toList().get(1)), e.getMessage());
  }
}
