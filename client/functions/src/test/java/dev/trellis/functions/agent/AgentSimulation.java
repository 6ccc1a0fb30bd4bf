package dev.trellis.functions.agent;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.client.WatchListener;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.PriorityQueue;
import java.util.Random;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.CompletableFuture;
import java.util.function.BinaryOperator;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/// Agents of a bank on three hosts over a store of three nodes, a few bad moments of them with
/// hours in between. In those moments hosts claim agents that others have, stand still in the
/// middle of a step, crash, and have wrong clocks; replicas lag; what is sent is late or lost. In
/// the hours agents rest, or nobody has one of them and its mailbox gets full, and tags become too
/// old. One thread, one seed.
final class AgentSimulation {
  private static final int NODES = 3;
  private static final int COPIES = 2; // what is acknowledged has so many; one node may be lost
  private static final List<String> ACCOUNTS = List.of("a", "b", "c");
  private static final AgentName COLLECTOR = new AgentName("collector", "c");
  private static final int HOSTS = 3;
  private static final int ORDERS = 40; // in each bad moment
  private static final int ORDERS_AT_NIGHT = 40;
  private static final int ORDERS_ALL = 2 * ORDERS + ORDERS_AT_NIGHT;
  private static final int BALANCE = 20;
  private static final long BAD_MILLIS = 6_000;
  private static final long CALM_MILLIS = 4_000; // after which replicas become equal
  private static final long QUIET_MILLIS = 40_000; // in which all that is under way ends
  private static final long NIGHT_MILLIS = 3 * 60 * 60 * 1_000;
  private static final long IDLE_MILLIS = 15_000;
  private static final long UNREAD_MILLIS_MAX = 10_000; // where nothing is bad

  // As of nodes.
  private static final long LIFETIME_MILLIS = 60 * 60 * 1_000;
  private static final long SKEW_MAX_MILLIS = 500;
  private static final Bounds BOUNDS = new Bounds(300, 250, 1_000, 100_000);

  /// What a watch tells: that there may be mail.
  private static final Reply STATE =
      new Reply(
          0,
          new Outcome.Done(new View.Missing(), 0, false),
          HybridTimestamp.ZERO,
          Optional.empty(),
          CausalContext.EMPTY,
          Receipt.NONE,
          HybridTimestamp.ZERO,
          1);

  private static final long MAILBOX_BYTES_MAX = 400;
  private static final long BEGIN = 1_700_000_000_000L;

  /// How the protocol may be broken, to see that it shows.
  enum Flaw {
    NONE,
    /// A step counts without a look at the claim.
    CLAIM_NOT_CHECKED,
    /// Who takes over reads the entry first and claims then.
    CLAIM_AFTER_ENTRY,
    /// Messages are dropped from the mailbox before the entry has that they were consumed.
    ACKNOWLEDGED_EARLY,
    /// What is read is what one replica has.
    READS_OF_ONE,
    /// Nothing that was in the outbox is sent by who takes over.
    OUTBOX_FORGOTTEN,
    /// What has arrived stays in the outbox until the next step.
    NOT_TIDIED,
    /// A message that is refused is not sent again.
    REFUSALS_FINAL,
    /// A watch that is refused is not begun again.
    WATCHED_ONCE
  }

  /// What is to happen in a suite at least once.
  enum Hard {
    CRASH,
    PAUSE,
    NODE_LOST,
    STEP_VOID,
    OUTBOX_INHERITED,
    HANDLED_AGAIN,
    SAME_EPOCH,
    REPLY_LATE,
    RELEASED,
    TIDIED,
    MAILBOX_FULL,
    BORN_TOO_EARLY,
    TAG_TOO_OLD,
    WATCH_REFUSED,
    TIMER_OF_HOURS
  }

  private record Event(long at, long order, Runnable run) implements Comparable<Event> {
    @Override
    public int compareTo(Event other) {
      int byTime = Long.compare(at, other.at);
      return byTime != 0 ? byTime : Long.compare(order, other.order);
    }
  }

  private static final class Mailbox {
    private final Map<Dot, Received> there = new TreeMap<>();
    private final Set<Dot> dropped = new HashSet<>();

    void merge(Mailbox other) {
      other.there.values().forEach(this::put);
      other.dropped.forEach(this::drop);
    }

