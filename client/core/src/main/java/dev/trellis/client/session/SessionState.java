package dev.trellis.client.session;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.TrellisException;
import dev.trellis.execution.EntryWriter;
import dev.trellis.execution.Refusal;
import dev.trellis.execution.WriteContext;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Commits;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.RequestContext;
import dev.trellis.wire.SessionImage;
import dev.trellis.wire.View;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.ToIntFunction;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// What a session knows. Reads no clock and does no I/O; not safe for several threads.
///
/// What the session wrote and read is remembered by key as the lattice that it is, and merged into
/// what is read later: so a promise is kept whatever replica answers, and nobody waits. That grows
/// with the values; where it is too much, a key keeps just the time by which all of it was first
/// written, and a read demands a replica that has everything up to then; where there are too many
/// keys, one such time stands for all that are forgotten. Each step costs precision and no promise.
final class SessionState {
  /// What is remembered in full of a key, at most, and of all keys together, in bytes as encoded.
  private static final long ENTRY_BYTES_MAX = 64 << 10;

  private static final long HELD_BYTES_MAX = 4 << 20;
  private static final int KEYS_MAX = 16_384;

  /// How many causes a causal session names; for the older ones one time stands.
  private static final int PAST_MAX = 16;

  /// How many keys' values that others depend on are kept until they are read.
  private static final int FETCHED_MAX = 1_024;

  /// A version of a key that causal reads and writes go by.
  ///
  /// @param at it was first written by then
  record Cause(CausalContext version, HybridTimestamp at) {}

  /// A mutation that waits for the commit.
  ///
  /// @param number which of the session's it is, or is what a later one has left of: a commit that
  ///   has carried it out knows it by that
  record Buffered(long number, Mutation mutation, CallOptions options) {}

  /// What the session has read of a key since the last commit.
  ///
  /// @param entry null where the token could not carry it
  /// @param reply that brought it
  record Seen(@Nullable Entry entry, Reply reply) {}

  final long id;
  final long writer;
  final Set<Guarantee> guarantees;

  private HybridTimestamp clock = HybridTimestamp.ZERO; // later than all that was seen
  private HybridTimestamp floor = HybridTimestamp.ZERO; // all that is forgotten was written by then
  private final Map<Payload, Held> held = new LinkedHashMap<>(); // what was touched last is last
  private long heldBytes;
  final Map<Payload, Seen> cut = new LinkedHashMap<>();
  final Map<Payload, List<Buffered>> buffered = new LinkedHashMap<>();
  private final Map<Payload, Cause> past = new LinkedHashMap<>(); // what came last is last
  private HybridTimestamp horizon = HybridTimestamp.ZERO; // causes that `past` has not are older
  private final Map<Payload, Entry> fetched = new LinkedHashMap<>(); // causes, not shown yet
  private final Map<CommitId, WriteSet> writeSets = new HashMap<>(); // as the token told them
  private HybridTimestamp begun = HybridTimestamp.ZERO; // to read since the last commit
  private boolean cutForgotten; // there was more than `cut` has: no other key can be read
  private boolean coarse; // a token that it came with had left something out
  private long transactions; // that have ended
  private long bufferings; // of mutations that were made to wait for a commit
  private long births; // of names under which buffered mutations are shown

  /// @param id random, one per session
  /// @param writer the client's id, under which it writes
  SessionState(long id, long writer, Set<Guarantee> guarantees) {
    this.id = id;
    this.writer = writer;
    this.guarantees = Guarantee.closure(guarantees);
  }

  boolean has(Guarantee guarantee) {
    return guarantees.contains(guarantee);
  }

  /// Whether writes wait for the commit.
  boolean isBuffering() {
    return has(Guarantee.READ_COMMITTED);
  }

