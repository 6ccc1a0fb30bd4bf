package dev.trellis.routing.lookup;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.Allowance;
import dev.trellis.access.ApiKey;
import dev.trellis.access.KeyRecord;
import dev.trellis.lattice.Payload;
import dev.trellis.process.HttpsClient;
import dev.trellis.process.Protection;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import io.prometheus.client.CollectorRegistry;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/// The cluster map with `security = on`: who may have how many connections.
@Timeout(60)
class SecureLookupTest {
  private static final SecureRandom RANDOM = new SecureRandom();
  private static final Duration PATIENT = Duration.ofSeconds(50);

  @TempDir Path folder;

  private final List<AutoCloseable> closing = new ArrayList<>();
  private final ApiKey shop = ApiKey.mint(RANDOM);
  private final ApiKey bank = ApiKey.mint(RANDOM);
  private final ApiKey post = ApiKey.mint(RANDOM);
  private TestSecrets secrets;
  private Secrets own;
  private Lookup lookup;

  @BeforeEach
  void start() {
    secrets = new TestSecrets(folder, "trellis");
    own = secrets.router("r1");
    Protection protection = Protection.of(own, "trellis", "router r1", InstantSource.system());
    Map<String, String> fields = new HashMap<>();
    for (Map.Entry<String, ApiKey> each :
        Map.of("shop", shop, "bank", bank, "post", post).entrySet()) {
      ApiKey key = each.getValue();
      fields.put(
          AccessList.keyField(key.id()),
          new KeyRecord(key.id(), each.getKey(), key.hash(RANDOM), 0, 0).text());
    }
    fields.put(AccessList.allowanceField("post"), AccessList.text(new Allowance(0, 0, 1, 0)));
    protection.doorkeeper().heard(AccessList.of(fields, Set.of()));
    lookup =
        Lookup.start(
            new LookupConfig(
                "r1",
                "trellis",
                List.of(new Address("127.0.0.1", 1)),
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                Limits.DEFAULT,
                Duration.ofMillis(20),
                PATIENT,
                PATIENT,
                4),
            Optional.of(protection),
            new CollectorRegistry());
    closing.add(lookup);
  }

  @AfterEach
  void stop() throws Exception {
    for (AutoCloseable open : closing.reversed()) {
      open.close();
    }
  }

  private FrameClient connect(Optional<Secrets> shown) {
    FrameClient client =
        new FrameClient(lookup.address(), Optional.of(HttpsClient.context(own, shown)));
    closing.add(client);
    return client;
  }

  private static Frame greet(FrameClient client, ApiKey key) {
    return client.ask(FrameClient.hello("trellis", Payload.ofText(key.text())));
  }

  private FrameClient connected(ApiKey key) {
    FrameClient client = connect(Optional.empty());
    assertInstanceOf(Frame.Welcome.class, greet(client, key));
    return client;
  }

  private void refused(ApiKey key, String reason) {
    FrameClient client = connect(Optional.empty());
    Frame.Refused refused = assertInstanceOf(Frame.Refused.class, greet(client, key));
    assertEquals(ErrorCode.OVERLOADED, refused.code());
    assertTrue(refused.message().contains(reason), refused.message());
    assertTrue(client.isAtEnd());
  }

  @Test
  void nobodyTakesAllConnectionsOfTheMapService() {
    FrameClient one = connected(shop);
    connected(shop);
    refused(shop, "shop has 2 connections to this router");
    connected(bank);
    connected(bank);
    refused(post, "connections.max");
    // There are places for administrators, and for nodes and routers.
    FrameClient administrator = connected(secrets.administrator());
    FrameClient node = connect(Optional.of(secrets.node("n1")));
    assertInstanceOf(Frame.Welcome.class, node.ask(FrameClient.hello("trellis")));
    node.close();
    administrator.close();
    one.close();
    while (!(greet(connect(Optional.empty()), shop) instanceof Frame.Welcome)) {
      Thread.onSpinWait(); // the time limit of the tests bounds it
    }
  }

  @Test
  void theLimitOfConnectionsCountsAtTheMapService() {
    connected(post);
    refused(post, "post has 1 connections to this router");
    connected(shop);
  }
}