    void put(Received one) {
      if (!dropped.contains(one.dot())) {
        // Of two under one name the greater stays, as in a log.
        there.merge(one.dot(), one, (a, b) -> a.body().compareTo(b.body()) >= 0 ? a : b);
      }
    }

    /// @throws DefiniteException if there is too much in it
    void post(Received one) {
      if (there.containsKey(one.dot()) || dropped.contains(one.dot())) {
        return;
      }
      if (bytes() + one.body().size() > MAILBOX_BYTES_MAX) {
        throw TrellisException.of(ErrorCode.VALUE_TOO_LARGE, "very full");
      }
      put(one);
    }

    long bytes() {
      return there.values().stream().mapToLong(each -> each.body().size()).sum();
    }

    boolean dropAll(List<Dot> dots) {
      dots.forEach(this::drop);
      return true;
    }

    private void drop(Dot dot) {
      dropped.add(dot);
      there.remove(dot);
    }
  }

  /// A replica of everything.
  private static final class Node {
    private final Map<AgentName, View.Prioritized> claims = new HashMap<>();
    private final Map<AgentName, View.Prioritized> entries = new HashMap<>();
    private final Map<String, Mailbox> mail = new HashMap<>();
    private int life; // it begins another when it loses all

    Mailbox mailbox(String name) {
      return mail.computeIfAbsent(name, unused -> new Mailbox());
    }

    void merge(Node other) {
      other.claims.forEach((name, value) -> claims.merge(name, value, AgentSimulation::lowest));
      other.entries.forEach((name, value) -> entries.merge(name, value, AgentSimulation::lowest));
      other.mail.forEach((name, box) -> mailbox(name).merge(box));
    }
  }

  private static View.Prioritized lowest(View.Prioritized a, View.Prioritized b) {
    int order = Double.compare(a.priority(), b.priority());
    return (order != 0 ? order : a.value().compareTo(b.value())) <= 0 ? a : b;
  }

  private final class Host {
    private HostId id = HostId.draw(random);
    private final Map<AgentName, Activation> active = new HashMap<>();
    private long pausedUntil;
    private int life;
    private long skew;

    /// What time its clock says.
    long clock() {
      return now + skew;
    }

    /// Runs something on this host, unless it crashes before; later, if it stands still.
    void later(long delay, Runnable run) {
      int begun = life;
      schedule(delay, () -> resumed(begun, run));
    }

    private void resumed(int begun, Runnable run) {
      if (begun != life) {
        return;
      }
      if (pausedUntil > now) {
        schedule(pausedUntil - now, () -> resumed(begun, run));
        return;
      }
      run.run();
    }

    void crash() {
      happened(Hard.CRASH);
      life++;
      active.clear();
      id = HostId.draw(random);
    }

    void activate(AgentName name) {
      if (!active.containsKey(name) && !away.equals(Optional.of(name))) {
        Activation activation = new Activation(this, name);
        active.put(name, activation);
        activation.core.start(clock());
      }
    }

    /// Has an agent no more, and says so.
    void leave(AgentName name) {
      Activation activation = active.get(name);
      if (activation != null) {
        activation.core.tick(clock());
        activation.core.requestRelease();
      }
    }

    /// As hosts do every now and then.
    void tick() {
      for (Activation each : List.copyOf(active.values())) {
        each.tick();
        if (each.core.idleSince().filter(since -> clock() - since >= IDLE_MILLIS).isPresent()) {
          each.core.requestRelease();
        }
      }
    }
  }

  private final class Activation implements AgentCore.Effects, Rewatching.Source {
    private final Host host;
    private final AgentName name;
    private final AgentCore core;
    private final List<AgentEntry> written = new ArrayList<>();
    private @Nullable Claim lastClaim;
    private @Nullable Claim claimKeptBack; // by a flaw
    private boolean handling; // since the entry was written
    private @Nullable Rewatching watching; // the mailbox, once it is active
    private @Nullable WatchListener watch; // if it stands

    Activation(Host host, AgentName name) {
      this.host = host;
      this.name = name;
      this.core = new AgentCore(host.id, BOUNDS, this);
    }

