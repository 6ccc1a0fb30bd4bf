package dev.trellis.functions.agent;

import dev.trellis.causal.Tag;
import dev.trellis.client.MapHandle;
import dev.trellis.client.RegisterHandle;
import dev.trellis.client.Trellis;
import dev.trellis.client.TrellisException;
import dev.trellis.functions.Functions;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.View;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.NavigableMap;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/// Runs agents: those that have mail, or were active on a host that is gone, and that this host is
/// to have by where their keys are cached and by load.
///
/// ```java
/// try (AgentHost host = AgentHost.over(functions).serving("account", name -> new Account()).start()) {
///   …
/// }
/// ```
///
/// Safe for any thread. Closing it lets steps under way come to an end and gives the agents up, so
/// that other hosts have them at once; the client stays open.
public final class AgentHost implements AutoCloseable {
  private static final Logger log = LoggerFactory.getLogger(AgentHost.class);

  private static final Payload HOSTS_KEY = Payload.ofText("_trellis/agent-hosts");
  private static final int TICKS_IN_LEASE = 3;
  private static final Duration REST_MIN = Duration.ofMillis(100);
  private static final Duration REST_MAX = Duration.ofSeconds(10);

  /// Of more keys of an agent than that, the others are not looked for in caches.
  public static final int KEYS_MAX = 16;

  private static final Duration CLOSING_MAX = Duration.ofSeconds(10);

  /// What a host is to be, until it is started.
  public static final class Builder {
    private final Functions functions;
    private final Map<String, Function<AgentName, Agent>> types = new HashMap<>();
    private AgentSettings settings = AgentSettings.DEFAULT;
    private final Map<String, Function<AgentName, ? extends Collection<Payload>>> keys =
        new HashMap<>();
    private Predicate<AgentName> warm = name -> false;
    private IntFunction<? extends Collection<Payload>> cached = max -> List.of();

    private Builder(Functions functions) {
      this.functions = functions;
    }

    /// Has the host run agents of a type.
    ///
    /// @param factory makes what handles the messages of one agent, at each activation. Where it
    ///   throws, that is logged, and tried again after a while
    /// @throws IllegalArgumentException if `type` is none
    public Builder serving(String type, Function<AgentName, Agent> factory) {
      types.put(AgentName.requireType(type), factory);
      return this;
    }

    /// As [#serving(String, Function)], of agents that are known to read some keys again and again,
    /// so that hosts that have these cached are preferred, see [#withCache].
    ///
    /// @param keys of an agent, [#KEYS_MAX] at most, the others are left out; must not block, and
    ///   be the same for all hosts of the type, or two of them may both think that it is their turn
    public Builder serving(
        String type,
        Function<AgentName, Agent> factory,
        Function<AgentName, ? extends Collection<Payload>> keys) {
      this.keys.put(AgentName.requireType(type), keys);
      return serving(type, factory);
    }

    public Builder withSettings(AgentSettings other) {
      settings = other;
      return this;
    }

    /// Tells of which agents the host has the keys at hand, as in a near cache: it is preferred for
    /// those. Besides, it is for those that were active here last.
    ///
    /// @param cached must not block
    public Builder preferring(Predicate<AgentName> cached) {
      warm = cached;
      return this;
    }

    /// Tells which keys are cached beside the host: of agents whose keys are known ([#serving]) it
    /// is preferred for those of which the cache has half or more, ahead of all other preferences.
    /// Other hosts hear of it three times in a lease, in 2 KiB at most. Nobody waits for it: a host
    /// that is gone, or has far more agents than others, is preferred for nothing.
    ///
    /// ```java
    /// NearCache cache = NearCache.over(trellis, NearCacheConfig.DEFAULT);
    /// AgentHost.over(Functions.over(trellis, cache))
    ///     .serving("game", name -> new Game(), name -> List.of(Payload.ofText("board/" + name.id())))
    ///     .withCache(cache::keys)
    /// ```
    ///
    /// @param cached at most so many keys that are cached, best those that are read most; must not
    ///   block
    public Builder withCache(IntFunction<? extends Collection<Payload>> cached) {
      this.cached = cached;
      return this;
    }

    /// Starts the host.
    ///
    /// @throws TrellisException if the store can't be reached
    public AgentHost start() {
      AgentHost host = new AgentHost(this);
      try {
        host.begin();
      } catch (RuntimeException | Error e) {
        host.close();
        throw e;
      }
      return host;
    }
  }

  /// A host to be, over the client of `functions`.
  public static Builder over(Functions functions) {
    return new Builder(functions);
  }

  /// A host to be, over a client.
  public static Builder over(Trellis trellis) {
    return new Builder(Functions.over(trellis));
  }

