package dev.trellis.functions.runtime;

import dev.trellis.functions.Answer;
import dev.trellis.functions.Function;
import dev.trellis.functions.FunctionCall;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Deque;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/// Decides which run begins when, and what befalls it. Reads no clock and starts no thread: a
/// [Platform] does what it decides and tells what came of it. Not for several threads.
final class Scheduler {
  /// Does what was decided.
  interface Platform {
    /// Begins a run on its instance. Then [Scheduler#returned] or [Scheduler#threw] is to be told,
    /// before that [Scheduler#reachedItsCall], if the run is to end in the middle and gets there.
    void begin(Run run);

    /// Cuts a run off from the store and interrupts it.
    void kill(Run run);

    /// Lets a zombie go on that was held at its call.
    void letGo(Run run);

    /// Ends an instance, on which nothing runs.
    void retire(Instance instance);

    /// Calls back later, protected as all other calls are.
    RuntimeClock.Timer after(Duration delay, Runnable task);

    void settle(Job job, Outcome outcome);
  }

  /// A function as it is deployed.
  static final class Deployment {
    final String name;
    final Function function;
    final FunctionConfig config;
    private final Deque<Instance> idle = new ArrayDeque<>();
    private final Deque<Attempt> waiting = new ArrayDeque<>(); // for a free instance
    private int busy; // instances with a run that was not given up

    Deployment(String name, Function function, FunctionConfig config) {
      this.name = name;
      this.function = function;
      this.config = config;
    }
  }

  /// An invocation.
  static final class Job {
    final Deployment deployment;
    final FunctionCall call;
    final boolean kept; // whether its result is
    private final boolean event; // whether nobody waits for the answer
    private final List<Run> held = new ArrayList<>(); // zombies, until it is settled
    private long number;
    private int runs;
    private boolean settled;

    Job(Deployment deployment, FunctionCall call, boolean event, boolean kept) {
      this.deployment = deployment;
      this.call = call;
      this.event = event;
      this.kept = kept;
    }
  }

  /// @param duplicate whether it is one that nobody asked for, and that is not tried again
  private record Attempt(Job job, int number, boolean duplicate) {}

  /// Where runs happen, one after the other.
  static final class Instance {
    /// Whether its connections are gone, and its client is to be another; kept by the platform.
    boolean frozen;
  }

  /// One time that a function is called.
  static final class Run {
    final Job job;
    final Plan plan;
    final Instance instance;
    private final Attempt attempt;
    private RuntimeClock.@Nullable Timer deadline;
    private boolean over; // ended, or given up

    private Run(Attempt attempt, Plan plan, Instance instance) {
      this.job = attempt.job;
      this.attempt = attempt;
      this.plan = plan;
      this.instance = instance;
    }
  }

  private static final Duration BACKOFF_MAX = Duration.ofMinutes(5);
  private static final int DOUBLINGS_MAX = 16;

  private final CloudConfig cloud;
  private final boolean freezes;
  private final Platform platform;
  private final Map<Mischief, Long> mischief = new EnumMap<>(Mischief.class);
  private long invocations;
  private long runs;
  private long retries;
  private long coldStarts;
  private long throttled;
  private long timeouts;
  private long lateEnds;
  private long failed;
  private int waiting;
  private boolean closed;

  /// @param freezes whether instances can be frozen, which takes a client of their own
  Scheduler(CloudConfig cloud, boolean freezes, Platform platform) {
    this.cloud = cloud;
    this.freezes = freezes;
    this.platform = platform;
    for (Mischief each : Mischief.values()) {
      mischief.put(each, 0L);
    }
  }

  /// Takes an invocation in.
  void submit(Job job) {
    job.number = ++invocations;
    tryNow(new Attempt(job, 1, false));
  }

  private void tryNow(Attempt attempt) {
    if (closed) {
      return;
    }
    Deployment deployment = attempt.job.deployment;
    if (deployment.busy >= deployment.config.concurrency()) {
      throttled++;
      if (!attempt.job.event && attempt.number == 1 && !attempt.duplicate) {
        settle(attempt.job, new Outcome.Throttled(attempt.job.call.id()));
      } else {
        deployment.waiting.add(attempt);
        waiting++;
      }
      return;
    }
    Plan plan = Plan.draw(cloud, attempt.job.number, attempt.job.runs++);
    deployment.busy++;
    runs++;
    Instance warm = warm(deployment, plan);
    if (warm != null) {
      begin(new Run(attempt, plan, warm));
      return;
    }
    coldStarts++;
    Run cold = new Run(attempt, plan, new Instance());
    if (cloud.coldStart().isZero()) {
      begin(cold);
    } else {
      var unused = platform.after(cloud.coldStart(), () -> begin(cold));
    }
  }

  private @Nullable Instance warm(Deployment deployment, Plan plan) {
    Instance warm = deployment.idle.pollLast();
    if (warm == null) {
      return null;
    }
    if (plan.has(Mischief.RECYCLED)) {
      count(Mischief.RECYCLED);
      platform.retire(warm);
      return null;
    }
    if (freezes && plan.has(Mischief.FROZEN)) {
      count(Mischief.FROZEN);
      warm.frozen = true;
    }
    return warm;
  }