    /// Tells the time, and listens once the agent is active.
    void tick() {
      core.tick(host.clock());
      if (core.isActive() && watching == null) {
        watching = Rewatching.of(this, "mail of " + name, told -> core.mailCame());
      }
    }

    @Override
    public AutoCloseable watch(WatchListener listener) {
      boolean refused = now < watchesRefusedUntil && random.nextInt(3) > 0;
      host.later(
          delay(),
          () -> {
            if (refused) {
              happened(Hard.WATCH_REFUSED);
              if (flaw != Flaw.WATCHED_ONCE) {
                listener.onFailure(TrellisException.of(ErrorCode.NOT_ENOUGH_REPLICAS, "later"));
              }
            } else {
              watch = listener;
              listener.onState(STATE);
            }
          });
      return () -> watch = null;
    }

    @Override
    public CompletableFuture<Reply> read() {
      CompletableFuture<Reply> reply = new CompletableFuture<>();
      host.later(delay(), () -> reply.complete(STATE));
      return reply;
    }

    @Override
    public void later(Duration delay, Runnable run) {
      host.later(delay.toMillis(), run);
    }

    void mailCame() {
      WatchListener listener = watch;
      if (listener != null) {
        listener.onState(STATE);
      }
    }

    @Override
    public void readClaim() {
      if (flaw == Flaw.CLAIM_NOT_CHECKED && !written.isEmpty()) {
        host.later(delay(), () -> core.claimRead(Optional.ofNullable(lastClaim)));
        return;
      }
      readAll(
          host,
          node -> Optional.ofNullable(node.claims.get(name)),
          AgentSimulation::either,
          found -> core.claimRead(found.map(Claim::of)));
    }

    @Override
    public void writeClaim(Claim claim) {
      lastClaim = claim;
      if (flaw == Flaw.CLAIM_AFTER_ENTRY && claim.revision() == 1) {
        claimKeptBack = claim;
        core.claimWritten(claim);
        return;
      }
      putClaim(claim, core::claimWritten);
    }

    private void putClaim(Claim claim, Consumer<Claim> then) {
      View.Prioritized value = new View.Prioritized(claim.priority(), claim.value());
      if (nodes.stream()
          .map(node -> node.claims.get(name))
          .anyMatch(
              other ->
                  other != null
                      && other.priority() == claim.priority()
                      && !Claim.of(other).owner().host().equals(host.id))) {
        happened(Hard.SAME_EPOCH);
      }
      write(
          host,
          node -> node.claims.merge(name, value, AgentSimulation::lowest),
          kept -> then.accept(Claim.of(kept)));
    }

    @Override
    public void readEntry() {
      readAll(
          host,
          node -> Optional.ofNullable(node.entries.get(name)),
          AgentSimulation::either,
          found -> {
            Claim late = claimKeptBack;
            if (late == null) {
              core.entryRead(found.map(AgentEntry::of));
              return;
            }
            claimKeptBack = null;
            putClaim(
                late,
                kept -> {
                  if (kept.owner().overtakes(late.owner())) {
                    core.claimSeen(kept);
                  } else {
                    core.entryRead(found.map(AgentEntry::of));
                  }
                });
          });
    }

    @Override
    public void writeEntry(AgentEntry entry) {
      AgentEntry put = entry;
      if (written.isEmpty() && !entry.outbox().isEmpty()) {
        happened(Hard.OUTBOX_INHERITED);
        if (flaw == Flaw.OUTBOX_FORGOTTEN) {
          put = entry.withOutbox(List.of());
        }
      }
      if (!written.isEmpty() && !handling) {
        happened(Hard.TIDIED);
        if (flaw == Flaw.NOT_TIDIED) {
          put = entry.withOutbox(written.getLast().outbox());
        }
      }
      handling = false;
      written.add(put);
      View.Prioritized value = new View.Prioritized(put.priority(), put.value());
      write(
          host,
          node -> node.entries.merge(name, value, AgentSimulation::lowest),
          kept -> core.entryWritten(AgentEntry.of(kept)));
    }

