package dev.trellis.process;

import dev.trellis.lattice.Payload;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.attribute.FileTime;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// The keys of [Secrets#SESSION_KEY], with which tokens of sessions are signed: the first line
/// signs, any of them is taken. Read anew when the file changes, which is looked for once a second
/// at most. For any thread.
public final class SessionKeys implements Supplier<List<Payload>> {
  /// How long a key is at least.
  public static final int BYTES_MIN = 16;

  /// How long a key is at most.
  public static final int BYTES_MAX = 1_024;

  private static final Logger LOG = LoggerFactory.getLogger(SessionKeys.class);
  private static final long LOOK_NANOS = TimeUnit.SECONDS.toNanos(1);

  private record Read(List<Payload> keys, FileTime time) {}

  private final Secrets secrets;
  private final long lookNanos;
  private volatile Read read; // replaced under the lock of this
  private volatile long lookedNanos;

  private SessionKeys(Secrets secrets, long lookNanos) {
    this.secrets = secrets;
    this.lookNanos = lookNanos;
    this.read = read(secrets);
    this.lookedNanos = System.nanoTime();
  }

  /// Reads the file.
  ///
  /// @throws ConfigurationException if it is not there, has no key, or one of a wrong length; the
  ///   message has none of them
  public static SessionKeys of(Secrets secrets) {
    return new SessionKeys(secrets, LOOK_NANOS);
  }

  /// As [#of], but the file is looked at each time.
  static SessionKeys always(Secrets secrets) {
    return new SessionKeys(secrets, 0);
  }

  @Override
  public List<Payload> get() {
    long now = System.nanoTime();
    if (now - lookedNanos >= lookNanos) {
      lookedNanos = now;
      refresh();
    }
    return read.keys;
  }

  /// Returns the secret if it is one with which tokens may be signed.
  ///
  /// @param name where it stands, for the message
  /// @throws ConfigurationException if it is too short or too long
  public static Payload require(String name, Payload secret) {
    if (secret.size() < BYTES_MIN || secret.size() > BYTES_MAX) {
      throw new ConfigurationException(
          name
              + " has "
              + secret.size()
              + " bytes; it must have "
              + BYTES_MIN
              + " to "
              + BYTES_MAX
              + ", such as openssl rand -hex 32 prints");
    }
    return secret;
  }

  private synchronized void refresh() {
    try {
      if (!time(secrets).equals(read.time)) {
        read = read(secrets);
        LOG.info("{} session keys were read anew from {}", read.keys.size(), secrets.folder());
      }
    } catch (IOException | ConfigurationException e) {
      // Perhaps it is being written: what was good is used until it is good again.
      LOG.warn("session keys stay as they are: {}", e.getMessage());
    }
  }

  private static Read read(Secrets secrets) {
    try {
      FileTime time = time(secrets); // first: what changes meanwhile is read once more
      List<String> lines = secrets.lines(Secrets.SESSION_KEY);
      if (lines.isEmpty()) {
        throw new ConfigurationException(
            secrets.file(Secrets.SESSION_KEY) + " has no key; it needs one, on a line of its own");
      }
      return new Read(
          lines.stream()
              .map(
                  line ->
                      require(
                          "a line of " + secrets.file(Secrets.SESSION_KEY), Payload.ofText(line)))
              .toList(),
          time);
    } catch (IOException e) {
      throw new ConfigurationException(
          "cannot read " + secrets.file(Secrets.SESSION_KEY) + ": " + e.getClass().getSimpleName(),
          e);
    }
  }

  private static FileTime time(Secrets secrets) throws IOException {
    return Files.getLastModifiedTime(secrets.file(Secrets.SESSION_KEY));
  }
}
