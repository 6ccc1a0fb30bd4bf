package dev.trellis.process;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.access.AccessList;
import dev.trellis.access.AccessList.Authentication;
import dev.trellis.access.ApiKey;
import dev.trellis.access.KeyRecord;
import dev.trellis.lattice.Payload;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

@Timeout(60)
class DoorkeeperTest {
  private final SecureRandom random = new SecureRandom();
  private final ApiKey former = ApiKey.mint(random);
  private final ApiKey newer = ApiKey.mint(random);
  private final ApiKey shop = ApiKey.mint(random);

  private String line(ApiKey key) {
    return key.id() + " " + new KeyRecord(key.id(), "admin", key.hash(random), 0, 0).text() + "\n";
  }

  private static boolean isKnown(Doorkeeper doorkeeper, ApiKey key) {
    return doorkeeper.authenticate(Payload.ofText(key.text()), Optional.empty(), 0)
        instanceof Authentication.Known;
  }

  @Test
  void administratorsAreExchangedWhileItStays(@TempDir Path folder) throws Exception {
    Path file = folder.resolve(Secrets.ACCESS_KEYS);
    Files.writeString(file, line(former));
    Doorkeeper doorkeeper = Doorkeeper.of("blue", new Secrets(folder));
    AtomicInteger changes = new AtomicInteger();
    doorkeeper.onChange(changes::incrementAndGet);
    doorkeeper.heard(
        AccessList.of(
            Map.of(
                AccessList.keyField(shop.id()),
                new KeyRecord(shop.id(), "shop", shop.hash(random), 0, 0).text()),
            Set.of()));
    assertTrue(isKnown(doorkeeper, former));
    assertFalse(isKnown(doorkeeper, newer));
    Doorkeeper.Proof standing =
        doorkeeper.visit(Payload.ofText(former.text()), Optional.empty(), 0).proof().orElseThrow();

    Files.writeString(file, "half a li");
    Files.writeString(file, line(former) + line(newer));
    while (!isKnown(doorkeeper, newer)) {
      Thread.onSpinWait();
    }
    assertTrue(isKnown(doorkeeper, former));
    assertEquals(2, changes.get());

    Files.writeString(file, line(newer));
    while (isKnown(doorkeeper, former)) {
      Thread.onSpinWait();
    }
    assertTrue(doorkeeper.authenticate(standing, 0) instanceof Authentication.Unknown);
    assertTrue(isKnown(doorkeeper, newer));
    assertTrue(isKnown(doorkeeper, shop)); // by the list, which came from elsewhere
    assertEquals(3, changes.get());
  }
}
