package dev.trellis.monitor.console;

import java.net.InetAddress;
import java.time.Duration;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// How often somebody may try to log in, and fail, from one address. Nobody finds an API key by
/// trying; this keeps those who do from costing anything. For any thread.
final class LoginLimit {
  static final int FAILURES_MAX = 10;
  static final Duration WINDOW = Duration.ofMinutes(1);
  private static final int ADDRESSES_MAX = 10_000;

  private record Count(long sinceMillis, int failures) {}

  // The one that was heard of longest ago is first. Under the lock of this.
  private final Map<InetAddress, Count> counts = new LinkedHashMap<>(16, 0.75f, true);

  /// How long an address has to wait before it may try again; 0 if it need not.
  synchronized long waitMillis(InetAddress from, long nowMillis) {
    @Nullable Count count = counts.get(from);
    return count == null || count.failures < FAILURES_MAX
        ? 0
        : Math.max(0, count.sinceMillis + WINDOW.toMillis() - nowMillis);
  }

  /// Somebody there has failed.
  synchronized void failed(InetAddress from, long nowMillis) {
    @Nullable Count count = counts.get(from);
    counts.put(
        from,
        count == null || nowMillis - count.sinceMillis >= WINDOW.toMillis()
            ? new Count(nowMillis, 1)
            : new Count(count.sinceMillis, count.failures + 1));
    if (counts.size() > ADDRESSES_MAX) {
      Iterator<InetAddress> oldest = counts.keySet().iterator();
      oldest.next();
      oldest.remove();
    }
  }
}
