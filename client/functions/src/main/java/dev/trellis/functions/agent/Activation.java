package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.client.Trellis;
import dev.trellis.functions.Functions;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// An [AgentCore] with a store. What the core is told goes through a queue, so that it sees one
/// thing at a time, on whichever thread.
final class Activation implements AgentCore.Effects {
  private static final Logger log = LoggerFactory.getLogger(Activation.class);

  private static final Duration PAUSE_MIN = Duration.ofMillis(20);
  private static final Duration PAUSE_MAX = Duration.ofSeconds(2);

  private final AgentHost host;
  private final AgentHost.Identity identity;
  private final AgentName name;
  private final Agent agent;
  private final Bounds bounds;
  private final AgentCore core;
  private final Serial serial = new Serial();
  private final long begunNanos = System.nanoTime();
  private final AtomicLong activationNanos = new AtomicLong();
  final CompletableFuture<AgentCore.End> end = new CompletableFuture<>();
  private final AtomicLong tickDue = new AtomicLong(Long.MAX_VALUE); // earliest that is scheduled
  private volatile Mail.@Nullable Listening listening;
  private volatile boolean ended; // written where the core is, read where things are tried again
  private volatile @Nullable Thread handling;
  private long lookedMillis; // when mail was looked for unasked; as the core
  private OptionalLong emptySincePeriod = OptionalLong.empty(); // as the core

  Activation(AgentHost host, AgentName name, Agent agent) {
    this.host = host;
    this.identity = host.identity();
    this.name = name;
    this.agent = agent;
    this.bounds = Bounds.of(host.trellis().limits());
    this.core = new AgentCore(identity.id(), bounds, this);
  }

  AgentName name() {
    return name;
  }

  void start() {
    tell(() -> core.start(now()));
  }

  /// 0 if it is not active yet.
  long activationNanos() {
    return activationNanos.get();
  }

  /// Tells the core something, and sees to its next timer.
  private void tell(Runnable what) {
    serial.run(
        () -> {
          try {
            what.run();
            if (core.isActive() && activationNanos.get() == 0) {
              activationNanos.set(System.nanoTime() - begunNanos);
              listening = host.mail().listen(name.mailbox(), () -> tell(core::mailCame));
            }
            core.nextTick().ifPresent(this::tickAt);
          } catch (RuntimeException | Error e) {
            log.error("agent {} is given up", name, e);
            core.abandon();
          }
        });
  }

  private void tickAt(long dueMillis) {
    long before = tickDue.get();
    if (dueMillis >= before) {
      return;
    }
    tickDue.set(dueMillis);
    host.later(
        Duration.ofMillis(Math.max(0, dueMillis - now())),
        () -> {
          tickDue.compareAndSet(dueMillis, Long.MAX_VALUE);
          tell(() -> core.tick(now()));
        });
  }

  void release() {
    tell(
        () -> {
          core.tick(now());
          core.requestRelease();
        });
  }

  /// Rests without saying so, as a process that is killed.
  void drop() {
    tell(core::abandon);
  }

  /// Has it released once it was idle for long enough, and all who relied on the index saying that
  /// it has mail say so again.
  ///
  /// @param newestPeriod in which somebody said so last
  /// @param removal takes what was said out of the index
  void retire(long idleMillis, long newestPeriod, Supplier<CompletableFuture<?>> removal) {
    tell(
        () -> {
          long now = now();
          core.tick(now);
          Optional<Long> since = core.idleSince();
          long period = host.index().period(now);
          if (since.isEmpty() || now - since.get() < idleMillis) {
            emptySincePeriod = OptionalLong.empty();
          } else if (newestPeriod > period - 2) {
            emptySincePeriod = OptionalLong.empty();
            if (now - lookedMillis >= idleMillis) {
              lookedMillis = now;
              core.mailCame(); // it was told something lately, and the watch may not have said so
            }
          } else if (emptySincePeriod.isEmpty()) {
            emptySincePeriod = OptionalLong.of(period);
            core.mailCame(); // looks once more
          } else if (newestPeriod <= emptySincePeriod.getAsLong() - 2) {
            emptySincePeriod = OptionalLong.empty();
            var unused =
                removal
                    .get()
                    .whenComplete(
                        (removed, failed) -> {
                          if (failed == null) {
                            release();
                          }
                        });
          }
        });
  }

  private long now() {
    return Access.nowMillis(trellis());
  }

  // ---- Effects ----

  private Trellis trellis() {
    return host.trellis();
  }

  @Override
  public void readClaim() {
    untilDone(
        "read the claim of",
        () ->
            trellis()
                .priority(name.claimKey())
                .withOptions(Access.reading())
                .getAsync()
                .thenApply(found -> found.map(Claim::of)),
        core::claimRead);
  }

  @Override
  public void writeClaim(Claim claim) {
    untilDone(
        "claim",
        () ->
            trellis()
                .priority(name.claimKey())
                .withOptions(Access.writing(trellis()))
                .putAsync(claim.priority(), claim.value())
                .thenApply(Claim::of),
        core::claimWritten);
  }

  @Override
  public void readEntry() {
    untilDone(
        "read",
        () ->
            trellis()
                .priority(name.entryKey())
                .withOptions(Access.reading())
                .getAsync()
                .thenApply(found -> found.map(AgentEntry::of)),
        core::entryRead);
  }