    @Override
    public void readMail(CausalContext consumed) {
      readAll(
          host,
          node -> {
            Mailbox copy = new Mailbox();
            copy.merge(node.mailbox(name.mailbox()));
            return copy;
          },
          (a, b) -> {
            a.merge(b);
            return a;
          },
          box -> {
            List<Received> found =
                box.there.values().stream()
                    .filter(one -> !consumed.contains(one.dot()))
                    .limit(3)
                    .toList();
            core.mailRead(found);
            if (found.size() == 3) {
              core.mailCame();
            }
          });
    }

    @Override
    public void handle(AgentEntry before, List<Received> mail, List<String> timers) {
      handling = true;
      if (flaw == Flaw.ACKNOWLEDGED_EARLY) {
        acknowledgeMail(mail.stream().map(Received::dot).toList(), () -> {});
      }
      mail.forEach(
          one -> {
            if (!handled.add(name + " " + one.dot())) {
              happened(Hard.HANDLED_AGAIN);
            }
          });
      host.later(
          delay(),
          () -> {
            Step step =
                new Step(
                    name,
                    new Account(host.id),
                    before,
                    host.clock(),
                    BOUNDS,
                    id -> {
                      throw new IllegalStateException("no store");
                    });
            boolean all = step.handleAll(timers, mail);
            failures.addAll(step.failures().stream().map(Object::toString).toList());
            core.handled(step.result());
            if (!all) {
              core.mailCame();
            }
          });
    }

    @Override
    public void send(List<Outgoing> messages) {
      for (Outgoing one : messages) {
        post(
            one,
            new Received(one.tag().dot(0), now, one.body()),
            new HashMap<>(),
            new boolean[1],
            4_000);
      }
    }

    private void post(
        Outgoing one, Received mail, Map<Node, Integer> have, boolean[] told, long pause) {
      for (Node node : nodes) {
        if (lost()) {
          continue;
        }
        schedule(
            delay(),
            () -> {
              int life = node.life;
              Optional<TrellisException> refusal = take(node, one, mail);
              host.later(
                  delay(),
                  () -> {
                    if (refusal.isEmpty()) {
                      have.put(node, life);
                      have.entrySet().removeIf(copy -> copy.getKey().life != copy.getValue());
                      if (have.size() >= COPIES && !told[0]) {
                        told[0] = true;
                        core.sent(List.of(one));
                      }
                    } else if (!told[0]) {
                      told[0] = refused(one, refusal.get());
                    }
                  });
            });
      }
      host.later(
          pause,
          () -> {
            if (!told[0] && !core.hasEnded()) {
              post(one, mail, have, told, Math.min(2 * pause, 60_000));
            }
          });
    }

    /// Whether that is the end of it.
    private boolean refused(Outgoing one, TrellisException refusal) {
      if (flaw == Flaw.REFUSALS_FINAL && Access.isFinal(refusal)) {
        core.sent(List.of(one));
        return true;
      }
      return switch (Access.unsent(refusal, one.body().size(), Limits.DEFAULT)) {
        case AGAIN -> false;
        case UNDER_ANOTHER_TAG -> {
          core.expired(one);
          yield true;
        }
        case NEVER -> {
          failures.add(one + " is refused: " + refusal);
          yield true;
        }
      };
    }

    @Override
    public void acknowledge(CausalContext consumed) {
      acknowledgeMail(dots(consumed), core::acknowledged);
    }

    private void acknowledgeMail(List<Dot> dots, Runnable then) {
      write(host, node -> node.mailbox(name.mailbox()).dropAll(dots), unused -> then.run());
    }

    @Override
    public void ended(AgentCore.End end) {
      if (end == AgentCore.End.OVERTAKEN && written.size() > 1) {
        happened(Hard.STEP_VOID);
      }
      if (end == AgentCore.End.RELEASED) {
        happened(Hard.RELEASED);
      }
      host.active.remove(name, this);
      Rewatching open = watching;
      if (open != null) {
        open.close();
      }
    }
  }

