package dev.trellis.monitor.console;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.UncheckedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/// A Chromium without a window, driven through chromedriver: Debian's packages chromium and
/// chromium-driver.
///
/// @see "W3C, WebDriver, Recommendation of 2018"
/// @see "Chrome DevTools Protocol, for what WebDriver lacks: media, keys, sizes, what was loaded"
final class Browser implements AutoCloseable {
  private static final Pattern PORT = Pattern.compile("started successfully on port (\\d+)");
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final ObjectMapper JSON = new ObjectMapper();

  private final Process driver;
  private final HttpClient client = HttpClient.newHttpClient();
  private final String driverUri;
  private String session = "";

  private Browser(Process driver, String driverUri) {
    this.driver = driver;
    this.driverUri = driverUri;
  }

  static boolean isInstalled() {
    return Arrays.stream(System.getenv("PATH").split(":"))
        .anyMatch(folder -> Files.isExecutable(Path.of(folder, "chromedriver")));
  }

  /// Starts a driver on a free port, and with it a browser, whose time zone is UTC.
  static Browser start() throws Exception {
    ProcessBuilder builder = new ProcessBuilder("chromedriver", "--port=0");
    builder.redirectErrorStream(true).environment().put("TZ", "UTC");
    Process driver = builder.start();
    BufferedReader said =
        new BufferedReader(new InputStreamReader(driver.getInputStream(), StandardCharsets.UTF_8));
    StringBuilder all = new StringBuilder();
    for (String line = said.readLine(); line != null; line = said.readLine()) {
      all.append(line).append('\n');
      Matcher port = PORT.matcher(line);
      if (port.find()) {
        Browser browser = new Browser(driver, "http://127.0.0.1:" + port.group(1));
        browser.open();
        return browser;
      }
    }
    throw new IOException("chromedriver does not start:\n" + all);
  }

  private void open() throws Exception {
    List<String> arguments =
        List.of(
            "--headless=new",
            "--no-sandbox", // for root
            "--disable-dev-shm-usage",
            "--disable-gpu",
            "--hide-scrollbars",
            "--force-color-profile=srgb");
    JsonNode answer =
        call(
            "POST",
            "/session",
            Map.of(
                "capabilities",
                Map.of(
                    "alwaysMatch",
                    Map.of(
                        "browserName",
                        "chrome",
                        "acceptInsecureCerts", // of authorities that tests make up
                        true,
                        "goog:loggingPrefs",
                        Map.of("browser", "ALL", "performance", "ALL"),
                        "goog:chromeOptions",
                        Map.of("args", arguments)))));
    session = "/session/" + answer.get("sessionId").asText();
  }

  private JsonNode call(String method, String path, Object body) throws Exception {
    HttpRequest request =
        HttpRequest.newBuilder(URI.create(driverUri + path))
            .timeout(Duration.ofSeconds(60))
            .header("Content-Type", "application/json")
            .method(method, BodyPublishers.ofString(JSON.writeValueAsString(body)))
            .build();
    HttpResponse<String> response = client.send(request, BodyHandlers.ofString());
    JsonNode answer = JSON.readTree(response.body());
    if (response.statusCode() != 200) {
      throw new IOException(method + " " + path + ": " + answer.at("/value/message").asText());
    }
    return answer.get("value");
  }

  void visit(String uri) throws Exception {
    call("POST", session + "/url", Map.of("url", uri));
  }

  /// What a function body returns, run in the page.
  JsonNode run(String script, Object... arguments) throws Exception {
    return call(
        "POST",
        session + "/execute/sync",
        Map.of("script", script, "args", Arrays.asList(arguments)));
  }

  String text(String script, Object... arguments) throws Exception {
    return run(script, arguments).asText();
  }

  /// Waits until an expression is true in the page.
  void await(String expression) throws Exception {
    long end = System.nanoTime() + PATIENCE.toNanos();
    while (!run("return Boolean(" + expression + ")").asBoolean()) {
      if (System.nanoTime() > end) {
        throw new AssertionError(
            expression
                + " has not come true; the page says: "
                + text("return document.body.innerText"));
      }
    }
  }

