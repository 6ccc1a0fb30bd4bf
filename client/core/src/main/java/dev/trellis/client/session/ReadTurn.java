package dev.trellis.client.session;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.IndefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.execution.EntryReader;
import dev.trellis.execution.Refusal;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.MultiCausalRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.Value;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// A read of a session: reads the entry as a lattice, merges what the session remembers of the key,
/// and answers from that. A read of a part of a value that may be large is left to a replica that
/// has all that the session remembers.
final class ReadTurn implements Turn {
  /// Values that others depend on, fetched for one read, at most.
  private static final int CAUSES_MAX = 10_000;

  private final SessionState state;
  private final Payload key;
  private final Read read;
  private final CallOptions options;
  private final Supplier<HybridTimestamp> stamps;
  private long transaction; // in which it was asked for
  private boolean partial; // the replica answers the read itself
  private HybridTimestamp demanded = HybridTimestamp.ZERO; // of the replica: all up to then
  private Entry known = Entry.BOTTOM; // of the key, for which nothing was demanded, thus
  private @Nullable Entry found; // of the key, once that is known
  private @Nullable Reply reply; // that brought it
  private final Map<Payload, Entry> causes = new LinkedHashMap<>(); // fetched for this read
  private final Map<Payload, CausalContext> missing = new LinkedHashMap<>(); // of what was asked
  private final Map<Payload, CausalContext> over = new LinkedHashMap<>(); // deleted or lost
  private @Nullable AtomicCut atomic; // while records are asked for
  private boolean askedAll; // all replicas were asked for what is missing

  /// @param stamps each later than all that the session has seen
  ReadTurn(
      SessionState state,
      Payload key,
      Read read,
      CallOptions options,
      Supplier<HybridTimestamp> stamps) {
    this.state = state;
    this.key = key;
    this.read = read;
    this.options = options;
    this.stamps = stamps;
  }

  @Override
  public Step begin() {
    transaction = state.transactions();
    SessionState.Seen seen = state.cut.get(key);
    if (seen != null) {
      return again(seen);
    }
    if (state.hasForgottenCut() && !(read instanceof Read.Placed)) {
      return lost();
    }
    if (isAtomic()) {
      Optional<String> obstacle = AtomicCut.obstacle(state, key);
      if (obstacle.isPresent()) {
        return new Step.Refuse(ErrorCode.SESSION_UNAVAILABLE, obstacle.get());
      }
      if (state.begun().equals(HybridTimestamp.ZERO)) {
        long millis = Math.max(0, stamps.get().millis() - AtomicCut.SLACK_MILLIS);
        state.begin(HybridTimestamp.ofMillis(millis));
      }
    }
    boolean whole =
        isWhole(read)
            || state.has(Guarantee.ITEM_CUT)
            || state.has(Guarantee.CAUSAL)
            || state.buffered.containsKey(key);
    partial = read instanceof Read.Placed || !whole || (!state.remembers() && !isTransactional());
    demanded = demandedBy();
    // The session may forget it before the answer comes.
    known = state.held(key).map(Held::entry).orElse(Entry.BOTTOM);
    return ask(partial ? read : new Read.State(), demanded);
  }

  /// Reads a key again that is in the cut.
  private Step again(SessionState.Seen seen) {
    Entry entry = seen.entry();
    if (entry == null) {
      return lost();
    }
    if (state.pastOf(key).filter(version -> !includes(Optional.of(entry), version)).isPresent()) {
      return new Step.Refuse(
          ErrorCode.SESSION_UNAVAILABLE,
          "the session has read key "
              + key
              + " since its last commit, and since then a value that depends on a later version"
              + " of it; commit or abort, and read again");
    }
    return show(entry, seen.reply());
  }

  private Step lost() {
    return new Step.Refuse(
        ErrorCode.SESSION_UNAVAILABLE,
        "what the session has read of key "
            + key
            + " did not fit into its token; commit or abort, and read again");
  }

