package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.functions.Functions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/// One activation of one agent on one host: decides what to read, write and send, and when a step
/// counts. Pure: what it wants done it asks of [Effects]; what came of it, and the time, it is
/// told. For one thread at a time.
///
/// Two hosts may both believe that they own the agent. What keeps them apart is the order in which
/// they write and read, as in Dekker's algorithm:
/// - who takes over writes his claim, and then reads the entry;
/// - who does a step writes the entry, and then reads the claim.
///
/// Writes are on k + 1 nodes before they count as done, and reads ask all replicas. So of the two
/// at least one sees the other: either the step is in what the next host goes on from, or its host
/// finds the claim, and then nothing of the step gets out: it sends nothing, drops nothing from the
/// mailbox, replies to nobody. No clock is asked.
///
/// See decision 35 for what happens where reads can't reach all replicas.
final class AgentCore {
  /// What is to be done. Each is answered by the method of the same name in [AgentCore], later and
  /// once, unless the activation has ended by then. Writes and sends are repeated until they have
  /// succeeded on k + 1 nodes; who gives up says [AgentCore#abandon].
  interface Effects {
    /// All replicas are asked.
    void readClaim();

    void writeClaim(Claim claim);

    /// All replicas are asked.
    void readEntry();

    void writeEntry(AgentEntry entry);

    /// All replicas are asked, for messages that are not in `consumed`.
    void readMail(CausalContext consumed);

    /// Has the agent handle what has come.
    ///
    /// @param before what the step begins with
    /// @param timers that are due
    void handle(AgentEntry before, List<Received> mail, List<String> timers);

    /// Puts messages into mailboxes. Answered by [AgentCore#sent], and by [AgentCore#expired] for
    /// those whose tags the store takes no more.
    void send(List<Outgoing> messages);

    /// Drops messages from the agent's mailbox.
    void acknowledge(CausalContext consumed);

    /// Nothing will be asked for any more, and nothing need be answered.
    void ended(End end);
  }

  /// Why an activation has ended.
  enum End {
    /// Another host has a greater claim.
    OVERTAKEN,
    /// Given up by its host.
    RELEASED,
    /// Something could not be done; who comes next goes on.
    ABANDONED
  }

  private enum Phase {
    CLAIM_READING,
    CLAIM_WRITING,
    ENTRY_READING,
    ENTRY_WRITING,
    CLAIM_CHECKING,
    RESTING,
    HANDLING,
    RELEASING,
    ENDED
  }

  /// What has arrived leaves the entry with the next step, or after so long without one.
  static final long TIDY_MILLIS = 1_000;

  /// How long nothing moves before something is handled though much waits to be sent.
  static final long STUCK_MILLIS = 2_000;

  /// Who gives an agent up waits so long for what is being sent.
  static final long LAST_SENDS_MILLIS = 2_000;

  private final HostId host;
  private final Bounds bounds;
  private final Effects effects;
  private Phase phase = Phase.CLAIM_READING;
  private @Nullable Claim claim; // as written
  private @Nullable AgentEntry entry; // as written, or being written
  private long lastActiveMillis;
  private long nowMillis;
  private boolean mailMayBeThere = true;
  private boolean reading; // mail
  private boolean releaseWanted;
  private long releaseMillis; // by when it is released, whatever is being sent
  private long writtenMillis; // when the last write of the entry began
  private boolean acknowledging;
  private boolean active;
  private long epochFloor; // of an entry whose claim is gone
  private final List<Received> mail = new ArrayList<>(); // read, not handled yet
  private CausalContext handled = CausalContext.EMPTY; // of counted steps, not acknowledged yet
  private CausalContext acknowledged = CausalContext.EMPTY; // before the last read of mail began
  private CausalContext acknowledgedSince = CausalContext.EMPTY;
  private CausalContext beingAcknowledged = CausalContext.EMPTY;
  private final Set<Tag> underWay = new HashSet<>(); // of the outbox, being sent
  private final Set<Tag> arrived = new HashSet<>(); // of the outbox, and still in the entry
  private final Map<Tag, Tag> renamed = new HashMap<>(); // of the outbox, with the next write
  private long unsentBytes; // of the outbox, not arrived
  private long movedMillis; // when something was last handled, or arrived

