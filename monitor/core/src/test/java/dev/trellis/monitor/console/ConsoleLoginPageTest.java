package dev.trellis.monitor.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// Logging in and out in a real browser, where security is on.
@Timeout(120)
class ConsoleLoginPageTest {
  private static final ConsoleConfig CONFIG =
      new ConsoleConfig(Set.of(), Duration.ofMillis(200), 8, Duration.ofSeconds(20));

  private static Browser browser;

  @TempDir Path folder;

  private final FakeCluster cluster = new FakeCluster();
  private ConsoleKeys keys;
  private Console console;

  @BeforeAll
  static void open() throws Exception {
    assumeTrue(Browser.isInstalled(), "needs Debian's packages chromium and chromium-driver");
    browser = Browser.start();
  }

  @AfterAll
  static void close() {
    if (browser != null) {
      browser.close();
    }
  }

  @BeforeEach
  void start() throws Exception {
    keys = new ConsoleKeys(folder).heard();
    console =
        Console.start(
            new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
            cluster,
            cluster.history(),
            CONFIG,
            cluster.clock(),
            Optional.of(keys.protection));
    browser.resize(1360, 900, 1);
    browser.prefer("light", "reduce");
    browser.visit("https://127.0.0.1:" + console.port() + "/");
    browser.complaints();
    browser.requests();
  }

  @AfterEach
  void stop() throws Exception {
    browser.visit("about:blank");
    console.close();
  }

  private static void enter(String key) throws Exception {
    browser.await("document.querySelector('#key')");
    browser.run("document.querySelector('#key').value = arguments[0]", key);
    browser.point("form button", true);
  }

  private static void awaitConsole() throws Exception {
    browser.await("document.body.getAttribute('data-ready') === 'true'");
    browser.await("!document.querySelector('#who').hidden");
  }

  private static String textOf(String selector) throws Exception {
    return browser.text("return document.querySelector(arguments[0]).innerText", selector);
  }

  @Test
  void whoShowsAKeyIsLetInAndOutAgain() throws Exception {
    assertEquals("/login", browser.text("return location.pathname"));
    assertEquals("key", browser.text("return document.activeElement.id"));
    enter("trellis_no");
    browser.await("document.querySelector('#said').textContent !== ''");
    assertTrue(textOf("#said").contains("not known here"));
    enter(keys.viewer.text());
    awaitConsole();
    assertEquals("shop-eu", textOf("#cluster"));
    assertEquals("live", textOf("#live-text"));
    assertEquals("viewer, read-only", textOf("#who-name"));
    assertEquals("", browser.text("return document.cookie"), "no script sees the cookie");
    assertFalse(browser.text("return document.documentElement.outerHTML").contains("trellis_"));
    browser.point("#who button", true);
    browser.await("location.pathname === '/login' && document.querySelector('#key')");
    browser.visit("https://127.0.0.1:" + console.port() + "/");
    assertEquals("/login", browser.text("return location.pathname"));
    assertEquals(
        List.of(),
        browser.complaints().stream().filter(complaint -> !complaint.contains("401")).toList());
  }

  @Test
  void whoseKeyIsRevokedIsSentBackToTheDoor() throws Exception {
    enter(keys.viewer.text());
    awaitConsole();
    keys.revoke(keys.viewer);
    browser.await("location.pathname === '/login'");
  }

  @Test
  void anAdministratorIsNotCalledReadOnly() throws Exception {
    enter(keys.secrets.administrator().text());
    awaitConsole();
    assertEquals("admin", textOf("#who-name"));
  }

  @Test
  void theDoorIsReadByDayAndByNightAndOnATelephone() throws Exception {
    enter("trellis_no");
    browser.await("document.querySelector('#said').textContent !== ''");
    for (String scheme : List.of("light", "dark")) {
      browser.prefer(scheme, "reduce");
      for (JsonNode found : browser.run(ConsolePageTest.CONTRASTS)) {
        assertTrue(found.get(1).asDouble() >= 4.5, found::toString);
      }
    }
    browser.resize(360, 640, 2);
    assertTrue(
        browser.run("return document.documentElement.scrollWidth <= 360").asBoolean(),
        "nothing stands out on the right");
  }

  @Test
  void picturesForTheDocumentation() throws Exception {
    String pictures = System.getProperty("console.screenshots", "");
    assumeTrue(!pictures.isEmpty(), "no -Dconsole.screenshots");
    Path images =
        Files.createDirectories(Path.of(System.getProperty("trellis.root")).resolve(pictures));
    browser.resize(1360, 760, 1);
    Files.write(
        images.resolve("console-login.png"), ConsolePageTest.inFewColours(browser.picture()));
    enter(keys.viewer.text());
    awaitConsole();
    Files.write(
        images.resolve("console-secure.png"), ConsolePageTest.inFewColours(browser.picture()));
  }
}