  private boolean isTransactional() {
    return state.has(Guarantee.ITEM_CUT) || state.buffered.containsKey(key);
  }

  private HybridTimestamp demandedBy() {
    if (read instanceof Read.Placed) {
      return HybridTimestamp.ZERO;
    }
    HybridTimestamp least = state.begun().max(state.horizon());
    if (!state.remembers()) {
      return least;
    }
    return (partial ? state.writtenBy(key) : state.forgottenBy(key)).max(least);
  }

  private boolean isAtomic() {
    return state.has(Guarantee.READ_ATOMIC) && !(read instanceof Read.Placed);
  }

  private Step ask(Read what, HybridTimestamp notBefore) {
    return new Step.Ask(new Call(key, what, demanding(options, notBefore)));
  }

  static CallOptions demanding(CallOptions options, HybridTimestamp notBefore) {
    Demand demand = options.demand();
    return options.withDemand(
        new Demand(demand.notBefore().max(notBefore), demand.receipt(), demand.delta()));
  }

  /// Whether it shows all of a value.
  private static boolean isWhole(Read read) {
    return read instanceof Read.Get || read instanceof Read.State;
  }

  @Override
  public Step told(List<Answered> answers) {
    Optional<TrellisException> failure = Answered.firstFailure(answers);
    if (failure.isPresent()) {
      return askedAll ? causesUnknown(answers, failure.get()) : new Step.Fail(failure.get());
    }
    List<Reply> replies = answers.stream().map(Answered::done).toList();
    if (atomic != null) {
      Optional<Step> obstacle = atomic.told(replies);
      return obstacle.isPresent() ? obstacle.get() : keep(atomic.shown());
    }
    if (found != null) {
      return toldCauses(replies);
    }
    Reply told = replies.get(0);
    state.observe(told.clock());
    if (partial) {
      if (!(read instanceof Read.Placed)) {
        if (state.has(Guarantee.MONOTONIC_READS)) {
          state.remember(key, null, told.clock());
        } else if (state.has(Guarantee.WRITES_FOLLOW_READS)) {
          state.note(key, told.clock());
        }
      }
      return new Step.Answer(told);
    }
    Entry merged = entryOf(told).merge(known);
    Held held = state.held(key).orElse(null);
    if (held != null && held.entry() != null) {
      merged = merged.merge(held.entry());
    }
    state.observe(merged);
    reply = told;
    if (!state.has(Guarantee.CAUSAL)) {
      return finish(merged);
    }
    found = merged.merge(state.fetched(key).orElse(Entry.BOTTOM));
    return seekCauses();
  }

  private static Entry entryOf(Reply told) {
    return ((Outcome.Done) told.outcome()).view() instanceof View.State shown
        ? shown.entry()
        : Entry.BOTTOM;
  }

  private Step finish(Entry merged) {
    if (!isAtomic()) {
      return keep(merged);
    }
    AtomicCut choice = new AtomicCut(state, key, options, merged);
    if (choice.isBlurred()) {
      return new Step.Refuse(
          ErrorCode.SESSION_UNAVAILABLE,
          "key "
              + key
              + " was written by so many commits since the session began to read that they are no"
              + " more told apart; abort, and begin anew");
    }
    List<Call> records = choice.records();
    if (records.isEmpty()) {
      return keep(choice.shown());
    }
    atomic = choice;
    return new Step.Ask(records);
  }

  private Step keep(Entry merged) {
    Reply told = Objects.requireNonNull(reply);
    if (state.has(Guarantee.MONOTONIC_READS)) {
      state.rememberAll(key, merged, told.clock(), demanded);
    } else if (state.has(Guarantee.WRITES_FOLLOW_READS)) {
      state.note(key, told.clock());
    }
    if (!state.has(Guarantee.ITEM_CUT)) {
      return show(merged, told);
    }
    if (state.transactions() != transaction) {
      return new Step.Refuse(
          ErrorCode.SESSION_UNAVAILABLE,
          "the transaction in which the read of key " + key + " was asked for has ended meanwhile");
    }
    // Another read of the key may have ended first.
    SessionState.Seen first = state.cut.get(key);
    if (first != null && first.entry() != null) {
      return show(first.entry(), first.reply());
    }
    state.cut.put(key, new SessionState.Seen(merged, told));
    return show(merged, told);
  }

