package dev.trellis.faults;

import dev.trellis.faults.Lab.Host;
import java.io.IOException;
import java.net.HttpURLConnection;
import java.net.URI;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Optional;

/// How far a node's clock is from this machine's, as its own answers tell: the `Date` of its admin
/// port. That names whole seconds, so the node is asked again and again until a second begins.
final class ClockReading {
  private static final int TIMEOUT_MILLIS = 1_000;
  private static final long EXACT_MILLIS = 100;
  private static final int QUESTIONS_MAX = 200;
  private static final Duration PAUSE = Duration.ofMillis(20);

  private ClockReading() {}

  /// The node's clock less this machine's, to about 100 ms; empty if the node does not answer.
  static Optional<Duration> offset(Host host) throws InterruptedException {
    long least = Long.MIN_VALUE;
    long most = Long.MAX_VALUE;
    try {
      for (int asked = 0; asked < QUESTIONS_MAX; asked++) {
        long before = System.currentTimeMillis();
        long second = ask(host);
        long after = System.currentTimeMillis();
        // The clock stood somewhere in [second, second + 1 s) at some time in [before, after].
        least = Math.max(least, second - after);
        most = Math.min(most, second + 1_000 - before);
        if (most - least <= EXACT_MILLIS) {
          return Optional.of(Duration.ofMillis((least + most) / 2));
        }
        Thread.sleep(PAUSE);
      }
    } catch (IOException e) {
      return Optional.empty();
    }
    return Optional.empty(); // it moved meanwhile
  }

  private static long ask(Host host) throws IOException {
    HttpURLConnection connection =
        (HttpURLConnection)
            URI.create("http://" + host.address() + ":" + ServerPorts.admin(host) + "/healthz")
                .toURL()
                .openConnection();
    connection.setConnectTimeout(TIMEOUT_MILLIS);
    connection.setReadTimeout(TIMEOUT_MILLIS);
    connection.setRequestMethod("HEAD");
    String date = connection.getHeaderField("Date");
    if (date == null) {
      throw new IOException("no answer from the admin port of " + host.name());
    }
    return ZonedDateTime.parse(date, DateTimeFormatter.RFC_1123_DATE_TIME)
        .toInstant()
        .toEpochMilli();
  }
}
