package dev.trellis.node.shard;

import dev.trellis.access.Allowance;
import dev.trellis.access.Caller;
import dev.trellis.access.Rights;
import dev.trellis.access.Role;
import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridLogicalClock;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.Tag;
import dev.trellis.execution.EntryReader;
import dev.trellis.execution.EntryWriter;
import dev.trellis.execution.Refusal;
import dev.trellis.execution.ThresholdReader;
import dev.trellis.execution.WriteContext;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.Value;
import dev.trellis.node.membership.MembershipView;
import dev.trellis.node.membership.ShardProgress;
import dev.trellis.node.store.BrokenRecordException;
import dev.trellis.node.store.Disk;
import dev.trellis.node.store.PlainSlot;
import dev.trellis.node.store.Slot;
import dev.trellis.node.store.Store;
import dev.trellis.placement.Topology;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Frame;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.NodeDescriptor;
import dev.trellis.wire.NodeReport;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Peer;
import dev.trellis.wire.PeerMessage;
import dev.trellis.wire.Placement;
import dev.trellis.wire.PlacementSetting;
import dev.trellis.wire.PlainReply;
import dev.trellis.wire.PlainRequests;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.time.Duration;
import java.time.InstantSource;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.ListIterator;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/// The state of one shard: the one writer of its keys. A state machine: requests and the time come
/// in as arguments, replies go out through an [Outbox]. Reads no clock, opens no socket, starts no
/// thread; Netty's event loop drives it in production and a seeded simulator in tests.
///
/// The way of a mutation: is the key ours and the request well-formed, was it carried out before
/// ([RepeatWindow]), is its stamp believable, is its generation the entry's; then [EntryWriter]
/// makes a delta of it, which is merged, stored, and told to the watchers. All refusals happen
/// before anything is changed, so a definite failure leaves no trace.
///
/// Confined to one thread; only [#statistics] may be read by others.
public final class ShardCore {
  /// Weight at which a page of a scan is full, whatever its limit.
  private static final long SCAN_PAGE_BYTES = 1 << 20;

  /// Weight of what was looked at for keys alone at which a page is full. Of one entry not more
  /// counts than the next line says: what is larger is an object, of which nothing has to be read.
  private static final long SCAN_PASSED_BYTES = 4 << 20;

  private static final long SCAN_PASSED_BYTES_EACH = 64 << 10;

  /// Keys that a turn of a scan passes by without showing them, at most: about a millisecond.
  private static final int SCAN_UNSHOWN_MAX = 1_024;

  /// Weight above which a value has a page of a scan for itself.
  private static final long LARGE_BYTES = 4 << 20;

  /// What a value's fixed parts may add to its payload before it counts as too large.
  private static final long WEIGHT_ALLOWANCE = 1 << 10;

  /// What may be kept of each thing that is gone by who may store no more.
  private static final long REMEMBERED_BYTES = 64;

  /// The only ring there is while a node stands alone.
  public static final long RING_VERSION = 1;

  /// What the store may need for a plain slot beside the bytes of key and value, at most.
  private static final long PLAIN_OVERHEAD_BYTES = 1 << 10;

  private static final RequestContext WITH_RECEIPT =
      RequestContext.READ.withDemand(new Demand(HybridTimestamp.ZERO, true, false));

  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  /// Requests that wait for other replicas, at most; more are turned away.
  private static final int WAITING_MAX = 1 << 16;

  /// How much is compared and told with one tick, about, for those that wait for thresholds with
  /// many others: less than a millisecond's work.
  static final int LOOKS_A_TICK_MAX = 4_096;

  /// Bytes that those may keep in memory that wait for thresholds, at most; more are turned away.
  private static final long AWAITS_BYTES_MAX = 64L << 20;

  /// The part of both that may be one principal's: they are kept for up to a day, and nobody shall
  /// have them all.
  private static final int AWAITS_SHARE = 4;

  /// States larger than this are compared before they are sent just to be sure that others have
  /// them.
  private static final long REASSURANCE_BYTES_MAX = 64 << 10;

  /// Keys that are counted with one tick, about, for principals whose stored bytes are limited:
  /// less than a millisecond's work, but for the last partition of them.
  private static final int COUNTED_A_TICK = 500;

  /// How long keys are kept in order after somebody scanned.
  private static final long ORDER_KEPT_MILLIS = 60_000;

  private final ShardConfig config;
  private final Set<Sabotage> sabotage;
  private final Entries entries;
  private final HybridLogicalClock clock;
  private final RepeatWindow repeats;
  private final Watches watches = new Watches();
  private final ShardStatistics statistics = new ShardStatistics();
  private final Replication replication;
  private final PlacedKeys placedKeys;
  private final Repairs repairs;
  private final Collector collector;
  private final Accesses accesses;
  private final Usages usages;
  private long readsReported; // by the last report, and all before it
  private long mutationsReported;
  private final Map<Long, Gathering> gatherings = new LinkedHashMap<>(); // by id
  private final Map<Numbered, Gathering> gatheredMutations = new HashMap<>();
  private final Map<Waited, Gathering> gatheredWaits = new HashMap<>();
  private final Map<Peer, List<PeerMessage.FetchSent>> coming = new HashMap<>(); // in batches
  private long nextFetch = 1;
  private final Predicate<Peer> keepsOnDisk;
  private final Consumer<PendingWrite> writeProgressed;
  private final PlainSlot plainSlot = new PlainSlot(); // that was looked up last
  private final PlainSlot newSlot = new PlainSlot(); // that is put
  private PlainReply plainReply = new PlainReply();
  private int[] expected = new int[128]; // places and lengths of keys
  private boolean mayWatchOthers; // keys that have been placed elsewhere
  private long scannedMillis; // when somebody scanned last
  private long mergesFromMillis; // clients merge entries as they stand from then
  private long mergesUntilMillis; // until then
  private long nowMillis; // of the event that is being handled
  private @Nullable Outbox out; // likewise
  private HybridTimestamp gathered =
      HybridTimestamp.ZERO; // when the others were asked for the request that is being carried out
  private long arrivedMillis = -1; // when that came, if it was not just now
  private final @Nullable Disk disk; // beneath the store, if there is one
  private final Set<Integer> broken =
      new TreeSet<>(); // partitions of which something can't be read
  private IntConsumer lost = partition -> {};
  private Consumer<RuntimeException> defects =
      defect -> {
        throw defect;
      };
  private volatile ShardProgress progress = ShardProgress.NONE; // read by other threads

  public ShardCore(ShardConfig config, Store store) {
    this(config, store, Set.of());
  }

  /// A shard with defects, for tests of tests.
  public ShardCore(ShardConfig config, Store store, Set<Sabotage> sabotage) {
    this.config = config;
    this.sabotage = Set.copyOf(sabotage);
    this.clock = new HybridLogicalClock(config.clockSkewMax().toMillis());
    this.repeats = new RepeatWindow(config.clientsMax());
    this.disk = store.disk().orElse(null);
    if (disk != null) {
      disk.onCorruption(this::noteBroken); // before anything is read
    }
    this.entries = new Entries(config.shard(), store, config.partitions(), watches, sabotage);
    this.replication =
        new Replication(
            config,
            entries,
            clock,
            statistics,
            sabotage,
            Roles.of(config, alone(config)),
            this::isComplete,
            this::finish,
            this::assure,
            this::noteBroken);
    this.keepsOnDisk = peer -> replication.roles().keepsOnDisk(peer);
    this.writeProgressed = replication::progressed;
    this.placedKeys = new PlacedKeys(entries, replication, () -> nextFetch++);
    this.repairs =
        new Repairs(
            config, entries, replication, placedKeys, broken::contains, statistics, sabotage);
    entries.onDecision(
        (slot, key, after) -> {
          Optional<PlacementSetting> before = slot == null ? Optional.empty() : slot.setting();
          placedKeys.decided(key, before, isComplete(key, before), after);
          if (watches.isWatched(key)) {
            mayWatchOthers = true;
            watches.changed(key, out()); // how new it is, is known in another way from now on
          }
        });
    this.collector = new Collector(config, entries, replication, repairs, statistics, sabotage);
    this.accesses = new Accesses(config, entries);
    this.usages = new Usages(new Allowances(config.shardCount()));
    if (disk != null) {
      repairs.recall(disk);
    }
  }

  /// Has the shard share what principals may use with the other shards of its node; to be called
  /// before the first request.
  public void share(Allowances ofNode) {
    usages.share(ofNode);
  }

  /// What principals use of the shard; may be read by any thread.
  public Collection<Usage> usages() {
    return usages.all();
  }

  /// Has `wake` called, by any thread, when a turn would find something new on disk.
  public void onDiskProgress(Runnable wake) {
    if (disk != null) {
      disk.onProgress(wake);
    }
  }

  /// Has `told` know of each partition in which a record is not as it was written; it is taken out,
  /// and the partition fetched from other replicas.
  public void onLoss(IntConsumer told) {
    lost = told;
  }

  /// Has `told` know of defects that requests meet with before anything is changed. Without, they
  /// are thrown: for tests.
  public void onDefect(Consumer<RuntimeException> told) {
    defects = told;
  }

  private void noteBroken(long keyHash) {
    statistics.countBroken();
    broken.add(config.partitions().of(keyHash));
  }

  /// Counts anew what there is where something can't be read any more; the rest must come from
  /// other replicas.
  private void mend() {
    while (!broken.isEmpty()) {
      int partition = broken.iterator().next();
      broken.remove(partition);
      lost.accept(partition);
      entries.mend(partition);
      repairs.lost(partition);
    }
    levelProgress();
  }

  private void mend(BrokenRecordException found) {
    noteBroken(found.keyHash());
    mend();
  }

  /// The view of a node that knows nobody else.
  private static MembershipView alone(ShardConfig config) {
    NodeDescriptor self =
        new NodeDescriptor(
            config.nodeId(),
            NodeDescriptor.Tier.MEMORY,
            "localhost",
            Collections.nCopies(config.shardCount(), 1),
            1,
            config.nodeIncarnation(),
            1,
            NodeDescriptor.State.ACTIVE);
    return new MembershipView(
        Topology.of(config.partitions(), List.of(self), 1), Set.of(), Set.of(), Set.of());
  }

  // ---- The cluster ----

  /// Takes note of who belongs to the cluster. Before the first view the shard takes itself for the
  /// whole of it; with the first it forgets that, and has everything yet to get or to [#found].
  public void membership(MembershipView view, long nowMillis, Outbox out) {
    at(nowMillis, out);
    Roles before = repairs.isAlone() ? null : replication.roles();
    untilNothingIsBroken(() -> membership(view, before));
  }

  /// Does what may be done several times: each broken record is told once.
  private void untilNothingIsBroken(Runnable work) {
    while (true) {
      try {
        work.run();
        return;
      } catch (BrokenRecordException e) {
        mend(e);
      }
    }
  }

  private void membership(MembershipView view, @Nullable Roles before) {
    Outbox out = out();
    replication.view(view, nowMillis, out);
    repairs.view(before);
    collector.view();
    coming.keySet().removeIf(peer -> !replication.roles().isAlive(peer));
    for (Gathering gathering : List.copyOf(gatherings.values())) {
      gathering.waiting.removeIf(peer -> !replication.roles().isAlive(peer));
      gathering.told.removeIf(peer -> !replication.roles().isAlive(peer));
      proceed(gathering);
    }
    endWatchesOfOthers();
    repairs.tick(nowMillis, out);
    levelProgress();
    tellAwaited();
  }

  /// Has the shard take what it has for all there is: a new cluster starts with it.
  public void found() {
    untilNothingIsBroken(repairs::found);
    levelProgress();
  }

  /// Has clients merge entries as they stand, which otherwise only replicas may: whoever does can
  /// make up a causal context that swallows what others write. For a restore, while an operator
  /// says so.
  ///
  /// @param lease from now; zero to end it
  public void admitMerges(long nowMillis, Duration lease) {
    mergesFromMillis = nowMillis;
    mergesUntilMillis = nowMillis + lease.toMillis();
  }

  /// A clock that is set back ends it too.
  private boolean admitsMergesOf(Origin origin) {
    return origin.caller() == Caller.PEER // a principal might have its name
        || (mergesFromMillis <= nowMillis && nowMillis < mergesUntilMillis);
  }

  /// Takes a message of another replica.
  public void receive(Peer from, PeerMessage message, long nowMillis, Outbox out) {
    at(nowMillis, out);
    try {
      receive(from, message);
    } catch (BrokenRecordException e) {
      mend(e); // what was not done is sent or asked again
    }
    tellAwaited();
  }

