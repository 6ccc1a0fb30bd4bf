package dev.trellis.routing.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class AcceptanceTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`` | false",
        "*/* | false",
        "application/json | true",
        "Application/JSON | true",
        "application/json, text/plain, */* | true",
        "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8 | false",
        "application/json;q=0 | false",
        "application/json;q=0.5, application/octet-stream | false",
        "application/json;q=0.5, application/octet-stream;q=0.4 | true",
        "application/octet-stream, application/json | true",
        "application/json;q=nonsense | false",
        ",;, | false",
      })
  void jsonIsPreferredWhereItIsNamedAndNotLessWanted(String accept, boolean json) {
    assertEquals(json, Acceptance.prefersJson(accept));
  }
}
