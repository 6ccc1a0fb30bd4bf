package dev.trellis.simulation;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.client.session.Guarantee;
import dev.trellis.client.session.Session;
import dev.trellis.client.session.SessionToken;
import dev.trellis.execution.EntryReader;
import dev.trellis.execution.Refusal;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CompletionException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BiConsumer;
import java.util.random.RandomGenerator;
import org.jspecify.annotations.Nullable;

/// Who uses one session after another, does one thing at a time, and has the session go on at other
/// clients by its token. Writes down what the session asked for and was told, and looks whether
/// what it shows includes what it must.
abstract class SessionUser {
  private static final int LONG_TOKEN_BYTES = 256 << 10;

  /// What all users of a run share.
  ///
  /// @param values how many were written by now, so that each is another
  record Surroundings(
      SessionLevel level,
      SessionDefect defect,
      SimulatedCluster cluster,
      RandomGenerator random,
      List<SessionClient> clients,
      SessionHistory history,
      SessionTally tally,
      AtomicLong values) {}

  /// How a write ended.
  enum Ending {
    OK,
    FAILED,
    UNKNOWN
  }

  final Surroundings around;
  final SessionLevel level;
  final SimulatedCluster cluster;
  final RandomGenerator random;
  final SessionHistory history;
  final SessionTally tally;
  long process;
  Session session;
  SessionClient client;
  String name = ""; // of the session in the history
  private final int number;
  private int sessions;
  private int steps;
  private boolean done;
  private boolean coarse; // a token of the session left something out
  private boolean careful; // its tokens leave nothing out, so it may ask for one copy only
  private final Map<Payload, Entry> wrote = new HashMap<>();
  private final Map<Payload, Entry> read = new HashMap<>();
  final Map<Payload, HybridTimestamp> stamps = new HashMap<>(); // of the last mutation of a key
  boolean restamped; // parts of a commit were carried out under different timestamps
  long mutationsBegun; // that may have been carried out
  private Optional<Payload> asked = Optional.empty(); // the key of the operation under way
  private final Map<Payload, Entry> there = new HashMap<>(); // by key, as the last one answered
  private final Map<Payload, Entry> answering = new HashMap<>(); // the one that answered alone
  private final Map<SessionCase, Long> before = new HashMap<>(); // counts when the session began
  private long lostAtHandover;

  SessionUser(int number, int steps, Surroundings around) {
    this.number = number;
    this.process = number;
    this.steps = steps;
    this.around = around;
    this.level = around.level;
    this.cluster = around.cluster;
    this.random = around.random;
    this.history = around.history;
    this.tally = around.tally;
    this.client = around.clients.get(number % around.clients.size());
    this.session = beginSession();
  }

  void start() {
    later(this::next);
  }

  boolean isDone() {
    return done;
  }

  /// Does the next thing, and calls [#next] when that is over.
  abstract void step();

  final void next() {
    if (steps-- <= 0) {
      done = true;
      countFaults();
      return;
    }
    if (random.nextInt(25) == 0) {
      countFaults();
      session = beginSession();
    }
    step();
  }

  final void later(Runnable what) {
    cluster.scheduler().after(random.nextLong(1, 80), what);
  }

  final long newValue() {
    return around.values.getAndIncrement();
  }

  // ---- Sessions ----

  private Session beginSession() {
    rename();
    coarse = false;
    careful = !cluster.plan().keepsPromise() || random.nextInt(4) == 0;
    lostAtHandover = cluster.membersLost();
    before.clear();
    counters().forEach(before::put);
    return Session.begin(client, this::execute, level.guarantees());
  }

  /// Has the session begin anew as far as the checks know.
  private void rename() {
    name = "u" + number + "." + sessions++;
    wrote.clear();
    read.clear();
  }

  private Map<SessionCase, Long> counters() {
    Tally of = cluster.tally();
    return Map.of(
        SessionCase.RESIZED, (long) of.joins + of.leaves,
        SessionCase.CRASHED, (long) of.crashes,
        SessionCase.CUT_OFF, (long) of.partitions,
        SessionCase.SUSPECTED, (long) of.falseSuspicions);
  }

  private void countFaults() {
    counters().forEach((what, count) -> tally.count(what, count - before.getOrDefault(what, 0L)));
  }

  /// Has the session go on elsewhere, now and then.
  final void maybeHandOver() {
    if (random.nextInt(3) == 0) {
      handOver();
    }
  }

