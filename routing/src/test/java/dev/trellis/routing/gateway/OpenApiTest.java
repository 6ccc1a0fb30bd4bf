package dev.trellis.routing.gateway;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.routing.gateway.GatewayFixture.Terms;
import dev.trellis.routing.gateway.OpenApiDocument.Operation;
import dev.trellis.wire.ErrorCode;
import io.netty.handler.codec.http.HttpHeaders;
import io.prometheus.client.CollectorRegistry;
import java.net.SocketAddress;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Holds the gateway to its description, and the description to the gateway: every documented
/// answer of every documented operation occurs here, looks as documented, and no other does.
@Timeout(120)
class OpenApiTest {
  private static final String JSON = "Accept: application/json";

  /// Stand for the headers of sessions in which a write waits for the commit.
  private static final String WAITING = "a write waits";

  private static final String WAITING_FOR_TWO_COPIES =
      "a write waits, of which one node is too few";

  /// The keywords of JSON Schema 2020-12 that the document uses; a misspelt one would be ignored.
  private static final Set<String> KEYWORDS =
      Set.of(
          "$ref",
          "type",
          "description",
          "enum",
          "const",
          "default",
          "format",
          "pattern",
          "minLength",
          "minimum",
          "maximum",
          "minItems",
          "maxItems",
          "minProperties",
          "items",
          "properties",
          "required",
          "additionalProperties",
          "unevaluatedProperties",
          "contentEncoding",
          "anyOf",
          "allOf",
          "examples");

  private final OpenApiDocument document = new OpenApiDocument();
  private final Map<String, Set<Integer>> seen = new TreeMap<>();
  private GatewayFixture gateway;

  @BeforeEach
  void start() {
    gateway = new GatewayFixture();
  }

  @AfterEach
  void stop() {
    gateway.close();
  }

  /// A request that is right.
  ///
  /// @param body JSON, or for PUT the value
  private record Sample(
      String operation, int status, String target, String body, List<String> headers) {
    static Sample of(String operation, int status, String target, String body, String... headers) {
      return new Sample(operation, status, target, body, List.of(headers));
    }
  }