  /// Whether anything of a key that was read or written must show in later reads.
  boolean remembers() {
    return has(Guarantee.READ_YOUR_WRITES)
        || has(Guarantee.MONOTONIC_READS)
        || has(Guarantee.MONOTONIC_WRITES)
        || has(Guarantee.WRITES_FOLLOW_READS);
  }

  HybridTimestamp clock() {
    return clock;
  }

  void observe(HybridTimestamp seen) {
    clock = clock.max(seen);
  }

  /// Takes note of when what was read was written: a replica that had it from another just now may
  /// answer with a clock of the same millisecond that is behind.
  void observe(Entry read) {
    if (read.value(Kind.LWW).orElse(null) instanceof LwwRegister register) {
      observe(register.timestamp());
    }
    if (!read.commits().parts().isEmpty()) {
      observe(read.commits().parts().lastKey().timestamp());
    }
  }

  /// When the session began to read since the last commit; zero for not yet, and where that does
  /// not matter.
  HybridTimestamp begun() {
    return begun;
  }

  void begin(HybridTimestamp now) {
    begun = now;
  }

  /// Whether the session does not know any more which keys it has read since the last commit, so
  /// that one it does not know may be one of them.
  boolean hasForgottenCut() {
    return cutForgotten;
  }

  Optional<Held> held(Payload key) {
    return Optional.ofNullable(held.get(key));
  }

  /// What is remembered, by key; what was touched last is last.
  Map<Payload, Held> held() {
    return held;
  }

  /// By when all was written that a replica must have for an operation that can't be mended by
  /// merging.
  HybridTimestamp writtenBy(Payload key) {
    Held known = held.get(key);
    return known == null ? floor : known.at().max(floor);
  }

  /// By when all was written that a replica must have for a read that is merged with what is
  /// remembered.
  HybridTimestamp forgottenBy(Payload key) {
    Held known = held.get(key);
    return known != null && known.entry() != null ? HybridTimestamp.ZERO : writtenBy(key);
  }

  /// Remembers what was written or read.
  ///
  /// @param entry null for what is not known in full
  void remember(Payload key, @Nullable Entry entry, HybridTimestamp at) {
    Held before = held.remove(key);
    Held after;
    if (before != null) {
      heldBytes -= before.weight();
      after = before.with(entry, at);
    } else {
      // What was forgotten of the key, if anything was, is not in this entry.
      after = new Held(floor.equals(HybridTimestamp.ZERO) ? entry : null, at.max(floor));
    }
    restore(key, after);
  }

  /// Adds what was written to what was read of the key since the last commit.
  ///
  /// @param delta null if it is not known; the key is then read anew
  void wroteInCut(Payload key, @Nullable Entry delta) {
    Seen seen = cut.get(key);
    if (seen != null && seen.entry() != null) {
      if (delta == null) {
        cut.remove(key);
      } else {
        cut.put(key, new Seen(seen.entry().merge(delta), seen.reply()));
      }
    }
  }

  /// Remembers by when all was written that a later write must go by.
  void note(Payload key, HybridTimestamp at) {
    Held before = held.remove(key);
    if (before == null) {
      boolean nothing = floor.equals(HybridTimestamp.ZERO);
      restore(key, new Held(nothing ? Entry.BOTTOM : null, at.max(floor)));
    } else {
      heldBytes -= before.weight();
      restore(key, before.by(at));
    }
  }

  /// Remembers what was read in full. What was written while the read was under way is kept beside;
  /// where that is known only by its time, so is all from now on.
  ///
  /// @param entry with all that was known of the key when the read began
  /// @param upTo all that was first written to the key by then is in it
  void rememberAll(Payload key, Entry entry, HybridTimestamp at, HybridTimestamp upTo) {
    Held before = held.remove(key);
    if (before == null) {
      restore(key, new Held(floor.isAfter(upTo) ? null : entry, at.max(floor)));
      return;
    }
    heldBytes -= before.weight();
    Entry beside = before.entry();
    if (beside == null) {
      boolean isAll = !before.at().isAfter(upTo);
      restore(key, new Held(isAll ? entry : null, before.at().max(at)));
    } else {
      restore(key, new Held(beside.merge(entry), before.at().max(at)));
    }
  }

