package dev.trellis.routing.gateway;

import static dev.trellis.routing.gateway.GatewayFixture.json;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.client.Call;
import dev.trellis.lattice.Payload;
import dev.trellis.process.StartupException;
import dev.trellis.routing.gateway.GatewayFixture.Terms;
import dev.trellis.wire.ErrorCode;
import io.prometheus.client.CollectorRegistry;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/// Clients that are hasty, slow, wrong or hostile.
@Timeout(60)
class HttpConnectionTest {
  private static final byte[] NOTHING = new byte[0];
  private static final Duration SOON = Duration.ofMillis(300);

  private final List<AutoCloseable> closing = new ArrayList<>();
  private GatewayFixture gateway;

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable open : closing.reversed()) {
      open.close();
    }
  }

  @Test
  void aConnectionServesManyRequests() {
    RawHttp http = connect(new Terms());
    for (int at = 0; at < 100; at++) {
      assertEquals(200, http.request("PUT", "/v1/keys/a", bytes("v" + at)).status());
      assertEquals("v" + at, http.request("GET", "/v1/keys/a", NOTHING).text());
    }
  }

  @Test
  void pipelinedRequestsAreAnsweredInOrder() {
    RawHttp http = connect(new Terms());
    StringBuilder requests = new StringBuilder();
    for (int at = 0; at < 2_000; at++) {
      requests.append("PUT /v1/keys/k HTTP/1.1\r\nContent-Length: 4\r\n\r\n" + (1_000 + at));
      requests.append("GET /v1/keys/k HTTP/1.1\r\n\r\n");
    }
    Thread.ofVirtual().start(() -> http.send(requests.toString()));
    for (int at = 0; at < 2_000; at++) {
      assertEquals(200, http.receive(false).status());
      assertEquals("" + (1_000 + at), http.receive(false).text());
    }
  }

  @Test
  void whatIsPipelinedBeforeTheEndOfInputIsAnswered() {
    RawHttp http = connect(new Terms());
    http.send("GET /v1/keys/a HTTP/1.1\r\n\r\nGET /v1/keys/b HTTP/1.1\r\n\r\n");
    http.shutdownOutput();
    assertEquals(404, http.receive(false).status());
    assertEquals(404, http.receive(false).status());
    assertTrue(http.isAtEnd());
  }

  @Test
  void theNextRequestWaitsForTheAnswerOfTheOneBefore() {
    RawHttp http = connect(new Terms());
    List<Call> asked = new ArrayList<>();
    CompletableFuture<StoreResult> first = new CompletableFuture<>();
    gateway.store.script(
        call -> {
          synchronized (asked) {
            asked.add(call);
            return first;
          }
        });
    http.send("GET /v1/keys/a HTTP/1.1\r\n\r\nGET /v1/keys/b HTTP/1.1\r\n\r\n");
    // The gateway has one event loop: once it has answered another connection, it has read this
    // one.
    while (true) {
      assertEquals(200, gateway.get("/v1/cluster").status());
      synchronized (asked) {
        if (!asked.isEmpty()) {
          assertEquals(1, asked.size());
          break;
        }
      }
    }
    gateway.store.heal();
    first.complete(
        new StoreResult.Failed(
            ErrorCode.NO_NODES, "none", true, Optional.empty(), Optional.empty()));
    assertEquals(503, http.receive(false).status());
    assertEquals(404, http.receive(false).status());
    assertEquals(List.of(Payload.ofText("a")), asked.stream().map(Call::key).toList());
  }

  @Test
  void aClientMayAskToBeToldToContinue() {
    RawHttp http = connect(new Terms());
    http.send("PUT /v1/keys/a HTTP/1.1\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n");
    assertEquals(100, http.receive(false).status());
    http.send("world");
    assertEquals(200, http.receive(false).status());
    assertEquals("world", http.request("GET", "/v1/keys/a", NOTHING).text());
  }

  @Test
  void aClientThatAsksToContinueWithTooMuchIsToldNotTo() {
    RawHttp http = connect(new Terms());
    http.send(
        "PUT /v1/keys/a HTTP/1.1\r\nContent-Length: 99999999\r\nExpect: 100-continue\r\n\r\n");
    assertEquals(413, http.receive(false).status());
    http.shutdownOutput();
    assertTrue(http.isAtEnd());
  }

  @Test
  void aBodyInChunksIsPutTogether() {
    RawHttp http = connect(new Terms());
    http.send("PUT /v1/keys/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    http.send("3\r\nwor\r\n2;x=y\r\nld\r\n0\r\nTrailer: ignored\r\n\r\n");
    assertEquals(200, http.receive(false).status());
    assertEquals("world", http.request("GET", "/v1/keys/a", NOTHING).text());
  }

  @Test
  void anEmptyValueIsAValueAndAMissingBodyIsNone() {
    RawHttp http = connect(new Terms());
    assertEquals(200, http.request("PUT", "/v1/keys/a", NOTHING).status());
    RawHttp.Response empty = http.request("GET", "/v1/keys/a", NOTHING);
    assertEquals(200, empty.status());
    assertEquals("", empty.text());
    http.send("PUT /v1/keys/a HTTP/1.1\r\n\r\n");
    RawHttp.Response refused = http.receive(false);
    assertEquals(411, refused.status());
    assertEquals("LENGTH_REQUIRED", json(refused).get("code").textValue());
    assertEquals(200, http.request("GET", "/v1/keys/a", NOTHING).status(), "it goes on");
  }

  @Test
  void aClientOfHttp10IsServedAndLeft() {
    RawHttp http = connect(new Terms());
    http.send("GET /v1/cluster HTTP/1.0\r\n\r\n");
    RawHttp.Response response = http.receive(false);
    assertEquals(200, response.status());
    assertEquals(Optional.of("close"), response.header("Connection"));
    assertTrue(http.isAtEnd());
  }

  @Test
  void aClientOfHttp10MayStay() {
    RawHttp http = connect(new Terms());
    http.send("GET /v1/cluster HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    assertEquals(Optional.of("keep-alive"), http.receive(false).header("Connection"));
    assertEquals(200, http.request("GET", "/v1/cluster", NOTHING).status());
  }

  @Test
  void aClientMayAskToBeLeft() {
    RawHttp http = connect(new Terms());
    RawHttp.Response response = http.request("GET", "/v1/cluster", NOTHING, "Connection: close");
    assertEquals(200, response.status());
    assertEquals(Optional.of("close"), response.header("Connection"));
    assertTrue(http.isAtEnd());
  }

  @Test
  void anAbsoluteTargetIsUnderstood() {
    RawHttp http = connect(new Terms());
    assertEquals(404, http.request("GET", "http://elsewhere:1/v1/keys/a", NOTHING).status());
    assertEquals(200, http.request("GET", "http://elsewhere", NOTHING).status());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "GET | /v1/keys/%zz | 400 | malformed percent-encoding",
        "GET | /v1/keys/%4 | 400 | malformed percent-encoding",
        "GET | /v1/keys/a%ff | 400 | not UTF-8",
        "GET | /v1/keys/%c0%80 | 400 | not UTF-8",
        "GET | /v1/keys/a?kind=%ff | 400 | not UTF-8",
        "GET | /v1/keys/ü | 400 | raw character U+00C3",
        "GET | /v1/keys/ | 400 | the key is empty",
        "GET | /v1/keys/a#b | 400 | %23",
        "GET | nowhere | 400 | must start with '/'",
        "GET | /v1/keys/a?kind=set | 400 | the kinds are lww, max, min, flag",
        "GET | /v1/keys/a?knd=lww | 400 | unknown query parameter 'knd'",
        "GET | /v1/keys/a?kind=lww&kind=max | 400 | given 2 times",
        "GET | /v1/keys/a?read=most | 400 | known are any, all",
        "GET | /v1/keys/a?limit=0 | 400 | from 1 to",
        "GET | /v1/keys/a?limit=x | 400 | 'limit' must be a whole number",
        "GET | /v1/keys/a?order=up | 400 | asc or desc",
        "GET | /v1/keys/a?top=1&size | 400 | exclude each other",
        "GET | /v1/keys/a?top=1&kind=gset | 400 | only of sortedset",
        "GET | /v1/keys/a?since=_ | 400 | no context",
        "GET | /v1/keys/a?min=NaN | 400 | NaN",
        "GET | /v1/keys/a?generation=yesterday | 400 | milliseconds.counter",
        "GET | /v1/keys/a?timeout=0 | 400 | timeout '0'",
        "GET | /v1/keys?cursor=* | 400 | no cursor",
        "GET | /v1/keys?limit=10001 | 400 | from 1 to 10000",
        "GET | /v1/keys/a/b | 404 | %2F",
        "GET | /v2/keys/a | 404 | nothing is at this path",
        "GET | /v1/keys/a/add | 405 | POST",
        "PATCH | /v1/keys/a | 405 | GET, HEAD, PUT, DELETE",
        "PUT | /v1/keys | 405 | GET, HEAD",
        "DELETE | / | 405 | GET, HEAD",
        "POST | /v1/keys/a/delete | 404 | update-field",
        "POST | /v1/keys/a/merge | 404 | update-field",
        "POST | /v1/keys/a/add | 400 | one of 'by'",
        "POST | /v1/keys/a/add?by=x | 400 | 'by' must be a whole number",
        "POST | /v1/keys/a/add?by=9223372036854775808 | 400 | 'by' must be a whole number",
        "POST | /v1/keys/a/add?by=1&kind=lww | 400 | is for counter, not for lww",
        "POST | /v1/keys/a/add?by=1&elements=a | 400 | one of 'by'",
        "POST | /v1/keys/a/raise?to=1&kind=min | 400 | a min has no such operation raise",
        "POST | /v1/keys/a/add?by=1&ttl=-5 | 400 | ttl '-5' must be",
        "POST | /v1/keys/a/add?by=1&ttl=11y | 400 | ttl '11y' must be",
        "POST | /v1/keys/a/add?by=1&ttl=99999d | 400 | ttl '99999d' must be",
        "POST | /v1/keys/a/add?by=1&ttl=0 | 400 | ttl '0' must be",
        "POST | /v1/keys/a/add?by=1&ack=all | 400 | known are default, one, replicated, durable",
        "POST | /v1/keys/a/add?by=1&shortfall=no | 400 | accept or fail",
        "POST | /v1/keys/a/expire | 400 | 'ttl' is missing",
        "POST | /v1/keys/a/update-field?field=a&update=merge | 400 | unknown operation 'merge'",
        "POST | /v1/keys/a/update-field?field=a&update=update-field | 400 | needs no nesting",
        "POST | /v1/keys/a/remove-field | 400 | 'field' is missing",
      })
  void whatMakesNoSenseIsRefusedSayingWhatWould(
      String method, String target, int status, String detail) {
    RawHttp http = connect(new Terms());
    String raw = new String(target.getBytes(UTF_8), java.nio.charset.StandardCharsets.ISO_8859_1);
    RawHttp.Response refused = http.request(method, raw, NOTHING);
    assertEquals(status, refused.status(), refused::text);
    assertEquals(Optional.of("application/problem+json"), refused.header("Content-Type"));
    assertTrue(json(refused).get("detail").textValue().contains(detail), refused::text);
    assertEquals(200, http.request("GET", "/v1/cluster", NOTHING).status(), "it goes on");
  }

  @Test
  void anAnswerToHeadHasNoBodyWhateverIsWrong() {
    RawHttp http = connect(new Terms());
    RawHttp.Response refused = http.request("HEAD", "/v1/keys/a/watch", NOTHING);
    assertEquals(405, refused.status());
    assertEquals(Optional.of("GET"), refused.header("Allow"));
    assertEquals(404, http.request("HEAD", "/nowhere", NOTHING).status());
    assertEquals(400, http.request("HEAD", "/v1/keys/%zz", NOTHING).status());
    assertEquals(200, http.request("GET", "/v1/cluster", NOTHING).status());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "add | {\"by\": 1 | malformed JSON at line 1, column 9",
        "add | {\"by\": 1} x | malformed JSON at line 1, column 11",
        "add | {\"by\": 1, \"by\": 2} | malformed JSON at line 1",
        "add | [1] | a JSON object is needed, but found array",
        "add | {\"by\": \"1\"} | 'by' must be a whole number",
        "add | {\"by\": 1.5} | 'by' must be a whole number",
        "add | {\"by\": 9223372036854775808} | 'by' must be a whole number",
        "add | {\"by\": 1, \"elments\": []} | unknown member 'elments' for add",
        "add | {\"elements\": []} | 'elements' is missing or empty",
        "add | {\"elements\": [1]} | 'elements' must be a string",
        "add | {\"elements\": [{\"base64\": \"!\"}]} | malformed base64",
        "add | {\"elements\": [{\"base64\": \"\", \"x\": 1}]} | 'elements' must be a string",
        "add | {\"elements\": [\"\\ud800\"]} | unpaired surrogate",
        "add | {\"members\": {\"a\": \"NaN\"}} | NaN has no order",
        "add | {\"members\": {\"a\": 1e999}} | in the range of a double",
        "add | {\"members\": [{\"member\": \"a\"}]} | 'score' is missing",
        "add | {\"members\": 1} | an object of member to score",
        "put | {\"kind\": \"counter\", \"value\": \"1\"} | a counter is not put; it has the operation add",
        "put | {\"kind\": \"priority\", \"value\": \"1\"} | 'priority' is missing",
        "put | {\"value\": \"1\", \"context\": \"AQ\"} | a context belongs to a put of kind causal",
        "put | {} | 'value' is missing",
        "remove | {\"elements\": [\"a\"], \"members\": [\"a\"]} | either 'elements'",
        "trim | {\"context\": \"AQAA\"} | no context that this store has given out",
        "update-field | {\"field\": [], \"update\": \"enable\"} | 'field' is missing or empty",
        "update-field | {\"field\": \"a\", \"update\": {\"operation\": \"add\", \"by\": 1, \"x\": 2}} | update: unknown member 'x'",
      })
  void aDocumentThatMakesNoSenseIsRefusedSayingWhere(
      String operation, String document, String detail) {
    RawHttp http = connect(new Terms());
    RawHttp.Response refused = http.request("POST", "/v1/keys/a/" + operation, bytes(document));
    assertEquals(400, refused.status(), refused::text);
    assertTrue(json(refused).get("detail").textValue().contains(detail), refused::text);
    assertEquals(404, http.request("GET", "/v1/keys/a", NOTHING).status(), "nothing was done");
  }

  @Test
  void aDocumentThatIsNotUtf8IsRefused() {
    RawHttp http = connect(new Terms());
    byte[] document = bytes("{\"elements\": [\"x\"]}");
    document[15] = (byte) 0xff;
    RawHttp.Response refused = http.request("POST", "/v1/keys/a/add", document);
    assertEquals(400, refused.status(), refused::text);
    assertTrue(json(refused).get("detail").textValue().contains("malformed JSON"));
  }

  @Test
  void aDeeplyNestedDocumentIsRefused() {
    RawHttp http = connect(new Terms());
    RawHttp.Response refused =
        http.request("POST", "/v1/batch", bytes("[".repeat(1_000) + "]".repeat(1_000)));
    assertEquals(400, refused.status(), refused::text);
    String path = "\"f\",".repeat(16) + "\"f\"";
    RawHttp.Response deep =
        http.request(
            "POST",
            "/v1/keys/a/update-field",
            bytes("{\"field\": [" + path + "], \"update\": \"enable\"}"));
    assertEquals(400, deep.status());
    assertTrue(json(deep).get("detail").textValue().contains("deeper than maps may nest"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "{} | a batch is a JSON list",
        "[1] | operation 0 of the batch: a JSON object is needed",
        "[{\"operation\":\"get\",\"key\":\"a\"}, {\"operation\":\"get\"}] | operation 1 of the batch: 'key' is missing",
        "[{\"operation\":\"got\",\"key\":\"a\"}] | operation 0 of the batch: unknown operation 'got'",
        "[{\"operation\":\"get\",\"key\":\"\"}] | operation 0 of the batch: the key is empty",
        "[{\"operation\":\"get\",\"key\":\"a\",\"by\":1}] | operation 0 of the batch: unknown member 'by' for get",
      })
  void aBatchWithOneMalformedOperationDoesNothing(String batch, String detail) {
    RawHttp http = connect(new Terms());
    RawHttp.Response refused = http.request("POST", "/v1/batch", bytes(batch));
    assertEquals(400, refused.status(), refused::text);
    assertTrue(json(refused).get("detail").textValue().contains(detail), refused::text);
  }

  @Test
  void limitsOfKeyValueDocumentAndBatchHold() {
    RawHttp http = connect(new Terms().limits(LocalStore.smallLimits()));
    RawHttp.Response key = http.request("GET", "/v1/keys/" + "k".repeat(65), NOTHING);
    assertEquals(400, key.status());
    assertEquals("KEY_TOO_LONG", json(key).get("code").textValue());
    assertTrue(json(key).get("detail").textValue().contains("65 bytes; the limit is 64"));

    String operation = "{\"operation\":\"get\",\"key\":\"a\"}";
    String batch = "[" + (operation + ",").repeat(20) + operation + "]";
    RawHttp.Response tooMany = http.request("POST", "/v1/batch", bytes(batch));
    assertEquals(413, tooMany.status());
    assertTrue(json(tooMany).get("detail").textValue().contains("21 operations"));

    assertEquals(200, http.request("PUT", "/v1/keys/a", new byte[1_000]).status());
    RawHttp.Response value = http.request("PUT", "/v1/keys/a", new byte[1_001]);
    assertEquals(413, value.status());
    assertTrue(json(value).get("detail").textValue().contains("limits.value, is 1000"));
    assertEquals(Optional.of("close"), value.header("Connection"));

    RawHttp document = connectAgain();
    assertEquals(
        413, document.request("POST", "/v1/keys/a/add", new byte[(64 << 10) + 1]).status());
  }

  @Test
  void aBodyInChunksThatGrowsTooLargeIsCutOff() {
    RawHttp http = connect(new Terms().limits(LocalStore.smallLimits()));
    http.send("PUT /v1/keys/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int at = 0; at < 11; at++) {
      http.send("64\r\n" + "x".repeat(100) + "\r\n");
    }
    assertEquals(413, http.receive(false).status());
    http.shutdownOutput();
    assertTrue(http.isAtEnd());
    gateway.awaitMemoryGivenBack();
  }

  @Test
  void theAnswerReachesAClientThatIsStillSending() {
    RawHttp http = connect(new Terms().limits(LocalStore.smallLimits()));
    http.send("PUT /v1/keys/a HTTP/1.1\r\nContent-Length: 8000000\r\n\r\n");
    http.send(new byte[8_000_000]);
    assertEquals(413, http.receive(false).status());
  }

  @Test
  void aHeaderAndARequestLineThatAreTooLongAreRefused() {
    RawHttp header = connect(new Terms());
    RawHttp.Response tooLarge =
        header.request("GET", "/v1/keys/a", NOTHING, "X: " + "x".repeat(17_000));
    assertEquals(431, tooLarge.status());
    assertEquals("HEADERS_TOO_LARGE", json(tooLarge).get("code").textValue());
    RawHttp manyLines = connectAgain();
    manyLines.send("GET / HTTP/1.1\r\n" + "A: b\r\n".repeat(5_000) + "\r\n");
    assertEquals(431, manyLines.receive(false).status());
    RawHttp line = connectAgain();
    RawHttp.Response tooLong = line.request("GET", "/" + "x".repeat(17_000), NOTHING);
    assertEquals(414, tooLong.status());
    assertEquals("URI_TOO_LONG", json(tooLong).get("code").textValue());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "\0\1\2\3garbage\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/2.0\r\n\r\n",
        "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "PUT /v1/keys/a HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "PUT /v1/keys/a HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        "PUT /v1/keys/a HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        "PUT /v1/keys/a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "GET /v1/keys/a HTTP/1.1\r\nContent-Length: 3\r\n\r\nabc",
        "GET / HTTP/1.1\r\nBad Header: x\r\n\r\n",
      })
  void whatIsNoHttpIsRefused(String bytes) {
    RawHttp http = connect(new Terms());
    http.send(bytes);
    RawHttp.Response refused = http.receive(false);
    assertEquals(400, refused.status(), refused::text);
    assertEquals("BAD_REQUEST", json(refused).get("code").textValue());
  }

  @ParameterizedTest
  @CsvSource({
    "text/plain, 415",
    "application/x-www-form-urlencoded, 415",
    "application/json; charset=utf-16, 415",
    "application/json; charset=\"UTF-8\", 200",
    "application/vnd.x+json, 200",
  })
  void onlyJsonIsReadAsArguments(String contentType, int status) {
    RawHttp http = connect(new Terms());
    assertEquals(
        status,
        http.request("POST", "/v1/keys/a/add", bytes("{\"by\":1}"), "Content-Type: " + contentType)
            .status());
  }

  @Test
  void aCompressedBodyIsRefusedRatherThanStored() {
    RawHttp http = connect(new Terms());
    assertEquals(
        415, http.request("PUT", "/v1/keys/a", bytes("zzz"), "Content-Encoding: gzip").status());
  }

  @Test
  void aClientThatSaysNothingIsLeft() {
    RawHttp http = connect(new Terms().idleTimeout(SOON));
    assertTrue(http.isAtEnd());
  }

  @Test
  void aHeaderThatDoesNotEndIsGivenUp() {
    RawHttp http = connect(new Terms().headerTimeout(SOON));
    http.send("GET /v1/keys/a HTTP/1.1\r\nX: ");
    RawHttp.Response late = http.receive(false);
    assertEquals(408, late.status());
    assertTrue(json(late).get("detail").textValue().contains("header"), late::text);
  }

  @Test
  void aBodyThatDoesNotComeIsGivenUp() {
    RawHttp http = connect(new Terms().bodyTimeout(SOON));
    http.send("PUT /v1/keys/a HTTP/1.1\r\nContent-Length: 5\r\n\r\nwor");
    RawHttp.Response late = http.receive(false);
    assertEquals(408, late.status());
    assertTrue(json(late).get("detail").textValue().contains("body"), late::text);
    assertEquals(404, gateway.get("/v1/keys/a").status());
  }

  @Test
  void aClientThatTakesNothingOfItsAnswerIsLeft() {
    connect(new Terms().writeTimeout(SOON));
    gateway.put("/v1/keys/big", "x".repeat(16 << 20));
    RawHttp deaf = connectAgain();
    deaf.send("GET /v1/keys/big HTTP/1.1\r\n\r\n");
    while (gateway.registry.getSampleValue("trellis_gateway_memory_bytes") == 0) {
      Thread.onSpinWait();
    }
    gateway.awaitMemoryGivenBack();
  }

  @Test
  void aBodyThatStopsHalfwayLeavesNothingBehind() {
    RawHttp http = connect(new Terms());
    http.send("PUT /v1/keys/a HTTP/1.1\r\nContent-Length: 5\r\n\r\nwor");
    http.shutdownOutput();
    assertTrue(http.isAtEnd());
    assertEquals(404, gateway.get("/v1/keys/a").status());
    gateway.awaitMemoryGivenBack();
  }

  @Test
  void twoThousandConnectionsAtOnceAreServed() {
    connect(new Terms());
    List<RawHttp> all = new ArrayList<>();
    for (int at = 0; at < 2_000; at++) {
      all.add(connectAgain());
    }
    for (RawHttp one : all) {
      one.send("GET /v1/cluster HTTP/1.1\r\n\r\n");
    }
    for (RawHttp one : all) {
      assertEquals(200, one.receive(false).status());
    }
    assertTrue(gateway.registry.getSampleValue("trellis_gateway_connections") >= 2_000);
  }

  @Test
  void tooManyConnectionsAreToldSo() {
    RawHttp first = connect(new Terms().connectionsMax(2));
    assertEquals(200, first.request("GET", "/v1/cluster", NOTHING).status());
    RawHttp second = connectAgain();
    assertEquals(200, second.request("GET", "/v1/cluster", NOTHING).status());
    RawHttp third = connectAgain();
    RawHttp.Response refused = third.receive(false);
    assertEquals(503, refused.status());
    assertTrue(json(refused).get("detail").textValue().contains("gateway.connections.max"));
    assertEquals(1.0, gateway.registry.getSampleValue("trellis_gateway_connections_refused_total"));
    assertEquals(200, first.request("GET", "/v1/cluster", NOTHING).status());
  }

  @Test
  void aDefectOfOursIs500AndTheConnectionGoesOn() {
    RawHttp http = connect(new Terms());
    gateway.store.script(call -> CompletableFuture.failedFuture(new IllegalStateException("x")));
    RawHttp.Response failed = http.request("GET", "/v1/keys/a", NOTHING);
    assertEquals(500, failed.status());
    assertFalse(json(failed).get("definite").booleanValue());
    gateway.store.heal();
    assertEquals(404, http.request("GET", "/v1/keys/a", NOTHING).status());
  }

  @Test
  void stoppingAnswersWhatHasArrivedAndEndsTheRest() {
    RawHttp busy = connect(new Terms());
    RawHttp idle = connectAgain();
    idle.request("GET", "/v1/cluster", NOTHING);
    CompletableFuture<StoreResult> answer = new CompletableFuture<>();
    CompletableFuture<Call> asked = new CompletableFuture<>();
    gateway.store.script(
        call -> {
          asked.complete(call);
          return answer;
        });
    busy.send("GET /v1/keys/a HTTP/1.1\r\n\r\n");
    asked.join();
    Thread stopping = Thread.ofVirtual().start(gateway::close);
    assertTrue(idle.isAtEnd());
    answer.complete(
        new StoreResult.Failed(
            ErrorCode.NO_NODES, "none", true, Optional.empty(), Optional.empty()));
    RawHttp.Response last = busy.receive(false);
    assertEquals(503, last.status());
    assertEquals(Optional.of("close"), last.header("Connection"));
    assertTrue(busy.isAtEnd());
    assertThrows(java.io.UncheckedIOException.class, this::connectAgain);
    assertTrue(stopping.isVirtual());
  }

  @Test
  void aPortInUseIsNamed() {
    connect(new Terms());
    GatewayConfig same = new Terms().address(gateway.address).config();
    String message =
        assertThrows(
                StartupException.class,
                () -> Gateway.start(same, gateway.store, new CollectorRegistry()))
            .getMessage();
    assertTrue(message.contains("port " + gateway.address.getPort()), message);
    assertTrue(message.contains("gateway.port"), message);
  }

  private RawHttp connect(Terms terms) {
    gateway = new GatewayFixture(terms);
    closing.add(gateway);
    return connectAgain();
  }

  private RawHttp connectAgain() {
    RawHttp http = new RawHttp(gateway.address);
    closing.add(http);
    return http;
  }

  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }
}