  /// What accounts do. They remember the orders that they have handled, so that twice shows.
  private record Account(HostId host) implements Agent {
    @Override
    public void handle(Message message, AgentContext context) {
      Payload state = context.state();
      String text = state.isEmpty() ? BALANCE + ";" : state.text();
      int balance = Integer.parseInt(text.substring(0, text.indexOf(';')));
      String done = text.substring(text.indexOf(';') + 1);
      switch (message) {
        case Message.Told told -> {
          String[] words = told.payload().text().split(" ", -1);
          done += words[0] + words[1] + ",";
          switch (words[0]) {
            case "transfer" -> {
              int amount = Integer.parseInt(words[3]);
              if (balance < amount) {
                collect(context, words[1] + " refused");
              } else {
                balance -= amount;
                context.tell(
                    account(words[2]), Payload.ofText("deposit " + words[1] + " " + amount));
              }
            }
            case "deposit" -> {
              balance += Integer.parseInt(words[2]);
              collect(context, words[1] + " done");
            }
            case "wait" -> context.timer(words[1], Duration.ofMillis(Long.parseLong(words[2])));
            case "query" ->
                context.ask(
                    account(words[2]),
                    Payload.ofText("balance?"),
                    words[1],
                    Duration.ofMillis(1_500));
            default -> throw new IllegalArgumentException(words[0]);
          }
        }
        case Message.Asked asked -> context.reply(Payload.ofText("" + balance));
        case Message.Replied replied -> collect(context, replied.name() + " answered");
        case Message.Unanswered silent -> collect(context, silent.name() + " silence");
        case Message.TimerDue due -> collect(context, due.name() + " waited");
      }
      context.setState(Payload.ofText(balance + ";" + done));
    }

    private void collect(AgentContext context, String what) {
      // Who says it makes a difference, so that what two say is not taken for one.
      context.tell(COLLECTOR, Payload.ofText(what + " " + host));
    }
  }

  private static AgentName account(String id) {
    return new AgentName("account", id);
  }

  private final Random random;
  private final Flaw flaw;
  private final PriorityQueue<Event> events = new PriorityQueue<>();
  private final List<Node> nodes = new ArrayList<>();
  private final List<Host> hosts = new ArrayList<>();
  private final Set<String> handled = new HashSet<>();
  private final List<String> failures = new ArrayList<>();
  private final Map<Hard, Integer> hard = new EnumMap<>(Hard.class);
  private long now = BEGIN;
  private long order;
  private boolean bad = true;
  private boolean uneven; // nodes may be
  private long watchesRefusedUntil; // some of them
  private Map<Dot, Long> unreadSince = Map.of();
  private Optional<AgentName> away = Optional.empty(); // no host has it

  AgentSimulation(long seed, Flaw flaw) {
    this.random = new Random(seed);
    this.flaw = flaw;
  }

  Map<Hard, Integer> hardCases() {
    return hard;
  }

  private void happened(Hard what) {
    hard.merge(what, 1, Integer::sum);
  }

  private void schedule(long delay, Runnable run) {
    events.add(new Event(now + delay, order++, run));
  }

  private long delay() {
    return bad && random.nextInt(20) == 0 ? random.nextInt(2_000) : random.nextInt(20);
  }

  private boolean lost() {
    return bad && random.nextInt(10) == 0;
  }

  private static Optional<View.Prioritized> either(
      Optional<View.Prioritized> a, Optional<View.Prioritized> b) {
    return a.isEmpty() ? b : b.isEmpty() ? a : Optional.of(lowest(a.get(), b.get()));
  }

  private <T> void readAll(
      Host host, Function<Node, T> ask, BinaryOperator<T> merge, Consumer<T> then) {
    List<T> answers = new ArrayList<>();
    int asked = flaw == Flaw.READS_OF_ONE ? 1 : NODES;
    int first = random.nextInt(NODES);
    for (int i = 0; i < asked; i++) {
      Node node = nodes.get((first + i) % NODES);
      schedule(
          delay(),
          () -> {
            T answer = ask.apply(node);
            host.later(
                delay(),
                () -> {
                  answers.add(answer);
                  if (answers.size() == asked) {
                    then.accept(answers.stream().reduce(merge).orElseThrow());
                  }
                });
          });
    }
  }

  /// Merges something into the nodes, again and again until enough have it.
  ///
  /// @param merge what a node has then
  private <T> void write(Host host, Function<Node, T> merge, Consumer<T> then) {
    attempt(host, merge, then, new HashMap<>(), new boolean[1]);
  }