  // ---- Causes ----

  /// Asks for what the values found depend on, unless the session has it. A value names all of
  /// that, or the time by which the rest was written, so what is fetched need not be looked into
  /// until it is read itself.
  private Step seekCauses() {
    Entry merged = Objects.requireNonNull(found);
    missing.clear();
    state
        .pastOf(key)
        .filter(version -> !isHere(key, version))
        .ifPresent(version -> missing.put(key, version));
    for (CausalRegister.Sibling sibling : unseen(merged)) {
      sibling
          .dependencies()
          .forEach(
              (cause, version) -> {
                if (!isHere(cause, version)) {
                  missing.merge(cause, version, CausalContext::merge);
                }
              });
    }
    if (missing.isEmpty()) {
      goBy(merged);
      return finish(merged);
    }
    if (causes.size() + missing.size() > CAUSES_MAX) {
      return new Step.Refuse(
          ErrorCode.SESSION_UNAVAILABLE,
          "key " + key + " depends on more than " + CAUSES_MAX + " others");
    }
    List<Call> calls = new ArrayList<>();
    for (Payload cause : missing.keySet()) {
      CallOptions asked = demanding(options, state.forgottenBy(cause));
      calls.add(
          new Call(cause, new Read.State(), askedAll ? asked.withReadMode(ReadMode.ALL) : asked));
    }
    return new Step.Ask(calls);
  }

  /// What an entry shows, from now on, and all that this depends on.
  private void goBy(Entry shown) {
    HybridTimestamp at = state.clock(); // of whoever of all that were asked had what is shown
    for (CausalRegister.Sibling sibling : unseen(shown)) {
      sibling
          .dependencies()
          .forEach(
              (cause, version) -> {
                if (!isOver(cause, version)) {
                  state.dependOn(cause, version, at);
                }
              });
      state.raiseHorizon(sibling.horizon());
    }
    causes.forEach(state::keepFetched);
    contextOf(shown)
        .filter(context -> !context.isEmpty())
        .ifPresent(context -> state.dependOn(key, context, at));
    state.forgetFetched(key);
  }

  /// The values of an entry that the session has not been shown yet.
  private List<CausalRegister.Sibling> unseen(Entry entry) {
    List<CausalRegister.Sibling> unseen = new ArrayList<>();
    if (entry.value(Kind.MULTICAUSAL).orElse(null) instanceof MultiCausalRegister register) {
      CausalContext shown =
          state.held(key).map(Held::entry).flatMap(ReadTurn::contextOf).orElse(CausalContext.EMPTY);
      for (var sibling : register.register().siblings()) {
        if (!shown.contains(sibling.getKey())) {
          unseen.add(sibling.getValue());
        }
      }
    }
    return unseen;
  }

  private boolean isHere(Payload cause, CausalContext version) {
    if (isOver(cause, version)) {
      return true;
    }
    Entry known = cause.equals(key) ? found : causes.get(cause);
    if (includes(Optional.ofNullable(known), version)) {
      return true;
    }
    if (cause.equals(key)) {
      return false; // what is known of it is among what was found
    }
    return includes(state.held(cause).map(Held::entry), version)
        || includes(state.fetched(cause), version);
  }

  private boolean isOver(Payload cause, CausalContext version) {
    CausalContext deleted = over.get(cause);
    return deleted != null && deleted.includes(version);
  }

  private static boolean includes(Optional<Entry> known, CausalContext version) {
    return known.flatMap(ReadTurn::contextOf).filter(seen -> seen.includes(version)).isPresent();
  }

