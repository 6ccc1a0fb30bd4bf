package dev.trellis.routing.lookup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.process.ConfigurationException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class AddressTest {
  @Test
  void readsNamesAndNumbers() {
    assertEquals(new Address("node-1.example", 7502), Address.parse("k", "node-1.example:7502"));
    assertEquals(new Address("::1", 7502), Address.parse("k", "[::1]:7502"));
    assertEquals("[::1]:7502", new Address("::1", 7502).toString());
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a", ":1", "a:", "a:0", "a:65536", "a:b", "::1:7502", "a:-1"})
  void refusesEverythingElseNamingKeyAndValue(String text) {
    String message =
        assertThrows(ConfigurationException.class, () -> Address.parse("cluster.nodes", text))
            .getMessage();
    assertTrue(message.contains("cluster.nodes has '" + text + "'"), message);
  }
}