  /// In an order in which each finds what it needs.
  private static final List<Sample> SAMPLES =
      List.of(
          Sample.of("GET /", 200, "/", ""),
          Sample.of("GET /", 200, "/", "", JSON),
          Sample.of("HEAD /", 200, "/", ""),
          Sample.of("GET /openapi.yaml", 200, "/openapi.yaml", ""),
          Sample.of("HEAD /openapi.yaml", 200, "/openapi.yaml", ""),
          Sample.of("GET /v1/cluster", 200, "/v1/cluster", ""),
          Sample.of("HEAD /v1/cluster", 200, "/v1/cluster", ""),
          put(200, "lww?ttl=30s&ack=one&timeout=2s", "x"),
          put(202, "lww?ack=replicated", "x"),
          put(503, "lww?ack=durable&shortfall=fail&ttl=5000", "x"),
          put(200, "causal?kind=causal", "x"),
          put(200, "causal?kind=causal", "y"),
          put(200, "causal?kind=causal", "z", "Trellis-Context: AQ"),
          put(200, "multi?kind=multicausal", "x"),
          put(200, "prio?kind=priority&priority=-Infinity", "x"),
          post(
              200,
              "multi/put",
              "{\"kind\":\"multicausal\",\"value\":{\"base64\":\"/w==\"},\"context\":\"AQ\","
                  + "\"dependencies\":[{\"key\":\"causal\",\"context\":\"AQ\"}]}"),
          post(200, "lww/put?value=x&kind=lww", ""),
          post(
              202,
              "prio/put",
              "{\"kind\":\"priority\",\"priority\":1,\"value\":\"x\",\"ack\":\"durable\"}"),
          post(200, "max/raise?to=3&kind=max", ""),
          post(202, "max/raise", "{\"to\":4,\"ack\":\"durable\",\"ttl\":60000}"),
          post(200, "min/lower", "{\"to\":-9223372036854775808}"),
          post(202, "min/lower?ack=durable", "{\"to\":3,\"kind\":\"min\"}"),
          post(200, "flag/enable", ""),
          post(202, "flag/enable?ack=durable", "{}"),
          post(200, "counter/add?by=1&kind=counter", ""),
          post(200, "counter/add", "{\"by\":-3,\"generation\":\"0.0\",\"timeout\":\"1s\"}"),
          post(202, "counter/add?by=1&ack=replicated&shortfall=accept", ""),
          post(200, "gset/add?kind=gset&elements=a&elements=b", ""),
          post(200, "oset/add", "{\"kind\":\"oset\",\"elements\":[\"a\",{\"base64\":\"/w==\"}]}"),
          post(200, "orset/add", "{\"elements\":\"a\"}"),
          post(200, "orset/remove?elements=a", ""),
          post(200, "orset/add", "{\"elements\":[\"a\",\"b\"]}"),
          post(200, "sorted/add", "{\"members\":{\"a\":1,\"b\":\"Infinity\"}}"),
          post(
              200,
              "sorted/add",
              "{\"kind\":\"sortedset\",\"members\":[{\"member\":{\"base64\":\"/w==\"},\"score\":1.5}]}"),
          post(200, "sorted/remove?members=a&kind=sortedset", ""),
          post(202, "sorted/remove", "{\"members\":[\"a\"],\"ack\":\"durable\"}"),
          post(200, "log/append?records=a", ""),
          post(202, "log/append?ack=durable", "{\"records\":[\"b\",\"c\"]}"),
          post(200, "log/trim?context=AQ", ""),
          post(202, "log/trim", "{\"context\":\"AQ\",\"ack\":\"durable\"}"),
          post(200, "gset/expire?ttl=never", ""),
          post(202, "gset/expire", "{\"ttl\":\"2h\",\"ack\":\"durable\"}"),
          post(200, "map/update-field?field=n&update=add&by=1", ""),
          post(
              200,
              "map/update-field",
              "{\"field\":[\"m\",\"v\"],\"update\":{\"operation\":\"put\",\"value\":\"x\"},"
                  + "\"ttl\":\"30s\"}"),
          post(
              202,
              "map/update-field",
              "{\"field\":{\"base64\":\"/w==\"},\"update\":\"raise\",\"to\":3,\"ack\":\"durable\"}"),
          post(200, "map/remove-field?field=gone", ""),
          post(202, "map/remove-field", "{\"field\":[\"m\",\"gone\"],\"ack\":\"durable\"}"),
          get("lww"),
          get("lww", JSON),
          get("lww?kind=lww&read=all&timeout=2s&generation=0.0", JSON),
          get("causal"),
          get("multi"),
          get("prio"),
          get("max"),
          get("min"),
          get("flag"),
          get("counter"),
          get("gset"),
          get("oset?contains=a&contains=b"),
          get("oset?from=a&to=b&limit=3&order=desc"),
          get("orset?size"),
          get("orset?size=true&kind=orset"),
          get("sorted"),
          get("sorted?min=0&max=Infinity&limit=1"),
          get("sorted?top=1"),
          get("log"),
          get("log?since=&limit=1"),
          get("map"),
          get("map?field=m"),
          get("map?field=m&field=v"),
          Sample.of("HEAD /v1/keys/{key}", 200, "/v1/keys/counter", ""),
          Sample.of("HEAD /v1/keys/{key}", 200, "/v1/keys/lww", "", JSON),
          Sample.of("GET /v1/keys/{key}/watch", 200, "/v1/keys/lww/watch?kind=lww", ""),
          await("max?kind=max&atLeast=3&timeout=5s"),
          await("counter?kind=counter&atLeast=1"),
          await("min?atMost=0"),
          await("gset?kind=gset&contains=a&contains=b"),
          await("flag?enabled"),
          await("lww?seen"),
          await("orset?kind=orset&seen=true&element=a"),
          Sample.of("GET /v1/keys", 200, "/v1/keys?limit=3&cursor=bA&prefix=l", ""),
          Sample.of("GET /v1/keys", 200, "/v1/keys?values", ""),
          Sample.of("HEAD /v1/keys", 200, "/v1/keys?values=false", ""),
          Sample.of(
              "POST /v1/batch",
              200,
              "/v1/batch",
              "[{\"operation\":\"get\",\"key\":\"map\"},"
                  + "{\"operation\":\"get\",\"key\":\"map\",\"field\":[\"n\"]},"
                  + "{\"operation\":\"get\",\"key\":\"nobody\"},"
                  + "{\"operation\":\"get\",\"key\":\"gset\",\"contains\":[\"a\"],\"read\":\"all\"},"
                  + "{\"operation\":\"get\",\"key\":\"sorted\",\"min\":0,\"max\":\"Infinity\","
                  + "\"limit\":2,\"order\":\"desc\"},"
                  + "{\"operation\":\"get\",\"key\":\"log\",\"since\":\"AQ\"},"
                  + "{\"operation\":\"get\",\"key\":\"gset\",\"size\":true,\"kind\":\"gset\"},"
                  + "{\"operation\":\"add\",\"key\":\"lww\",\"by\":1},"
                  + "{\"operation\":\"add\",\"key\":{\"base64\":\"/w==\"},\"by\":1,\"ttl\":\"1s\"},"
                  + "{\"operation\":\"put\",\"key\":\"c\",\"kind\":\"causal\",\"value\":\"x\"},"
                  + "{\"operation\":\"enable\",\"key\":\"f\",\"ack\":\"durable\"},"
                  + "{\"operation\":\"update-field\",\"key\":\"map\",\"field\":\"n\","
                  + "\"update\":{\"operation\":\"expire\",\"ttl\":\"5s\"}},"
                  + "{\"operation\":\"delete\",\"key\":\"f\"}]"),
          Sample.of("DELETE /v1/keys/{key}", 202, "/v1/keys/prio?ack=durable", ""),
          Sample.of("DELETE /v1/keys/{key}", 200, "/v1/keys/multi?generation=0.0", ""),
          post(202, "put2/put", "{\"value\":\"\",\"ack\":\"durable\"}"),
          post(202, "orset/add?ack=durable&elements=c", ""),
          post(202, "orset/remove?ack=durable&elements=c", ""),
          put(200, "lww", "x", "Trellis-Session: begin=session"),
          put(200, "large", "x".repeat(6_000), "Trellis-Session: begin=session"),
          put(202, "lww", "x", "Trellis-Session: begin=read-atomic, read-your-writes"),
          get("lww", "Trellis-Session: begin=causal"),
          Sample.of("POST /v1/commit", 200, "/v1/commit?shortfall=accept", "", WAITING),
          Sample.of("POST /v1/commit", 202, "/v1/commit", "", WAITING_FOR_TWO_COPIES),
          Sample.of("POST /v1/abort", 200, "/v1/abort", "", WAITING));

