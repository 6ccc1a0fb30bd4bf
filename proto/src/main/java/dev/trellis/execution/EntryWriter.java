package dev.trellis.execution;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Commits;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.MinRegister;
import dev.trellis.lattice.MultiCausalRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.OrderedSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.PriorityRegister;
import dev.trellis.lattice.SortedSet;
import dev.trellis.lattice.Value;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Limits;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.View;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.TreeMap;

/// Turns mutations into deltas: what a first replica does. Pure but for the birth numbers it draws.
///
/// Every rule works on an entry, not on a key, because a field of a map is an entry too and obeys
/// the same rules; [Mutation.UpdateField] just descends.
public final class EntryWriter {
  /// What a mutation comes to.
  ///
  /// @param after the entry with the delta merged
  /// @param delta what was merged: all that other replicas need
  /// @param changed how many parts of the value are different now
  /// @param dots the dots minted for it
  /// @param differs whether the entry had something else under the mutation's tag, as after a retry
  ///   that saw another state
  public record Written(
      Entry after, Entry delta, View view, long changed, CausalContext dots, boolean differs) {
    Written(Entry after, Entry delta, View view, long changed, CausalContext dots) {
      this(after, delta, view, changed, dots, false);
    }
  }

  /// How long commits are told apart at least, in the time of the commits to the key: longer than
  /// one takes to reach all its keys, since a shard refuses stamps that are older than half that.
  public static final long COMMIT_KEPT_MILLIS_MIN = 1_000;

  /// How many keys a commit writes at most: each of them names all.
  public static final int COMMIT_KEYS_MAX = 256;

  /// How many bytes a commit writes to one key at most: some sixteen are kept apart from the value.
  public static final int COMMIT_BYTES_MAX = 1 << 20;

  /// How long at most.
  private static final long COMMIT_KEPT_MILLIS = 10_000;

  /// How many, where that is longer than the least.
  private static final int COMMITS_KEPT = 16;

  private static final View NOTHING = EntryReader.NOTHING;

  private final WriteContext context;

  public EntryWriter(WriteContext context) {
    this.context = context;
  }

  /// Carries out a mutation on `held`, in a generation that is not before `earliest`.
  ///
  /// @param subject names the key or field in messages
  /// @param depth of maps around the entry, 0 for a key
  public Written write(
      Entry held, HybridTimestamp earliest, Mutation mutation, String subject, int depth)
      throws Refusal {
    if (!earliest.isAfter(generation(held, mutation, context.nowMillis()))) {
      return write(held, mutation, subject, depth);
    }
    Entry started = Entry.empty(earliest);
    Written written = write(started, mutation, subject, depth);
    if (!written.delta.equals(Entry.BOTTOM) || held.isDead(context.nowMillis())) {
      return written;
    }
    // It changes nothing in a generation that has not been heard of here. What is still held is
    // over nevertheless: whoever is told that it was done must not find it again.
    return new Written(started, started, written.view, 1, CausalContext.EMPTY);
  }

  /// The generation in which a mutation of `entry` is made if it names none: the one that follows,
  /// also if nobody has written in that yet, where a write finds an entry that has ended.
  public static HybridTimestamp generation(Entry entry, Mutation mutation, long nowMillis) {
    return mutation.kind().isEmpty()
        ? entry.generation()
        : writable(entry, mutation.kind().get(), nowMillis).generation();
  }

  /// The generations of the fields on the way to what a mutation changes, the outermost first;
  /// empty if none of them was ever deleted.
  public static List<HybridTimestamp> fieldGenerations(Entry entry, Mutation mutation) {
    List<HybridTimestamp> generations = new ArrayList<>();
    boolean any = false;
    Entry at = entry;
    Mutation inner = mutation;
    while (inner instanceof Mutation.UpdateField update) {
      at =
          at.value(Kind.MAP)
              .flatMap(map -> ((LatticeMap) map).field(update.field()))
              .orElse(Entry.BOTTOM);
      generations.add(at.generation());
      any |= at.generation().isAfter(HybridTimestamp.ZERO);
      inner = update.mutation();
    }
    return any ? generations : List.of();
  }