  private static Optional<CausalContext> contextOf(Entry entry) {
    return entry
        .value(Kind.MULTICAUSAL)
        .map(value -> ((MultiCausalRegister) value).register())
        .map(CausalRegister::context);
  }

  private Step toldCauses(List<Reply> replies) {
    List<Payload> asked = List.copyOf(missing.keySet());
    Set<Payload> nowhere = new HashSet<>();
    for (int i = 0; i < asked.size(); i++) {
      Reply told = replies.get(i);
      state.observe(told.clock());
      if (askedAll && entryOf(told).value(Kind.MULTICAUSAL).isEmpty()) {
        nowhere.add(asked.get(i)); // nor on its way: a holder had it before the effect was written
      }
      if (asked.get(i).equals(key)) {
        found = Objects.requireNonNull(found).merge(entryOf(told)); // a cause knows a later version
      } else {
        causes.merge(asked.get(i), entryOf(told), Entry::merge);
      }
    }
    for (Payload cause : asked) {
      CausalContext version = missing.get(cause);
      if (version == null || isHere(cause, version)) {
        continue;
      }
      if (!askedAll) {
        // The replica that answered lags behind; another must have it.
        askedAll = true;
        return seekCauses();
      }
      Entry known = cause.equals(key) ? found : causes.get(cause);
      boolean deletedSince = known != null && known.generation().isAfter(HybridTimestamp.ZERO);
      if (!deletedSince && !nowhere.contains(cause)) {
        return new Step.Refuse(ErrorCode.SESSION_UNAVAILABLE, lacking(cause) + "; try again");
      }
      over.merge(cause, version, CausalContext::merge);
      state.forgetCause(cause);
    }
    askedAll = false;
    return seekCauses();
  }

  /// All that hold a cause were asked, and one of them can't tell.
  private Step causesUnknown(List<Answered> answers, TrellisException failure) {
    List<Payload> asked = List.copyOf(missing.keySet());
    for (int i = 0; i < asked.size(); i++) {
      if (answers.get(i).failure() instanceof IndefiniteException.NotEnoughReplicas silent) {
        return new Step.Refuse(
            ErrorCode.SESSION_UNAVAILABLE,
            lacking(asked.get(i)) + ": " + silent.getMessage() + "; try again");
      }
    }
    return new Step.Fail(failure);
  }

  private String lacking(Payload cause) {
    return "key "
        + key
        + " depends on a version of key "
        + cause
        + " that no replica that answers has";
  }

  // ---- Showing ----

  /// What the session reads of an entry with what waits for its commit.
  Step show(Entry entry, Reply told) {
    long nowMillis = told.clock().millis();
    try {
      Entry shown = withBuffered(entry, nowMillis);
      View view = EntryReader.read(shown, read, nowMillis, "key " + key);
      List<Value<?>> live = shown.liveValues(nowMillis);
      return new Step.Answer(
          new Reply(
              told.id(),
              new Outcome.Done(view, 0, false),
              shown.generation(),
              live.size() == 1 ? Kind.ofNumber(live.get(0).kindNumber()) : Optional.empty(),
              live.size() == 1 ? EntryReader.contextOf(live.get(0)) : CausalContext.EMPTY,
              told.receipt(),
              told.clock(),
              told.ringVersion(),
              told.placement(),
              List.of()));
    } catch (Refusal refusal) {
      return new Step.Refuse(refusal.outcome().code(), refusal.outcome().message());
    }
  }

  /// The entry as it would be if what waits for the commit were carried out now.
  private Entry withBuffered(Entry entry, long nowMillis) throws Refusal {
    Entry shown = entry;
    for (SessionState.Buffered write : state.buffered.getOrDefault(key, List.of())) {
      HybridTimestamp stamp = state.clock().next();
      state.observe(stamp);
      long ttlMillis = write.options().ttl().map(Duration::toMillis).orElse(0L);
      CommitId by = new CommitId(stamp, state.writer);
      shown = state.carriedOut(key, shown, write.mutation(), by, ttlMillis, nowMillis).after();
    }
    return shown;
  }
}