  AgentCore(HostId host, Bounds bounds, Effects effects) {
    this.host = host;
    this.bounds = bounds;
    this.effects = effects;
  }

  /// Begins: claims the agent, whoever has it. Whether to is for the caller to decide.
  void start(long now) {
    tick(now);
    lastActiveMillis = now;
    effects.readClaim();
  }

  // ---- Taking over ----

  void claimRead(Optional<Claim> found) {
    switch (phase) {
      case CLAIM_READING -> {
        if (claim != null && isOvertakenBy(found)) {
          end(End.OVERTAKEN);
          return;
        }
        long before = found.map(claimed -> claimed.owner().epoch()).orElse(0L);
        long epoch = Math.max(before, epochFloor) + 1;
        Claim mine = new Claim(new Ownership(epoch, host), 1, false);
        claim = mine;
        phase = Phase.CLAIM_WRITING;
        effects.writeClaim(mine);
      }
      case CLAIM_CHECKING -> {
        if (isOvertakenBy(found)) {
          end(End.OVERTAKEN);
        } else {
          stepCounts();
        }
      }
      case ENDED -> {}
      default -> throw unexpected("a claim");
    }
  }

  /// @param kept what the replica has after the write
  void claimWritten(Claim kept) {
    if (phase == Phase.ENDED) {
      return;
    }
    if (isOvertakenBy(Optional.of(kept))) {
      end(End.OVERTAKEN);
    } else if (phase == Phase.CLAIM_WRITING) {
      phase = Phase.ENTRY_READING;
      effects.readEntry();
    } else if (phase == Phase.RELEASING) {
      end(End.RELEASED);
    } else {
      throw unexpected("the end of a claim's write");
    }
  }

  void entryRead(Optional<AgentEntry> found) {
    if (phase == Phase.ENDED) {
      return;
    }
    require(Phase.ENTRY_READING, "an entry");
    Ownership mine = claimed().owner();
    if (found.isPresent() && found.get().owner().overtakes(mine)) {
      // Either somebody claims it, or its claim is gone: deleted, or lost with too many nodes.
      epochFloor = found.get().owner().epoch();
      phase = Phase.CLAIM_READING;
      effects.readClaim();
      return;
    }
    AgentEntry next = found.map(before -> before.takenOver(mine)).orElse(AgentEntry.first(mine));
    handled = next.consumed();
    write(next);
  }

  // ---- Steps ----

  private void write(AgentEntry next) {
    entry = next;
    writtenMillis = nowMillis;
    phase = Phase.ENTRY_WRITING;
    effects.writeEntry(next);
  }

  /// @param kept what the replica has after the write
  void entryWritten(AgentEntry kept) {
    if (phase == Phase.ENDED) {
      return;
    }
    require(Phase.ENTRY_WRITING, "the end of an entry's write");
    if (kept.owner().overtakes(claimed().owner())) {
      end(End.OVERTAKEN);
      return;
    }
    phase = Phase.CLAIM_CHECKING;
    effects.readClaim();
  }

  /// What was written stands, as whoever overtakes from now on finds it. So it may get out.
  private void stepCounts() {
    phase = Phase.RESTING;
    active = true;
    arrived.retainAll(written().outbox().stream().map(Outgoing::tag).collect(Collectors.toSet()));
    unsentBytes = unsent().stream().mapToLong(Bounds::weight).sum();
    List<Outgoing> due =
        written().outbox().stream()
            .filter(one -> !arrived.contains(one.tag()) && !renamed.containsKey(one.tag()))
            .filter(one -> underWay.add(one.tag()))
            .toList();
    if (!due.isEmpty()) {
      effects.send(due);
    }
    acknowledge();
    next();
  }

  private void acknowledge() {
    if (!acknowledging && !handled.isEmpty()) {
      acknowledging = true;
      beingAcknowledged = handled;
      handled = CausalContext.EMPTY;
      effects.acknowledge(beingAcknowledged);
    }
  }

  void acknowledged() {
    if (phase == Phase.ENDED) {
      return;
    }
    acknowledging = false;
    acknowledgedSince = acknowledgedSince.merge(beingAcknowledged);
    if (!reading) {
      // Whatever is read from now on does not show them.
      acknowledged = acknowledged.merge(acknowledgedSince);
      acknowledgedSince = CausalContext.EMPTY;
    }
    if (phase == Phase.RESTING) {
      acknowledge();
      next();
    }
  }

