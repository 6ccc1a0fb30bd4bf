package dev.trellis.execution;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
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
import dev.trellis.lattice.OpaqueValue;
import dev.trellis.lattice.OrderedSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.PriorityRegister;
import dev.trellis.lattice.SortedSet;
import dev.trellis.lattice.Value;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.Read;
import dev.trellis.wire.Threshold;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;

/// Answers reads from an entry: for a shard, which holds it, and for a client, which has merged
/// what it was told into what it knew. Pure.
public final class EntryReader {
  public static final View NOTHING = new View.Nothing();

  private static final View MISSING = new View.Missing();

  private EntryReader() {}

  /// What a reader at `nowMillis` sees.
  ///
  /// @param subject names the key or field in messages
  /// @throws Refusal if the entry holds another kind than the read needs
  public static View read(Entry entry, Read read, long nowMillis, String subject) throws Refusal {
    if (read instanceof Read.State) {
      return entry.equals(Entry.BOTTOM) ? MISSING : new View.State(entry);
    }
    if (read instanceof Read.Await await) {
      return reached(entry, await.threshold(), nowMillis, subject);
    }
    List<Value<?>> live = entry.liveValues(nowMillis);
    if (live.isEmpty()) {
      return MISSING;
    }
    Value<?> value = choose(live, read.kind(), subject);
    return switch (read) {
      case Read.Get get -> whole(value, nowMillis);
      case Read.State state -> throw new IllegalStateException("answered above: " + state);
      case Read.Await await -> throw new IllegalStateException("answered above: " + await);
      case Read.Placed placed -> throw new IllegalStateException("in no entry: " + placed);
      case Read.Contains contains -> new View.Elements(held(value, contains.elements()));
      case Read.Size size -> new View.Whole(size(value, nowMillis));
      case Read.Range range -> new View.Elements(taken(range(value, range), range.limit()));
      case Read.Scores scores ->
          scored(
              ((SortedSet) value).range(scores.min(), scores.max(), scores.descending()),
              scores.limit());
      case Read.Since since -> records((Log) value, since.seen(), since.limit(), Integer.MAX_VALUE);
      case Read.Field field -> {
        Optional<Entry> inner = ((LatticeMap) value).field(field.field());
        yield inner.isEmpty()
            ? MISSING
            : read(inner.get(), field.read(), nowMillis, "field " + field.field());
      }
    };
  }

  /// What is shown of a threshold that is reached now; who can wait asks [ThresholdReader].
  private static View reached(Entry entry, Threshold threshold, long nowMillis, String subject)
      throws Refusal {
    Optional<View> reached = ThresholdReader.read(entry, threshold, nowMillis, subject);
    if (reached.isEmpty()) {
      throw new Refusal(
          ErrorCode.NOT_REACHED,
          subject
              + ": "
              + threshold.describe()
              + " is not reached: "
              + ThresholdReader.shortfall(entry, threshold, nowMillis));
    }
    return reached.get();
  }

  /// What a mutation that was carried out before answers with: the same as then, of the value as it
  /// is now; [View.Missing] if there is none of its kind any more.
  public static View answer(Entry entry, Mutation mutation, long nowMillis) {
    return switch (mutation) {
      case Mutation.Raise raise -> whole(entry, Kind.MAX, nowMillis);
      case Mutation.Lower lower -> whole(entry, Kind.MIN, nowMillis);
      case Mutation.Enable enable -> whole(entry, Kind.FLAG, nowMillis);
      case Mutation.Increment increment -> whole(entry, Kind.COUNTER, nowMillis);
      case Mutation.PutPriority put -> whole(entry, Kind.PRIORITY, nowMillis);
      case Mutation.PutCausal put -> replacingAll(entry, Kind.CAUSAL);
      case Mutation.PutMultiCausal put -> replacingAll(entry, Kind.MULTICAUSAL);
      case Mutation.UpdateField update -> {
        Optional<Entry> field =
            live(entry, Kind.MAP, nowMillis)
                .flatMap(map -> ((LatticeMap) map).field(update.field()));
        yield answer(field.orElse(Entry.BOTTOM), update.mutation(), nowMillis);
      }
      case Mutation.Put put -> NOTHING;
      case Mutation.Add add -> NOTHING;
      case Mutation.Remove remove -> NOTHING;
      case Mutation.AddScored add -> NOTHING;
      case Mutation.RemoveMembers remove -> NOTHING;
      case Mutation.Append append -> NOTHING;
      case Mutation.Trim trim -> NOTHING;
      case Mutation.Delete delete -> NOTHING;
      case Mutation.Expire expire -> NOTHING;
      case Mutation.Merge merge -> NOTHING;
      case Mutation.Place place -> NOTHING;
      case Mutation.Commit commit -> NOTHING;
    };
  }

