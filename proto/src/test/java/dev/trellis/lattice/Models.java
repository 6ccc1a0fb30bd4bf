package dev.trellis.lattice;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.Tag;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.BinaryOperator;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/// The models of all kinds: design §4, read literally.
final class Models {
  /// Bytes as unsigned numbers, the first difference decides.
  static final Comparator<Payload> BYTES =
      Comparator.comparing(Payload::toBytes, Arrays::compareUnsigned);

  private Models() {}

  static Model<? extends Value<?>> of(int kindNumber, int depth) {
    Optional<Kind> known = Kind.ofNumber(kindNumber);
    if (known.isEmpty()) {
      return new Opaque();
    }
    return switch (known.get()) {
      case LWW -> new Lww();
      case MAX -> new Max();
      case MIN -> new Min();
      case FLAG -> new Enabled();
      case COUNTER -> new Count();
      case GSET -> new GrowingSet();
      case ORSET -> new AddWinsSet();
      case OSET -> new GrowingOrderedSet();
      case SORTEDSET -> new Ranking();
      case MAP -> new Fields(depth);
      case CAUSAL -> new Causal();
      case MULTICAUSAL -> new MultiCausal();
      case PRIORITY -> new LowestPriority();
      case LOG -> new Records();
    };
  }

  /// What the authors said, in no order.
  static <T> Stream<T> said(Collection<Model.Event> events, Class<T> what) {
    return events.stream().map(Model.Event::what).filter(what::isInstance).map(what::cast);
  }

  /// The writes of a type that no write seen replaces or removes.
  static List<Model.Event> standing(Collection<Model.Event> seen, Class<?> what) {
    Set<Integer> covered = new HashSet<>();
    seen.forEach(event -> covered.addAll(event.covers()));
    return seen.stream()
        .filter(event -> what.isInstance(event.what()) && !covered.contains(event.number()))
        .toList();
  }

  /// The writes seen or known to have been replaced.
  static Set<Integer> known(Collection<Model.Event> seen) {
    Set<Integer> known = new HashSet<>();
    for (Model.Event event : seen) {
      known.add(event.number());
      known.addAll(event.covers());
    }
    return known;
  }

  static Set<Model.Event> writtenBy(int site, Collection<Model.Event> seen) {
    return seen.stream().filter(event -> event.site() == site).collect(Collectors.toSet());
  }

  private static <S> Model.Step<S> step(S delta, Model.Event event) {
    return new Model.Step<>(delta, Set.of(event));
  }

  static final class Lww implements Model.OfLattice<LwwRegister> {
    private static final Comparator<LwwRegister> LATER =
        Comparator.comparing(LwwRegister::timestamp)
            .thenComparingLong(LwwRegister::writer)
            .thenComparing(LwwRegister::isTombstone)
            .thenComparing(write -> write.payload().orElse(Payload.EMPTY), BYTES)
            .thenComparingLong(LwwRegister::expiresAtMillis);

    @Override
    public Model.Step<LwwRegister> act(RandomGenerator random, Model.Site<LwwRegister> site) {
      LwwRegister write = Samples.lww(random);
      return step(write, site.event(write, Set.of()));
    }

    @Override
    public Object shown(LwwRegister state, long nowMillis) {
      return state;
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      return said(seen, LwwRegister.class).max(LATER).orElseThrow();
    }
  }

  static final class Max implements Model.OfLattice<MaxRegister> {
    @Override
    public Model.Step<MaxRegister> act(RandomGenerator random, Model.Site<MaxRegister> site) {
      long raised = Samples.whole(random);
      return step(new MaxRegister(raised), site.event(raised, Set.of()));
    }

    @Override
    public Object shown(MaxRegister state, long nowMillis) {
      return state.value();
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      return new TreeSet<>(said(seen, Long.class).toList()).last();
    }
  }

  static final class Min implements Model.OfLattice<MinRegister> {
    @Override
    public Model.Step<MinRegister> act(RandomGenerator random, Model.Site<MinRegister> site) {
      long lowered = Samples.whole(random);
      return step(new MinRegister(lowered), site.event(lowered, Set.of()));
    }

    @Override
    public Object shown(MinRegister state, long nowMillis) {
      return state.value();
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      return new TreeSet<>(said(seen, Long.class).toList()).first();
    }
  }