  private void begin(Run run) {
    if (closed) {
      return;
    }
    Duration timeout = run.job.deployment.config.timeout();
    if (run.plan.has(Mischief.CRASH_BEFORE)) {
      count(Mischief.CRASH_BEFORE);
      giveUp(run);
      platform.retire(run.instance);
      failed(run, new RunEndedException("its instance died before it began"));
    } else {
      run.deadline =
          platform.after(
              timeout,
              () -> {
                if (!run.over) {
                  timeouts++;
                  reachDeadline(run);
                }
              });
      platform.begin(run);
    }
    if (run.plan.has(Mischief.DUPLICATE_BESIDE) && !run.attempt.duplicate) {
      count(Mischief.DUPLICATE_BESIDE);
      tryNow(new Attempt(run.job, run.attempt.number, true));
    }
  }

  /// Is told when a run that is to end in the middle has got there.
  void reachedItsCall(Run run) {
    if (run.over) {
      return;
    }
    if (run.plan.has(Mischief.CRASH_DURING)) {
      count(Mischief.CRASH_DURING);
      giveUp(run);
      platform.kill(run);
      failed(run, new RunEndedException("its instance died at its call " + run.plan.call()));
    } else {
      count(run.plan.has(Mischief.ZOMBIE) ? Mischief.ZOMBIE : Mischief.KILLED);
      reachDeadline(run);
    }
  }

  private void reachDeadline(Run run) {
    giveUp(run);
    if (!run.plan.has(Mischief.ZOMBIE)) {
      platform.kill(run);
    } else if (run.job.settled) {
      platform.letGo(run);
    } else {
      run.job.held.add(run);
    }
    failed(
        run,
        new RunEndedException(
            "it was ended at its deadline of " + run.job.deployment.config.timeout()));
  }

  /// Is told when a run has returned; on its instance nothing runs any more.
  void returned(Run run, Answer answer) {
    if (isLate(run)) {
      return;
    }
    giveUp(run);
    if (run.plan.has(Mischief.CRASH_AFTER)) {
      count(Mischief.CRASH_AFTER);
      platform.retire(run.instance);
      failed(run, new RunEndedException("its instance died before its answer arrived"));
      return;
    }
    run.job.deployment.idle.add(run.instance);
    if (!run.job.settled) {
      settle(run.job, new Outcome.Done(run.job.call.id(), answer, run.attempt.number));
      if (run.plan.has(Mischief.DUPLICATE_AFTER)) {
        count(Mischief.DUPLICATE_AFTER);
        tryNow(new Attempt(run.job, run.attempt.number, true));
      }
    }
    next(run.job.deployment);
  }

  /// Is told when a run has thrown; on its instance nothing runs any more.
  void threw(Run run, Throwable cause) {
    if (isLate(run)) {
      return;
    }
    giveUp(run);
    run.job.deployment.idle.add(run.instance);
    failed(run, cause);
  }

  private boolean isLate(Run run) {
    if (run.over) {
      lateEnds++;
    }
    if (run.over || closed) {
      platform.retire(run.instance);
    }
    return run.over || closed;
  }

  private void giveUp(Run run) {
    run.over = true;
    run.job.deployment.busy--;
    if (run.deadline != null) {
      run.deadline.cancel();
    }
  }

  private void failed(Run run, Throwable cause) {
    Job job = run.job;
    int number = run.attempt.number;
    if (!run.attempt.duplicate && !job.settled) {
      if (number >= job.deployment.config.maxAttempts()) {
        failed++;
        settle(job, new Outcome.Failed(job.call.id(), cause, number));
      } else {
        retry(new Attempt(job, number + 1, false));
      }
    }
    next(job.deployment);
  }

  private void retry(Attempt attempt) {
    retries++;
    Duration pause =
        cloud.backoff().multipliedBy(1L << Math.min(attempt.number - 2, DOUBLINGS_MAX));
    if (pause.isZero()) {
      tryNow(attempt);
    } else {
      var unused =
          platform.after(
              pause.compareTo(BACKOFF_MAX) < 0 ? pause : BACKOFF_MAX, () -> tryNow(attempt));
    }
  }

  /// Begins what waited for an instance.
  private void next(Deployment deployment) {
    while (deployment.busy < deployment.config.concurrency()) {
      Attempt attempt = deployment.waiting.poll();
      if (attempt == null) {
        return;
      }
      waiting--;
      tryNow(attempt);
    }
  }

  private void settle(Job job, Outcome outcome) {
    job.settled = true;
    job.held.forEach(platform::letGo);
    job.held.clear();
    platform.settle(job, outcome);
  }

  private void count(Mischief each) {
    mischief.merge(each, 1L, Long::sum);
  }

  /// How many attempts wait for an instance.
  int waiting() {
    return waiting;
  }

  /// Begins nothing any more, and gives up the instances on which nothing runs; the others when
  /// their runs end.
  void close(Collection<Deployment> deployments) {
    closed = true;
    waiting = 0;
    for (Deployment each : deployments) {
      each.waiting.clear();
      each.idle.forEach(platform::retire);
      each.idle.clear();
    }
  }

  Report report() {
    return new Report(
        invocations, runs, retries, coldStarts, throttled, timeouts, lateEnds, failed, mischief);
  }
}