  @Test
  void everyDocumentedAnswerOccursAndNoOther() {
    SAMPLES.forEach(this::run);
    for (Operation operation : document.operations()) {
      for (int status : document.statuses(operation)) {
        provoke(operation, status);
      }
    }
    Map<String, Set<Integer>> documented = new TreeMap<>();
    document
        .operations()
        .forEach(operation -> documented.put(operation.name(), document.statuses(operation)));
    assertEquals(documented, seen);
  }

  @Test
  void everyReferenceLeadsSomewhereAndNothingIsForgotten() {
    Set<String> referenced = new HashSet<>();
    collectReferences(document.root(), referenced);
    referenced.forEach(
        reference ->
            assertFalse(document.root().at(reference.substring(1)).isMissingNode(), reference));
    document.root().get("components").properties().stream()
        .filter(section -> !section.getKey().equals("securitySchemes")) // named, not referred to
        .forEach(
            section ->
                section
                    .getValue()
                    .fieldNames()
                    .forEachRemaining(
                        name ->
                            assertTrue(
                                referenced.contains(
                                    "#/components/" + section.getKey() + "/" + name),
                                () -> name + " is referred to by nobody")));
  }

  @Test
  void everythingButTheDocumentMayWantAKey() {
    assertEquals("[{\"apiKey\":[]},{}]", document.root().get("security").toString());
    assertTrue(document.root().at("/components/securitySchemes").has("apiKey"));
    for (Operation operation : document.operations()) {
      boolean isDocument = operation.name().endsWith(" /openapi.yaml");
      assertEquals(!isDocument, document.statuses(operation).contains(401), operation.name());
    }
  }

