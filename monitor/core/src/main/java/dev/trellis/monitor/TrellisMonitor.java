package dev.trellis.monitor;

import dev.trellis.client.AccessFeed;
import dev.trellis.client.CallOptions;
import dev.trellis.client.ClientConfig;
import dev.trellis.client.ClientTls;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.functions.mailbox.Delivery;
import dev.trellis.functions.mailbox.Mailboxes;
import dev.trellis.monitor.console.Console;
import dev.trellis.monitor.console.ConsoleConfig;
import dev.trellis.monitor.console.ConsoleHistory;
import dev.trellis.monitor.console.ConsoleSource;
import dev.trellis.monitor.console.ConsoleState;
import dev.trellis.monitor.console.DecisionEntry;
import dev.trellis.monitor.decisions.Batches;
import dev.trellis.monitor.decisions.DecisionBook;
import dev.trellis.monitor.decisions.DecisionLog;
import dev.trellis.monitor.decisions.Recorded;
import dev.trellis.monitor.decisions.Recorded.Progress;
import dev.trellis.monitor.policy.ClusterView;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Policies;
import dev.trellis.monitor.scaler.Scaler;
import dev.trellis.monitor.scaler.ScalerSource;
import dev.trellis.monitor.statistics.Observations;
import dev.trellis.monitor.statistics.Recording;
import dev.trellis.monitor.statistics.StatisticsFeed;
import dev.trellis.process.AdminServer;
import dev.trellis.process.CurveKeys;
import dev.trellis.process.Health;
import dev.trellis.process.Protection;
import dev.trellis.process.RunningProcess;
import dev.trellis.process.StartupException;
import dev.trellis.process.StrictConfig;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.Reply;
import io.prometheus.client.CollectorRegistry;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.BiConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// A monitor at work. Each period it makes one view of all that nodes have told, decides by it, has
/// what it decided carried out, and writes both down. All of that happens on one thread; what has
/// to be waited for is done on others, whose answers that thread takes up in the next period.
///
/// Nothing depends on it: a cluster whose monitor is dead stays as it is. When it starts it takes
/// up what it finds, the decisions of the one before included. So does one that stood by when it
/// begins to lead; until then it follows what the other one decides.
public final class TrellisMonitor implements RunningProcess {
  private static final Logger LOG = LoggerFactory.getLogger(TrellisMonitor.class);
  private static final int REPORTS_MAX = 65_536;
  private static final int TO_RECORD_MAX = 10_000;

  /// Over which the loads of nodes are averaged.
  private static final Duration WINDOW = Duration.ofSeconds(5);

  private static final Duration CALL_TIMEOUT = Duration.ofSeconds(5);

