package dev.trellis.functions.mailbox;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.View;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/// What a receiver knows of its mailbox: which records are here, whose turn it is, what was done
/// with them, and what can be trimmed. A state machine: it reads no clock and does no I/O.
///
/// A sender's records have dots without gaps, so one may be handed over when the one before it was,
/// or was trimmed. Replicas tell each other late and in any order; a record that comes before its
/// turn waits. Nothing is handed over twice, since a record has the same dot wherever it is read.
///
/// Invariant: a dot is in `received` of its stream from the moment that it was shown here or known
/// as trimmed; in `passed` once a later one may be handed over.
final class Intake {
  /// The dot of the first record that a sender sends under a name.
  static final long FIRST = Tag.POSITIONS_MAX;

  private static final long RETRY_MILLIS_MAX = 30_000;

  /// A record that is here and not done.
  private static final class Held {
    final Dot dot;
    final HybridTimestamp sent;
    final Optional<Dot> after;
    final @Nullable List<Message> messages; // null if it can't be read
    final long weight;
    final Payload unreadable; // as much of it as a message takes; empty if it can be read
    String malformed = ""; // why it can't be read
    final BitSet done = new BitSet(); // messages that are
    int next; // the first message that was not handed over
    int tries; // of that one
    long notBeforeMillis;

    Held(View.LogRecord record) {
      dot = record.dot();
      sent = record.timestamp();
      @Nullable Packet packet = null;
      try {
        packet = Packet.decode(record.value());
      } catch (Packet.MalformedException e) {
        malformed = String.valueOf(e.getMessage());
      }
      after = packet == null ? Optional.empty() : packet.after();
      messages = packet == null ? null : packet.messages();
      unreadable =
          packet == null
              ? Payload.of(
                  record.value().toBytes(),
                  0,
                  Math.min(record.value().size(), Message.BODY_BYTES_MAX))
              : Payload.EMPTY;
      weight = packet == null ? record.value().size() : packet.weight();
    }

    int count() {
      return messages == null ? 1 : messages.size();
    }
  }

  /// The records of one sender under one name.
  private static final class Stream {
    final ReplicaId sender;
    CausalContext received = CausalContext.EMPTY;
    CausalContext passed = CausalContext.EMPTY;
    final TreeMap<Long, Held> waiting = new TreeMap<>(); // not handed over whole
    final Map<Long, Held> out = new HashMap<>(); // handed over whole, not done
    boolean busy; // serial: a message of it is being handled
    boolean queued; // in `runnable`
    long gapSinceMillis; // while it is among `gapped`
    long touchedMillis;

    Stream(ReplicaId sender, long nowMillis) {
      this.sender = sender;
      this.touchedMillis = nowMillis;
    }
  }

  /// What comes of a message that could not be handled.
  enum Verdict {
    /// It is handed over again later.
    AGAIN,
    /// It has failed too often: keep it elsewhere, then say that it is done.
    DEAD
  }

  private final String mailbox;
  private final boolean serial;
  private final ReceiverOptions options;
  private final Map<ReplicaId, Stream> streams = new LinkedHashMap<>();
  private final ArrayDeque<Stream> runnable = new ArrayDeque<>();
  private final Set<Stream> gapped = new LinkedHashSet<>(); // wait for an earlier record
  private final Map<String, Integer> triesBefore = new HashMap<>(); // by id of the message
  private List<CausalContext.Run> toTrim = new ArrayList<>();
  private CausalContext trimming = CausalContext.EMPTY;
  private long heldBytes;
  private long skipped;

  /// @param serial whether a sender's next message waits until the one before is done
  Intake(String mailbox, boolean serial, ReceiverOptions options) {
    this.mailbox = mailbox;
    this.serial = serial;
    this.options = options;
  }

  /// Has what former receivers have noted count.
  void noteTries(Map<String, Integer> tries) {
    triesBefore.putAll(tries);
  }

  // ---- What comes ----

  /// What need not be shown again: all that was received from senders who sent lately. Those who
  /// have not are forgotten by [#forget].
  CausalContext seen() {
    List<CausalContext.Run> runs = new ArrayList<>();
    for (Stream stream : streams.values()) {
      runs.addAll(stream.received.runs());
    }
    return CausalContext.ofRuns(runs);
  }

