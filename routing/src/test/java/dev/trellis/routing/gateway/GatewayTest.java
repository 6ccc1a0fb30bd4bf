package dev.trellis.routing.gateway;

import static dev.trellis.routing.gateway.GatewayFixture.json;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class GatewayTest {
  private GatewayFixture gateway;

  @BeforeEach
  void start() {
    gateway = new GatewayFixture();
  }

  @AfterEach
  void stop() {
    gateway.close();
  }

  @Test
  void putThenGetGivesTheBytesBack() {
    assertEquals(200, gateway.put("/v1/keys/a", "world").status());
    RawHttp.Response got = gateway.get("/v1/keys/a");
    assertEquals(200, got.status());
    assertEquals("world", got.text());
    assertEquals(Optional.of("application/octet-stream"), got.header("Content-Type"));
    assertEquals(Optional.of("lww"), got.header("Trellis-Kind"));
    assertEquals(Optional.of("0.0"), got.header("Trellis-Generation"));
  }

  @Test
  void allByteValuesSurvive() {
    byte[] bytes = new byte[256];
    for (int at = 0; at < bytes.length; at++) {
      bytes[at] = (byte) at;
    }
    RawHttp.exchange(gateway.address, "PUT", "/v1/keys/bytes", bytes);
    assertEquals(Payload.of(bytes), gateway.get("/v1/keys/bytes").body());
    JsonNode asJson = json(gateway.get("/v1/keys/bytes", "Accept: application/json"));
    assertEquals(Base64.getEncoder().encodeToString(bytes), asJson.at("/value/base64").textValue());
  }

  @Test
  void aValueOfSixteenMebibytesPassesInBothDirections() {
    byte[] bytes = new byte[16 << 20];
    new Random(1).nextBytes(bytes);
    assertEquals(200, RawHttp.exchange(gateway.address, "PUT", "/v1/keys/big", bytes).status());
    assertEquals(Payload.of(bytes), gateway.get("/v1/keys/big").body());
  }

  @Test
  void theExampleOfTheReadmeCountsToSeven() {
    assertEquals(6, json(gateway.post("/v1/keys/visits/add?by=6", "")).get("value").intValue());
    RawHttp.Response added = gateway.post("/v1/keys/visits/add?by=1", "");
    assertEquals(200, added.status());
    assertEquals(7, json(added).get("value").intValue());
    assertEquals("counter", json(added).get("kind").textValue());
    assertEquals(7, json(gateway.get("/v1/keys/visits")).get("value").intValue());
    assertEquals(
        -3, json(gateway.post("/v1/keys/visits/add", "{\"by\": -10}")).get("value").intValue());
  }

  @Test
  void aJsonAcceptingClientGetsJsonEvenForBytes() {
    gateway.put("/v1/keys/a", "world");
    JsonNode read = json(gateway.get("/v1/keys/a", "Accept: application/json, */*"));
    assertEquals("a", read.get("key").textValue());
    assertEquals("lww", read.get("kind").textValue());
    assertEquals("world", read.get("value").textValue());
  }

  @Test
  void aMissingKeyIsAProblemThatNamesIt() {
    RawHttp.Response missing = gateway.get("/v1/keys/nobody");
    assertEquals(404, missing.status());
    assertEquals(Optional.of("application/problem+json"), missing.header("Content-Type"));
    assertEquals("KEY_MISSING", json(missing).get("code").textValue());
    assertTrue(json(missing).get("detail").textValue().contains("nobody"));
  }

  @Test
  void headAnswersAsGetWithoutABody() {
    gateway.put("/v1/keys/a", "world");
    try (RawHttp http = new RawHttp(gateway.address)) {
      RawHttp.Response head = http.request("HEAD", "/v1/keys/a", new byte[0]);
      assertEquals(200, head.status());
      assertEquals(Optional.of("5"), head.header("Content-Length"));
      assertEquals(404, http.request("HEAD", "/v1/keys/b", new byte[0]).status());
      // Had a body been sent, this answer would not be where it is expected.
      assertEquals("world", http.request("GET", "/v1/keys/a", new byte[0]).text());
    }
  }

  @Test
  void deletingTellsWhetherThereWasSomething() {
    gateway.put("/v1/keys/a", "world");
    assertEquals(1, json(gateway.delete("/v1/keys/a")).get("changed").intValue());
    assertEquals(0, json(gateway.delete("/v1/keys/a")).get("changed").intValue());
    assertEquals(404, gateway.get("/v1/keys/a").status());
  }

  @Test
  void aKeyMayHoldEveryCharacter() {
    String encoded = "%2Fa%20b%2Bc%3F%23%25%C3%BC%F0%9F%8C%B1%00..";
    assertEquals(200, gateway.put("/v1/keys/" + encoded, "x").status());
    assertEquals("x", gateway.get("/v1/keys/" + encoded).text());
    JsonNode page = json(gateway.get("/v1/keys"));
    assertEquals("/a b+c?#%ü🌱\0..", page.at("/keys/0/key").textValue());
    assertEquals(404, gateway.get("/v1/keys/%2Fa+b%2Bc").status());
  }

  @Test
  void ttlExpiresAndIsTold() {
    gateway.put("/v1/keys/a?ttl=30s", "x");
    RawHttp.Response got = gateway.get("/v1/keys/a");
    assertEquals(Optional.of("1763935030000"), got.header("Trellis-Expires-At-Millis"));
    gateway.store.pass(Duration.ofSeconds(31));
    assertEquals(404, gateway.get("/v1/keys/a").status());
  }

  @Test
  void expireSetsAndClearsTheTimeToLive() {
    gateway.post("/v1/keys/c/add?by=1", "");
    assertEquals(200, gateway.post("/v1/keys/c/expire?ttl=5m", "").status());
    assertEquals(200, gateway.post("/v1/keys/c/expire?ttl=never", "").status());
    gateway.store.pass(Duration.ofMinutes(6));
    assertEquals(200, gateway.get("/v1/keys/c").status());
    gateway.post("/v1/keys/c/expire", "{\"ttl\": 1000}");
    gateway.store.pass(Duration.ofSeconds(2));
    assertEquals(404, gateway.get("/v1/keys/c").status());
  }

  @Test
  void maxMinAndFlag() {
    gateway.post("/v1/keys/hi/raise?to=41", "");
    assertEquals(41, json(gateway.post("/v1/keys/hi/raise?to=3", "")).get("value").intValue());
    gateway.post("/v1/keys/lo/lower", "{\"to\": -3}");
    assertEquals(-3, json(gateway.get("/v1/keys/lo")).get("value").intValue());
    assertTrue(json(gateway.post("/v1/keys/on/enable", "")).get("value").booleanValue());
    assertTrue(json(gateway.get("/v1/keys/on?kind=flag")).get("value").booleanValue());
    gateway.post("/v1/keys/hi/raise?to=9223372036854775807", "");
    assertEquals(Long.MAX_VALUE, json(gateway.get("/v1/keys/hi")).get("value").longValue());
  }

  @Test
  void setsAddRemoveAndAnswerInParts() {
    gateway.post("/v1/keys/langs/add", "{\"elements\": [\"java\", \"clojure\", \"ada\"]}");
    assertEquals(
        2,
        json(gateway.post("/v1/keys/langs/remove", "{\"elements\": [\"ada\", \"java\"]}"))
            .get("changed")
            .intValue());
    gateway.post("/v1/keys/langs/add?elements=zig&elements=c", "");
    assertEquals(List.of("c", "clojure", "zig"), texts(gateway.get("/v1/keys/langs")));
    assertEquals(List.of("zig"), texts(gateway.get("/v1/keys/langs?contains=java&contains=zig")));
    assertEquals(3, json(gateway.get("/v1/keys/langs?size")).get("value").intValue());
    assertEquals(List.of("clojure"), texts(gateway.get("/v1/keys/langs?from=ca&to=z")));
    assertEquals(
        List.of("zig", "clojure"), texts(gateway.get("/v1/keys/langs?limit=2&order=desc")));
  }

  @Test
  void partsOfAnyKindOfSetAreFoundWithoutNamingIt() {
    for (String kind : List.of("gset", "oset", "orset")) {
      gateway.post("/v1/keys/" + kind + "/add?kind=" + kind, "{\"elements\": [\"b\", \"a\"]}");
      assertEquals(List.of("a"), texts(gateway.get("/v1/keys/" + kind + "?contains=a")));
      assertEquals(List.of("b"), texts(gateway.get("/v1/keys/" + kind + "?from=b")));
      RawHttp.Response sized = gateway.get("/v1/keys/" + kind + "?size&kind=" + kind);
      assertEquals(2, json(sized).get("value").intValue());
      assertEquals(kind, json(sized).get("kind").textValue());
    }
    gateway.put("/v1/keys/lww", "x");
    RawHttp.Response mismatch = gateway.get("/v1/keys/lww?contains=a");
    assertEquals(409, mismatch.status());
    assertTrue(json(mismatch).get("detail").textValue().contains("holds lww"));
  }

  @Test
  void elementsThatAreNoTextTravelInBase64() {
    RawHttp.Response added =
        gateway.post("/v1/keys/s/add", "{\"elements\": [{\"base64\": \"/w==\"}, \"a\"]}");
    assertEquals(2, json(added).get("changed").intValue());
    JsonNode value = json(gateway.get("/v1/keys/s")).get("value");
    assertEquals("a", value.get(0).textValue());
    assertEquals("/w==", value.at("/1/base64").textValue());
  }

  @Test
  void sortedSetsByScore() {
    gateway.post("/v1/keys/top/add", "{\"members\": {\"a\": 1.5, \"b\": 3, \"c\": 2}}");
    gateway.post(
        "/v1/keys/top/add",
        "{\"members\": [{\"member\": {\"base64\": \"/w==\"}, \"score\": \"Infinity\"}]}");
    JsonNode top = json(gateway.get("/v1/keys/top?top=2")).get("value");
    assertEquals("Infinity", top.at("/0/score").textValue());
    assertEquals("b", top.at("/1/member").textValue());
    assertEquals(3.0, top.at("/1/score").doubleValue());
    JsonNode between = json(gateway.get("/v1/keys/top?min=1.5&max=2")).get("value");
    assertEquals(2, between.size());
    assertEquals("a", between.at("/0/member").textValue());
    assertEquals(
        "c",
        json(gateway.get("/v1/keys/top?max=2.5&order=desc&limit=1"))
            .at("/value/0/member")
            .textValue());
    assertEquals(List.of("a"), texts(gateway.get("/v1/keys/top?contains=a&contains=x")));
    assertEquals(
        1,
        json(gateway.post("/v1/keys/top/remove", "{\"members\": [\"a\", \"x\"]}"))
            .get("changed")
            .intValue());
    assertEquals(3, json(gateway.get("/v1/keys/top?size")).get("value").intValue());
  }

  @Test
  void mapsShowEachFieldWithItsKind() {
    gateway.post(
        "/v1/keys/u/update-field",
        "{\"field\": \"name\", \"update\": {\"operation\": \"put\", \"value\": \"Ada\"}}");
    RawHttp.Response counted =
        gateway.post("/v1/keys/u/update-field?field=visits&update=add&by=3", "");
    assertEquals(3, json(counted).get("value").intValue());
    gateway.post(
        "/v1/keys/u/update-field",
        "{\"field\": [\"address\", \"street\"], \"update\": \"put\", \"value\": \"x\", \"ttl\":"
            + " \"30s\"}");
    gateway.post(
        "/v1/keys/u/update-field",
        "{\"field\": {\"base64\": \"/w==\"}, \"update\": {\"operation\": \"enable\"}}");
    JsonNode map = json(gateway.get("/v1/keys/u"));
    assertEquals("Ada", map.at("/value/name/value").textValue());
    assertEquals("counter", map.at("/value/visits/kind").textValue());
    assertEquals("x", map.at("/value/address/value/street/value").textValue());
    assertEquals(
        1_763_935_030_000L, map.at("/value/address/value/street/expiresAtMillis").longValue());
    assertEquals("/w==", map.at("/binaryFields/0/field/base64").textValue());
    assertEquals("flag", map.at("/binaryFields/0/kind").textValue());

    JsonNode field = json(gateway.get("/v1/keys/u?field=visits"));
    assertEquals(3, field.get("value").intValue());
    assertEquals("visits", field.at("/field/0").textValue());
    assertEquals("x", gateway.get("/v1/keys/u?field=address&field=street").text());
    assertEquals(404, gateway.get("/v1/keys/u?field=nothing").status());

    gateway.post("/v1/keys/u/remove-field?field=visits", "");
    assertEquals(404, gateway.get("/v1/keys/u?field=visits").status());
    assertEquals(3, json(gateway.get("/v1/keys/u?size")).get("value").intValue());
  }

  @Test
  void partsOfAFieldAreFoundWithoutNamingItsKind() {
    gateway.post(
        "/v1/keys/m/update-field",
        "{\"field\": \"s\", \"update\": {\"operation\": \"add\", \"kind\": \"oset\", \"elements\":"
            + " [\"a\", \"b\"]}}");
    assertEquals(List.of("b"), texts(gateway.get("/v1/keys/m?field=s&contains=b")));
    assertEquals(2, json(gateway.get("/v1/keys/m?field=s&size")).get("value").intValue());
  }

  @Test
  void aFieldMayBeSetToExpire() {
    gateway.post("/v1/keys/m/update-field?field=c&update=add&by=1", "");
    assertEquals(
        200,
        gateway
            .post(
                "/v1/keys/m/update-field",
                "{\"field\": \"c\", \"update\": {\"operation\": \"expire\", \"ttl\": \"5s\"}}")
            .status());
    gateway.store.pass(Duration.ofSeconds(6));
    assertEquals(404, gateway.get("/v1/keys/m?field=c").status());
  }

  @Test
  void causalPutsReplaceWhatTheirContextHasSeen() {
    RawHttp.Response first = gateway.put("/v1/keys/c?kind=causal", "one");
    gateway.put("/v1/keys/c?kind=causal", "two");
    JsonNode both = json(gateway.get("/v1/keys/c"));
    assertEquals("one", both.at("/value/siblings/0/value").textValue());
    assertEquals("two", both.at("/value/siblings/1/value").textValue());
    RawHttp.Response got = gateway.get("/v1/keys/c");
    String context = got.header("Trellis-Context").orElseThrow();
    assertEquals(both.at("/value/context").textValue(), context);

    String stale = first.header("Trellis-Context").orElseThrow();
    assertEquals(stale, json(first).get("context").textValue());
    gateway.put("/v1/keys/c?kind=causal", "three", "Trellis-Context: " + stale);
    assertEquals(2, json(gateway.get("/v1/keys/c")).at("/value/siblings").size());

    String all = gateway.get("/v1/keys/c").header("Trellis-Context").orElseThrow();
    gateway.put("/v1/keys/c?kind=causal", "merged", "Trellis-Context: " + all);
    JsonNode merged = json(gateway.get("/v1/keys/c"));
    assertEquals(1, merged.at("/value/siblings").size());
    assertEquals("merged", merged.at("/value/siblings/0/value").textValue());
  }

  @Test
  void multicausalKeepsDependencies() {
    String version =
        json(gateway.put("/v1/keys/photo?kind=causal", "p")).get("context").textValue();
    gateway.post(
        "/v1/keys/album/put",
        "{\"kind\": \"multicausal\", \"value\": \"a\", \"dependencies\": [{\"key\": \"photo\","
            + " \"context\": \""
            + version
            + "\"}]}");
    JsonNode sibling = json(gateway.get("/v1/keys/album")).at("/value/siblings/0");
    assertEquals("a", sibling.get("value").textValue());
    assertEquals("photo", sibling.at("/dependencies/0/key").textValue());
    assertEquals(version, sibling.at("/dependencies/0/context").textValue());
  }

  @Test
  void priorityKeepsTheLowest() {
    gateway.put("/v1/keys/p?kind=priority&priority=2", "second");
    gateway.put("/v1/keys/p?kind=priority&priority=1.5", "first");
    RawHttp.Response third = gateway.put("/v1/keys/p?kind=priority&priority=Infinity", "third");
    assertEquals("first", json(third).at("/value/value").textValue());
    assertEquals(1.5, json(gateway.get("/v1/keys/p")).at("/value/priority").doubleValue());
  }

  @Test
  void logsAreReadOnAndTrimmed() {
    gateway.post("/v1/keys/l/append", "{\"records\": [\"one\", \"two\"]}");
    JsonNode first = json(gateway.get("/v1/keys/l?since=&limit=1"));
    assertEquals("one", first.at("/value/records/0/value").textValue());
    String context = first.at("/value/context").textValue();
    JsonNode rest = json(gateway.get("/v1/keys/l?since=" + context));
    assertEquals(1, rest.at("/value/records").size());
    assertEquals("two", rest.at("/value/records/0/value").textValue());
    assertEquals(
        1, json(gateway.post("/v1/keys/l/trim?context=" + context, "")).get("changed").intValue());
    assertEquals(1, json(gateway.get("/v1/keys/l")).at("/value/records").size());
    assertEquals(1, json(gateway.get("/v1/keys/l?limit=5")).at("/value/records").size());
  }

  @Test
  void theOtherKindIsRefusedNamingBoth() {
    gateway.post("/v1/keys/k/add?by=1", "");
    RawHttp.Response refused = gateway.put("/v1/keys/k", "x");
    assertEquals(409, refused.status());
    JsonNode problem = json(refused);
    assertEquals("KIND_MISMATCH", problem.get("code").textValue());
    assertTrue(problem.get("definite").booleanValue());
    assertTrue(problem.get("detail").textValue().contains("counter"), problem::toString);
    assertTrue(problem.get("detail").textValue().contains("lww"), problem::toString);
    assertEquals(409, gateway.get("/v1/keys/k?kind=orset").status());
  }

  @Test
  void aWriteWithTooFewCopiesIsAcceptedOrFailedAsAskedFor() {
    RawHttp.Response accepted = gateway.put("/v1/keys/a?ack=replicated", "x");
    assertEquals(202, accepted.status());
    assertEquals(1, json(accepted).at("/receipt/copies").intValue());
    assertTrue(json(accepted).get("shortfall").textValue().contains("1 copy"));
    assertTrue(
        accepted.header("Trellis-Receipt").orElseThrow().startsWith("copies=1, durable-copies=0, "),
        accepted::toString);

    RawHttp.Response failed = gateway.put("/v1/keys/a?ack=replicated&shortfall=fail", "y");
    assertEquals(503, failed.status());
    assertEquals("NOT_ENOUGH_REPLICAS", json(failed).get("code").textValue());
    assertFalse(json(failed).get("definite").booleanValue());
    assertTrue(
        failed.header("Trellis-Receipt").orElseThrow().startsWith("copies=1, durable-copies=0, "),
        failed::toString);
    assertTrue(failed.header("Retry-After").isPresent());
    assertEquals("y", gateway.get("/v1/keys/a").text());
  }

  @Test
  void aRequestForAnEarlierGenerationIsSuperseded() {
    gateway.post("/v1/keys/c/add?by=1", "");
    gateway.delete("/v1/keys/c");
    RawHttp.Response refused = gateway.post("/v1/keys/c/add?by=1&generation=0.0", "");
    assertEquals(409, refused.status());
    assertEquals("SUPERSEDED", json(refused).get("code").textValue());
    String now = refused.header("Trellis-Generation").orElseThrow();
    assertEquals(200, gateway.post("/v1/keys/c/add?by=2&generation=" + now, "").status());
    assertEquals(200, gateway.get("/v1/keys/c?generation=" + now).status());
    assertEquals(409, gateway.get("/v1/keys/c?generation=0.0").status());
  }

  @Test
  void aBatchHasOneOutcomePerOperationInOrder() {
    RawHttp.Response answered =
        gateway.post(
            "/v1/batch",
            """
            [{"operation": "put", "key": "a", "value": "x"},
             {"operation": "get", "key": "a"},
             {"operation": "add", "key": "a", "by": 1},
             {"operation": "get", "key": "missing"},
             {"operation": "add", "key": {"base64": "/w=="}, "elements": ["e", "f"]},
             {"operation": "get", "key": {"base64": "/w=="}, "contains": ["f", "g"]},
             {"operation": "put", "key": "b", "value": "y", "ack": "durable"},
             {"operation": "delete", "key": "a"},
             {"operation": "update-field", "key": "m", "field": "n", "update": {"operation": "raise",
              "to": 3}},
             {"operation": "get", "key": "m", "field": ["n"]}]
            """);
    assertEquals(200, answered.status());
    JsonNode outcomes = json(answered);
    List<Integer> statuses = new ArrayList<>();
    outcomes.forEach(outcome -> statuses.add(outcome.get("status").intValue()));
    assertEquals(List.of(200, 200, 409, 404, 200, 200, 202, 200, 200, 200), statuses);
    assertEquals("x", outcomes.at("/1/value").textValue());
    assertEquals("KIND_MISMATCH", outcomes.at("/2/problem/code").textValue());
    assertEquals("/w==", outcomes.at("/4/key/base64").textValue());
    assertEquals("f", outcomes.at("/5/value/0").textValue());
    assertEquals(1, outcomes.at("/6/receipt/copies").intValue());
    assertEquals(3, outcomes.at("/9/value").intValue());
  }

  @Test
  void aBatchMayBeLargeAndEmpty() {
    assertEquals("[]", gateway.post("/v1/batch", "[]").text().strip());
    StringBuilder batch = new StringBuilder("[");
    for (int at = 0; at < 5_000; at++) {
      batch.append(at == 0 ? "" : ",").append("{\"operation\":\"put\",\"value\":\"v\",\"key\":\"k");
      batch.append(at).append("\"},{\"operation\":\"get\",\"key\":\"k").append(at).append("\"}");
    }
    JsonNode outcomes = json(gateway.post("/v1/batch", batch.append("]").toString()));
    assertEquals(10_000, outcomes.size());
    outcomes.forEach(outcome -> assertEquals(200, outcome.get("status").intValue()));
  }

  @Test
  void aBatchStopsReadingWhenItsAnswerIsFull() {
    String half = "x".repeat(9 << 20);
    gateway.put("/v1/keys/big", half);
    StringBuilder batch = new StringBuilder("[");
    for (int at = 0; at < 40; at++) {
      batch.append(at == 0 ? "" : ",").append("{\"operation\":\"get\",\"key\":\"big\"}");
    }
    batch.append(",{\"operation\":\"put\",\"key\":\"z\",\"value\":\"done\"}]");
    JsonNode outcomes = json(gateway.post("/v1/batch", batch.toString()));
    assertEquals(200, outcomes.at("/0/status").intValue());
    assertEquals(413, outcomes.at("/39/status").intValue());
    assertEquals("VALUE_TOO_LARGE", outcomes.at("/39/problem/code").textValue());
    assertEquals(200, outcomes.at("/40/status").intValue());
    assertEquals("done", gateway.get("/v1/keys/z").text());
  }

  @Test
  void keysAreListedPageByPage() {
    for (int at = 0; at < 25; at++) {
      gateway.put("/v1/keys/k" + (at + 100), "v" + at);
    }
    gateway.post("/v1/keys/other/add?by=1", "");
    List<String> found = new ArrayList<>();
    String cursor = "";
    do {
      JsonNode page = json(gateway.get("/v1/keys?prefix=k&limit=10" + cursor));
      page.get("keys").forEach(key -> found.add(key.get("key").textValue()));
      cursor = page.has("cursor") ? "&cursor=" + page.get("cursor").textValue() : "";
    } while (!cursor.isEmpty());
    assertEquals(25, found.size());
    assertEquals("k100", found.getFirst());
    assertEquals(found.stream().sorted().distinct().toList(), found);

    JsonNode all = json(gateway.get("/v1/keys?values=true&limit=100"));
    assertEquals("v0", all.at("/keys/0/value").textValue());
    assertEquals("counter", all.at("/keys/25/kinds/0").textValue());
    assertEquals(1, all.at("/keys/25/value").intValue());
    assertFalse(json(gateway.get("/v1/keys")).at("/keys/0").has("value"));
  }

  @Test
  void theClusterIsShown() {
    JsonNode cluster = json(gateway.get("/v1/cluster"));
    assertEquals("trellis", cluster.get("name").textValue());
    assertEquals("memory", cluster.at("/nodes/0/tier").textValue());
    assertEquals("fffffffffffffff9", cluster.at("/nodes/0/incarnation").textValue());
    assertEquals("active", cluster.at("/nodes/0/state").textValue());
    assertFalse(cluster.at("/nodes/0").has("zone"));
    assertFalse(cluster.at("/nodes/0").has("controlPort"));
    assertEquals("east", cluster.at("/nodes/1/zone").textValue());
    assertEquals(7_500, cluster.at("/nodes/1/controlPort").intValue());
  }

  @Test
  void theIndexIsTextOrJson() {
    RawHttp.Response text = gateway.get("/");
    assertEquals(Optional.of("text/plain; charset=utf-8"), text.header("Content-Type"));
    assertTrue(text.text().contains("/openapi.yaml"));
    assertEquals(
        "/v1/keys", json(gateway.get("/", "Accept: application/json")).get("keys").textValue());
  }

  @Test
  void theDocumentIsServed() {
    RawHttp.Response document = gateway.get("/openapi.yaml");
    assertEquals(Optional.of("application/yaml"), document.header("Content-Type"));
    assertTrue(document.text().startsWith("openapi: 3.1.0\n"));
  }

  @Test
  void requestsAreCountedByRouteAndStatus() {
    gateway.put("/v1/keys/a", "x");
    gateway.get("/v1/keys/a");
    gateway.get("/v1/keys/b");
    gateway.get("/nowhere");
    assertEquals(1.0, count("put", "200"));
    assertEquals(1.0, count("get", "200"));
    assertEquals(1.0, count("get", "404"));
    assertEquals(1.0, count("none", "404"));
    assertEquals(
        2.0,
        gateway.registry.getSampleValue(
            "trellis_gateway_request_seconds_count", new String[] {"route"}, new String[] {"get"}));
    gateway.awaitMemoryGivenBack();
  }

  private Double count(String route, String status) {
    return gateway.registry.getSampleValue(
        "trellis_gateway_requests_total",
        new String[] {"route", "status"},
        new String[] {route, status});
  }

  private static List<String> texts(RawHttp.Response response) {
    assertEquals(200, response.status(), response::text);
    List<String> texts = new ArrayList<>();
    json(response).get("value").forEach(element -> texts.add(element.textValue()));
    return texts;
  }
}