  private void handOver() {
    boolean brief = !careful && random.nextInt(3) != 0;
    int bytes = brief ? random.nextInt(50, 400) : LONG_TOKEN_BYTES;
    SessionToken token;
    try {
      token = session.token(bytes);
    } catch (DefiniteException.ValueTooLarge e) {
      tally.count(SessionCase.FULL_TOKEN);
      token = session.token(LONG_TOKEN_BYTES);
    }
    tally.count(SessionCase.HANDOVER);
    if (cluster.membersLost() > lostAtHandover) {
      tally.count(SessionCase.HANDOVER_AFTER_LOSS);
      lostAtHandover = cluster.membersLost();
    }
    if (token.isCoarse()) {
      tally.count(SessionCase.SHORT_TOKEN);
      coarse = true;
    }
    client = around.clients.get(random.nextInt(around.clients.size()));
    session = Session.resume(client, this::execute, around.defect.changed(token));
    cluster.trace().tell(() -> name + " goes on with " + bytes + " bytes at most");
  }

  // ---- Calls ----

  /// How a write is to be acknowledged: where the token may be too short for what was written, by
  /// enough copies to be there still when a node is lost.
  final CallOptions options() {
    CallOptions all = CallOptions.DEFAULT.withDemand(new Demand(HybridTimestamp.ZERO, false, true));
    return all.withAcknowledgement(
        careful && random.nextBoolean() ? Acknowledgement.ONE : Acknowledgement.REPLICATED);
  }

  /// Asks the session for something, and is told the reply or the failure.
  final void ask(
      Payload key,
      Operation operation,
      CallOptions options,
      BiConsumer<@Nullable Reply, @Nullable TrellisException> told) {
    asked = Optional.of(key);
    whenOver(session.execute(key, operation, options), told);
  }

  final <T> void whenOver(
      CompletableFuture<T> future, BiConsumer<@Nullable T, @Nullable TrellisException> told) {
    var _ =
        future.whenComplete(
            (result, failure) -> {
              asked = Optional.empty();
              Throwable cause =
                  failure instanceof CompletionException && failure.getCause() != null
                      ? failure.getCause()
                      : failure;
              try {
                if (cause == null) {
                  tally.done();
                  told.accept(result, null);
                } else if (cause instanceof TrellisException known) {
                  cluster.trace().tell(() -> name + " is told " + known.code() + " " + known);
                  count(known);
                  told.accept(null, known);
                } else {
                  thrown(cause);
                }
              } catch (RuntimeException e) {
                thrown(e);
              }
            });
  }

  /// A bug in what is simulated; a future would keep it to itself.
  private void thrown(Throwable bug) {
    List<StackTraceElement> at = List.of(bug.getStackTrace());
    cluster.violated("thrown: " + bug + at.subList(0, Math.min(at.size(), 8)));
  }

  private void count(TrellisException failure) {
    if (failure.isDefinite()) {
      tally.refused();
    } else {
      tally.unknown();
    }
    if (failure instanceof DefiniteException.SessionUnavailable) {
      tally.count(SessionCase.UNAVAILABLE);
      if (String.valueOf(failure.getMessage()).contains("fit into its token")) {
        tally.count(SessionCase.CUT_LOST);
      }
    }
  }

  final Ending endingOfWrite(TrellisException failure) {
    if (failure instanceof IndefiniteException.NotEnoughReplicas few && few.isKept()) {
      tally.count(SessionCase.FEW_COPIES);
      if (few.reply().flatMap(Reply::delta).isEmpty()) {
        knowsTimeOnly(); // as of one that was repeated
      }
      return Ending.UNKNOWN;
    }
    if (failure instanceof IndefiniteException.NotEnoughReplicas || failure.isDefinite()) {
      return Ending.FAILED;
    }
    tally.count(SessionCase.UNKNOWN);
    return Ending.UNKNOWN;
  }

  /// Writes down that a call failed, whose process is not used again if nobody knows how.
  final void failed(SessionHistory.Asked call, Ending ending) {
    if (ending == Ending.UNKNOWN) {
      call.info();
      process += SessionSimulation.USERS;
    } else {
      call.fail();
    }
  }

  private CompletableFuture<Reply> execute(Payload key, Operation operation, CallOptions options) {
    boolean record = key.text().startsWith("_trellis/commit/");
    if (operation instanceof Read) {
      tally.count(SessionCase.RECORD, record ? 1 : 0);
      boolean other = level == SessionLevel.CAUSAL && !asked.equals(Optional.of(key));
      tally.count(SessionCase.CAUSE, other ? 1 : 0);
    }
    if (options.demand().notBefore().isAfter(HybridTimestamp.ZERO)) {
      tally.count(SessionCase.DEMAND);
    }
    boolean counts = operation instanceof Mutation && !record;
    mutationsBegun += counts ? 1 : 0;
    CompletableFuture<Reply> called =
        client.execute(key, operation, options, observer(key, operation, counts));
    if (options.readMode() != ReadMode.ALL) {
      return called;
    }
    return called.whenComplete(
        (reply, failure) -> {
          if (reply != null) {
            gathered(key, entryOf(reply), there.getOrDefault(key, Entry.BOTTOM));
          }
        });
  }

  /// What all that hold a key were found to have, and what they have.
  void gathered(Payload key, Entry told, Entry known) {}

