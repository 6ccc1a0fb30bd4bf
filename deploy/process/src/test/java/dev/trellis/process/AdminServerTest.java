package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.prometheus.client.CollectorRegistry;
import io.prometheus.client.Counter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

class AdminServerTest {
  private final CollectorRegistry registry = new CollectorRegistry();
  private volatile Optional<String> problem = Optional.empty();
  private AdminServer admin;
  private HttpClient client;

  @BeforeEach
  void start() {
    admin = AdminServer.start(loopback(0), "the test", registry, health());
    client = HttpClient.newHttpClient();
  }

  @AfterEach
  void stop() {
    client.close();
    admin.close();
  }

  private static InetSocketAddress loopback(int port) {
    return new InetSocketAddress(InetAddress.getLoopbackAddress(), port);
  }

  private Health health() {
    return new Health() {
      @Override
      public Optional<String> sickness() {
        return problem;
      }

      @Override
      public Optional<String> unreadiness() {
        return problem;
      }
    };
  }

  private HttpResponse<String> send(String method, String path) throws Exception {
    URI uri = URI.create("http://127.0.0.1:" + admin.port() + path);
    return client.send(
        HttpRequest.newBuilder(uri).method(method, BodyPublishers.noBody()).build(),
        BodyHandlers.ofString());
  }

  @Test
  void metricsAreInThePrometheusForm() throws Exception {
    Counter.build("trellis_tests_total", "Tests run.").register(registry).inc(3);
    HttpResponse<String> response = send("GET", "/metrics");
    assertEquals(200, response.statusCode());
    assertTrue(response.body().contains("# HELP trellis_tests_total Tests run."), response::body);
    assertTrue(response.body().contains("trellis_tests_total 3.0"), response::body);
  }

  @Test
  void healthAndReadinessSayWhatIsWrong() throws Exception {
    assertEquals("ok\n", send("GET", "/healthz").body());
    assertEquals("ready\n", send("GET", "/readyz").body());
    problem = Optional.of("shard 1 does not listen");
    for (String path : new String[] {"/healthz", "/readyz"}) {
      HttpResponse<String> response = send("GET", path);
      assertEquals(503, response.statusCode());
      assertEquals("shard 1 does not listen\n", response.body());
    }
  }

  @Test
  void unknownPathsAndMethodsAreToldWhatThereIs() throws Exception {
    HttpResponse<String> lost = send("GET", "/metric");
    assertEquals(404, lost.statusCode());
    assertEquals("nothing here; the admin port has /metrics, /healthz and /readyz\n", lost.body());
    HttpResponse<String> written = send("POST", "/metrics");
    assertEquals(405, written.statusCode());
    assertEquals(Optional.of("GET, HEAD"), written.headers().firstValue("Allow"));
    assertEquals(200, send("HEAD", "/readyz").statusCode());
  }

  @Test
  void aPortInUseIsNamedWithWhoWantedItAndWhatToDo() {
    InetSocketAddress taken = loopback(admin.port());
    assertEquals(
        "port "
            + admin.port()
            + " of localhost is in use, and the admin port of node n1 needs it; stop what listens"
            + " there, or set admin.port to another port (0 takes a free one)",
        assertThrows(
                StartupException.class,
                () -> AdminServer.start(taken, "node n1", registry, health()))
            .getMessage());
  }
}