  static final class Enabled implements Model.OfLattice<Flag> {
    @Override
    public Model.Step<Flag> act(RandomGenerator random, Model.Site<Flag> site) {
      boolean enabled = random.nextInt(8) == 0;
      return step(new Flag(enabled), site.event(enabled, Set.of()));
    }

    @Override
    public Object shown(Flag state, long nowMillis) {
      return state.value();
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      return said(seen, Boolean.class).anyMatch(enabled -> enabled);
    }
  }

  static final class Count implements Model.OfLattice<Counter> {
    private static final long[] STEPS = {
      -Long.MAX_VALUE / 4, Integer.MIN_VALUE, -2, -1, 0, 1, 1, 3, Long.MAX_VALUE / 3
    };

    /// What a mutation of a tag has added, the first time or again.
    private record Tagged(Tag tag, long by) {}

    @Override
    public Model.Step<Counter> act(RandomGenerator random, Model.Site<Counter> site) {
      long by = STEPS[random.nextInt(STEPS.length)];
      if (random.nextInt(3) == 0) {
        Tag tag = Samples.tag(random);
        return step(
            site.state().orElse(Counter.ZERO).increment(site.id(), tag, by),
            site.event(new Tagged(tag, by), Set.of()));
      }
      Set<Model.Event> own = writtenBy(site.index(), site.seen());
      own.removeIf(event -> event.what() instanceof Tagged);
      // A replica's own sums must fit a long; the total of all need not.
      long magnitude =
          said(own, Long.class).filter(n -> Math.abs(n) > 1L << 40).mapToLong(Math::abs).count();
      by = magnitude >= 2 ? by % 4 : by;
      own.add(site.event(by, Set.of()));
      return new Model.Step<>(site.state().orElse(Counter.ZERO).increment(site.id(), by), own);
    }

    @Override
    public Object shown(Counter state, long nowMillis) {
      return List.of(state.exactValue(), state.value());
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      BigInteger sum =
          said(seen, Long.class).map(BigInteger::valueOf).reduce(BigInteger.ZERO, BigInteger::add);
      Map<Tag, Long> greatest = new HashMap<>();
      said(seen, Tagged.class).forEach(one -> greatest.merge(one.tag, one.by, Math::max));
      for (long by : greatest.values()) {
        sum = sum.add(BigInteger.valueOf(by));
      }
      return List.of(
          sum,
          sum.min(BigInteger.valueOf(Long.MAX_VALUE))
              .max(BigInteger.valueOf(Long.MIN_VALUE))
              .longValueExact());
    }
  }

  private record Elements(List<Payload> added) {}

  /// Elements added, in byte order.
  private static List<Payload> union(Set<Model.Event> seen) {
    TreeSet<Payload> all = new TreeSet<>(BYTES);
    said(seen, Elements.class).forEach(elements -> all.addAll(elements.added()));
    return List.copyOf(all);
  }

  private static <T> List<T> listed(Iterable<T> elements) {
    List<T> list = new ArrayList<>();
    elements.forEach(list::add);
    return list;
  }

  static final class GrowingSet implements Model.OfLattice<GrowSet> {
    @Override
    public Model.Step<GrowSet> act(RandomGenerator random, Model.Site<GrowSet> site) {
      List<Payload> added = Samples.payloads(random);
      return step(GrowSet.of(added), site.event(new Elements(added), Set.of()));
    }

    @Override
    public Object shown(GrowSet state, long nowMillis) {
      return listed(state.elements());
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      return union(seen);
    }
  }

  static final class GrowingOrderedSet implements Model.OfLattice<OrderedSet> {
    @Override
    public Model.Step<OrderedSet> act(RandomGenerator random, Model.Site<OrderedSet> site) {
      List<Payload> added = Samples.payloads(random);
      return step(OrderedSet.of(added), site.event(new Elements(added), Set.of()));
    }

    @Override
    public Object shown(OrderedSet state, long nowMillis) {
      return listed(state.elements());
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      return union(seen);
    }
  }

  static final class Opaque implements Model.OfLattice<OpaqueValue> {
    @Override
    public Model.Step<OpaqueValue> act(RandomGenerator random, Model.Site<OpaqueValue> site) {
      List<Payload> added = Samples.payloads(random);
      return step(
          OpaqueValue.of(Samples.UNKNOWN_KIND, added), site.event(new Elements(added), Set.of()));
    }

