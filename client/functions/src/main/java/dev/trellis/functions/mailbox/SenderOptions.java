package dev.trellis.functions.mailbox;

import dev.trellis.wire.Acknowledgement;
import java.time.Duration;
import java.util.Optional;

/// How messages are sent. Immutable; start from [#DEFAULT].
///
/// @param acknowledgement what a message counts as sent by
/// @param timeout how long is tried, back-pressure included, 1 ms to 10 min. A message that travels
///   with later ones is tried as long as these, up to twice as long
/// @param recordsMax how many records a mailbox may have before whoever sends has to wait; 0 for no
///   bound. Exact for each replica; what several take in at once may exceed it until they have told
///   each other
/// @param bytesMax likewise in bytes
/// @param waitingBytesMax of messages that wait in the sender; who sends more waits
/// @param packetBytesMax of messages that travel in one record
/// @param ttl how long a mailbox lives after this was sent to it; empty for ever
public record SenderOptions(
    Acknowledgement acknowledgement,
    Duration timeout,
    long recordsMax,
    long bytesMax,
    long waitingBytesMax,
    int packetBytesMax,
    Optional<Duration> ttl) {
  private static final Duration TIMEOUT_MAX = Duration.ofMinutes(10); // before it is needed

  public static final SenderOptions DEFAULT =
      new SenderOptions(
          Acknowledgement.DEFAULT,
          Duration.ofSeconds(30),
          100_000,
          8 << 20,
          8 << 20,
          64 << 10,
          Optional.empty());

  public SenderOptions {
    if (timeout.compareTo(Duration.ofMillis(1)) < 0 || timeout.compareTo(TIMEOUT_MAX) > 0) {
      throw new IllegalArgumentException(
          "timeout " + timeout + " is outside 1 ms to " + TIMEOUT_MAX);
    }
    requireAtLeast("recordsMax", recordsMax, 0);
    requireAtLeast("bytesMax", bytesMax, 0);
    requireAtLeast("waitingBytesMax", waitingBytesMax, 1);
    requireAtLeast("packetBytesMax", packetBytesMax, 1);
  }

  private static void requireAtLeast(String what, long value, long min) {
    if (value < min) {
      throw new IllegalArgumentException(what + " " + value + " is below " + min);
    }
  }

  public SenderOptions withAcknowledgement(Acknowledgement level) {
    return new SenderOptions(
        level, timeout, recordsMax, bytesMax, waitingBytesMax, packetBytesMax, ttl);
  }

  public SenderOptions withTimeout(Duration time) {
    return new SenderOptions(
        acknowledgement, time, recordsMax, bytesMax, waitingBytesMax, packetBytesMax, ttl);
  }

  /// Has whoever sends wait while the mailbox is larger than this.
  public SenderOptions withCapacity(long records, long bytes) {
    return new SenderOptions(
        acknowledgement, timeout, records, bytes, waitingBytesMax, packetBytesMax, ttl);
  }

  public SenderOptions withWaitingBytesMax(long bytes) {
    return new SenderOptions(
        acknowledgement, timeout, recordsMax, bytesMax, bytes, packetBytesMax, ttl);
  }

  /// Has more or fewer messages travel in one record.
  ///
  /// @param bytes 1 for one message a record
  public SenderOptions withPacketBytesMax(int bytes) {
    return new SenderOptions(
        acknowledgement, timeout, recordsMax, bytesMax, waitingBytesMax, bytes, ttl);
  }

  /// Has mailboxes end when nothing was sent to them for so long.
  public SenderOptions withTtl(Duration life) {
    return new SenderOptions(
        acknowledgement,
        timeout,
        recordsMax,
        bytesMax,
        waitingBytesMax,
        packetBytesMax,
        Optional.of(life));
  }
}
