package dev.trellis.functions.runtime;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertSame;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.Answer;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.runtime.Scheduler.Deployment;
import dev.trellis.functions.runtime.Scheduler.Instance;
import dev.trellis.functions.runtime.Scheduler.Job;
import dev.trellis.functions.runtime.Scheduler.Run;
import dev.trellis.lattice.Payload;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;

/// The scheduler by itself: the test plays the platform, on one thread.
class SchedulerTest {
  private static final Answer ANSWER =
      new Answer(Payload.ofText("answer"), SessionToken.ofBytes(new byte[2]));
  private static final Duration SECOND = Duration.ofSeconds(1);

  private final ManualClock clock = new ManualClock(Instant.EPOCH);
  private final List<Run> begun = new ArrayList<>();
  private final List<Run> killed = new ArrayList<>();
  private final List<Run> letGo = new ArrayList<>();
  private final List<Instance> retired = new ArrayList<>();
  private final List<Outcome> outcomes = new ArrayList<>();

  private final Scheduler.Platform platform =
      new Scheduler.Platform() {
        @Override
        public void begin(Run run) {
          begun.add(run);
        }

        @Override
        public void kill(Run run) {
          killed.add(run);
        }

        @Override
        public void letGo(Run run) {
          letGo.add(run);
        }

        @Override
        public void retire(Instance instance) {
          retired.add(instance);
        }

        @Override
        public RuntimeClock.Timer after(Duration delay, Runnable task) {
          return clock.after(delay, task);
        }

        @Override
        public void settle(Job job, Outcome outcome) {
          outcomes.add(outcome);
        }
      };

  private Scheduler scheduler(CloudConfig cloud) {
    return new Scheduler(cloud, true, platform);
  }

  private static CloudConfig always(Mischief mischief) {
    return CloudConfig.CALM.with(mischief, 1);
  }

  private static Deployment deployment(FunctionConfig config) {
    return new Deployment("f", (invocation, argument) -> argument, config);
  }

  private static Job job(Deployment deployment, boolean event) {
    FunctionCall call = FunctionCall.of("f", new InvocationId(1 << 16, 1), Payload.EMPTY);
    return new Job(deployment, call, event, false);
  }

  private static Job call() {
    return job(deployment(FunctionConfig.DEFAULT), false);
  }

  @Test
  void aRunThatReturnsIsAnsweredAndItsInstanceServesTheNext() {
    Scheduler scheduler = scheduler(CloudConfig.CALM);
    Deployment deployment = deployment(FunctionConfig.DEFAULT);
    scheduler.submit(job(deployment, false));
    scheduler.returned(begun.get(0), ANSWER);
    scheduler.submit(job(deployment, false));
    assertSame(begun.get(0).instance, begun.get(1).instance);
    assertEquals(List.of(new Outcome.Done(begun.get(0).job.call.id(), ANSWER, 1)), outcomes);
    assertEquals(1, scheduler.report().coldStarts());
    assertEquals(1, clock.timers(), "the deadline of the second run, and no other");
  }

  @Test
  void aRunThatThrowsIsRunAgainWithTheSameIdAfterAPauseThatDoubles() {
    Scheduler scheduler = scheduler(CloudConfig.CALM.withBackoff(SECOND));
    Job job = call();
    scheduler.submit(job);
    scheduler.threw(begun.get(0), new IllegalStateException("one"));
    assertEquals(1, begun.size());
    clock.advance(SECOND);
    assertEquals(2, begun.size());
    scheduler.threw(begun.get(1), new IllegalStateException("two"));
    clock.advance(SECOND);
    assertEquals(2, begun.size());
    clock.advance(SECOND);
    assertEquals(3, begun.size());
    assertSame(job, begun.get(2).job);
    scheduler.threw(begun.get(2), new IllegalStateException("three"));
    Outcome.Failed failed = assertInstanceOf(Outcome.Failed.class, outcomes.get(0));
    assertEquals("three", failed.cause().getMessage());
    assertEquals(3, failed.attempts());
    assertEquals(1, scheduler.report().failed());
  }

  @Test
  void aRunIsKilledAtItsDeadlineAndRunAgainOnAnotherInstance() {
    Scheduler scheduler = scheduler(CloudConfig.CALM);
    scheduler.submit(call());
    clock.advance(FunctionConfig.TIMEOUT_MAX.minusMillis(1));
    assertEquals(List.of(), killed);
    clock.advance(Duration.ofMillis(1));
    assertEquals(List.of(begun.get(0)), killed);
    assertNotSame(begun.get(0).instance, begun.get(1).instance);
    scheduler.returned(begun.get(0), ANSWER);
    assertEquals(List.of(), outcomes, "who was given up is not heard");
    assertEquals(List.of(begun.get(0).instance), retired);
    scheduler.returned(begun.get(1), ANSWER);
    assertEquals(1, outcomes.size());
    assertEquals(1, scheduler.report().timeouts());
    assertEquals(1, scheduler.report().lateEnds());
  }

