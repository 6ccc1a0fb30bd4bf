package dev.trellis.functions.mailbox;

import dev.trellis.causal.Dot;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/// The way of a sender to one mailbox: one append is under way at a time, and what comes meanwhile
/// waits and goes together in the next. An append that fails is made again under the same dot until
/// its time is over, so whatever became of the first, there is one record.
///
/// The name under which records are sent is minted anew when it has grown old, as nodes forget old
/// ones; after a failure, as it is not known then whether there is a gap; and when the client is
/// another, as others may have been restored from the same snapshot.
final class Outlet {
  /// After which time another name is taken: well before nodes refuse it.
  private static final long NAME_MILLIS = Duration.ofMinutes(20).toMillis();

  /// For how long the first record under a new name tells which was the last one under the old:
  /// replicas have told each other what is older.
  private static final long AFTER_MILLIS = Duration.ofMinutes(1).toMillis();

  private static final int MESSAGES_PER_PACKET_MAX = 4_096;
  private static final long PAUSE_MILLIS_MIN = 2;
  private static final long PAUSE_MILLIS_MAX = 200;

  /// A message that waits.
  private record Waiting(
      Payload encoded, long sinceMillis, CompletableFuture<@Nullable Void> sent) {}

  /// An append under way.
  private static final class Append {
    final Tag tag;
    final int position;
    final Payload record;
    final List<Waiting> messages;
    final long deadlineMillis; // of the last message: none fails before its time is over
    int pauses;

    Append(Tag tag, int position, Payload record, List<Waiting> messages, long deadlineMillis) {
      this.tag = tag;
      this.position = position;
      this.record = record;
      this.messages = messages;
      this.deadlineMillis = deadlineMillis;
    }

    Dot dot() {
      return tag.dot(position);
    }
  }

  private final Shared shared;
  private final Payload key;
  private final String mailbox;
  private final SenderOptions options;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition room = lock.newCondition();
  // All below is guarded by the lock.
  private final ArrayDeque<Waiting> waiting = new ArrayDeque<>();
  private long waitingBytes;
  private @Nullable Append underWay;
  private @Nullable InvocationId name;
  private long sentUnderName; // records
  private long namedBy; // the client's incarnation
  private Optional<Dot> last = Optional.empty(); // that was acknowledged
  private long lastMillis;

  Outlet(Shared shared, String mailbox, SenderOptions options) {
    this.shared = shared;
    this.key = Names.mailbox(mailbox);
    this.mailbox = mailbox;
    this.options = options;
  }

  /// Sends a message, once there is room for it.
  CompletableFuture<@Nullable Void> send(Message message) {
    Payload encoded = Packet.encode(message);
    CompletableFuture<@Nullable Void> sent = new CompletableFuture<>();
    @Nullable Append next;
    lock.lock();
    try {
      requireRoom(encoded.size());
      waiting.add(new Waiting(encoded, shared.nowMillis(), sent));
      waitingBytes += encoded.size();
      next = next();
    } finally {
      lock.unlock();
    }
    begin(next);
    return sent;
  }

  private void requireRoom(int bytes) {
    long leftNanos = options.timeout().toNanos();
    while (waitingBytes > 0 && waitingBytes + bytes > options.waitingBytesMax()) {
      if (shared.isOwnThread()) {
        throw TrellisException.of(
            ErrorCode.OVERLOADED,
            "send to mailbox "
                + mailbox
                + ": "
                + waitingBytes
                + " bytes wait to be sent, and this thread may not wait; send from another one");
      }
      try {
        leftNanos = room.awaitNanos(leftNanos);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw TrellisException.of(
            ErrorCode.OVERLOADED,
            "send to mailbox " + mailbox + ": interrupted while waiting for room");
      }
      if (leftNanos <= 0) {
        throw TrellisException.of(
            ErrorCode.OVERLOADED,
            "send to mailbox "
                + mailbox
                + ": "
                + waitingBytes
                + " bytes still wait to be sent after "
                + options.timeout());
      }
    }
  }

