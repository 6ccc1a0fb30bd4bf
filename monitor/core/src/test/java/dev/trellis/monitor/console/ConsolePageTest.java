package dev.trellis.monitor.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.awt.image.BufferedImage;
import java.awt.image.DataBuffer;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// The page in a real browser, over a made-up cluster. With `-Dconsole.screenshots=docs/images` it
/// also takes the pictures of the documentation.
@Timeout(120)
class ConsolePageTest {
  private static final ConsoleConfig CONFIG =
      new ConsoleConfig(Set.of(), Duration.ofMillis(200), 1, Duration.ofSeconds(20));

  /// The least contrast of each text with what is behind it, by its text: of all that is to be
  /// seen. Grounds that let others through are laid over them.
  static final String CONTRASTS =
      """
      const channels = (color) => {
        const [r, g, b, a = 1] = color.match(/[\\d.]+/g).map(Number);
        return { r, g, b, a };
      };
      const over = (top, ground) => ({
        r: top.r * top.a + ground.r * (1 - top.a),
        g: top.g * top.a + ground.g * (1 - top.a),
        b: top.b * top.a + ground.b * (1 - top.a),
        a: 1,
      });
      const ground = (element) => {
        const layers = [];
        for (let at = element; at; at = at.parentElement) {
          const style = getComputedStyle(at);
          layers.push(channels(style.backgroundColor));
        }
        return layers.reverse().reduce((below, layer) => over(layer, below), { r: 255, g: 255, b: 255, a: 1 });
      };
      const luminance = ({ r, g, b }) => {
        const linear = [r, g, b].map((value) => {
          const share = value / 255;
          return share <= 0.03928 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2];
      };
      const found = [];
      const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
      for (let node = walker.nextNode(); node; node = walker.nextNode()) {
        const text = node.textContent.trim();
        const element = node.parentElement;
        if (!text || !element.checkVisibility({ opacityProperty: true }) || element.closest('.unseen, .skip, noscript')) continue;
        const style = getComputedStyle(element);
        const behind = ground(element);
        const color = element instanceof SVGElement ? style.fill : style.color;
        const front = over(channels(color), behind);
        const [light, dark] = [luminance(front), luminance(behind)].sort((a, b) => b - a);
        found.push([text, (light + 0.05) / (dark + 0.05)]);
      }
      return found;
      """;

  private static Browser browser;