  @Override
  public void writeEntry(AgentEntry entry) {
    untilDone(
        "write",
        () ->
            trellis()
                .priority(name.entryKey())
                .withOptions(Access.writing(trellis()))
                .putAsync(entry.priority(), entry.value())
                .thenApply(AgentEntry::of),
        core::entryWritten);
  }

  @Override
  public void readMail(CausalContext consumed) {
    untilDone(
        "read the mail of",
        () -> host.mail().read(name.mailbox(), consumed),
        found -> {
          core.mailRead(found);
          if (found.size() >= Mail.MESSAGES_MAX) {
            core.mailCame();
          }
        });
  }

  @Override
  public void handle(AgentEntry before, List<Received> mail, List<String> timers) {
    var unused =
        host.start(
            () -> {
              handling = Thread.currentThread();
              Functions functions = host.functions();
              Step step = new Step(name, agent, before, now(), bounds, functions::invocation);
              boolean all;
              try {
                all = step.handleAll(timers, mail);
              } catch (Step.Interrupted e) {
                log.debug("agent {} was stopped while it handled a message", name, e);
                tell(core::abandon);
                return;
              } catch (RuntimeException | Error e) {
                log.error("agent {} is given up", name, e);
                tell(core::abandon);
                throw e;
              } finally {
                handling = null;
              }
              for (Step.Failure failure : step.failures()) {
                log.warn(
                    "agent {} could not handle {}, which is now in log _trellis/agent-mail/failed/{}",
                    name,
                    failure.message(),
                    name,
                    failure.reason());
              }
              tell(
                  () -> {
                    core.handled(step.result());
                    if (!all) {
                      core.mailCame(); // the rest was not consumed
                    }
                  });
            });
  }

  @Override
  public void send(List<Outgoing> messages) {
    for (Outgoing one : messages) {
      untilDone(
          "send mail of",
          () -> post(one),
          arrived -> {
            if (arrived) {
              core.sent(List.of(one));
            } else {
              core.expired(one);
            }
          },
          failed -> false,
          PAUSE_MIN);
    }
  }

  /// Whether it has arrived; else its tag is too old. Fails where it is to be sent again.
  private CompletableFuture<Boolean> post(Outgoing one) {
    // What agents tell is let in as long as the store takes it. A lower bound would have two who
    // tell each other much wait for each other; it is for who tells agents something from outside.
    // Only what fits nowhere but into an empty mailbox waits for that, as what is refused there
    // never fits.
    boolean bounded = one.body().size() > trellis().limits().valueBytesMax() / 2;
    return host.post(one.mailbox(), Optional.of(one.tag()), one.body(), bounded)
        .handle((sent, failed) -> failed == null ? null : failed)
        .thenCompose(
            failed ->
                failed == null
                    ? CompletableFuture.completedFuture(true)
                    : switch (Access.unsent(failed, one.body().size(), trellis().limits())) {
                      case AGAIN -> CompletableFuture.failedFuture(failed);
                      case UNDER_ANOTHER_TAG -> {
                        log.warn("agent {}: a message to {} was late", name, one.mailbox());
                        yield CompletableFuture.completedFuture(false);
                      }
                      case NEVER -> putAside(one, failed);
                    });
  }

  private CompletableFuture<Boolean> putAside(Outgoing one, Throwable reason) {
    String aside = Step.failed(name);
    log.error(
        "agent {}: a message can't get to {} and goes to {}", name, one.mailbox(), aside, reason);
    if (one.mailbox().equals(aside)) {
      return CompletableFuture.completedFuture(true); // and not even there
    }
    return post(new Outgoing(aside, one.tag(), one.body()));
  }

  @Override
  public void acknowledge(CausalContext consumed) {
    untilDone(
        "drop mail of",
        () -> host.mail().drop(name.mailbox(), consumed),
        dropped -> core.acknowledged());
  }

  @Override
  public void ended(AgentCore.End how) {
    ended = true;
    Mail.Listening open = listening;
    if (open != null) {
      open.close();
    }
    Thread busy = handling;
    if (busy != null) {
      busy.interrupt();
    }
    host.ended(this, how);
    end.complete(how);
  }

  /// Tries something until it is done or can't be, or the activation has ended.
  private <T> void untilDone(
      String what, Supplier<CompletableFuture<T>> attempt, Consumer<T> then) {
    untilDone(what, attempt, then, Access::isFinal, PAUSE_MIN);
  }

  private <T> void untilDone(
      String what,
      Supplier<? extends CompletableFuture<? extends T>> attempt,
      Consumer<T> then,
      Predicate<Throwable> isFinal,
      Duration pause) {
    if (ended) {
      return;
    }
    if (!host.mayActAs(identity)) {
      log.info("agent {} is given up, as the process goes on from a snapshot", name);
      tell(core::abandon);
      return;
    }
    CompletableFuture<? extends T> begun;
    try {
      begun = attempt.get();
    } catch (RuntimeException e) {
      begun = CompletableFuture.failedFuture(e);
    }
    var unused =
        begun.whenComplete(
            (done, failed) -> {
              if (failed == null) {
                tell(() -> then.accept(done));
              } else if (isFinal.test(failed)) {
                log.error("can't {} agent {}, which is given up", what, name, failed);
                tell(core::abandon);
              } else {
                log.debug("can't {} agent {} now", what, name, failed);
                Duration longer = pause.multipliedBy(2);
                host.later(
                    pause,
                    () ->
                        untilDone(
                            what,
                            attempt,
                            then,
                            isFinal,
                            longer.compareTo(PAUSE_MAX) > 0 ? PAUSE_MAX : longer));
              }
            });
  }
}