  private void receive(Peer from, PeerMessage message) {
    Outbox out = out();
    if (!replication.roles().isMember(from)) {
      return; // not yet, or not any more; what matters is sent again
    }
    replication.heard(from);
    switch (message) {
      case PeerMessage.Changes batch -> {
        if (replication.receive(from, batch, nowMillis, out)) {
          batch.changes().stream()
              .filter(PeerMessage.Change::whole)
              .forEach(placedKeys::learnedWhole);
          gatherWhatHasCome(from);
        }
      }
      case PeerMessage.Received received -> replication.received(from, received, nowMillis, out);
      case PeerMessage.Fetch fetch -> answerFetch(from, fetch);
      case PeerMessage.FetchSent sent -> gatherLater(from, sent);
      case PeerMessage.Fetched fetched -> gathered(from, fetched);
      case PeerMessage.DigestsAsked asked -> repairs.digestsAsked(from, asked, out);
      case PeerMessage.Digests digests -> repairs.digests(from, digests, nowMillis, out);
      case PeerMessage.KeysAsked asked -> repairs.keysAsked(from, asked, out);
      case PeerMessage.Keys keys -> repairs.keys(from, keys, out);
      case PeerMessage.Wanted wanted -> repairs.wanted(from, wanted, out);
      case PeerMessage.Sent sent -> repairs.sent(from, sent);
      case PeerMessage.CollectAsked asked -> collector.asked(from, asked, nowMillis, out);
      case PeerMessage.CollectVoted voted -> collector.voted(from, voted, out);
      case PeerMessage.Collect collect -> collector.forget(collect);
    }
    levelStatistics();
  }

  /// Tells that messages to a peer may get through again, after some may have been lost.
  public void connected(Peer peer, long nowMillis, Outbox out) {
    at(nowMillis, out);
    replication.connected(peer, nowMillis, out);
    repairs.compareSoon(peer);
  }

  /// The peer's clock up to which everything that was first written there, and that this shard
  /// shall hold by the present view, is here; empty if that is not known. It counts for keys in
  /// whose partitions this shard is complete. What a reply of that peer has told, clock and all, is
  /// therefore here once the watermark has reached its clock.
  public Optional<HybridTimestamp> watermark(Peer peer) {
    return replication.watermark(peer);
  }

  /// How far the shard has come with what the view asks of it; may be read by any thread.
  public ShardProgress progress() {
    return progress;
  }

  private void levelProgress() {
    if (!repairs.isAlone()) {
      ShardProgress now =
          new ShardProgress(
              replication.roles().version(),
              repairs.held(),
              repairs.incomplete(),
              repairs.surplus());
      if (!now.equals(progress)) {
        progress = now;
      }
    }
  }

  private void at(long millis, Outbox box) {
    nowMillis = millis;
    out = box;
    if (!broken.isEmpty()) {
      mend(); // what was found broken in passing must not be called missing
    }
  }

  private Outbox out() {
    return Objects.requireNonNull(out, "nothing is being handled");
  }

  private boolean isComplete(Slot slot) {
    return isComplete(slot.key(), slot.setting());
  }

  private boolean isComplete(Payload key, Optional<PlacementSetting> setting) {
    return repairs.isComplete(entries.digests().partitionOf(key), key, setting);
  }

  // ---- Requests ----

  /// Handles one request that arrived at `nowMillis`, and answers it exactly once: at once, or when
  /// the other replicas that it concerns have answered, or will not in time.
  ///
  /// Whether the caller may do it comes first: who may not is told nothing of the key, neither
  /// whether it is there nor what it is or where.
  public void handle(Origin origin, Request request, long nowMillis, Outbox out) {
    at(nowMillis, out);
    if (origin.caller() == Caller.ANONYMOUS || !turnsAway(origin, request)) {
      handleAllowed(origin, request);
    }
  }

  /// Answers what a caller may not do, or not now.
  private boolean turnsAway(Origin origin, Request request) {
    Usage usage = usages.of(origin.caller(), nowMillis);
    Outcome.Failed objection = objection(origin.caller(), request).orElse(null);
    if (objection != null && usage != null) {
      usage.countForbidden();
    }
    if (objection == null && usage != null) {
      objection = beyondAllowance(usage).orElse(null);
    }
    if (objection != null) {
      answer(origin, request, untold(request, objection));
      return true;
    }
    if (usage != null) {
      usage.begin(nowMillis);
      if (usage.countsBytes()) {
        usage.move(WireSize.of(request), nowMillis);
      }
    }
    return false;
  }

  /// The same for a plain request, of which no object is made if it may be carried out.
  private boolean turnsAway(Origin origin, PlainRequests request) {
    Caller caller = origin.caller();
    Role role = request.isPut() ? Role.WRITE : Role.READ;
    if (!caller.rights().allow(role, request.source(), request.keyAt(), request.keyLength())) {
      return turnsAway(origin, request.toRequest());
    }
    Usage usage = usages.of(caller, nowMillis);
    if (usage == null) {
      return false;
    }
    Outcome.Failed objection = beyondAllowance(usage).orElse(null);
    if (objection != null) {
      Request asked = request.toRequest();
      answer(origin, asked, untold(asked, objection));
      return true;
    }
    usage.begin(nowMillis);
    usage.move(request.keyLength() + request.valueLength(), nowMillis);
    return false;
  }

  private Optional<Outcome.Failed> beyondAllowance(Usage usage) {
    long waitMillis = usage.millisToWait(nowMillis);
    if (waitMillis == 0) {
      return Optional.empty();
    }
    usage.countOverloaded();
    Allowance allowance = usage.caller().allowance();
    return Optional.of(
        new Outcome.Failed(
            ErrorCode.OVERLOADED,
            "principal '"
                + usage.caller()
                + "' has used up what it may of node "
                + config.nodeId()
                + ", "
                + limit(allowance.operationsPerSecond(), "operations")
                + " and "
                + limit(allowance.bytesPerSecond(), "bytes")
                + " a second; try again later, or ask an administrator for more",
            Optional.of(Duration.ofMillis(waitMillis))));
  }

  private static String limit(long perSecond, String what) {
    return perSecond == 0 ? "any number of " + what : perSecond + " " + what;
  }

  /// Takes bytes that go out to a caller from his allowance.
  private void moved(Caller caller, Reply reply) {
    if (caller != Caller.ANONYMOUS && reply.outcome() instanceof Outcome.Done) {
      Usage usage = usages.known(caller);
      if (usage != null && usage.countsBytes()) {
        usage.move(WireSize.of(reply), nowMillis);
      }
    }
  }

  private void handleAllowed(Origin origin, Request request) {
    try {
      handle(origin, request);
    } catch (BrokenRecordException e) {
      mend(e);
      handleAllowed(origin, request); // nothing was changed yet
    }
    tellAwaited();
  }

  /// Why a caller may not do what he asks for; empty if he may.
  private static Optional<Outcome.Failed> objection(Caller caller, Request request) {
    if (caller.rights().administer()) {
      return Optional.empty();
    }
    Payload key = request.key();
    if (request.operation() instanceof Mutation.Merge) {
      return Optional.of(
          new Outcome.Failed(
              ErrorCode.FORBIDDEN,
              "principal '"
                  + caller
                  + "' may not merge entries as they stand, as into key "
                  + key
                  + ": only replicas of the cluster do, and who has the role 'admin' on all keys"
                  + " while the node is open for 'trellis restore'"));
    }
    Role role = NeededRole.of(request.operation());
    return caller.rights().allow(role, key)
        ? Optional.empty()
        : Optional.of(forbidden(caller, role, "key ", key));
  }

  private static Outcome.Failed forbidden(Caller caller, Role role, String what, Payload key) {
    return new Outcome.Failed(
        ErrorCode.FORBIDDEN,
        "principal '"
            + caller
            + "' lacks the role '"
            + role.word()
            + "' on "
            + what
            + key
            + "; an administrator can grant it");
  }

  /// A refusal that tells nothing of the key.
  private Reply untold(Request request, Outcome.Failed failure) {
    return new Reply(
        request.id(),
        failure,
        HybridTimestamp.ZERO,
        Optional.empty(),
        CausalContext.EMPTY,
        Receipt.NONE,
        clock.current(nowMillis),
        ringVersion());
  }

  private static boolean mayRead(Origin origin, Payload key) {
    return origin.caller().rights().allow(Role.READ, key);
  }

  /// Takes note that the caller of a connection is another from now on: his rights have changed,
  /// say. What waits for keys that he may not read any more ends, with `FORBIDDEN`; so do requests
  /// that wait for other replicas and that he may not make any more.
  ///
  /// @param origin the connection as it is now; what comes from it is to come with this
  public void callerIs(Origin origin, long nowMillis, Outbox out) {
    at(nowMillis, out);
    for (Watches.Watch watch : watches.of(origin)) {
      if (!mayRead(origin, watch.asked().key())) {
        watches.remove(origin, watch.asked().id());
        forbidWatch(origin, watch.asked());
      }
    }
    for (Awaits.Waiting waiting : watches.awaits().of(origin)) {
      objection(origin.caller(), waiting.request())
          .ifPresent(failure -> end(waiting, untold(waiting.request(), failure)));
    }
    for (Gathering gathering : List.copyOf(gatherings.values())) {
      forbidWaiting(gathering, origin);
    }
    levelStatistics();
  }

  private void forbidWaiting(Gathering gathering, Origin origin) {
    for (ListIterator<Asked> walk = gathering.asked.listIterator(); walk.hasNext(); ) {
      Asked asked = walk.next();
      if (!asked.origin.equals(origin)) {
        continue;
      }
      Optional<Outcome.Failed> objection = objection(origin.caller(), asked.request);
      if (objection.isEmpty()) {
        walk.set(new Asked(origin, asked.request));
        continue;
      }
      walk.remove();
      if (gathering.asked.isEmpty()) {
        gatherings.remove(gathering.id);
        forgetAsked(gathering, asked);
      }
      if (gathering.watch != null) {
        forbidWatch(origin, gathering.watch);
      } else {
        answer(origin, asked.request, untold(asked.request, objection.get()));
      }
    }
  }

  private void handle(Origin origin, Request request) {
    clock.observe(request.context().timestamp(), nowMillis);
    try {
      requireOurs(request);
      if (request.operation() instanceof Read.Await await && hasReached(request, await)) {
        carryOut(origin, request); // which others need not confirm
        return;
      }
      boolean asksAll =
          request.operation() instanceof Read
              && request.context().read() == ReadMode.ALL
              && !(request.operation() instanceof Read.Placed);
      boolean lags =
          !asksAll
              && request.context().demand().notBefore().isAfter(asOf(request))
              && !sabotage.contains(Sabotage.DEMANDS_IGNORED);
      if (asksAll || lags || !isCompleteFor(request)) {
        gather(origin, request, asksAll || lags);
      } else {
        carryOut(origin, request);
      }
    } catch (Refusal refusal) {
      answer(
          origin, request, refused(request, unlessCarriedOut(origin, request, refusal), nowMillis));
    }
  }

  /// A mutation that was carried out here before the key went elsewhere must not be told to go
  /// there: it would be carried out again.
  private Refusal unlessCarriedOut(Origin origin, Request request, Refusal refusal) {
    RequestContext context = request.context();
    boolean saysNotDone =
        switch (refusal.outcome().code()) {
          case NOT_OWNER, MOVED, NOT_ENOUGH_REPLICAS -> true;
          default -> false;
        };
    boolean carriedOut =
        saysNotDone
            && request.operation() instanceof Mutation
            && context.sequence() > 0
            && repeats.verdict(
                    origin.caller().principal(),
                    origin.clientId(),
                    context.sequence(),
                    context.repeat())
                == RepeatWindow.Verdict.SEEN;
    return carriedOut
        ? new Refusal(
            ErrorCode.OUTCOME_UNKNOWN,
            "mutation "
                + context.sequence()
                + " was carried out here, and the key is elsewhere now, or not whole here; how many"
                + " copies it has got is not known here any more")
        : refusal;
  }

  /// Is told that requests of a frame will be handled next, and has the store get ready for them.
  ///
  /// @param from the first of them
  /// @param to one more than the last
  public void expect(PlainRequests requests, int from, int to) {
    int count = to - from;
    if (expected.length < 2 * count) {
      expected = new int[2 * count];
    }
    for (int at = 0; at < count; at++) {
      expected[2 * at] = requests.keyAt(from + at);
      expected[2 * at + 1] = requests.keyLength(from + at);
    }
    entries.store().expect(requests.source(), expected, count);
  }

  /// As [#handle(Origin, Request, long, Outbox)], of the request that was taken last. Most are
  /// carried out here without an object being made; what needs more than a look at the key's slot,
  /// or is to be refused, goes the general way.
  public void handle(Origin origin, PlainRequests request, long nowMillis, Outbox out) {
    at(nowMillis, out);
    if (origin.caller() != Caller.ANONYMOUS && turnsAway(origin, request)) {
      return;
    }
    int partition =
        entries.digests().partitionOf(request.source(), request.keyAt(), request.keyLength());
    boolean done = false;
    try {
      done =
          sabotage.isEmpty()
              && request.keyLength() <= config.limits().keyBytesMax()
              && repairs.isHeldWhole(partition)
              && !replication.roles().isLeaving()
              && (request.isPut() ? put(origin, request, partition) : get(origin, request));
    } catch (BrokenRecordException e) {
      mend(e);
    }
    if (!done) {
      handleAllowed(origin, request.toRequest());
    }
  }

