package dev.trellis.functions.mailbox;

import dev.trellis.wire.Acknowledgement;
import java.time.Duration;

/// How a mailbox is read. Immutable; start from [#DEFAULT].
///
/// @param acknowledgement how safe it must be that a message was handled; what is lost of that is
///   delivered again
/// @param triesMax after how many tries a message goes to the dead letters, 1 or more
/// @param retryAfter how long a message rests after it failed, doubled each time up to 30 s
/// @param parallel how many messages are handled at a time, each of another sender, 1 or more
/// @param windowBytes of messages that are here and not handled yet; more are not asked for
/// @param gapPatience for how long a message waits for an earlier one of its sender that is not
///   there before all replicas are asked for it
public record ReceiverOptions(
    Acknowledgement acknowledgement,
    int triesMax,
    Duration retryAfter,
    int parallel,
    long windowBytes,
    Duration gapPatience) {
  public static final ReceiverOptions DEFAULT =
      new ReceiverOptions(
          Acknowledgement.DEFAULT, 5, Duration.ofMillis(100), 1, 4 << 20, Duration.ofSeconds(2));

  public ReceiverOptions {
    if (triesMax < 1 || parallel < 1 || windowBytes < 1) {
      throw new IllegalArgumentException(
          "triesMax %d, parallel %d and windowBytes %d are 1 or more"
              .formatted(triesMax, parallel, windowBytes));
    }
    if (retryAfter.isNegative() || gapPatience.isNegative()) {
      throw new IllegalArgumentException(
          "retryAfter " + retryAfter + " and gapPatience " + gapPatience + " are not negative");
    }
  }

  public ReceiverOptions withAcknowledgement(Acknowledgement level) {
    return new ReceiverOptions(level, triesMax, retryAfter, parallel, windowBytes, gapPatience);
  }

  public ReceiverOptions withTriesMax(int tries) {
    return new ReceiverOptions(
        acknowledgement, tries, retryAfter, parallel, windowBytes, gapPatience);
  }

  public ReceiverOptions withRetryAfter(Duration rest) {
    return new ReceiverOptions(acknowledgement, triesMax, rest, parallel, windowBytes, gapPatience);
  }

  public ReceiverOptions withParallel(int handlers) {
    return new ReceiverOptions(
        acknowledgement, triesMax, retryAfter, handlers, windowBytes, gapPatience);
  }

  public ReceiverOptions withWindowBytes(long bytes) {
    return new ReceiverOptions(acknowledgement, triesMax, retryAfter, parallel, bytes, gapPatience);
  }

  public ReceiverOptions withGapPatience(Duration time) {
    return new ReceiverOptions(acknowledgement, triesMax, retryAfter, parallel, windowBytes, time);
  }
}
