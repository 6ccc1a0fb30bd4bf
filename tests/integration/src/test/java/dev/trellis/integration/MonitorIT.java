package dev.trellis.integration;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.integration.RecordedLoad.Conditions;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLSocket;
import javax.net.ssl.TrustManagerFactory;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/// A cluster with a monitor, as `up` starts it.
class MonitorIT {
  private final HttpClient http = HttpClient.newHttpClient();
  @TempDir Path folder;
  private LocalTrellis local;

  @BeforeEach
  void choosePorts() {
    local = new LocalTrellis(folder);
  }

  @AfterEach
  void down() {
    http.close();
    local.close();
  }

  private void up(String... more) {
    List<String> options = new ArrayList<>(List.of(more));
    options.addAll(
        List.of(
            "--monitor",
            "--memory-nodes",
            "2",
            "--shards",
            "1",
            "--memory",
            "256m",
            "--set",
            "statistics.period=200ms",
            "--set-monitor",
            "monitor.period=200ms",
            "--set-monitor",
            "monitor.patience=10s",
            // No load is too much, so that nothing is decided but what a test asks for.
            "--set-monitor",
            "objective.latency=1h",
            "--set-monitor",
            "occupancy.high=1.0"));
    local.up(options.toArray(String[]::new));
  }

  /// What a console shows; empty while it shows nothing.
  private Optional<JsonNode> state(int port) {
    try {
      HttpRequest request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/api/state")).build();
      var response = http.send(request, BodyHandlers.ofString());
      return Optional.of(response)
          .filter(one -> one.statusCode() == 200)
          .map(one -> LocalTrellis.json(one.body()));
    } catch (IOException e) {
      return Optional.empty();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private boolean leads(int port) {
    return state(port).filter(state -> state.at("/monitor/leads").asBoolean()).isPresent();
  }

  private long epoch(int port) {
    return state(port).orElseThrow().at("/monitor/epoch").asLong();
  }

  private long monitorPid() {
    return local.status().at("/monitor/pid").asLong();
  }

  private static void kill(long pid) {
    ProcessHandle.of(pid).orElseThrow().destroyForcibly();
    Conditions.await("process " + pid + " ends", () -> !LocalTrellis.isRunning(pid));
  }

  private static void signal(String signal, long pid) throws IOException, InterruptedException {
    assertEquals(0, new ProcessBuilder("kill", "-" + signal, Long.toString(pid)).start().waitFor());
  }

  @Test
  void withoutItsMonitorTheClusterGoesOnAndTheNextOneTakesUpWhatItFinds() {
    up();
    Conditions.await("it leads", () -> leads(local.consolePort()));
    long first = epoch(local.consolePort());
    long pid = monitorPid();
    kill(pid);
    local.trellis("put", "a", "1").expect(0);
    assertEquals("1", local.trellis("get", "a").expect(0).line());
    local.trellis("node", "add").expect(0);
    JsonNode status = LocalTrellis.json(local.trellis("status", "--json").expect(0).output());
    assertEquals("gone", status.at("/monitor/state").asText(), status::toString);
    assertTrue(status.get("whole").asBoolean(), status::toString);

    Execution again = local.trellis("up", "--detach", "--port-base", portBase()).expect(0);
    assertTrue(again.output().startsWith("Some processes of this cluster"), again::toString);
    Conditions.await(
        "the next one leads",
        () -> leads(local.consolePort()) && epoch(local.consolePort()) > first);
    Conditions.await(
        "it sees what was done meanwhile",
        () -> state(local.consolePort()).orElseThrow().at("/tiers/0/nodes").asInt() == 3);
    // It was told how small and how large the cluster may be when that was started.
    String settings = read(local.home().resolve("clusters/" + portBase() + "/monitor.conf"));
    assertTrue(settings.contains("memory.nodes.min = 2\n"), settings);
    assertTrue(settings.contains("monitor.patience = 10s\n"), settings);
  }

  private String portBase() {
    return Integer.toString(local.portBase());
  }

  private static String read(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /// As after a partition: who comes back to find that another one has gone on stands by.
  @Test
  void oneMonitorLeadsAndOneThatWasAwayStandsBy() throws Exception {
    up();
    Conditions.await("the first one leads", () -> leads(local.consolePort()));
    long pid = monitorPid();
    int console = freePort();
    Path config = folder.resolve("second.conf");
    Files.writeString(
        config,
        read(local.home().resolve("clusters/" + portBase() + "/monitor.conf"))
            + "console.port = "
            + console
            + "\nadmin.port = 0\n");
    ProcessBuilder builder =
        new ProcessBuilder(
            LocalTrellis.script().toString(), "run", "monitor", "--config", config.toString());
    builder.environment().putAll(local.environment());
    File log = folder.resolve("second.log").toFile();
    Process second = builder.redirectErrorStream(true).redirectOutput(log).start();
    try {
      Conditions.await("the second one shows something", () -> state(console).isPresent());
      assertFalse(leads(console));
      assertTrue(leads(local.consolePort()));
      long before = epoch(local.consolePort());

      signal("STOP", pid);
      Conditions.await("the second one takes over", () -> leads(console));
      assertTrue(epoch(console) > before);
      signal("CONT", pid);
      Conditions.await("the first one stands by", () -> !leads(local.consolePort()));
      assertTrue(leads(console));
    } finally {
      signal("CONT", pid);
      second.destroy();
      assertTrue(second.waitFor(1, TimeUnit.MINUTES), "the second one does not end");
    }
    Conditions.await("the first one leads again", () -> leads(local.consolePort()));
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  /// It has its secrets from the beginning: what signs certificates may be far away.
  @Test
  void aNodeThatTheMonitorStartsInASecuredClusterIsOneOfThem() throws Exception {
    Path secrets = local.home().resolve("clusters/" + portBase() + "/secrets");
    local.trellis("security", "init", secrets.toString(), "--nodes", "20").expect(0);
    Files.move(secrets.resolve("ca"), folder.resolve("elsewhere"));
    up("--secure", "--set-monitor", "memory.nodes.min=3");
    Conditions.await(
        "the third node is there, and has its share",
        () -> {
          JsonNode status = local.status();
          return LocalTrellis.node(status, "node-2").path("state").asText().equals("active")
              && status.get("whole").asBoolean();
        });
    JsonNode node = LocalTrellis.node(local.status(), "node-2");
    Path authority = secrets.resolve("client/ca.crt");
    for (int port : new int[] {node.get("adminPort").asInt(), node.at("/shards/0/port").asInt()}) {
      assertEquals("trellis://trellis/node/node-2", nameShownAt(port, authority));
    }

    StringBuilder puts = new StringBuilder();
    for (int key = 0; key < 30; key++) {
      puts.append("put key:").append(key).append(" v\n");
    }
    local.withInput(puts.toString(), "shell").expect(0);
    assertEquals(30, local.trellis("scan", "key:").expect(0).output().lines().count());
    JsonNode serving = LocalTrellis.node(local.status(), "node-2").at("/shards/0");
    assertTrue(serving.get("entries").asInt() > 0, serving::toString);
    assertTrue(serving.get("operations").asInt() > 0, serving::toString);

    Conditions.await(
        "it is written down that it was done",
        () -> local.trellis("why").expect(0).output().contains("done after"));
    String why = local.trellis("why").expect(0).output();
    assertTrue(why.contains("memory tier from 2 to 3 nodes"), why);
  }

  /// The name in the certificate of whoever listens there, signed by the cluster's authority.
  private static String nameShownAt(int port, Path authority) throws Exception {
    KeyStore believed = KeyStore.getInstance(KeyStore.getDefaultType());
    believed.load(null, null);
    try (InputStream file = Files.newInputStream(authority)) {
      believed.setCertificateEntry(
          "ca", CertificateFactory.getInstance("X.509").generateCertificate(file));
    }
    TrustManagerFactory trust =
        TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
    trust.init(believed);
    SSLContext context = SSLContext.getInstance("TLSv1.3");
    context.init(null, trust.getTrustManagers(), null);
    try (SSLSocket socket =
        (SSLSocket)
            context.getSocketFactory().createSocket(InetAddress.getLoopbackAddress(), port)) {
      X509Certificate shown = (X509Certificate) socket.getSession().getPeerCertificates()[0];
      return shown.getSubjectAlternativeNames().stream()
          .filter(name -> name.getFirst().equals(6)) // a URI
          .map(name -> (String) name.get(1))
          .findFirst()
          .orElseThrow();
    }
  }

  /// Starts and stops real nodes by what the monitor decides. What that is depends on the machine;
  /// nothing may fail or get lost by it. `-Ddemo.brief=false` for the length that people see.
  @Test
  void theDemoEndsWithoutAFaultAndLeavesNothingBehind() throws Exception {
    Path page = folder.resolve("page.html");
    ProcessBuilder builder =
        new ProcessBuilder(
            LocalTrellis.script().toString(),
            "demo",
            "autoscale",
            Boolean.parseBoolean(System.getProperty("demo.brief", "true"))
                ? "--brief"
                : "--no-brief",
            "--json",
            "--port-base",
            portBase(),
            "--html",
            page.toString());
    builder.environment().putAll(local.environment());
    // Its user has another cluster too, which is none of the demo's business.
    builder.environment().put("TRELLIS_CA", folder.resolve("ca.crt").toString());
    File errors = folder.resolve("errors").toFile();
    Path printed = folder.resolve("printed");
    Process demo = builder.redirectError(errors).redirectOutput(printed.toFile()).start();
    try {
      assertTrue(demo.waitFor(15, TimeUnit.MINUTES), "the demo does not end");
    } finally {
      demo.destroy(); // which stops what it started
      demo.waitFor();
    }
    assertEquals(0, demo.exitValue(), () -> read(errors.toPath()));
    JsonNode found = LocalTrellis.json(read(printed));
    assertTrue(found.get("faultless").asBoolean(), found::toString);
    assertTrue(read(page).contains("What the monitor decided, and why"));
    local.trellis("status", "--port-base", portBase()).expect(1);
  }
}