    @Override
    public Object shown(OpaqueValue state, long nowMillis) {
      return state.states();
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      return union(seen);
    }
  }

  /// An element is in the set if one of its adds was seen and nothing that replaces or removes it.
  static final class AddWinsSet implements Model.OfLattice<ObservedRemoveSet> {
    private record Added(Payload element) {}

    private record Removed() {}

    @Override
    public Model.Step<ObservedRemoveSet> act(
        RandomGenerator random, Model.Site<ObservedRemoveSet> site) {
      ObservedRemoveSet state = site.state().orElse(ObservedRemoveSet.EMPTY);
      List<Payload> elements = Samples.payloads(random);
      if (random.nextInt(5) < 2) {
        Set<Integer> observed = new HashSet<>();
        elements.forEach(element -> observed.addAll(addsOf(element, site)));
        return step(state.remove(elements), site.event(new Removed(), observed));
      }
      Set<Model.Event> events = new HashSet<>();
      for (Payload element : Set.copyOf(elements)) {
        events.add(site.event(new Added(element), addsOf(element, site)));
      }
      return new Model.Step<>(state.add(site.id(), elements), events);
    }

    private static Set<Integer> addsOf(Payload element, Model.Site<?> site) {
      return standing(site.seen(), Added.class).stream()
          .filter(event -> event.what().equals(new Added(element)))
          .map(Model.Event::number)
          .collect(Collectors.toSet());
    }

    @Override
    public Object shown(ObservedRemoveSet state, long nowMillis) {
      return listed(state.elements());
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      TreeSet<Payload> elements = new TreeSet<>(BYTES);
      said(standing(seen, Added.class), Added.class).forEach(add -> elements.add(add.element()));
      return List.copyOf(elements);
    }
  }

  static final class Ranking implements Model.OfLattice<SortedSet> {
    private record Setting(Payload member, SortedSet.Score score) {}

    private static final Comparator<SortedSet.Score> LATER =
        Comparator.comparing(SortedSet.Score::timestamp)
            .thenComparingLong(SortedSet.Score::writer)
            .thenComparing(SortedSet.Score::isTombstone)
            .thenComparing(setting -> setting.score().orElse(0), Double::compare);

    @Override
    public Model.Step<SortedSet> act(RandomGenerator random, Model.Site<SortedSet> site) {
      Map<Payload, SortedSet.Score> settings = new HashMap<>();
      Set<Model.Event> events = new HashSet<>();
      for (Payload member : Set.copyOf(Samples.payloads(random))) {
        SortedSet.Score score = Samples.score(random);
        settings.put(member, score);
        events.add(site.event(new Setting(member, score), Set.of()));
      }
      return new Model.Step<>(SortedSet.of(settings), events);
    }

    @Override
    public Object shown(SortedSet state, long nowMillis) {
      return listed(() -> state.range(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, false));
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      Map<Payload, SortedSet.Score> latest = new HashMap<>();
      said(seen, Setting.class)
          .forEach(s -> latest.merge(s.member(), s.score(), BinaryOperator.maxBy(LATER)));
      return latest.entrySet().stream()
          .filter(member -> member.getValue().score().isPresent())
          .map(
              member ->
                  new SortedSet.Ranked(member.getValue().score().getAsDouble(), member.getKey()))
          .sorted(
              Comparator.comparing(SortedSet.Ranked::score, Double::compare)
                  .thenComparing(SortedSet.Ranked::member, BYTES))
          .toList();
    }
  }

  static final class LowestPriority implements Model.OfLattice<PriorityRegister> {
    @Override
    public Model.Step<PriorityRegister> act(
        RandomGenerator random, Model.Site<PriorityRegister> site) {
      PriorityRegister put = Samples.priority(random);
      return step(put, site.event(put, Set.of()));
    }

    @Override
    public Object shown(PriorityRegister state, long nowMillis) {
      return state;
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      return said(seen, PriorityRegister.class)
          .min(
              Comparator.comparing(PriorityRegister::priority, Double::compare)
                  .thenComparing(PriorityRegister::payload, BYTES))
          .orElseThrow();
    }
  }