  private SessionClient.Observer observer(Payload key, Operation operation, boolean counts) {
    return new SessionClient.Observer() {
      @Override
      public void arrives(SimulatedShard shard) {
        look(shard, key, operation);
      }

      @Override
      public void answers(SimulatedShard shard) {
        there.put(key, cluster.known(shard, key));
        answering.put(key, shard.entryOf(key));
      }

      @Override
      public void ends(Payload of, Operation what, CallOptions as, Optional<ErrorCode> failure) {
        if (!counts) {
          return;
        }
        boolean nothing = failure.isPresent() && failure.get().isDefinite();
        mutationsBegun -= nothing ? 1 : 0;
        as.stamp()
            .ifPresent(
                stamp -> {
                  HybridTimestamp former = stamps.put(of, stamp);
                  restamped |=
                      what instanceof Mutation.Commit && former != null && !former.equals(stamp);
                });
      }
    };
  }

  private void look(SimulatedShard shard, Payload key, Operation operation) {
    Entry known = wrote.getOrDefault(key, Entry.BOTTOM).merge(read.getOrDefault(key, Entry.BOTTOM));
    if (operation instanceof Read && lacks(shard.entryOf(key), known)) {
      tally.count(SessionCase.LAGGING_REPLICA);
    }
  }

  // ---- What must be shown ----

  final void hasWritten(Payload key, Entry delta) {
    wrote.merge(key, delta, Entry::merge);
  }

  final void hasRead(Payload key, Entry shown) {
    read.merge(key, shown, Entry::merge);
  }

  /// All that the session must show of a key, by its level.
  final Entry mustShow(Payload key) {
    Entry must = Entry.BOTTOM;
    if (level.has(Guarantee.READ_YOUR_WRITES) || level == SessionLevel.CAUSAL) {
      must = must.merge(wrote.getOrDefault(key, Entry.BOTTOM));
    }
    if (level.has(Guarantee.MONOTONIC_READS) || level == SessionLevel.CAUSAL) {
      must = must.merge(read.getOrDefault(key, Entry.BOTTOM));
    }
    return must;
  }

  /// All that the session has written or read of a key.
  final Entry known(Payload key) {
    return wrote.getOrDefault(key, Entry.BOTTOM).merge(read.getOrDefault(key, Entry.BOTTOM));
  }

  /// Looks whether all is shown that must be. Where only a time was left of what is missing, and
  /// only such nodes have it, if any, as the replica that answered takes for gone, it is believed:
  /// the session counts as another one.
  final void check(Payload key, Entry shown) {
    check(key, shown, coarse);
  }

  /// As [#check(Payload, Entry)].
  ///
  /// @param byTime whether the replica was told just a time
  final void check(Payload key, Entry shown, boolean byTime) {
    // What causal values depend on is for sessions, which do without it once they go by that.
    Entry must = mustShow(key).withoutDependencies();
    if (!lacks(shown.withoutDependencies(), must)) {
      return;
    }
    if (byTime && isLost(key, must)) {
      tally.count(SessionCase.LOST);
      cluster.trace().tell(() -> name + " has lost something of " + key);
      rename();
      return;
    }
    cluster.violated(
        name + " is shown " + shown + " of " + key + ", which lacks something of " + must);
  }

  /// Whether the replica that answered last, and those that it would wait for, do not have all that
  /// is known of a key.
  private boolean isLost(Payload key, Entry known) {
    return lacks(there.getOrDefault(key, Entry.BOTTOM), known);
  }

  /// Whether a removal was carried out by a replica that lacked something of what is known of the
  /// key, and was believed.
  final boolean isBelievedToLack(Payload key) {
    Entry known = known(key);
    return lacks(answering.getOrDefault(key, Entry.BOTTOM), known) && isLost(key, known);
  }

  /// The session knows just the time of something that it wrote.
  final void knowsTimeOnly() {
    coarse = true;
  }

  /// Whether a reader of an entry would see more with what is known.
  private boolean lacks(Entry entry, Entry known) {
    return !visible(entry.merge(known)).equals(visible(entry));
  }

  private Object visible(Entry entry) {
    try {
      return EntryReader.read(entry, Read.Get.ANY, cluster.nowMillis(), "");
    } catch (Refusal refusal) {
      return entry;
    }
  }

  static Entry entryOf(Reply reply) {
    return ((Outcome.Done) reply.outcome()).view() instanceof View.State shown
        ? shown.entry()
        : Entry.BOTTOM;
  }

  final <T> T pick(List<T> from) {
    return from.get(random.nextInt(from.size()));
  }

  /// A version as checkers compare them: generation, timestamp, writer.
  static List<Long> version(long... parts) {
    List<Long> version = new ArrayList<>();
    for (long part : parts) {
      version.add(part);
    }
    return version;
  }
}
