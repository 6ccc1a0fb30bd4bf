package dev.trellis.simulation;

import dev.trellis.causal.HybridTimestamp;
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
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.OrderedSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.PriorityRegister;
import dev.trellis.lattice.SortedSet;
import dev.trellis.lattice.Value;
import dev.trellis.wire.Mutation;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/// Compares what a key holds in the end with what its steps say it may hold.
///
/// A step counts from below only if it is sure: acknowledged, and by so many nodes that the losses
/// of the run can't have undone it. From above all count that were not refused.
final class Checker {
  /// What a run guarantees of acknowledged writes.
  enum Guarantee {
    /// No node was lost: all acknowledged writes are there.
    ALL,
    /// No more nodes than tolerated were lost at a time: what was replicated is there.
    REPLICATED,
    /// More were lost.
    NONE
  }

  private final List<Step> steps;
  private final Entry entry;
  private final Payload key;
  private final long nowMillis;
  private final Guarantee guarantee;
  private final List<String> violations = new ArrayList<>();

  Checker(Payload key, List<Step> history, Entry entry, long nowMillis, Guarantee guarantee) {
    this.key = key;
    this.steps =
        history.stream()
            .filter(step -> step.key().equals(key))
            .filter(step -> !(step.mutation() instanceof Mutation.Place))
            .toList();
    this.entry = entry;
    this.nowMillis = nowMillis;
    this.guarantee = guarantee;
  }

  /// What is wrong with the key; empty if nothing is.
  List<String> violations() {
    switch (Workload.type(key)) {
      case "counter", "tally" ->
          counter(value(Kind.COUNTER, Counter.class).map(Counter::value).orElse(0L));
      case "map" -> counter(nestedCounter());
      case "tomb" -> deletedCounter();
      case "max" ->
          bound(
              value(Kind.MAX, MaxRegister.class).map(MaxRegister::value),
              m -> ((Mutation.Raise) m).to(),
              1);
      case "min" ->
          bound(
              value(Kind.MIN, MinRegister.class).map(MinRegister::value),
              m -> ((Mutation.Lower) m).to(),
              -1);
      case "flag" ->
          require(
              steps.stream().noneMatch(this::isSure) || value(Kind.FLAG, Flag.class).isPresent(),
              "an enabled flag is not set");
      case "gset", "probe" ->
          grown(elements(value(Kind.GSET, GrowSet.class).map(GrowSet::elements)));
      case "oset" -> grown(elements(value(Kind.OSET, OrderedSet.class).map(OrderedSet::elements)));
      case "log", "post" -> log();
      case "priority" -> priority();
      case "lww", "lease", "contested" ->
          lastWritten(
              steps,
              Function.identity(),
              value(Kind.LWW, LwwRegister.class).flatMap(LwwRegister::payload),
              "it");
      case "fields" -> fields();
      case "folder" -> folder();
      case "orset" -> observed();
      case "deleted", "session" -> deleted();
      case "sortedset" -> members();
      case "causal" -> causal();
      case "brief" ->
          require(
              entry.isDead(nowMillis), "the last write's time to live has passed, but it shows");
      default -> {}
    }
    return violations;
  }

  /// Whether a step was carried out for good, and did what it says.
  private boolean isSure(Step step) {
    return step.ending() == Step.Ending.OK
        && !(step.changed() == Step.CHANGED_UNKNOWN && takesAway(step.mutation()))
        && switch (guarantee) {
          case ALL -> true;
          case REPLICATED -> step.promised();
          case NONE -> false;
        };
  }

  /// Whether a mutation does nothing where there is nothing.
  private static boolean takesAway(Mutation mutation) {
    return switch (mutation) {
      case Mutation.UpdateField update -> takesAway(update.mutation());
      case Mutation.Delete delete -> true;
      case Mutation.Remove remove -> true;
      case Mutation.RemoveMembers remove -> true;
      default -> false;
    };
  }