  /// A value stands until a put is seen whose author had read it.
  abstract static class Siblings<S extends Value<S>> implements Model.OfLattice<S> {
    private record Put(Dot dot, CausalRegister.Sibling value) {}

    abstract CausalRegister registerOf(S state);

    abstract S stateOf(CausalRegister register);

    abstract boolean withDependencies();

    @Override
    public Model.Step<S> act(RandomGenerator random, Model.Site<S> site) {
      CausalRegister register = site.state().map(this::registerOf).orElse(CausalRegister.EMPTY);
      CausalRegister.Sibling value =
          new CausalRegister.Sibling(
              Samples.payload(random),
              Samples.expiresAt(random),
              withDependencies() ? Samples.dependencies(random) : new TreeMap<>());
      Model.Reading reading = drawReading(random, site);
      CausalContext context = (CausalContext) reading.context();
      long own = said(writtenBy(site.index(), site.seen()), Put.class).count();
      Dot dot = new Dot(site.id(), own + 1);
      return step(
          stateOf(register.put(site.id(), value, context)),
          site.event(new Put(dot, value), reading.covers()));
    }

    /// What the author has read: nothing, some of the siblings here, all that is known here, or
    /// what some replica showed earlier, which this one may not know yet.
    private Model.Reading drawReading(RandomGenerator random, Model.Site<S> site) {
      if (!site.readings().isEmpty() && random.nextBoolean()) {
        return site.readings().get(random.nextInt(site.readings().size()));
      }
      if (site.state().isPresent() && random.nextBoolean()) {
        return read(site.state().get(), site.seen()).orElseThrow();
      }
      List<Dot> dots = new ArrayList<>();
      Set<Integer> covers = new HashSet<>();
      for (Model.Event put : standing(site.seen(), Put.class)) {
        if (random.nextInt(3) == 0) {
          dots.add(((Put) put.what()).dot());
          covers.add(put.number());
        }
      }
      return new Model.Reading(CausalContext.ofDots(dots), covers);
    }

    @Override
    public Optional<Model.Reading> read(S state, Set<Model.Event> seen) {
      return Optional.of(new Model.Reading(registerOf(state).context(), known(seen)));
    }

    @Override
    public Object shown(S state, long nowMillis) {
      return registerOf(state).liveSiblings(nowMillis).stream()
          .map(Siblings::told)
          .sorted()
          .toList();
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      return said(standing(seen, Put.class), Put.class)
          .map(Put::value)
          .filter(value -> value.expiresAtMillis() == 0 || value.expiresAtMillis() > nowMillis)
          .map(Siblings::told)
          .sorted()
          .toList();
    }

    private static String told(CausalRegister.Sibling value) {
      return value.payload() + " until " + value.expiresAtMillis() + " " + value.dependencies();
    }
  }

  static final class Causal extends Siblings<CausalRegister> {
    @Override
    CausalRegister registerOf(CausalRegister state) {
      return state;
    }

    @Override
    CausalRegister stateOf(CausalRegister register) {
      return register;
    }

    @Override
    boolean withDependencies() {
      return false;
    }
  }

  static final class MultiCausal extends Siblings<MultiCausalRegister> {
    @Override
    CausalRegister registerOf(MultiCausalRegister state) {
      return state.register();
    }

    @Override
    MultiCausalRegister stateOf(CausalRegister register) {
      return new MultiCausalRegister(register);
    }

    @Override
    boolean withDependencies() {
      return true;
    }
  }

  /// Records appended, less those that somebody trimmed who had them.
  static final class Records implements Model.OfLattice<Log> {
    private record Appended(Log.Position position, Payload payload) {}

    private record Trimmed() {}

