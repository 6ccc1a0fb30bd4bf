package dev.trellis.monitor.console;

import dev.trellis.process.Doorkeeper;
import java.security.MessageDigest;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/// Who is logged in. A browser has a random id, and this remembers by what its owner is known, but
/// no secret of his: so a copy of the memory, or of a cookie that is over, opens nothing. For any
/// thread.
final class Logins {
  /// After which one that asks for nothing is over.
  static final Duration IDLE = Duration.ofMinutes(30);

  /// After which one is over in any case.
  static final Duration LIFE = Duration.ofHours(12);

  private static final int MOST = 1_000;
  private static final int ID_BYTES = 32;

  /// One that has begun.
  ///
  /// @param token that whatever changes something must bring along, as only pages of the console
  ///   can
  record Login(Doorkeeper.Proof proof, String token, long beganMillis) {}

  private static final class Entry {
    final Login login;
    long usedMillis;

    Entry(Login login, long usedMillis) {
      this.login = login;
      this.usedMillis = usedMillis;
    }
  }

  private final SecureRandom random = new SecureRandom();
  // By id; the one that was used longest ago is first. Under the lock of this.
  private final Map<String, Entry> entries = new LinkedHashMap<>(16, 0.75f, true);

  /// Begins one; beyond so many, the one goes that was used longest ago.
  ///
  /// @return its id
  synchronized String begin(Doorkeeper.Proof proof, long nowMillis) {
    if (entries.size() >= MOST) {
      Iterator<String> oldest = entries.keySet().iterator();
      oldest.next();
      oldest.remove();
    }
    String id = secret();
    entries.put(id, new Entry(new Login(proof, secret(), nowMillis), nowMillis));
    return id;
  }

  /// The one of an id, if it is not over. Counts as using it.
  synchronized Optional<Login> use(String id, long nowMillis) {
    @Nullable Entry entry = entries.get(id);
    if (entry == null) {
      return Optional.empty();
    }
    if (nowMillis - entry.usedMillis > IDLE.toMillis()
        || nowMillis - entry.login.beganMillis > LIFE.toMillis()) {
      entries.remove(id);
      return Optional.empty();
    }
    entry.usedMillis = nowMillis;
    return Optional.of(entry.login);
  }

  /// Whether one goes on still, without using it.
  synchronized boolean goesOn(Login login, long nowMillis) {
    return nowMillis - login.beganMillis <= LIFE.toMillis()
        && entries.values().stream().anyMatch(entry -> entry.login == login);
  }

  /// Ends one.
  synchronized void end(String id) {
    entries.remove(id);
  }

  /// 32 random bytes, as text.
  String secret() {
    byte[] bytes = new byte[ID_BYTES];
    random.nextBytes(bytes);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  /// Whether two texts are the same; takes as long whether they are or not.
  static boolean same(String one, String other) {
    return MessageDigest.isEqual(
        one.getBytes(java.nio.charset.StandardCharsets.UTF_8),
        other.getBytes(java.nio.charset.StandardCharsets.UTF_8));
  }
}