  private static View whole(Entry entry, Kind kind, long nowMillis) {
    return live(entry, kind, nowMillis).map(value -> whole(value, nowMillis)).orElse(MISSING);
  }

  private static Optional<Value<?>> live(Entry entry, Kind kind, long nowMillis) {
    return entry.value(kind).filter(entry.liveValues(nowMillis)::contains);
  }

  private static View replacingAll(Entry entry, Kind kind) {
    return entry.value(kind).<View>map(v -> replacingAll(contextOf(v))).orElse(MISSING);
  }

  /// What a causal put answers: the context that a next put needs to replace all values.
  public static View replacingAll(CausalContext context) {
    return new View.Siblings(List.of(), context);
  }

  /// The whole value as its kind shows it.
  public static View whole(Value<?> value, long nowMillis) {
    return switch (value) {
      case LwwRegister register ->
          new View.Bytes(register.payload().orElseThrow(), register.expiresAtMillis());
      case MaxRegister register -> new View.Whole(register.value());
      case MinRegister register -> new View.Whole(register.value());
      case Flag flag -> new View.Truth(flag.value());
      case Counter counter -> new View.Whole(counter.value());
      case GrowSet set -> elements(set.elements(), set.size());
      case ObservedRemoveSet set -> elements(set.elements(), set.size());
      case OrderedSet set -> elements(set.elements(), set.size());
      case SortedSet set ->
          scored(
              set.range(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, false),
              Integer.MAX_VALUE);
      case LatticeMap map -> fields(map, nowMillis);
      case CausalRegister register -> siblings(register, nowMillis);
      case MultiCausalRegister register -> siblings(register.register(), nowMillis);
      case PriorityRegister register ->
          new View.Prioritized(register.priority(), register.payload());
      case Log log -> records(log, CausalContext.EMPTY, Integer.MAX_VALUE, Integer.MAX_VALUE);
      case OpaqueValue opaque -> new View.Conflict(List.of(opaque.kindNumber()));
    };
  }

  /// The dots that a value has seen, where its kind keeps them at hand.
  public static CausalContext contextOf(Value<?> value) {
    return switch (value) {
      case ObservedRemoveSet set -> set.context();
      case CausalRegister register -> register.context();
      case MultiCausalRegister register -> register.register().context();
      default -> CausalContext.EMPTY;
    };
  }

  private static View elements(Iterable<Payload> elements, int size) {
    List<Payload> all = new ArrayList<>(size);
    elements.forEach(all::add);
    return new View.Elements(all);
  }

  private static View scored(Iterator<SortedSet.Ranked> ranked, int limit) {
    List<ScoredMember> members = new ArrayList<>();
    while (ranked.hasNext() && members.size() < limit) {
      SortedSet.Ranked next = ranked.next();
      members.add(new ScoredMember(next.member(), next.score()));
    }
    return new View.Scored(members);
  }

  private static View fields(LatticeMap map, long nowMillis) {
    TreeMap<Payload, View.Field> shown = new TreeMap<>();
    for (Map.Entry<Payload, Entry> field : map.fields()) {
      List<Value<?>> live = field.getValue().liveValues(nowMillis);
      if (live.size() == 1) {
        Value<?> value = live.get(0);
        shown.put(
            field.getKey(),
            new View.Field(Kind.ofNumber(value.kindNumber()), whole(value, nowMillis)));
      } else if (!live.isEmpty()) {
        View conflict = new View.Conflict(live.stream().map(Value::kindNumber).toList());
        shown.put(field.getKey(), new View.Field(Optional.empty(), conflict));
      }
    }
    return new View.Fields(shown);
  }

  private static View siblings(CausalRegister register, long nowMillis) {
    List<View.Sibling> shown = new ArrayList<>();
    for (CausalRegister.Sibling sibling : register.liveSiblings(nowMillis)) {
      shown.add(new View.Sibling(sibling.payload(), sibling.dependencies()));
    }
    return new View.Siblings(shown, register.context());
  }