  private final MonitorConfig config;
  private final NodeControl control;
  private final Optional<Scaler> scaler;
  private final InstantSource clock;
  private final Optional<Protection> protection; // there if security is on
  private final Queue<NodeReport> reports = new ArrayBlockingQueue<>(REPORTS_MAX);
  private final Observations observations;
  private DecisionBook book; // another one whenever this monitor begins or ceases to lead
  private final Leadership leadership;
  private final Policies policies = new Policies();
  private final StatisticsFeed feed;
  private final Optional<Recording> recording;
  private final MonitorMetrics metrics;
  private final ConsoleStates consoleStates;
  private final ScheduledExecutorService loop =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "monitor");
            thread.setDaemon(true);
            return thread;
          });
  private final ExecutorService errands = Executors.newVirtualThreadPerTaskExecutor();
  private final CompletableFuture<Throwable> failure = new CompletableFuture<>();
  private final Deque<AutoCloseable> parts = new ArrayDeque<>(); // the first to close is first
  // Once the cluster answers; written by the loop, read by the console.
  private volatile @Nullable Trellis trellis;
  private volatile @Nullable Mailboxes mailboxes;

  private @Nullable AccessFeed access; // likewise, if security is on
  private boolean isConnecting;
  private @Nullable DecisionLog log; // likewise
  private boolean hasTakenUp; // the decisions that were recorded before
  private long takenUpEpoch; // of this monitor when they were read; 0 if it did not lead
  private boolean isTakingUp;
  private boolean isClaiming;
  private final Set<Long> underWay = new HashSet<>(); // decisions that an errand is about
  private final List<Recorded> toRecord = new ArrayList<>();
  private boolean isRecording;
  private volatile List<NodeDescriptor> members = List.of();
  private volatile Optional<ConsoleState> state = Optional.empty();
  private volatile List<Recorded> decisions = List.of(); // the latest first
  private volatile String obstacle = "it starts";
  private int consolePort; // both written once, before anybody has the monitor
  private int adminPort;

  private TrellisMonitor(
      MonitorConfig config, StrictConfig settings, NodeControl control, InstantSource clock) {
    this.config = config;
    this.metrics = new MonitorMetrics(config.policies().objective());
    this.consoleStates = new ConsoleStates(config);
    this.control = control;
    this.scaler =
        ScalerSource.all().stream()
            .filter(source -> source.name().equals(config.scaler()))
            .findFirst()
            .map(source -> source.create(settings, control.drain(() -> members)));
    this.clock = clock;
    this.protection =
        config
            .secrets()
            .map(secrets -> Protection.of(secrets, config.clusterName(), "monitor", clock));
    this.observations = new Observations(WINDOW, config.policies().promoteWindow());
    this.book = newBook();
    this.leadership = new Leadership(new SecureRandom(), config.patience().toMillis());
    this.recording = config.record().map(TrellisMonitor::begin);
    this.feed =
        StatisticsFeed.start(
            report -> {
              if (!reports.offer(report)) {
                metrics.reportsDropped.inc(); // the loop is busy; others follow
              }
            },
            config.secrets().map(CurveKeys::of));
  }

  private DecisionBook newBook() {
    DecisionBook.By by = scaler.isPresent() ? DecisionBook.By.SCALER : DecisionBook.By.PEOPLE;
    return new DecisionBook(config.settling(), config.dryRun() ? DecisionBook.By.NOBODY : by);
  }

  private static Recording begin(MonitorConfig.Recording settings) {
    try {
      return new Recording(settings.file(), settings.bytesMax());
    } catch (IOException e) {
      throw new StartupException(
          "monitor.record.file "
              + settings.file()
              + " cannot be written: "
              + e.getMessage()
              + "; name another file",
          e);
    }
  }

  /// Starts a monitor and returns when its ports are open. The cluster need not answer yet.
  ///
  /// @param settings of the same configuration, for the scaler
  /// @param control how nodes are given orders
  /// @throws StartupException if a port cannot be opened
  public static TrellisMonitor start(
      MonitorConfig config, StrictConfig settings, NodeControl control) {
    TrellisMonitor monitor = new TrellisMonitor(config, settings, control, InstantSource.system());
    boolean isOpen = false;
    try {
      monitor.open();
      isOpen = true;
      return monitor;
    } finally {
      if (!isOpen) {
        monitor.close();
      }
    }
  }

  private void open() {
    CollectorRegistry registry = metrics.registry();
    Console console =
        Console.start(
            config.console(),
            source(),
            new ConsoleHistory(),
            new ConsoleConfig(
                config.consoleNames(),
                config.period(),
                ConsoleConfig.DEFAULT.listenersMax(),
                ConsoleConfig.DEFAULT.stall()),
            clock,
            protection);
    parts.push(console);
    AdminServer admin =
        AdminServer.start(config.admin(), "the monitor", registry, health(), protection);
    parts.push(admin);
    long periodMillis = config.period().toMillis();
    var _ =
        loop.scheduleAtFixedRate(
            this::guardedTick, periodMillis, periodMillis, TimeUnit.MILLISECONDS);
    LOG.info(
        "the monitor of cluster {} looks every {} ms, scales by '{}'{}; console on port {}, admin"
            + " port {}",
        config.clusterName(),
        periodMillis,
        config.scaler(),
        config.dryRun() ? " (dry run)" : "",
        console.port(),
        admin.port());
    consolePort = console.port();
    adminPort = admin.port();
  }

  /// Where the console is.
  public InetSocketAddress consoleAddress() {
    return new InetSocketAddress(config.console().getAddress(), consolePort);
  }

  /// Where `/metrics`, `/healthz` and `/readyz` are.
  public InetSocketAddress adminAddress() {
    return new InetSocketAddress(config.admin().getAddress(), adminPort);
  }

  private Health health() {
    return new Health() {
      @Override
      public Optional<String> sickness() {
        return Optional.empty();
      }

      @Override
      public Optional<String> unreadiness() {
        return Optional.of(obstacle)
            .filter(text -> !text.isEmpty())
            .or(() -> protection.flatMap(by -> by.doorkeeper().unreadiness()));
      }
    };
  }

  private ConsoleSource source() {
    return new ConsoleSource() {
      @Override
      public Optional<ConsoleState> state() {
        return state;
      }

      @Override
      public List<DecisionEntry> decisions(int limit, long before) {
        return decisions.stream()
            .filter(one -> one.id() < before)
            .limit(limit)
            .map(ConsoleStates::entry)
            .toList();
      }

      @Override
      public Optional<List<Mailbox>> mailboxes(int limit, Predicate<String> isShown) {
        Trellis client = trellis;
        Mailboxes through = mailboxes;
        return client == null || through == null
            ? Optional.empty()
            : Optional.of(
                Mailboxes.names(client)
                    .filter(isShown)
                    .limit(limit)
                    .map(name -> new Mailbox(name, through.size(name)))
                    .toList());
      }

      @Override
      public Optional<List<Delivery>> messages(String mailbox, int limit) {
        return Optional.ofNullable(mailboxes).map(through -> through.peek(mailbox, limit));
      }
    };
  }

  // ---- The loop ----

  /// A defect here must not be silent, nor go on with what it left.
  private void guardedTick() {
    try {
      tick();
    } catch (RuntimeException | Error defect) {
      LOG.error("the monitor cannot go on", defect);
      failure.complete(defect);
      throw defect;
    }
  }

  private void tick() {
    long now = clock.millis();
    for (NodeReport report = reports.poll(); report != null; report = reports.poll()) {
      hear(report, now);
    }
    Trellis client = trellis;
    if (client == null) {
      connect();
      return;
    }
    Frame.ClusterMap map = client.clusterMap();
    recording.ifPresent(file -> file.map(map, now));
    feed.listenTo(statisticsAddresses(map));
    members = map.nodes();
    takeUp();
    claim(map.nodes());
    ClusterView view = observations.view(map, book.taken(now, config.policies()), now);
    boolean leads = hasTakenUp && leadership.leads() && takenUpEpoch == leadership.epoch();
    if (leads) {
      book.observe(view);
      book.giveUp(now);
    }
    boolean decides = leads || (hasTakenUp && config.dryRun());
    if (decides) {
      for (Decision decision : Batches.of(policies.decide(view, config.policies()))) {
        Recorded recorded = book.add(decision, now);
        metrics.decided(decision);
        LOG.info("{}: {}", decision.explanation().policy(), decision.explanation().because());
        LOG.debug("{}", recorded);
      }
    }
    if (leads) {
      book.open().forEach(this::carryOut); // others' orders are in the book of who does not lead
    }
    record(leads);
    decisions = book.latest();
    state = Optional.of(consoleStates.of(view, map, observations, leadership, decisions));
    metrics.observe(view, leadership.leads(), feed.received(), feed.malformed());
    obstacle = view.nodes().isEmpty() ? "no node is known" : "";
  }

  private void hear(NodeReport report, long now) {
    if (report.cluster().equals(config.clusterName()) && observations.accept(report, now)) {
      recording.ifPresent(file -> file.report(report, now));
    }
  }

  private static Set<String> statisticsAddresses(Frame.ClusterMap map) {
    Set<String> addresses = new HashSet<>();
    for (NodeDescriptor node : map.nodes()) {
      if (node.statisticsPort() != 0) {
        String host = node.host().contains(":") ? "[" + node.host() + "]" : node.host();
        addresses.add(host + ":" + node.statisticsPort());
      }
    }
    return addresses;
  }

  /// Runs what may take long elsewhere, and takes up its result in the loop.
  private <T> void errand(Callable<T> work, BiConsumer<@Nullable T, @Nullable Throwable> then) {
    try {
      errands.execute(
          () -> {
            @Nullable T result = null;
            @Nullable Throwable problem = null;
            try {
              result = work.call();
            } catch (Exception e) {
              problem = e;
            }
            later(result, problem, then);
          });
    } catch (RejectedExecutionException e) {
      LOG.debug("the monitor ends", e);
    }
  }

  private <T> void later(
      @Nullable T result,
      @Nullable Throwable problem,
      BiConsumer<@Nullable T, @Nullable Throwable> then) {
    Throwable cause =
        problem instanceof CompletionException && problem.getCause() != null
            ? problem.getCause()
            : problem;
    try {
      loop.execute(
          () -> {
            try {
              then.accept(result, cause);
            } catch (RuntimeException | Error defect) {
              LOG.error("the monitor cannot go on", defect);
              failure.complete(defect);
            }
          });
    } catch (RejectedExecutionException e) {
      LOG.debug("the monitor ends", e);
    }
  }

  private void connect() {
    if (isConnecting) {
      return;
    }
    isConnecting = true;
    ClientConfig client =
        ClientConfig.of(config.nodes().toArray(String[]::new))
            .withClusterName(config.clusterName())
            .withTimeout(CALL_TIMEOUT)
            .withMapRefresh(config.period())
            .withAgent("trellis-monitor");
    ClientConfig shown =
        protection.map(by -> client.withTls(ClientTls.using(by.tls()::client))).orElse(client);
    errand(
        () -> Trellis.connect(shown),
        (connected, problem) -> {
          isConnecting = false;
          if (connected != null) {
            trellis = connected;
            mailboxes = Mailboxes.over(connected);
            protection.ifPresent(by -> access = AccessFeed.open(connected, by.doorkeeper()::heard));
            log = new DecisionLog(connected);
          } else {
            obstacle = "the cluster does not answer: " + message(problem);
          }
        });
  }

  private static String message(@Nullable Throwable problem) {
    return problem == null
        ? "no answer"
        : problem.getMessage() == null ? problem.toString() : problem.getMessage();
  }

  /// Reads what was decided before, so that what is under way is not decided again: all of it at
  /// first and whenever this monitor begins or ceases to lead, for another one has decided until
  /// then, or does from now on; and what others decide while it does not lead.
  private void takeUp() {
    DecisionLog record = log;
    long epoch = leadership.leads() ? leadership.epoch() : 0;
    boolean isAnew = !hasTakenUp || takenUpEpoch != epoch;
    if (isTakingUp || record == null || !(isAnew || epoch == 0)) {
      return;
    }
    isTakingUp = true;
    var _ =
        (isAnew ? record.read() : record.readOn())
            .whenComplete(
                (recorded, problem) ->
                    later(
                        recorded,
                        problem,
                        (all, why) -> {
                          isTakingUp = false;
                          if (all == null) {
                            obstacle = "what was decided before can't be read: " + message(why);
                            return;
                          }
                          if (isAnew) {
                            book = newBook();
                            LOG.info("{} decisions were recorded before", all.size());
                          }
                          book.takeUp(all);
                          hasTakenUp = true;
                          takenUpEpoch = epoch;
                        }));
  }

  // ---- Who leads ----

  private void claim(List<NodeDescriptor> nodes) {
    if (isClaiming || config.dryRun()) {
      return;
    }
    isClaiming = true;
    long epoch = leadership.leads() ? leadership.epoch() : 0;
    errand(
        () -> new Claims(control).ask(nodes, epoch),
        (heard, problem) -> {
          isClaiming = false;
          if (heard != null) {
            boolean led = leadership.leads();
            if (heard.isRefused()) {
              leadership.refused();
            }
            var _ = leadership.decide(heard.answers(), clock.millis());
            if (led != leadership.leads()) {
              LOG.info(
                  led
                      ? "another monitor leads, of an epoch above {}"
                      : "leads from now on, epoch {}",
                  leadership.epoch());
            }
          }
        });
  }

  // ---- Carrying out ----

  private void carryOut(Recorded recorded) {
    if (!underWay.add(recorded.id())) {
      return;
    }
    switch (recorded.decision()) {
      case Decision.Place place -> carryOut(recorded, place);
      case Decision.Resize resize -> carryOut(recorded, resize);
    }
  }

  private void carryOut(Recorded recorded, Decision.Place place) {
    Trellis client = trellis;
    if (client == null) {
      return;
    }
    Mutation.Place mutation =
        new Mutation.Place(
            place.toDefault() ? Optional.empty() : Optional.of(place.to()), leadership.epoch());
    List<CompletableFuture<Reply>> placed =
        place.keys().stream()
            .map(key -> client.execute(key, mutation, CallOptions.DEFAULT))
            .toList();
    var _ =
        CompletableFuture.allOf(placed.toArray(CompletableFuture[]::new))
            .whenComplete(
                (_, problem) ->
                    later(
                        recorded,
                        problem,
                        (_, why) -> {
                          underWay.remove(recorded.id());
                          settle(recorded, why, placed);
                        }));
  }

  private void settle(
      Recorded recorded, @Nullable Throwable problem, List<CompletableFuture<Reply>> placed) {
    long now = clock.millis();
    if (problem == null) {
      book.settle(recorded.id(), Progress.DONE, "", now);
      return;
    }
    boolean overtaken =
        problem instanceof TrellisException refused && refused.code() == ErrorCode.FORBIDDEN;
    if (overtaken) {
      leadership.refused();
    }
    long failed = placed.stream().filter(CompletableFuture::isCompletedExceptionally).count();
    String which =
        placed.size() == 1 ? "" : failed + " of " + placed.size() + " keys stay where they are: ";
    book.settle(
        recorded.id(),
        overtaken ? Progress.OVERTAKEN : Progress.FAILED,
        which + message(problem),
        now);
  }

  private void carryOut(Recorded recorded, Decision.Resize resize) {
    if (scaler.isEmpty()) {
      underWay.remove(recorded.id());
      return; // people do it, or do not
    }
    Scaler.Target target =
        new Scaler.Target(resize.tier(), resize.to(), resize.leaving(), leadership.epoch());
    errand(
        () -> scale(scaler.get(), target),
        (answer, problem) -> {
          underWay.remove(recorded.id());
          switch (answer) {
            case Scaler.Answer.Refused refused -> {
              leadership.refused();
              book.settle(recorded.id(), Progress.OVERTAKEN, refused.reason(), clock.millis());
            }
            case Scaler.Answer.Failed failed -> {
              book.heard(recorded.id(), failed);
              notYet(recorded, failed.reason());
            }
            case Scaler.Answer.Taken taken -> {
              book.heard(recorded.id(), taken);
              LOG.debug("{}", taken.progress());
            }
            case null -> {
              LOG.error("the scaler fails", problem);
              book.heard(recorded.id(), new Scaler.Answer.Failed(message(problem)));
              notYet(recorded, "the scaler fails: " + message(problem));
            }
          }
        });
  }

  /// It is tried again each period.
  private void notYet(Recorded recorded, String reason) {
    if (book.note(recorded.id(), reason, clock.millis())) {
      LOG.warn("{}: not yet: {}", recorded.decision().explanation().policy(), reason);
    }
  }

  /// One order at a time, whatever the scaler does.
  private static synchronized Scaler.Answer scale(Scaler scaler, Scaler.Target target) {
    return scaler.scale(target);
  }

  // ---- Writing down ----

  private void record(boolean leads) {
    toRecord.addAll(book.drainChanges());
    if (!leads && !isRecording) {
      // Another one leads, and goes by what it has read. What a dry run has decided is its own.
      toRecord.removeIf(one -> one.state() != Progress.DRY_RUN);
    }
    if (toRecord.size() > TO_RECORD_MAX && !isRecording) {
      toRecord.subList(0, toRecord.size() - TO_RECORD_MAX).clear(); // the store is long away
    }
    DecisionLog record = log;
    if (toRecord.isEmpty() || isRecording || record == null || !hasTakenUp) {
      return;
    }
    isRecording = true;
    List<Recorded> now = List.copyOf(toRecord);
    var _ =
        record
            .append(now)
            .whenComplete(
                (_, problem) ->
                    later(
                        now,
                        problem,
                        (_, why) -> {
                          isRecording = false;
                          if (why == null) {
                            toRecord.subList(0, now.size()).clear();
                          } else {
                            LOG.warn("decisions are not recorded yet: {}", message(why));
                          }
                        }));
  }

  @Override
  public CompletableFuture<Throwable> failure() {
    return failure;
  }

  /// Ends; the cluster stays as it is.
  @Override
  public void close() {
    loop.shutdownNow();
    errands.shutdownNow();
    feed.close();
    while (!parts.isEmpty()) {
      closeQuietly(parts.pop());
    }
    recording.ifPresent(TrellisMonitor::closeQuietly);
    scaler.ifPresent(TrellisMonitor::closeQuietly);
    AccessFeed told = access;
    if (told != null) {
      told.close();
    }
    Mailboxes through = mailboxes;
    if (through != null) {
      through.close();
    }
    Trellis client = trellis;
    if (client != null) {
      client.close();
    }
  }

  private static void closeQuietly(AutoCloseable part) {
    try {
      part.close();
    } catch (Exception e) {
      LOG.warn("{} does not close in order", part, e);
    }
  }
}