  private boolean get(Origin origin, PlainRequests request) {
    boolean live = false;
    long generation = 0;
    switch (entries
        .store()
        .find(request.source(), request.keyAt(), request.keyLength(), plainSlot)) {
      case NOTHING -> {}
      case PLAIN -> {
        live = !plainSlot.isTombstone && !Expiry.isPast(plainSlot.expiresAtMillis, nowMillis);
        generation = plainSlot.generation;
      }
      case OTHER -> {
        return false;
      }
    }
    clock.observePacked(request.timestamp(), nowMillis);
    statistics.countRead();
    noteAccess(request, live ? plainSlot.valueLength : 0);
    if (live && origin.caller() != Caller.ANONYMOUS) {
      Usage usage = usages.of(origin.caller(), nowMillis);
      if (usage != null) {
        usage.move(plainSlot.valueLength, nowMillis);
      }
    }
    PlainReply reply =
        live
            ? plainReply.bytes(
                request.id(),
                plainSlot.value,
                plainSlot.valueAt,
                plainSlot.valueLength,
                plainSlot.expiresAtMillis)
            : plainReply.missing(request.id());
    out().reply(origin, reply.at(generation, clock.currentPacked(nowMillis), ringVersion()));
    return true;
  }

  private boolean put(Origin origin, PlainRequests request, int partition) {
    Store.Found found =
        isPlainPut(origin, request)
            ? entries
                .store()
                .find(request.source(), request.keyAt(), request.keyLength(), plainSlot)
            : Store.Found.OTHER;
    boolean absent = found == Store.Found.NOTHING;
    if (found == Store.Found.OTHER
        || (request.hasGeneration()
            && request.generation() != (absent ? 0 : plainSlot.generation))) {
      return false;
    }
    int order = absent ? 1 : Long.compare(request.timestamp(), plainSlot.timestamp);
    if (order == 0) {
      order = Long.compare(origin.clientId(), plainSlot.writer);
    }
    if (order == 0) {
      return false; // the same write, or a writer id that was used again
    }
    clock.observePacked(request.timestamp(), nowMillis);
    clock.tickPacked(nowMillis); // as for every mutation
    newSlot.generation = absent ? 0 : plainSlot.generation;
    newSlot.timestamp = request.timestamp();
    newSlot.writer = origin.clientId();
    newSlot.expiresAtMillis =
        request.ttlMillis() == 0
            ? Expiry.NEVER
            : HybridTimestamp.millis(request.timestamp()) + request.ttlMillis();
    newSlot.birth = absent ? entries.nextBirth() : plainSlot.birth;
    newSlot.value = request.source();
    newSlot.valueAt = request.valueAt();
    newSlot.valueLength = request.valueLength();
    PlainSlot after = order > 0 ? newSlot : plainSlot;
    boolean live = !after.isTombstone && !Expiry.isPast(after.expiresAtMillis, nowMillis);
    if (order > 0) {
      entries.put(request.source(), request.keyAt(), request.keyLength(), newSlot);
    }
    if (request.sequence() != 0) {
      repeats.add(
          origin.caller().principal(), origin.clientId(), request.sequence(), request.repeat());
    }
    noteAccess(request, request.valueLength());
    PlainReply done =
        plainReply
            .done(request.id(), order > 0 ? 1 : 0, live)
            .at(newSlot.generation, clock.currentPacked(nowMillis), ringVersion());
    acknowledge(origin, request, done, replication.roles().targets(partition, Optional.empty()));
    return true;
  }

  /// @param bytes that are moved beside the key
  private void noteAccess(PlainRequests request, int bytes) {
    if (accesses.choosesNext()) {
      accesses.add(request.source(), request.keyAt(), request.keyLength(), request.isPut(), bytes);
    }
  }

  /// Whether nothing speaks against a put, as far as can be told without its key's slot.
  private boolean isPlainPut(Origin origin, PlainRequests request) {
    if (request.sequence() < 0) {
      return false;
    }
    boolean isNew =
        request.sequence() == 0
            ? !request.repeat()
            : repeats.verdict(
                    origin.caller().principal(),
                    origin.clientId(),
                    request.sequence(),
                    request.repeat())
                == RepeatWindow.Verdict.NEW;
    long growthMax = PLAIN_OVERHEAD_BYTES + request.keyLength() + request.valueLength();
    return isNew
        && request.valueLength() <= config.limits().valueBytesMax()
        && replication.pendingCount() < WAITING_MAX
        && clock.withinSkewPacked(request.timestamp(), nowMillis)
        && HybridTimestamp.millis(request.generation()) - nowMillis <= clock.skewMaxMillis()
        && request.ttlMillis() >= 0
        && request.ttlMillis() <= Limits.TTL_MILLIS_MAX
        && entries.store().weight() + growthMax <= config.bytesMax()
        && mayStore(origin.caller(), growthMax)
        && (disk == null
            || (disk.waitingBytes() <= config.waitingBytesMax() && disk.obstacle().isEmpty()))
        && (watches.isEmpty() || !watches.isWatched(request.key()));
  }

  private void acknowledge(
      Origin origin, PlainRequests request, PlainReply done, List<Peer> targets) {
    Acknowledgement level = level(request.acknowledgement());
    boolean isSimple = level == Acknowledgement.ONE;
    if (isSimple && targets.isEmpty()) {
      answer(origin, done);
      return;
    }
    Payload key = request.key();
    Optional<PeerMessage.Change> change =
        targets.isEmpty()
            ? Optional.empty()
            : Optional.of(new PeerMessage.Change(key, newSlot.toEntry(), Optional.empty(), false));
    if (isSimple) {
      change.ifPresent(news -> replication.spread(news, targets, nowMillis));
      answer(origin, done);
    } else {
      PendingWrite.Answer answer = new PendingWrite.Answer.Plain(done);
      plainReply = new PlainReply(); // the other one is kept
      long deadline = deadline(request.timeoutMillis());
      await(origin, key, answer, change, level, deadline, targets);
    }
  }

  private void answer(Origin origin, PlainReply done) {
    statistics.countMutation();
    levelStatistics();
    out().reply(origin, done);
  }

  private void carryOut(Origin origin, Request request) throws Refusal {
    boolean isOfClient =
        switch (request.operation()) {
          case Read.Placed _, Mutation.Place _, Mutation.Merge _ -> false;
          default -> true;
        };
    if (isOfClient) {
      accesses.access(request.key(), request.operation() instanceof Mutation);
    }
    switch (request.operation()) {
      case Read.Await await -> await(origin, request, await.threshold());
      case Read read -> answer(origin, request, read(request, read, nowMillis));
      case Mutation mutation -> {
        try {
          mutate(origin, request, mutation, nowMillis, out());
        } catch (Refusal refusal) {
          throw mayRead(origin, request.key()) ? refusal : refusal.withoutValue();
        }
      }
    }
  }

  private void answer(Origin origin, Request request, Reply reply) {
    count(request, reply);
    moved(origin.caller(), reply);
    out().reply(origin, reply);
  }

  private boolean isCompleteFor(Request request) {
    return isComplete(request.key(), entries.find(request.key()).flatMap(Slot::setting))
        || (request.operation() instanceof Read.Placed
            && repairs.knowsPlaces(entries.digests().partitionOf(request.key())));
  }

  // ---- Asking other replicas first ----

  /// A request that waits for the states that other replicas have of its key.
  private static final class Gathering {
    private final long id;
    private final List<Asked> asked = new ArrayList<>(); // of a mutation also its repeats, after it
    private final Request request; // the first of them
    private final Frame.@Nullable Watch watch; // instead of the request
    private final boolean all;
    private final HybridTimestamp begun; // by this shard's clock
    private final long arrivedMillis;
    private final long deadlineMillis;
    private final Set<Peer> told = new HashSet<>(); // who were asked
    private final Set<Peer> waiting = new LinkedHashSet<>();
    private final Set<Peer> answered = new HashSet<>();
    private boolean foundComplete;
    private boolean askedEverybody;

    Gathering(
        long id,
        Origin origin,
        Request request,
        Frame.@Nullable Watch watch,
        boolean all,
        HybridTimestamp begun,
        long arrivedMillis,
        long deadlineMillis) {
      this.id = id;
      this.asked.add(new Asked(origin, request));
      this.request = request;
      this.watch = watch;
      this.all = all;
      this.begun = begun;
      this.arrivedMillis = arrivedMillis;
      this.deadlineMillis = deadlineMillis;
    }

    boolean mayBeGivenUp() {
      return watch != null || request.operation() instanceof Read.Await;
    }
  }

  private record Asked(Origin origin, Request request) {}

  /// A mutation as its client numbers it.
  private record Numbered(String principal, long client, long sequence) {
    static Optional<Numbered> of(Origin origin, Request request) {
      long sequence = request.context().sequence();
      return request.operation() instanceof Mutation && sequence > 0
          ? Optional.of(new Numbered(origin.caller().principal(), origin.clientId(), sequence))
          : Optional.empty();
    }
  }

  /// A watch or threshold read as its client names it, which may be given up.
  private record Waited(Origin origin, long id) {}

  private void gather(Origin origin, Request request, boolean all) throws Refusal {
    gather(origin, request, null, all);
  }

  private void gather(Origin origin, Request request, Frame.@Nullable Watch watch, boolean all)
      throws Refusal {
    if (gatherings.size() >= WAITING_MAX) {
      throw new Refusal(
          ErrorCode.OVERLOADED,
          "shard "
              + config.shard()
              + " of node "
              + config.nodeId()
              + " waits for other replicas on behalf of "
              + WAITING_MAX
              + " requests already");
    }
    Optional<Numbered> number = Numbered.of(origin, request);
    Gathering begun = number.map(gatheredMutations::get).orElse(null);
    if (begun != null) {
      // Were the two to go their own ways, one could be carried out after the other was told that
      // nothing is done.
      begun.asked.add(new Asked(origin, request));
      return;
    }
    statistics.countFetch();
    repairs.fetchFirst(entries.digests().partitionOf(request.key()));
    Gathering gathering =
        new Gathering(
            nextFetch++,
            origin,
            request,
            watch,
            all,
            clock.current(nowMillis),
            nowMillis,
            deadline(request.context().timeoutMillis()));
    gatherings.put(gathering.id, gathering);
    number.ifPresent(one -> gatheredMutations.put(one, gathering));
    if (gathering.mayBeGivenUp()) {
      gatheredWaits.put(new Waited(origin, request.id()), gathering);
    }
    Set<Peer> sources = new LinkedHashSet<>(replication.targetsOf(request.key()));
    sources.addAll(replication.roles().liveHolders(entries.digests().partitionOf(request.key())));
    ask(gathering, sources);
    proceed(gathering);
  }

  /// Asks those who live and were not asked yet.
  private void ask(Gathering gathering, Collection<Peer> sources) {
    for (Peer source : sources) {
      if (replication.roles().isAlive(source) && gathering.told.add(source)) {
        gathering.waiting.add(source);
        out().send(source, new PeerMessage.Fetch(gathering.id, gathering.request.key()));
      }
    }
  }

  private void answerFetch(Peer from, PeerMessage.Fetch fetch) {
    Payload key = fetch.key();
    Slot slot = entries.find(key).orElse(null);
    Entry entry = slot == null ? Entry.BOTTOM : slot.entry();
    Optional<PlacementSetting> setting = slot == null ? Optional.empty() : slot.setting();
    boolean complete = isComplete(fetch.key(), setting);
    long version = replication.roles().version();
    if (entry.weight() <= replication.partBytesMax()) {
      out()
          .send(
              from,
              new PeerMessage.Fetched(
                  fetch.id(),
                  complete,
                  version,
                  new PeerMessage.Change(key, entry, setting, complete)));
      return;
    }
    PeerMessage.Fetched answer =
        new PeerMessage.Fetched(
            fetch.id(),
            complete,
            version,
            new PeerMessage.Change(key, Entry.BOTTOM, setting, complete));
    // In parts. Where too much waits for the asker already, it waits for others, and in vain at
    // worst.
    Link link = replication.link(from);
    link.repairFirst(
        List.of(key), sequence -> out().send(from, new PeerMessage.FetchSent(sequence, answer)));
  }

  private void gatherLater(Peer from, PeerMessage.FetchSent sent) {
    if (isAwaited(from, sent.answer())) {
      coming.computeIfAbsent(from, peer -> new ArrayList<>()).add(sent);
      gatherWhatHasCome(from);
    }
  }

