package dev.trellis.functions.agent;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.client.TrellisException;
import dev.trellis.functions.Functions;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Limits;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;

/// What a core asks for, told step by step what came of it. What it sends is answered by the test.
class AgentCoreTest {
  private static final long BEGIN = 1_700_000_000_000L;
  private static final long HOUR = Duration.ofHours(1).toMillis();
  private static final Bounds BOUNDS = Bounds.of(Limits.DEFAULT);
  private static final AgentName NAME = new AgentName("account", "a");

  /// A store that does what it is asked for at once.
  private static final class Store implements AgentCore.Effects {
    private final HostId host = new HostId(1, 2);
    private AgentCore core = new AgentCore(host, BOUNDS, this);
    private Optional<Claim> claim = Optional.empty();
    private Optional<AgentEntry> entry = Optional.empty();
    private List<Received> mail = List.of();
    private final List<Outgoing> sent = new ArrayList<>();
    private final List<AgentCore.End> ends = new ArrayList<>();
    private int handled;
    private List<Outgoing> answer = List.of();

    void next(Bounds bounds, long now) {
      core = new AgentCore(host, bounds, this);
      core.start(now);
    }

    @Override
    public void readClaim() {
      core.claimRead(claim);
    }

    @Override
    public void writeClaim(Claim written) {
      claim = Optional.of(written);
      core.claimWritten(written);
    }

    @Override
    public void readEntry() {
      core.entryRead(entry);
    }

    @Override
    public void writeEntry(AgentEntry written) {
      entry = Optional.of(written);
      core.entryWritten(written);
    }

    @Override
    public void readMail(CausalContext consumed) {
      core.mailRead(mail);
    }

    @Override
    public void handle(AgentEntry before, List<Received> taken, List<String> timers) {
      handled += taken.size();
      CausalContext consumed = CausalContext.ofDots(taken.stream().map(Received::dot).toList());
      core.handled(new StepResult(Payload.EMPTY, consumed, answer, new TreeMap<>(), 0));
    }

    @Override
    public void send(List<Outgoing> messages) {
      sent.addAll(messages);
    }

    @Override
    public void acknowledge(CausalContext consumed) {
      mail = List.of();
      core.acknowledged();
    }

    @Override
    public void ended(AgentCore.End end) {
      ends.add(end);
    }
  }

  private static Outgoing message(int number, int bytes) {
    Tag tag = new Tag(Functions.idOf("a message", Instant.ofEpochMilli(BEGIN)), number);
    return new Outgoing("agent/account/b", tag, Payload.of(new byte[bytes]));
  }

  private static Received received(int number) {
    Dot dot = new Dot(new ReplicaId(7, 1), number);
    return new Received(dot, BEGIN, Envelope.tell(Payload.EMPTY).encode());
  }

  private final Store store = new Store();

  /// Has an agent handle one message, which has it send some.
  private void step(Outgoing... sends) {
    store.answer = List.of(sends);
    store.mail = List.of(received(1));
    store.next(BOUNDS, BEGIN);
    assertEquals(List.of(sends), store.sent);
  }

  @Test
  void whatHasArrivedIsNotSentAgainByWhoHasTheAgentHoursAfterItWasPutToRest() {
    step(message(1, 10));
    store.core.sent(store.sent);
    store.core.requestRelease();
    assertEquals(List.of(AgentCore.End.RELEASED), store.ends);
    store.sent.clear();
    store.next(BOUNDS, BEGIN + HOUR);
    assertEquals(List.of(), store.sent);
  }

  @Test
  void whatHasArrivedLeavesTheEntryASecondLaterThoughTheAgentStaysActive() {
    step(message(1, 10), message(2, 10));
    store.core.sent(List.of(message(1, 10)));
    assertEquals(Optional.of(BEGIN + AgentCore.TIDY_MILLIS), store.core.nextTick());
    store.core.tick(BEGIN + AgentCore.TIDY_MILLIS - 1);
    assertEquals(2, store.entry.orElseThrow().outbox().size());
    store.core.tick(BEGIN + AgentCore.TIDY_MILLIS);
    assertEquals(List.of(message(2, 10)), store.entry.orElseThrow().outbox());
    assertEquals(CausalContext.EMPTY, store.entry.orElseThrow().consumed());
    assertEquals(2, store.sent.size());
  }

