package dev.trellis.history.linear;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/// A model's states and steps as numbers. Each step is taken from each state once; afterwards it is
/// a look-up.
final class Transitions<S> {
  /// In place of a state: the step is impossible.
  static final int IMPOSSIBLE = -1;

  /// In place of a state: there is no single one.
  static final int ANY = -2;

  private static final long FREE = -1;

  private final List<S> states = new ArrayList<>();
  private final Map<S, Integer> numbersOfStates = new HashMap<>();
  private final List<Model.Step<S>> steps = new ArrayList<>();
  private final Map<Model.Step<S>, Integer> numbersOfSteps = new HashMap<>();

  // Open addressing, half full at most: state and step to the state afterwards.
  private long[] keys = new long[1 << 10];
  private int[] values = new int[1 << 10];
  private int size;

  Transitions() {
    Arrays.fill(keys, FREE);
  }

  int stateNumber(S state) {
    Integer number = numbersOfStates.get(state);
    if (number == null) {
      number = states.size();
      states.add(state);
      numbersOfStates.put(state, number);
    }
    return number;
  }

  S state(int number) {
    return states.get(number);
  }

  int stepNumber(Model.Step<S> step) {
    Integer number = numbersOfSteps.get(step);
    if (number == null) {
      number = steps.size();
      steps.add(step);
      numbersOfSteps.put(step, number);
    }
    return number;
  }

  boolean isReadOnly(int step) {
    return steps.get(step).isReadOnly();
  }

  /// The only state in which a step is possible, or [#ANY].
  int required(int step) {
    return steps.get(step).required().map(this::stateNumber).orElse(ANY);
  }

  /// The only state to which a step leads, or [#ANY].
  int produced(int step) {
    return steps.get(step).produced().map(this::stateNumber).orElse(ANY);
  }

  boolean isHopeless(int state, int step) {
    return steps.get(step).isHopelessFrom(states.get(state));
  }

  int stepCount() {
    return steps.size();
  }

  /// The number of the state after a step, or [#IMPOSSIBLE].
  int next(int state, int step) {
    long key = (long) state << 32 | step;
    int slot = slot(key);
    if (keys[slot] == key) {
      return values[slot];
    }
    int next = steps.get(step).from(states.get(state)).map(this::stateNumber).orElse(IMPOSSIBLE);
    if (2 * (size + 1) > keys.length) {
      grow();
      slot = slot(key);
    }
    keys[slot] = key;
    values[slot] = next;
    size++;
    return next;
  }

  private int slot(long key) {
    int mask = keys.length - 1;
    int slot = (int) Hashes.mixed(key) & mask;
    while (keys[slot] != key && keys[slot] != FREE) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private void grow() {
    long[] oldKeys = keys;
    int[] oldValues = values;
    keys = new long[oldKeys.length * 2];
    values = new int[oldKeys.length * 2];
    Arrays.fill(keys, FREE);
    for (int i = 0; i < oldKeys.length; i++) {
      if (oldKeys[i] != FREE) {
        int slot = slot(oldKeys[i]);
        keys[slot] = oldKeys[i];
        values[slot] = oldValues[i];
      }
    }
  }
}