    @Override
    public Model.Step<Log> act(RandomGenerator random, Model.Site<Log> site) {
      Log state = site.state().orElse(Log.EMPTY);
      if (random.nextInt(4) == 0) {
        // Any dots at all: of records here, of trimmed ones, and of some not here, which must stay.
        Set<Dot> read = new HashSet<>();
        for (int drawn = random.nextInt(10); drawn > 0; drawn--) {
          read.add(new Dot(Model.idOf(random.nextInt(3)), random.nextInt(1, 10)));
        }
        Set<Integer> dropped = new HashSet<>();
        for (Model.Event append : standing(site.seen(), Appended.class)) {
          if (read.contains(((Appended) append.what()).position().dot())) {
            dropped.add(append.number());
          }
        }
        return step(state.trim(CausalContext.ofDots(read)), site.event(new Trimmed(), dropped));
      }
      List<Payload> payloads = Samples.payloads(random);
      HybridTimestamp timestamp = Samples.timestamp(random);
      long own = said(writtenBy(site.index(), site.seen()), Appended.class).count();
      Set<Model.Event> events = new HashSet<>();
      for (Payload payload : payloads) {
        events.add(
            site.event(
                new Appended(new Log.Position(timestamp, new Dot(site.id(), ++own)), payload),
                Set.of()));
      }
      return new Model.Step<>(state.append(site.id(), timestamp, payloads), events);
    }

    @Override
    public Object shown(Log state, long nowMillis) {
      List<Appended> records = new ArrayList<>();
      for (Map.Entry<Log.Position, Payload> one : state.records()) {
        records.add(new Appended(one.getKey(), one.getValue()));
      }
      return records;
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      return said(standing(seen, Appended.class), Appended.class)
          .sorted(
              Comparator.comparing((Appended one) -> one.position().timestamp())
                  .thenComparingLong(one -> one.position().dot().replica().incarnation())
                  .thenComparingLong(one -> one.position().dot().replica().birth())
                  .thenComparingLong(one -> one.position().dot().counter()))
          .toList();
    }
  }

  /// Fields by name, each an entry.
  static final class Fields implements Model.OfLattice<LatticeMap> {
    private record InField(Payload field, Model.Event write) {}

    private final Generations entries;

    Fields(int depth) {
      entries = new Generations(depth - 1);
    }

    @Override
    public Model.Step<LatticeMap> act(RandomGenerator random, Model.Site<LatticeMap> site) {
      Payload field = Samples.payload(random);
      Model.Step<Entry> inner =
          entries.act(
              random,
              site.within(
                  site.state().flatMap(map -> map.field(field)), inField(site.seen(), field)));
      Set<Model.Event> events = new HashSet<>();
      for (Model.Event write : inner.events()) {
        events.add(
            new Model.Event(
                write.number(), write.site(), new InField(field, write), write.covers()));
      }
      return new Model.Step<>(LatticeMap.of(Map.of(field, inner.delta())), events);
    }

    private static Set<Model.Event> inField(Set<Model.Event> seen, Payload field) {
      return said(seen, InField.class)
          .filter(write -> write.field().equals(field))
          .map(InField::write)
          .collect(Collectors.toSet());
    }

    @Override
    public Object shown(LatticeMap state, long nowMillis) {
      Map<Payload, Object> fields = new TreeMap<>(BYTES);
      for (Map.Entry<Payload, Entry> field : state.fields()) {
        fields.put(field.getKey(), entries.shown(field.getValue(), nowMillis));
      }
      return fields;
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      Map<Payload, Object> fields = new TreeMap<>(BYTES);
      for (Payload field : said(seen, InField.class).map(InField::field).toList()) {
        fields.put(field, entries.expected(inField(seen, field), nowMillis));
      }
      return fields;
    }
  }

  /// An entry: only the writes of the latest generation count, each kind's on their own.
  static final class Generations implements Model.OfLattice<Entry> {
    private record Begun(HybridTimestamp generation) {}

    private record Expiring(HybridTimestamp generation, Expiry setting) {}

    private record InKind(HybridTimestamp generation, int kindNumber, Model.Event write) {}

    private record Shown(HybridTimestamp generation, Map<Integer, Object> live) {}

    private final int depth;

    Generations(int depth) {
      this.depth = depth;
    }