  /// Whether a step may have been carried out, or may have been and then be lost.
  private static boolean isPossible(Step step) {
    return step.ending() != Step.Ending.FAILED;
  }

  /// Whether a step may be carried out later than its client thinks.
  private static boolean mayLinger(Step step) {
    return step.ending() == Step.Ending.UNKNOWN;
  }

  private <V> Optional<V> value(Kind kind, Class<V> type) {
    for (Value<?> value : entry.liveValues(nowMillis)) {
      if (value.kindNumber() == kind.number()) {
        return Optional.of(type.cast(value));
      }
    }
    return Optional.empty();
  }

  private void require(boolean holds, String promise) {
    if (!holds) {
      StringBuilder told = new StringBuilder("key " + key + ": " + promise + "; it holds " + entry);
      steps.forEach(step -> told.append("\n      ").append(step));
      violations.add(told.toString());
    }
  }

  private void counter(long value) {
    counter(value, sum(steps, this::isSure), sum(steps, Checker::isPossible));
  }

  private void counter(long value, long least, long most) {
    require(value <= most, "counted " + value + ", more than the " + most + " ever asked for");
    require(value >= least, "counted " + value + ", less than the " + least + " acknowledged");
  }

  private static long sum(List<Step> steps, Predicate<Step> which) {
    return steps.stream().filter(which).mapToLong(step -> increment(step.mutation())).sum();
  }

  private static long increment(Mutation mutation) {
    return switch (mutation) {
      case Mutation.Increment increment -> increment.by();
      case Mutation.UpdateField update -> increment(update.mutation());
      case Mutation.Delete delete -> 0;
      default -> throw new IllegalStateException("not a count: " + mutation);
    };
  }

  private long nestedCounter() {
    return value(Kind.MAP, LatticeMap.class)
        .flatMap(map -> map.field(Payload.ofText("f")))
        .flatMap(inner -> inner.value(Kind.MAP))
        .flatMap(map -> ((LatticeMap) map).field(Payload.ofText("n")))
        .flatMap(inner -> inner.value(Kind.COUNTER))
        .map(counter -> ((Counter) counter).value())
        .orElse(0L);
  }

  /// @param sign 1 where the greatest wins, -1 where the least does
  private void bound(Optional<Long> value, ToLongFunction<Mutation> argument, int sign) {
    long least =
        steps.stream()
            .filter(this::isSure)
            .mapToLong(step -> sign * argument.applyAsLong(step.mutation()))
            .max()
            .orElse(Long.MIN_VALUE);
    long held = value.map(v -> sign * v).orElse(Long.MIN_VALUE);
    require(held >= least, "an acknowledged bound of " + sign * least + " is lost");
    require(
        value.isEmpty()
            || steps.stream()
                .anyMatch(
                    step ->
                        isPossible(step) && sign * argument.applyAsLong(step.mutation()) == held),
        "nobody asked for " + value);
  }

  private static Set<Payload> elements(Optional<Iterable<Payload>> elements) {
    Set<Payload> all = new HashSet<>();
    elements.ifPresent(some -> some.forEach(all::add));
    return all;
  }

  private void grown(Set<Payload> held) {
    Set<Payload> possible = new HashSet<>();
    for (Step step : steps) {
      List<Payload> added = ((Mutation.Add) step.mutation()).elements();
      if (isSure(step)) {
        require(held.containsAll(added), added + " was acknowledged and is missing");
      }
      if (isPossible(step)) {
        possible.addAll(added);
      }
    }
    require(possible.containsAll(held), "it holds what nobody added");
  }

  private void log() {
    Map<Payload, Integer> counts = new HashMap<>();
    value(Kind.LOG, Log.class)
        .ifPresent(log -> log.records().forEach(r -> counts.merge(r.getValue(), 1, Integer::sum)));
    for (Step step : steps) {
      Payload record = ((Mutation.Append) step.mutation()).records().get(0);
      int count = counts.getOrDefault(record, 0);
      require(count <= 1, record + " is there " + count + " times");
      require(count == 0 || isPossible(step), record + " was refused but is there");
      require(count == 1 || !isSure(step), record + " was acknowledged and is missing");
    }
  }