  private Written write(Entry before, Mutation mutation, String subject, int depth) throws Refusal {
    return switch (mutation) {
      case Mutation.Merge merge -> merged(before, merge.entry());
      case Mutation.Delete delete -> delete(before);
      case Mutation.Expire expire -> expire(before, expire, subject);
      case Mutation.Place place -> throw notOfAKind(place);
      case Mutation.Commit commit -> commit(before, commit, subject, depth);
      default -> update(before, mutation, mutation.kind().orElseThrow(), subject, depth);
    };
  }

  /// When what the mutation has written or marked will expire, if it gives a time to live.
  public OptionalLong expiryGivenBy(Mutation mutation) {
    return switch (mutation) {
      case Mutation.UpdateField update -> expiryGivenBy(update.mutation());
      case Mutation.Expire expire ->
          expire.ttlMillis().isEmpty()
              ? OptionalLong.empty()
              : OptionalLong.of(context.timestamp().millis() + expire.ttlMillis().getAsLong());
      default ->
          context.ttlMillis() == 0
              ? OptionalLong.empty()
              : OptionalLong.of(context.expiresAtMillis());
    };
  }

  private Written delete(Entry before) {
    List<Value<?>> live = before.liveValues(context.nowMillis());
    if (live.isEmpty()) {
      return unchanged(before);
    }
    boolean onlyLww = live.size() == 1 && live.get(0) instanceof LwwRegister;
    Entry delta =
        onlyLww
            ? Entry.of(
                before.generation(), LwwRegister.tombstone(context.timestamp(), context.writer()))
            : before.startedAnew(context.clock());
    Entry after = before.merge(delta);
    // A tombstone older than the value it meets deletes nothing: the later put has won.
    long changed = after.isDead(context.nowMillis()) ? 1 : 0;
    return new Written(after, delta, NOTHING, changed, CausalContext.EMPTY);
  }