  @Test
  void whoGivesAnAgentUpWaitsAWhileForWhatIsBeingSent() {
    step(message(1, 10));
    store.core.requestRelease();
    assertEquals(List.of(), store.ends);
    store.core.sent(store.sent);
    assertEquals(List.of(AgentCore.End.RELEASED), store.ends);
    assertEquals(List.of(), store.entry.orElseThrow().outbox());
  }

  @Test
  void whoGivesAnAgentUpDoesNotWaitForAMailboxThatStaysFull() {
    step(message(1, 10));
    store.core.requestRelease();
    store.core.tick(BEGIN + AgentCore.LAST_SENDS_MILLIS);
    assertEquals(List.of(AgentCore.End.RELEASED), store.ends);
    assertEquals(List.of(message(1, 10)), store.entry.orElseThrow().outbox());
  }

  @Test
  void whatIsTooOldIsSentUnderANewTagOnceThatIsWrittenDown() {
    step(message(1, 10));
    store.core.tick(BEGIN + HOUR);
    store.sent.clear();
    store.core.expired(message(1, 10));
    assertEquals(store.entry.orElseThrow().outbox(), store.sent);
    Outgoing again = store.sent.getFirst();
    assertNotEquals(message(1, 10).tag(), again.tag());
    assertEquals(message(1, 10), again.under(message(1, 10).tag()));
    assertTrue(again.tag().invocation().bornMillis() > BEGIN + HOUR / 2);
  }

  @Test
  void oneMessageIsHandledWhereMuchWaitsInTheOutboxAndNothingMoves() {
    step(message(1, (int) BOUNDS.unsent()));
    store.answer = List.of();
    store.mail = List.of(received(2), received(3), received(4));
    store.core.mailCame();
    assertEquals(1, store.handled);
    long next = BEGIN + AgentCore.STUCK_MILLIS;
    assertEquals(Optional.of(next), store.core.nextTick());
    store.core.tick(next);
    assertEquals(2, store.handled);
    store.core.sent(store.sent);
    assertEquals(4, store.handled);
  }

  @Test
  void nothingIsHandledWhereThereWouldSoonBeNoRoomForAStep() {
    step(message(1, (int) BOUNDS.entry() / 2));
    store.answer = List.of();
    store.mail = List.of(received(2));
    store.core.mailCame();
    store.core.tick(BEGIN + HOUR);
    assertEquals(1, store.handled);
    assertEquals(Optional.empty(), store.core.nextTick());
    store.core.sent(store.sent);
    assertEquals(2, store.handled);
  }

  @Test
  void onlyAMessageThatNeverFitsOrMayNotBeThereIsGivenUp() {
    long limit = Limits.DEFAULT.valueBytesMax();
    assertEquals(Access.Unsent.AGAIN, unsent(ErrorCode.OVERLOADED, 10));
    assertEquals(Access.Unsent.AGAIN, unsent(ErrorCode.BAD_REQUEST, 10));
    assertEquals(Access.Unsent.AGAIN, unsent(ErrorCode.VALUE_TOO_LARGE, 10));
    assertEquals(Access.Unsent.NEVER, unsent(ErrorCode.VALUE_TOO_LARGE, limit));
    assertEquals(Access.Unsent.NEVER, unsent(ErrorCode.FORBIDDEN, 10));
    assertEquals(Access.Unsent.UNDER_ANOTHER_TAG, unsent(ErrorCode.INVOCATION_EXPIRED, 10));
  }

  private static Access.Unsent unsent(ErrorCode code, long bytes) {
    return Access.unsent(TrellisException.of(code, "refused"), bytes, Limits.DEFAULT);
  }

  @Test
  void whatATimerTellsIsBornInThePastThoughTheHostsClockIsAhead() {
    long ahead = BEGIN + 2_000;
    TreeMap<String, Timer> timers = new TreeMap<>();
    timers.put("tpay", new Timer(ahead, 1));
    AgentEntry before =
        new AgentEntry(
            new Ownership(1, new HostId(1, 2)),
            1,
            Payload.EMPTY,
            CausalContext.EMPTY,
            List.of(),
            timers,
            1);
    Step step =
        new Step(
            NAME,
            (message, context) -> context.tell(NAME, Payload.EMPTY),
            before,
            ahead,
            BOUNDS,
            id -> {
              throw new IllegalStateException("no store");
            });
    step.fire("tpay");
    long born = step.result().sent().getFirst().tag().invocation().bornMillis();
    assertTrue(born <= BEGIN, () -> "born " + (born - BEGIN) + " ms late");
  }
}