  /// The records of a log that are not in `seen`, oldest first.
  ///
  /// @param bytesMax no further record once those before it have so many
  private static View.Records records(Log log, CausalContext seen, int limit, int bytesMax) {
    List<View.LogRecord> shown = new ArrayList<>();
    List<dev.trellis.causal.Dot> dots = new ArrayList<>();
    long bytes = 0;
    for (Map.Entry<Log.Position, Payload> one : log.since(seen, limit)) {
      if (bytes >= bytesMax) {
        break;
      }
      bytes += one.getValue().size();
      Log.Position position = one.getKey();
      shown.add(new View.LogRecord(position.timestamp(), position.dot(), one.getValue()));
      dots.add(position.dot());
    }
    // What was trimmed will never be read: counting it as seen keeps the reader's context short.
    return new View.Records(shown, seen.merge(CausalContext.ofDots(dots)).merge(log.trimmed()));
  }

  /// What there is to show of records that were waited for: they, and what was trimmed of those who
  /// wrote them, as the context of all who ever did might be large.
  static View.Records unseen(Log log, Threshold.Unseen wanted) {
    View.Records shown = records(log, wanted.seen(), wanted.limit(), wanted.bytesMax());
    Set<ReplicaId> writers = new HashSet<>();
    shown.records().forEach(record -> writers.add(record.dot().replica()));
    return new View.Records(shown.records(), log.trimmed().ofReplicas(writers));
  }

  private static Iterator<Payload> range(Value<?> value, Read.Range range) throws Refusal {
    return switch (value) {
      case GrowSet set -> set.range(range.from(), range.to(), range.descending());
      case ObservedRemoveSet set -> set.range(range.from(), range.to(), range.descending());
      case OrderedSet set -> set.range(range.from(), range.to(), range.descending());
      default -> throw inapplicable("a range of elements", range.of(), "gset, oset and orset");
    };
  }

  private static List<Payload> taken(Iterator<Payload> elements, int limit) {
    List<Payload> some = new ArrayList<>();
    while (elements.hasNext() && some.size() < limit) {
      some.add(elements.next());
    }
    return some;
  }

  private static List<Payload> held(Value<?> value, List<Payload> elements) throws Refusal {
    List<Payload> found = new ArrayList<>();
    for (Payload element : elements.stream().sorted().distinct().toList()) {
      boolean holds =
          switch (value) {
            case GrowSet set -> set.contains(element);
            case ObservedRemoveSet set -> set.contains(element);
            case OrderedSet set -> set.contains(element);
            case SortedSet set -> set.score(element).isPresent();
            default ->
                throw inapplicable(
                    "a test for elements",
                    Kind.ofNumber(value.kindNumber()).orElseThrow(),
                    "gset, oset, orset and sortedset");
          };
      if (holds) {
        found.add(element);
      }
    }
    return found;
  }

  private static long size(Value<?> value, long nowMillis) throws Refusal {
    return switch (value) {
      case GrowSet set -> set.size();
      case ObservedRemoveSet set -> set.size();
      case OrderedSet set -> set.size();
      case SortedSet set -> set.size();
      case LatticeMap map -> map.liveCount(nowMillis);
      case CausalRegister register -> register.liveSiblings(nowMillis).size();
      case MultiCausalRegister register -> register.register().liveSiblings(nowMillis).size();
      case Log log -> log.size();
      default ->
          throw inapplicable(
              "a size",
              Kind.ofNumber(value.kindNumber()).orElseThrow(),
              "sets, maps, logs and causal registers");
    };
  }

  private static Refusal inapplicable(String what, Kind kind, String applicable) {
    return new Refusal(
        ErrorCode.BAD_REQUEST,
        what + " is not defined for " + kind.word() + ", but for " + applicable);
  }

  /// The live value of the wanted kind. Without a wanted kind, the only live value.
  ///
  /// @param live not empty
  /// @throws Refusal `KIND_MISMATCH` naming what there is
  public static Value<?> choose(List<Value<?>> live, Optional<Kind> wanted, String subject)
      throws Refusal {
    if (wanted.isEmpty() && live.size() == 1) {
      return live.get(0);
    }
    for (Value<?> value : live) {
      if (wanted.isPresent() && value.kindNumber() == wanted.get().number()) {
        return value;
      }
    }
    throw new Refusal(
        ErrorCode.KIND_MISMATCH,
        wanted.isPresent()
            ? subject + " holds " + words(live) + ", not " + wanted.get().word()
            : subject + " got several kinds at once: " + words(live) + "; name one of them");
  }

  private static String words(List<Value<?>> values) {
    return values.stream()
        .map(value -> word(value.kindNumber()))
        .collect(Collectors.joining(" and "));
  }

  private static String word(int kindNumber) {
    return Kind.ofNumber(kindNumber)
        .map(Kind::word)
        .orElse("kind " + kindNumber + " of a newer version");
  }
}
