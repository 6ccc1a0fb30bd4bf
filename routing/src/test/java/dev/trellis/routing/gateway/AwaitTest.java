package dev.trellis.routing.gateway;

import static dev.trellis.routing.gateway.GatewayFixture.json;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

@Timeout(60)
class AwaitTest {
  private final GatewayFixture gateway = new GatewayFixture();

  @AfterEach
  void stop() {
    gateway.close();
  }

  private CompletableFuture<RawHttp.Response> begin(String target) {
    CompletableFuture<RawHttp.Response> answer =
        CompletableFuture.supplyAsync(() -> gateway.get(target));
    untilWaiting(1);
    return answer;
  }

  private void untilWaiting(long count) {
    while (gateway.store.awaitCount() != count) {
      Thread.onSpinWait(); // the time limit of the test bounds it
    }
  }

  @Test
  void answersOnceItIsReachedWithValueAndGeneration() {
    CompletableFuture<RawHttp.Response> answer =
        begin("/v1/keys/votes/await?kind=counter&atLeast=3&timeout=1m");
    gateway.post("/v1/keys/votes/add?by=2", "");
    gateway.post("/v1/keys/votes/add?by=-1", "");
    gateway.post("/v1/keys/votes/add?by=1", "");
    RawHttp.Response response = answer.join();
    assertEquals(200, response.status(), response::text);
    JsonNode reached = json(response);
    assertEquals(3, reached.get("value").longValue());
    assertEquals("counter", reached.get("kind").textValue());
    assertEquals("votes", reached.get("key").textValue());
    assertEquals("0.0", reached.get("generation").textValue());
  }

  @Test
  void atItsTimeoutItSaysHowFarItCame() {
    gateway.post("/v1/keys/best/raise?to=7", "");
    CompletableFuture<RawHttp.Response> answer =
        begin("/v1/keys/best/await?kind=max&atLeast=10&timeout=5s");
    gateway.store.pass(Duration.ofMillis(4_999));
    assertEquals(1, gateway.store.awaitCount());
    gateway.store.pass(Duration.ofMillis(1));
    RawHttp.Response response = answer.join();
    assertEquals(408, response.status(), response::text);
    JsonNode problem = json(response);
    assertEquals("NOT_REACHED", problem.get("code").textValue());
    assertTrue(problem.get("definite").booleanValue());
    assertTrue(problem.get("detail").textValue().contains("it is at 7"), response::text);
    assertEquals("0.0", response.header("trellis-generation").orElseThrow());
  }

  @Test
  void aClientThatGoesAwayGivesItUp() throws IOException {
    try (Socket socket = new Socket(gateway.address.getAddress(), gateway.address.getPort())) {
      socket
          .getOutputStream()
          .write(
              "GET /v1/keys/k/await?seen HTTP/1.1\r\nHost: x\r\n\r\n"
                  .getBytes(StandardCharsets.US_ASCII));
      untilWaiting(1);
    }
    untilWaiting(0);
    assertEquals(404, gateway.get("/v1/keys/k").status());
  }

  @Test
  void requestsBehindAWaitHaveTheirTurnAfterIt() {
    try (RawHttp http = new RawHttp(gateway.address)) {
      http.send("GET /v1/keys/k/await?enabled HTTP/1.1\r\n\r\nGET /v1/keys/k HTTP/1.1\r\n\r\n");
      untilWaiting(1);
      gateway.post("/v1/keys/k/enable", "");
      assertEquals(200, http.receive(false).status());
      assertEquals("true", json(http.receive(false)).get("value").toString());
    }
  }

  @Test
  void aGatewayThatStopsWaitsForNone() {
    CompletableFuture<RawHttp.Response> answer = begin("/v1/keys/k/await?seen&timeout=1h");
    gateway.close();
    untilWaiting(0);
    assertTrue(answer.handle((response, failure) -> failure != null).join());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          kind=max                   | nothing is waited for; name exactly one of
          kind=max&atLeast=1&seen    | atLeast and seen is waited for; name exactly one of
          atLeast=1                  | 'atLeast' needs 'kind', which is max or counter
          contains=a                 | 'contains' needs 'kind', which is gset or oset
          kind=max&atLeast=x         | 'atLeast' must be a whole number
          kind=lww&atLeast=1         | wait for lww at least 1: a lww has no such threshold
          kind=counter&atMost=1      | the sum of a counter goes up and down
          kind=orset&contains=a      | an element of an orset may be removed again
          seen&element=a             | an element is waited for in an orset
          enabled=false              | 'enabled' must be true
          seen&read=all              | unknown query parameter 'read' for a wait
          seen&timeout=2d            | timeout
          """)
  void whatCannotBeWaitedForIsRefusedWithTheReason(String query, String why) {
    RawHttp.Response response = gateway.get("/v1/keys/k/await?" + query);
    assertEquals(400, response.status(), response::text);
    String detail = json(response).get("detail").textValue();
    assertTrue(detail.contains(why), detail);
  }

  @Test
  void anotherKindIsAConflict() {
    gateway.put("/v1/keys/k", "text");
    assertEquals(409, gateway.get("/v1/keys/k/await?enabled").status());
  }
}
