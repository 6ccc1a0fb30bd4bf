package dev.trellis.simulation;

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
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.function.Predicate;
import java.util.function.ToLongFunction;

/// Compares what a key holds in the end with what its steps say it may hold.
///
/// Shards keep all in memory and nobody waits for copies, so a restart loses what it loses: with
/// restarts only the upper bounds are checked, that nothing happened twice or that never happened.
final class Checker {
  private final List<Step> steps;
  private final Entry entry;
  private final Payload key;
  private final long nowMillis;
  private final boolean complete; // whether nothing was lost by a restart
  private final List<String> violations = new ArrayList<>();

  Checker(Payload key, List<Step> history, Entry entry, long nowMillis, boolean complete) {
    this.key = key;
    this.steps = history.stream().filter(step -> step.key().equals(key)).toList();
    this.entry = entry;
    this.nowMillis = nowMillis;
    this.complete = complete;
  }

  /// What is wrong with the key; empty if nothing is.
  List<String> violations() {
    String type = key.text().replaceAll("-.*", "");
    switch (type) {
      case "counter" -> counter(value(Kind.COUNTER, Counter.class).map(Counter::value).orElse(0L));
      case "map" -> counter(nestedCounter());
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
              !complete || !any(Step.Ending.OK) || value(Kind.FLAG, Flag.class).isPresent(),
              "an enabled flag is not set");
      case "gset" -> grown(elements(value(Kind.GSET, GrowSet.class).map(GrowSet::elements)));
      case "oset" -> grown(elements(value(Kind.OSET, OrderedSet.class).map(OrderedSet::elements)));
      case "log" -> log();
      case "priority" -> priority();
      case "lww" -> lww();
      case "orset" ->
          observed(
              elements(
                  value(Kind.ORSET, ObservedRemoveSet.class).map(ObservedRemoveSet::elements)));
      case "deleted" ->
          observed(
              elements(
                  value(Kind.ORSET, ObservedRemoveSet.class).map(ObservedRemoveSet::elements)));
      case "sortedset" -> observed(members());
      case "causal" -> causal();
      case "brief" ->
          require(
              entry.isDead(nowMillis), "the last write's time to live has passed, but it shows");
      default -> {}
    }
    return violations;
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
      violations.add("key " + key + ": " + promise + "; it holds " + entry + "; steps " + steps);
    }
  }

  private boolean any(Step.Ending ending) {
    return steps.stream().anyMatch(step -> step.ending() == ending);
  }

  private void counter(long value) {
    long least = sum(step -> step.ending() == Step.Ending.OK);
    long most = sum(step -> step.ending() != Step.Ending.FAILED);
    require(value <= most, "counted " + value + ", more than the " + most + " ever asked for");
    require(
        !complete || value >= least,
        "counted " + value + ", less than the " + least + " acknowledged");
  }

  private long sum(Predicate<Step> which) {
    return steps.stream().filter(which).mapToLong(step -> increment(step.mutation())).sum();
  }

  private static long increment(Mutation mutation) {
    return switch (mutation) {
      case Mutation.Increment increment -> increment.by();
      case Mutation.UpdateField update -> increment(update.mutation());
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
            .filter(step -> step.ending() == Step.Ending.OK)
            .mapToLong(step -> sign * argument.applyAsLong(step.mutation()))
            .max()
            .orElse(Long.MIN_VALUE);
    long held = value.map(v -> sign * v).orElse(Long.MIN_VALUE);
    require(!complete || held >= least, "an acknowledged bound of " + least + " is lost");
    require(
        value.isEmpty()
            || steps.stream()
                .anyMatch(
                    step ->
                        step.ending() != Step.Ending.FAILED
                            && sign * argument.applyAsLong(step.mutation()) == held),
        "nobody asked for " + held);
  }

  private static Set<Payload> elements(Optional<Iterable<Payload>> elements) {
    Set<Payload> all = new HashSet<>();
    elements.ifPresent(some -> some.forEach(all::add));
    return all;
  }

  private Set<Payload> members() {
    Set<Payload> members = new HashSet<>();
    value(Kind.SORTEDSET, SortedSet.class)
        .ifPresent(
            set ->
                set.range(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, false)
                    .forEachRemaining(ranked -> members.add(ranked.member())));
    return members;
  }

  private void grown(Set<Payload> held) {
    Set<Payload> possible = new HashSet<>();
    for (Step step : steps) {
      List<Payload> added = ((Mutation.Add) step.mutation()).elements();
      if (step.ending() == Step.Ending.OK && complete) {
        require(held.containsAll(added), added + " was acknowledged and is missing");
      }
      if (step.ending() != Step.Ending.FAILED) {
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
      require(
          count == 0 || step.ending() != Step.Ending.FAILED, record + " was refused but is there");
      require(
          !complete || count == 1 || step.ending() != Step.Ending.OK,
          record + " was acknowledged and is missing");
    }
  }

  private void priority() {
    Optional<PriorityRegister> held = value(Kind.PRIORITY, PriorityRegister.class);
    for (Step step : steps) {
      Mutation.PutPriority put = (Mutation.PutPriority) step.mutation();
      boolean lower =
          held.isEmpty()
              || new PriorityRegister(put.priority(), put.value()).compareTo(held.get()) < 0;
      require(
          !complete || step.ending() != Step.Ending.OK || !lower,
          put + " was acknowledged and is lost");
    }
  }

  /// One client's puts and deletes: the last acknowledged one shows, or one of unknown ending after
  /// it.
  private void lww() {
    if (!complete) {
      return;
    }
    Set<Optional<Payload>> possible = new HashSet<>();
    possible.add(Optional.empty());
    for (Step step : steps) {
      Optional<Payload> written =
          step.mutation() instanceof Mutation.Put put ? Optional.of(put.value()) : Optional.empty();
      if (step.ending() == Step.Ending.OK) {
        possible.clear();
      }
      if (step.ending() != Step.Ending.FAILED) {
        possible.add(written);
      }
    }
    Optional<Payload> held = value(Kind.LWW, LwwRegister.class).flatMap(LwwRegister::payload);
    require(possible.contains(held), "it shows " + held + " and may show " + possible);
  }

  private enum Presence {
    ABSENT,
    PRESENT,
    MAYBE
  }

  /// One client's adds, removes and deletes. What once ended unknown may take effect at any later
  /// time, so it leaves its elements undecided for good.
  private void observed(Set<Payload> held) {
    Map<Payload, Presence> expected = new HashMap<>();
    for (Step step : steps) {
      List<Payload> concerned =
          switch (step.mutation()) {
            case Mutation.Add add -> add.elements();
            case Mutation.AddScored add ->
                add.members().stream().map(Mutation.ScoredMember::member).toList();
            case Mutation.Remove remove -> remove.elements();
            case Mutation.RemoveMembers remove -> remove.members();
            default -> List.copyOf(allElements());
          };
      boolean adds =
          step.mutation() instanceof Mutation.Add || step.mutation() instanceof Mutation.AddScored;
      for (Payload element : concerned) {
        if (step.ending() == Step.Ending.UNKNOWN) {
          expected.put(element, Presence.MAYBE);
        } else if (step.ending() == Step.Ending.OK && expected.get(element) != Presence.MAYBE) {
          expected.put(element, adds ? Presence.PRESENT : Presence.ABSENT);
        }
      }
    }
    for (Payload element : allElements()) {
      Presence presence = expected.getOrDefault(element, Presence.ABSENT);
      boolean holds = held.contains(element);
      require(
          !complete || presence != Presence.PRESENT || holds,
          element + " was added and is missing");
      require(
          !complete || presence != Presence.ABSENT || !holds,
          element + " was removed and has come back");
    }
  }

  private Set<Payload> allElements() {
    Set<Payload> all = new HashSet<>();
    for (Step step : steps) {
      switch (step.mutation()) {
        case Mutation.Add add -> all.addAll(add.elements());
        case Mutation.AddScored add -> add.members().forEach(m -> all.add(m.member()));
        default -> {}
      }
    }
    return all;
  }

  /// One client's puts, each with the context of the one before: no older acknowledged one remains.
  private void causal() {
    if (!complete) {
      return;
    }
    List<Payload> held =
        value(Kind.CAUSAL, CausalRegister.class)
            .map(register -> register.liveSiblings(nowMillis))
            .orElse(List.of())
            .stream()
            .map(CausalRegister.Sibling::payload)
            .toList();
    Payload last = null;
    boolean undecided = false; // a put of unknown ending may have replaced the last one
    for (Step step : steps) {
      Payload value = ((Mutation.PutCausal) step.mutation()).value();
      if (step.ending() == Step.Ending.OK) {
        last = value;
      } else if (step.ending() == Step.Ending.UNKNOWN) {
        undecided = true;
      }
    }
    for (Payload value : held) {
      require(
          steps.stream()
              .anyMatch(
                  step ->
                      ((Mutation.PutCausal) step.mutation()).value().equals(value)
                          && step.ending() != Step.Ending.FAILED),
          value + " was never put");
    }
    require(
        last == null || undecided || held.contains(Objects.requireNonNull(last)),
        last + " was put last and is lost");
    require(
        held.stream().distinct().count() == held.size(),
        "a value that was put once is there twice");
  }
}