  private void priority() {
    Optional<PriorityRegister> held = value(Kind.PRIORITY, PriorityRegister.class);
    for (Step step : steps) {
      Mutation.PutPriority put = (Mutation.PutPriority) step.mutation();
      boolean lower =
          held.isEmpty()
              || new PriorityRegister(put.priority(), put.value()).compareTo(held.get()) < 0;
      require(!isSure(step) || !lower, put + " was acknowledged and is lost");
    }
  }

  /// Puts and deletes in the order of their stamps: what shows is the last sure one, or a possible
  /// one that was stamped later. A delete that found nothing did nothing.
  private void lastWritten(
      List<Step> all, Function<Mutation, Mutation> inner, Optional<Payload> held, String subject) {
    List<Step> some =
        all.stream()
            .filter(
                step ->
                    !(inner.apply(step.mutation()) instanceof Mutation.Delete)
                        || step.changed() != 0
                        || mayLinger(step))
            .toList();
    HybridTimestamp last =
        some.stream()
            .filter(this::isSure)
            .map(Step::stamp)
            .reduce(HybridTimestamp.ZERO, HybridTimestamp::max);
    Set<Optional<Payload>> possible = new HashSet<>();
    if (last.equals(HybridTimestamp.ZERO)) {
      possible.add(Optional.empty());
    }
    for (Step step : some) {
      if (!isPossible(step) || step.stamp().compareTo(last) < 0) {
        continue;
      }
      boolean expired =
          step.ttlMillis() > 0 && step.stamp().millis() + step.ttlMillis() <= nowMillis;
      possible.add(
          inner.apply(step.mutation()) instanceof Mutation.Put put && !expired
              ? Optional.of(put.value())
              : Optional.empty());
    }
    require(possible.contains(held), subject + " shows " + held + " and may show " + possible);
  }

  private void fields() {
    Optional<LatticeMap> map = value(Kind.MAP, LatticeMap.class);
    for (int number = 0; number < 3; number++) {
      Payload name = Payload.ofText("f" + number);
      Optional<Payload> held =
          map.flatMap(m -> m.field(name))
              .flatMap(field -> field.value(Kind.LWW))
              .flatMap(value -> ((LwwRegister) value).payload());
      lastWritten(
          steps.stream()
              .filter(step -> ((Mutation.UpdateField) step.mutation()).field().equals(name))
              .toList(),
          mutation -> ((Mutation.UpdateField) mutation).mutation(),
          held,
          "field " + name);
    }
  }

  /// One client's adds and removes. A remove takes away what its replica has observed, which may
  /// not be all; but what was added once, and then seen to be removed, stays away.
  private void observed() {
    Set<Payload> held =
        elements(value(Kind.ORSET, ObservedRemoveSet.class).map(ObservedRemoveSet::elements));
    Set<Payload> all = new HashSet<>(held);
    for (Step step : steps) {
      all.addAll(concerned(step));
    }
    for (Payload element : all) {
      List<Step> about = steps.stream().filter(step -> concerned(step).contains(element)).toList();
      int added = -1; // the last sure add
      int possibleAdds = 0;
      int seenRemoved = -1; // the last sure remove that found it
      int lastPossibleAdd = -1;
      boolean removable = false; // after the last sure add, or whenever
      boolean lingers = false;
      for (int at = 0; at < about.size(); at++) {
        Step step = about.get(at);
        if (step.mutation() instanceof Mutation.Add) {
          possibleAdds += isPossible(step) ? 1 : 0;
          lastPossibleAdd = isPossible(step) ? at : lastPossibleAdd;
          if (isSure(step)) {
            added = at;
            removable = false;
          }
        } else {
          removable |= isPossible(step);
          lingers |= mayLinger(step);
          seenRemoved = isSure(step) && step.changed() > 0 ? at : seenRemoved;
        }
      }
      boolean holds = held.contains(element);
      require(possibleAdds > 0 || !holds, element + " was never added");
      require(added < 0 || removable || lingers || holds, element + " was added and is missing");
      boolean gone = seenRemoved >= 0 && possibleAdds == 1 && lastPossibleAdd < seenRemoved;
      require(!gone || !holds, element + " was removed and has come back");
    }
  }