  private <T> void attempt(
      Host host,
      Function<Node, T> merge,
      Consumer<T> then,
      Map<Node, Integer> have, // in which of its lives
      boolean[] told) {
    Node lagging = nodes.get(random.nextInt(NODES));
    for (Node node : nodes) {
      if (lost()) {
        continue;
      }
      schedule(
          node == lagging && bad ? random.nextInt(3_000) : delay(),
          () -> {
            uneven = true;
            T kept = merge.apply(node);
            int life = node.life;
            host.later(
                delay(),
                () -> {
                  have.put(node, life);
                  have.entrySet().removeIf(copy -> copy.getKey().life != copy.getValue());
                  if (have.size() >= COPIES && !told[0]) {
                    told[0] = true;
                    then.accept(kept);
                  }
                });
          });
    }
    host.later(
        4_000,
        () -> {
          if (!told[0]) {
            attempt(host, merge, then, have, told);
          }
        });
  }

  /// Has a node take a message under a tag, or says why it does not.
  private Optional<TrellisException> take(Node node, Outgoing one, Received mail) {
    long age = now - one.tag().invocation().bornMillis();
    if (age >= LIFETIME_MILLIS) {
      happened(Hard.TAG_TOO_OLD);
      return Optional.of(TrellisException.of(ErrorCode.INVOCATION_EXPIRED, "too old"));
    }
    if (-age > SKEW_MAX_MILLIS) {
      happened(Hard.BORN_TOO_EARLY);
      return Optional.of(TrellisException.of(ErrorCode.BAD_REQUEST, "not born yet"));
    }
    if (!one.mailbox().equals(COLLECTOR.mailbox())) { // which nobody reads
      try {
        node.mailbox(one.mailbox()).post(mail);
      } catch (TrellisException e) {
        happened(Hard.MAILBOX_FULL);
        return Optional.of(e);
      }
    }
    put(node, one.mailbox(), mail);
    return Optional.empty();
  }

  private boolean put(Node node, String mailbox, Received mail) {
    uneven = true;
    node.mailbox(mailbox).put(mail);
    for (Host host : hosts) {
      host.active.forEach(
          (name, activation) -> {
            if (name.mailbox().equals(mailbox)) {
              host.later(delay(), activation::mailCame);
            }
          });
    }
    return true;
  }

  private static List<Dot> dots(CausalContext context) {
    List<Dot> dots = new ArrayList<>();
    for (CausalContext.Run run : context.runs()) {
      for (long counter = run.from(); counter <= run.to(); counter++) {
        dots.add(new Dot(run.replica(), counter));
      }
    }
    return dots;
  }

  /// Runs the day.
  ///
  /// @return what went wrong; empty if nothing
  List<String> run() {
    for (int i = 0; i < NODES; i++) {
      nodes.add(new Node());
    }
    for (int i = 0; i < HOSTS; i++) {
      hosts.add(new Host());
    }
    ReplicaId outside = new ReplicaId(random.nextLong(), 1);
    badMoment();
    order(outside, 1, ORDERS, BAD_MILLIS);
    run(BAD_MILLIS + CALM_MILLIS);
    calm();
    run(QUIET_MILLIS);
    away = random.nextBoolean() ? Optional.of(account(account())) : Optional.empty();
    away.ifPresent(name -> hosts.getFirst().leave(name));
    run(CALM_MILLIS);
    order(outside, ORDERS + 1, ORDERS + ORDERS_AT_NIGHT, NIGHT_MILLIS / 3);
    night(NIGHT_MILLIS + random.nextLong(NIGHT_MILLIS));
    away = Optional.empty();
    badMoment();
    order(outside, ORDERS + ORDERS_AT_NIGHT + 1, ORDERS_ALL, BAD_MILLIS);
    run(BAD_MILLIS + CALM_MILLIS);
    calm();
    run(QUIET_MILLIS);
    night(2 * NIGHT_MILLIS); // for timers
    calm();
    run(QUIET_MILLIS);
    return faults();
  }

  private void run(long millis) {
    long until = now + millis;
    while (!events.isEmpty() && events.peek().at() <= until) {
      Event next = events.remove();
      now = Math.max(now, next.at());
      next.run().run();
    }
    now = until;
  }