  /// Keeps what the commit writes apart from the rest, and folds what is old.
  private Written commit(Entry before, Mutation.Commit commit, String subject, int depth)
      throws Refusal {
    if (depth > 0) {
      throw new Refusal(ErrorCode.BAD_REQUEST, "a commit is of whole keys, not of a field");
    }
    if (context.tag().isPresent()) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          subject + ": a commit of several keys takes no tag; its timestamp is its name");
    }
    if (commit.keys().size() > COMMIT_KEYS_MAX) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "a commit of %d keys, the limit is %d".formatted(commit.keys().size(), COMMIT_KEYS_MAX));
    }
    Entry shown = before;
    for (Mutation mutation : commit.mutations()) {
      Kind kind = mutation.kind().orElse(Kind.LWW);
      Entry base = writable(shown, kind, context.nowMillis());
      List<Value<?>> live = base.liveValues(context.nowMillis());
      if (!live.isEmpty()) {
        EntryReader.choose(live, Optional.of(kind), subject);
      }
      if (context.ttlMillis() != 0 && kind != Kind.LWW) {
        throw new Refusal(
            ErrorCode.BAD_REQUEST,
            subject + ": within a commit of several keys only lww takes a ttl, not " + kind.word());
      }
      shown = base;
    }
    CommitId id = new CommitId(context.timestamp(), context.writer());
    Commits held = shown.commits();
    if (!id.timestamp().isAfter(held.foldedUpTo())) {
      throw new Refusal(
          ErrorCode.CLOCK_SKEW,
          subject
              + " has commits up to "
              + held.foldedUpTo()
              + " that are no more told apart, so one of "
              + id.timestamp()
              + " comes too late");
    }
    Entry written = Entry.empty(shown.generation());
    for (Mutation mutation : commit.mutations()) {
      Kind kind = mutation.kind().orElse(Kind.LWW);
      Value<?> delta =
          mutation instanceof Mutation.Delete
              ? LwwRegister.tombstone(context.timestamp(), context.writer())
              : part(shown.merge(written).value(kind), mutation, subject, depth).delta;
      if (delta.weight() > 0) {
        written = written.with(delta);
      }
    }
    if (written.weight() > COMMIT_BYTES_MAX) {
      throw new Refusal(
          ErrorCode.VALUE_TOO_LARGE,
          "%s: the commit writes %d bytes to it, the limit is %d, as commits are kept apart for a while"
              .formatted(subject, written.weight(), COMMIT_BYTES_MAX));
    }
    Commits part = Commits.of(id, new Commits.Part(commit.keys(), written.values()));
    Entry delta = Entry.empty(shown.generation()).with(part);
    HybridTimestamp foldedUpTo = toFold(held, id);
    if (foldedUpTo.isAfter(held.foldedUpTo())) {
      delta = delta.with(new Commits(foldedUpTo, Collections.emptySortedMap()));
    }
    return new Written(before.merge(delta), delta, NOTHING, 1, CausalContext.EMPTY);
  }

  /// Up to when commits need not be told apart any more, once there is one more.
  private static HybridTimestamp toFold(Commits held, CommitId added) {
    long newestMillis = added.timestamp().millis();
    if (!held.parts().isEmpty()) {
      newestMillis = Math.max(newestMillis, held.parts().lastKey().timestamp().millis());
    }
    HybridTimestamp foldedUpTo = held.foldedUpTo();
    int left = held.parts().size() + 1;
    for (CommitId id : held.parts().keySet()) {
      long ageMillis = newestMillis - id.timestamp().millis();
      boolean old = ageMillis > COMMIT_KEPT_MILLIS;
      boolean crowded = left > COMMITS_KEPT && ageMillis > COMMIT_KEPT_MILLIS_MIN;
      if (!old && !crowded) {
        break;
      }
      foldedUpTo = id.timestamp();
      left--;
    }
    return foldedUpTo;
  }

  private Written expire(Entry before, Mutation.Expire expire, String subject) throws Refusal {
    List<Value<?>> live = before.liveValues(context.nowMillis());
    for (Value<?> value : live) {
      if (carriesExpiry(value)) {
        throw new Refusal(
            ErrorCode.BAD_REQUEST,
            subject
                + " holds "
                + Kind.ofNumber(value.kindNumber()).orElseThrow().word()
                + ", whose expiry is part of each value; put it again with a ttl");
      }
    }
    if (live.isEmpty()) {
      return unchanged(before);
    }
    long at =
        expire.ttlMillis().isEmpty()
            ? Expiry.NEVER
            : context.timestamp().millis() + expire.ttlMillis().getAsLong();
    Entry delta = Entry.of(before.generation(), Optional.of(expiry(at)), List.of());
    return merged(before, delta);
  }

  private Written update(Entry before, Mutation mutation, Kind kind, String subject, int depth)
      throws Refusal {
    Entry base = writable(before, kind, context.nowMillis());
    List<Value<?>> live = base.liveValues(context.nowMillis());
    if (!live.isEmpty()) {
      EntryReader.choose(live, Optional.of(kind), subject);
    }
    Part part = part(base.value(kind), mutation, subject, depth);
    if (part.delta.weight() == 0) {
      // Removing what is not there creates nothing, least of all an empty set under a missing key.
      return new Written(before, Entry.BOTTOM, part.view, 0, CausalContext.EMPTY);
    }
    boolean expires = context.ttlMillis() != 0 && !(mutation instanceof Mutation.UpdateField);
    Optional<Expiry> setting =
        expires && !carriesExpiry(part.delta)
            ? Optional.of(expiry(context.expiresAtMillis()))
            : Optional.empty();
    Entry delta = Entry.of(base.generation(), setting, List.of(part.delta));
    Entry after = base.merge(delta);
    Value<?> value = after.value(kind).orElseThrow();
    long changed =
        part.changed >= 0
            ? part.changed
            : base.value(kind).filter(value::equals).isPresent() ? 0 : 1;
    View view =
        switch (part.show) {
          case NOTHING -> NOTHING;
          case VALUE -> EntryReader.whole(value, context.nowMillis());
          case INNER -> part.view;
        };
    return new Written(after, delta, view, changed, part.dots, part.differs);
  }

  /// The entry that a write of a kind goes to: `before`, or the empty start of the next generation
  /// if all in it has ended. What orders its own values (`lww`, `causal`) needs no new generation
  /// for a write of its own kind, so that a write concurrent with the expiry isn't lost.
  static Entry writable(Entry before, Kind kind, long nowMillis) {
    boolean empty = before.values().isEmpty();
    boolean over =
        empty
            ? before.expiry().filter(e -> Expiry.isPast(e.atMillis(), nowMillis)).isPresent()
            : before.isDead(nowMillis);
    if (!over) {
      return before;
    }
    boolean ordersItself =
        before.values().size() == 1
            && before.values().get(0).kindNumber() == kind.number()
            && carriesExpiry(before.values().get(0));
    return ordersItself ? before : before.startedAnew(before.endedAt());
  }

  private enum Show {
    NOTHING,
    VALUE,
    INNER
  }

  /// What one kind makes of a mutation.
  ///
  /// @param changed -1 where comparing the value before and after tells
  private record Part(
      Value<?> delta, long changed, CausalContext dots, Show show, View view, boolean differs) {
    Part(Value<?> delta, long changed, CausalContext dots, Show show, View view) {
      this(delta, changed, dots, show, view, false);
    }

    Part differing(boolean differs) {
      return new Part(delta, changed, dots, show, view, differs);
    }

    static Part of(Value<?> delta, Show show) {
      return new Part(delta, -1, CausalContext.EMPTY, show, NOTHING);
    }

    static Part of(Value<?> delta, long changed, CausalContext dots) {
      return new Part(delta, changed, dots, Show.NOTHING, NOTHING);
    }
  }

  private Part part(Optional<Value<?>> state, Mutation mutation, String subject, int depth)
      throws Refusal {
    return switch (mutation) {
      case Mutation.Put put ->
          Part.of(
              LwwRegister.of(
                  context.timestamp(), context.writer(), context.expiresAtMillis(), put.value()),
              Show.NOTHING);
      case Mutation.Raise raise -> Part.of(new MaxRegister(raise.to()), Show.VALUE);
      case Mutation.Lower lower -> Part.of(new MinRegister(lower.to()), Show.VALUE);
      case Mutation.Enable enable -> Part.of(new Flag(true), Show.VALUE);
      case Mutation.PutPriority put ->
          Part.of(new PriorityRegister(put.priority(), put.value()), Show.VALUE);
      case Mutation.Increment increment ->
          increment((Counter) state.orElse(Counter.ZERO), increment.by(), subject);
      case Mutation.Add add ->
          switch (add.to()) {
            case GSET -> {
              GrowSet before = (GrowSet) state.orElse(GrowSet.EMPTY);
              yield Part.of(
                  GrowSet.of(add.elements()),
                  absent(add.elements(), before::contains),
                  CausalContext.EMPTY);
            }
            case OSET -> {
              OrderedSet before = (OrderedSet) state.orElse(OrderedSet.EMPTY);
              yield Part.of(
                  OrderedSet.of(add.elements()),
                  absent(add.elements(), before::contains),
                  CausalContext.EMPTY);
            }
            default ->
                addObserved(
                    (ObservedRemoveSet) state.orElse(ObservedRemoveSet.EMPTY), add, subject);
          };
      case Mutation.Remove remove -> {
        ObservedRemoveSet before = (ObservedRemoveSet) state.orElse(ObservedRemoveSet.EMPTY);
        if (context.tag().isPresent()) {
          ObservedRemoveSet delta = before.remove(context.tag().get(), remove.elements());
          yield Part.of(delta, before.size() - before.merge(delta).size(), CausalContext.EMPTY);
        }
        yield Part.of(
            before.remove(remove.elements()),
            remove.elements().stream().distinct().filter(before::contains).count(),
            CausalContext.EMPTY);
      }
      case Mutation.AddScored add -> {
        Map<Payload, SortedSet.Score> settings = new HashMap<>();
        for (Mutation.ScoredMember member : add.members()) {
          settings.put(member.member(), score(OptionalDouble.of(member.score())));
        }
        yield scores((SortedSet) state.orElse(SortedSet.EMPTY), settings);
      }
      case Mutation.RemoveMembers remove -> {
        SortedSet before = (SortedSet) state.orElse(SortedSet.EMPTY);
        Map<Payload, SortedSet.Score> settings = new HashMap<>();
        for (Payload member : remove.members()) {
          // Removing what is not there leaves no tombstone behind.
          if (before.score(member).isPresent()) {
            settings.put(member, score(OptionalDouble.empty()));
          }
        }
        yield scores(before, settings);
      }
      case Mutation.UpdateField update ->
          field((LatticeMap) state.orElse(LatticeMap.EMPTY), update, depth + 1);
      case Mutation.PutCausal put -> {
        CausalRegister before = (CausalRegister) state.orElse(CausalRegister.EMPTY);
        yield causal(
            before,
            put.context(),
            new CausalRegister.Sibling(
                put.value(), context.expiresAtMillis(), Collections.emptySortedMap()),
            subject);
      }
      case Mutation.PutMultiCausal put -> {
        CausalRegister before =
            ((MultiCausalRegister) state.orElse(MultiCausalRegister.EMPTY)).register();
        Part part =
            causal(
                before,
                put.context(),
                new CausalRegister.Sibling(
                    put.value(),
                    context.expiresAtMillis(),
                    new TreeMap<>(put.dependencies()),
                    put.horizon()),
                subject);
        yield new Part(
            new MultiCausalRegister((CausalRegister) part.delta),
            part.changed,
            part.dots,
            part.show,
            part.view,
            part.differs);
      }
      case Mutation.Append append -> {
        Log before = (Log) state.orElse(Log.EMPTY);
        if (context.tag().isPresent()) {
          yield append(before, context.tag().get(), append, subject);
        }
        if (append.position() != 0) {
          throw new Refusal(
              ErrorCode.BAD_REQUEST,
              subject
                  + ": records from position "
                  + append.position()
                  + " of a tag, and no tag is given");
        }
        ReplicaId replica =
            context.replica(
                before.latestOf(context.incarnation(), context.birthMin(), context.birthEnd()),
                before::counterOf);
        Log delta = before.append(replica, context.timestamp(), append.records());
        if (append.recordsMax() > 0 || append.bytesMax() > 0) {
          requireRoomFor(append, before, before.merge(delta), subject);
        }
        yield Part.of(delta, append.records().size(), delta.context());
      }
      case Mutation.Trim trim -> {
        Log before = (Log) state.orElse(Log.EMPTY);
        yield Part.of(
            before.trim(trim.observed()), before.countOf(trim.observed()), CausalContext.EMPTY);
      }
      case Mutation.Delete delete -> throw notOfAKind(delete);
      case Mutation.Expire expire -> throw notOfAKind(expire);
      case Mutation.Merge merge -> throw notOfAKind(merge);
      case Mutation.Place place -> throw notOfAKind(place);
      case Mutation.Commit commit -> throw notOfAKind(commit);
    };
  }

  private Part increment(Counter before, long by, String subject) throws Refusal {
    if (by == Long.MIN_VALUE) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          "adding " + by + " to " + subject + " is one too far: add " + (by + 1) + ", then -1");
    }
    if (context.tag().isPresent()) {
      requireRoomFor(context.tag().get(), before, subject);
    }
    Counter delta = increment(before, by);
    OptionalLong known = context.tag().map(before::addedBy).orElse(OptionalLong.empty());
    BigInteger sum = before.merge(delta).exactValue();
    // Replicas that counted up at once may have brought it beyond the range; it may come back.
    if (known.isEmpty() && sum.bitLength() >= Long.SIZE && sum.signum() == Long.signum(by)) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          // Without the value, which not everybody may know who may add.
          "adding " + by + " to " + subject + " leaves the range of 64 bits");
    }
    return Part.of(delta, Show.VALUE).differing(known.isPresent() && known.getAsLong() != by);
  }

  /// @throws Refusal if additions under tags of that age are no more told apart, or too many are
  private static void requireRoomFor(Tag tag, Counter before, String subject) throws Refusal {
    if (tag.invocation().bornMillis() < before.foldedBefore()) {
      throw new Refusal(
          ErrorCode.INVOCATION_EXPIRED,
          "invocation "
              + tag.invocation()
              + " is so old that "
              + subject
              + " does not tell any more whether mutation "
              + tag.number()
              + " of it was carried out");
    }
    if (before.taggedWeight() > Limits.TAGGED_BYTES_MAX - Counter.WEIGHT_PER_TAG
        && before.addedBy(tag).isEmpty()) {
      String rest =
          " additions by invocations, which are told apart until these have expired, and takes no"
              + " more until then: spread them over several keys, or set invocation.lifetime lower";
      throw Refusal.telling(
          ErrorCode.VALUE_TOO_LARGE,
          subject + " has " + before.taggedCount() + rest,
          subject + " has too many" + rest);
    }
  }

  private Counter increment(Counter before, long by) {
    if (context.tag().isPresent()) {
      Tag tag = context.tag().get();
      OptionalLong known = before.addedBy(tag);
      if (known.isPresent() && known.getAsLong() >= by) {
        return before.only(
            tag); // whoever took it, so that who is told of it is told by their names
      }
      return before.increment(nameIn(before), tag, by);
    }
    ReplicaId replica = nameIn(before);
    try {
      return before.increment(replica, by);
    } catch (ArithmeticException e) {
      // All that was ever added under this name fills 64 bits; the value need not. Under a new
      // name, counting goes on.
      return before.increment(context.replica(Optional.empty()), by);
    }
  }

  private ReplicaId nameIn(Counter before) {
    return context.replica(
        before.latestOf(context.incarnation(), context.birthMin(), context.birthEnd()));
  }

  private ReplicaId nameIn(CausalContext seen) {
    return context.replica(
        seen.latestOf(context.incarnation(), context.birthMin(), context.birthEnd()),
        seen::counterOf);
  }

  private Part addObserved(ObservedRemoveSet before, Mutation.Add add, String subject)
      throws Refusal {
    if (context.tag().isPresent()) {
      Tag tag = context.tag().get();
      requireNames(tag, 0, add.elements(), subject);
      ObservedRemoveSet delta = before.add(tag, add.elements());
      List<Dot> named = new ArrayList<>();
      boolean differs = false;
      for (Map.Entry<Dot, Payload> added : delta.adds()) {
        named.add(added.getKey());
        differs |=
            before.elementOf(added.getKey()).filter(e -> !e.equals(added.getValue())).isPresent();
      }
      ObservedRemoveSet after = before.merge(delta);
      return Part.of(delta, Math.max(0, after.size() - before.size()), CausalContext.ofDots(named))
          .differing(differs);
    }
    ReplicaId replica = nameIn(before.context());
    ObservedRemoveSet delta = before.add(replica, add.elements());
    List<Dot> minted = new ArrayList<>();
    for (Map.Entry<Dot, Payload> added : delta.adds()) {
      minted.add(added.getKey());
    }
    return Part.of(delta, absent(add.elements(), before::contains), CausalContext.ofDots(minted));
  }

  private Part append(Log before, Tag tag, Mutation.Append append, String subject) throws Refusal {
    requireNames(tag, append.position(), append.records(), subject);
    Log delta = before.append(tag, append.position(), context.timestamp(), append.records());
    Log after = before.merge(delta);
    requireRoomFor(append, before, after, subject);
    boolean differs = false;
    for (Map.Entry<Log.Position, Payload> record : delta.records()) {
      differs |=
          before
              .recordOf(record.getKey().dot())
              .filter(held -> !held.equals(record.getValue()))
              .isPresent();
    }
    return Part.of(delta, Math.max(0, after.size() - before.size()), delta.context())
        .differing(differs);
  }

  /// @throws Refusal if the log would be larger than the writer wants it; what is repeated is there
  ///   already, and needs no room
  private static void requireRoomFor(Mutation.Append append, Log before, Log after, String subject)
      throws Refusal {
    boolean tooMany = append.recordsMax() > 0 && after.size() > append.recordsMax();
    boolean tooLarge = append.bytesMax() > 0 && after.recordsWeight() > append.bytesMax();
    if ((tooMany || tooLarge) && before.size() > 0 && after.size() > before.size()) {
      String most =
          "may have %s of %s"
              .formatted(
                  append.recordsMax() == 0 ? "any number" : append.recordsMax(),
                  append.bytesMax() == 0 ? "any size" : append.bytesMax() + " bytes");
      throw Refusal.telling(
          ErrorCode.OVERLOADED,
          "%s is full: it has %d records of %d bytes, and %s"
              .formatted(subject, before.size(), before.recordsWeight(), most),
          "%s is full: it %s".formatted(subject, most));
    }
  }

  /// @throws Refusal if a tag has no names for so many
  private static void requireNames(Tag tag, int position, List<Payload> named, String subject)
      throws Refusal {
    if (named.size() > Tag.POSITIONS_MAX - position) {
      throw new Refusal(
          ErrorCode.BAD_REQUEST,
          subject
              + ": mutation "
              + tag.number()
              + " of an invocation brings "
              + named.size()
              + (position == 0 ? "" : " from position " + position + " on")
              + "; it takes "
              + Tag.POSITIONS_MAX
              + " at most");
    }
  }

  private SortedSet.Score score(OptionalDouble score) {
    return new SortedSet.Score(context.timestamp(), context.writer(), score);
  }

  private static Part scores(SortedSet before, Map<Payload, SortedSet.Score> settings) {
    SortedSet delta = SortedSet.of(settings);
    SortedSet after = before.merge(delta);
    long changed =
        settings.keySet().stream()
            .filter(member -> !before.score(member).equals(after.score(member)))
            .count();
    return Part.of(delta, changed, CausalContext.EMPTY);
  }

  private Part field(LatticeMap before, Mutation.UpdateField update, int depth) throws Refusal {
    if (depth > Limits.DEPTH_MAX) {
      throw new Refusal(ErrorCode.BAD_REQUEST, "maps nest at most " + Limits.DEPTH_MAX + " deep");
    }
    if (update.mutation() instanceof Mutation.Merge) {
      throw new Refusal(ErrorCode.BAD_REQUEST, "a merge is of a whole key, not of a field");
    }
    Entry held = before.field(update.field()).orElse(Entry.BOTTOM);
    Written written =
        write(held, earliest(held, depth), update.mutation(), "field " + update.field(), depth);
    // A mutation that found nothing to change leaves no trace of the field.
    Map<Payload, Entry> delta =
        written.delta.equals(Entry.BOTTOM) ? Map.of() : Map.of(update.field(), written.delta);
    return new Part(
        LatticeMap.of(delta),
        written.changed,
        written.dots,
        Show.INNER,
        written.view,
        written.differs);
  }

  /// The generation that a mutation of a field must not be behind. One so old that it may have been
  /// forgotten here does not count where the field lives again in an earlier one.
  private HybridTimestamp earliest(Entry field, int depth) {
    List<HybridTimestamp> named = context.fieldGenerations();
    HybridTimestamp earliest = depth > named.size() ? HybridTimestamp.ZERO : named.get(depth - 1);
    boolean forgotten = earliest.millis() <= context.forgottenUpToMillis();
    return forgotten && !field.isDead(context.nowMillis()) ? HybridTimestamp.ZERO : earliest;
  }

  private Part causal(
      CausalRegister before, CausalContext given, CausalRegister.Sibling sibling, String subject)
      throws Refusal {
    CausalContext seen = seenHere(before, given, subject);
    if (context.tag().isPresent()) {
      Tag tag = context.tag().get();
      CausalRegister delta = before.put(tag, sibling, seen);
      CausalRegister after = before.merge(delta);
      boolean differs =
          before.sibling(tag.dot(0)).filter(held -> !held.equals(sibling)).isPresent();
      return new Part(
          delta,
          after == before ? 0 : 1,
          CausalContext.of(tag.dot(0)),
          Show.INNER,
          EntryReader.replacingAll(after.context()),
          differs);
    }
    ReplicaId replica = nameIn(before.context());
    CausalRegister delta = before.put(replica, sibling, seen);
    Dot minted = delta.siblings().iterator().next().getKey();
    View view = EntryReader.replacingAll(before.merge(delta).context());
    return new Part(delta, 1, CausalContext.of(minted), Show.INNER, view);
  }

  /// What a writer has seen of this value, going by the context it gives.
  ///
  /// All dots of this shard that the value ever had, it knows. Others of them in the context are
  /// from another key, or from before the key was deleted, or forged; were they let in, the shard
  /// would sooner or later write under one of them, and a put with such a context would swallow
  /// that write. What is forged under the name of another shard gets to that one in the end, which
  /// knows what to make of it (see [WriteContext#replica]), within what any shard can have counted.
  ///
  /// @throws Refusal if the context knows more of this value than has happened
  private CausalContext seenHere(CausalRegister before, CausalContext given, String subject)
      throws Refusal {
    List<CausalContext.Run> seen = new ArrayList<>();
    boolean strange = false;
    for (CausalContext.Run run : given.runs()) {
      boolean ours = run.replica().incarnation() == context.incarnation();
      long known = before.context().counterOf(run.replica());
      boolean possible =
          run.to() <= WriteContext.COUNTER_SEEN_MAX || InvocationId.isOne(run.replica());
      if (ours ? run.to() <= known : possible) {
        seen.add(run);
      } else if (ours && known == 0) {
        strange = true;
      } else {
        throw new Refusal(
            ErrorCode.BAD_REQUEST,
            "the context given for "
                + subject
                + " names writes that never happened; pass back the"
                + " context of a read unchanged");
      }
    }
    return strange ? CausalContext.ofRuns(seen) : given;
  }

  private Expiry expiry(long atMillis) {
    return new Expiry(context.timestamp(), context.writer(), atMillis);
  }

  private static boolean carriesExpiry(Value<?> value) {
    return value instanceof LwwRegister
        || value instanceof CausalRegister
        || value instanceof MultiCausalRegister;
  }

  private static long absent(
      List<Payload> elements, java.util.function.Predicate<Payload> present) {
    return elements.stream().distinct().filter(present.negate()).count();
  }

  private static Written unchanged(Entry before) {
    return new Written(before, Entry.BOTTOM, NOTHING, 0, CausalContext.EMPTY);
  }

  private static Written merged(Entry before, Entry delta) {
    Entry after = before.merge(delta);
    return new Written(after, delta, NOTHING, after == before ? 0 : 1, CausalContext.EMPTY);
  }

  private static IllegalStateException notOfAKind(Mutation mutation) {
    return new IllegalStateException(mutation + " needs no kind and is carried out elsewhere");
  }
}