  /// Under which name the host acts.
  ///
  /// @param client that it goes by; a process that goes on from a snapshot has another one, and so
  ///   other clones of it have
  record Identity(long client, HostId id) {
    static Identity of(Trellis trellis) {
      return new Identity(trellis.clientId(), HostId.draw(new SecureRandom()));
    }
  }

  private final Functions functions;
  private final Map<String, Function<AgentName, Agent>> types;
  private final AgentSettings settings;
  private final Map<String, Function<AgentName, ? extends Collection<Payload>>> keys;
  private final Predicate<AgentName> warm;
  private final IntFunction<? extends Collection<Payload>> cached;
  private final Mail mail;
  private final MailIndex index;
  private final ExecutorService handlers = Executors.newVirtualThreadPerTaskExecutor();
  private final ScheduledExecutorService keeper =
      Executors.newSingleThreadScheduledExecutor(
          task -> {
            Thread thread = new Thread(task, "trellis-agents");
            thread.setDaemon(true);
            return thread;
          });
  private final List<Mail.Listening> watches = new ArrayList<>();
  private final Map<AgentName, Activation> active = new ConcurrentHashMap<>();
  private final Map<AgentName, Rest> resting = new ConcurrentHashMap<>(); // were given up lately

  /// Until when an agent that was given up is left alone here.
  private record Rest(Duration pause, long untilNanos) {
    boolean isOver(long nanos) {
      return nanos - untilNanos > REST_MAX.toNanos();
    }
  }

  // What the index says, by type; written by watches.
  private final Map<String, Map<AgentName, NavigableMap<Long, Payload>>> withMail =
      new ConcurrentHashMap<>();

  // Guarded by itself.
  private final Deque<AgentName> lately = new ArrayDeque<>();

  // Of the keeper.
  private Map<HostId, HostNotice> hosts = Map.of();
  private final Map<AgentName, Long> unownedSinceNanos = new HashMap<>();
  private final Set<AgentName> underLook = ConcurrentHashMap.newKeySet();

  private volatile boolean closing;
  private volatile boolean closed;

  private volatile Identity identity; // replaced by the keeper

  private AgentHost(Builder builder) {
    this.functions = builder.functions;
    this.identity = Identity.of(functions.trellis());
    this.types = Map.copyOf(builder.types);
    this.settings = builder.settings;
    this.keys = Map.copyOf(builder.keys);
    this.warm = builder.warm;
    this.cached = builder.cached;
    this.mail = new LogMail(functions.trellis());
    this.index = new MailIndex(functions.trellis(), settings.period());
  }

  private void begin() {
    Trellis.await(announce());
    readHosts();
    for (String type : types.keySet()) {
      watches.add(
          Rewatching.of(
              trellis(),
              MailIndex.key(type),
              Kind.ORSET,
              reply -> indexChanged(type, reply.outcome())));
    }
    long tick = settings.lease().dividedBy(TICKS_IN_LEASE).toMillis();
    var unused = keeper.scheduleWithFixedDelay(this::tick, tick, tick, TimeUnit.MILLISECONDS);
  }

  // ---- What activations need ----

  Identity identity() {
    return identity;
  }

  /// Whether the host may still act under a name. Not after a restore from a snapshot: clones of
  /// the process, which were told different things since, would write under one claim, and what one
  /// of them has handled would be lost, and told twice.
  boolean mayActAs(Identity known) {
    return known.client == trellis().clientId();
  }

  Trellis trellis() {
    return functions.trellis();
  }

  Functions functions() {
    return functions;
  }

  Mail mail() {
    return mail;
  }

  MailIndex index() {
    return index;
  }

  Future<?> start(Runnable task) {
    return handlers.submit(task);
  }

  /// Runs something that does not block, after a while; never, once the host is closed.
  void later(Duration delay, Runnable task) {
    try {
      var unused = keeper.schedule(() -> guarded(task), delay.toMillis(), TimeUnit.MILLISECONDS);
    } catch (RejectedExecutionException e) {
      log.debug("closed, so not done", e);
    }
  }

  private void guarded(Runnable task) {
    try {
      task.run();
    } catch (RuntimeException | Error e) {
      log.error("host {} could not do something that it had put off", identity.id(), e);
    }
  }

  /// Sends a message; if it is for an agent, hosts hear of it.
  CompletableFuture<?> post(String mailbox, Optional<Tag> tag, Payload body, boolean bounded) {
    return Agents.post(mail, index, mailbox, tag, body, bounded);
  }

  void ended(Activation activation, AgentCore.End how) {
    AgentName name = activation.name();
    if (how == AgentCore.End.ABANDONED) {
      rest(name);
    }
    active.remove(name, activation);
    later(Duration.ZERO, this::lookAround);
  }

