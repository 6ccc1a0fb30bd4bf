package dev.trellis.routing.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;

import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RequestTargetTest {
  private static final long SEED = Long.getLong("seed", System.nanoTime());

  @Test
  void segmentsAreDecodedAfterTheyWereCut() {
    assertEquals(List.of(), RequestTarget.parse("/").segments());
    assertEquals(
        List.of("v1", "keys", "a/b c+d"), RequestTarget.parse("/v1/keys/a%2Fb%20c+d").segments());
    assertEquals(List.of("v1", "keys", ""), RequestTarget.parse("/v1/keys/").segments());
    assertEquals(List.of("", "a"), RequestTarget.parse("//a").segments());
    assertEquals(List.of("a", "..", "b"), RequestTarget.parse("/a/../b").segments());
  }

  @Test
  void queriesKeepOrderAndRepetition() {
    Map<String, List<String>> query = RequestTarget.parse("/?b=1&a=x+y%2B&b=2&&c&d=").query();
    assertEquals(
        Map.of("b", List.of("1", "2"), "a", List.of("x y+"), "c", List.of(""), "d", List.of("")),
        query);
    assertEquals(List.of("b", "a", "c", "d"), List.copyOf(query.keySet()));
    assertEquals(Map.of("a", List.of("b=c?d/e")), RequestTarget.parse("/?a=b=c?d/e").query());
  }

  @Test
  void absoluteFormsLeadToTheirPath() {
    assertEquals(List.of("a"), RequestTarget.parse("http://host:80/a").segments());
    assertEquals(List.of(), RequestTarget.parse("https://host").segments());
    assertEquals(Map.of("q", List.of("1")), RequestTarget.parse("http://host?q=1").query());
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "a",
        "*",
        "host:80",
        "/%",
        "/%1",
        "/%g0",
        "/%-1",
        "/a b",
        "/\u00e9",
        "/%e9",
        "/%ed%a0%80",
        "/%f8%80%80%80%80",
        "/#",
        "/?%zz",
        "/?a=%ff"
      })
  void whatIsMalformedIsRefused(String target) {
    assertThrows(Refusal.class, () -> RequestTarget.parse(target));
  }

  @Test
  void whateverTextAKeyIsItSurvivesItsEncoding() {
    Random random = new Random(SEED);
    for (int round = 0; round < 1_000; round++) {
      String key =
          random
              .ints(0, 0x11_0000)
              .filter(point -> point < 0xd800 || point > 0xdfff)
              .limit(random.nextInt(1, 20))
              .collect(StringBuilder::new, StringBuilder::appendCodePoint, StringBuilder::append)
              .toString();
      String encoded = URLEncoder.encode(key, StandardCharsets.UTF_8).replace("+", "%20");
      RequestTarget target = RequestTarget.parse("/" + encoded + "?q=" + encoded);
      assertEquals(List.of(key), target.segments(), "-Dseed=" + SEED);
      assertEquals(List.of(key), target.query().get("q"), "-Dseed=" + SEED);
    }
  }
}
