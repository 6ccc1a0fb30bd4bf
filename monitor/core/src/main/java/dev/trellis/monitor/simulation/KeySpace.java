package dev.trellis.monitor.simulation;

import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/// All keys, in classes: the first ranks of each part one by one, then ever larger classes. A
/// decision about some keys of a class splits it.
final class KeySpace {
  private static final int SINGLE_RANKS = 32;
  private static final double CLASS_GROWTH = 1.4;

  private final List<KeyClass> classes = new ArrayList<>();
  private final int parts;
  private final int faultTolerance;

  KeySpace(Scenario scenario, ModelConfig config) {
    parts = scenario.parts();
    faultTolerance = config.faultTolerance();
    long keys = config.data().keys() / parts;
    for (int part = 0; part < parts; part++) {
      double share = Math.clamp(parts * scenario.inMemory() - part, 0, 1);
      fill(part, keys, (long) Math.ceil(keys * share));
    }
  }

  private void fill(int part, long keys, long inMemory) {
    long first = 1;
    while (first <= keys) {
      long last = first <= SINGLE_RANKS ? first : Math.min(keys, (long) (first * CLASS_GROWTH));
      if (first <= inMemory && last > inMemory) {
        last = inMemory;
      }
      boolean isWarm = last <= inMemory;
      classes.add(KeyClass.of(part, first, last, isWarm ? warm() : cold(), isWarm));
      first = last + 1;
    }
  }

  private Placement warm() {
    return Placement.ofDefault(faultTolerance);
  }

  private Placement cold() {
    return new Placement(0, faultTolerance + 1, 1);
  }

  List<KeyClass> classes() {
    return Collections.unmodifiableList(classes);
  }

  /// What share of all requests goes to each class, in their order.
  double[] shares(Load load) {
    double[] sums = new double[parts];
    double[] shares = new double[classes.size()];
    for (int index = 0; index < shares.length; index++) {
      shares[index] = classes.get(index).weight(load.zipf());
      sums[classes.get(index).part] += shares[index];
    }
    for (int index = 0; index < shares.length; index++) {
      int part = classes.get(index).part;
      double weight = part < load.weights().size() ? load.weights().get(part) : 0;
      shares[index] *= weight / sums[part];
    }
    return shares;
  }

  /// Places keys anew; if they are fewer than their class has, the most wanted of them, but those
  /// who are demoted the least wanted. What is moved keeps the name.
  void place(Decision.Place place) {
    for (int index = 0; index < classes.size(); index++) {
      KeyClass current = classes.get(index);
      if (current.name.equals(place.key())) {
        classes.set(index, moved(current, place, index));
        return;
      }
    }
  }

  private KeyClass moved(KeyClass current, Decision.Place place, int index) {
    long count = Math.min(place.count(), current.count());
    boolean takesLast = place.move() == Move.DEMOTE;
    long first = takesLast ? current.lastRank - count + 1 : current.firstRank;
    long last = first + count - 1;
    if (count < current.count()) {
      long restFirst = takesLast ? current.firstRank : last + 1;
      long restLast = takesLast ? first - 1 : current.lastRank;
      classes.add(
          index + 1,
          KeyClass.of(current.part, restFirst, restLast, current.placement, current.isDefault));
    }
    return new KeyClass(
        current.name.text(), current.part, first, last, place.to(), place.toDefault());
  }
}
