package dev.trellis.lattice;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.Set;
import java.util.random.RandomGenerator;

/// Some replicas that write and exchange whole states or deltas, the latter grouped, repeated, late
/// and in any order; after each step the replica must show what the model shows.
final class ModelRun<S> {
  private static final int SITES = 3;
  private static final int STEPS = 40;
  private static final long[] READ_TIMES = {0, 2, 5, Samples.TIME_MAX + 1};

  private final Model<S> model;
  private final RandomGenerator random;
  private final List<Optional<S>> states = new ArrayList<>();
  private final List<Set<Model.Event>> seen = new ArrayList<>();
  private final List<Model.Step<S>> sent = new ArrayList<>();
  private final List<Model.Reading> readings = new ArrayList<>();
  private int events;

  ModelRun(Model<S> model, RandomGenerator random) {
    this.model = model;
    this.random = random;
    for (int site = 0; site < SITES; site++) {
      states.add(Optional.empty());
      seen.add(new HashSet<>());
    }
  }

  void run() {
    for (int step = 0; step < STEPS; step++) {
      int site = random.nextInt(SITES);
      switch (random.nextInt(4)) {
        case 0 -> takeState(site, random.nextInt(SITES));
        case 1 -> takeDeltas(site);
        default -> write(site);
      }
    }
    Optional<S> fromStates = Optional.empty();
    for (int site : shuffled(SITES)) {
      fromStates = join(fromStates, states.get(site));
    }
    Optional<S> fromDeltas = groups(shuffledRepeats(sent));
    assertEquals(fromStates, fromDeltas, "merging states and merging deltas differ");
    Set<Model.Event> all = new HashSet<>();
    seen.forEach(all::addAll);
    fromStates.ifPresent(state -> assertShown(state, all));
  }

  private void write(int site) {
    Model.Step<S> step =
        model.act(
            random,
            new Model.Site<>(site, states.get(site), seen.get(site), readings, () -> events++));
    sent.add(step);
    take(site, step);
  }

  private void takeState(int site, int from) {
    if (states.get(from).isPresent()) {
      take(site, new Model.Step<>(states.get(from).get(), seen.get(from)));
    }
  }

  private void takeDeltas(int site) {
    List<Model.Step<S>> some = new ArrayList<>();
    Set<Model.Event> carried = new HashSet<>();
    for (int drawn = random.nextInt(4); drawn >= 0 && !sent.isEmpty(); drawn--) {
      Model.Step<S> step = sent.get(random.nextInt(sent.size()));
      some.add(step);
      carried.addAll(step.events());
    }
    groups(some).ifPresent(group -> take(site, new Model.Step<>(group, carried)));
  }

  private void take(int site, Model.Step<S> step) {
    S state = join(states.get(site), Optional.of(step.delta())).orElseThrow();
    states.set(site, Optional.of(state));
    seen.get(site).addAll(step.events());
    assertShown(state, seen.get(site));
    if (random.nextInt(3) == 0) {
      model.read(state, seen.get(site)).ifPresent(readings::add);
    }
  }

  private void assertShown(S state, Set<Model.Event> writes) {
    for (long now : READ_TIMES) {
      assertEquals(
          model.expected(writes, now),
          model.shown(state, now),
          () -> "at " + now + " of " + state + " after " + writes);
    }
  }

  /// Merges the deltas in random groups, and then the groups.
  private Optional<S> groups(List<Model.Step<S>> steps) {
    Optional<S> all = Optional.empty();
    Optional<S> group = Optional.empty();
    for (Model.Step<S> step : steps) {
      group = join(group, Optional.of(step.delta()));
      if (random.nextBoolean()) {
        all = join(all, group);
        group = Optional.empty();
      }
    }
    return join(all, group);
  }

  private Optional<S> join(Optional<S> a, Optional<S> b) {
    return a.isEmpty() || b.isEmpty() ? a.or(() -> b) : Optional.of(model.merge(a.get(), b.get()));
  }

  private List<Model.Step<S>> shuffledRepeats(List<Model.Step<S>> steps) {
    List<Model.Step<S>> repeated = new ArrayList<>(steps);
    for (Model.Step<S> step : steps) {
      if (random.nextInt(3) == 0) {
        repeated.add(step);
      }
    }
    Collections.shuffle(repeated, new Random(random.nextLong()));
    return repeated;
  }

  private List<Integer> shuffled(int count) {
    List<Integer> numbers = new ArrayList<>();
    for (int number = 0; number < count; number++) {
      numbers.add(number);
    }
    Collections.shuffle(numbers, new Random(random.nextLong()));
    return numbers;
  }
}