  /// Takes what a replica has shown.
  ///
  /// @param trimmed what it has trimmed of those who wrote the records, at least
  /// @return how many of them are new here
  int received(Collection<View.LogRecord> records, CausalContext trimmed, long nowMillis) {
    int added = 0;
    Set<Stream> touched = new HashSet<>();
    for (View.LogRecord record : records) {
      Stream stream =
          streams.computeIfAbsent(record.dot().replica(), sender -> new Stream(sender, nowMillis));
      stream.touchedMillis = nowMillis;
      touched.add(stream);
      if (!stream.received.contains(record.dot())) {
        Held held = new Held(record);
        stream.received = stream.received.with(record.dot());
        stream.waiting.put(record.dot().counter(), held);
        heldBytes += held.weight;
        restore(held);
        added++;
      }
    }
    noteTrimmed(trimmed, touched);
    touched.forEach(stream -> look(stream, nowMillis));
    return added;
  }

  /// What is trimmed here and was never received was handled by a former receiver.
  private void noteTrimmed(CausalContext trimmed, Set<Stream> touched) {
    for (CausalContext.Run run : trimmed.runs()) {
      Stream stream = streams.get(run.replica());
      CausalContext all = CausalContext.ofRuns(List.of(run));
      if (stream != null && !stream.passed.includes(all)) {
        CausalContext gone = all.less(stream.received);
        stream.received = stream.received.merge(gone);
        stream.passed = stream.passed.merge(gone);
        touched.add(stream);
      }
    }
  }

  /// Takes what all replicas together have trimmed and this has not seen.
  void trimmedElsewhere(CausalContext trimmed, long nowMillis) {
    for (Stream stream : gapped) {
      stream
          .waiting
          .firstEntry()
          .getValue()
          .after
          .ifPresent(
              dot ->
                  streams.computeIfAbsent(dot.replica(), sender -> new Stream(sender, nowMillis)));
    }
    noteTrimmed(trimmed, new HashSet<>());
    List.copyOf(gapped).forEach(stream -> look(stream, nowMillis));
  }

  /// Goes on where a former receiver has stopped: it noted each message before it was handed over,
  /// so those before the last one that was noted are done.
  private void restore(Held held) {
    if (triesBefore.isEmpty()) {
      return;
    }
    for (int index = held.count() - 1; index >= 0; index--) {
      Integer tries = triesBefore.get(Delivery.id(held.dot, index));
      if (tries != null) {
        held.next = index;
        held.tries = tries;
        held.done.set(0, index);
        return;
      }
    }
  }

  /// Puts a stream in its place: to those that have a message to hand over, or not.
  private void look(Stream stream, long nowMillis) {
    if (stream.waiting.isEmpty()) {
      gapped.remove(stream);
      return;
    }
    if (!mayPass(stream, stream.waiting.firstEntry().getValue())) {
      if (gapped.add(stream)) {
        stream.gapSinceMillis = nowMillis;
      }
      return;
    }
    gapped.remove(stream);
    if (!stream.busy && !stream.queued) {
      stream.queued = true;
      runnable.add(stream);
    }
  }

  /// Whether all that was sent before a record has been handed over.
  private boolean mayPass(Stream stream, Held held) {
    Dot dot = held.dot;
    if (!InvocationId.isOne(dot.replica()) || held.next > 0) {
      return true; // shards name what is appended by hand, in no order
    }
    if (dot.counter() > FIRST) {
      return stream.passed.contains(new Dot(dot.replica(), dot.counter() - 1))
          || stream.passed.contains(dot);
    }
    return held.after.isEmpty() || stream.passed.contains(dot) || hasPassed(held.after.get());
  }

  private boolean hasPassed(Dot dot) {
    Stream stream = streams.get(dot.replica());
    return stream != null && stream.passed.contains(dot);
  }

  // ---- What is handed over ----

  /// Whether a message could be handed over now.
  boolean hasReady(long nowMillis) {
    for (Stream stream : runnable) {
      if (stream.waiting.firstEntry().getValue().notBeforeMillis <= nowMillis) {
        return true;
      }
    }
    return false;
  }