  @Test
  void aZombieIsHeldUntilItsInvocationIsSettled() {
    Scheduler scheduler = scheduler(CloudConfig.CALM.with(Mischief.ZOMBIE, 0.5));
    Deployment deployment = deployment(FunctionConfig.DEFAULT.withMaxAttempts(1_000));
    while (letGo.isEmpty()) {
      scheduler.submit(job(deployment, false));
      Run last = begun.getLast();
      List<Run> held = new ArrayList<>();
      while (last.plan.has(Mischief.ZOMBIE)) {
        scheduler.reachedItsCall(last);
        held.add(last);
        last = begun.getLast();
        assertEquals(List.of(), letGo);
      }
      scheduler.returned(last, ANSWER);
      assertEquals(held, letGo);
    }
    assertEquals(List.of(), killed);
  }

  @Test
  void crashesLoseTheInstanceAndTheAnswer() {
    for (Mischief crash :
        List.of(Mischief.CRASH_BEFORE, Mischief.CRASH_DURING, Mischief.CRASH_AFTER)) {
      begun.clear();
      outcomes.clear();
      Scheduler scheduler = scheduler(always(crash));
      scheduler.submit(call());
      for (int attempt = 0; attempt < begun.size(); attempt++) {
        if (crash == Mischief.CRASH_DURING) {
          scheduler.reachedItsCall(begun.get(attempt));
        }
        scheduler.returned(begun.get(attempt), ANSWER);
      }
      assertEquals(crash == Mischief.CRASH_BEFORE ? 0 : 3, begun.size());
      assertInstanceOf(Outcome.Failed.class, outcomes.get(0));
      assertEquals(3, scheduler.report().mischief().get(crash));
      assertEquals(3, scheduler.report().coldStarts());
    }
  }

  @Test
  void duplicatesRunBesideAndAfterAndAreNotAnswered() {
    Scheduler scheduler = scheduler(always(Mischief.DUPLICATE_BESIDE));
    scheduler.submit(call());
    assertEquals(2, begun.size());
    scheduler.returned(begun.get(1), ANSWER);
    scheduler.threw(begun.get(0), new IllegalStateException("too late"));
    assertEquals(1, outcomes.size());
    assertEquals(2, begun.size());

    begun.clear();
    Scheduler after = scheduler(always(Mischief.DUPLICATE_AFTER));
    after.submit(call());
    after.returned(begun.get(0), ANSWER);
    after.returned(begun.get(1), ANSWER);
    assertEquals(2, begun.size());
    assertEquals(2, outcomes.size());
  }

  @Test
  void callsAreRefusedAndEventsWaitWhereTheFunctionIsBusy() {
    Scheduler scheduler = scheduler(CloudConfig.CALM);
    Deployment one = deployment(FunctionConfig.DEFAULT.withConcurrency(1));
    scheduler.submit(job(one, false));
    scheduler.submit(job(one, false));
    assertInstanceOf(Outcome.Throttled.class, outcomes.get(0));
    scheduler.submit(job(one, true));
    scheduler.submit(job(one, true));
    assertEquals(1, begun.size());
    assertEquals(2, scheduler.waiting());
    scheduler.threw(begun.get(0), new IllegalStateException("again, behind the others"));
    for (int run = 1; run < begun.size(); run++) {
      scheduler.returned(begun.get(run), ANSWER);
    }
    assertEquals(4, begun.size());
    assertEquals(4, outcomes.size());
    assertEquals(0, scheduler.waiting());
  }

  @Test
  void aColdInstanceTakesItsTimeAndAnIdleOneMayBeGoneOrFrozen() {
    Scheduler scheduler =
        scheduler(always(Mischief.RECYCLED).with(Mischief.FROZEN, 1).withColdStart(SECOND));
    Deployment deployment = deployment(FunctionConfig.DEFAULT);
    scheduler.submit(job(deployment, false));
    assertEquals(0, begun.size());
    clock.advance(SECOND);
    scheduler.returned(begun.get(0), ANSWER);
    scheduler.submit(job(deployment, false));
    assertEquals(List.of(begun.get(0).instance), retired);
    clock.advance(SECOND);
    assertEquals(2, begun.size());

    Scheduler freezing = scheduler(always(Mischief.FROZEN));
    Deployment frozen = deployment(FunctionConfig.DEFAULT);
    freezing.submit(job(frozen, false));
    freezing.returned(begun.getLast(), ANSWER);
    freezing.submit(job(frozen, false));
    assertTrue(begun.getLast().instance.frozen);
    assertEquals(1, freezing.report().mischief().get(Mischief.FROZEN));
  }

  @Test
  void theSamePlansComeFromTheSameSeedAndOthersFromAnother() {
    CloudConfig cloud = CloudConfig.mischievous(7, 0.3);
    List<Plan> plans = IntStream.range(0, 100).mapToObj(n -> Plan.draw(cloud, n, n % 3)).toList();
    List<Plan> again = IntStream.range(0, 100).mapToObj(n -> Plan.draw(cloud, n, n % 3)).toList();
    assertEquals(plans, again);
    CloudConfig other = CloudConfig.mischievous(8, 0.3);
    assertNotEquals(
        plans, IntStream.range(0, 100).mapToObj(n -> Plan.draw(other, n, n % 3)).toList());
    for (Mischief each : Mischief.values()) {
      assertTrue(plans.stream().anyMatch(plan -> plan.has(each)), each.toString());
      assertTrue(plans.stream().anyMatch(plan -> !plan.has(each)), each.toString());
    }
    assertEquals(Map.of(), CloudConfig.CALM.probabilities());
    assertEquals(Plan.draw(CloudConfig.CALM, 1, 1).mischief(), Plan.NONE.mischief());
  }
}
