package dev.trellis.routing.gateway;

import static dev.trellis.routing.gateway.GatewayFixture.json;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.client.Call;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CopyOnWriteArrayList;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Whoever asks for much, and takes it slowly or not at all, does not have the gateway run out of
/// memory.
@Timeout(60)
class GatewayMemoryTest {
  private static final int VALUE_BYTES = 16 << 20;

  /// Room for three of the largest values, and what comes with them.
  private static final long MEMORY_BYTES = 64L << 20;

  private final List<AutoCloseable> closing = new ArrayList<>();
  private GatewayFixture gateway;

  @BeforeEach
  void start() {
    gateway = new GatewayFixture(terms(MEMORY_BYTES));
    closing.add(gateway);
    assertEquals(200, gateway.put("/v1/keys/big", "x".repeat(VALUE_BYTES)).status());
    gateway.awaitMemoryGivenBack();
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable open : closing.reversed()) {
      open.close();
    }
  }

  /// One that lets clients take as long as they like.
  static GatewayFixture.Terms terms(long memoryBytes) {
    return new GatewayFixture.Terms().memoryBytes(memoryBytes).writeTimeout(Duration.ofHours(1));
  }

  private RawHttp connect() {
    RawHttp http = new RawHttp(gateway.address);
    closing.add(http);
    return http;
  }

  /// Asks, and takes nothing of the answer but its header.
  private RawHttp.Response askAndTakeNothing(String target) {
    RawHttp http = connect();
    http.send("GET " + target + " HTTP/1.1\r\n\r\n");
    return http.receive(true);
  }

  /// Requests that the store has been asked, and has not answered yet.
  private record Asked(List<RawHttp> readers, List<CompletableFuture<StoreResult>> answers) {}

  private Asked askAtOnce(String target, int count) {
    Asked asked = new Asked(new ArrayList<>(), new CopyOnWriteArrayList<>());
    gateway.store.script(
        call -> {
          CompletableFuture<StoreResult> answer = new CompletableFuture<>();
          asked.answers.add(answer);
          return answer;
        });
    for (int at = 0; at < count; at++) {
      RawHttp http = connect();
      http.send("GET " + target + " HTTP/1.1\r\n\r\n");
      asked.readers.add(http);
    }
    while (asked.answers.size() < count) {
      Thread.onSpinWait(); // the time limit of the tests bounds it
    }
    return asked;
  }

  private static boolean isServed(RawHttp.Response head) {
    if (head.status() == 200) {
      return true;
    }
    assertEquals(503, head.status());
    assertEquals(Optional.of("1"), head.header("Retry-After"));
    return false;
  }

  private void fillWithAnswersThatNobodyTakes() {
    for (int at = 0; at < 3; at++) {
      assertEquals(200, askAndTakeNothing("/v1/keys/big").status());
    }
  }

  private void closeClients() throws Exception {
    for (AutoCloseable open : closing) {
      if (open instanceof RawHttp) {
        open.close();
      }
    }
  }

  @Test
  void aLargeValueThatIsAskedForAgainAndAgainTakesNoMoreThanThereIs() throws Exception {
    StoreResult found = gateway.store.execute(new Call(Payload.ofText("big"), Read.Get.ANY)).join();
    Asked all = askAtOnce("/v1/keys/big", 20);
    all.answers.forEach(answer -> answer.complete(found));
    assertTrue(gateway.gateway.memory().used() <= MEMORY_BYTES);
    long served = all.readers.stream().filter(http -> isServed(http.receive(true))).count();
    assertTrue(served >= 3 && served <= 4, () -> served + " answers at once");
    assertTrue(gateway.gateway.memory().used() <= MEMORY_BYTES);
    closeClients();
    gateway.awaitMemoryGivenBack();
    gateway.store.heal();
    assertEquals(VALUE_BYTES, gateway.get("/v1/keys/big").body().size());
  }

  /// The most that each might be would be a hundred times what there is.
  @Test
  void hundredsOfSmallReadsAreUnderWayAtOnce() {
    assertEquals(200, gateway.put("/v1/keys/small", "v").status());
    StoreResult found =
        gateway.store.execute(new Call(Payload.ofText("small"), Read.Get.ANY)).join();
    Asked all = askAtOnce("/v1/keys/small", 400);
    all.answers.forEach(answer -> answer.complete(found));
    all.readers.forEach(http -> assertEquals("v", http.receive(false).text()));
    gateway.awaitMemoryGivenBack();
  }

  @Test
  void watchesThatNobodyReadsTakeNoMoreThanThereIs() throws Exception {
    int served = 0;
    for (int at = 0; at < 20; at++) {
      served += isServed(askAndTakeNothing("/v1/keys/big/watch")) ? 1 : 0;
    }
    int begun = served;
    assertTrue(served >= 2 && served <= 4, () -> begun + " states at once");
    for (int change = 0; change < 3; change++) {
      Payload changed = Payload.ofText(change + "y".repeat(VALUE_BYTES - 1));
      gateway.store.execute(new Call(Payload.ofText("big"), new Mutation.Put(changed))).join();
    }
    assertTrue(gateway.gateway.memory().used() <= MEMORY_BYTES);
    closeClients();
    gateway.awaitMemoryGivenBack();
    assertEquals(200, gateway.get("/v1/keys/big").status());
  }

  @Test
  void aBatchAndAListAreRefusedWhatThereIsNoMemoryForAndDoTheRest() {
    fillWithAnswersThatNobodyTakes();
    JsonNode outcomes =
        json(
            gateway.post(
                "/v1/batch",
                "[{\"operation\":\"get\",\"key\":\"big\"},{\"operation\":\"put\",\"key\":\"small\","
                    + "\"value\":\"v\"},{\"operation\":\"get\",\"key\":\"small\"}]"));
    assertEquals("OVERLOADED", outcomes.at("/0/problem/code").textValue(), outcomes::toString);
    assertEquals(200, outcomes.at("/1/status").intValue());
    assertEquals("v", outcomes.at("/2/value").textValue());
    RawHttp.Response list = gateway.get("/v1/keys?values=true");
    assertEquals(503, list.status());
    assertEquals("OVERLOADED", json(list).get("code").textValue());
    assertEquals(200, gateway.get("/v1/keys").status());
  }

  /// A socket takes megabytes although nobody reads; who takes a byte now and then takes nothing.
  @Test
  void whoTakesTooLittleWhileOthersNeedTheMemoryIsLetGo() {
    List<RawHttp> slow = new ArrayList<>();
    for (int at = 0; at < 3; at++) {
      RawHttp http = connect();
      http.send("GET /v1/keys/big HTTP/1.1\r\n\r\n");
      assertEquals(200, http.receive(true).status());
      slow.add(http);
    }
    assertEquals(503, gateway.get("/v1/keys/big").status());
    while (gateway.get("/v1/keys/big").status() != 200) {
      slow.forEach(RawHttp::isAtEnd); // which reads a byte; the time limit of the tests bounds it
    }
  }
}
