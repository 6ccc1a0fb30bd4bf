package dev.trellis.client;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.Reply;
import java.time.Duration;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// What an [ActiveWatch] has more that is a subscription: it tells states at once and all of them,
/// and knows by which connection they are confirmed.
///
/// A confirmation counts for what came before it, and for what came after it as well: that is
/// newer. So the listener is told a state first, and only then does the connection's confirmation
/// count; a reader between the two finds the new state and the old confirmation.
final class Subscriber {
  private static final Logger log = LoggerFactory.getLogger(Subscriber.class);

  private final SubscriptionListener listener;
  private final long periodNanos;
  private volatile Confirmations confirmations = new Confirmations(Confirmation.NONE);
  private volatile boolean hasAsOf; // whether the confirmations' counts for the state told last

  /// @param period how often the shard is to confirm
  Subscriber(SubscriptionListener listener, Duration period) {
    this.listener = listener;
    this.periodNanos = period.toNanos();
  }

  long periodNanos() {
    return periodNanos;
  }

  Confirmation confirmation() {
    Confirmation latest = confirmations.latest();
    return hasAsOf ? latest : latest.withoutAsOf();
  }

  /// Nothing is told any more by the connection that did.
  void cut() {
    confirmations = new Confirmations(confirmation().ended());
  }

  /// @param connection of the connection on which the state came
  void tell(Reply reply, Confirmations connection) {
    boolean first = confirmations != connection;
    // A key in a place of its own has holders that the confirmation is not about, and a shard that
    // has not all of a key is not asked by those who have.
    boolean known =
        reply.placement().isEmpty() && reply.receipt().asOf().isAfter(HybridTimestamp.ZERO);
    if (!known) {
      hasAsOf = false;
    }
    try {
      listener.onState(reply, first);
    } catch (RuntimeException e) {
      log.warn("the listener of a subscription failed; the subscription goes on", e);
      cut(); // what it has is not what will be confirmed
      return;
    }
    confirmations = connection;
    if (known) {
      hasAsOf = true;
    }
  }

  void fail(TrellisException failure) {
    try {
      listener.onFailure(failure);
    } catch (RuntimeException e) {
      log.warn("the listener of a subscription failed when it was told of the end", e);
    }
  }
}