  /// Tells accounts what to do, at some time within a while.
  private void order(ReplicaId outside, int first, int last, long withinMillis) {
    for (int i = first; i <= last; i++) {
      String to = account();
      while (away.equals(Optional.of(account(to)))) {
        to = account();
      }
      AgentName told = account(to);
      String what =
          switch (random.nextInt(6)) {
            case 0 -> "wait " + i + " 200";
            case 1 -> random.nextInt(4) > 0 ? "query " + i + " " + account() : waitLong(i);
            default -> "transfer " + i + " " + recipient() + " " + (1 + random.nextInt(8));
          };
      Dot dot = new Dot(outside, i);
      Payload body = Envelope.tell(Payload.ofText(what)).encode();
      schedule(random.nextInt((int) withinMillis), () -> order(told, dot, body));
    }
  }

  private void order(AgentName told, Dot dot, Payload body) {
    if (nodes.getFirst().mailbox(told.mailbox()).bytes() > BOUNDS.mailbox()) {
      schedule(500, () -> order(told, dot, body));
      return;
    }
    Received mail = new Received(dot, now, body);
    // It was acknowledged, so enough nodes have it.
    int without = random.nextInt(NODES);
    for (int node = 0; node < NODES; node++) {
      Node each = nodes.get(node);
      schedule(node == without ? random.nextInt(3_000) : 0, () -> put(each, told.mailbox(), mail));
    }
  }

  private String waitLong(int order) {
    happened(Hard.TIMER_OF_HOURS);
    return "wait " + order + " " + NIGHT_MILLIS;
  }

  private void badMoment() {
    bad = true;
    watchesRefusedUntil = now + BAD_MILLIS + CALM_MILLIS + 3_000;
    hosts.forEach(host -> host.skew = random.nextLong(180_000) - 90_000);
    for (long at = 0; at < BAD_MILLIS; at += 100) {
      schedule(at + random.nextInt(100), this::somethingHappens);
    }
  }

  /// Somebody looks after the agents every minute, now and then another host.
  private void night(long millis) {
    for (long at = 0; at < millis; at += 60_000) {
      schedule(
          at,
          () -> {
            even();
            if (random.nextInt(60) == 0) {
              hosts.getFirst().crash();
            }
            lookAround(hosts.getFirst());
          });
    }
    run(millis);
  }

  /// As a host does that is told who has mail, or was active.
  private void lookAround(Host host) {
    host.tick();
    for (String id : ACCOUNTS) {
      AgentName name = account(id);
      View.Prioritized claim = nodes.getFirst().claims.get(name);
      boolean resting = claim != null && Claim.of(claim).released();
      if (!resting || !nodes.getFirst().mailbox(name.mailbox()).there.isEmpty()) {
        host.activate(name);
      }
    }
  }

  private String recipient() {
    return away.isPresent() && random.nextBoolean() ? away.get().id() : account();
  }

  private String account() {
    return ACCOUNTS.get(random.nextInt(ACCOUNTS.size()));
  }

  private void somethingHappens() {
    Host host = hosts.get(random.nextInt(HOSTS));
    switch (random.nextInt(10)) {
      case 0 -> host.crash();
      case 1, 2 -> {
        happened(Hard.PAUSE);
        host.pausedUntil = now + random.nextInt(2_500);
      }
      case 3 -> {
        if (random.nextInt(4) == 0) {
          loseNode();
        }
      }
      case 4, 5 -> {
        // Two at once, so that they claim one epoch.
        AgentName name = account(account());
        hosts.forEach(each -> each.later(0, () -> each.activate(name)));
      }
      default -> host.later(0, () -> host.activate(account(account())));
    }
    hosts.forEach(
        each -> each.active.values().forEach(activation -> each.later(0, activation::tick)));
  }

  /// A node loses all it has, and gets what the others have. What only it had is gone.
  private void loseNode() {
    happened(Hard.NODE_LOST);
    Node fresh = new Node();
    int at = random.nextInt(NODES);
    for (int i = 0; i < NODES; i++) {
      if (i != at) {
        fresh.merge(nodes.get(i));
      }
    }
    Node lost = nodes.get(at);
    lost.life++;
    lost.claims.clear();
    lost.entries.clear();
    lost.mail.clear();
    lost.merge(fresh);
  }