  /// The next message, of each sender in turn.
  Optional<Delivery> take(long nowMillis) {
    for (int left = runnable.size(); left > 0; left--) {
      Stream stream = runnable.remove();
      Held held = stream.waiting.firstEntry().getValue();
      if (held.notBeforeMillis > nowMillis) {
        runnable.add(stream);
        continue;
      }
      stream.queued = false;
      return Optional.of(handOver(stream, held, nowMillis));
    }
    return Optional.empty();
  }

  private Delivery handOver(Stream stream, Held held, long nowMillis) {
    int index = held.next;
    Message message =
        held.messages == null ? Message.of(held.unreadable) : held.messages.get(index);
    Delivery delivery = new Delivery(mailbox, held.dot, index, held.sent, message, held.tries);
    if (serial) {
      stream.busy = true;
    } else {
      advance(stream, held);
      look(stream, nowMillis);
    }
    return delivery;
  }

  /// Moves on behind a message that was handed over.
  private void advance(Stream stream, Held held) {
    held.next++;
    held.tries = 0;
    held.notBeforeMillis = 0;
    if (held.next == held.count()) {
      stream.waiting.remove(held.dot.counter());
      stream.out.put(held.dot.counter(), held);
      stream.passed = stream.passed.with(held.dot);
      wakeFollowers(held.dot);
    }
  }

  /// Those who have gone on under another name wait for the last one under this.
  private void wakeFollowers(Dot passed) {
    for (Stream other : List.copyOf(gapped)) {
      if (other.waiting.firstEntry().getValue().after.filter(passed::equals).isPresent()) {
        look(other, other.gapSinceMillis);
      }
    }
  }

  /// Why a message can't be read; empty if it can. Such a one is to be kept elsewhere, and is done.
  Optional<String> malformed(Delivery delivery) {
    @Nullable Held held = find(delivery);
    return held == null || held.messages != null ? Optional.empty() : Optional.of(held.malformed);
  }

  private @Nullable Held find(Delivery delivery) {
    Stream stream = streams.get(delivery.dot().replica());
    if (stream == null) {
      return null;
    }
    Held waiting = stream.waiting.get(delivery.dot().counter());
    return waiting != null ? waiting : stream.out.get(delivery.dot().counter());
  }

  /// A message was handled: what it came with is trimmed once all of it was.
  ///
  /// @return whether it was not done before
  boolean done(Delivery delivery, long nowMillis) {
    Stream stream = streams.get(delivery.dot().replica());
    @Nullable Held held = find(delivery);
    if (stream == null || held == null || held.done.get(delivery.index())) {
      return false;
    }
    held.done.set(delivery.index());
    if (serial) {
      stream.busy = false;
      advance(stream, held);
    }
    if (held.done.cardinality() == held.count()) {
      stream.out.remove(held.dot.counter());
      heldBytes -= held.weight;
      toTrim.add(new CausalContext.Run(held.dot.replica(), held.dot.counter(), held.dot.counter()));
      for (int index = 0; index < held.count() && !triesBefore.isEmpty(); index++) {
        triesBefore.remove(Delivery.id(held.dot, index));
      }
    }
    look(stream, nowMillis);
    return true;
  }

  /// A message could not be handled. Only where they are handled one after the other.
  Verdict failed(Delivery delivery, long nowMillis) {
    Stream stream = streams.get(delivery.dot().replica());
    @Nullable Held held = find(delivery);
    if (stream == null || held == null) {
      return Verdict.AGAIN; // not of this life of the mailbox
    }
    held.tries++;
    if (held.tries >= options.triesMax()) {
      return Verdict.DEAD;
    }
    rest(held, nowMillis);
    stream.busy = false;
    look(stream, nowMillis);
    return Verdict.AGAIN;
  }

  /// A message that is to be tried again later, though it did not fail: it could not be kept
  /// elsewhere.
  void postpone(Delivery delivery, long nowMillis) {
    Stream stream = streams.get(delivery.dot().replica());
    @Nullable Held held = find(delivery);
    if (stream != null && held != null) {
      rest(held, nowMillis);
      stream.busy = false;
      look(stream, nowMillis);
    }
  }

