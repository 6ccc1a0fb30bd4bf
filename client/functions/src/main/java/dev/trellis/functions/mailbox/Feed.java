package dev.trellis.functions.mailbox;

import dev.trellis.causal.CausalContext;
import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Keeps an [Intake] fed: one read that waits for what was not seen is always open, so a message is
/// pushed; and what was done is trimmed, one trim at a time, what comes meanwhile with the next.
///
/// The intake is touched under the lock only.
final class Feed {
  private static final Logger log = LoggerFactory.getLogger(Feed.class);

  private static final int RECORDS_PER_ANSWER_MAX = 4_096;
  private static final int BYTES_PER_ANSWER_MAX = 1 << 20;
  private static final Duration WAIT = Duration.ofMinutes(1);
  private static final long PAUSE_MILLIS_MIN = 10;
  private static final long PAUSE_MILLIS_MAX = 1_000;

  /// For how long what was done may wait to be trimmed with what is done after it: each trim goes
  /// to all replicas, and who takes over has to know of most of what was done, not of the last
  /// moment.
  private static final long TRIM_MILLIS = 2;

  /// How often is looked for gaps, at least.
  private static final long LOOK_MILLIS_MAX = 500;

  /// How long a gap is waited for if a replica can't be asked for what is missing.
  private static final long GAP_MILLIS_MAX = 60_000;

  /// After what time of silence a sender is forgotten: all replicas have heard of its trims.
  private static final long FORGET_MILLIS = Duration.ofMinutes(90).toMillis();

  final ReentrantLock lock = new ReentrantLock();

  private final Shared shared;
  private final String mailbox;
  private final Payload key;
  private final ReceiverOptions options;
  private final Runnable onArrival;
  private final Intake intake;
  // All below is guarded by the lock.
  private @Nullable CompletableFuture<Reply> open; // the read that waits
  private boolean asking; // a read is being made
  private boolean looking; // all replicas are being asked for what is missing
  private boolean closed;
  private int pauses;
  private int trimPauses;
  private boolean trimIsDue; // a trim is to begin by itself
  private @Nullable CompletableFuture<@Nullable Void> trimmedAll;

  /// @param onArrival called, with the lock not held, when there may be something to hand over
  Feed(Shared shared, String mailbox, boolean serial, ReceiverOptions options, Runnable onArrival) {
    this.shared = shared;
    this.mailbox = mailbox;
    this.key = Names.mailbox(mailbox);
    this.options = options;
    this.onArrival = onArrival;
    this.intake = new Intake(mailbox, serial, options);
  }

  Intake intake() {
    return intake;
  }

  void start() {
    ask();
    watchGaps();
  }

  /// Opens a read if none is open and there is room for what it brings.
  void ask() {
    Threshold.Unseen wanted;
    lock.lock();
    try {
      if (closed || asking || intake.heldBytes() >= options.windowBytes()) {
        return;
      }
      asking = true;
      wanted = new Threshold.Unseen(intake.seen(), RECORDS_PER_ANSWER_MAX, BYTES_PER_ANSWER_MAX);
    } finally {
      lock.unlock();
    }
    CompletableFuture<Reply> reply =
        shared.calls().execute(key, new Read.Await(wanted), CallOptions.DEFAULT.withTimeout(WAIT));
    boolean over;
    lock.lock();
    try {
      open = reply;
      over = closed;
    } finally {
      lock.unlock();
    }
    if (over) {
      reply.cancel(false);
    }
    var unused = reply.whenComplete(this::told);
  }

  private void told(@Nullable Reply reply, @Nullable Throwable thrown) {
    long pauseMillis = 0;
    lock.lock();
    try {
      open = null;
      asking = false;
      if (closed) {
        return;
      }
      if (reply != null) {
        pauses = 0;
        if (((Outcome.Done) reply.outcome()).view() instanceof View.Records records) {
          intake.received(records.records(), records.seen(), shared.nowMillis());
        }
      } else {
        Throwable failure = cause(thrown);
        if (!(failure instanceof DefiniteException.NotReached)) {
          pauseMillis = Math.min(PAUSE_MILLIS_MAX, PAUSE_MILLIS_MIN << Math.min(pauses++, 10));
          if (pauseMillis == PAUSE_MILLIS_MAX) {
            log.warn("mailbox {} can't be read: {}", mailbox, String.valueOf(failure));
          }
        }
      }
    } finally {
      lock.unlock();
    }
    if (pauseMillis == 0) {
      ask(); // before anything is handled, so that what comes next is on its way meanwhile
    } else {
      var unused = shared.schedule(this::ask, pauseMillis, TimeUnit.MILLISECONDS);
    }
    if (reply != null) {
      onArrival.run();
    }
  }