  @Test
  void operationsHaveNamesOfTheirOwnAndSummaries() {
    List<String> ids = new ArrayList<>();
    for (Operation operation : document.operations()) {
      ids.add(operation.node().get("operationId").textValue());
      assertTrue(operation.node().hasNonNull("summary"), operation::name);
      assertTrue(operation.node().hasNonNull("tags"), operation::name);
    }
    assertEquals(ids.size(), new HashSet<>(ids).size(), ids::toString);
  }

  @Test
  void schemasUseKnownKeywordsOnlyAndTheirExamplesFit() {
    for (JsonNode schema : document.allSchemas()) {
      schema
          .fieldNames()
          .forEachRemaining(
              keyword -> assertTrue(KEYWORDS.contains(keyword), () -> keyword + " in " + schema));
      schema
          .path("examples")
          .forEach(example -> document.assertFits(schema, example, "an example in " + schema));
    }
  }

  @Test
  void examplesOfBodiesFitTheirSchemas() {
    List<JsonNode> contents = new ArrayList<>(document.root().findValues("content"));
    int checked = 0;
    for (JsonNode content : contents) {
      for (JsonNode media : content) {
        List<JsonNode> examples = new ArrayList<>();
        if (media.has("example")) {
          examples.add(media.get("example"));
        }
        media.path("examples").forEach(example -> examples.add(example.get("value")));
        for (JsonNode example : examples) {
          document.assertFits(media.get("schema"), example, "the example " + example);
          checked++;
        }
      }
    }
    assertTrue(checked > 10, "examples were found");
  }

  @Test
  void everyProblemCodeIsDocumented() {
    Set<String> documented = new TreeSet<>();
    document
        .root()
        .at("/components/schemas/Problem/properties/code/enum")
        .forEach(code -> documented.add(code.textValue()));
    Set<String> real = new TreeSet<>();
    Arrays.stream(ProblemType.values()).map(ProblemType::name).forEach(real::add);
    assertEquals(real, documented);
  }

  @Test
  void aSchemaThatIsBrokenOnPurposeIsNoticed() {
    JsonNode counter = GatewayFixture.json(gateway.post("/v1/keys/c/add?by=1", ""));
    JsonNode schema = document.root().at("/components/schemas/WriteResult");
    assertEquals(List.of(), document.errors(schema, counter));
    ((com.fasterxml.jackson.databind.node.ObjectNode) counter).put("surprise", 1);
    assertFalse(document.errors(schema, counter).isEmpty());
    JsonNode wrong =
        GatewayFixture.json(counter.toString().replace("\"copies\":1", "\"copies\":-1"));
    assertFalse(document.errors(schema, wrong).isEmpty());
  }

  private void run(Sample described) {
    Sample sample = withSession(described);
    Operation operation = document.operation(sample.operation);
    document.checkRequestHeaders(operation, sample.headers);
    boolean isDocument = operation.method().equals("POST") && !sample.body.isEmpty();
    document.checkRequest(
        operation,
        RequestTarget.parse(sample.target).query(),
        isDocument ? Optional.of(GatewayFixture.json(sample.body)) : Optional.empty());
    RawHttp.Response response =
        send(operation.method(), sample.target, sample.body, sample.headers);
    assertEquals(sample.status, response.status(), () -> sample + ": " + response.text());
    record(operation, response);
  }