  private void rest(Held held, long nowMillis) {
    long first = Math.min(RETRY_MILLIS_MAX, TimeUnit.MILLISECONDS.convert(options.retryAfter()));
    long doubled = first << Math.clamp(held.tries - 1, 0, 20);
    held.notBeforeMillis = nowMillis + Math.min(RETRY_MILLIS_MAX, doubled);
  }

  /// How long until a message that rests can be handed over; empty if none rests.
  Optional<Long> restMillis(long nowMillis) {
    long soonest = Long.MAX_VALUE;
    for (Stream stream : runnable) {
      soonest = Math.min(soonest, stream.waiting.firstEntry().getValue().notBeforeMillis);
    }
    return soonest == Long.MAX_VALUE
        ? Optional.empty()
        : Optional.of(Math.max(0, soonest - nowMillis));
  }

  // ---- What is dropped ----

  /// What was done since the last time, to be trimmed; empty if nothing was, or if what was taken
  /// before is not trimmed yet.
  CausalContext takeTrim() {
    if (!trimming.isEmpty() || toTrim.isEmpty()) {
      return CausalContext.EMPTY;
    }
    trimming = CausalContext.ofRuns(toTrim);
    toTrim = new ArrayList<>();
    return trimming;
  }

  void trimmed() {
    trimming = CausalContext.EMPTY;
  }

  /// What was taken could not be trimmed, and is to be taken again.
  void notTrimmed() {
    toTrim.addAll(trimming.runs());
    trimming = CausalContext.EMPTY;
  }

  /// Whether all that was done is trimmed.
  boolean isTrimmed() {
    return trimming.isEmpty() && toTrim.isEmpty();
  }

  /// Forgets senders of whom nothing is here and nothing came since then. Should a replica show a
  /// record of them again that was trimmed, it would be handed over again; so this is for a time by
  /// which all replicas have heard of the trim.
  void forget(long sinceMillis) {
    Set<ReplicaId> toBeTrimmed = new HashSet<>();
    toTrim.forEach(run -> toBeTrimmed.add(run.replica()));
    trimming.runs().forEach(run -> toBeTrimmed.add(run.replica()));
    streams
        .values()
        .removeIf(
            stream ->
                stream.touchedMillis < sinceMillis
                    && stream.waiting.isEmpty()
                    && stream.out.isEmpty()
                    && !stream.busy
                    && !toBeTrimmed.contains(stream.sender));
  }

  // ---- Gaps ----

  /// Whether a message has waited too long for one before it: all replicas are to be asked then.
  boolean hasGap(long nowMillis) {
    return hasGapSince(nowMillis - TimeUnit.MILLISECONDS.convert(options.gapPatience()));
  }

  private boolean hasGapSince(long sinceMillis) {
    return gapped.stream().anyMatch(stream -> lacks(stream, sinceMillis));
  }

  /// Whether a stream has waited so long for a record that is not here. One that is here, and whose
  /// turn has not come yet, is no gap.
  private boolean lacks(Stream stream, long sinceMillis) {
    Held next = stream.waiting.firstEntry().getValue();
    if (next.dot.counter() > FIRST) {
      return stream.gapSinceMillis <= sinceMillis;
    }
    Stream former = next.after.map(dot -> streams.get(dot.replica())).orElse(null);
    boolean isHere = former != null && former.received.contains(next.after.orElseThrow());
    return !isHere && stream.gapSinceMillis <= sinceMillis;
  }

  /// Goes on over gaps that all replicas together could not fill: what was there was lost with all
  /// its copies, was of a mailbox that has been deleted, or was done so long ago that nobody knows
  /// any more. It is handed over all the same should it come.
  ///
  /// @param sinceMillis only over those that are as old
  /// @return how many there were
  int skip(long sinceMillis, long nowMillis) {
    int gaps = 0;
    for (Stream stream : List.copyOf(gapped)) {
      if (lacks(stream, sinceMillis)) {
        Dot next = stream.waiting.firstEntry().getValue().dot;
        stream.passed = stream.passed.with(next);
        gaps++;
        look(stream, nowMillis);
      }
    }
    skipped += gaps;
    return gaps;
  }

  /// How many gaps were skipped.
  long skipped() {
    return skipped;
  }

  /// Weight of what is here and not done.
  long heldBytes() {
    return heldBytes;
  }
}
