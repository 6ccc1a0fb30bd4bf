package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.process.TestSecrets.CurvePair;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class CurveKeysTest {
  private static final String KEY = "rq:rM>}U?@Lns47E1%kR.o@n%FcmmsL/@{H8]yf7";
  private static final String SECRET = "JTKVSB%%)wK0E.X)V>+}o?pNmC{O&4W4b!Ni{Lh6";

  @TempDir private Path folder;

  private Secrets secrets() {
    return new Secrets(folder);
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(folder.resolve(name), text);
  }

  private String problem() {
    String message =
        assertThrows(ConfigurationException.class, () -> CurveKeys.ofServer(secrets()))
            .getMessage();
    assertFalse(message.contains(SECRET), message);
    return message.replace(folder + "/", "");
  }

  @Test
  void allOfANodesKeysAreRead() {
    TestSecrets all = new TestSecrets(folder, "test");
    CurveKeys keys = CurveKeys.ofServer(all.node("n1"));
    CurveKeys.Held held = keys.held();
    assertEquals(all.known("node").publicKey(), held.own().publicKey());
    assertEquals(all.known("node").secretKey(), held.own().secretKey());
    assertEquals(List.of(all.curveServer().publicKey()), held.serverKeys());
    assertEquals(
        Map.of(
            all.known("node").publicKey(), "node",
            all.known("monitor").publicKey(), "monitor",
            all.known("operator").publicKey(), "operator"),
        held.known());
    assertSame(held, keys.held());
    assertFalse(held.toString().contains(all.known("node").secretKey()), "a secret is shown");
    assertFalse(held.toString().contains(all.curveServer().secretKey()), "a secret is shown");
  }

  @Test
  void whoOnlyConnectsHasThePublicHalfOfTheServersPair() {
    TestSecrets all = new TestSecrets(folder, "test");
    Secrets user = new Secrets(all.user());
    CurveKeys.Held held = CurveKeys.of(user).held();
    assertEquals(List.of(all.curveServer().publicKey()), held.serverKeys());
    assertEquals(List.of(), held.server());
    assertEquals(Map.of(), held.known());
    assertEquals(
        "there is no "
            + user.file(Secrets.CURVE_SERVER_KEY)
            + ", which a control plane needs; bin/trellis security init makes one",
        assertThrows(ConfigurationException.class, () -> CurveKeys.ofServer(user)).getMessage());
  }

  /// One key in 85 starts with what otherwise starts a comment.
  @Test
  void aKeyThatLooksLikeACommentIsNone() throws IOException {
    String strange = "#" + KEY.substring(1);
    write(Secrets.CURVE_KEY, "public " + strange + "\nsecret " + SECRET + "\n");
    write(CurveKeys.SERVER_PUBLIC, "# of the cluster\n" + strange + "\n");
    write(Secrets.CURVE_KNOWN, "# who may connect\n" + strange + " node/n1\n\n#\n");
    CurveKeys.Held held = CurveKeys.of(secrets()).held();
    assertEquals(strange, held.own().publicKey());
    assertEquals(List.of(strange), held.serverKeys());
    assertEquals(Map.of(strange, "node/n1"), held.known());
  }

  @Test
  void whatIsWrongIsSaidWithoutAnySecret() throws IOException {
    assertEquals("cannot read curve.key: NoSuchFileException", problem());
    write(Secrets.CURVE_KEY, "public " + KEY + "\n");
    assertEquals(
        "curve.key must have two lines for each pair, public KEY and secret KEY", problem());
    write(Secrets.CURVE_KEY, "public " + KEY + "\nsecret x" + SECRET + "\n");
    assertEquals(
        "curve.key must have lines 'secret KEY' with a key of 40 characters of Z85", problem());
    write(Secrets.CURVE_KEY, "secret " + SECRET + "\npublic " + KEY + "\n");
    assertEquals(
        "curve.key must have lines 'public KEY' with a key of 40 characters of Z85", problem());
    String pair = "public " + KEY + "\nsecret " + SECRET + "\n";
    write(Secrets.CURVE_KEY, pair + pair);
    assertEquals("curve.key must have one pair, not 2", problem());
    write(Secrets.CURVE_KEY, pair);
    assertEquals("cannot read curve-server.pub: NoSuchFileException", problem());
    write(Secrets.CURVE_SERVER_KEY, "");
    assertEquals("curve-server.key has no key", problem());
    write(Secrets.CURVE_SERVER_KEY, pair);
    assertEquals(
        "curve.known has nobody who may connect to the control plane, or is not there", problem());
    write(Secrets.CURVE_KNOWN, KEY + " node\n" + KEY + " monitor\n");
    assertEquals("curve.known has the key of entry 2 twice", problem());
    write(Secrets.CURVE_KNOWN, KEY + "\n");
    assertEquals("curve.known must have lines 'KEY NAME', which entry 1 is not", problem());
    write(Secrets.CURVE_KNOWN, KEY + " node\n");
    assertEquals(Map.of(KEY, "node"), CurveKeys.ofServer(secrets()).held().known());
  }

  @Test
  void filesThatChangeAreReadAnewAndBadOnesAreNotUsed() {
    TestSecrets all = new TestSecrets(folder, "test");
    Secrets own = all.node("n1");
    CurveKeys keys = CurveKeys.ofServer(own);
    CurveKeys.Held first = keys.held();
    CurvePair next = TestSecrets.strangersPair();
    TestSecrets.replace(own, Secrets.CURVE_KEY, "public x\n");
    assertFalse(keys.isUpToDate());
    TestSecrets.replace(own, Secrets.CURVE_KNOWN, "");
    long until = System.nanoTime() + TimeUnit.SECONDS.toNanos(1);
    while (System.nanoTime() < until) {
      assertSame(first, keys.held());
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(50));
    }
    TestSecrets.replace(
        own,
        Secrets.CURVE_KEY,
        "public " + next.publicKey() + "\nsecret " + next.secretKey() + "\n");
    TestSecrets.replace(own, Secrets.CURVE_KNOWN, next.publicKey() + " node\n");
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(60);
    while (keys.held() == first) {
      assertTrue(System.nanoTime() < deadline, "the files are not read anew");
      LockSupport.parkNanos(TimeUnit.MILLISECONDS.toNanos(20));
    }
    assertNotSame(first, keys.held());
    assertEquals(next.publicKey(), keys.held().own().publicKey());
    assertEquals(Map.of(next.publicKey(), "node"), keys.held().known());
    assertTrue(keys.isUpToDate());
  }
}