  /// How many transactions have ended.
  long transactions() {
    return transactions;
  }

  void restore(Payload key, Held known) {
    Held kept = known.weight() > ENTRY_BYTES_MAX ? known.coarse() : known;
    held.put(key, kept);
    heldBytes += kept.weight();
    if (held.size() > KEYS_MAX) {
      forgetOldest();
    }
    if (heldBytes > HELD_BYTES_MAX) {
      for (Map.Entry<Payload, Held> each : held.entrySet()) {
        if (heldBytes <= HELD_BYTES_MAX / 2) {
          break;
        }
        Held coarse = each.getValue().coarse();
        heldBytes -= each.getValue().weight() - coarse.weight();
        each.setValue(coarse);
      }
    }
  }

  private void forgetOldest() {
    Iterator<Held> oldest = held.values().iterator();
    Held gone = oldest.next();
    oldest.remove();
    heldBytes -= gone.weight();
    floor = floor.max(gone.at());
  }

  // ---- Causes ----

  /// What the next causal write depends on, and what later reads of those keys must find; all other
  /// causes were written by [#horizon].
  Map<Payload, CausalContext> past() {
    Map<Payload, CausalContext> versions = new LinkedHashMap<>();
    past.forEach((key, cause) -> versions.put(key, cause.version));
    return versions;
  }

  /// The version of a key that must be found; empty if none need be.
  Optional<CausalContext> pastOf(Payload key) {
    return Optional.ofNullable(past.get(key)).map(Cause::version);
  }

  HybridTimestamp horizon() {
    return horizon;
  }

  void raiseHorizon(HybridTimestamp at) {
    horizon = horizon.max(at);
  }

  /// Goes by a version of a key from now on.
  ///
  /// @param at it was first written by then
  void dependOn(Payload key, CausalContext version, HybridTimestamp at) {
    Cause before = past.remove(key);
    past.put(
        key,
        before == null
            ? new Cause(version, at)
            : new Cause(before.version.merge(version), before.at.max(at)));
    if (past.size() > PAST_MAX) {
      Iterator<Cause> oldest = past.values().iterator();
      raiseHorizon(oldest.next().at);
      oldest.remove();
    }
  }

  /// Keeps a value on which another depends, until it is read.
  void keepFetched(Payload key, Entry entry) {
    fetched.merge(key, entry, Entry::merge);
    if (fetched.size() > FETCHED_MAX) {
      Iterator<Entry> oldest = fetched.values().iterator();
      oldest.next();
      oldest.remove(); // it will have to be fetched again
    }
  }

  Optional<Entry> fetched(Payload key) {
    return Optional.ofNullable(fetched.get(key));
  }

  /// After it was read, and so is among what the session remembers.
  void forgetFetched(Payload key) {
    fetched.remove(key);
  }

  /// Of a key that was deleted since.
  void forgetCause(Payload key) {
    past.remove(key);
  }

  /// Whether such a session would have such a write wait for the commit: a token that is not signed
  /// may have been made by anybody.
  private boolean mayWait(Mutation mutation) {
    return isBuffering()
        && switch (mutation) {
          case Mutation.Place place -> false;
          case Mutation.Merge merge -> false;
          case Mutation.Commit commit -> false;
          default -> !has(Guarantee.READ_ATOMIC) || Mutation.isSelfStamped(mutation);
        };
  }

  void buffer(Payload key, Mutation mutation, CallOptions options) {
    List<Buffered> waiting = buffered.computeIfAbsent(key, first -> new ArrayList<>());
    if (overwrites(mutation)) {
      List<Buffered> left = new ArrayList<>(waiting.size() + 1);
      for (Buffered each : waiting) {
        overwritten(each.mutation(), mutation)
            .ifPresent(part -> left.add(new Buffered(each.number(), part, each.options())));
      }
      buffered.put(key, left);
      waiting = left;
    }
    waiting.add(new Buffered(bufferings++, mutation, options));
  }