  /// Nothing bad happens any more: one host takes all agents, and replicas become equal.
  private void calm() {
    bad = false;
    unreadSince = Map.of();
    hosts.forEach(host -> host.pausedUntil = 0);
    hosts.forEach(Host::crash);
    Host last = hosts.getFirst();
    ACCOUNTS.forEach(id -> last.activate(account(id)));
    for (int i = 1; i < 180; i++) {
      schedule(
          i * 200L,
          () -> {
            even();
            lookAround(last);
            lookForUnread();
          });
    }
  }

  /// An agent that is active hears of its mail, whatever became of its watch; it leaves it while it
  /// has much to send.
  private void lookForUnread() {
    Map<Dot, Long> since = new HashMap<>();
    for (String id : ACCOUNTS) {
      View.Prioritized stored = nodes.getFirst().entries.get(account(id));
      if (stored == null || unsent(AgentEntry.of(stored)) > BOUNDS.unsent()) {
        continue;
      }
      for (Received one : nodes.getFirst().mailbox(account(id).mailbox()).there.values()) {
        long seen = unreadSince.getOrDefault(one.dot(), now);
        since.put(one.dot(), seen);
        if (now - seen > UNREAD_MILLIS_MAX) {
          failures.add(id + " leaves unread " + one);
        }
      }
    }
    unreadSince = since;
  }

  private static long unsent(AgentEntry entry) {
    return entry.outbox().stream().mapToLong(Bounds::weight).sum();
  }

  private void even() {
    if (!uneven) {
      return;
    }
    uneven = false;
    Node all = new Node();
    nodes.forEach(all::merge);
    nodes.forEach(node -> node.merge(all));
  }

  private List<String> faults() {
    List<String> faults = new ArrayList<>(failures);
    Node node = nodes.getFirst();
    int sum = 0;
    int known = 0;
    Set<String> deposits = new HashSet<>();
    for (String id : ACCOUNTS) {
      View.Prioritized stored = node.entries.get(account(id));
      if (stored == null) {
        faults.add(id + " has no entry");
        continue;
      }
      AgentEntry entry = AgentEntry.of(stored);
      String text = entry.state().isEmpty() ? BALANCE + ";" : entry.state().text();
      sum += Integer.parseInt(text.substring(0, text.indexOf(';')));
      String done = text.substring(text.indexOf(';') + 1);
      List<String> orders = done.isEmpty() ? List.of() : List.of(done.split(",", 0));
      if (new HashSet<>(orders).size() < orders.size()) {
        faults.add(id + " has handled something twice: " + orders);
      }
      orders.stream().filter(one -> one.startsWith("deposit")).forEach(deposits::add);
      known += (int) orders.stream().filter(one -> !one.startsWith("deposit")).count();
      if (!node.mailbox(account(id).mailbox()).there.isEmpty()) {
        faults.add(id + " has mail left: " + node.mailbox(account(id).mailbox()).there);
      }
      if (entry.timers().size() > 0 || entry.consumed().dotCount() > 30) {
        faults.add(id + " has much left: " + entry);
      }
    }
    if (known != ORDERS_ALL) {
      faults.add(known + " of " + ORDERS_ALL + " orders are handled");
    }
    if (sum != BALANCE * ACCOUNTS.size()) {
      faults.add("there is " + sum + ", not " + BALANCE * ACCOUNTS.size());
    }
    Map<String, Integer> collected = new TreeMap<>();
    for (Received one : node.mailbox(COLLECTOR.mailbox()).there.values()) {
      String text = Envelope.of(one.body()).said().text();
      collected.merge(text.substring(0, text.indexOf(' ')), 1, Integer::sum);
      if (text.contains(" silence ")) {
        happened(Hard.REPLY_LATE);
      }
    }
    for (int i = 1; i <= ORDERS_ALL; i++) {
      int times = collected.getOrDefault("" + i, 0);
      if (times != 1) {
        String about = i + " ";
        List<String> said =
            node.mailbox(COLLECTOR.mailbox()).there.values().stream()
                .map(one -> one.dot() + " " + Envelope.of(one.body()).said().text())
                .filter(text -> text.contains(" " + about))
                .toList();
        faults.add("of order " + i + " was told " + times + " times: " + said);
      }
    }
    return faults;
  }
}
