package dev.trellis.node.config;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.process.ConfigurationException;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.Limits;
import dev.trellis.wire.NodeDescriptor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class NodeConfigTest {
  private static NodeConfig config(String text) {
    return config(text, Map.of());
  }

  private static NodeConfig config(String text, Map<String, String> environment) {
    return NodeConfig.of(
        StrictConfig.ofText(NodeConfig.reference(), "node.id = n1\n" + text, environment));
  }

  private static String refusal(String text) {
    return assertThrows(ConfigurationException.class, () -> config(text), text).getMessage();
  }

  @Test
  void theReferenceHasLegalDefaultsForAllButTheName() {
    NodeConfig config = config("");
    assertEquals(Limits.DEFAULT, config.limits());
    assertEquals(List.of(7502), config.listen().dataPorts());
    assertEquals("127.0.0.1", config.listen().advertised());
    assertEquals(Duration.ofMillis(500), config.clockSkewMax());
    assertEquals(Optional.empty(), config.storage().folder());
    assertEquals(
        "node.id is not set and has no default; set it in the configuration file or by"
            + " TRELLIS_NODE_ID",
        assertThrows(
                ConfigurationException.class,
                () -> NodeConfig.of(StrictConfig.ofText(NodeConfig.reference(), "", Map.of())))
            .getMessage());
  }

  @Test
  void theDocumentationShowsTheReference() throws IOException {
    Path page = Path.of(System.getProperty("trellis.root"), "docs", "configuration.md");
    assertTrue(
        Files.readString(page).contains("```hocon\n" + NodeConfig.reference() + "```"),
        () -> page + " does not show node.conf as it is");
  }

  @Test
  void anSsdNodeNeedsAFolder() {
    String message = refusal("node.tier = ssd");
    assertTrue(message.startsWith("node.tier is ssd and data.folder is not set"), message);
    StorageConfig storage =
        config("node.tier = ssd, data.folder = /data, ssd.sync = interval").storage();
    assertEquals(NodeDescriptor.Tier.SSD, storage.tier());
    assertEquals(Duration.ofMillis(100), storage.syncInterval());
    assertEquals(Duration.ZERO, config("ssd.interval = 1s").storage().syncInterval());
    assertTrue(refusal("node.tier = tape").contains("must be memory or ssd"));
    assertTrue(refusal("ssd.sync = never").contains("must be commit or interval"));
  }

  @Test
  void portsFollowTheFirstOneOrAreListed() {
    assertEquals(List.of(7502, 7503, 7504), config("shards = 3").listen().dataPorts());
    assertEquals(
        List.of(9000, 7000), config("shards = 2, data.ports = [9000, 7000]").listen().dataPorts());
    assertEquals(List.of(0, 0), config("shards = 2, data.ports = 0").listen().dataPorts());
    assertEquals(
        "data.ports = [1,2] (configuration: 2) must be the first port, or a list with one for each"
            + " of 3",
        refusal("shards = 3, data.ports = [1, 2]"));
    assertEquals("data.ports names port 5 twice", refusal("shards = 2, data.ports = [5, 5]"));
  }

  @Test
  void everyKeyCanBeSetByTheEnvironment() {
    NodeConfig config =
        config(
            "shards = 2",
            Map.of(
                "TRELLIS_NODE_ID", "n9",
                "TRELLIS_SHARDS", "3",
                "TRELLIS_DATA_PORTS", "1,2,3",
                "TRELLIS_CLOCK_SKEW_MAX", "2s",
                "TRELLIS_LIMITS_BATCH", "5",
                "TRELLIS_DATA_FOLDER", "/var/lib/trellis"));
    assertEquals("n9", config.nodeId());
    assertEquals(List.of(1, 2, 3), config.listen().dataPorts());
    assertEquals(Duration.ofSeconds(2), config.clockSkewMax());
    assertEquals(5, config.limits().batchKeysMax());
    assertEquals(Optional.of(Path.of("/var/lib/trellis")), config.storage().folder());
  }

  @Test
  void aMistypedKeyIsRefusedWithTheNearestKnownOne() {
    assertEquals(
        "configuration: 2: unknown key 'clock.skw.max'; the nearest known one is 'clock.skew.max'",
        refusal("clock.skw.max = 1s"));
    assertEquals(
        "configuration: 2: unknown key 'admin.prot'; the nearest known one is 'admin.port'",
        refusal("admin.prot = 1"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          shards = 0                | shards 0 is outside 1 to 256
          shards = 99999999999      | shards = 99999999999 (configuration: 2) is out of all proportion
          data.ports = 70000        | data.ports 70000 is outside 0 to 65535
          admin.port = -1           | admin.port -1 is outside 0 to 65535
          clock.skew.max = 2h       | clock.skew.max 2h is outside 1ms to 1h
          tombstone.grace = 1ms     | tombstone.grace 1ms is outside 1s to 30d
          handshake.timeout = 1h    | handshake.timeout 1h is outside 10ms to 1m
          outbound.max = 1B         | outbound.max 1B is outside 64KiB to 64MiB
          connections.max = 0       | connections.max 0 is outside 1 to 1000000
          requests.max = 0          | requests.max 0 is outside 1 to 65536
          stall.timeout = 1ms       | stall.timeout 1ms is outside 10ms to 1h
          memory.inbound = 1KiB     | memory.inbound 1KiB is outside 1MiB to 9223372036854775807B
          memory.outbound = 1KiB    | memory.outbound 1KiB is outside 1MiB to 9223372036854775807B
          watches.max = 0           | watches.max 0 is outside 1 to 1000000
          clients.max = 1           | clients.max 1 is outside 16 to 1000000
          node.capacity = 0         | node.capacity 0 is outside 1 to 1000
          stop.timeout = 6m         | stop.timeout 6m is outside 0ms to 5m
          node.id = ""              | node.id '' must have 1 to 64 characters
          control.port = 70000      | control.port 70000 is outside 0 to 65535
          cluster.founders = 0      | cluster.founders 0 is outside 1 to 1000
          startup.wait = 1ms        | startup.wait 1ms is outside 100ms to 1h
          gossip.epoch = 1m         | gossip.epoch PT1M is outside PT0.001S to PT10S
          ssd.max = 1MiB            | ssd.max 1MiB is outside 16MiB to 9223372036854775807B
          ssd.free.min = 91         | ssd.free.min 91 is outside 0 to 90
          statistics.period = 1ms   | statistics.period 1ms is outside 100ms to 1m
          statistics.sample = -1    | statistics.sample -1 is outside 0 to 4096
          statistics.idle.from = 2  | statistics.idle.from 2.0 is outside 0 to 1
          limits.key = 2KiB         | limits.key 2048 is outside 1 to 1024 bytes or keys
          """)
  void whatIsOutOfRangeIsRefusedWithKeyValueAndRange(String setting, String message) {
    assertEquals(message, refusal(setting));
  }

  @Test
  void memoryIsAtLeastAMebibytePerShard() {
    assertEquals(3 << 20, config("memory.max = 3MiB, shards = 3").storage().memoryBytesMax());
    assertEquals(
        "memory.max 2MiB is outside 3MiB to 9223372036854775807B",
        refusal("memory.max = 2MiB, shards = 3"));
    assertEquals(
        Runtime.getRuntime().maxMemory() / 100 * 20,
        config("memory.max = 20%").storage().memoryBytesMax());
  }

  @Test
  void aNodeWithSeedsMustBeReachedItself() {
    assertEquals(
        "cluster.seeds names db1:7500 but control.port is not set; set it, as other nodes must"
            + " reach this one",
        refusal("cluster.seeds = [\"db1:7500\"]"));
    assertEquals(
        "cluster.seeds 'db1' must be the address of a control port, host:port with a port of 1 to"
            + " 65535",
        refusal("control.port = 0, cluster.seeds = [db1]"));
  }

  @Test
  void asManyFoundAClusterAsThereAreSeedsUnlessItIsToldOtherwise() {
    assertEquals(1, config("").cluster().founders("a:1"));
    String seeds = "control.port = 0, cluster.seeds = \"a:1, b:2\"\n";
    assertEquals(2, config(seeds).cluster().founders("a:1"));
    assertEquals(3, config(seeds).cluster().founders("c:3"));
    assertEquals(5, config(seeds + "cluster.founders = 5").cluster().founders("a:1"));
  }

  @Test
  void aNodeIsSuspectedNoSoonerThanAfterTwoPingsAndRemovedLaterStill() {
    assertEquals(
        "membership.suspect.after 300ms is outside 400ms to 30m",
        refusal("membership.suspect.after = 300ms"));
    assertEquals(
        "membership.remove.after 1s is outside 1600ms to 1h",
        refusal("membership.remove.after = 1s"));
  }

  @Test
  void eachShardHandsOverAtItsPartOfTheRate() {
    NodeConfig config = config("shards = 4, handoff.rate = 8MiB");
    assertEquals(2 << 20, config.shardReplication().handoffBytesPerSecond());
    assertEquals(
        "handoff.rate 1KiB is outside 4KiB to 9223372036854775807B",
        refusal("shards = 4, handoff.rate = 1KiB"));
  }

  @Test
  void anAddressThatIsEveryAddressCannotBeAdvertised() {
    assertEquals(
        "advertise must be set to an address or name that others reach this node by, since bind"
            + " 0.0.0.0 is every address and thus none",
        refusal("bind = 0.0.0.0, security = off"));
    assertEquals(
        "db7.example",
        config("bind = 0.0.0.0, security = off, advertise = db7.example").listen().advertised());
  }

  @Test
  void aLoopbackNodeTakesFreePorts() {
    NodeConfig config = NodeConfig.loopback("n1", 2);
    assertEquals(List.of(0, 0), config.listen().dataPorts());
    assertEquals(0, config.listen().adminPort());
  }
}