  void sent(List<Outgoing> messages) {
    if (phase == Phase.ENDED) {
      return;
    }
    for (Outgoing one : messages) {
      underWay.remove(one.tag());
      arrived.add(one.tag());
      unsentBytes -= Bounds.weight(one);
    }
    movedMillis = nowMillis;
    if (phase == Phase.RESTING) {
      next();
    }
  }

  /// The store takes a message no more under its tag, as that is too old. So it is sent under
  /// another, once the entry has that: whoever goes on from there sends it under the same. It may
  /// arrive twice, if it arrived under the first one and nobody lived to write that down.
  void expired(Outgoing message) {
    if (phase == Phase.ENDED || !underWay.remove(message.tag())) {
      return;
    }
    Tag old = message.tag();
    InvocationId again =
        Functions.idOf("again " + old.invocation(), Instant.ofEpochMilli(Step.birth(nowMillis)));
    renamed.put(old, new Tag(again, old.number()));
    if (phase == Phase.RESTING) {
      next();
    }
  }

  /// There may be messages that were not there when they were read last.
  void mailCame() {
    mailMayBeThere = true;
    if (phase == Phase.RESTING) {
      next();
    }
  }

  void mailRead(List<Received> found) {
    if (phase == Phase.ENDED) {
      return;
    }
    reading = false;
    CausalContext consumed = written().consumed();
    for (Received one : found) {
      if (!consumed.contains(one.dot())) {
        mail.add(one);
      }
    }
    acknowledged = acknowledged.merge(acknowledgedSince);
    acknowledgedSince = CausalContext.EMPTY;
    if (phase == Phase.RESTING) {
      next();
    }
  }

  /// Time has passed.
  void tick(long now) {
    nowMillis = now;
    if (phase == Phase.RESTING) {
      next();
    }
  }

  private void next() {
    if (!renamed.isEmpty()) {
      tidy();
      return;
    }
    if (releaseWanted) {
      if (underWay.isEmpty() || nowMillis >= releaseMillis) {
        finish();
      }
      return;
    }
    List<String> due = Step.due(written().timers(), nowMillis);
    boolean toDo = !mail.isEmpty() || !due.isEmpty();
    if (toDo && unsentBytes <= bounds.unsent()) {
      handle(mail.size(), due);
    } else if (toDo && nowMillis >= stuckMillis()) {
      boolean timer = !due.isEmpty();
      handle(timer ? 0 : 1, timer ? due.subList(0, 1) : List.of());
    } else if (!toDo && mailMayBeThere && !reading) {
      mailMayBeThere = false;
      reading = true;
      effects.readMail(written().consumed());
    } else if (!arrived.isEmpty() && nowMillis >= writtenMillis + TIDY_MILLIS) {
      tidy();
    }
  }

  /// Has timers handled, and so many of the messages that came first.
  private void handle(int messages, List<String> timers) {
    phase = Phase.HANDLING;
    lastActiveMillis = nowMillis;
    movedMillis = nowMillis;
    List<Received> first = mail.subList(0, messages);
    List<Received> taken = List.copyOf(first);
    first.clear();
    effects.handle(written().withOutbox(unsent()), taken, timers);
  }

  /// From when on one thing is handled though much waits to be sent. It may wait for room in this
  /// very mailbox, or in those of agents that wait for room here, and then nothing else would ever
  /// move. [Long#MAX_VALUE] where so much waits that there would soon be no room for a step.
  private long stuckMillis() {
    return unsentBytes > bounds.entry() / 2 ? Long.MAX_VALUE : movedMillis + STUCK_MILLIS;
  }

  /// Takes what has arrived out of the entry, and what was read of the mailbox since it was dropped
  /// there. Left in it, it would be sent again by who goes on from it: harmless while the store
  /// knows the tags, but not once they are too old.
  private void tidy() {
    AgentEntry before = written();
    List<Outgoing> outbox = unsent();
    renamed.clear();
    CausalContext consumed = before.consumed().less(acknowledged);
    acknowledged = CausalContext.EMPTY;
    write(before.tidied(consumed, outbox));
  }

  /// What has not arrived, under the names that it is to have.
  private List<Outgoing> unsent() {
    return written().outbox().stream()
        .filter(one -> !arrived.contains(one.tag()))
        .map(one -> one.under(renamed.getOrDefault(one.tag(), one.tag())))
        .toList();
  }

