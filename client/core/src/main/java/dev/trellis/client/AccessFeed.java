package dev.trellis.client;

import dev.trellis.access.AccessList;
import dev.trellis.execution.EntryReader;
import dev.trellis.execution.Refusal;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Keeps a process told of the cluster's list of principals: it watches [AccessList#KEY], and tells
/// what is there now, and each change.
///
/// What it is told it merges into what it knows. So it never goes back to an earlier list, and what
/// was revoked stays so, even where it must go on with a replica that lags behind. While the
/// cluster cannot be reached, nothing is told, and it tries again; that nothing was told in the
/// first half a minute is logged, as most are not let in until then. Of a cluster without a list,
/// which replicas that have all of its partition say, it tells an empty one.
///
/// What it tells first is as new as a second: a replica that has just started may have what it had
/// when it ended, and somebody may have been revoked meanwhile. Where that cannot be had within
/// half a minute, as one of those that keep the list is silent and counts still, it tells what
/// there is, as a node that is cut off would go on with it.
///
/// Costs a thread, and a client of its own if it is to make one.
public final class AccessFeed implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(AccessFeed.class);
  private static final Duration CONFIRMATION = Duration.ofSeconds(1);
  private static final long PAUSE_MILLIS_MIN = 50;
  private static final long PAUSE_MILLIS_MAX = 1_000;

  /// The longest pause as long as nothing was told: many wait for it.
  private static final long FIRST_PAUSE_MILLIS_MAX = 200;

  private static final Duration FIRST_STALENESS = Duration.ofSeconds(1);
  private static final Duration FIRST_TIMEOUT = Duration.ofSeconds(2);

  /// How long the first list may take without being missed.
  private static final Duration LATE = Duration.ofSeconds(30);

  /// Where the client comes from, and whether it ends with the feed.
  private interface Source {
    Trellis connect();
  }

  private final Source source;
  private final boolean owns;
  private final Consumer<AccessList> heard;
  private final ScheduledThreadPoolExecutor thread;
  private final Future<?> late; // when the first list is missed
  private final long begunNanos = System.nanoTime();
  private volatile boolean closed;

  // Confined to the thread:
  private Entry known = Entry.BOTTOM;
  private @Nullable AccessList told;
  private boolean isConfirming; // that what is to be told first is new
  private @Nullable Trellis client;
  private @Nullable Subscription subscription;
  private long pauseMillis = PAUSE_MILLIS_MIN;
  private String trouble = ""; // that was logged last
  private String reason = "nobody has answered"; // of the latest failure

  private AccessFeed(Source source, boolean owns, Consumer<AccessList> heard) {
    this.source = source;
    this.owns = owns;
    this.heard = heard;
    this.thread =
        new ScheduledThreadPoolExecutor(
            1,
            work -> {
              Thread made = new Thread(work, "access-feed");
              made.setDaemon(true);
              return made;
            });
    thread.setRemoveOnCancelPolicy(true); // else it lives as long as the latest of its tasks
    late = thread.schedule(this::tellIfLate, LATE.toMillis(), TimeUnit.MILLISECONDS);
    execute(this::begin);
  }

  /// Watches with a client that is there already, and outlives the feed.
  ///
  /// @param heard called on a thread of the feed, which it may hold up
  public static AccessFeed open(Trellis client, Consumer<AccessList> heard) {
    return new AccessFeed(() -> client, false, heard);
  }

  /// Connects, as soon as that succeeds, and watches. Returns at once.
  ///
  /// @param heard called on a thread of the feed, which it may hold up
  public static AccessFeed connecting(ClientConfig config, Consumer<AccessList> heard) {
    return new AccessFeed(() -> Trellis.connect(config), true, heard);
  }

  /// Ends it, and waits until nothing more is told. Not to be called by who is being told.
  @Override
  public void close() {
    closed = true;
    late.cancel(false);
    try {
      thread.execute(this::end);
    } catch (RejectedExecutionException e) {
      return; // closed before
    }
    thread.shutdown();
    boolean interrupted = false;
    while (true) {
      try {
        thread.awaitTermination(
            1, TimeUnit.MINUTES); // a connection that is being made ends by then
        break;
      } catch (InterruptedException e) {
        interrupted = true;
        thread.shutdownNow(); // makes it give up at once
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void end() {
    Subscription open = subscription;
    if (open != null) {
      open.close();
    }
    Trellis own = client;
    if (own != null && owns) {
      own.close();
    }
  }

  private void begin() {
    if (closed) {
      return;
    }
    try {
      Trellis connected = client;
      if (connected == null) {
        connected = source.connect();
        client = connected;
      }
      subscription = connected.subscribe(AccessList.KEY, CONFIRMATION, new Listener());
    } catch (RuntimeException | Error e) {
      retry(e); // whatever it was, as threads or files that ran out: nobody else tries again
    }
  }

  private void retry(Throwable failure) {
    if (closed) {
      return;
    }
    String message = String.valueOf(failure.getMessage());
    reason = message;
    if (told == null || pauseMillis < PAUSE_MILLIS_MAX) {
      // As while the cluster starts, or members come and go, and their keys with them.
      log.debug("the list of principals cannot be watched yet: {}", message);
    } else if (!message.equals(trouble)) {
      trouble = message;
      log.warn("the list of principals cannot be watched, and stays as it is: {}", message);
    }
    long pause = told == null ? Math.min(pauseMillis, FIRST_PAUSE_MILLIS_MAX) : pauseMillis;
    try {
      var unused = thread.schedule(this::begin, pause, TimeUnit.MILLISECONDS);
      pauseMillis = Math.min(2 * pauseMillis, PAUSE_MILLIS_MAX);
    } catch (RejectedExecutionException e) {
      log.debug("the feed is closed");
    }
  }

  private void tellIfLate() {
    if (told == null && !closed) {
      trouble = reason; // so that its end is told too
      log.warn(
          "the list of principals has not been heard for {} s; until it is, nobody but nodes and"
              + " routers is let in, administrators neither: {}",
          LATE.toSeconds(),
          reason);
    }
  }

  private void execute(Runnable task) {
    try {
      thread.execute(
          () -> {
            try {
              task.run();
            } catch (RuntimeException e) {
              log.error("what is told of principals is not taken", e);
            }
          });
    } catch (RejectedExecutionException e) {
      log.debug("the feed is closed");
    }
  }

  private void take(Reply reply) {
    if (closed || !(reply.outcome() instanceof Outcome.Done done)) {
      return;
    }
    pauseMillis = PAUSE_MILLIS_MIN;
    if (!trouble.isEmpty()) {
      trouble = "";
      log.info("the list of principals is watched");
    }
    Entry merged = done.view() instanceof View.State state ? known.merge(state.entry()) : known;
    if (told != null && merged.equals(known)) {
      return;
    }
    known = merged;
    if (told != null) {
      tell();
    } else if (!isConfirming) {
      confirm();
    }
  }

  private void tell() {
    AccessList list = listOf(known);
    told = list;
    heard.accept(list);
  }

  private void confirm() {
    Trellis connected = client;
    if (closed || connected == null) {
      return;
    }
    isConfirming = true;
    CallOptions options =
        CallOptions.DEFAULT.withMaxStaleness(FIRST_STALENESS).withTimeout(FIRST_TIMEOUT);
    var unused =
        connected
            .execute(AccessList.KEY, new Read.State(), options)
            .whenComplete((reply, failure) -> execute(() -> confirmed(reply, failure)));
  }

  /// @param failure null if there is a reply
  private void confirmed(@Nullable Reply reply, @Nullable Throwable failure) {
    if (reply != null && reply.outcome() instanceof Outcome.Done done) {
      if (done.view() instanceof View.State state) {
        known = known.merge(state.entry());
      }
      tell();
      return;
    }
    reason = failure == null ? String.valueOf(reply) : String.valueOf(failure.getMessage());
    if (System.nanoTime() - begunNanos >= LATE.toNanos()) {
      log.warn(
          "the list of principals may lack what was changed a moment ago, as nobody who keeps it"
              + " knows whether he has all: {}",
          reason);
      tell();
      return;
    }
    try {
      var unused =
          thread.schedule(
              () -> execute(this::confirm), FIRST_PAUSE_MILLIS_MAX, TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      log.debug("the feed is closed");
    }
  }

  /// The list that is kept as an entry.
  private static AccessList listOf(Entry entry) {
    Map<String, String> registers = new HashMap<>();
    Set<String> flags = new HashSet<>();
    try {
      // Nothing in it expires: keys say themselves when they end.
      View view =
          EntryReader.read(entry, new Read.Get(Optional.of(Kind.MAP)), 0, "key " + AccessList.KEY);
      if (view instanceof View.Fields fields) {
        fields.fields().forEach((name, field) -> add(name, field.view(), registers, flags));
      }
    } catch (Refusal e) {
      log.error("the key of the list of principals is no map: {}", e.getMessage());
    }
    return AccessList.of(registers, flags);
  }

  private static void add(
      Payload name, View value, Map<String, String> registers, Set<String> flags) {
    if (!name.isText()) {
      return;
    }
    switch (value) {
      case View.Bytes bytes when bytes.value().isText() ->
          registers.put(name.text(), bytes.value().text());
      case View.Truth flag when flag.value() -> flags.add(name.text());
      default -> log.warn("a field of the list of principals is of no use: {}", name);
    }
  }

  /// Told on threads that must not be held up.
  private final class Listener implements SubscriptionListener {
    @Override
    public void onState(Reply reply, boolean first) {
      execute(() -> take(reply));
    }

    @Override
    public void onFailure(TrellisException failure) {
      execute(() -> retry(failure));
    }
  }
}