  private static List<Payload> concerned(Step step) {
    return concerned(step.mutation());
  }

  private static List<Payload> concerned(Mutation mutation) {
    return switch (mutation) {
      case Mutation.Add add -> add.elements();
      case Mutation.AddScored add ->
          add.members().stream().map(Mutation.ScoredMember::member).toList();
      case Mutation.Remove remove -> remove.elements();
      case Mutation.RemoveMembers remove -> remove.members();
      default -> List.of();
    };
  }

  /// Where a delete surely ended all that was before, and who may have been swallowed by one.
  private final class Deletions {
    private final int cut; // index of the last sure delete that deleted something; -1 for none
    private final boolean linger; // whether a delete may come at any time
    private final HybridTimestamp generation; // started by the last acknowledged delete
    private final int lastPossible;
    private final List<Step> steps;

    /// @param inner what each step does in the end
    Deletions(List<Step> steps, Function<Mutation, Mutation> inner) {
      this.steps = steps;
      int lastSure = -1;
      int possible = -1;
      boolean lingering = false;
      HybridTimestamp started = HybridTimestamp.ZERO;
      for (int at = 0; at < steps.size(); at++) {
        Step step = steps.get(at);
        if (!(inner.apply(step.mutation()) instanceof Mutation.Delete)) {
          continue;
        }
        lingering |= mayLinger(step);
        possible = isPossible(step) ? at : possible;
        if (step.ending() == Step.Ending.OK && step.changed() != 0) {
          started = started.max(step.generation());
          lastSure = isSure(step) ? at : lastSure;
        }
      }
      cut = lastSure;
      linger = lingering;
      generation = started;
      lastPossible = possible;
    }

    /// Whether a step must show: nothing that may have come after it has deleted it, and it was
    /// made in a generation that no delete before it has ended.
    boolean mustShow(int at) {
      Step step = steps.get(at);
      return isSure(step)
          && !linger
          && at > lastPossible
          && step.generation().compareTo(generation) >= 0;
    }

    /// Whether a step may show: it was not surely deleted.
    boolean mayShow(int at) {
      Step step = steps.get(at);
      return isPossible(step) && (at > cut || mayLinger(step));
    }
  }

  private void folder() {
    Optional<LatticeMap> map = value(Kind.MAP, LatticeMap.class);
    for (int number = 0; number < 2; number++) {
      Payload name = Payload.ofText("f" + number);
      Optional<Value<?>> field =
          map.flatMap(m -> m.field(name)).flatMap(inner -> inner.value(Kind.ORSET));
      deleted(
          elements(field.map(set -> ((ObservedRemoveSet) set).elements())),
          steps.stream()
              .filter(step -> ((Mutation.UpdateField) step.mutation()).field().equals(name))
              .toList(),
          mutation -> ((Mutation.UpdateField) mutation).mutation());
    }
  }

  private void deleted() {
    deleted(
        elements(value(Kind.ORSET, ObservedRemoveSet.class).map(ObservedRemoveSet::elements)),
        steps,
        Function.identity());
  }

  private void deleted(Set<Payload> held, List<Step> steps, Function<Mutation, Mutation> inner) {
    Deletions deletions = new Deletions(steps, inner);
    Set<Payload> possible = new HashSet<>();
    for (int at = 0; at < steps.size(); at++) {
      List<Payload> added = concerned(inner.apply(steps.get(at).mutation()));
      if (deletions.mustShow(at)) {
        require(held.containsAll(added), added + " was added after all deletes and is missing");
      }
      if (deletions.mayShow(at)) {
        possible.addAll(added);
      }
    }
    require(possible.containsAll(held), held + " has come back; there may be " + possible);
  }

