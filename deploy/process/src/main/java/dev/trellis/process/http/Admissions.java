package dev.trellis.process.http;

import io.netty.channel.Channel;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The open connections of a server: at most so many. When one more comes, that one has to go which
/// has waited longest without asking for anything; so whoever opens thousands and says nothing, or
/// says it slowly, pushes out his own. For any thread.
public final class Admissions {
  private final int most;
  private final Set<Channel> waiting = new LinkedHashSet<>(); // longest first; under the lock
  private final Set<Channel> working = new LinkedHashSet<>();

  /// @param most how many may be open, 1 or more
  public Admissions(int most) {
    this.most = most;
  }

  /// Takes a connection in, as one that waits, until it closes.
  ///
  /// @return false if there are too many, and none of them can be asked to go
  public boolean admit(Channel channel) {
    @Nullable Channel leaving = null;
    synchronized (this) {
      if (waiting.size() + working.size() >= most) {
        if (waiting.isEmpty()) {
          return false;
        }
        leaving = waiting.iterator().next();
        waiting.remove(leaving);
      }
      waiting.add(channel);
    }
    channel.closeFuture().addListener(_ -> forget(channel));
    if (leaving != null) {
      var _ = leaving.close();
    }
    return true;
  }

  /// The connection has asked for something, and can't be asked to go.
  public synchronized void works(Channel channel) {
    if (waiting.remove(channel)) {
      working.add(channel);
    }
  }

  /// The connection waits again.
  public synchronized void waits(Channel channel) {
    if (working.remove(channel)) {
      waiting.add(channel);
    }
  }

  /// All that are open.
  public synchronized List<Channel> all() {
    List<Channel> all = new ArrayList<>(waiting);
    all.addAll(working);
    return all;
  }

  private synchronized void forget(Channel channel) {
    waiting.remove(channel);
    working.remove(channel);
  }
}
