package dev.trellis.monitor.console;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;

class JsonWriterTest {
  @Test
  void objectsListsAndNumbersAreNested() {
    Map<String, Double> numbers = new LinkedHashMap<>();
    numbers.put("one", 1.0);
    numbers.put("half", 0.5);
    assertEquals(
        "{\"a\":\"x\",\"b\":true,\"c\":{},\"d\":[{\"n\":1},{\"n\":2}],\"e\":{\"one\":1,\"half\":0.5},"
            + "\"f\":[[1,2.5],[]],\"g\":null,\"h\":7,\"i\":[]}",
        JsonWriter.object(
            json ->
                json.field("a", "x")
                    .field("b", true)
                    .field("c", _ -> {})
                    .list("d", List.of(1, 2), (inner, number) -> inner.field("n", number))
                    .field("e", numbers)
                    .rows("f", List.of(new double[] {1, 2.5}, new double[0]))
                    .field("g", OptionalDouble.empty())
                    .field("h", OptionalLong.of(7))
                    .list("i", List.of(), (_, _) -> {})));
  }

  @Test
  void numbersAreShortAndThoseThatJsonLacksAreNull() {
    assertEquals(
        "{\"a\":null,\"b\":null,\"c\":0.333333,\"d\":1773498728000,\"e\":1.5E-7,\"f\":0,\"g\":1E+300}",
        JsonWriter.object(
            json ->
                json.field("a", Double.NaN)
                    .field("b", Double.NEGATIVE_INFINITY)
                    .field("c", 1 / 3.0)
                    .field("d", 1_773_498_728_000.0)
                    .field("e", 0.00000015)
                    .field("f", -0.0)
                    .field("g", 1e300)));
  }

  @Test
  void anyTextIsReadBackAndNoneHasAnOpeningBracket() throws Exception {
    String hostile = "\"\\\n\t\0</script>\u2028\u202e\ud83d\ude00";
    String json = JsonWriter.object(writer -> writer.field(hostile, hostile));
    JsonNode read = new ObjectMapper().readTree(json);
    assertEquals(hostile, read.get(hostile).asText());
    assertFalse(json.contains("<"));
  }

  @Test
  void halvesOfCharactersAreEscapedAsUtf8HasNoneOfThem() {
    assertEquals(
        "{\"a\":\"\\ud83d\",\"b\":\"\\ude00\\ud83dx\"}",
        JsonWriter.object(json -> json.field("a", "\ud83d").field("b", "\ude00\ud83dx")));
  }
}