  /// Does what the DevTools protocol offers.
  JsonNode command(String name, Map<String, Object> parameters) throws Exception {
    return call("POST", session + "/goog/cdp/execute", Map.of("cmd", name, "params", parameters));
  }

  /// Lets the window be of a size, in CSS pixels.
  void resize(int width, int height, int dotsPerPixel) throws Exception {
    command(
        "Emulation.setDeviceMetricsOverride",
        Map.of(
            "width",
            width,
            "height",
            height,
            "deviceScaleFactor",
            dotsPerPixel,
            "mobile",
            width < 500));
  }

  /// What the person at the screen prefers.
  ///
  /// @param scheme `light` or `dark`
  /// @param motion `no-preference` or `reduce`
  void prefer(String scheme, String motion) throws Exception {
    command(
        "Emulation.setEmulatedMedia",
        Map.of(
            "features",
            List.of(
                Map.of("name", "prefers-color-scheme", "value", scheme),
                Map.of("name", "prefers-reduced-motion", "value", motion))));
  }

  /// Presses a key, as in `ArrowLeft`.
  void press(String key) throws Exception {
    Map<String, Integer> codes =
        Map.of("Tab", 9, "Enter", 13, "Escape", 27, "End", 35, "Home", 36, "ArrowLeft", 37);
    for (String type : List.of("keyDown", "keyUp")) {
      command(
          "Input.dispatchKeyEvent",
          Map.of("type", type, "key", key, "code", key, "windowsVirtualKeyCode", codes.get(key)));
    }
  }

  /// Moves the mouse to the middle of an element, and clicks if wanted.
  void point(String selector, boolean isClick) throws Exception {
    JsonNode at =
        run(
            "const e = document.querySelector(arguments[0]); e.scrollIntoView({ block: 'nearest' });"
                + "const r = e.getBoundingClientRect();"
                + "return [r.x + r.width / 2, r.y + r.height / 2];",
            selector);
    List<String> types =
        isClick ? List.of("mouseMoved", "mousePressed", "mouseReleased") : List.of("mouseMoved");
    for (String type : types) {
      command(
          "Input.dispatchMouseEvent",
          Map.of(
              "type",
              type,
              "x",
              at.get(0).asDouble(),
              "y",
              at.get(1).asDouble(),
              "button",
              type.equals("mouseMoved") ? "none" : "left",
              "clickCount",
              type.equals("mouseMoved") ? 0 : 1));
    }
  }

  /// What the page complained of since this was last asked.
  List<String> complaints() throws Exception {
    List<String> complaints = new ArrayList<>();
    for (JsonNode entry : call("POST", session + "/se/log", Map.of("type", "browser"))) {
      complaints.add(entry.get("level").asText() + " " + entry.get("message").asText());
    }
    return complaints;
  }

  /// The addresses asked for since this was last asked.
  List<String> requests() throws Exception {
    List<String> requests = new ArrayList<>();
    for (JsonNode entry : call("POST", session + "/se/log", Map.of("type", "performance"))) {
      JsonNode message = JSON.readTree(entry.get("message").asText()).get("message");
      String method = message.get("method").asText();
      if (method.equals("Network.requestWillBeSent")) {
        requests.add(message.at("/params/request/url").asText());
      } else if (method.equals("Network.webSocketCreated")) {
        requests.add(message.at("/params/url").asText());
      }
    }
    return requests;
  }

  /// A picture of the top of the page.
  byte[] picture() throws Exception {
    String encoded =
        command("Page.captureScreenshot", Map.of("format", "png")).get("data").asText();
    return Base64.getDecoder().decode(encoded);
  }

  @Override
  public void close() {
    try {
      if (!session.isEmpty()) {
        call("DELETE", session, Map.of());
      }
    } catch (IOException e) {
      throw new UncheckedIOException("the browser does not close", e);
    } catch (Exception e) {
      throw new IllegalStateException("the browser does not close", e);
    } finally {
      client.close();
      driver.descendants().forEach(ProcessHandle::destroyForcibly);
      driver.destroy();
      try {
        if (!driver.waitFor(10, TimeUnit.SECONDS)) {
          driver.destroyForcibly();
        }
      } catch (InterruptedException _) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
