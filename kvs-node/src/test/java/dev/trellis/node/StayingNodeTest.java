package dev.trellis.node;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.node.control.ControlClient;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StayingNodeTest {
  @TempDir private Path folder;

  private final HttpClient http = HttpClient.newHttpClient();
  private final TrellisNode other = Nodes.start("node.id = other, control.port = 0");

  @AfterEach
  void stop() {
    other.close();
    http.close();
  }

  private StayingNode startStaying() {
    String seeds = "cluster.seeds = [\"127.0.0.1:" + other.descriptor().controlPort() + "\"]";
    return StayingNode.start(
        Nodes.config("node.id = staying, control.port = 0\n" + seeds), folder.resolve("left"));
  }

  private HttpResponse<String> get(StayingNode node, String path)
      throws IOException, InterruptedException {
    URI uri = URI.create("http://127.0.0.1:" + node.adminPort() + path);
    return http.send(HttpRequest.newBuilder(uri).build(), BodyHandlers.ofString());
  }

  private String statusOfOther() throws IOException {
    return new ControlClient("127.0.0.1", other.descriptor().controlPort(), Duration.ofSeconds(30))
        .status();
  }

  @Test
  void aProcessWhoseNodeHasLeftGoesOnWithoutItAndStartedAgainDoesNotJoin() throws Exception {
    try (StayingNode staying = startStaying()) {
      TrellisNode node = staying.node().orElseThrow();
      int adminPort = staying.adminPort();
      var _ =
          Nodes.await(() -> get(staying, "/readyz").statusCode(), code -> code == 200, "readiness");
      node.leave();
      var _ = Nodes.await(staying::node, now -> now.isEmpty(), "no node any more");

      assertTrue(node.finished().isDone());
      assertEquals(adminPort, staying.adminPort());
      assertEquals(200, get(staying, "/healthz").statusCode());
      assertEquals(503, get(staying, "/readyz").statusCode());
      String reason = get(staying, "/readyz").body();
      assertTrue(reason.startsWith("node staying has left its cluster"), reason);
      assertFalse(staying.finished().isDone());
      assertFalse(staying.failure().isDone());
      assertFalse(statusOfOther().contains("\"staying\",\"tier\""), statusOfOther());
    }
    try (StayingNode again = startStaying()) {
      assertTrue(again.node().isEmpty());
      assertEquals(503, get(again, "/readyz").statusCode());
      assertEquals(200, get(again, "/healthz").statusCode());
    }
    Files.delete(folder.resolve("left"));
    try (StayingNode anew = startStaying()) {
      var _ =
          Nodes.await(() -> get(anew, "/readyz").statusCode(), code -> code == 200, "readiness");
      assertTrue(statusOfOther().contains("\"staying\",\"tier\""), statusOfOther());
    }
  }

  @Test
  void aNodeThatMustNotGoOnEndsItsProcess() throws Exception {
    try (StayingNode staying = startStaying()) {
      TrellisNode node = staying.node().orElseThrow();
      node.failure().complete(new IllegalStateException("a defect"));
      assertEquals("a defect", staying.failure().get(1, TimeUnit.MINUTES).getMessage());
    }
  }
}
