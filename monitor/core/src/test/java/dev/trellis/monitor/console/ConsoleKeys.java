package dev.trellis.monitor.console;

import dev.trellis.access.AccessList;
import dev.trellis.access.ApiKey;
import dev.trellis.access.KeyRecord;
import dev.trellis.process.Protection;
import dev.trellis.process.Secrets;
import dev.trellis.process.TestSecrets;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;

/// A monitor's protection, and keys of people: one who may see the console, one who may do all but
/// that, and an administrator.
final class ConsoleKeys {
  private static final SecureRandom RANDOM = new SecureRandom();

  final ApiKey viewer = ApiKey.mint(RANDOM);
  final ApiKey shop = ApiKey.mint(RANDOM);
  final TestSecrets secrets;
  final Secrets own;
  final Protection protection;
  private final Map<String, String> fields = new HashMap<>();
  private final Set<String> flags = new HashSet<>();

  ConsoleKeys(Path folder) {
    secrets = new TestSecrets(folder, "shop-eu");
    own = secrets.monitor("m");
    protection = Protection.of(own, "shop-eu", "monitor", InstantSource.system());
    fields.put(
        AccessList.keyField(viewer.id()),
        new KeyRecord(viewer.id(), "viewer", viewer.hash(RANDOM), 0, 0).text());
    fields.put(
        AccessList.keyField(shop.id()),
        new KeyRecord(shop.id(), "shop", shop.hash(RANDOM), 0, 0).text());
    grantViewer("read");
    fields.put(AccessList.grantField("shop", ""), "read,write");
  }

  private void grantViewer(String roles) {
    fields.put(AccessList.grantField("viewer", "_trellis/monitor"), roles);
  }

  void grantViewerMailboxes(String prefix) {
    fields.put(AccessList.grantField("viewer", prefix), "read");
    heard();
  }

  /// Tells the monitor's doorkeeper of all that.
  ConsoleKeys heard() {
    protection.doorkeeper().heard(AccessList.of(fields, flags));
    return this;
  }

  void revoke(ApiKey key) {
    flags.add(AccessList.revokedField(key.id()));
    heard();
  }

  void takeBackFromViewer() {
    grantViewer("");
    heard();
  }
}