  void handled(StepResult result) {
    if (phase == Phase.ENDED) {
      return;
    }
    require(Phase.HANDLING, "what was handled");
    AgentEntry before = written();
    List<Outgoing> outbox = new ArrayList<>(unsent());
    renamed.clear();
    outbox.addAll(result.sent());
    handled = handled.merge(result.consumed());
    CausalContext consumed = before.consumed().less(acknowledged).merge(result.consumed());
    acknowledged = CausalContext.EMPTY;
    write(
        new AgentEntry(
            before.owner(),
            before.sequence() + 1,
            result.state(),
            consumed,
            outbox,
            result.timers(),
            result.timersSet()));
  }

  // ---- Ending ----

  /// Gives the agent up once the step that is under way counts and what it sends has arrived, or
  /// has not for [#LAST_SENDS_MILLIS]; and says so in the claim.
  void requestRelease() {
    if (!releaseWanted) {
      releaseWanted = true;
      releaseMillis = nowMillis + LAST_SENDS_MILLIS;
    }
    if (phase == Phase.RESTING) {
      next();
    }
  }

  /// Nobody may look at the entry for longer than tags are good for.
  private void finish() {
    if (!arrived.isEmpty()) {
      tidy();
      return;
    }
    phase = Phase.RELEASING;
    claim = claimed().release();
    effects.writeClaim(claimed());
  }

  /// Somebody saw a claim or an entry that may be greater.
  void claimSeen(Claim seen) {
    if (phase != Phase.ENDED && claim != null && isOvertakenBy(Optional.of(seen))) {
      end(End.OVERTAKEN);
    }
  }

  /// Something could not be done.
  void abandon() {
    if (phase != Phase.ENDED) {
      end(End.ABANDONED);
    }
  }

  private void end(End end) {
    phase = Phase.ENDED;
    mail.clear();
    effects.ended(end);
  }

  // ---- What others may know ----

  boolean isActive() {
    return active && phase != Phase.ENDED;
  }

  boolean hasEnded() {
    return phase == Phase.ENDED;
  }

  /// Since when it has nothing to do, in milliseconds since the epoch; none if it has.
  Optional<Long> idleSince() {
    boolean idle =
        phase == Phase.RESTING
            && underWay.isEmpty()
            && !acknowledging
            && !reading
            && !mailMayBeThere
            && renamed.isEmpty()
            && written().timers().isEmpty();
    return idle ? Optional.of(lastActiveMillis) : Optional.empty();
  }

  /// When it is to be told the time, in milliseconds since the epoch: the next timer is due, or
  /// something is to be written down.
  Optional<Long> nextTick() {
    if (phase != Phase.RESTING) {
      return Optional.empty();
    }
    if (releaseWanted) {
      return Optional.of(releaseMillis);
    }
    long earliest = unsentBytes > bounds.unsent() ? stuckMillis() : 0;
    LongStream timers =
        LongStream.concat(
                written().timers().values().stream().mapToLong(Timer::dueMillis),
                mail.isEmpty() ? LongStream.empty() : LongStream.of(earliest))
            .map(due -> Math.max(due, earliest))
            .filter(due -> due < Long.MAX_VALUE);
    LongStream tidying =
        arrived.isEmpty() ? LongStream.empty() : LongStream.of(writtenMillis + TIDY_MILLIS);
    return LongStream.concat(timers, tidying).boxed().min(Long::compare);
  }

  /// 0 before the agent is claimed.
  long epoch() {
    return claim == null ? 0 : claim.owner().epoch();
  }

  private boolean isOvertakenBy(Optional<Claim> found) {
    return found.isPresent() && found.get().owner().overtakes(claimed().owner());
  }

  private Claim claimed() {
    if (claim == null) {
      throw unexpected("nothing, and there is no claim");
    }
    return claim;
  }

  private AgentEntry written() {
    if (entry == null) {
      throw unexpected("nothing, and there is no entry");
    }
    return entry;
  }

  private void require(Phase wanted, String what) {
    if (phase != wanted) {
      throw unexpected(what);
    }
  }

  private IllegalStateException unexpected(String what) {
    return new IllegalStateException(host + " was told " + what + " while it is " + phase);
  }
}