  /// Whether nothing waits and nothing is under way.
  boolean isIdle() {
    lock.lock();
    try {
      return underWay == null && waiting.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /// Completes when all that was given to it so far has ended, one way or the other.
  CompletableFuture<@Nullable Void> flushed() {
    List<CompletableFuture<?>> all = new ArrayList<>();
    lock.lock();
    try {
      if (underWay != null) {
        underWay.messages.forEach(one -> all.add(one.sent));
      }
      waiting.forEach(one -> all.add(one.sent));
    } finally {
      lock.unlock();
    }
    return CompletableFuture.allOf(all.toArray(CompletableFuture<?>[]::new))
        .handle((sent, failure) -> null);
  }

  /// What is sent next, if nothing is under way.
  private @Nullable Append next() {
    if (underWay != null || waiting.isEmpty()) {
      return null;
    }
    long nowMillis = shared.nowMillis();
    Optional<Dot> after = Optional.empty();
    long incarnation = shared.incarnation();
    if (name == null || nowMillis - name.bornMillis() > NAME_MILLIS || namedBy != incarnation) {
      name = shared.mint();
      namedBy = incarnation;
      sentUnderName = 0;
      after = last.filter(dot -> nowMillis - lastMillis < AFTER_MILLIS);
    }
    List<Waiting> messages = new ArrayList<>();
    List<Payload> encoded = new ArrayList<>();
    long bytes = 0;
    while (!waiting.isEmpty() && messages.size() < MESSAGES_PER_PACKET_MAX) {
      int more = waiting.element().encoded.size();
      if (!messages.isEmpty() && bytes + more > options.packetBytesMax()) {
        break;
      }
      Waiting message = waiting.remove();
      messages.add(message);
      encoded.add(message.encoded);
      bytes += more;
    }
    waitingBytes -= bytes;
    room.signalAll();
    Append append =
        new Append(
            new Tag(name, 1 + sentUnderName / Tag.POSITIONS_MAX),
            (int) (sentUnderName % Tag.POSITIONS_MAX),
            Packet.join(after, encoded),
            messages,
            messages.getLast().sinceMillis + options.timeout().toMillis());
    sentUnderName++;
    underWay = append;
    return append;
  }

  private void begin(@Nullable Append append) {
    if (append == null) {
      return;
    }
    long leftMillis = Math.max(1, append.deadlineMillis - shared.nowMillis());
    CallOptions call =
        CallOptions.DEFAULT
            .withAcknowledgement(options.acknowledgement())
            .withTimeout(Duration.ofMillis(leftMillis))
            .withTag(append.tag);
    CallOptions lasting = options.ttl().map(call::withTtl).orElse(call);
    var unused =
        shared
            .calls()
            .execute(
                key,
                new Mutation.Append(
                    List.of(append.record),
                    append.position,
                    options.recordsMax(),
                    options.bytesMax()),
                lasting)
            .whenComplete((reply, failure) -> told(append, failure));
  }

  private void told(Append append, @Nullable Throwable thrown) {
    @Nullable Throwable failure =
        thrown instanceof CompletionException ? thrown.getCause() : thrown;
    if (failure != null && isPassing(failure)) {
      long most = Math.min(PAUSE_MILLIS_MAX, PAUSE_MILLIS_MIN << Math.min(append.pauses++, 10));
      if (shared.nowMillis() + most < append.deadlineMillis
          && shared.schedule(() -> begin(append), most, TimeUnit.MILLISECONDS) != null) {
        return;
      }
    }
    @Nullable Append next;
    lock.lock();
    try {
      underWay = null;
      if (failure == null) {
        last = Optional.of(append.dot());
        lastMillis = shared.nowMillis();
      } else {
        name = null;
      }
      next = next();
    } finally {
      lock.unlock();
    }
    begin(next);
    for (Waiting message : append.messages) {
      if (failure == null) {
        message.sent.complete(null);
      } else {
        message.sent.completeExceptionally(failure);
      }
    }
  }

  /// Whether it may be otherwise a little later: the mailbox is full, or the store is not to be
  /// reached. The same dot is asked for again, so it does no harm if the first was carried out.
  private static boolean isPassing(Throwable failure) {
    return failure instanceof DefiniteException.Overloaded
        || failure instanceof DefiniteException.NoNodes
        || failure instanceof DefiniteException.NotOwner
        || failure instanceof DefiniteException.Moved
        || failure instanceof IndefiniteException;
  }
}