  private final FakeCluster cluster = new FakeCluster();
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
    console = startConsole(0);
    browser.resize(1360, 900, 1);
    browser.prefer("light", "no-preference");
    browser.visit("about:blank");
    browser.complaints();
    browser.requests();
  }

  private Console startConsole(int port) {
    return Console.start(
        new InetSocketAddress(InetAddress.getLoopbackAddress(), port),
        cluster,
        cluster.history(),
        CONFIG,
        cluster.clock());
  }

  @AfterEach
  void stop() throws Exception {
    browser.visit("about:blank");
    console.close();
  }

  private String uri() {
    return "http://127.0.0.1:" + console.port() + "/";
  }

  private void show() throws Exception {
    browser.visit(uri());
    browser.await("document.body.getAttribute('data-ready') === 'true'");
  }

  private static String textOf(String selector) throws Exception {
    return browser.text("return document.querySelector(arguments[0]).innerText", selector);
  }

  private static List<String> textsOf(String selector) throws Exception {
    List<String> texts = new ArrayList<>();
    browser
        .run(
            "return [...document.querySelectorAll(arguments[0])].map((e) => e.textContent)",
            selector)
        .forEach(text -> texts.add(text.asText()));
    return texts;
  }

  private static int count(String selector) throws Exception {
    return browser.run("return document.querySelectorAll(arguments[0]).length", selector).asInt();
  }

  private static boolean isShown(String selector) throws Exception {
    return browser
        .run("return document.querySelector(arguments[0]).checkVisibility()", selector)
        .asBoolean();
  }

  @Test
  void theStateIsShown() throws Exception {
    show();
    assertEquals("shop-eu", textOf("#cluster"));
    assertEquals("shop-eu · Trellis console", browser.text("return document.title"));
    assertEquals("live", textOf("#live-text"));
    assertEquals(
        List.of("◔ not whole", "survives 1 lost node", "scaler local", "leads, epoch 12"),
        textsOf("#chips > *"));
    assertEquals(List.of("m1", "m2", "m3"), textsOf("#tiers [data-tier=memory] tbody .name"));
    assertEquals(List.of("s1", "s2"), textsOf("#tiers [data-tier=ssd] tbody .name"));
    assertEquals("◔ joining 2 min", textOf("#tiers tr:has(.state:not(:empty)) .state"));
    assertEquals(2, count("#handoff-list progress"));
    assertEquals(8, count("#key-rows tr"));
    assertEquals("cart:7f3a91", textsOf("#key-rows .key").getFirst());
    assertTrue(textOf("#key-rows tr").contains("(3, 1, 2)"));
    assertTrue(textOf("#balances").contains("of the mean"));
    assertEquals("Grow the SSD tier from 1 to 2 nodes", textsOf("#decision-list .what").getFirst());
    assertEquals(12, count("#decision-list > li"));
    browser.point("#decisions-more", true);
    browser.await("document.querySelectorAll('#decision-list > li').length === 20");
    assertFalse(isShown("#decisions-more"));
    assertEquals(0, count(".banner:not([hidden])"));
    assertEquals(List.of(), browser.complaints());
  }

  @Test
  void mailboxesAreLookedAtWhenSomebodyWantsTo() throws Exception {
    show();
    assertEquals(0, count("#mailbox-list > li"));
    browser.point("#mailboxes-look", true);
    browser.await("document.querySelectorAll('#mailbox-list > li').length === 2");
    assertEquals(List.of("orders/eu", "orders/us"), textsOf("#mailbox-list code"));
    assertEquals(List.of("4 records waiting", "empty"), textsOf("#mailbox-list .meta"));
    browser.point("#mailbox-list summary", true);
    browser.await("document.querySelectorAll('.messages > li').length === 4");
    assertEquals("{\"cart\": \"7f3a91\"}", textsOf(".messages pre").getFirst());
    assertTrue(textsOf(".messages pre").contains(FakeCluster.HOSTILE));
    assertTrue(textsOf(".messages .meta").get(1).startsWith("question · answer to replies/shop"));
    assertEquals(0, count("img"));
    assertEquals(List.of(), browser.complaints());
  }

  @Test
  void nothingIsLoadedFromElsewhere() throws Exception {
    show();
    List<String> requests = browser.requests();
    assertTrue(requests.contains(uri() + "api/events"), requests::toString);
    assertEquals(
        List.of(),
        requests.stream()
            .filter(request -> !request.startsWith(uri()) && !request.equals("about:blank"))
            .toList());
  }

  @Test
  void aHostileKeyIsTextAndNothingElse() throws Exception {
    show();
    assertTrue(textsOf("#key-rows .key").contains(FakeCluster.HOSTILE));
    assertTrue(textsOf("#key-rows .key").contains("price\\u{202e}gnp.exe"));
    assertTrue(textsOf("#key-rows .key").contains("\\xff\\u{0}A\\x80"));
    assertTrue(
        textsOf("#decision-list .what").stream().anyMatch(what -> what.contains("<script>")));
    assertEquals(1, count("script"));
    assertEquals(0, count("img"));
    assertNotEquals("owned", browser.text("return document.title"));
    assertEquals(List.of(), browser.complaints());
  }

  @Test
  void decisionsAreMarksThatExplainThemselvesByMouseAndByKeyboard() throws Exception {
    show();
    assertEquals(6, count(".mark-spot"));
    assertEquals(1, count(".mark-spot[tabindex='0']"));
    browser.run("document.querySelector('.mark-spot[tabindex=\"0\"]').focus()");
    assertTrue(textOf("#popover").contains("Grow the SSD tier from 1 to 2 nodes"));
    browser.press("ArrowLeft");
    String explained = textOf("#popover");
    assertTrue(explained.contains("Replicate “cart:7f3a91” to 3 memory nodes"), explained);
    assertTrue(explained.contains("this key alone has 8% of the load"), explained);
    assertTrue(explained.contains("hot.deviations = 3"), explained);
    assertTrue(explained.contains("3.31 ms\t1.3 ms\t1.38 ms"), explained);
    assertEquals(
        "true",
        browser.text("return document.activeElement.matches('.mark-spot[tabindex=\"0\"]')"));
    String label = browser.text("return document.activeElement.getAttribute('aria-label')");
    assertTrue(label.startsWith("14:27:27: Replicate “cart:7f3a91”"), label);
    browser.press("Escape");
    assertFalse(isShown("#popover"));

    browser.point(".mark-spot", false);
    browser.await("document.querySelector('#popover').checkVisibility()");
    assertTrue(textOf("#popover").contains("<script>"));
    browser.point("h1", false);
    browser.await("!document.querySelector('#popover').checkVisibility()");
    browser.point(".mark-spot", true);
    browser.point("h1", false);
    assertTrue(isShown("#popover"));
    browser.point("h1", true);
    assertFalse(isShown("#popover"));
    assertEquals(List.of(), browser.complaints());
  }

  @Test
  void marksThatWouldLieOnEachOtherAreOneThatTellsAll() throws Exception {
    show();
    browser.point("#windows [data-minutes='360']", true);
    browser.await("document.querySelectorAll('.mark-spot').length > 10");
    int marked = count(".mark-spot");
    assertTrue(marked < 20, () -> "marks: " + marked);
    browser.run("document.querySelector('.mark-spot:has(.mark-count)').focus()");
    String shown = textOf("#popover .mark-icon ~ span");
    assertFalse(shown.isEmpty());
    assertTrue(count("#popover article") > 1);
  }

  @Test
  void whatIsOpenStaysOpenAndWhatHasTheFocusKeepsItWhenNewsCome() throws Exception {
    show();
    browser.run("document.querySelector('#decision-list details').open = true");
    browser.run("document.querySelector('#decision-list summary').focus()");
    browser.await("document.querySelector('#decision-list .why') !== null");
    DecisionEntry latest = cluster.decisions.getFirst();
    List<DecisionEntry> more = new ArrayList<>(cluster.decisions);
    more.set(
        0,
        new DecisionEntry(
            latest.id(),
            latest.atMillis(),
            latest.decision(),
            DecisionEntry.State.DONE,
            "",
            OptionalLong.of(latest.atMillis() + 120_000),
            Map.of("use", 0.4)));
    cluster.advance(Duration.ofSeconds(20));
    more.addFirst(
        new DecisionEntry(
            999,
            cluster.clock().millis(),
            cluster.decisions.get(2).decision(),
            DecisionEntry.State.DECIDED,
            "",
            OptionalLong.empty(),
            Map.of()));
    cluster.decisions = List.copyOf(more);
    browser.await("document.querySelector('#decision-999') !== null");
    assertEquals(
        "true",
        browser.text(
            "return document.activeElement.closest('details').open"
                + " && document.activeElement.closest('li').id === 'decision-120'"));
    String open = textOf("#decision-120");
    assertTrue(open.contains("✓ done") && open.contains("Done after 2 min."), open);
    assertTrue(open.contains("78%\t39%\t40%"), open);
    assertEquals(
        "New decision: Grow the memory tier from 2 to 3 nodes.",
        browser.text("return document.querySelector('#announcer').textContent"));
  }

  @Test
  void nothingIsWiderThanTheWindow() throws Exception {
    for (int width : List.of(320, 360, 420, 680, 800, 1080, 1360, 1920)) {
      browser.resize(width, 800, 1);
      show();
      browser.run(
          "for (const details of document.querySelectorAll('details')) details.open = true;"
              + "document.querySelector('.mark-spot').focus();");
      browser.await("document.querySelector('#decision-list .why') !== null");
      JsonNode widths =
          browser.run("return [document.documentElement.scrollWidth, window.innerWidth]");
      assertTrue(widths.get(0).asInt() <= width, () -> width + ": " + widths);
      assertEquals(width, widths.get(1).asInt());
      JsonNode beyond =
          browser.run(
              """
              return [...document.querySelectorAll('body *')]
                .filter((e) => e.checkVisibility() && !e.closest('.unseen, thead, .scroll, .skip, defs, clipPath, .chart path, .chart g'))
                .filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5 || e.getBoundingClientRect().left < -0.5)
                .map((e) => e.tagName + '.' + e.className + ' ' + e.textContent.slice(0, 40));
              """);
      assertEquals(0, beyond.size(), () -> width + ": " + beyond);
    }
  }

  @Test
  void textsStandOutByDayAndByNight() throws Exception {
    cluster.isDryRun = true;
    cluster.isLeader = false;
    cluster.ageMillis = 60_000;
    String ground = "return getComputedStyle(document.body).backgroundColor";
    browser.prefer("light", "no-preference");
    show();
    String day = browser.text(ground);
    checkContrasts("light");
    browser.prefer("dark", "no-preference");
    String night = browser.text(ground);
    assertNotEquals(day, night);
    checkContrasts("dark");

    // That the measure finds what is wrong, too.
    browser.run("document.querySelector('#cluster').style.color = '#555f'");
    boolean isFound = false;
    for (JsonNode contrast : browser.run(CONTRASTS)) {
      isFound |= contrast.get(0).asText().equals("shop-eu") && contrast.get(1).asDouble() < 4.5;
    }
    assertTrue(isFound);
  }

  private static void checkContrasts(String scheme) throws Exception {
    browser.run(
        "for (const details of document.querySelectorAll('details')) details.open = true;"
            + "document.querySelector('.mark-spot').focus();");
    browser.await("document.querySelector('#decision-list .why') !== null");
    JsonNode contrasts = browser.run(CONTRASTS);
    assertTrue(contrasts.size() > 200, () -> "texts: " + contrasts.size());
    for (JsonNode contrast : contrasts) {
      assertTrue(contrast.get(1).asDouble() >= 4.5, () -> scheme + ": " + contrast);
    }
  }

  @Test
  void nothingMovesForWhoWantsThatNothingMoves() throws Exception {
    show();
    String moving = "return document.getAnimations().length";
    assertTrue(browser.run(moving).asInt() > 0);
    browser.prefer("light", "reduce");
    assertEquals(0, browser.run(moving).asInt());
  }

  @Test
  void everythingThatCanBePressedHasANameAndTablesSayWhatTheyAre() throws Exception {
    show();
    JsonNode nameless =
        browser.run(
            """
            return [...document.querySelectorAll('button, a, summary, [role=button], progress, table[role], section, [role=group]')]
              .filter((e) => e.checkVisibility())
              .filter((e) => !(e.textContent.trim() || e.getAttribute('aria-label') || e.getAttribute('aria-labelledby')))
              .map((e) => e.outerHTML.slice(0, 80));
            """);
    assertEquals(0, nameless.size(), nameless::toString);
    assertEquals(1, count("[aria-live]"));
    JsonNode levels =
        browser.run("return [...document.querySelectorAll('h1,h2,h3')].map((e) => e.tagName)");
    assertEquals("H1", levels.get(0).asText());
    assertTrue(
        browser
            .text("return document.querySelector('#timeline-svg').getAttribute('aria-label')")
            .startsWith("Over the last 15 minutes: p95 latency is"));
    browser.point(".as-table summary", true);
    browser.await("document.querySelectorAll('#series-rows tr').length === 15");
  }

  @Test
  void aMonitorThatGoesIsMissedAndOneThatComesBackIsFound() throws Exception {
    show();
    int port = console.port();
    console.close();
    browser.await("document.querySelector('#banner-lost').checkVisibility()");
    String lost = textOf("#banner-lost");
    assertTrue(lost.matches("Connection to the monitor lost. Last seen \\d+ s ago; .*"), lost);
    assertEquals("not connected", textOf("#live-text"));
    assertEquals("shop-eu", textOf("#cluster"));
    console = startConsole(port);
    browser.await("document.querySelector('#live-text').textContent === 'live'");
    assertFalse(isShown("#banner-lost"));
  }

  @Test
  void whatIsUnusualStandsAboveEverything() throws Exception {
    cluster.isDryRun = true;
    cluster.isLeader = false;
    cluster.ageMillis = 60_000;
    show();
    assertTrue(textOf("#banner-dry-run").startsWith("Dry run: "));
    assertTrue(textOf("#banner-standby").startsWith("This monitor stands by: "));
    assertTrue(textOf("#banner-stale").contains("has looked at nothing for 60 s"));
    cluster.isDryRun = false;
    cluster.isLeader = true;
    cluster.ageMillis = 0;
    browser.await("!document.querySelector('#banner-stale').checkVisibility()");
    assertFalse(isShown("#banner-dry-run"));
    assertFalse(isShown("#banner-standby"));
  }

  @Test
  void beforeAnythingIsKnownThePageWaitsAndAnEmptyClusterIsSaidToBeEmpty() throws Exception {
    cluster.isSilent = true;
    cluster.isEmpty = true;
    browser.visit(uri());
    browser.await("document.querySelector('#live-text').textContent === 'waiting'");
    assertEquals("Waiting for the first node", textOf("#waiting-title"));
    assertFalse(isShown("#content"));
    cluster.isSilent = false;
    browser.await("document.querySelector('#empty').checkVisibility()");
    assertFalse(isShown("#waiting"));
    assertTrue(textOf("#empty").contains("bin/trellis node add"));
    assertFalse(isShown("#keys"));
    cluster.isEmpty = false;
    browser.await("document.querySelector('#keys').checkVisibility()");
    assertFalse(isShown("#empty"));
  }

  @Test
  void whereTooManyListenThePageAsksInstead() throws Exception {
    try (HttpClient client = HttpClient.newHttpClient()) {
      HttpResponse<InputStream> listening =
          client.send(
              HttpRequest.newBuilder(URI.create(uri() + "api/events")).build(),
              BodyHandlers.ofInputStream());
      assertEquals(200, listening.statusCode());
      show();
      assertEquals("live", textOf("#live-text"));
      listening.body().close();
    }
  }

  @Test
  void picturesForTheDocumentation() throws Exception {
    String folder = System.getProperty("console.screenshots", "");
    assumeTrue(!folder.isEmpty(), "no -Dconsole.screenshots");
    Path images =
        Files.createDirectories(Path.of(System.getProperty("trellis.root")).resolve(folder));
    cluster.advance(Duration.ofSeconds(25));
    console.close();
    console = startConsole(0);
    for (String scheme : List.of("light", "dark")) {
      browser.resize(1360, 1000, 1);
      browser.prefer(scheme, "reduce");
      show();
      if (scheme.equals("dark")) {
        browser.run("document.querySelectorAll('.mark-spot')[3].focus()");
        browser.press("Home");
        browser.press("End");
        browser.press("ArrowLeft");
      }
      Files.write(images.resolve("console-" + scheme + ".png"), inFewColours(browser.picture()));
    }
    browser.resize(360, 1280, 2);
    browser.prefer("light", "reduce");
    show();
    Files.write(images.resolve("console-phone.png"), inFewColours(browser.picture()));
  }

  /// The same picture in 256 colours, hardly to be told apart on a page, and half as large. Colours
  /// that are alike are a group, and of the largest groups each gives the one that it has most of.
  static byte[] inFewColours(byte[] png) throws IOException {
    BufferedImage full = ImageIO.read(new ByteArrayInputStream(png));
    int[] pixels = full.getRGB(0, 0, full.getWidth(), full.getHeight(), null, 0, full.getWidth());
    Map<Integer, Map<Integer, Integer>> groups = new HashMap<>();
    for (int pixel : pixels) {
      groups
          .computeIfAbsent(pixel & 0xf0f0f0, _ -> new HashMap<>())
          .merge(pixel & 0xffffff, 1, Integer::sum);
    }
    int[] palette =
        groups.values().stream()
            .sorted(
                Comparator.comparingInt(
                    group -> -group.values().stream().mapToInt(Integer::intValue).sum()))
            .limit(256)
            .mapToInt(
                group -> Collections.max(group.entrySet(), Map.Entry.comparingByValue()).getKey())
            .toArray();
    BufferedImage small =
        new BufferedImage(
            full.getWidth(),
            full.getHeight(),
            BufferedImage.TYPE_BYTE_INDEXED,
            new IndexColorModel(8, palette.length, palette, 0, false, -1, DataBuffer.TYPE_BYTE));
    Map<Integer, Integer> nearest = new HashMap<>();
    for (int at = 0; at < pixels.length; at++) {
      int place =
          nearest.computeIfAbsent(pixels[at] & 0xffffff, colour -> nearest(palette, colour));
      small.getRaster().setSample(at % full.getWidth(), at / full.getWidth(), 0, place);
    }
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ImageIO.write(small, "png", out);
    return out.toByteArray();
  }

  private static int nearest(int[] palette, int colour) {
    return IntStream.range(0, palette.length)
        .boxed()
        .min(Comparator.comparingInt(place -> distance(palette[place], colour)))
        .orElseThrow();
  }

  private static int distance(int one, int other) {
    return IntStream.of(0, 8, 16)
        .map(shift -> (one >> shift & 0xff) - (other >> shift & 0xff))
        .map(difference -> difference * difference)
        .sum();
  }
}
