package dev.trellis.process.http;

import io.netty.channel.Channel;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/// The open connections of a server: at most so many. When one more comes, one has to go that
/// waits: of those that have not asked for anything yet the one that has taken longest, so that
/// whoever opens thousands and says nothing, or says it slowly, pushes out his own; while those are
/// few, the one that has waited longest for its next request. For any thread.
public final class Admissions {
  /// Of all places, those that newcomers may hold before they push out each other, as one in so
  /// many.
  private static final int NEWCOMERS = 8;

  private final int most;
  private final int kept;
  private final Set<Channel> strangers = new LinkedHashSet<>(); // eldest first; under the lock
  private final Set<Channel> idle = new LinkedHashSet<>(); // longest first
  private final Set<Channel> working = new LinkedHashSet<>();

  /// @param most how many may be open, 1 or more
  public Admissions(int most) {
    this(most, 0);
  }

  /// @param most how many may be open of those who have asked for something, 1 or more
  /// @param kept how many more places there are: for those who are preferred, and for newcomers
  ///   until it is known who they are
  public Admissions(int most, int kept) {
    this.most = most;
    this.kept = kept;
  }

  /// Takes a connection in, as one that has not asked for anything, until it closes.
  ///
  /// @return false if there are too many, and none of them can be asked to go
  public boolean admit(Channel channel) {
    @Nullable Channel leaving = null;
    synchronized (this) {
      if (strangers.size() + idle.size() + working.size() >= most + kept) {
        boolean areMany = idle.isEmpty() || strangers.size() > most / NEWCOMERS;
        leaving = removeFirst(areMany ? strangers : idle);
        if (leaving == null) {
          return false;
        }
      }
      strangers.add(channel);
    }
    channel.closeFuture().addListener(_ -> forget(channel));
    close(leaving);
    return true;
  }

  /// The connection has asked for something, and can't be asked to go.
  public void works(Channel channel) {
    var _ = works(channel, true);
  }

  /// The same where places are kept.
  ///
  /// @param isPreferred whether they are kept for who has asked
  /// @return false if there is no place for it: it stays as it was
  public boolean works(Channel channel, boolean isPreferred) {
    @Nullable Channel leaving = null;
    synchronized (this) {
      if (idle.remove(channel)) {
        working.add(channel);
        return true;
      }
      if (!strangers.contains(channel)) {
        return true; // it works already, or closes
      }
      if (idle.size() + working.size() >= most + (isPreferred ? kept : 0)) {
        leaving = removeFirst(idle);
        if (leaving == null) {
          return false;
        }
      }
      strangers.remove(channel);
      working.add(channel);
    }
    close(leaving);
    return true;
  }

  /// The connection waits again.
  public synchronized void waits(Channel channel) {
    if (working.remove(channel)) {
      idle.add(channel);
    }
  }

  /// All that are open.
  public synchronized List<Channel> all() {
    List<Channel> all = new ArrayList<>(strangers);
    all.addAll(idle);
    all.addAll(working);
    return all;
  }

  private static @Nullable Channel removeFirst(Set<Channel> waiting) {
    if (waiting.isEmpty()) {
      return null;
    }
    Channel first = waiting.iterator().next();
    waiting.remove(first);
    return first;
  }

  private static void close(@Nullable Channel leaving) {
    if (leaving != null) {
      var _ = leaving.close();
    }
  }

  private synchronized void forget(Channel channel) {
    strangers.remove(channel);
    idle.remove(channel);
    working.remove(channel);
  }
}