  /// The same with a token where its headers have a word for one.
  private Sample withSession(Sample sample) {
    List<String> headers =
        sample.headers.stream()
            .map(
                header ->
                    switch (header) {
                      case WAITING -> waitingIn("/v1/keys/waiting");
                      case WAITING_FOR_TWO_COPIES -> waitingIn("/v1/keys/waiting?ack=replicated");
                      default -> header;
                    })
            .toList();
    return new Sample(sample.operation, sample.status, sample.target, sample.body, headers);
  }

  private String waitingIn(String target) {
    RawHttp.Response waiting = gateway.put(target, "x", "Trellis-Session: begin=read-committed");
    return "Trellis-Session: " + waiting.header("Trellis-Session").orElseThrow();
  }

  /// A request with which its session does not fit into a token any more: writes that wait are
  /// never left out of one, so as many are put there as will go, the long ones first.
  private RawHttp.Response overfull(String method) {
    String session = "begin=session, item-cut, read-committed";
    int number = 0;
    for (int length = 1_000; length > 0; length /= 2) {
      RawHttp.Response response;
      do {
        String target = "/v1/keys/" + "k".repeat(length) + number++;
        response = send("DELETE", target, "", List.of("Trellis-Session: " + session));
        session = response.header("Trellis-Session").orElseThrow();
      } while (response.status() != 413 && number < 1_000);
      assertEquals(413, response.status());
      if (method.equals("DELETE")) {
        return response;
      }
    }
    return send(method, "/v1/keys/one", "", List.of("Trellis-Session: " + session));
  }

  private RawHttp.Response send(String method, String target, String body, List<String> headers) {
    return RawHttp.exchange(
        gateway.address, method, target, body.getBytes(UTF_8), headers.toArray(new String[0]));
  }

  private void record(Operation operation, RawHttp.Response response) {
    document.check(operation, response);
    seen.computeIfAbsent(operation.name(), first -> new TreeSet<>()).add(response.status());
  }

  /// Makes the gateway answer with a status; the successful ones have had their samples.
  private void provoke(Operation operation, int status) {
    Sample right =
        SAMPLES.stream()
            .filter(sample -> sample.operation.equals(operation.name()))
            .findFirst()
            .map(this::withSession)
            .orElseThrow(() -> new AssertionError(operation.name() + " has no sample"));
    RawHttp.Response response =
        switch (status) {
          case 200, 202 -> null;
          case 400 ->
              send(right, right.target + (right.target.contains("?") ? "&" : "?") + "nonsense=1");
          case 404 -> send(right, "/v1/keys/nobody");
          case 408 ->
              operation.name().endsWith("/await")
                  ? failing(right, ErrorCode.NOT_REACHED)
                  : late(operation.method(), right.target);
          case 411 -> raw(operation.method() + " " + right.target + " HTTP/1.1\r\n\r\n", false);
          case 413 ->
              takesNoBody(operation) ? overfull(operation.method()) : oversized(right, operation);
          case 414 -> send(right, right.target + "?" + "x".repeat(17_000));
          case 415 ->
              raw(
                  operation.method()
                      + " "
                      + right.target
                      + " HTTP/1.1\r\nContent-Type: text/plain\r\nContent-Encoding: gzip\r\n"
                      + "Content-Length: 1\r\n\r\n1",
                  false);
          case 431 ->
              raw(
                  operation.method()
                      + " "
                      + right.target
                      + " HTTP/1.1\r\nX: "
                      + "x".repeat(17_000)
                      + "\r\n\r\n",
                  operation.method().equals("HEAD"));
          case 401 -> unknown(right);
          case 403 -> failing(right, ErrorCode.FORBIDDEN);
          case 409 -> failing(right, ErrorCode.KIND_MISMATCH);
          case 500 -> defective(right);
          case 503 -> withoutMemory(right);
          case 504 -> failing(right, ErrorCode.OUTCOME_UNKNOWN);
          case 507 -> failing(right, ErrorCode.OUT_OF_MEMORY);
          default -> throw new AssertionError("nothing provokes " + status);
        };
    if (response != null) {
      assertEquals(status, response.status(), () -> operation.name() + ": " + response.text());
      record(operation, response);
    }
  }

