package dev.trellis.routing.gateway;

import static dev.trellis.routing.gateway.GatewayFixture.json;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.client.session.TokenSeal;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import java.time.Duration;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.SplittableRandom;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/// Sessions of HTTP requests, whose calls are carried out by a real session before a real shard.
@Timeout(60)
class SessionGatewayTest {
  private GatewayFixture gateway;

  @BeforeEach
  void start() {
    gateway = new GatewayFixture();
  }

  @AfterEach
  void stop() {
    gateway.close();
  }

  private static String begin(String words) {
    return "Trellis-Session: begin=" + words;
  }

  private static String token(RawHttp.Response response) {
    return response.header("Trellis-Session").orElseThrow(() -> new AssertionError(response));
  }

  private static String next(RawHttp.Response response) {
    return "Trellis-Session: " + token(response);
  }

  private static void assertRefused(RawHttp.Response response, String... said) {
    assertEquals(400, response.status(), response::text);
    JsonNode problem = json(response);
    assertEquals("BAD_REQUEST", problem.get("code").textValue());
    for (String part : said) {
      assertTrue(problem.get("detail").textValue().contains(part), problem::toString);
    }
  }

  private RawHttp.Response delete(String target, String... headers) {
    return RawHttp.exchange(gateway.address, "DELETE", target, new byte[0], headers);
  }

  /// Has the store answer reads as a replica that has nothing yet.
  private void forgetful() {
    gateway.store.forgetReads();
  }

  @Test
  void aSessionReadsWhatItWroteFromAReplicaThatLags() {
    RawHttp.Response written = gateway.put("/v1/keys/k", "v", begin("session"));
    assertEquals(200, written.status());
    forgetful();
    assertEquals(404, gateway.get("/v1/keys/k").status(), "the replica lags");
    RawHttp.Response read = gateway.get("/v1/keys/k", next(written));
    assertEquals("v", read.text());
    assertNotEquals(token(written), token(read), "each answer has the token to go on with");
    assertEquals("v", gateway.get("/v1/keys/k", next(read)).text());
  }

  @Test
  void everyOperationOnAKeyIsPartOfTheSession() {
    RawHttp.Response one = gateway.post("/v1/keys/c/add?by=2", "", begin("session"));
    RawHttp.Response two = gateway.post("/v1/keys/c/add?by=3", "", next(one));
    RawHttp.Response set = gateway.post("/v1/keys/s/add?elements=a&elements=b", "", next(two));
    RawHttp.Response removed = gateway.post("/v1/keys/s/remove?elements=a", "", next(set));
    forgetful();
    RawHttp.Response counter = gateway.get("/v1/keys/c", next(removed));
    assertEquals(5, json(counter).get("value").intValue());
    assertEquals("counter", counter.header("Trellis-Kind").orElseThrow());
    RawHttp.Response elements = gateway.get("/v1/keys/s", next(counter));
    assertEquals("[\"b\"]", json(elements).get("value").toString());
    RawHttp.Response deleted = delete("/v1/keys/c", next(elements));
    assertEquals(200, deleted.status(), deleted::text);
    RawHttp.Response missing = gateway.get("/v1/keys/c", next(deleted));
    assertEquals(404, missing.status());
    RawHttp.Response head =
        RawHttp.exchange(gateway.address, "HEAD", "/v1/keys/s", new byte[0], next(missing));
    assertEquals(200, head.status());
    assertEquals("orset", head.header("Trellis-Kind").orElseThrow());
    assertTrue(head.header("Trellis-Session").isPresent());
    RawHttp.Response raised = gateway.post("/v1/keys/m/raise?to=7", "", next(head));
    RawHttp.Response waited =
        gateway.get("/v1/keys/m/await?kind=max&atLeast=7&timeout=1s", next(raised));
    assertEquals(200, waited.status(), waited::text);
    assertTrue(waited.header("Trellis-Session").isPresent());
  }