  /// Takes the answers of a peer whose states have come in batches, all of which are merged now.
  private void gatherWhatHasCome(Peer from) {
    List<PeerMessage.FetchSent> answers = coming.remove(from);
    if (answers == null) {
      return;
    }
    for (PeerMessage.FetchSent sent : answers) {
      if (replication.hasMerged(from, sent.sequence())) {
        gathered(from, sent.answer());
      } else if (isAwaited(from, sent.answer())) {
        coming.computeIfAbsent(from, peer -> new ArrayList<>()).add(sent);
      }
    }
  }

  private boolean isAwaited(Peer from, PeerMessage.Fetched answer) {
    Gathering gathering = gatherings.get(answer.id());
    return gathering == null
        ? placedKeys.awaits(from, answer)
        : gathering.request.key().equals(answer.state().key()) && gathering.waiting.contains(from);
  }

  private void gathered(Peer from, PeerMessage.Fetched fetched) {
    Gathering gathering = gatherings.get(fetched.id());
    if (!isAwaited(from, fetched)) {
      return; // too late: what it says may have been forgotten since
    }
    if (gathering != null) {
      gathering.waiting.remove(from);
    }
    entries.merge(fetched.state(), nowMillis, out());
    boolean whole = fetched.complete() && placedKeys.learnedWhole(fetched.state());
    if (gathering == null) {
      placedKeys.answered(from, fetched);
      return;
    }
    gathering.answered.add(from);
    gathering.foundComplete |= whole;
    proceed(gathering);
  }

  /// Goes on with a request once what it waits for has come, or will not.
  private void proceed(Gathering gathering) {
    if (gathering.all && gathering.deadlineMillis > nowMillis) {
      // The view may be another one than when it began.
      ask(gathering, replication.targetsOf(gathering.request.key()));
      ask(gathering, unsettled(gathering.request.key()));
    }
    boolean enough = gathering.all ? gathering.waiting.isEmpty() : gathering.foundComplete;
    if (!enough && !gathering.waiting.isEmpty() && gathering.deadlineMillis > nowMillis) {
      return;
    }
    boolean complete = gathering.foundComplete || isCompleteFor(gathering.request);
    if (!complete && !gathering.askedEverybody && gathering.deadlineMillis > nowMillis) {
      gathering.askedEverybody = true;
      int partition = entries.digests().partitionOf(gathering.request.key());
      ask(gathering, replication.roles().liveMembers(partition));
      if (!gathering.waiting.isEmpty()) {
        return;
      }
    }
    gatherings.remove(gathering.id);
    for (Asked one : gathering.asked) {
      forgetAsked(gathering, one);
      finish(gathering, one, complete);
    }
  }

  private void forgetAsked(Gathering gathering, Asked asked) {
    Numbered.of(asked.origin, asked.request).ifPresent(gatheredMutations::remove);
    if (gathering.mayBeGivenUp()) {
      gatheredWaits.remove(new Waited(asked.origin, asked.request.id()), gathering);
    }
  }

  private void finish(Gathering gathering, Asked asked, boolean complete) {
    Origin origin = asked.origin;
    Request request = asked.request;
    try {
      if (!complete) {
        throw new Refusal(
            ErrorCode.NOT_ENOUGH_REPLICAS,
            "no replica that has all of key "
                + request.key()
                + "'s range answers node "
                + config.nodeId()
                + ", which does not have it all itself"
                + absentees()
                + "; nothing was done, so try again");
      }
      if (gathering.all) {
        requireAll(gathering);
        gathered = gathering.begun;
      }
      arrivedMillis = gathering.arrivedMillis;
      requireOurs(request);
      if (gathering.watch != null) {
        startWatch(origin, gathering.watch);
      } else {
        carryOut(origin, request);
      }
    } catch (Refusal refusal) {
      if (gathering.watch != null) {
        refuseWatch(origin, gathering.watch, refusal);
      } else {
        Refusal told = unlessCarriedOut(origin, request, refusal);
        answer(origin, request, refused(request, told, nowMillis));
      }
    } catch (BrokenRecordException e) {
      mend(e); // nothing was changed yet, so it begins anew
      if (gathering.watch != null) {
        watch(origin, gathering.watch, nowMillis, out());
      } else {
        handleAllowed(origin, request);
      }
    } finally {
      gathered = HybridTimestamp.ZERO;
      arrivedMillis = -1;
    }
  }

  /// Up to when this shard has all that was first written to a request's key: by what the others
  /// that hold it, or stand in, have told; or by what they were asked just now.
  private HybridTimestamp asOf(Request request) {
    Demand demand = request.context().demand();
    if (demand.notBefore().equals(HybridTimestamp.ZERO) && !demand.receipt()) {
      return HybridTimestamp.ZERO; // nobody wants to know
    }
    int partition = entries.digests().partitionOf(request.key());
    Optional<Placement> placement =
        entries.settingOf(request.key()).flatMap(PlacementSetting::placement);
    // What is handed back goes to the owners: who is not one of them asks them.
    boolean hears = replication.roles().owns(partition, placement);
    HybridTimestamp known =
        isCompleteFor(request) && hears && unsettled(request.key()).isEmpty()
            ? toldBy(replication.targetsOf(request.key()))
            : HybridTimestamp.ZERO;
    return known.max(gathered);
  }

  /// The peers that may have something of a key which those who hold it lack.
  private List<Peer> unsettled(Payload key) {
    return repairs.unsettled(
        entries.digests().partitionOf(key), entries.settingOf(key).isPresent());
  }

  /// Up to when this shard has all that was first written, wherever that was, to the keys that it
  /// holds in their default place; zero where that is not known. O(other holders).
  ///
  /// Told to who watches such keys and has been told all their changes. That an answer to one of
  /// them tells a time of its own that is not zero shows that the key is such a one.
  public HybridTimestamp asOf(long nowMillis) {
    this.nowMillis = nowMillis;
    boolean vouches =
        !mayWatchOthers
            && repairs.isWhole()
            && replication.roles().ownsAllItHolds()
            && repairs.areOtherNodesSettled();
    return vouches ? toldBy(replication.roles().targets()) : HybridTimestamp.ZERO;
  }

  private HybridTimestamp toldBy(Collection<Peer> peers) {
    HybridTimestamp earliest = clock.current(nowMillis);
    for (Peer peer : peers) {
      HybridTimestamp told = replication.watermark(peer).orElse(HybridTimestamp.ZERO);
      earliest = earliest.isAfter(told) ? told : earliest;
    }
    return earliest;
  }

  /// The reply with what was asked for beyond the operation.
  private Reply told(Request request, Reply reply) {
    if (!request.context().demand().receipt()) {
      return reply;
    }
    return reply.with(
        reply
            .receipt()
            .told(asOf(request), disk == null ? Receipt.Served.MEMORY : Receipt.Served.SSD));
  }

  /// Who may have what nobody has who is there.
  private String absentees() {
    Set<String> away = new TreeSet<>();
    replication.roles().view().absent().forEach(node -> away.add(node.nodeId()));
    return away.isEmpty()
        ? ""
        : "; away, and not given up, are " + String.join(", ", away) + ", who may have it";
  }

  private void requireAll(Gathering gathering) throws Refusal {
    boolean session =
        gathering.request.context().demand().notBefore().isAfter(HybridTimestamp.ZERO)
            && gathering.request.context().read() != ReadMode.ALL;
    Set<String> holders = new HashSet<>();
    Set<String> silent = new TreeSet<>();
    for (Peer target : replication.targetsOf(gathering.request.key())) {
      holders.add(target.nodeId());
      if (!gathering.answered.contains(target)) {
        silent.add(target.nodeId());
      }
    }
    holders.remove(config.nodeId());
    silent.remove(config.nodeId());
    int answered = holders.size() - silent.size();
    if (session) {
      for (Peer member : unsettled(gathering.request.key())) {
        if (!gathering.answered.contains(member)) {
          silent.add(member.nodeId());
        }
      }
    }
    if (!silent.isEmpty()) {
      if (session) {
        throw new Refusal(
            ErrorCode.SESSION_UNAVAILABLE,
            "node "
                + config.nodeId()
                + " may lack what the session has written or seen of key "
                + gathering.request.key()
                + ", and "
                + String.join(", ", silent)
                + " did not answer; try again");
      }
      throw new Refusal(
          ErrorCode.NOT_ENOUGH_REPLICAS,
          (answered + 1)
              + " of "
              + (holders.size() + 1)
              + " replicas answered; read=all needs "
              + String.join(", ", silent)
              + " too, read=any does not");
    }
  }

  /// @param timeoutMillis that the client gives; 0 for none
  private long deadline(long timeoutMillis) {
    long patience = config.replication().acknowledgementTimeout().toMillis();
    if (timeoutMillis > 0) {
      patience = Math.min(patience, timeoutMillis);
    }
    return nowMillis + patience;
  }

  // ---- Watching ----

  /// Starts to tell the origin the state of a key, now and after each change.
  public void watch(Origin origin, Frame.Watch watch, long nowMillis, Outbox out) {
    at(nowMillis, out);
    try {
      watch(origin, watch);
    } catch (BrokenRecordException e) {
      mend(e);
      watch(origin, watch, nowMillis, out);
    }
  }

  private void watch(Origin origin, Frame.Watch watch) {
    Request asked = asRead(watch);
    if (!mayRead(origin, watch.key())) {
      forbidWatch(origin, watch);
      return;
    }
    Usage usage = usages.of(origin.caller(), nowMillis);
    if (usage != null) {
      Optional<Outcome.Failed> objection = beyondAllowance(usage);
      if (objection.isPresent()) {
        statistics.countRefusal(ErrorCode.OVERLOADED);
        refuseWatch(origin, untold(asked, objection.get()));
        return;
      }
      usage.begin(nowMillis);
    }
    try {
      requireOurs(asked);
      if (watches.has(origin, watch.id())) {
        throw new Refusal(
            ErrorCode.BAD_REQUEST, "watch " + watch.id() + " exists; choose another id");
      }
      requireRoomToWatch(origin);
      if (isCompleteFor(asked)) {
        startWatch(origin, watch);
      } else {
        gather(origin, asked, watch, false);
      }
    } catch (Refusal refusal) {
      refuseWatch(origin, watch, refusal);
    }
  }

  private void requireRoomToWatch(Origin origin) throws Refusal {
    if (watches.countOf(origin) + watches.awaits().countOf(origin) >= config.watchesMax()) {
      throw new Refusal(
          ErrorCode.OVERLOADED,
          "this connection has "
              + config.watchesMax()
              + " watches, or waits for thresholds, already; open another one");
    }
  }

  private void startWatch(Origin origin, Frame.Watch watch) {
    boolean wasIdle = watches.add(origin, watch);
    watches.expires(watch.key(), entryOf(watch.key()).nextExpiry(nowMillis));
    levelStatistics();
    if (wasIdle) {
      out().changesPending(origin);
    }
  }

  private void refuseWatch(Origin origin, Frame.Watch watch, Refusal refusal) {
    refuseWatch(origin, refused(asRead(watch), refusal, nowMillis));
  }

  private void forbidWatch(Origin origin, Frame.Watch watch) {
    statistics.countRefusal(ErrorCode.FORBIDDEN);
    Usage usage = usages.of(origin.caller(), nowMillis);
    if (usage != null) {
      usage.countForbidden();
    }
    refuseWatch(origin, forbidden(origin, watch));
  }

  private Reply forbidden(Origin origin, Frame.Watch watch) {
    return untold(asRead(watch), forbidden(origin.caller(), Role.READ, "key ", watch.key()));
  }

  private void refuseWatch(Origin origin, Reply refusal) {
    boolean wasIdle = watches.refuse(origin, new Frame.Changed(refusal));
    levelStatistics();
    if (wasIdle) {
      out().changesPending(origin);
    }
  }

  /// Ends the watches of keys that this shard does not hold any more.
  private void endWatchesOfOthers() {
    mayWatchOthers = false;
    for (Watches.Watch watch : watches.all()) {
      Request asked = asRead(watch.asked());
      try {
        requireOurs(asked);
        if (!isCompleteFor(asked)) {
          watches.changed(asked.key(), out()); // how new it is, is not known any more
        }
      } catch (Refusal refusal) {
        watches.remove(watch.origin(), watch.asked().id());
        refuseWatch(watch.origin(), watch.asked(), refusal);
      }
    }
    endAwaitsOfOthers();
  }

  // ---- Waiting for thresholds ----

  /// Whether a threshold is reached by what is here, which need not be all there is of the key.
  private boolean hasReached(Request request, Read.Await await) throws Refusal {
    ThresholdReader.requireMonotone(await.threshold());
    try {
      return reached(request, await.threshold()).isPresent();
    } catch (Refusal refusal) {
      return false; // of another kind, as far as is known here
    }
  }