  /// Whether something that waits may be overwritten by it. What just adds, as most do that a
  /// function repeats, costs no look at all that waits.
  private static boolean overwrites(Mutation later) {
    return switch (later) {
      case Mutation.UpdateField update -> overwrites(update.mutation());
      case Mutation.Put put -> true;
      default -> !membersOf(later).isEmpty();
    };
  }

  /// What is left of a mutation that waits when a later one of the same key does: nobody would ever
  /// see what that overwrites, unless just the first of them were carried out.
  private static Optional<Mutation> overwritten(Mutation earlier, Mutation later) {
    if (earlier instanceof Mutation.Put && later instanceof Mutation.Put) {
      return Optional.empty();
    }
    if (earlier instanceof Mutation.UpdateField inner
        && later instanceof Mutation.UpdateField other
        && inner.field().equals(other.field())) {
      return overwritten(inner.mutation(), other.mutation())
          .map(left -> new Mutation.UpdateField(inner.field(), left));
    }
    Set<Payload> members = membersOf(later);
    if (members.isEmpty()) {
      return Optional.of(earlier);
    }
    return switch (earlier) {
      case Mutation.AddScored add -> {
        List<Mutation.ScoredMember> left =
            add.members().stream().filter(each -> !members.contains(each.member())).toList();
        yield left.isEmpty() ? Optional.empty() : Optional.of(new Mutation.AddScored(left));
      }
      case Mutation.RemoveMembers remove -> {
        List<Payload> left =
            remove.members().stream().filter(each -> !members.contains(each)).toList();
        yield left.isEmpty() ? Optional.empty() : Optional.of(new Mutation.RemoveMembers(left));
      }
      default -> Optional.of(earlier);
    };
  }

  private static Set<Payload> membersOf(Mutation mutation) {
    return switch (mutation) {
      case Mutation.AddScored add ->
          add.members().stream().map(Mutation.ScoredMember::member).collect(Collectors.toSet());
      case Mutation.RemoveMembers remove -> Set.copyOf(remove.members());
      default -> Set.of();
    };
  }

  /// Whether a commit that an entry of the session tells apart writes the key, as far as is known:
  /// it does if nothing is.
  boolean mayWrite(CommitId id, Commits.Part part, Payload key) {
    return part.keys().isEmpty()
        ? Optional.ofNullable(writeSets.get(id)).map(set -> set.mayHave(key)).orElse(true)
        : part.keys().contains(key);
  }

  private SortedMap<CommitId, Payload> writeSets(
      List<SessionImage.Remembered> remembered, List<SessionImage.Seen> seen) {
    SortedMap<CommitId, Payload> named = new TreeMap<>();
    remembered.forEach(each -> each.entry().ifPresent(entry -> note(entry, named)));
    seen.forEach(each -> each.entry().ifPresent(entry -> note(entry, named)));
    return named;
  }

  private void note(Entry entry, Map<CommitId, Payload> named) {
    entry
        .commits()
        .parts()
        .forEach(
            (id, part) -> {
              WriteSet told = part.keys().isEmpty() ? writeSets.get(id) : WriteSet.of(part.keys());
              if (told == null) {
                throw new IllegalStateException("nothing tells which keys " + id + " writes");
              }
              named.putIfAbsent(id, told.prints());
            });
  }

  /// The session as it travels, in at most `bytesMax` bytes if that can be had by leaving out what
  /// is not needed for the promises: see [Shortening]. O(n log n), n being what it remembers.
  SessionImage image(int bytesMax) {
    return image(bytesMax, image -> image.encode().length);
  }