  @Test
  void withoutTheHeaderThereIsNoSession() {
    assertEquals(Optional.empty(), gateway.put("/v1/keys/k", "v").header("Trellis-Session"));
    assertEquals(Optional.empty(), gateway.get("/v1/keys/k").header("Trellis-Session"));
  }

  @Test
  void theWordsOfABeginningAreThoseOfTheGuarantees() {
    Set<String> words = new HashSet<>(List.of("session", "pram", "causal,item-cut"));
    Arrays.stream(Guarantee.values()).map(Guarantee::word).forEach(words::add);
    for (String word : words) {
      RawHttp.Response begun = gateway.get("/v1/keys/nobody", begin(word));
      assertEquals(404, begun.status(), word);
      Session session = gateway.store.resume(SessionToken.ofText(token(begun)));
      assertTrue(session.guarantees().containsAll(Guarantee.ofWords(word)), word);
    }
    assertRefused(gateway.get("/v1/keys/k", begin("strict")), "'strict'", "read-atomic", "pram");
    assertRefused(gateway.get("/v1/keys/k", begin("")), "begin=", "read-your-writes");
  }

  @Test
  void aTokenOfTheClientGoesOnHereAndOneFromHereThere() {
    Session session = gateway.store.begin(Guarantee.SESSION);
    session.register("k").putText("v");
    forgetful();
    RawHttp.Response read = gateway.get("/v1/keys/k", "Trellis-Session: " + session.token().text());
    assertEquals("v", read.text());
    RawHttp.Response written = gateway.put("/v1/keys/k", "w", next(read));
    Session there = gateway.store.resume(SessionToken.ofText(token(written)));
    assertEquals(Optional.of("w"), there.register("k").getText());
  }

  @Test
  void whatIsNoTokenIsRefusedWithWhatWouldBeRight() {
    String good = token(gateway.put("/v1/keys/k", "v", begin("session")));
    byte[] bytes = Base64.getUrlDecoder().decode(good);
    bytes[0] = 9;
    String foreign = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    String right = "Send the header of the session's last answer unchanged, or begin=session";
    assertRefused(gateway.get("/v1/keys/k", "Trellis-Session: no=token"), "base64url", right);
    assertRefused(gateway.get("/v1/keys/k", "Trellis-Session: "), "too short", right);
    assertRefused(gateway.get("/v1/keys/k", "Trellis-Session: " + foreign), "version 9", right);
    assertRefused(
        gateway.get("/v1/keys/k", "Trellis-Session: " + good.substring(0, good.length() / 2)),
        "token",
        right);
    assertRefused(
        gateway.get("/v1/keys/k", "Trellis-Session: " + good, "Trellis-Session: " + good),
        "2 times");
  }

  @Test
  void whoHasASessionKeyTakesOnlyWhatIsSignedWithIt() {
    String unsigned = token(gateway.put("/v1/keys/k", "v", begin("session")));
    gateway.store.seal = new TokenSeal(List.of(Payload.ofText("one secret")), "");
    assertRefused(gateway.get("/v1/keys/k", "Trellis-Session: " + unsigned), "not signed");
    String signed = token(gateway.put("/v1/keys/k", "v", begin("session")));
    assertEquals("v", gateway.get("/v1/keys/k", "Trellis-Session: " + signed).text());
    byte[] bytes = Base64.getUrlDecoder().decode(signed);
    for (int at = 2; at < bytes.length; at++) {
      byte[] tampered = bytes.clone();
      tampered[at] ^= 1;
      String text = Base64.getUrlEncoder().withoutPadding().encodeToString(tampered);
      assertRefused(gateway.get("/v1/keys/k", "Trellis-Session: " + text), "or was changed");
    }
    gateway.store.seal = new TokenSeal(List.of(Payload.ofText("another secret")), "");
    RawHttp.Response refused = gateway.get("/v1/keys/k", "Trellis-Session: " + signed);
    assertRefused(refused, "session key");
    assertFalse(refused.text().contains("secret"), refused::text);
  }