  private Optional<View> reached(Request request, Threshold threshold) throws Refusal {
    return ThresholdReader.read(
        entryOf(request.key()), threshold, nowMillis, "key " + request.key());
  }

  /// Answers at once if the threshold is reached, and else when it is.
  private void await(Origin origin, Request request, Threshold threshold) throws Refusal {
    Optional<View> reached = reached(request, threshold);
    if (reached.isPresent()) {
      statistics.countReached();
      answer(origin, request, shown(request, entryOf(request.key()), reached.get()));
      return;
    }
    Awaits awaits = watches.awaits();
    if (awaits.has(origin, request.id())) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "request " + request.id() + " is not answered yet; choose another id");
    }
    requireRoomToWatch(origin);
    if (awaits.count() >= WAITING_MAX || awaits.weight() >= AWAITS_BYTES_MAX) {
      throw new Refusal(
          ErrorCode.OVERLOADED,
          "shard "
              + config.shard()
              + " of node "
              + config.nodeId()
              + " has "
              + awaits.count()
              + " requests already that wait for thresholds");
    }
    requireShare(origin.caller(), request);
    long timeoutMillis = request.context().timeoutMillis();
    long patienceMillis =
        timeoutMillis <= 0
            ? Limits.AWAIT_MILLIS_MAX
            : Math.min(timeoutMillis, Limits.AWAIT_MILLIS_MAX);
    awaits.add(origin, request, (arrivedMillis < 0 ? nowMillis : arrivedMillis) + patienceMillis);
    levelStatistics();
  }

  /// Refuses what would have one principal wait for more than his share. Where there is no
  /// security, all share what there is.
  private void requireShare(Caller caller, Request request) throws Refusal {
    if (caller == Caller.ANONYMOUS) {
      return;
    }
    int count = watches.awaits().countOf(caller.principal());
    long weight = watches.awaits().weightOf(caller.principal());
    long more = Awaits.weightOf(request);
    if (count >= WAITING_MAX / AWAITS_SHARE || weight + more > AWAITS_BYTES_MAX / AWAITS_SHARE) {
      throw new Refusal(
          ErrorCode.OVERLOADED,
          "principal '"
              + caller
              + "' waits for thresholds with "
              + count
              + " requests of "
              + weight
              + " bytes on shard "
              + config.shard()
              + " of node "
              + config.nodeId()
              + ", and this one has "
              + more
              + "; one principal has at most "
              + WAITING_MAX / AWAITS_SHARE
              + " of "
              + AWAITS_BYTES_MAX / AWAITS_SHARE
              + " bytes");
    }
  }

  private Reply shown(Request request, Entry entry, View view) {
    Reply reply =
        reply(
            request,
            new Outcome.Done(view, 0, false),
            entry.generation(),
            kindOf(entry.liveValues(nowMillis)),
            CausalContext.EMPTY,
            Receipt.NONE);
    boolean told =
        request.context().demand().delta() && entry.weight() <= Limits.AWAITED_ENTRY_BYTES_MAX;
    return told ? reply.withDelta(entry) : reply;
  }

  /// Tells those whose keys have changed and reach what they wait for now. At the end of whatever
  /// has changed them, when all is consistent again.
  private void tellAwaited() {
    while (watches.awaits().isAnythingDue()) {
      Looking looking = new Looking();
      watches.awaits().takeDue().forEach(looking::at);
    }
  }

  /// Looks at some of those that wait with many others.
  private void tellCrowds() {
    Looking looking = new Looking();
    while (looking.steps < LOOKS_A_TICK_MAX) {
      Awaits.Waiting waiting = watches.awaits().nextCrowded();
      if (waiting == null) {
        return;
      }
      looking.at(waiting);
    }
    watches.awaits().nextCrowd();
  }

  /// Looks at one after the other of those that wait, of whom many wait for the same key: that is
  /// read once.
  private final class Looking {
    private Payload key = Payload.EMPTY; // of the last one; empty for none
    private Entry entry = Entry.BOTTOM; // of that key
    private long steps; // what was compared and told by now, about

    void at(Awaits.Waiting waiting) {
      try {
        Payload next = waiting.request().key();
        if (!next.equals(key)) {
          key = Payload.EMPTY;
          entry = entryOf(next);
          key = next;
        }
        look(waiting);
      } catch (BrokenRecordException e) {
        key = Payload.EMPTY;
        mend(e); // what other replicas have of the key will change it
      }
    }

    private void look(Awaits.Waiting waiting) {
      steps++;
      Request request = waiting.request();
      try {
        if (waiting.threshold() instanceof Threshold.Contains contains
            && lacks(waiting, contains)) {
          return;
        }
        Optional<View> reached =
            ThresholdReader.read(entry, waiting.threshold(), nowMillis, "key " + request.key());
        if (reached.isPresent()) {
          statistics.countReached();
          end(waiting, shown(request, entry, reached.get()));
        }
      } catch (Refusal refusal) {
        if (isCompleteFor(request)) { // else another kind may be missing here
          end(waiting, refused(request, entry, refusal, nowMillis));
        }
      }
    }

    /// Whether an element is not there yet. Those before it need not be looked for again.
    private boolean lacks(Awaits.Waiting waiting, Threshold.Contains contains) throws Refusal {
      int before = waiting.found(entry.generation());
      int found =
          ThresholdReader.found(
              entry, contains, before, nowMillis, "key " + waiting.request().key());
      waiting.found(entry.generation(), found);
      steps += Math.max(0, found - before);
      return found < contains.elements().size();
    }

    /// Ends one that has waited long enough, unless it is reached now.
    void overdue(Awaits.Waiting waiting) {
      at(waiting); // it may have been one of many
      if (watches.awaits().isWaiting(waiting)) {
        boolean isKnown = waiting.request().key().equals(key);
        Entry last = isKnown ? entry : Entry.BOTTOM; // what was there can't be read
        String shortfall = ThresholdReader.shortfall(last, waiting.threshold(), nowMillis);
        if (waiting.threshold() instanceof Threshold.Contains contains) {
          steps += contains.elements().size();
        }
        Refusal refusal = new Refusal(ErrorCode.NOT_REACHED, "not reached in time: " + shortfall);
        end(waiting, refused(waiting.request(), last, refusal, nowMillis));
      }
    }
  }

  private void end(Awaits.Waiting waiting, Reply reply) {
    watches.awaits().remove(waiting);
    answer(waiting.origin(), waiting.request(), reply);
  }

  /// Has those that wait go on elsewhere whose keys this shard does not hold any more.
  private void endAwaitsOfOthers() {
    for (Awaits.Waiting waiting : watches.awaits().all()) {
      try {
        requireOurs(waiting.request());
      } catch (Refusal refusal) {
        end(waiting, refused(waiting.request(), refusal, nowMillis));
      }
    }
  }

  /// Ends a wait that nobody is interested in any more, with an answer all the same, also one that
  /// has yet to begin, and a watch likewise; ids that name none are ignored.
  public void giveUp(Origin origin, long requestId, long nowMillis, Outbox out) {
    at(nowMillis, out);
    Refusal refusal = new Refusal(ErrorCode.NOT_REACHED, "not reached before it was given up");
    Gathering gathering = gatheredWaits.remove(new Waited(origin, requestId));
    if (gathering != null) {
      gatherings.remove(gathering.id);
      if (gathering.watch == null) {
        Request request = gathering.request;
        untilNothingIsBroken(() -> answer(origin, request, refused(request, refusal, nowMillis)));
      }
    }
    Awaits.Waiting waiting = watches.awaits().find(origin, requestId);
    if (waiting != null) {
      untilNothingIsBroken(() -> end(waiting, refused(waiting.request(), refusal, nowMillis)));
    }
  }

  private void endOverdue() {
    Looking looking = new Looking();
    Awaits.Waiting waiting = watches.awaits().firstOverdue(nowMillis);
    while (waiting != null && looking.steps < LOOKS_A_TICK_MAX) {
      looking.overdue(waiting);
      waiting = watches.awaits().firstOverdue(nowMillis);
    }
  }

  /// Ends a watch; ids that name none are ignored.
  public void unwatch(Origin origin, long watchId) {
    watches.remove(origin, watchId);
    levelStatistics();
  }

  /// The next state that the origin has yet to be told; empty if it knows all. Several changes of
  /// one key since the last call are one. A watch whose read is refused ends with that.
  public Optional<Frame.Changed> nextChange(Origin origin, long nowMillis) {
    Frame.Changed refusal = watches.takeRefused(origin);
    if (refusal != null) {
      return Optional.of(refusal);
    }
    Watches.Watch watch = watches.takeChanged(origin);
    if (watch == null) {
      return Optional.empty();
    }
    if (!mayRead(origin, watch.asked().key())) { // the change of caller has yet to come here
      watches.remove(origin, watch.asked().id());
      levelStatistics();
      this.nowMillis = nowMillis;
      return Optional.of(new Frame.Changed(forbidden(origin, watch.asked())));
    }
    statistics.countChange();
    Request asked = asRead(watch.asked());
    try {
      requireKnown(asked);
      Reply reply = read(asked, (Read) asked.operation(), nowMillis);
      Usage usage = usages.of(origin.caller(), nowMillis);
      if (usage != null) { // what the watcher gets, his next requests pay for
        usage.begin(nowMillis);
        usage.move(WireSize.of(reply), nowMillis);
      }
      return Optional.of(new Frame.Changed(reply));
    } catch (Refusal refused) {
      return endWatch(origin, watch, refused, nowMillis);
    } catch (BrokenRecordException e) {
      mend(e);
      Refusal refused =
          new Refusal(
              ErrorCode.NOT_ENOUGH_REPLICAS,
              "what was here of key " + asked.key() + " can't be read any more; watch it again");
      return endWatch(origin, watch, refused, nowMillis);
    }
  }

  /// A copy may have been handed over since, with what was decided about its place: then the key is
  /// not missing, though nothing of it is here.
  private void requireKnown(Request asked) throws Refusal {
    if (entryOf(asked.key()).equals(Entry.BOTTOM) && !isCompleteFor(asked)) {
      requireOurs(asked);
      throw new Refusal(
          ErrorCode.NOT_ENOUGH_REPLICAS,
          "key " + asked.key() + " was handed over to others; watch it again");
    }
  }

  private Optional<Frame.Changed> endWatch(
      Origin origin, Watches.Watch watch, Refusal refused, long nowMillis) {
    watches.remove(origin, watch.asked().id());
    levelStatistics();
    return Optional.of(new Frame.Changed(refused(asRead(watch.asked()), refused, nowMillis)));
  }

  /// Ends all watches of a connection that is gone.
  public void disconnected(Origin origin) {
    watches.removeAll(origin);
    watches.awaits().removeAll(origin);
    replication.disconnected(origin);
    for (Gathering gathering : List.copyOf(gatherings.values())) {
      gathering.asked.removeIf(asked -> asked.origin.equals(origin));
      if (gathering.asked.isEmpty()) {
        gatherings.remove(gathering.id);
        forgetAsked(gathering, new Asked(origin, gathering.request));
      }
    }
    if (sabotage.contains(Sabotage.REPEATS_FORGOTTEN_ON_DISCONNECT)) {
      repeats.forget(origin.caller().principal(), origin.clientId());
    }
    levelStatistics();
  }

  /// Does a part of what must be done before keys can be shown in order; takes about a millisecond.
  ///
  /// @return whether [#scan] can be called without holding up everybody else
  public boolean prepareScan(long nowMillis) {
    scannedMillis = nowMillis;
    return entries.store().prepareScan();
  }

  /// A page of the live keys in byte order, or a part of the way to one. Keys written while a scan
  /// is under way appear if they lie beyond its last page; keys that were there all the time appear
  /// exactly once. A caller who may not read all keys of the prefix is refused; those of the system
  /// that he may not read are passed by.
  ///
  /// However many dead keys, and keys that others hold, lie in between, a turn ends after some of
  /// them: with what was found before them, or with what is left to do.
  public ScanTurn scan(Caller caller, Frame.Scan scan, long nowMillis) {
    try {
      return turn(caller, scan, nowMillis);
    } catch (BrokenRecordException e) {
      mend(e);
      return scan(caller, scan, nowMillis);
    }
  }

  private ScanTurn turn(Caller caller, Frame.Scan scan, long nowMillis) {
    this.nowMillis = nowMillis;
    Rights rights = caller.rights();
    Usage usage = usages.of(caller, nowMillis);
    if (!rights.cover(Role.READ, scan.prefix())) {
      statistics.countRefusal(ErrorCode.FORBIDDEN);
      if (usage != null) {
        usage.countForbidden();
      }
      return failed(scan, forbidden(caller, Role.READ, "prefix ", scan.prefix()));
    }
    if (usage != null) {
      Optional<Outcome.Failed> objection = beyondAllowance(usage);
      if (objection.isPresent()) {
        statistics.countRefusal(ErrorCode.OVERLOADED);
        return failed(scan, objection.get());
      }
    }
    scannedMillis = nowMillis;
    if (!broken.isEmpty()) {
      mend();
    }
    if (scan.limit() < 1 || scan.limit() > Limits.SCAN_KEYS_MAX) {
      return failed(
          scan,
          new Outcome.Failed(
              ErrorCode.BAD_REQUEST,
              "scan limit " + scan.limit() + " is outside 1 to " + Limits.SCAN_KEYS_MAX));
    }
    List<Frame.ScannedKey> found = new ArrayList<>();
    long weight = 0;
    long passed = 0;
    int unshown = 0;
    Iterator<Slot> walk = entries.store().scan(scan.prefix(), scan.after(), scan.withValues());
    while (walk.hasNext()) {
      Slot slot = walk.next();
      // Names drawn by chance are for who was told them, so they are not listed to who was not.
      boolean told = rights.isGranted(Role.READ, slot.key());
      List<Value<?>> live = told ? slot.entry().liveValues(nowMillis) : List.of();
      // What is kept for others only until they have it may be out of date.
      if (live.isEmpty()
          || !replication
              .roles()
              .holds(entries.digests().partitionOf(slot.key()), slot.placement())) {
        unshown++;
        if (unshown == SCAN_UNSHOWN_MAX && walk.hasNext()) {
          return found.isEmpty()
              ? new ScanTurn.Unfinished(
                  new Frame.Scan(
                      scan.id(),
                      scan.prefix(),
                      Optional.of(slot.key()),
                      scan.limit(),
                      scan.withValues()))
              : page(usage, scan, found, true);
        }
        continue;
      }
      boolean shown = scan.withValues() && live.size() == 1;
      long weighs = slot.key().size() + (shown ? live.get(0).weight() : 0);
      boolean alone = weighs > LARGE_BYTES && !found.isEmpty(); // with others it might fit no frame
      boolean full = weight >= SCAN_PAGE_BYTES || passed >= SCAN_PASSED_BYTES;
      if (found.size() == scan.limit() || full || alone) {
        return page(usage, scan, found, true);
      }
      View view = shown ? EntryReader.whole(live.get(0), nowMillis) : new View.Nothing();
      weight += weighs;
      passed += Math.min(slot.entry().weight(), SCAN_PASSED_BYTES_EACH);
      found.add(new Frame.ScannedKey(slot.key(), kindsOf(live), view));
    }
    return page(usage, scan, found, false);
  }

  private ScanTurn failed(Frame.Scan scan, Outcome.Failed failure) {
    statistics.countScan();
    return new ScanTurn.Done(new Frame.Scanned(scan.id(), List.of(), false, Optional.of(failure)));
  }

  private ScanTurn page(
      @Nullable Usage usage, Frame.Scan scan, List<Frame.ScannedKey> found, boolean more) {
    statistics.countScan();
    Frame.Scanned page = new Frame.Scanned(scan.id(), found, more, Optional.empty());
    if (usage != null) {
      usage.begin(nowMillis);
      usage.move(WireSize.of(page), nowMillis);
    }
    return new ScanTurn.Done(page);
  }

  /// Does what time brings: tells watchers of expiries, sends what waits for its epoch, compares
  /// with other replicas, ends what waited too long, frees the memory of the long dead. To be
  /// called about every 10 ms.
  public void tick(long nowMillis, Outbox out) {
    at(nowMillis, out);
    try {
      tick();
    } catch (BrokenRecordException e) {
      mend(e); // the next tick goes on
    }
    tellAwaited();
  }

  private void tick() {
    Outbox out = out();
    for (Map.Entry<Payload, Long> due = watches.takeExpired(nowMillis);
        due != null;
        due = watches.takeExpired(nowMillis)) {
      Payload key = due.getKey();
      Entry entry = entryOf(key);
      // The expiry may have been put off since it was noted.
      Optional<Long> expired = entry.nextExpiry(due.getValue() - 1);
      if (expired.isPresent() && expired.get() <= nowMillis) {
        watches.changed(key, out);
      }
      watches.expires(key, entry.nextExpiry(nowMillis));
    }
    if (mayWatchOthers) {
      endWatchesOfOthers();
    } else if (repairs.hasHandedOver()) {
      endAwaitsOfOthers();
    }
    if (nowMillis - scannedMillis >= ORDER_KEPT_MILLIS) {
      entries.store().endScans();
    }
    replication.tick(nowMillis, out);
    placedKeys.tick(nowMillis, out);
    repairs.tick(nowMillis, out);
    collector.tick(nowMillis, out);
    accesses.tick(nowMillis);
    entries.stored().follow(usages.allowances());
    entries.stored().count(entries, COUNTED_A_TICK);
    for (Gathering gathering : List.copyOf(gatherings.values())) {
      if (gathering.deadlineMillis <= nowMillis) {
        proceed(gathering);
      }
    }
    tellAwaited();
    tellCrowds();
    endOverdue();
    levelStatistics();
    levelProgress();
  }

  /// How many things wait until a peer has them on disk; for tests.
  int awaitedOnDisk(Peer peer) {
    return replication.link(peer).awaitedOnDisk();
  }

  /// The shard's time: later than all it has seen, within the skew that it accepts.
  public HybridTimestamp clock(long nowMillis) {
    return clock.current(nowMillis);
  }

  /// What the shard has counted; may be read by any thread.
  public ShardStatistics statistics() {
    return statistics;
  }

  /// What there is to tell of the time since the last report.
  ///
  /// @param busyNanos how long the shard's thread had something to do in that time
  /// @param service how long requests kept it busy
  /// @param seen how long clients waited
  public NodeReport.Shard report(
      long nowMillis, long busyNanos, NodeReport.Histogram service, NodeReport.Histogram seen) {
    List<HeavyHitters.Counted> counted = accesses.endPeriod();
    List<NodeReport.Heavy> heavy = new ArrayList<>();
    untilNothingIsBroken(
        () -> {
          heavy.clear();
          heavy.addAll(accesses.describe(counted, replication.roles()));
        });
    long reads = statistics.reads() - readsReported;
    long mutations = statistics.mutations() - mutationsReported;
    readsReported += reads;
    mutationsReported += mutations;
    return new NodeReport.Shard(
        config.shard(),
        reads,
        mutations,
        busyNanos,
        entries.store().size(),
        entries.store().weight(),
        config.bytesMax(),
        reportedProgress(),
        service,
        seen,
        heavy,
        accesses.idle(replication.roles(), nowMillis));
  }

  private NodeReport.Progress reportedProgress() {
    ShardProgress now = progress();
    return repairs.isAlone()
        ? new NodeReport.Progress(config.partitions().count(), 0, 0)
        : new NodeReport.Progress(now.held(), now.incomplete(), now.surplus());
  }

  /// All that the shard holds, in byte order of the keys, dead entries included.
  public Iterator<Slot> slots() {
    return entries.store().scan(Payload.EMPTY, Optional.empty());
  }

  /// The entry of a key as it stands, dead ones included; for the simulator's checks.
  public Entry entryOf(Payload key) {
    return entries.entryOf(key);
  }

  private Reply read(Request request, Read read, long nowMillis) throws Refusal {
    Entry entry = entryOf(request.key());
    View view =
        read instanceof Read.Placed ? placed(request.key()) : view(entry, read, request.key());
    List<Value<?>> live = entry.liveValues(nowMillis);
    CausalContext seen =
        live.size() == 1 ? EntryReader.contextOf(live.get(0)) : CausalContext.EMPTY;
    return reply(
        request,
        new Outcome.Done(view, 0, false),
        entry.generation(),
        kindOf(live),
        seen,
        Receipt.NONE);
  }

  private View view(Entry entry, Read read, Payload key) throws Refusal {
    try {
      return EntryReader.read(entry, read, nowMillis, "key " + key);
    } catch (BrokenRecordException e) {
      throw e;
    } catch (RuntimeException e) {
      throw metWith(e, key);
    }
  }

  /// What a request is refused with that has found a defect before anything was changed. The defect
  /// is told, and costs who asked the request: nobody shall be able to stop a node by it.
  private Refusal metWith(RuntimeException defect, Payload key) {
    defects.accept(defect);
    return new Refusal(
        ErrorCode.BAD_REQUEST,
        "key "
            + key
            + ": node "
            + config.nodeId()
            + " has a defect that this request has met with; nothing was changed, and its log says"
            + " more");
  }

  private View placed(Payload key) {
    Optional<Placement> own = entries.find(key).flatMap(Slot::placement);
    return new View.Placed(
        own.orElseGet(() -> replication.roles().topology().defaultPlacement()), own.isPresent());
  }

  private Reply reply(
      Request request,
      Outcome outcome,
      HybridTimestamp generation,
      Optional<Kind> kind,
      CausalContext dots,
      Receipt receipt) {
    return reply(request, outcome, generation, kind, dots, receipt, List.of());
  }

  private Reply reply(
      Request request,
      Outcome outcome,
      HybridTimestamp generation,
      Optional<Kind> kind,
      CausalContext dots,
      Receipt receipt,
      List<HybridTimestamp> fieldGenerations) {
    Reply reply =
        new Reply(
            request.id(),
            outcome,
            generation,
            kind,
            dots,
            receipt,
            clock.current(nowMillis),
            ringVersion(),
            entries.find(request.key()).flatMap(Slot::placement),
            fieldGenerations);
    return told(request, reply);
  }

  private long ringVersion() {
    return repairs.isAlone() ? RING_VERSION : replication.roles().version();
  }

  private void mutate(Origin origin, Request request, Mutation mutation, long nowMillis, Outbox out)
      throws Refusal {
    RequestContext context = request.context();
    if (context.sequence() < 0) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "the sequence " + context.sequence() + " is negative; clients count from 1");
    }
    if (replication.pendingCount() >= WAITING_MAX) {
      throw new Refusal(
          ErrorCode.OVERLOADED, WAITING_MAX + " writes wait for other replicas already");
    }
    switch (isRepeat(origin, context, mutation, nowMillis)) {
      case SEEN -> {
        statistics.countRepeat();
        Reply again = repeated(origin, request, mutation, nowMillis);
        acknowledge(
            origin,
            request,
            again,
            reassurance(request.key()),
            replication.targetsOf(request.key()));
        return;
      }
      case UNKNOWN ->
          throw new Refusal(
              ErrorCode.OUTCOME_UNKNOWN,
              "whether mutation "
                  + context.sequence()
                  + " was carried out before is no longer known here");
      case NEW -> {}
    }
    requireBelievable(context, mutation, nowMillis);
    Optional<Tag> tag = requireYoung(request, mutation, nowMillis);
    if (mutation instanceof Mutation.Merge && !admitsMergesOf(origin)) {
      throw new Refusal(
          ErrorCode.FORBIDDEN,
          "only replicas of the cluster merge entries as they stand, and clients while the node is"
              + " open for 'trellis restore'");
    }
    if (mutation instanceof Mutation.Place place) {
      place(origin, request, place);
      return;
    }
    Optional<Slot> slot = entries.find(request.key());
    Entry held = slot.map(Slot::entry).orElse(Entry.BOTTOM);
    requireGeneration(held, request, mutation, nowMillis);
    long birth = slot.map(Slot::birth).orElse(entries.nextBirth());
    EntryWriter writer =
        new EntryWriter(
            new WriteContext(
                context.timestamp(),
                origin.clientId(),
                context.ttlMillis(),
                nowMillis,
                clock.tick(nowMillis),
                config.incarnation(),
                birth,
                entries.nextBirth(),
                entries::takeBirth,
                context.fieldGenerations(),
                collector.forgottenUpTo(nowMillis),
                tag));
    EntryWriter.Written written = write(writer, held, request, mutation);
    if (written.differs()) {
      statistics.countNondeterministicRetry();
    }
    boolean idle = written.delta().equals(Entry.BOTTOM);
    // What changes nothing starts no generation either.
    Entry after = idle ? held : written.after();
    Optional<PlacementSetting> setting = slot.flatMap(Slot::setting);
    // By identity: merging keeps an entry to which nothing new came, and comparing large sets costs
    // as much as their size.
    if (after != held) {
      requireRoom(slot, held, after, mutation, request.key());
      requireAllowance(origin.caller(), slot, written, mutation, request.key());
      entries.put(new Slot(request.key(), after, birth, setting));
      if (watches.isWatched(request.key())) {
        watches.changed(request.key(), out);
        if (mutation instanceof Mutation.Merge) {
          watches.expires(request.key(), after.nextExpiry(nowMillis));
        } else {
          // Going through all fields of a map for each change of one would be too dear.
          writer.expiryGivenBy(mutation).ifPresent(at -> watches.expiresBy(request.key(), at));
        }
      }
    }
    if (context.sequence() != 0) {
      repeats.add(
          origin.caller().principal(), origin.clientId(), context.sequence(), context.repeat());
    }
    Reply done =
        reply(
            request,
            new Outcome.Done(shown(origin, request, written.view()), written.changed(), false),
            after.generation(),
            kindOf(after.liveValues(nowMillis)),
            written.dots(),
            new Receipt(1, 0),
            EntryWriter.fieldGenerations(after, mutation));
    // A delta of a counter tells what it comes to.
    if (context.demand().delta() && !idle && mayRead(origin, request.key())) {
      done = done.withDelta(written.delta());
    }
    Optional<PeerMessage.Change> change =
        idle
            ? reassurance(request.key())
            : Optional.of(new PeerMessage.Change(request.key(), written.delta(), setting, false));
    acknowledge(origin, request, done, change, replication.targetsOf(request.key()));
  }

  /// Has the writer make a delta, by which nothing is changed yet.
  private EntryWriter.Written write(
      EntryWriter writer, Entry held, Request request, Mutation mutation) throws Refusal {
    HybridTimestamp earliest = request.context().generation().orElse(HybridTimestamp.ZERO);
    try {
      return writer.write(held, earliest, mutation, "key " + request.key(), 0);
    } catch (BrokenRecordException e) {
      throw e;
    } catch (RuntimeException e) {
      throw metWith(e, request.key());
    }
  }

  /// What a mutation answers with, to whom may read it. Others get no value: who writes a hopeless
  /// priority would see the one that is kept. What names values and does not tell them, as a causal
  /// put needs it, is told.
  private static View shown(Origin origin, Request request, View view) {
    boolean tells =
        switch (view) {
          case View.Missing _, View.Nothing _ -> false;
          case View.Siblings siblings -> !siblings.siblings().isEmpty();
          case View.Whole _,
              View.Truth _,
              View.Bytes _,
              View.Elements _,
              View.Scored _,
              View.Fields _,
              View.Conflict _,
              View.Prioritized _,
              View.Records _,
              View.State _,
              View.Placed _ ->
              true;
        };
    return tells && !mayRead(origin, request.key()) ? new View.Missing() : view;
  }

  /// What to send so that, once it is acknowledged, others surely have what this shard has of a
  /// key: all of it. Empty where that is much: see [#assure].
  private Optional<PeerMessage.Change> reassurance(Payload key) {
    Slot slot = entries.find(key).orElse(null);
    if (slot == null) {
      return Optional.of(new PeerMessage.Change(key, Entry.BOTTOM, Optional.empty(), false));
    }
    return slot.entry().weight() > REASSURANCE_BYTES_MAX
        ? Optional.empty()
        : Optional.of(new PeerMessage.Change(key, slot.entry(), slot.setting(), isComplete(slot)));
  }

  /// Has a write that changed nothing told once a peer surely has the large state that it found:
  /// what was sent to the peer before proves nothing, as others may have changed the key, and the
  /// peer may only stand in, or have missed something.
  private void assure(PendingWrite write, Peer peer) {
    Payload key = write.key();
    int partition = entries.digests().partitionOf(key);
    Optional<Placement> placement = entries.find(key).flatMap(Slot::placement);
    if (placement.isEmpty() && replication.roles().share(peer, partition)) {
      repairs.assure(peer, partition, write, write.deadlineMillis());
    } else {
      Link link = replication.link(peer);
      link.repairFirst(List.of(key), sequence -> link.afterAll(write));
    }
  }

  /// Decides where a key belongs, which all who hold it, held it or will hold it are told.
  private void place(Origin origin, Request request, Mutation.Place place) throws Refusal {
    long leading = replication.roles().view().monitorEpoch();
    if (place.epoch() != 0 && place.epoch() < leading) {
      throw new Refusal(
          ErrorCode.FORBIDDEN,
          "a monitor of epoch "
              + place.epoch()
              + " places no keys any more: one of epoch "
              + leading
              + " has taken over");
    }
    if (disk != null) {
      requireDisk(disk, false);
    }
    Payload key = request.key();
    RequestContext context = request.context();
    Set<Peer> told = new LinkedHashSet<>(replication.targetsOf(key));
    HybridTimestamp previous =
        entries
            .find(key)
            .flatMap(Slot::setting)
            .map(PlacementSetting::clock)
            .orElse(HybridTimestamp.ZERO);
    PlacementSetting setting =
        new PlacementSetting(context.timestamp(), origin.clientId(), previous, place.placement());
    entries.merge(
        new PeerMessage.Change(key, Entry.BOTTOM, Optional.of(setting), false), nowMillis, out());
    if (context.sequence() != 0) {
      repeats.add(
          origin.caller().principal(), origin.clientId(), context.sequence(), context.repeat());
    }
    told.addAll(replication.targetsOf(key));
    Slot slot = entries.find(key).orElseThrow();
    Reply done =
        reply(
            request,
            new Outcome.Done(EntryReader.NOTHING, 1, false),
            slot.entry().generation(),
            kindOf(slot.entry().liveValues(nowMillis)),
            CausalContext.EMPTY,
            new Receipt(1, 0));
    PeerMessage.Change change = new PeerMessage.Change(key, slot.entry(), slot.setting(), true);
    List<Peer> homes =
        new ArrayList<>(replication.roles().otherHomes(entries.digests().partitionOf(key)));
    homes.removeAll(told);
    // Homes that do not hold the key need to know no more than where it is.
    replication.spread(
        new PeerMessage.Change(key, Entry.BOTTOM, slot.setting(), false), homes, nowMillis);
    acknowledge(origin, request, done, Optional.of(change), List.copyOf(told));
  }

  /// Sends a change to the other replicas, and answers when as many as the request asks for have
  /// it.
  private void acknowledge(
      Origin origin,
      Request request,
      Reply done,
      Optional<PeerMessage.Change> change,
      List<Peer> targets) {
    Acknowledgement level = level(request.context().acknowledgement());
    if (level == Acknowledgement.ONE) {
      change.ifPresent(news -> replication.spread(news, targets, nowMillis));
      answer(origin, request, done);
      return;
    }
    PendingWrite.Answer answer = new PendingWrite.Answer.General(done);
    long deadline = deadline(request.context().timeoutMillis());
    await(origin, request.key(), answer, change, level, deadline, targets);
  }

  private void await(
      Origin origin,
      Payload key,
      PendingWrite.Answer answer,
      Optional<PeerMessage.Change> change,
      Acknowledgement level,
      long deadlineMillis,
      List<Peer> targets) {
    PendingWrite write =
        new PendingWrite(
            origin,
            key,
            answer,
            change,
            replication.roles().topology().faultTolerance() + 1,
            level,
            deadlineMillis,
            replication.roles().self(),
            replication.roles().isLeaving(),
            keepsOnDisk,
            sabotage.contains(Sabotage.ACKNOWLEDGEMENTS_PER_SHARD),
            writeProgressed);
    replication.replicate(write, targets, nowMillis, out());
  }

  /// What the default means here: copies on as many nodes as survive the faults to be tolerated, in
  /// every cluster that has so many, or had and may have again.
  private Acknowledgement level(Acknowledgement asked) {
    if (asked != Acknowledgement.DEFAULT) {
      return asked;
    }
    Roles roles = replication.roles();
    return roles.nodesKnown() > roles.topology().faultTolerance()
        ? Acknowledgement.REPLICATED
        : Acknowledgement.ONE;
  }

  /// Answers a write that waited for its copies.
  private void finish(PendingWrite write, String obstacle) {
    int durableCopies = write.durableCopies(replication.roles().diskStays());
    int copies = write.copies(replication.roles().staying());
    boolean enough = copies >= write.needed();
    boolean lacksDisk = write.awaitsDisk() && durableCopies == 0;
    int durable = Math.min(copies, durableCopies);
    if (enough
        && !lacksDisk
        && write.answer() instanceof PendingWrite.Answer.Plain(PlainReply reply)) {
      reply.receipt(copies, durable).clock(clock.currentPacked(nowMillis));
      answer(write.origin(), reply);
      return;
    }
    Reply done =
        switch (write.answer()) {
          case PendingWrite.Answer.General(Reply reply) -> reply;
          case PendingWrite.Answer.Plain(PlainReply reply) -> reply.toReply();
        };
    Outcome outcome = done.outcome();
    if (!enough || lacksDisk) {
      String why =
          !enough
              ? obstacle
              : write.mayBecomeDurable()
                  ? "no copy has reached the disk in time"
                  : "no node that keeps data on disk has it";
      outcome =
          new Outcome.Failed(
              ErrorCode.NOT_ENOUGH_REPLICAS,
              copies
                  + (copies == 1 ? " copy" : " copies")
                  + " reached of the "
                  + write.needed()
                  + " that '"
                  + write.level().word()
                  + "' asks for: "
                  + why
                  + "; it keeps the write");
      statistics.countRefusal(ErrorCode.NOT_ENOUGH_REPLICAS);
    }
    Receipt before = done.receipt();
    Reply reply =
        new Reply(
            done.id(),
            outcome,
            done.generation(),
            done.kind(),
            done.dots(),
            new Receipt(copies, durable).told(before.asOf(), before.served()),
            clock.current(nowMillis),
            done.ringVersion(),
            done.placement(),
            done.fieldGenerations(),
            done.delta());
    statistics.countMutation();
    levelStatistics();
    moved(write.origin().caller(), reply);
    out().reply(write.origin(), reply);
  }

  /// Has what was changed written to disk, and tells those who wait for that what is there by now;
  /// does nothing where the store keeps nothing on disk. To be called at the end of each turn, and
  /// when the store has made progress.
  public void persist(InstantSource time, Outbox outbox) {
    if (disk == null) {
      return;
    }
    at(time.millis(), outbox);
    repairs.note(disk);
    long handedOver = disk.flush();
    long written = disk.settle();
    replication.persisted(
        sabotage.contains(Sabotage.DURABLE_BEFORE_SYNC) ? handedOver : written, nowMillis, outbox);
  }

  private RepeatWindow.Verdict isRepeat(
      Origin origin, RequestContext context, Mutation mutation, long nowMillis) {
    RepeatWindow.Verdict verdict =
        context.sequence() == 0
            // Without a number nobody can tell.
            ? context.repeat() ? RepeatWindow.Verdict.UNKNOWN : RepeatWindow.Verdict.NEW
            : repeats.verdict(
                origin.caller().principal(),
                origin.clientId(),
                context.sequence(),
                context.repeat());
    // What is idempotent may be done again, with its first stamp. One too old for that must not be
    // refused for it: the client would take it for not carried out, and stamp it anew.
    boolean harmless =
        context.isRepeatable(mutation)
            && (mutation instanceof Mutation.Merge
                || clock.withinSkew(context.timestamp(), nowMillis));
    return verdict == RepeatWindow.Verdict.UNKNOWN && harmless ? RepeatWindow.Verdict.NEW : verdict;
  }

  /// The answer to a mutation that was carried out before: the value as it is now.
  private Reply repeated(Origin origin, Request request, Mutation mutation, long nowMillis) {
    Entry entry = entryOf(request.key());
    return reply(
        request,
        new Outcome.Done(
            shown(origin, request, EntryReader.answer(entry, mutation, nowMillis)), 0, true),
        entry.generation(),
        kindOf(entry.liveValues(nowMillis)),
        CausalContext.EMPTY,
        new Receipt(1, 0),
        EntryWriter.fieldGenerations(entry, mutation));
  }

  /// Refuses what is meant for a generation that is over. A request for a later one than ours
  /// starts that, unless it is so old that it may have been forgotten here: the key then lives
  /// again in an earlier one, which must not be lost to whoever remembers the old one.
  private void requireGeneration(Entry entry, Request request, Mutation mutation, long nowMillis)
      throws Refusal {
    if (request.context().generation().isEmpty()) {
      return;
    }
    HybridTimestamp wanted = request.context().generation().get();
    HybridTimestamp current = EntryWriter.generation(entry, mutation, nowMillis);
    int order = wanted.compareTo(current);
    boolean forgotten =
        order > 0
            && wanted.millis() <= collector.forgottenUpTo(nowMillis)
            && !entry.isDead(nowMillis);
    if (order < 0 || forgotten) {
      throw Refusal.superseded(
          "key "
              + request.key()
              + " was deleted or expired since: the request is for generation "
              + wanted
              + ", the key is in "
              + current,
          current);
    }
  }

  /// The tag of a mutation, if others may still carry it out too: once its invocation is too old,
  /// what it wrote may be forgotten, and would be taken for new.
  private Optional<Tag> requireYoung(Request request, Mutation mutation, long nowMillis)
      throws Refusal {
    Optional<Tag> tag = request.context().tag();
    if (tag.isEmpty() || sabotage.contains(Sabotage.TAGS_IGNORED)) {
      return Optional.empty();
    }
    if (mutation instanceof Mutation.Place || mutation instanceof Mutation.Merge) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "key " + request.key() + ": placements and merges of entries take no tag");
    }
    long bornMillis = tag.get().invocation().bornMillis();
    // By the shard's own clock, which does not go back.
    long now = clock.current(nowMillis).millis();
    if (bornMillis - now > clock.skewMaxMillis()) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "invocation "
              + tag.get().invocation()
              + " is to be born in "
              + (bornMillis - now)
              + " ms only; its id must tell when it was born");
    }
    if (now - bornMillis >= config.invocationLifetime().toMillis()) {
      throw new Refusal(
          ErrorCode.INVOCATION_EXPIRED,
          "invocation "
              + tag.get().invocation()
              + " was born "
              + (now - bornMillis) / 1_000
              + " s ago, and may write for "
              + config.invocationLifetime().toSeconds()
              + " s (invocation.lifetime); this run of it did nothing here, earlier ones may have");
    }
    return tag;
  }

  /// Refuses stamps from too far away, so that one bad clock can't own a key for ever.
  private void requireBelievable(RequestContext context, Mutation mutation, long nowMillis)
      throws Refusal {
    boolean stamped = !(mutation instanceof Mutation.Merge);
    if (stamped && !clock.withinSkew(context.timestamp(), nowMillis)) {
      throw new Refusal(
          ErrorCode.CLOCK_SKEW,
          "the stamp "
              + context.timestamp()
              + " is more than "
              + clock.skewMaxMillis()
              + " ms away from this shard's time, "
              + nowMillis);
    }
    HybridTimestamp generation =
        mutation instanceof Mutation.Merge merge
            ? merge.entry().generation()
            : latestGeneration(context);
    if (generation.millis() - nowMillis > clock.skewMaxMillis()) {
      throw new Refusal(
          ErrorCode.CLOCK_SKEW,
          "the generation "
              + generation
              + " is more than "
              + clock.skewMaxMillis()
              + " ms ahead of this shard's time, "
              + nowMillis);
    }
    if (innermost(mutation) instanceof Mutation.PutMultiCausal put
        && put.horizon().millis() - nowMillis > clock.skewMaxMillis()) {
      throw new Refusal(
          ErrorCode.CLOCK_SKEW,
          "the horizon "
              + put.horizon()
              + " is more than "
              + clock.skewMaxMillis()
              + " ms ahead of this shard's time, "
              + nowMillis);
    }
    requireBorn(seen(innermost(mutation)), nowMillis);
    requireTtl(context.ttlMillis(), 0, "give none for a value that never expires");
    if (innermost(mutation) instanceof Mutation.Expire expire && expire.ttlMillis().isPresent()) {
      requireTtl(expire.ttlMillis().getAsLong(), 1, "expire without a ttl means never");
    }
  }

  /// Refuses names of invocations that are yet to be born: nobody can have read what they wrote,
  /// and what is remembered of them would be forgotten long after all else, or never.
  private void requireBorn(CausalContext seen, long nowMillis) throws Refusal {
    // Who wrote, and who took it, may each be ahead by as much as is accepted.
    long latest = clock.current(nowMillis).millis() + 2 * clock.skewMaxMillis();
    for (CausalContext.Run run : seen.runs()) {
      long bornMillis = InvocationId.bornMillis(run.replica());
      if (InvocationId.isOne(run.replica()) && bornMillis > latest) {
        throw new Refusal(
            ErrorCode.BAD_REQUEST,
            "the context names writes of an invocation that is to be born at "
                + bornMillis
                + " ms, and it is "
                + nowMillis
                + " here; pass back the context of a read unchanged");
      }
    }
  }

  /// What a mutation says that its writer has seen.
  private static CausalContext seen(Mutation mutation) {
    return switch (mutation) {
      case Mutation.Trim trim -> trim.observed();
      case Mutation.PutCausal put -> put.context();
      case Mutation.PutMultiCausal put -> put.context();
      default -> CausalContext.EMPTY;
    };
  }

  /// The latest generation that a request names, of its key or of a field.
  private static HybridTimestamp latestGeneration(RequestContext context) {
    HybridTimestamp latest = context.generation().orElse(HybridTimestamp.ZERO);
    for (HybridTimestamp generation : context.fieldGenerations()) {
      latest = latest.max(generation);
    }
    return latest;
  }

  private static void requireTtl(long millis, long min, String otherwise) throws Refusal {
    if (millis < min || millis > Limits.TTL_MILLIS_MAX) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "a ttl of " + millis + " ms is outside 1 to " + Limits.TTL_MILLIS_MAX + "; " + otherwise);
    }
  }

  /// What a mutation does in the end, in whatever field.
  private static Mutation innermost(Mutation mutation) {
    Mutation inner = mutation;
    while (inner instanceof Mutation.UpdateField update) {
      inner = update.mutation();
    }
    return inner;
  }

  /// Refuses what grows beyond the limits. What replicas send each other was let in by the first of
  /// them, so its size is not judged again.
  private void requireRoom(
      Optional<Slot> held, Entry before, Entry after, Mutation mutation, Payload key)
      throws Refusal {
    boolean merges = mutation instanceof Mutation.Merge;
    long limit = config.limits().valueBytesMax() + WEIGHT_ALLOWANCE;
    if (!merges && after.weight() > limit && after.weight() > before.weight()) {
      String rest = "; the limit is " + config.limits().valueBytesMax();
      throw Refusal.telling(
          ErrorCode.VALUE_TOO_LARGE,
          "key " + key + " would hold " + after.weight() + " bytes" + rest,
          "key " + key + " would hold too much" + rest);
    }
    boolean frees = mutation instanceof Mutation.Delete || (merges && after.values().isEmpty());
    long growth = new Slot(key, after, 0).weight() - held.map(Slot::weight).orElse(0L);
    if (growth > 0 && !frees && entries.store().weight() + growth > config.bytesMax()) {
      throw new Refusal(
          disk == null ? ErrorCode.OUT_OF_MEMORY : ErrorCode.DISK_FULL,
          "shard "
              + config.shard()
              + " of node "
              + config.nodeId()
              + " holds "
              + entries.store().weight()
              + " of at most "
              + config.bytesMax()
              + " bytes; delete something or add a node");
    }
    if (disk != null) {
      requireDisk(disk, frees);
    }
  }

  /// Refuses what adds to what a principal may have stored. What takes away may add a little, to
  /// remember each thing that is gone; not what was never here, which anybody can make up.
  private void requireAllowance(
      Caller caller,
      Optional<Slot> held,
      EntryWriter.Written written,
      Mutation mutation,
      Payload key)
      throws Refusal {
    boolean takesAway =
        switch (innermost(mutation)) {
          case Mutation.Delete _,
              Mutation.Remove _,
              Mutation.RemoveMembers _,
              Mutation.Trim _,
              Mutation.Expire _ ->
              true;
          default -> false;
        };
    long before = held.map(slot -> StoredBytes.weightOf(key, slot.entry())).orElse(0L);
    long growth = StoredBytes.weightOf(key, written.after()) - before;
    if (growth <= 0
        || (takesAway && growth <= REMEMBERED_BYTES * written.changed())
        || mayStore(caller, growth)
        || !caller.rights().isGranted(Role.WRITE, key)) {
      return;
    }
    Usage usage = Objects.requireNonNull(usages.of(caller, nowMillis));
    usage.countOverloaded();
    String whose =
        "principal '"
            + caller
            + "' has "
            + usage.account().stored()
            + " of at most "
            + caller.allowance().bytesStored()
            + " bytes stored on node "
            + config.nodeId()
            + ", and this adds ";
    String rest = "; delete something, or ask an administrator for more";
    throw Refusal.telling(
        ErrorCode.OVERLOADED, whose + growth + rest, whose + "more than is left" + rest);
  }

  /// Whether a caller may add so much to what is stored of him on the node.
  private boolean mayStore(Caller caller, long growth) {
    long limit = caller.allowance().bytesStored();
    if (limit == 0) {
      return true;
    }
    Usage usage = usages.of(caller, nowMillis);
    return usage == null || usage.account().stored() + growth <= limit;
  }

  /// What can't be written waits in memory, of which there is not so much.
  private void requireDisk(Disk beneath, boolean frees) throws Refusal {
    Optional<String> obstacle = beneath.obstacle();
    if (obstacle.isPresent() && !frees) {
      throw new Refusal(
          ErrorCode.DISK_FULL,
          "shard "
              + config.shard()
              + " of node "
              + config.nodeId()
              + " can't write to its disk: "
              + obstacle.get()
              + "; free space there, or add a node");
    }
    if (beneath.waitingBytes() > config.waitingBytesMax()) {
      throw new Refusal(
          ErrorCode.OVERLOADED,
          "shard "
              + config.shard()
              + " of node "
              + config.nodeId()
              + " has "
              + beneath.waitingBytes()
              + " bytes yet to write to its disk, more than ssd.buffer gives it");
    }
  }

  /// Refuses what another shard or another node is to be asked for.
  private void requireOurs(Request request) throws Refusal {
    Payload key = request.key();
    if (key.isEmpty()) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "the key is empty; it must have 1 to " + config.limits().keyBytesMax() + " bytes");
    }
    if (key.size() > config.limits().keyBytesMax()) {
      throw new Refusal(
          ErrorCode.KEY_TOO_LONG,
          "the key has " + key.size() + " bytes; the limit is " + config.limits().keyBytesMax());
    }
    Roles roles = replication.roles();
    int partition = entries.digests().partitionOf(key);
    Optional<Placement> placement = entries.find(key).flatMap(Slot::placement);
    boolean leaves = repairs.hasHandedOver();
    boolean serves = roles.holds(partition, placement) || roles.standsIn(partition, placement);
    boolean aboutPlace =
        request.operation() instanceof Read.Placed || request.operation() instanceof Mutation.Place;
    if (!leaves && (serves || (aboutPlace && roles.isHome(partition)))) {
      return;
    }
    int owner = config.partitions().shardOf(partition, config.shardCount());
    if (owner != config.shard()) {
      throw new Refusal(
          ErrorCode.NOT_OWNER,
          "key "
              + key
              + " belongs to shard "
              + owner
              + " of node "
              + config.nodeId()
              + ", not to shard "
              + config.shard());
    }
    List<String> owners = roles.topology().owners(partition, placement);
    boolean moved = placement.isPresent() && roles.isHome(partition) && !leaves;
    throw new Refusal(
        moved ? ErrorCode.MOVED : ErrorCode.NOT_OWNER,
        "key " + key + " is held by " + String.join(", ", owners) + ", not by " + config.nodeId());
  }

  private Reply refused(Request request, Refusal refusal, long nowMillis) {
    return refused(request, entryOf(request.key()), refusal, nowMillis);
  }

  private Reply refused(Request request, Entry entry, Refusal refusal, long nowMillis) {
    Outcome.Failed outcome = refusal.outcome();
    boolean storageFull =
        outcome.code() == ErrorCode.OVERLOADED
            || outcome.code() == ErrorCode.OUT_OF_MEMORY
            || outcome.code() == ErrorCode.DISK_FULL;
    Outcome answer =
        storageFull
            ? new Outcome.Failed(outcome.code(), outcome.message(), Optional.of(RETRY_AFTER))
            : outcome;
    return reply(
        request,
        answer,
        refusal.generation().orElse(entry.generation()),
        kindOf(entry.liveValues(nowMillis)),
        CausalContext.EMPTY,
        Receipt.NONE);
  }

  private void count(Request request, Reply reply) {
    if (request.operation() instanceof Read) {
      statistics.countRead();
    } else {
      statistics.countMutation();
    }
    if (reply.outcome() instanceof Outcome.Failed failed) {
      statistics.countRefusal(failed.code());
    }
    levelStatistics();
  }

  private void levelStatistics() {
    statistics.level(
        entries.store().size(), entries.store().weight(), watches.count(), repeats.clientCount());
    statistics.levelAwaits(watches.awaits().count());
  }

  private Optional<Kind> kindOf(List<Value<?>> live) {
    if (live.size() > 1) {
      statistics.countKindConflict();
    }
    return live.size() == 1 ? Kind.ofNumber(live.get(0).kindNumber()) : Optional.empty();
  }

  private static List<Kind> kindsOf(List<Value<?>> live) {
    List<Kind> kinds = new ArrayList<>(live.size());
    for (Value<?> value : live) {
      @Nullable Kind kind = Kind.ofNumber(value.kindNumber()).orElse(null);
      if (kind != null) {
        kinds.add(kind);
      }
    }
    return kinds;
  }

  private static Request asRead(Frame.Watch watch) {
    return new Request(
        watch.id(),
        watch.key(),
        watch.state() ? new Read.State() : new Read.Get(watch.kind()),
        watch.receipt() ? WITH_RECEIPT : RequestContext.READ);
  }
}