  private static @Nullable Throwable cause(@Nullable Throwable thrown) {
    return thrown instanceof CompletionException ? thrown.getCause() : thrown;
  }

  /// Says that a message was handled, trims it with what else was, and asks for more if there was
  /// no room for it.
  void done(Delivery delivery) {
    boolean starved;
    lock.lock();
    try {
      intake.done(delivery, shared.nowMillis());
      starved = !asking && intake.heldBytes() < options.windowBytes();
    } finally {
      lock.unlock();
    }
    trimSoon();
    if (starved) {
      ask();
    }
  }

  // ---- Trims ----

  /// Trims what was done in a moment.
  private void trimSoon() {
    if (!trimIn(TRIM_MILLIS)) {
      trim(); // all is over
    }
  }

  /// Trims what was done in a while, or with what is to be trimmed before.
  ///
  /// @return false if nothing is done later any more
  private boolean trimIn(long millis) {
    lock.lock();
    try {
      if (trimIsDue || intake.isTrimmed()) {
        return true;
      }
      trimIsDue = true;
    } finally {
      lock.unlock();
    }
    @Nullable Future<?> scheduled =
        shared.schedule(
            () -> {
              lock.lock();
              try {
                trimIsDue = false;
              } finally {
                lock.unlock();
              }
              trim();
            },
            millis,
            TimeUnit.MILLISECONDS);
    return scheduled != null;
  }

  /// Trims what was done, unless that is under way.
  void trim() {
    CausalContext done;
    lock.lock();
    try {
      done = intake.takeTrim();
    } finally {
      lock.unlock();
    }
    if (!done.isEmpty()) {
      trim(done);
    }
  }

  private void trim(CausalContext done) {
    var unused =
        shared
            .calls()
            .execute(
                key,
                new Mutation.Trim(done),
                CallOptions.DEFAULT.withAcknowledgement(options.acknowledgement()))
            .whenComplete((reply, thrown) -> trimmed(thrown));
  }

  private void trimmed(@Nullable Throwable thrown) {
    @Nullable CompletableFuture<@Nullable Void> told = null;
    long pauseMillis = 0;
    boolean isAwaited;
    boolean isOver = false;
    lock.lock();
    try {
      if (thrown == null) {
        trimPauses = 0;
        intake.trimmed();
        if (intake.isTrimmed()) {
          told = trimmedAll;
          trimmedAll = null;
        }
      } else {
        // Trimming is repeated for as long as the mailbox is read, as it does no harm twice.
        intake.notTrimmed();
        pauseMillis = Math.min(PAUSE_MILLIS_MAX, PAUSE_MILLIS_MIN << Math.min(trimPauses++, 10));
        if (pauseMillis == PAUSE_MILLIS_MAX) {
          log.warn("mailbox {} can't be trimmed: {}", mailbox, String.valueOf(cause(thrown)));
        }
        boolean isRefused = isRefusal(cause(thrown));
        isOver = closed && isRefused;
        if (closed || isRefused) {
          told = trimmedAll;
          trimmedAll = null;
        }
      }
      isAwaited = trimmedAll != null;
    } finally {
      lock.unlock();
    }
    if (told != null) {
      if (thrown == null) {
        told.complete(null);
      } else {
        told.completeExceptionally(Objects.requireNonNull(cause(thrown)));
      }
    }
    if (pauseMillis == 0 && isAwaited) {
      trim();
    } else if (pauseMillis == 0) {
      trimSoon();
    } else if (!isOver) {
      boolean unused = trimIn(pauseMillis);
    }
  }