  @Test
  void theTokenOfAnotherPrincipalIsRefused() {
    List<Payload> keys = List.of(Payload.ofText("one secret"));
    gateway.store.seal = new TokenSeal(keys, "ada");
    String adas = token(gateway.put("/v1/keys/k", "v", begin("session")));
    assertEquals("v", gateway.get("/v1/keys/k", "Trellis-Session: " + adas).text());
    gateway.store.seal = new TokenSeal(keys, "bob");
    RawHttp.Response refused = gateway.get("/v1/keys/k", "Trellis-Session: " + adas);
    assertRefused(refused, "for its principal 'bob'");
    assertFalse(refused.text().contains("ada"), refused::text);
  }

  /// Without a signature anybody can make a token: the worst that one may do is to be refused.
  @Test
  void bytesOfStrangersAreAnsweredWithoutADefect() {
    SplittableRandom random = new SplittableRandom(1);
    List<byte[]> tokens =
        List.of(waiting(), ofEveryKind("session"), ofEveryKind("causal,item-cut"));
    int taken = 0;
    for (int run = 0; run < 1_500; run++) {
      byte[] bytes = tokens.get(random.nextInt(tokens.size())).clone();
      for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
        bytes[2 + random.nextInt(bytes.length - 2)] = (byte) random.nextInt();
      }
      String text = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
      String header = "Trellis-Session: " + text;
      RawHttp.Response response =
          switch (run % 3) {
            case 0 -> gateway.get("/v1/keys/" + random.nextInt(7), header);
            case 1 -> gateway.post("/v1/commit", "", header);
            default -> gateway.post("/v1/keys/" + random.nextInt(7) + "/add?by=1", "", header);
          };
      assertNotEquals(500, response.status(), () -> text + ": " + response.text());
      taken += response.status() < 300 ? 1 : 0;
    }
    assertTrue(taken > 0, "some changes are of no account");
  }

  private byte[] waiting() {
    RawHttp.Response written = gateway.put("/v1/keys/0", "x", begin("read-atomic,session"));
    return Base64.getUrlDecoder().decode(token(gateway.get("/v1/keys/6", next(written))));
  }

  private byte[] ofEveryKind(String guarantees) {
    String session = begin(guarantees);
    for (String write :
        List.of(
            "0/put?value=x&ttl=1h",
            "1/add?by=3",
            "2/add?elements=a&elements=b",
            "3/put?kind=multicausal&value=x",
            "4/append?records=a",
            "5/update-field?field=f&update=put&value=x",
            "6/put?kind=causal&value=x")) {
      session = next(gateway.post("/v1/keys/" + write, "", session));
      session = next(gateway.get("/v1/keys/" + write.charAt(0), session));
    }
    return Base64.getUrlDecoder().decode(session.substring("Trellis-Session: ".length()));
  }

  @Test
  void whatCanNotHoldInASessionRefusesOne() {
    String header = begin("session");
    for (String target :
        List.of("/", "/openapi.yaml", "/v1/cluster", "/v1/keys", "/v1/keys/k/watch")) {
      assertRefused(gateway.get(target, header), "leave it out", "/v1/commit");
    }
    assertRefused(gateway.post("/v1/batch", "[]", header), "leave it out");
  }

  @Test
  void errorsBringTheTokenToo() {
    RawHttp.Response written = gateway.put("/v1/keys/k", "v", begin("session"));
    RawHttp.Response mismatch = gateway.post("/v1/keys/k/add?by=1", "", next(written));
    assertEquals(409, mismatch.status());
    RawHttp.Response wrong = gateway.get("/v1/keys/k?nonsense=1", next(mismatch));
    assertEquals(400, wrong.status());
    RawHttp.Response short1 =
        gateway.put("/v1/keys/k?ack=replicated&shortfall=fail", "w", next(wrong));
    assertEquals(503, short1.status());
    forgetful();
    assertEquals("w", gateway.get("/v1/keys/k", next(short1)).text(), "what is kept is read");
  }

  @Test
  void whatWaitsIsSeenByItsSessionOnlyUntilTheCommit() {
    RawHttp.Response from = gateway.put("/v1/keys/from", "10", begin("read-committed"));
    assertEquals(202, from.status());
    assertEquals("{\"key\":\"from\",\"waiting\":1}", from.text().strip());
    assertEquals(Optional.empty(), from.header("Trellis-Receipt"));
    RawHttp.Response to = gateway.post("/v1/keys/to/add?by=90", "", next(from));
    assertEquals(2, json(to).get("waiting").intValue());
    assertEquals(404, gateway.get("/v1/keys/from").status());
    RawHttp.Response own = gateway.get("/v1/keys/from", next(to));
    assertEquals("10", own.text());

    RawHttp.Response committed = gateway.post("/v1/commit", "", next(own));
    assertEquals(200, committed.status(), committed::text);
    assertEquals(2, json(committed).get("committed").intValue());
    assertEquals(1, json(committed).at("/receipt/copies").intValue());
    assertEquals(Optional.of("copies=1, durable-copies=0"), committed.header("Trellis-Receipt"));
    assertEquals("10", gateway.get("/v1/keys/from").text());
    assertEquals(90, json(gateway.get("/v1/keys/to")).get("value").intValue());

    RawHttp.Response again = gateway.post("/v1/commit", "", next(committed));
    assertEquals(0, json(again).get("committed").intValue());
    assertEquals(Optional.empty(), again.header("Trellis-Receipt"));
  }

  @Test
  void whatIsAbortedNeverWas() {
    RawHttp.Response put = gateway.put("/v1/keys/k", "v", begin("read-atomic"));
    RawHttp.Response aborted = gateway.post("/v1/abort", "", next(put));
    assertEquals("{\"aborted\":1}", aborted.text().strip());
    RawHttp.Response committed = gateway.post("/v1/commit", "", next(aborted));
    assertEquals(0, json(committed).get("committed").intValue());
    assertEquals(404, gateway.get("/v1/keys/k", next(committed)).status());
  }

  @Test
  void ofAnAtomicCommitASessionReadsAllOrNothing() {
    RawHttp.Response a = gateway.put("/v1/keys/a", "1", begin("read-atomic"));
    RawHttp.Response b = gateway.put("/v1/keys/b", "1", next(a));
    RawHttp.Response before = gateway.get("/v1/keys/a", begin("read-atomic"));
    assertEquals(404, before.status());
    assertEquals(200, gateway.post("/v1/commit", "", next(b)).status());
    RawHttp.Response rest = gateway.get("/v1/keys/b", next(before));
    assertEquals(404, rest.status(), "read with the state before");
    RawHttp.Response anew = gateway.post("/v1/abort", "", next(rest));
    RawHttp.Response both = gateway.get("/v1/keys/a", next(anew));
    assertEquals("1", both.text());
    assertEquals("1", gateway.get("/v1/keys/b", next(both)).text());
    assertRefused(
        gateway.post("/v1/keys/c/add?by=1", "", begin("read-atomic")), "read-atomic writes lww");
  }

  @Test
  void aCommitThatFallsShortIsKeptOrFailedAsAskedFor() {
    RawHttp.Response put = gateway.put("/v1/keys/k?ack=replicated", "v", begin("read-committed"));
    RawHttp.Response accepted = gateway.post("/v1/commit", "", next(put));
    assertEquals(202, accepted.status(), accepted::text);
    assertTrue(json(accepted).get("shortfall").textValue().contains("1 copy"), accepted::text);
    assertEquals(0, json(gateway.post("/v1/commit", "", next(accepted))).get("committed").asInt());

    RawHttp.Response again = gateway.put("/v1/keys/k?ack=replicated", "w", next(accepted));
    RawHttp.Response failed = gateway.post("/v1/commit?shortfall=fail", "", next(again));
    assertEquals(503, failed.status());
    assertFalse(json(failed).get("definite").booleanValue());
    assertEquals("w", gateway.get("/v1/keys/k").text());
    assertRefused(
        gateway.put("/v1/keys/k?shortfall=fail", "x", next(failed)), "POST /v1/commit?shortfall");

    RawHttp.Response atomic = gateway.put("/v1/keys/k?ack=replicated", "y", begin("read-atomic"));
    RawHttp.Response kept = gateway.post("/v1/commit", "", next(atomic));
    assertEquals(202, kept.status(), kept::text);
    assertEquals(0, json(gateway.post("/v1/abort", "", next(kept))).get("aborted").asInt());
    assertEquals("y", gateway.get("/v1/keys/k").text());
  }

  @Test
  void aCommitThatIsCarriedOutInPartSaysSo() {
    gateway.post("/v1/keys/number/add?by=1", "");
    RawHttp.Response good = gateway.put("/v1/keys/good", "v", begin("read-committed"));
    RawHttp.Response bad = gateway.put("/v1/keys/number", "v", next(good));
    RawHttp.Response failed = gateway.post("/v1/commit", "", next(bad));
    assertEquals(409, failed.status(), failed::text);
    assertFalse(json(failed).get("definite").booleanValue());
    assertTrue(json(failed).get("detail").textValue().contains("1 were carried out"));
    assertEquals("v", gateway.get("/v1/keys/good").text());
    RawHttp.Response aborted = gateway.post("/v1/abort", "", next(failed));
    assertEquals(1, json(aborted).get("aborted").intValue(), "the other one was waiting still");

    RawHttp.Response one = gateway.put("/v1/keys/other", "v", begin("read-atomic"));
    RawHttp.Response two = gateway.put("/v1/keys/number", "v", next(one));
    RawHttp.Response none = gateway.post("/v1/commit", "", next(two));
    assertEquals(409, none.status(), none::text);
    assertTrue(json(none).get("definite").booleanValue());
    assertEquals(404, gateway.get("/v1/keys/other").status());
  }

  @Test
  void commitAndAbortNeedTheSessionThatTheyEnd() {
    for (String target : List.of("/v1/commit", "/v1/abort")) {
      assertRefused(gateway.post(target, ""), "'Trellis-Session' is missing");
      assertRefused(gateway.post(target, "", begin("session")), "nothing can wait yet");
    }
  }

  @Test
  void whatDoesNotFitIntoATokenIsRefusedAndTheSessionStaysAsItWas() {
    RawHttp.Response small = gateway.put("/v1/keys/small", "v", begin("read-committed"));
    RawHttp.Response big = gateway.put("/v1/keys/big", "v".repeat(5_000), next(small));
    assertEquals(413, big.status());
    JsonNode problem = json(big);
    assertEquals("VALUE_TOO_LARGE", problem.get("code").textValue());
    assertTrue(problem.get("detail").textValue().contains("2 writes wait"), problem::toString);
    assertTrue(problem.get("detail").textValue().contains("limit is 4096"), problem::toString);
    assertEquals(token(small), token(big));
    RawHttp.Response committed = gateway.post("/v1/commit", "", next(big));
    assertEquals(1, json(committed).get("committed").intValue());
    assertEquals(404, gateway.get("/v1/keys/big").status());

    RawHttp.Response first =
        gateway.put("/v1/keys/big", "v".repeat(5_000), begin("read-committed"));
    assertEquals(413, first.status());
    assertEquals(Optional.empty(), first.header("Trellis-Session"), "there was none before");
  }

  @Test
  void aTokenThatLeftSomethingOutSaysSoAndPromisesAsMuch() {
    RawHttp.Response fine = gateway.put("/v1/keys/a", "v", begin("session"));
    assertEquals(Optional.empty(), fine.header("Trellis-Session-Coarse"));
    RawHttp.Response coarse = gateway.put("/v1/keys/b", "v".repeat(6_000), next(fine));
    assertEquals(Optional.of("true"), coarse.header("Trellis-Session-Coarse"));
    assertTrue(token(coarse).length() < 5_500, coarse::toString);
    assertEquals("v".repeat(6_000), gateway.get("/v1/keys/b", next(coarse)).text());
    // A token as long as they come, in a header of the length that is accepted by default.
    RawHttp.Response many = fine;
    for (int at = 0; at < 100; at++) {
      many = gateway.put("/v1/keys/key-" + at, "v".repeat(200), next(many));
      assertEquals(200, many.status());
    }
    assertTrue(token(many).length() > 5_000, many::toString);
  }

  @Test
  void aDefectGivesNoTokenSoThatTheCallerGoesOnWithTheOneBefore() {
    RawHttp.Response written = gateway.put("/v1/keys/k", "v", begin("session"));
    gateway.store.script(
        call -> {
          throw new IllegalStateException("on purpose");
        });
    RawHttp.Response defect = gateway.get("/v1/keys/k", next(written));
    assertEquals(500, defect.status());
    assertEquals(Optional.empty(), defect.header("Trellis-Session"));
    gateway.store.heal();
    assertEquals("v", gateway.get("/v1/keys/k", next(written)).text());
  }

  @Test
  void whereNoReplicaCanKeepThePromiseTheAnswerSaysSo() {
    RawHttp.Response written = gateway.put("/v1/keys/k", "v", begin("session"));
    gateway.store.failWith(ErrorCode.SESSION_UNAVAILABLE, Optional.empty());
    RawHttp.Response refused = gateway.get("/v1/keys/k", next(written));
    assertEquals(503, refused.status());
    assertEquals("SESSION_UNAVAILABLE", json(refused).get("code").textValue());
    assertTrue(refused.header("Retry-After").isPresent());
    assertTrue(refused.header("Trellis-Session").isPresent());
  }

  @Test
  void receiptsTellWhatWasAchieved() {
    String time = "\"\\d+\\.\\d+\"";
    String found = "as-of=" + time + ", staleness-millis=\\d+, served=memory";
    RawHttp.Response written = gateway.put("/v1/keys/k", "v", begin("session"));
    assertReceipt("copies=1, durable-copies=0, generation=\"0\\.0\", " + found, written);
    assertReceipt("generation=\"0\\.0\", " + found, gateway.get("/v1/keys/k", next(written)));
    assertReceipt("generation=\"0\\.0\", " + found, gateway.get("/v1/keys/k"));
    assertReceipt("generation=\"0\\.0\", " + found, gateway.get("/v1/keys/nobody"));
    gateway.post("/v1/keys/c/add?by=1", "");
    RawHttp.Response deleted = delete("/v1/keys/c");
    assertReceipt("copies=1, durable-copies=0, generation=" + time + ", " + found, deleted);
    String generation = deleted.header("Trellis-Generation").orElseThrow();
    assertTrue(deleted.header("Trellis-Receipt").orElseThrow().contains(generation));
    gateway.store.pass(Duration.ofSeconds(5));
    String clock = gateway.get("/v1/keys/k").header("Trellis-Clock").orElseThrow();
    String receipt = gateway.get("/v1/keys/k").header("Trellis-Receipt").orElseThrow();
    assertTrue(receipt.contains(clock.substring(0, 10)), () -> receipt + " at " + clock);
  }

  private static void assertReceipt(String pattern, RawHttp.Response response) {
    String receipt = response.header("Trellis-Receipt").orElseThrow();
    assertTrue(receipt.matches(pattern), receipt);
  }
}
