package dev.trellis.functions.runtime;

import dev.trellis.causal.InvocationId;
import dev.trellis.client.Trellis;
import dev.trellis.client.session.SessionToken;
import dev.trellis.functions.Answer;
import dev.trellis.functions.Function;
import dev.trellis.functions.FunctionCall;
import dev.trellis.functions.Functions;
import dev.trellis.functions.Invoker;
import dev.trellis.functions.Result;
import dev.trellis.lattice.Payload;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Queue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Runs functions on virtual threads of this process, as a cloud does: on instances that start
/// cold, freeze and vanish, up to a deadline, again after a failure, and sometimes twice.
///
/// ```java
/// try (EmbeddedRuntime cloud =
///     EmbeddedRuntime.builder(functions)
///         .cloud(CloudConfig.mischievous(seed, 0.3))
///         .register("order", order, FunctionConfig.DEFAULT.withMaxAttempts(100))
///         .start()) {
///   for (String item : items) {
///     cloud.invoke("order", Payload.ofText(item)).join().answered();
///   }
///   cloud.quiesce(); // late runs have written too
///   assertEquals(items.size(), trellis.log("orders").read().size());
///   System.out.println(cloud.report());
/// }
/// ```
///
/// Safe for any thread.
public final class EmbeddedRuntime implements Invoker, AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(EmbeddedRuntime.class);

  private final Map<String, Scheduler.Deployment> deployments;
  private final RuntimeClock clock;
  private final @Nullable Functions shared; // by all instances
  private final @Nullable Supplier<Trellis> clients; // where each has its own
  private final SecureRandom random = new SecureRandom();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition ended = lock.newCondition();

  // Guarded by the lock, as is the scheduler.
  private final Scheduler scheduler;
  private final Map<Scheduler.Job, CompletableFuture<Outcome>> callers = new HashMap<>();
  private final Map<Scheduler.Run, Going> going = new HashMap<>();
  private final Map<Scheduler.Instance, Warm> warm = new HashMap<>();
  private final Queue<Runnable> afterwards = new ArrayDeque<>(); // once the lock is free
  private int keeping; // failures that are being kept as results
  private boolean closed;

  /// A run that has begun and not returned.
  private static final class Going {
    private boolean killed;
    private boolean letGo;
    private @Nullable Gate gate; // once the instance is ready
    private @Nullable Thread thread;
  }

  /// What an instance has for itself.
  private record Warm(Trellis trellis, Functions functions) {}

  private EmbeddedRuntime(Builder builder) {
    deployments = new LinkedHashMap<>(builder.deployments);
    clock = builder.clock;
    shared = builder.shared;
    clients = builder.clients;
    scheduler = new Scheduler(builder.cloud, clients != null, new Threads());
  }

  /// A runtime whose instances all use one client.
  public static Builder builder(Functions functions) {
    return new Builder(functions, null);
  }

  /// A runtime in which each instance has a client of its own, made when it starts and closed when
  /// it ends, as in a cloud. Only then can instances be frozen.
  public static Builder builder(Supplier<Trellis> clients) {
    return new Builder(null, clients);
  }

  /// What a runtime is made of.
  public static final class Builder {
    private final @Nullable Functions shared;
    private final @Nullable Supplier<Trellis> clients;
    private final Map<String, Scheduler.Deployment> deployments = new LinkedHashMap<>();
    private CloudConfig cloud = CloudConfig.CALM;
    private RuntimeClock clock = RuntimeClock.system();

    private Builder(@Nullable Functions shared, @Nullable Supplier<Trellis> clients) {
      this.shared = shared;
      this.clients = clients;
    }

    /// What the cloud is like; [CloudConfig#CALM] unless this is called.
    public Builder cloud(CloudConfig config) {
      cloud = config;
      return this;
    }

    /// What time it is; the machine's unless this is called. The runtime closes it.
    public Builder clock(RuntimeClock other) {
      clock.close();
      clock = other;
      return this;
    }

    public Builder register(String name, Function function) {
      return register(name, function, FunctionConfig.DEFAULT);
    }

    /// Adds a function.
    ///
    /// @throws IllegalArgumentException if there is one of that name already
    public Builder register(String name, Function function, FunctionConfig config) {
      if (deployments.containsKey(name)) {
        throw new IllegalArgumentException("there is a function '" + name + "' already");
      }
      deployments.put(name, new Scheduler.Deployment(name, function, config));
      return this;
    }

    public EmbeddedRuntime start() {
      return new EmbeddedRuntime(this);
    }
  }

  /// Calls a function, and calls it again with the same id where that fails, as a caller does who
  /// wants an answer. Refused at once where the function is busy.
  ///
  /// @return completes normally, whatever comes of it
  /// @throws IllegalArgumentException if there is no such function
  public CompletableFuture<Outcome> invoke(String name, Payload argument) {
    return invoke(name, newId(), Optional.empty(), argument);
  }

  /// As [#invoke(String, Payload)], going on with a session.
  public CompletableFuture<Outcome> invoke(String name, Payload argument, SessionToken token) {
    return invoke(name, newId(), Optional.of(token), argument);
  }

  /// As [#invoke(String, Payload)], for an invocation that has an id: of a caller who calls again.
  public CompletableFuture<Outcome> invoke(
      String name, InvocationId id, Optional<SessionToken> token, Payload argument) {
    return submit(name, id, token, argument, false);
  }

  /// Leaves an event for a function, which is run at least once, when there is an instance for it,
  /// and again with the same id where that fails.
  ///
  /// @return what comes of it, which who leaves an event in a real cloud does not learn
  /// @throws IllegalArgumentException if there is no such function
  public CompletableFuture<Outcome> invokeAsync(String name, Payload argument) {
    return invokeAsync(name, newId(), Optional.empty(), argument);
  }

  /// As [#invokeAsync(String, Payload)], for an event that has an id and may have a session.
  public CompletableFuture<Outcome> invokeAsync(
      String name, InvocationId id, Optional<SessionToken> token, Payload argument) {
    return submit(name, id, token, argument, true);
  }

  /// As [#invokeAsync(String, Payload)], for a call whose result is kept as the [StoredFuture] of
  /// its id, a failure of the last attempt included.
  @Override
  public CompletableFuture<@Nullable Void> invoke(FunctionCall call) {
    var unused =
        submit(call, true, true)
            .thenAccept(
                outcome -> {
                  if (outcome instanceof Outcome.Failed failed) {
                    keep(failed);
                  }
                });
    return CompletableFuture.completedFuture(null);
  }

  /// Keeps as the result of an invocation that it has failed.
  private void keep(Outcome.Failed failed) {
    guarded(() -> keeping++);
    Thread.ofVirtual()
        .name("trellis-runtime-keeping")
        .start(
            () -> {
              try {
                if (shared != null) {
                  keep(failed, shared);
                } else {
                  try (Trellis client = Objects.requireNonNull(clients).get()) {
                    keep(failed, Functions.over(client));
                  }
                }
              } catch (RuntimeException e) {
                log.warn("that invocation {} has failed could not be kept", failed.id(), e);
              } finally {
                guarded(
                    () -> {
                      keeping--;
                      ended.signalAll();
                    });
              }
            });
  }

  private void keep(Outcome.Failed failed, Functions functions) {
    var unused =
        Trellis.await(functions.future(failed.id()).failAsync(failed.cause().toString(), this));
  }

  private InvocationId newId() {
    // By the clock of the machine, as the nodes go by theirs.
    return InvocationId.mint(System.currentTimeMillis(), random);
  }

  private CompletableFuture<Outcome> submit(
      String name, InvocationId id, Optional<SessionToken> token, Payload argument, boolean event) {
    return submit(
        new FunctionCall(name, id, new FunctionCall.Given(argument), token), event, false);
  }

  private CompletableFuture<Outcome> submit(FunctionCall call, boolean event, boolean kept) {
    Scheduler.Deployment deployment = deployments.get(call.function());
    if (deployment == null) {
      throw new IllegalArgumentException(
          "there is no function '" + call.function() + "'; there are " + deployments.keySet());
    }
    CompletableFuture<Outcome> outcome = new CompletableFuture<>();
    guarded(
        () -> {
          if (closed) {
            throw new IllegalStateException("the runtime is closed");
          }
          Scheduler.Job job = new Scheduler.Job(deployment, call, event, kept);
          callers.put(job, outcome);
          scheduler.submit(job);
        });
    return outcome;
  }

  /// Does something under the lock, and then what that leaves for afterwards.
  private void guarded(Runnable task) {
    List<Runnable> later = new ArrayList<>();
    lock.lock();
    try {
      task.run();
    } finally {
      if (lock.getHoldCount() == 1) {
        for (Runnable each = afterwards.poll(); each != null; each = afterwards.poll()) {
          later.add(each);
        }
      }
      lock.unlock();
    }
    later.forEach(Runnable::run);
  }

  /// Carries out what the scheduler decides, which it does under the lock.
  private final class Threads implements Scheduler.Platform {
    @Override
    public void begin(Scheduler.Run run) {
      Going begun = new Going();
      going.put(run, begun);
      begun.thread =
          Thread.ofVirtual()
              .name("trellis-function-" + run.job.deployment.name)
              .start(() -> carryOut(run, begun));
    }

    @Override
    public void kill(Scheduler.Run run) {
      Going killed = going.get(run);
      if (killed != null) {
        killed.killed = true;
        if (killed.gate != null) {
          killed.gate.shut();
        }
        if (killed.thread != null) {
          killed.thread.interrupt();
        }
      }
    }

    @Override
    public void letGo(Scheduler.Run run) {
      Going held = going.get(run);
      if (held != null) {
        held.letGo = true;
        if (held.gate != null) {
          afterwards.add(held.gate::letGo);
        }
      }
    }

    @Override
    public void retire(Scheduler.Instance instance) {
      Warm ending = warm.remove(instance);
      if (ending != null) {
        // It waits for threads to end, for which nobody here need wait.
        afterwards.add(() -> Thread.ofVirtual().start(ending.trellis::close));
      }
    }

    @Override
    public RuntimeClock.Timer after(Duration delay, Runnable task) {
      return clock.after(delay, () -> guarded(task));
    }

    @Override
    public void settle(Scheduler.Job job, Outcome outcome) {
      CompletableFuture<Outcome> caller = callers.remove(job);
      if (caller != null) {
        afterwards.add(() -> caller.complete(outcome));
      }
    }
  }

  private void carryOut(Scheduler.Run run, Going begun) {
    @Nullable Answer answer = null;
    @Nullable Throwable failure = null;
    try {
      Functions gated =
          functionsOf(run.instance)
              .through(
                  calls -> {
                    Gate gate =
                        new Gate(
                            run.plan, () -> guarded(() -> scheduler.reachedItsCall(run)), calls);
                    guarded(() -> open(begun, gate));
                    return gate;
                  });
      answer = call(gated, run.job);
    } catch (Throwable e) { // of a user: whatever it is, this run has failed
      failure = e;
    }
    Answer returned = answer;
    Throwable thrown = failure;
    guarded(
        () -> {
          going.remove(run);
          if (returned != null) {
            scheduler.returned(run, returned);
          } else {
            scheduler.threw(
                run, thrown != null ? thrown : new NullPointerException("the function gave null"));
          }
          ended.signalAll();
        });
  }

  private Answer call(Functions functions, Scheduler.Job job) throws Exception {
    FunctionCall call = job.call;
    if (job.kept) {
      Result result = functions.run(call, job.deployment.function, this);
      return new Answer(result.value(), result.token().orElseThrow());
    }
    FunctionCall.Given given = (FunctionCall.Given) call.argument();
    return functions.run(job.deployment.function, call.id(), call.token(), given.value());
  }

  private static void open(Going begun, Gate gate) {
    begun.gate = gate;
    if (begun.killed) {
      gate.shut();
    }
    if (begun.letGo) {
      gate.letGo();
    }
  }

  /// The client of an instance, which has just one run at a time.
  private Functions functionsOf(Scheduler.Instance instance) {
    if (shared != null) {
      return shared;
    }
    Warm known = known(instance);
    if (known == null) {
      Trellis client = Objects.requireNonNull(clients).get();
      Functions functions = Functions.over(client);
      guarded(() -> warm.put(instance, new Warm(client, functions)));
      return functions;
    }
    if (instance.frozen) {
      instance.frozen = false;
      known.trellis.beforeCheckpoint();
      known.trellis.afterRestore();
    }
    return known.functions;
  }

  private @Nullable Warm known(Scheduler.Instance instance) {
    lock.lock();
    try {
      return warm.get(instance);
    } finally {
      lock.unlock();
    }
  }

  /// Waits until nothing runs and nothing waits for an instance: the answered invocations' late
  /// runs have ended too. What waits for the clock is not waited for.
  ///
  /// @throws InterruptedException if the thread is interrupted
  public void quiesce() throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (!going.isEmpty() || scheduler.waiting() > 0 || keeping > 0) {
        ended.await();
      }
    } finally {
      lock.unlock();
    }
  }

  /// What has happened so far.
  public Report report() {
    lock.lock();
    try {
      return scheduler.report();
    } finally {
      lock.unlock();
    }
  }

  /// Ends all runs, as far as they let themselves be interrupted, and the instances. Whoever waits
  /// for an outcome gets [Outcome.Failed].
  @Override
  public void close() {
    guarded(
        () -> {
          if (closed) {
            return;
          }
          closed = true;
          clock.close();
          Scheduler.Platform threads = new Threads();
          going.keySet().forEach(threads::kill);
          scheduler.close(deployments.values());
          ended.signalAll();
          callers.forEach(
              (job, caller) ->
                  afterwards.add(
                      () ->
                          caller.complete(
                              new Outcome.Failed(
                                  job.call.id(),
                                  new RunEndedException("the runtime was closed"),
                                  0))));
          callers.clear();
        });
  }
}
