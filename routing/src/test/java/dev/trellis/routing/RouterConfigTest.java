package dev.trellis.routing;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StrictConfig;
import dev.trellis.routing.lookup.Address;
import dev.trellis.wire.Limits;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class RouterConfigTest {
  private static final String NODES = "cluster.nodes = [\"127.0.0.1:7502\"]\n";

  @Test
  void theDefaultsAreThoseOfTheReference() {
    RouterConfig config = read(NODES);
    assertEquals("trellis", config.lookup().clusterName());
    assertEquals(List.of(new Address("127.0.0.1", 7502)), config.lookup().nodes());
    assertEquals(7400, config.lookup().address().getPort());
    assertEquals(7401, config.admin().getPort());
    assertEquals(7480, config.gateway().address().getPort());
    assertTrue(config.gateway().address().getAddress().isLoopbackAddress());
    assertEquals(Limits.DEFAULT, config.gateway().limits());
    assertEquals(Duration.ofSeconds(5), config.callTimeout());
    assertEquals(16 << 10, config.gateway().headerBytesMax());
  }

  @Test
  void theDocumentationShowsTheReference() throws IOException {
    Path page = Path.of(System.getProperty("trellis.root"), "docs", "configuration.md");
    assertTrue(
        Files.readString(page).contains("```hocon\n" + RouterConfig.reference() + "```"),
        () -> page + " does not show router.conf as it is");
  }

  @Test
  void theEnvironmentOverridesTheFile() {
    StrictConfig config =
        StrictConfig.ofText(
            RouterConfig.reference(),
            NODES + "gateway.port = 1",
            Map.of("TRELLIS_GATEWAY_PORT", "8080", "TRELLIS_CLUSTER_NODES", "a:1,b:2"));
    assertEquals(8080, RouterConfig.of(config).gateway().address().getPort());
    assertEquals(2, RouterConfig.of(config).lookup().nodes().size());
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "`` | cluster.nodes is not set",
        "cluster.nodes = [] | cluster.nodes is empty",
        "cluster.nodes = [\"here\"] | cluster.nodes has 'here'",
        "cluster.nodes = [\"a:1\"], gatewy.port = 1 | gateway.port",
        "cluster.nodes = [\"a:1\"], gateway.port = 70000 | gateway.port 70000",
        "cluster.nodes = [\"a:1\"], gateway.header.max = 1MiB | gateway.header.max 1MiB",
        "cluster.nodes = [\"a:1\"], gateway.header.timeout = 10 | gateway.header.timeout",
        "cluster.nodes = [\"a:1\"], cluster.timeout = 1ms | cluster.timeout 1ms",
        "cluster.nodes = [\"a:1\"], limits.value = 32MiB | limits.value",
        "cluster.nodes = [\"a:1\"], bind = 0.0.0.0 | bind 0.0.0.0 is not a loopback address",
        "cluster.nodes = [\"a:1\"], gateway.bind = 0.0.0.0 | gateway.bind 0.0.0.0 is not",
        "cluster.nodes = [\"a:1\"], security = on | security",
        "cluster.nodes = [\"a:1\"], gateway.memory.max = 1MiB | gateway.memory.max 1MiB",
        "cluster.nodes = [\"a:1\"], router.id = \"\" | router.id ''",
        "cluster.nodes = [\"a:1\"], gateway.session.key = \"\" | gateway.session.key is empty",
        "cluster.nodes = [\"a:1\"], gateway.session.key = sesame | gateway.session.key has 6 bytes",
      })
  void whatCannotBeIsRefusedByName(String text, String named) {
    String message = assertThrows(ConfigurationException.class, () -> read(text)).getMessage();
    assertTrue(message.contains(named), message);
  }

  @Test
  void theSessionKeyIsReadAndShownToNobody() {
    assertTrue(read(NODES).sessionKey().isEmpty());
    RouterConfig config = read(NODES + "gateway.session.key = \"an open sesame, an open one\"");
    assertEquals("an open sesame, an open one", config.sessionKey().text());
    assertFalse(config.toString().contains("sesame"), config::toString);
    String refused =
        assertThrows(
                ConfigurationException.class, () -> read(NODES + "gateway.session.key = sesame"))
            .getMessage();
    assertFalse(refused.contains("sesame"), refused);
  }

  @Test
  void withSecurityOffAnyAddressMayBeListenedOn() {
    RouterConfig config = read(NODES + "bind = 0.0.0.0, security = off");
    assertTrue(config.gateway().address().getAddress().isAnyLocalAddress());
  }

  private static RouterConfig read(String text) {
    return RouterConfig.of(StrictConfig.ofText(RouterConfig.reference(), text, Map.of()));
  }
}