  /// Leaves an agent alone for a while: what broke it may do so again at once.
  private void rest(AgentName name) {
    Rest before = resting.get(name);
    Duration pause =
        before == null || before.isOver(System.nanoTime())
            ? REST_MIN
            : before.pause().multipliedBy(2);
    pause = pause.compareTo(REST_MAX) > 0 ? REST_MAX : pause;
    resting.put(name, new Rest(pause, System.nanoTime() + pause.toNanos()));
    later(pause, this::lookAround);
  }

  // ---- Who has what ----

  private CompletableFuture<?> announce() {
    RegisterHandle field =
        trellis()
            .map(HOSTS_KEY)
            .withOptions(Access.writing(trellis()))
            .register(identity.id().toString())
            .withOptions(Access.writing(trellis()).withTtl(settings.lease()));
    return field.putAsync(
        new HostNotice(identity.id(), types.keySet(), active.size(), warmFor(), cachedKeys())
            .value());
  }

  private Set<Integer> warmFor() {
    Set<Integer> hashes = new TreeSet<>();
    synchronized (lately) {
      lately.forEach(name -> hashes.add(name.hashCode()));
    }
    withMail.values().stream()
        .flatMap(each -> each.keySet().stream())
        .filter(warm)
        .limit(HostNotice.WARM_MAX)
        .forEach(name -> hashes.add(name.hashCode()));
    return hashes;
  }

  private KeyFilter cachedKeys() {
    if (keys.isEmpty()) {
      return KeyFilter.EMPTY;
    }
    try {
      return KeyFilter.of(cached.apply(KeyFilter.KEYS_MAX));
    } catch (RuntimeException e) {
      // Not worth the lease, which is renewed by what this is told with.
      log.warn("host {} can't tell what its cache has", identity.id(), e);
      return KeyFilter.EMPTY;
    }
  }

  private List<Payload> keysOf(AgentName name) {
    @Nullable Function<AgentName, ? extends Collection<Payload>> known = keys.get(name.type());
    if (known == null) {
      return List.of();
    }
    try {
      return known.apply(name).stream().limit(KEYS_MAX).toList();
    } catch (RuntimeException e) {
      log.warn("nobody is preferred for agent {}, as it can't be told what it reads", name, e);
      return List.of();
    }
  }

  private void readHosts() {
    MapHandle map = trellis().map(HOSTS_KEY).withOptions(Access.reading());
    Map<HostId, HostNotice> found = new HashMap<>();
    map.fields()
        .values()
        .forEach(
            field -> {
              if (field.view() instanceof View.Bytes register) {
                try {
                  HostNotice notice = HostNotice.of(register.value());
                  found.put(notice.host(), notice);
                } catch (IllegalArgumentException e) {
                  log.debug("a notice of a host that nobody can read is left out", e);
                }
              }
            });
    hosts = found;
  }

  private void tick() {
    if (closing) {
      return;
    }
    try {
      becomeAnother();
      Trellis.await(announce());
      readHosts();
      lookAround();
      tidy();
    } catch (RuntimeException e) {
      log.warn("host {} can't look around: {}", identity.id(), e.getMessage());
    }
  }

  /// Takes another name if the process goes on from a snapshot. The agents that were active have
  /// one more host each to be taken over from, which is gone.
  private void becomeAnother() {
    if (mayActAs(identity)) {
      return;
    }
    Identity before = identity;
    identity = Identity.of(trellis());
    log.info("host {} goes on from a snapshot, as {}", before.id(), identity.id());
    List.copyOf(active.values()).forEach(Activation::drop);
  }

  private void indexChanged(String type, Outcome outcome) {
    Collection<Payload> elements =
        outcome instanceof Outcome.Done done && done.view() instanceof View.Elements view
            ? view.elements()
            : List.of();
    withMail.put(type, MailIndex.read(type, elements));
    later(Duration.ZERO, this::lookAround);
  }

  /// Looks after all agents that are active or have mail, and not here.
  private void lookAround() {
    if (closing) {
      return;
    }
    for (Map<AgentName, NavigableMap<Long, Payload>> ofType : withMail.values()) {
      for (AgentName name : ofType.keySet()) {
        if (active.containsKey(name)) {
          unownedSinceNanos.remove(name);
        } else if (underLook.add(name)) {
          look(name);
        }
      }
    }
  }

  private void look(AgentName name) {
    var unused =
        trellis()
            .priority(name.claimKey())
            .getAsync()
            .thenAccept(found -> later(Duration.ZERO, () -> consider(name, found.map(Claim::of))))
            .whenComplete((done, failed) -> underLook.remove(name)); // failed: at the next tick
  }