  /// What a gateway answers that knows nobody.
  private RawHttp.Response unknown(Sample right) {
    Guests nobody =
        new Guests() {
          @Override
          public Guest admit(HttpHeaders headers, String what, SocketAddress from) {
            throw new Refusal(ProblemType.UNAUTHENTICATED, "nobody is known here");
          }

          @Override
          public void close() {}
        };
    try (Gateway closed = Gateway.start(new Terms().config(), nobody, new CollectorRegistry())) {
      return RawHttp.exchange(
          closed.address(),
          document.operation(right.operation).method(),
          right.target,
          right.body.getBytes(UTF_8),
          right.headers.toArray(String[]::new));
    }
  }

  private RawHttp.Response oversized(Sample right, Operation operation) {
    return raw(
        operation.method() + " " + right.target + " HTTP/1.1\r\nContent-Length: 99999999\r\n\r\n",
        false);
  }

  private static boolean takesNoBody(Operation operation) {
    return !operation.method().equals("PUT") && !operation.method().equals("POST");
  }

  private RawHttp.Response send(Sample right, String target) {
    return send(document.operation(right.operation).method(), target, right.body, right.headers);
  }

  private RawHttp.Response raw(String request, boolean headOnly) {
    try (RawHttp http = new RawHttp(gateway.address)) {
      http.send(request);
      return http.receive(headOnly);
    }
  }

  private RawHttp.Response failing(Sample right, ErrorCode code) {
    gateway.store.failWith(code, Optional.empty());
    RawHttp.Response response = send(right, right.target);
    gateway.store.heal();
    return response;
  }

  private RawHttp.Response defective(Sample right) {
    if (right.operation.endsWith("/watch") || right.operation.endsWith("/commit")) {
      return failingWithoutFuture(right);
    }
    gateway.store.script(
        call -> CompletableFuture.failedFuture(new IllegalStateException("on purpose")));
    RawHttp.Response response = send(right, right.target);
    gateway.store.heal();
    return response;
  }

  private RawHttp.Response failingWithoutFuture(Sample right) {
    gateway.store.script(
        call -> {
          throw new IllegalStateException("on purpose");
        });
    RawHttp.Response response = send(right, right.target);
    gateway.store.heal();
    return response;
  }

  private RawHttp.Response withoutMemory(Sample right) {
    gateway.awaitMemoryGivenBack();
    long all = new Terms().config().memoryBytesMax();
    gateway.gateway.memory().take(all);
    RawHttp.Response response = send(right, right.target);
    gateway.gateway.memory().giveBack(all);
    return response;
  }

  /// A request whose body does not come, to a gateway that does not wait long.
  private static RawHttp.Response late(String method, String target) {
    Terms hasty = new Terms().bodyTimeout(Duration.ofMillis(10));
    try (GatewayFixture gateway = new GatewayFixture(hasty);
        RawHttp http = new RawHttp(gateway.address)) {
      http.send(method + " " + target + " HTTP/1.1\r\nContent-Length: 1\r\n\r\n");
      return http.receive(false);
    }
  }

  private static void collectReferences(JsonNode node, Set<String> found) {
    if (node.path("$ref").isTextual()) {
      found.add(node.get("$ref").textValue());
    }
    node.forEach(child -> collectReferences(child, found));
  }

  private static Sample put(int status, String target, String body, String... headers) {
    return Sample.of("PUT /v1/keys/{key}", status, "/v1/keys/" + target, body, headers);
  }

  private static Sample get(String target, String... headers) {
    return Sample.of("GET /v1/keys/{key}", 200, "/v1/keys/" + target, "", headers);
  }

  private static Sample await(String target) {
    return Sample.of(
        "GET /v1/keys/{key}/await", 200, "/v1/keys/" + target.replaceFirst("\\?", "/await?"), "");
  }

  private static Sample post(int status, String target, String body) {
    String operation = target.substring(target.indexOf('/') + 1).replaceFirst("\\?.*", "");
    return Sample.of("POST /v1/keys/{key}/" + operation, status, "/v1/keys/" + target, body);
  }
}