  private void deletedCounter() {
    Deletions deletions = new Deletions(steps, Function.identity());
    long least = 0;
    long most = 0;
    for (int at = 0; at < steps.size(); at++) {
      long by = increment(steps.get(at).mutation());
      least += deletions.mustShow(at) ? by : 0;
      most += deletions.mayShow(at) ? by : 0;
    }
    counter(value(Kind.COUNTER, Counter.class).map(Counter::value).orElse(0L), least, most);
  }

  /// One client's scores and removes, each member in the order of the stamps.
  private void members() {
    Set<Payload> held = new HashSet<>();
    value(Kind.SORTEDSET, SortedSet.class)
        .ifPresent(
            set ->
                set.range(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, false)
                    .forEachRemaining(ranked -> held.add(ranked.member())));
    Set<Payload> all = new HashSet<>(held);
    steps.forEach(step -> all.addAll(concerned(step)));
    for (Payload member : all) {
      List<Step> about =
          steps.stream()
              .filter(step -> concerned(step).contains(member))
              .filter(
                  step ->
                      step.mutation() instanceof Mutation.AddScored
                          || step.changed() != 0
                          || mayLinger(step))
              .toList();
      HybridTimestamp last =
          about.stream()
              .filter(this::isSure)
              .map(Step::stamp)
              .reduce(HybridTimestamp.ZERO, HybridTimestamp::max);
      Set<Boolean> possible = new HashSet<>();
      if (last.equals(HybridTimestamp.ZERO)) {
        possible.add(false);
      }
      for (Step step : about) {
        if (isPossible(step) && step.stamp().compareTo(last) >= 0) {
          possible.add(step.mutation() instanceof Mutation.AddScored);
        }
      }
      require(
          possible.contains(held.contains(member)),
          "member " + member + (held.contains(member) ? " is there" : " is missing"));
    }
  }

  /// One client's puts, each with the context of the one before: the last sure one is there, or one
  /// that may have followed.
  private void causal() {
    List<Payload> held =
        value(Kind.CAUSAL, CausalRegister.class)
            .map(register -> register.liveSiblings(nowMillis))
            .orElse(List.of())
            .stream()
            .map(CausalRegister.Sibling::payload)
            .toList();
    Set<Payload> possible = new HashSet<>();
    Set<Payload> last = new HashSet<>(); // one of these must be there
    for (Step step : steps) {
      Payload put = ((Mutation.PutCausal) step.mutation()).value();
      if (isSure(step)) {
        last.clear();
        last.add(put);
      } else if (isPossible(step) && !last.isEmpty()) {
        last.add(put);
      }
      if (isPossible(step)) {
        possible.add(put);
      }
    }
    require(possible.containsAll(held), "it holds what was never put");
    require(
        last.isEmpty() || held.stream().anyMatch(last::contains), "one of " + last + " is lost");
    require(
        held.stream().distinct().count() == held.size(),
        "a value that was put once is there twice");
  }

  /// Acknowledged writes that a delete has swallowed which they did not follow: the documented
  /// exception to what is promised.
  int supersededAfterwards() {
    String type = Workload.type(key);
    if (!type.equals("deleted") && !type.equals("tomb")) {
      return 0;
    }
    HybridTimestamp started = HybridTimestamp.ZERO;
    int count = 0;
    for (Step step : steps) {
      if (step.ending() != Step.Ending.OK) {
        continue;
      }
      if (step.mutation() instanceof Mutation.Delete) {
        started = started.max(step.generation());
      } else if (step.generation().compareTo(started) < 0) {
        count++;
      }
    }
    return count;
  }
}
