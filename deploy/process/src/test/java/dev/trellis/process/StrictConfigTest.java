package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class StrictConfigTest {
  private static final String REFERENCE =
      """
      node.id = null
      shards = 1
      data.ports = 7502
      clock.skew.max = 500ms
      limits { value = 16 MiB, batch = 10000 }
      memory.max = 60%
      peers = []
      security = null
      """;

  private static StrictConfig config(String text) {
    return StrictConfig.ofText(REFERENCE, text, Map.of());
  }

  private static StrictConfig environment(String name, String value) {
    return StrictConfig.ofText(REFERENCE, "shards = 2", Map.of(name, value));
  }

  private static void assertRefused(String expected, Runnable reading) {
    assertEquals(expected, assertThrows(ConfigurationException.class, reading::run).getMessage());
  }

  @Test
  void whatIsNotSetHasItsDefault() {
    StrictConfig config = config("");
    assertEquals(1, config.whole("shards"));
    assertEquals(Duration.ofMillis(500), config.duration("clock.skew.max"));
    assertEquals(16 << 20, config.bytes("limits.value"));
    assertEquals(600, config.bytesOrShare("memory.max", 1_000));
    assertEquals(List.of(), config.texts("peers"));
    assertEquals(Optional.empty(), config.optionalText("node.id"));
  }

  @Test
  void theFileOverridesTheDefault() {
    StrictConfig config = config("clock { skew.max = 2 s }, memory.max = 3KiB, node.id = 7");
    assertEquals(Duration.ofSeconds(2), config.duration("clock.skew.max"));
    assertEquals(3_072, config.bytesOrShare("memory.max", 1_000));
    assertEquals("7", config.text("node.id"));
  }

  @Test
  void theEnvironmentOverridesTheFile() {
    assertEquals(4, environment("TRELLIS_SHARDS", "4").whole("shards"));
    assertEquals("n7", environment("TRELLIS_NODE_ID", "n7").text("node.id"));
    assertEquals(
        Duration.ofSeconds(1),
        environment("TRELLIS_CLOCK_SKEW_MAX", "1s").duration("clock.skew.max"));
    assertEquals(
        List.of(7502L, 7602L),
        environment("TRELLIS_DATA_PORTS", "7502, 7602").wholes("data.ports"));
  }

  @Test
  void variablesOfOthersAreLeftAlone() {
    assertEquals(2, environment("SHARDS", "4").whole("shards"));
    assertEquals(2, environment("TRELLIS_HOME", "/opt/trellis").whole("shards"));
  }

  @Test
  void aNumberOfOneIsAListOfOne() {
    assertEquals(List.of(7502L), config("").wholes("data.ports"));
    assertEquals(List.of(1L, 2L), config("data.ports = [1, 2]").wholes("data.ports"));
  }

  @Test
  void anUnknownKeyIsRefusedWithItsPlaceAndTheNearestKnownOne() {
    assertRefused(
        "configuration: 2: unknown key 'clock.skew.maximum'; the nearest known one is"
            + " 'clock.skew.max'",
        () -> config("shards = 2\nclock.skew.maximum = 1s"));
    assertRefused(
        "configuration: 1: unknown key 'shard'; the nearest known one is 'shards'",
        () -> config("shard = 2"));
    assertRefused(
        "configuration: 1: unknown key 'limit'; the nearest known one is 'limits'",
        () -> config("limit {}"));
  }

  @Test
  void aValueWhereASectionStandsIsRefusedWithTheKeysOfTheSection() {
    assertRefused(
        "configuration: 1: 'limits' is no key but a section, of limits.batch, limits.value",
        () -> config("limits = 5"));
  }

  @Test
  void aSectionWhereAValueStandsIsRefused() {
    assertRefused(
        "shards = {\"count\":2} (configuration: 1) must be a single value",
        () -> config("shards { count = 2 }").whole("shards"));
  }

  @Test
  void anUnknownVariableIsRefusedWithTheNearestKnownOne() {
    assertRefused(
        "unknown environment variable TRELLIS_NODEID; the nearest known one is TRELLIS_NODE_ID",
        () -> environment("TRELLIS_NODEID", "n1"));
  }

  @Test
  void aWrongTypeIsRefusedWithKeyValueAndPlace() {
    assertRefused(
        "shards = \"many\" (configuration: 1) must be a whole number",
        () -> config("shards = many").whole("shards"));
    assertRefused(
        "shards = 1.5 (configuration: 1) must be a whole number",
        () -> config("shards = 1.5").whole("shards"));
    assertRefused(
        "shards = \"many\" (environment variable TRELLIS_SHARDS) must be a whole number",
        () -> environment("TRELLIS_SHARDS", "many").whole("shards"));
    assertRefused(
        "clock.skew.max = 500 (configuration: 1) is no duration: write a whole number and a unit"
            + " of ms, s, m, h or d, such as 500ms",
        () -> config("clock.skew.max = 500").duration("clock.skew.max"));
    assertRefused(
        "limits.value = \"16 MB\" (configuration: 1) is no size: write a whole number and a unit"
            + " of B, KiB, MiB or GiB, such as 16MiB",
        () -> config("limits.value = 16 MB").bytes("limits.value"));
    assertRefused(
        "memory.max = \"120%\" (configuration: 1) must be between 1% and 100%",
        () -> config("memory.max = 120%").bytesOrShare("memory.max", 100));
    assertRefused(
        "peers = [[1]] (configuration: 1) must be a list of single values",
        () -> config("peers = [[1]]").texts("peers"));
  }

  @Test
  void aMissingValueWithoutDefaultIsRefusedSayingHowToSetIt() {
    assertRefused(
        "node.id is not set and has no default; set it in the configuration file or by"
            + " TRELLIS_NODE_ID",
        () -> config("").text("node.id"));
  }

  @Test
  void securityIsUnsetOffOrOn() {
    assertEquals(Security.LOOPBACK_ONLY, Security.of(config(""), "security"));
    assertEquals(Security.OFF, Security.of(config("security = off"), "security"));
    assertEquals(Security.ON, Security.of(config("security = on"), "security"));
    assertRefused(
        "security = \"maybe\" (configuration: 1) must be one of off, on",
        () -> Security.of(config("security = maybe"), "security"));
  }

  @Test
  void malformedTextIsRefusedOnOneLineWithItsPlace() {
    String message =
        assertThrows(ConfigurationException.class, () -> config("shards = 1\nnode { id = "))
            .getMessage();
    assertEquals(1, message.lines().count());
    assertEquals("configuration: 2:", message.substring(0, 17));
  }

  @Test
  void aMissingFileIsRefused(@TempDir Path folder) throws IOException {
    Path file = folder.resolve("trellis.conf");
    assertRefused(
        "configuration file " + file + " does not exist",
        () -> StrictConfig.read(REFERENCE, file, Map.of()));
    Files.writeString(file, "shards = 3");
    assertEquals(3, StrictConfig.read(REFERENCE, file, Map.of()).whole("shards"));
  }

  @Test
  void theEffectiveSettingsAreOneLineWithoutWhatIsUnset() {
    assertEquals(
        "clock.skew.max=\"500ms\" data.ports=7502 limits.batch=10000 limits.value=\"16 MiB\""
            + " memory.max=\"60%\" peers=[] shards=2",
        config("shards = 2").toString());
  }

  @Test
  void whatIsSecretIsNotShownBeItRightOrWrong() {
    StrictConfig config =
        StrictConfig.ofText("gateway.session.key = null", "gateway.session.key = abc123", Map.of());
    assertEquals("gateway.session.key=(secret)", config.toString());
    assertEquals("abc123", config.text("gateway.session.key"));
    String wrong =
        assertThrows(ConfigurationException.class, () -> config.whole("gateway.session.key"))
            .getMessage();
    assertTrue(wrong.contains("gateway.session.key") && !wrong.contains("abc123"), wrong);
  }
}
