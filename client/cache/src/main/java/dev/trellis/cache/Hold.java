package dev.trellis.cache;

import dev.trellis.client.Confirmation;
import dev.trellis.client.Subscription;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/// What the cache has to do with one of its keys, whatever is the state that is cached: how often
/// it was read, and the subscription to it. Any thread may use it.
final class Hold {
  /// How it is with the subscription. One word for all, so that who takes the key from the cache
  /// and who subscribes to it at that moment agree on whether there was one.
  private enum Phase {
    NONE,
    ASKED, // there is one, or about to be
    RELEASED // the key has left the cache: there will be none
  }

  private final AtomicReference<Phase> phase = new AtomicReference<>(Phase.NONE);
  private volatile @Nullable Subscription subscription;
  private int reads; // that were noticed: threads may overwrite each other's counts

  /// What is known of how new the state is that was told last.
  Confirmation confirmation() {
    Subscription current = subscription;
    return current == null ? Confirmation.NONE : current.confirmation();
  }

  /// Counts a read.
  ///
  /// @return whether the caller is to subscribe, by which it has promised to
  boolean wantsSubscription(int after) {
    return phase.get() == Phase.NONE
        && ++reads >= after
        && phase.compareAndSet(Phase.NONE, Phase.ASKED);
  }

  boolean isSubscribed() {
    return phase.get() == Phase.ASKED;
  }

  void subscribed(Subscription started) {
    if (started.isOpen()) {
      subscription = started;
    }
    if (phase.get() == Phase.RELEASED) {
      started.close();
    }
  }

  /// The subscription has ended, or none came to be; another one may begin.
  ///
  /// @return whether there was one, or one about to be, before this
  boolean unsubscribed() {
    subscription = null;
    return phase.compareAndSet(Phase.ASKED, Phase.NONE);
  }

  /// The key has left the cache.
  ///
  /// @return as [#unsubscribed]
  boolean release() {
    boolean wasAsked = phase.getAndSet(Phase.RELEASED) == Phase.ASKED;
    Subscription current = subscription;
    if (current != null) {
      current.close();
    }
    return wasAsked;
  }
}
