package dev.trellis.cache;

import dev.trellis.client.Confirmation;
import dev.trellis.client.Subscription;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/// What the cache has to do with one of its keys, whatever is the state that is cached: how often
/// it was read, and the subscription to it. Any thread may use it.
final class Hold {
  private final AtomicBoolean asked = new AtomicBoolean(); // whether there is one, or about to be
  private volatile @Nullable Subscription subscription;
  private volatile boolean released; // the key has left the cache
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
    return !asked.get() && ++reads >= after && !released && asked.compareAndSet(false, true);
  }

  boolean isSubscribed() {
    return asked.get();
  }

  void subscribed(Subscription started) {
    if (started.isOpen()) {
      subscription = started;
    }
    if (released) {
      started.close();
    }
  }

  /// The subscription has ended, or none came to be; another one may begin.
  ///
  /// @return whether there was one, or one about to be, before this
  boolean unsubscribed() {
    subscription = null;
    return asked.getAndSet(false);
  }

  /// The key has left the cache.
  ///
  /// @return as [#unsubscribed]
  boolean release() {
    released = true;
    Subscription current = subscription;
    if (current != null) {
      current.close();
    }
    return asked.getAndSet(false);
  }
}