  /// Whether it fails until somebody changes what this may do, or what is there. Whoever waits is
  /// told; what was done is trimmed all the same should that happen.
  private static boolean isRefusal(@Nullable Throwable failure) {
    return failure instanceof DefiniteException.Forbidden
        || failure instanceof DefiniteException.Unauthenticated
        || failure instanceof DefiniteException.BadRequest
        || failure instanceof DefiniteException.KindMismatch;
  }

  /// Completes when all that is done by now is trimmed; fails where that is refused.
  CompletableFuture<@Nullable Void> settled() {
    CompletableFuture<@Nullable Void> settled;
    lock.lock();
    try {
      if (intake.isTrimmed()) {
        return CompletableFuture.completedFuture(null);
      }
      if (trimmedAll == null) {
        trimmedAll = new CompletableFuture<>();
      }
      settled = trimmedAll;
    } finally {
      lock.unlock();
    }
    trim();
    return settled;
  }

  // ---- Gaps ----

  private void watchGaps() {
    long everyMillis =
        Math.max(
            1, Math.min(LOOK_MILLIS_MAX, TimeUnit.MILLISECONDS.convert(options.gapPatience())));
    var unused =
        shared.schedule(
            () -> {
              lookForGaps();
              if (!isClosed()) {
                watchGaps();
              }
            },
            everyMillis,
            TimeUnit.MILLISECONDS);
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  private void lookForGaps() {
    CausalContext seen;
    long begunMillis = shared.nowMillis();
    lock.lock();
    try {
      intake.forget(begunMillis - FORGET_MILLIS);
      if (closed || looking || !intake.hasGap(begunMillis)) {
        return;
      }
      looking = true;
      seen = intake.seen();
    } finally {
      lock.unlock();
    }
    var unused =
        shared
            .calls()
            .execute(
                key,
                new Read.Since(seen, RECORDS_PER_ANSWER_MAX),
                CallOptions.DEFAULT.withReadMode(ReadMode.ALL))
            .whenComplete((reply, thrown) -> looked(seen, begunMillis, reply, cause(thrown)));
  }

  private void looked(
      CausalContext seen, long begunMillis, @Nullable Reply reply, @Nullable Throwable failure) {
    int skipped;
    lock.lock();
    try {
      looking = false;
      long nowMillis = shared.nowMillis();
      long patientMillis = TimeUnit.MILLISECONDS.convert(options.gapPatience());
      if (reply == null) {
        skipped = intake.skip(begunMillis - Math.max(GAP_MILLIS_MAX, patientMillis), nowMillis);
      } else {
        boolean all = true;
        if (((Outcome.Done) reply.outcome()).view() instanceof View.Records records) {
          CausalContext shown =
              CausalContext.ofDots(records.records().stream().map(View.LogRecord::dot).toList());
          intake.trimmedElsewhere(records.seen().less(seen).less(shown), nowMillis);
          intake.received(records.records(), CausalContext.EMPTY, nowMillis);
          all = records.records().size() < RECORDS_PER_ANSWER_MAX;
        }
        skipped = all ? intake.skip(begunMillis - patientMillis, nowMillis) : 0;
      }
    } finally {
      lock.unlock();
    }
    if (skipped > 0) {
      log.warn(
          "mailbox {}: went on over {} gaps, as no replica has what was sent before{}",
          mailbox,
          skipped,
          failure == null ? "" : ", as far as can be told: " + failure.getMessage());
    }
    onArrival.run();
  }

  // ---- End ----

  /// Asks no more. What is done by then, and later, can still be trimmed.
  void close() {
    @Nullable CompletableFuture<Reply> last;
    lock.lock();
    try {
      closed = true;
      last = open;
      open = null;
    } finally {
      lock.unlock();
    }
    if (last != null) {
      last.cancel(false);
    }
  }

  /// The failure of a mailbox's call, for whoever waits.
  static TrellisException failure(Throwable thrown) {
    Throwable cause = thrown instanceof CompletionException ? thrown.getCause() : thrown;
    if (cause instanceof TrellisException failure) {
      return failure;
    }
    throw new IllegalStateException(cause);
  }
}