  private void consider(AgentName name, Optional<Claim> claim) {
    if (closing || active.containsKey(name) || isResting(name)) {
      return;
    }
    HostId id = identity.id();
    boolean owned =
        claim.isPresent()
            && !claim.get().released()
            && !claim.get().owner().host().equals(id)
            && hosts.containsKey(claim.get().owner().host());
    if (owned) {
      unownedSinceNanos.remove(name);
      return;
    }
    if (claim.isPresent()
        && claim.get().released()
        && !claim.get().owner().host().equals(id)
        && hosts.containsKey(claim.get().owner().host())) {
      try {
        readHosts(); // who gave it up may have gone since, and then nobody waits for him
      } catch (TrellisException e) {
        log.warn("agent {} may wait for a host that is gone: {}", name, e.getMessage());
      }
    }
    int rank = Math.max(0, HostNotice.ranked(name, keysOf(name), hosts.values()).indexOf(id));
    long since = unownedSinceNanos.computeIfAbsent(name, unused -> System.nanoTime());
    if (System.nanoTime() - since >= rank * settings.lease().toNanos()) {
      unownedSinceNanos.remove(name);
      activate(name);
    }
  }

  private boolean isResting(AgentName name) {
    Rest rest = resting.get(name);
    return rest != null && System.nanoTime() - rest.untilNanos() < 0;
  }

  private void activate(AgentName name) {
    Function<AgentName, Agent> factory = types.get(name.type());
    if (factory == null) {
      return;
    }
    Agent agent;
    try {
      agent = Objects.requireNonNull(factory.apply(name), "the factory returned null");
    } catch (RuntimeException | Error e) {
      log.error("agent {} can't be made, and is tried again", name, e);
      rest(name);
      return;
    }
    Activation activation = new Activation(this, name, agent);
    if (active.putIfAbsent(name, activation) == null) {
      synchronized (lately) {
        lately.remove(name);
        lately.addLast(name);
        if (lately.size() > HostNotice.WARM_MAX) {
          lately.removeFirst();
        }
      }
      activation.start();
    }
  }

  /// Takes from the index what is said again since, and puts agents to rest that have had nothing
  /// to do.
  private void tidy() {
    long nanos = System.nanoTime();
    resting.values().removeIf(rest -> rest.isOver(nanos));
    Map<String, List<Payload>> older = new HashMap<>();
    for (Activation activation : active.values()) {
      AgentName name = activation.name();
      String type = name.type();
      NavigableMap<Long, Payload> said =
          withMail.getOrDefault(type, Map.of()).getOrDefault(name, Collections.emptyNavigableMap());
      long newest = said.isEmpty() ? Long.MIN_VALUE : said.lastKey();
      List<Payload> all = List.copyOf(said.values());
      if (all.size() > 2) {
        older
            .computeIfAbsent(type, unused -> new ArrayList<>())
            .addAll(said.headMap(newest - 1).values());
      }
      activation.retire(
          settings.idle().toMillis(),
          newest,
          () -> all.isEmpty() ? CompletableFuture.completedFuture(null) : index.remove(type, all));
    }
    older.forEach(
        (type, elements) -> {
          if (!elements.isEmpty()) {
            var unused = index.remove(type, elements);
          }
        });
  }

  /// How many agents are active here, or about to be.
  public int activeAgents() {
    return active.size();
  }

  /// The agents that are active here, or about to be.
  public Set<AgentName> active() {
    return new TreeSet<>(active.keySet());
  }

  /// How long those that are active here took, from the decision to claim them until they were, in
  /// nanoseconds.
  public List<Long> activationNanos() {
    return active.values().stream()
        .map(Activation::activationNanos)
        .filter(took -> took > 0)
        .toList();
  }

  /// Ends without a word, as a process that is killed: agents, their claims and what they were
  /// doing stay as they are until other hosts notice. For tests and rehearsals.
  public void kill() {
    closing = true;
    for (Activation each : List.copyOf(active.values())) {
      each.drop();
    }
    stop();
  }

  @Override
  public void close() {
    if (closed) {
      return;
    }
    closing = true;
    try {
      // Before agents are given up, so that nobody waits for this host to have them back; and where
      // it is announced, so that no notice comes after it.
      keeper
          .submit(() -> trellis().map(HOSTS_KEY).remove(identity.id().toString()))
          .get(CLOSING_MAX.toMillis(), TimeUnit.MILLISECONDS);
      List<CompletableFuture<?>> ends = new ArrayList<>();
      for (Activation each : List.copyOf(active.values())) {
        each.release();
        ends.add(each.end);
      }
      CompletableFuture.allOf(ends.toArray(CompletableFuture[]::new))
          .get(CLOSING_MAX.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) {
      log.warn("host {} goes without a word, so others wait for its lease", identity.id(), e);
    }
    List.copyOf(active.values()).forEach(Activation::drop);
    stop();
  }

  private void stop() {
    closed = true;
    watches.forEach(Mail.Listening::close);
    keeper.shutdownNow();
    handlers.shutdownNow();
  }
}
