package dev.trellis.simulation;

import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import java.util.ArrayList;
import java.util.List;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/// Mutations of every kind. Some keys are shared by all clients; others belong to one client each,
/// so that what must be in them follows from that client's steps alone.
final class Workload {
  /// What to do next.
  ///
  /// @param pinned whether to demand the generation last seen
  record Action(Payload key, Mutation mutation, long ttlMillis, boolean pinned) {}

  /// What a client does before its first step.
  static final Action IDLE = new Action(Payload.EMPTY, new Mutation.Enable(), 0, false);

  private static final List<String> SHARED =
      List.of("counter", "max", "min", "flag", "gset", "oset", "log", "priority", "mixed", "brief");
  private static final List<String> OWNED =
      List.of("lww", "orset", "sortedset", "causal", "map", "deleted");

  private final int steps;
  private final SortedSet<Payload> keys = new TreeSet<>();
  private int taken;

  Workload(int steps) {
    this.steps = steps;
  }

  boolean isDone() {
    return taken >= steps;
  }

  /// Every key written so far.
  List<Payload> keys() {
    return new ArrayList<>(keys);
  }

  Action next(int client, RandomGenerator random) {
    taken++;
    int choice = random.nextInt(SHARED.size() + OWNED.size());
    boolean shared = choice < SHARED.size();
    String type = shared ? SHARED.get(choice) : OWNED.get(choice - SHARED.size());
    Payload key = Payload.ofText(shared ? type : type + "-" + client);
    keys.add(key);
    Payload unique = Payload.ofText("c" + client + "." + taken);
    List<Payload> some = List.of(Payload.ofText("c" + client + ".e" + random.nextInt(4)));
    boolean removes = random.nextInt(3) == 0;
    Mutation mutation =
        switch (type) {
          case "counter" -> new Mutation.Increment(random.nextLong(1, 10));
          case "max" -> new Mutation.Raise(random.nextLong(-1_000, 1_000));
          case "min" -> new Mutation.Lower(random.nextLong(-1_000, 1_000));
          case "flag" -> new Mutation.Enable();
          case "gset" -> new Mutation.Add(Kind.GSET, List.of(unique));
          case "oset" -> new Mutation.Add(Kind.OSET, List.of(unique));
          case "log" -> new Mutation.Append(List.of(unique));
          case "priority" -> new Mutation.PutPriority(random.nextInt(100), unique);
          // Concurrent first writes of two kinds, and deletes that end it.
          case "mixed" ->
              random.nextInt(6) == 0
                  ? new Mutation.Delete()
                  : client % 2 == 0
                      ? new Mutation.Enable()
                      : new Mutation.Add(Kind.GSET, List.of(unique));
          // Expires at once or soon, and is begun anew.
          case "brief" -> new Mutation.Add(Kind.GSET, List.of(unique));
          case "lww" -> removes ? new Mutation.Delete() : new Mutation.Put(unique);
          case "orset", "deleted" ->
              removes
                  ? type.equals("orset") ? new Mutation.Remove(some) : new Mutation.Delete()
                  : new Mutation.Add(Kind.ORSET, some);
          case "sortedset" ->
              removes
                  ? new Mutation.RemoveMembers(some)
                  : new Mutation.AddScored(
                      List.of(new Mutation.ScoredMember(some.get(0), random.nextInt(10))));
          case "causal" -> new Mutation.PutCausal(unique, dev.trellis.causal.CausalContext.EMPTY);
          case "map" ->
              new Mutation.UpdateField(
                  Payload.ofText("f"),
                  new Mutation.UpdateField(Payload.ofText("n"), new Mutation.Increment(1)));
          default -> throw new IllegalStateException(type);
        };
    long ttl = type.equals("brief") ? random.nextLong(1, 300) : 0;
    boolean deletable = type.equals("deleted") || type.equals("mixed");
    boolean pinned = deletable && random.nextInt(4) == 0;
    return new Action(key, mutation, ttl, pinned);
  }
}
