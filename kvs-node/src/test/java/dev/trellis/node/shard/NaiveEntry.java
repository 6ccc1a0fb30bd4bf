package dev.trellis.node.shard;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.CausalContext.Run;
import dev.trellis.causal.Dot;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Mutation.ScoredMember;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/// What one user who is alone sees of a key or field, in plain collections: no lattice, no
/// generation, no replica. Later writes have later stamps here, so the order of calls is all there
/// is.
final class NaiveEntry {
  /// Why a mutation is refused.
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;
    private final ErrorCode code;

    Refused(ErrorCode code) {
      super(code.name());
      this.code = code;
    }

    ErrorCode code() {
      return code;
    }
  }

  private record Text(Payload value, long expiresAt) {}

  private Optional<Kind> kind = Optional.empty();
  private long expiresAt; // of kinds whose values have no expiry of their own; 0 for never
  private long number; // max, min, counter
  private Text text = new Text(Payload.EMPTY, 0); // lww
  private double priority;
  private Payload first = Payload.EMPTY; // of priority
  private final TreeSet<Payload> elements = new TreeSet<>();
  private final TreeMap<Payload, Double> scores = new TreeMap<>();
  private final TreeMap<Payload, NaiveEntry> fields = new TreeMap<>();
  private final Map<Dot, Text> siblings = new LinkedHashMap<>();
  private final Map<Dot, Payload> records = new LinkedHashMap<>();

  Optional<Kind> kind(long now) {
    return isLive(now) ? kind : Optional.empty();
  }

  private static boolean isOver(long expiresAt, long now) {
    return expiresAt != 0 && expiresAt <= now;
  }

  boolean isLive(long now) {
    if (kind.isEmpty()) {
      return false;
    }
    return switch (kind.get()) {
      case LWW -> !isOver(text.expiresAt, now);
      case CAUSAL -> siblings.values().stream().anyMatch(one -> !isOver(one.expiresAt, now));
      default -> !isOver(expiresAt, now);
    };
  }

  private void clear() {
    kind = Optional.empty();
    expiresAt = 0;
    number = 0;
    elements.clear();
    scores.clear();
    fields.clear();
    siblings.clear();
    records.clear();
  }

  /// Carries out a mutation.
  ///
  /// @param ttl 0 for none
  /// @param minted the dots that the shard says it minted; names for what was written
  /// @return how many parts were changed
  long apply(Mutation mutation, long ttl, long now, CausalContext minted) throws Refused {
    boolean live = isLive(now);
    if (mutation instanceof Mutation.Delete) {
      clear();
      return live ? 1 : 0;
    }
    if (mutation instanceof Mutation.Expire expire) {
      if (!live) {
        return 0;
      }
      if (kind.get() == Kind.LWW || kind.get() == Kind.CAUSAL) {
        throw new Refused(ErrorCode.BAD_REQUEST);
      }
      expiresAt = expire.ttlMillis().isEmpty() ? 0 : now + expire.ttlMillis().getAsLong();
      return 1;
    }
    Kind wanted = mutation.kind().orElseThrow();
    if (live && kind.get() != wanted) {
      throw new Refused(ErrorCode.KIND_MISMATCH);
    }
    if (!live && wanted != Kind.CAUSAL) {
      clear();
    }
    long changed = write(mutation, ttl, now, minted, live);
    boolean takesAway =
        mutation instanceof Mutation.Remove
            || mutation instanceof Mutation.RemoveMembers
            || mutation instanceof Mutation.Trim
            || (mutation instanceof Mutation.UpdateField && fields.isEmpty());
    if (live || !takesAway) {
      kind = Optional.of(wanted);
      boolean setsExpiry =
          ttl != 0
              && wanted != Kind.LWW
              && wanted != Kind.CAUSAL
              && !(mutation instanceof Mutation.UpdateField)
              && !(takesAway && changed == 0);
      expiresAt = setsExpiry ? now + ttl : expiresAt;
    }
    return changed;
  }

  private long write(Mutation mutation, long ttl, long now, CausalContext minted, boolean live)
      throws Refused {
    long end = ttl == 0 ? 0 : now + ttl;
    return switch (mutation) {
      case Mutation.Put put -> {
        text = new Text(put.value(), end);
        yield 1;
      }
      case Mutation.Raise raise ->
          setNumber(live ? Math.max(number, raise.to()) : raise.to(), live);
      case Mutation.Lower lower ->
          setNumber(live ? Math.min(number, lower.to()) : lower.to(), live);
      case Mutation.Increment add -> setNumber(live ? number + add.by() : add.by(), live);
      case Mutation.Enable enable -> live ? 0 : 1;
      case Mutation.Add add -> {
        long before = elements.size();
        elements.addAll(add.elements());
        yield elements.size() - before;
      }
      case Mutation.Remove remove -> {
        long before = elements.size();
        remove.elements().forEach(elements::remove);
        yield before - elements.size();
      }
      case Mutation.AddScored add -> {
        Set<Payload> changed = new HashSet<>();
        TreeMap<Payload, Double> before = new TreeMap<>(scores);
        add.members().forEach(member -> scores.put(member.member(), member.score()));
        for (ScoredMember member : add.members()) {
          if (!scores.get(member.member()).equals(before.get(member.member()))) {
            changed.add(member.member());
          }
        }
        yield changed.size();
      }
      case Mutation.RemoveMembers remove -> {
        long before = scores.size();
        remove.members().forEach(scores::remove);
        yield before - scores.size();
      }
      case Mutation.UpdateField update -> {
        NaiveEntry field = fields.getOrDefault(update.field(), new NaiveEntry());
        long changed = field.apply(update.mutation(), ttl, now, minted);
        if (field.kind.isPresent()) {
          fields.put(update.field(), field);
        } else if (live && fields.containsKey(update.field())) {
          fields.put(update.field(), field); // gone, and no longer seen
        }
        yield changed;
      }
      case Mutation.PutCausal put -> {
        siblings.keySet().removeIf(put.context()::contains);
        siblings.put(dots(minted).get(0), new Text(put.value(), end));
        yield 1;
      }
      case Mutation.PutPriority put -> {
        boolean wins =
            !live
                || Double.compare(put.priority(), priority) < 0
                || (Double.compare(put.priority(), priority) == 0
                    && put.value().compareTo(first) < 0);
        if (wins) {
          priority = put.priority();
          first = put.value();
        }
        yield wins ? 1 : 0;
      }
      case Mutation.Append append -> {
        Iterator<Dot> names = dots(minted).iterator();
        append.records().forEach(record -> records.put(names.next(), record));
        yield append.records().size();
      }
      case Mutation.Trim trim -> {
        long before = records.size();
        records.keySet().removeIf(trim.observed()::contains);
        yield before - records.size();
      }
      default -> throw new IllegalStateException("not modelled: " + mutation);
    };
  }

  private long setNumber(long value, boolean live) {
    boolean same = live && value == number;
    number = value;
    return same ? 0 : 1;
  }

  private static List<Dot> dots(CausalContext context) {
    List<Dot> all = new ArrayList<>();
    for (Run run : context.runs()) {
      for (long counter = run.from(); counter <= run.to(); counter++) {
        all.add(new Dot(run.replica(), counter));
      }
    }
    return all;
  }

  /// The dots of what is here, for contexts.
  List<Dot> dots() {
    List<Dot> all = new ArrayList<>(siblings.keySet());
    all.addAll(records.keySet());
    fields.values().forEach(field -> all.addAll(field.dots()));
    return all;
  }

  /// What a reader sees; contexts are left out of it.
  View view(long now) {
    if (!isLive(now)) {
      return new View.Missing();
    }
    return switch (kind.get()) {
      case LWW -> new View.Bytes(text.value, text.expiresAt);
      case MAX, MIN, COUNTER -> new View.Whole(number);
      case FLAG -> new View.Truth(true);
      case GSET, OSET, ORSET -> new View.Elements(List.copyOf(elements));
      case SORTEDSET ->
          new View.Scored(
              scores.entrySet().stream()
                  .map(one -> new ScoredMember(one.getKey(), one.getValue()))
                  .sorted(
                      Comparator.comparingDouble(ScoredMember::score)
                          .thenComparing(ScoredMember::member))
                  .toList());
      case MAP -> {
        TreeMap<Payload, View.Field> shown = new TreeMap<>();
        fields.forEach(
            (name, field) -> {
              if (field.isLive(now)) {
                shown.put(name, new View.Field(field.kind, field.view(now)));
              }
            });
        yield new View.Fields(shown);
      }
      case CAUSAL ->
          new View.Siblings(
              siblings.values().stream()
                  .filter(one -> !isOver(one.expiresAt, now))
                  .sorted(Comparator.comparing(Text::value).thenComparingLong(Text::expiresAt))
                  .map(one -> new View.Sibling(one.value, Map.of()))
                  .toList(),
              CausalContext.EMPTY);
      case LOG -> new View.Elements(List.copyOf(records.values()));
      case PRIORITY -> new View.Prioritized(priority, first);
      case MULTICAUSAL -> throw new IllegalStateException("not modelled");
    };
  }

  /// A view of the shard in the form of [#view].
  static View simplified(View view) {
    return switch (view) {
      case View.Siblings siblings -> new View.Siblings(siblings.siblings(), CausalContext.EMPTY);
      case View.Records log ->
          new View.Elements(log.records().stream().map(View.LogRecord::value).toList());
      case View.Fields fields -> {
        TreeMap<Payload, View.Field> inner = new TreeMap<>();
        fields
            .fields()
            .forEach(
                (name, field) ->
                    inner.put(name, new View.Field(field.kind(), simplified(field.view()))));
        yield new View.Fields(inner);
      }
      default -> view;
    };
  }
}