    @Override
    public Model.Step<Entry> act(RandomGenerator random, Model.Site<Entry> site) {
      Entry entry = site.state().orElse(Entry.BOTTOM);
      int action = random.nextInt(12);
      if (action == 0) {
        Entry deleted = entry.startedAnew(Samples.timestamp(random));
        return step(deleted, site.event(new Begun(deleted.generation()), Set.of()));
      }
      long now = random.nextInt(Samples.TIME_MAX);
      if (action <= 2 && !entry.values().isEmpty() && entry.isDead(now)) {
        Entry begun = entry.startedAnew(entry.endedAt());
        return step(begun, site.event(new Begun(begun.generation()), Set.of()));
      }
      if (action == 3) {
        Expiry expiry = Samples.expiry(random);
        return step(
            Entry.of(entry.generation(), Optional.of(expiry), List.of()),
            site.event(new Expiring(entry.generation(), expiry), Set.of()));
      }
      int kind =
          entry.values().isEmpty() || action == 4
              ? Samples.value(random, depth).kindNumber()
              : entry.values().get(random.nextInt(entry.values().size())).kindNumber();
      return write(Models.of(kind, depth), kind, random, site, entry);
    }

    @SuppressWarnings("unchecked") // the values of one kind number are of one class
    private static <S extends Value<S>> Model.Step<Entry> write(
        Model<?> model, int kind, RandomGenerator random, Model.Site<Entry> site, Entry entry) {
      Optional<S> inner =
          (Optional<S>) entry.values().stream().filter(v -> v.kindNumber() == kind).findFirst();
      Model.Step<S> step =
          ((Model<S>) model)
              .act(random, site.within(inner, inKind(site.seen(), entry.generation(), kind)));
      Set<Model.Event> events = new HashSet<>();
      for (Model.Event write : step.events()) {
        events.add(
            new Model.Event(
                write.number(),
                write.site(),
                new InKind(entry.generation(), kind, write),
                write.covers()));
      }
      return new Model.Step<>(Entry.of(entry.generation(), step.delta()), events);
    }

    private static Set<Model.Event> inKind(
        Set<Model.Event> seen, HybridTimestamp generation, int kind) {
      return said(seen, InKind.class)
          .filter(write -> write.generation().equals(generation) && write.kindNumber() == kind)
          .map(InKind::write)
          .collect(Collectors.toSet());
    }

    @Override
    public Object shown(Entry state, long nowMillis) {
      Map<Integer, Object> live = new TreeMap<>();
      for (Value<?> value : state.liveValues(nowMillis)) {
        live.put(value.kindNumber(), shownOf(value, nowMillis));
      }
      return new Shown(state.generation(), live);
    }

    @SuppressWarnings("unchecked") // the model is that of the value's own kind
    private <S extends Value<S>> Object shownOf(Value<?> value, long nowMillis) {
      return ((Model<S>) Models.of(value.kindNumber(), depth)).shown((S) value, nowMillis);
    }

    @Override
    public Object expected(Set<Model.Event> seen, long nowMillis) {
      TreeSet<HybridTimestamp> generations = new TreeSet<>();
      said(seen, Begun.class).forEach(begun -> generations.add(begun.generation()));
      said(seen, Expiring.class).forEach(expiring -> generations.add(expiring.generation()));
      said(seen, InKind.class).forEach(write -> generations.add(write.generation()));
      HybridTimestamp current = generations.last();
      boolean expired =
          said(seen, Expiring.class)
              .filter(expiring -> expiring.generation().equals(current))
              .map(Expiring::setting)
              .max(
                  Comparator.comparing(Expiry::writtenAt)
                      .thenComparingLong(Expiry::writer)
                      .thenComparingLong(Expiry::atMillis))
              .filter(setting -> setting.atMillis() != 0 && setting.atMillis() <= nowMillis)
              .isPresent();
      Map<Integer, Object> live = new TreeMap<>();
      said(seen, InKind.class)
          .filter(write -> write.generation().equals(current))
          .mapToInt(InKind::kindNumber)
          .distinct()
          .forEach(
              kind -> {
                Object value =
                    Models.of(kind, depth).expected(inKind(seen, current, kind), nowMillis);
                if (isLive(kind, value, expired, nowMillis)) {
                  live.put(kind, value);
                }
              });
      return new Shown(current, live);
    }

    private static boolean isLive(int kind, Object value, boolean expired, long nowMillis) {
      if (value instanceof LwwRegister write) {
        return write.payload().isPresent()
            && (write.expiresAtMillis() == 0 || write.expiresAtMillis() > nowMillis);
      }
      boolean bySibling = kind == Kind.CAUSAL.number() || kind == Kind.MULTICAUSAL.number();
      return bySibling ? !((List<?>) value).isEmpty() : !expired;
    }
  }
}