  /// As [#image(int)].
  ///
  /// @param size how many bytes an image takes; asked O(log n) times
  SessionImage image(int bytesMax, ToIntFunction<SessionImage> size) {
    Shortening shortening = shortening();
    SessionImage whole = shortening.image(0);
    if (shortening.steps() == 0 || size.applyAsInt(whole) <= bytesMax) {
      return whole;
    }
    int tooFew = 0;
    int enough = shortening.steps(); // or as far as it goes
    while (enough - tooFew > 1) {
      int middle = (tooFew + enough) >>> 1;
      if (size.applyAsInt(shortening.image(middle)) <= bytesMax) {
        enough = middle;
      } else {
        tooFew = middle;
      }
    }
    return shortening.image(enough);
  }

  /// The session as it is, and what its token can go without.
  Shortening shortening() {
    List<SessionImage.Remembered> remembered = new ArrayList<>();
    held.forEach(
        (key, known) ->
            remembered.add(
                new SessionImage.Remembered(
                    key,
                    known.at(),
                    // What was read since the last commit has all of it.
                    isSeen(key)
                        ? Optional.empty()
                        : Optional.ofNullable(known.entry()).map(Entry::withoutDependencies))));
    List<SessionImage.Seen> seen = new ArrayList<>();
    cut.forEach(
        (key, read) ->
            seen.add(
                new SessionImage.Seen(
                    key, read.reply().clock(), Optional.ofNullable(read.entry()))));
    List<Request> waiting = new ArrayList<>();
    buffered.forEach((key, writes) -> writes.forEach(write -> waiting.add(asRequest(key, write))));
    int bits = 0;
    for (Guarantee guarantee : guarantees) {
      bits |= 1 << (guarantee.number() - 1);
    }
    SessionImage whole =
        new SessionImage(
            id,
            bits,
            clock,
            floor,
            remembered,
            seen,
            writeSets(remembered, seen),
            waiting,
            past(),
            horizon,
            begun,
            coarse,
            cutForgotten);
    return new Shortening(whole, List.copyOf(past.entrySet()));
  }

  private boolean isSeen(Payload key) {
    Seen seen = cut.get(key);
    return seen != null && seen.entry() != null;
  }

  private static Request asRequest(Payload key, Buffered write) {
    CallOptions options = write.options();
    return new Request(
        0,
        key,
        write.mutation(),
        new RequestContext(
                0,
                false,
                HybridTimestamp.ZERO,
                options.generation(),
                options.acknowledgement(),
                options.readMode(),
                options.ttl().map(Duration::toMillis).orElse(0L),
                options.timeout().map(Duration::toMillis).orElse(0L),
                0)
            .withTag(options.tag()));
  }

