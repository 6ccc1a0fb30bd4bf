package dev.trellis.monitor.decisions;

import dev.trellis.lattice.Payload;
import dev.trellis.monitor.policy.Decision;
import dev.trellis.monitor.policy.Decision.Move;
import dev.trellis.monitor.policy.Decision.Place;
import dev.trellis.monitor.policy.Explanation;
import dev.trellis.wire.Placement;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/// Puts decisions together that are the same but for the key: hundreds of keys may go to another
/// tier at once, and who reads what was decided wants to see that, not each of them.
public final class Batches {
  /// Keys of one decision, so that its record stays small.
  static final int KEYS_MAX = 64;

  private record Kind(Move move, Placement from, Placement to, boolean toDefault, String because) {}

  private Batches() {}

  /// The same decisions in fewer, in the order in which the first of each was made.
  public static List<Decision> of(List<Decision> decisions) {
    Map<Object, List<Place>> batches = new LinkedHashMap<>();
    Map<Kind, Integer> full = new LinkedHashMap<>(); // how many of a kind
    List<Decision> put = new ArrayList<>();
    for (Decision decision : decisions) {
      if (decision instanceof Place place && isOfTier(place.move())) {
        Kind kind =
            new Kind(
                place.move(),
                place.from(),
                place.to(),
                place.toDefault(),
                place.explanation().because());
        int number = full.getOrDefault(kind, 0);
        List<Place> batch = batches.computeIfAbsent(List.of(kind, number), _ -> new ArrayList<>());
        batch.add(place);
        if (batch.size() == KEYS_MAX) {
          full.put(kind, number + 1);
        }
      } else {
        put.add(decision);
      }
    }
    batches.values().forEach(batch -> put.add(together(batch)));
    return put;
  }

  private static boolean isOfTier(Move move) {
    return move == Move.DEMOTE || move == Move.PROMOTE;
  }

  private static Decision together(List<Place> batch) {
    Place first = batch.getFirst();
    if (batch.size() == 1) {
      return first;
    }
    List<Payload> others = batch.stream().skip(1).map(Place::key).toList();
    long count = batch.stream().mapToLong(Place::count).sum();
    Explanation why = first.explanation();
    Map<String, Double> inputs = new LinkedHashMap<>(why.inputs());
    inputs.replace("keys", (double) count);
    Map<String, Double> expected = new LinkedHashMap<>();
    for (String name : why.expected().keySet()) {
      expected.put(
          name,
          name.equals("memoryUse")
              ? use(batch)
              : batch.stream().mapToDouble(place -> expected(place, name)).sum());
    }
    return new Place(
        first.key(),
        others,
        count,
        first.move(),
        first.from(),
        first.to(),
        first.toDefault(),
        new Explanation(why.policy(), why.because(), inputs, why.threshold(), expected));
  }

  /// What each changes is told from the use as it is: together they change it by the sum.
  private static double use(List<Place> batch) {
    double before = batch.getFirst().explanation().inputs().getOrDefault("memoryUse", 0.0);
    return before
        + batch.stream().mapToDouble(place -> expected(place, "memoryUse") - before).sum();
  }

  private static double expected(Place place, String name) {
    return place.explanation().expected().getOrDefault(name, 0.0);
  }
}
