package dev.trellis.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.math.BigInteger;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class JsonTest {
  @Test
  void whatIsWrittenIsReadBack() {
    Map<String, Object> object = new LinkedHashMap<>();
    object.put("text", "quote \" backslash \\ line\n ü 🜨 \u0001");
    object.put("whole", Long.MIN_VALUE);
    object.put("huge", BigInteger.TWO.pow(64));
    object.put("real", 0.1);
    object.put("truth", true);
    object.put("nothing", null);
    object.put("list", Arrays.asList(1L, null, List.of(), Map.of()));
    String text = Json.write(object);
    assertEquals(object, Json.read(text));
    assertEquals(List.copyOf(object.keySet()), List.copyOf(((Map<?, ?>) Json.read(text)).keySet()));
    assertTrue(text.lines().count() == 1);
  }

  @Test
  void infinitiesBecomeText() {
    assertEquals("\"-Infinity\"", Json.write(Double.NEGATIVE_INFINITY));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "{", "{\"a\":1,\"a\":2}", "1 2", "nul", "NaN", "[1,]", "{a:1}"})
  void whatIsNotExactlyOneValueIsRefused(String text) {
    assertThrows(IllegalArgumentException.class, () -> Json.read(text));
  }

  @Test
  void deepNestingIsRefusedBeforeItFillsTheStack() {
    String deep = "[".repeat(500_000);
    assertThrows(IllegalArgumentException.class, () -> Json.read(deep));
  }
}