  /// The state that an image tells, of a session that goes on in this client.
  static SessionState of(SessionImage image, long writer) {
    Set<Guarantee> guarantees = EnumSet.noneOf(Guarantee.class);
    int known = 0;
    for (Guarantee guarantee : Guarantee.values()) {
      int bit = 1 << (guarantee.number() - 1);
      known |= bit;
      if ((image.guarantees() & bit) != 0) {
        guarantees.add(guarantee);
      }
    }
    if ((image.guarantees() & ~known) != 0) {
      throw TrellisException.of(
          ErrorCode.BAD_REQUEST,
          "the session token has guarantees that this client does not know; it must be newer");
    }
    SessionState state = new SessionState(image.id(), writer, guarantees);
    state.clock = image.clock();
    state.floor = image.floor();
    state.begun = image.begun();
    image.writeSets().forEach((id, prints) -> state.writeSets.put(id, new WriteSet(prints)));
    state.coarse = image.coarse();
    state.cutForgotten = image.seenForgotten();
    for (SessionImage.Seen each : image.seen()) {
      state.cut.put(each.key(), new Seen(each.entry().orElse(null), replyAt(each.clock())));
    }
    for (SessionImage.Remembered each : image.remembered()) {
      Seen seen = state.cut.get(each.key());
      Entry entry = each.entry().orElse(seen == null ? null : seen.entry());
      state.restore(each.key(), new Held(entry, each.at()));
    }
    for (Request each : image.waiting()) {
      RequestContext context = each.context();
      if (!(each.operation() instanceof Mutation mutation) || !state.mayWait(mutation)) {
        throw TrellisException.of(
            ErrorCode.BAD_REQUEST,
            "among the writes that wait in the session token is one that no session keeps waiting: "
                + each.operation().getClass().getSimpleName());
      }
      CallOptions options =
          CallOptions.DEFAULT
              .withAcknowledgement(context.acknowledgement())
              .withReadMode(context.read());
      options =
          context.ttlMillis() == 0
              ? options
              : options.withTtl(Duration.ofMillis(context.ttlMillis()));
      options =
          context.timeoutMillis() == 0
              ? options
              : options.withTimeout(Duration.ofMillis(context.timeoutMillis()));
      if (context.generation().isPresent()) {
        options = options.withGeneration(context.generation().get());
      }
      if (context.tag().isPresent()) {
        options = options.withTag(context.tag().get());
      }
      state.buffer(each.key(), mutation, options);
    }
    image.past().forEach((key, version) -> state.dependOn(key, version, image.clock()));
    state.raiseHorizon(image.horizon());
    return state;
  }

  /// A reply that tells nothing but a time.
  static Reply replyAt(HybridTimestamp clock) {
    return new Reply(
        0,
        new Outcome.Done(new View.Nothing(), 0, false),
        HybridTimestamp.ZERO,
        Optional.empty(),
        CausalContext.EMPTY,
        Receipt.NONE,
        clock,
        0);
  }

  /// What a mutation comes to that is carried out here, to be shown: a shard does so for all.
  EntryWriter.Written carriedOut(
      Payload key, Entry entry, Mutation mutation, CommitId by, long ttlMillis, long nowMillis)
      throws Refusal {
    WriteContext context =
        new WriteContext(
            by.timestamp(),
            by.writer(),
            ttlMillis,
            nowMillis,
            clock,
            id,
            0,
            () -> births++,
            List.of(),
            0);
    return new EntryWriter(context).write(entry, HybridTimestamp.ZERO, mutation, "key " + key, 0);
  }

  /// What the next mutation that waits is numbered.
  long nextNumber() {
    return bufferings;
  }

  /// What waits for the commit, by key.
  ///
  /// @param before the number of the first mutation that is for a later commit
  Map<Payload, List<Buffered>> waiting(long before) {
    Map<Payload, List<Buffered>> waiting = new LinkedHashMap<>();
    buffered.forEach(
        (key, all) -> {
          List<Buffered> own = all.stream().filter(each -> each.number() < before).toList();
          if (!own.isEmpty()) {
            waiting.put(key, own);
          }
        });
    return waiting;
  }

  /// Forgets those of a key's mutations that have waited for the commit and were carried out.
  ///
  /// @param numbers theirs; what was written since is another one, and waits for the next commit
  void committed(Payload key, Set<Long> numbers) {
    buffered.computeIfPresent(
        key,
        (same, waiting) -> {
          waiting.removeIf(each -> numbers.contains(each.number()));
          return waiting.isEmpty() ? null : waiting;
        });
  }

  /// Ends what lasts from commit to commit, unless that has happened meanwhile. What waits goes on
  /// waiting, for the next commit.
  ///
  /// @param transaction of how many that had ended it was the next
  void endTransaction(long transaction) {
    if (transaction != transactions) {
      return;
    }
    transactions++;
    cut.clear();
    cutForgotten = false;
    begun = HybridTimestamp.ZERO;
  }

  /// Ends the transaction, and forgets what waits for a commit.
  void abort() {
    buffered.clear();
    endTransaction(transactions);
  }
}
