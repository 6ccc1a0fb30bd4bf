package dev.trellis.simulation;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Placement;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import java.util.random.RandomGenerator;

/// Mutations of every kind, and reads. Some keys are shared by all clients; others belong to one
/// client each, so that what must be in them follows from that client's steps alone.
final class Workload {
  /// What to do next.
  ///
  /// @param pinned whether to demand the generation last seen
  record Action(
      Payload key,
      Operation operation,
      long ttlMillis,
      boolean pinned,
      Acknowledgement acknowledgement,
      ReadMode mode) {}

  private static final List<String> SHARED =
      List.of(
          "counter",
          "max",
          "min",
          "flag",
          "gset",
          "oset",
          "log",
          "priority",
          "mixed",
          "brief",
          "contested",
          "tally",
          "post");
  private static final List<String> OWNED =
      List.of(
          "lww",
          "lease",
          "orset",
          "sortedset",
          "causal",
          "map",
          "fields",
          "folder",
          "deleted",
          "session",
          "tomb");
  private static final List<String> DELETED =
      List.of(
          "deleted", "session", "tomb", "mixed", "lww", "fields", "folder", "sortedset", "brief");

  private static final List<String> PLACED =
      List.of("counter", "max", "gset", "oset", "deleted", "brief", "tomb");

  /// What is never deleted and does not expire, so once there, it is there.
  private static final List<String> LASTING =
      List.of(
          "counter",
          "max",
          "min",
          "flag",
          "gset",
          "oset",
          "log",
          "tally",
          "post",
          "priority",
          "map",
          "causal");

  private static final Set<Profile> READING =
      EnumSet.of(Profile.REPLACEMENTS, Profile.PLACEMENTS, Profile.LAGGING_VIEWS);

  private static final int BULK_BYTES = 20_000;

  private final FaultPlan plan;
  private final SortedSet<Payload> keys = new TreeSet<>();
  private int taken;
  private boolean goesOn; // beyond the planned steps
  private final Map<Payload, List<Payload>> added = new HashMap<>(); // by key of a lasting set

  Workload(FaultPlan plan) {
    this.plan = plan;
  }

  boolean isDone() {
    return isExhausted() && !goesOn;
  }

  /// Whether all planned steps were taken.
  boolean isExhausted() {
    return taken >= plan.steps();
  }

  /// Has the clients go on after the planned steps, or not any more.
  void goOn(boolean further) {
    goesOn = further;
  }

  /// Every key written so far.
  List<Payload> keys() {
    return new ArrayList<>(keys);
  }

  static String type(Payload key) {
    return key.text().replaceAll("-.*", "");
  }

  /// Whether functions write to a key: under tags, as they are run again.
  static boolean isTagged(Payload key) {
    return type(key).equals("tally") || type(key).equals("post");
  }

  /// Whether a key that was written stays for good.
  static boolean lasts(Payload key) {
    return LASTING.contains(type(key));
  }

  Action next(int client, RandomGenerator random) {
    taken++;
    int readsAmong = READING.contains(plan.profile()) ? 2 : 5;
    if (!keys.isEmpty() && random.nextInt(readsAmong) == 0) {
      return read(random);
    }
    String type = type(random);
    boolean shared = SHARED.contains(type);
    // Several keys of a type, so that they are in several partitions.
    int number = random.nextInt(plan.profile() == Profile.PLACEMENTS ? 1 : 2);
    if (type.equals("contested")) {
      number =
          taken / 12; // a new one every while, so that equal stamps may be the last ones of a key
    }
    Payload key = Payload.ofText(type + "-" + (shared ? "all" : client) + "." + number);
    keys.add(key);
    int placedAmong =
        switch (plan.profile()) {
          case PLACEMENTS -> 6;
          case MANY_SHARDS -> 10;
          default -> 40;
        };
    boolean places = random.nextInt(placedAmong) == 0;
    if (places) {
      return action(key, place(random), 0, false, random);
    }
    Payload unique = unique(client);
    Payload some =
        Payload.ofText("c" + client + ".e" + (random.nextBoolean() ? random.nextInt(4) : taken));
    boolean removes = random.nextInt(3) == 0;
    Mutation mutation =
        switch (type) {
          case "counter", "tally" -> new Mutation.Increment(random.nextLong(1, 10));
          case "max" -> new Mutation.Raise(random.nextLong(-1_000, 1_000));
          case "min" -> new Mutation.Lower(random.nextLong(-1_000, 1_000));
          case "flag" -> new Mutation.Enable();
          case "gset" -> new Mutation.Add(Kind.GSET, newOrOld(key, unique, random));
          case "oset" -> new Mutation.Add(Kind.OSET, newOrOld(key, unique, random));
          case "log", "post" -> new Mutation.Append(List.of(unique));
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
          case "contested", "lease" -> new Mutation.Put(unique);
          case "lww" -> removes ? new Mutation.Delete() : new Mutation.Put(unique);
          case "orset" ->
              removes
                  ? new Mutation.Remove(List.of(element(client, random)))
                  : new Mutation.Add(Kind.ORSET, List.of(some));
          case "deleted", "session" ->
              removes ? new Mutation.Delete() : new Mutation.Add(Kind.ORSET, List.of(some));
          case "tomb" -> removes ? new Mutation.Delete() : new Mutation.Increment(1);
          case "sortedset" ->
              removes
                  ? new Mutation.RemoveMembers(List.of(element(client, random)))
                  : new Mutation.AddScored(
                      List.of(new Mutation.ScoredMember(some, random.nextInt(10))));
          case "causal" -> new Mutation.PutCausal(unique, CausalContext.EMPTY);
          case "map" ->
              new Mutation.UpdateField(
                  Payload.ofText("f"),
                  new Mutation.UpdateField(Payload.ofText("n"), new Mutation.Increment(1)));
          case "fields" ->
              new Mutation.UpdateField(
                  Payload.ofText("f" + random.nextInt(3)),
                  removes ? new Mutation.Delete() : new Mutation.Put(unique));
          // A removed field ends what was in it, and begins anew.
          case "folder" ->
              new Mutation.UpdateField(
                  Payload.ofText("f" + random.nextInt(2)),
                  removes ? new Mutation.Delete() : new Mutation.Add(Kind.ORSET, List.of(some)));
          default -> throw new IllegalStateException(type);
        };
    long ttl =
        switch (type) {
          case "brief" -> random.nextLong(1, 1_500);
          case "lease" -> random.nextBoolean() ? random.nextLong(1, 1_500) : 0;
          default -> 0;
        };
    boolean deletable = type.equals("deleted") || type.equals("mixed") || type.equals("brief");
    boolean pinned = type.equals("session") || (deletable && random.nextInt(4) == 0);
    return action(key, mutation, ttl, pinned, random);
  }

  /// What to add: now and then what is there already, which must be as safe as what is new.
  private List<Payload> newOrOld(Payload key, Payload unique, RandomGenerator random) {
    List<Payload> before = added.computeIfAbsent(key, ignored -> new ArrayList<>());
    if (!before.isEmpty() && random.nextInt(4) == 0) {
      return List.of(before.get(random.nextInt(before.size())));
    }
    before.add(unique);
    return List.of(unique);
  }

  /// A last write of a client, when all is well again.
  Action probe(int client, int number, RandomGenerator random) {
    Payload key = Payload.ofText("probe-" + client + "." + number);
    keys.add(key);
    return new Action(
        key,
        new Mutation.Add(Kind.GSET, List.of(unique(client))),
        0,
        false,
        Acknowledgement.REPLICATED,
        ReadMode.ANY);
  }

  private Payload unique(int client) {
    String name = "c" + client + "." + taken++;
    return Payload.ofText(plan.profile().isBulky() ? name + ".".repeat(BULK_BYTES) : name);
  }

  private static Payload element(int client, RandomGenerator random) {
    return Payload.ofText("c" + client + ".e" + random.nextInt(4));
  }

  private Action read(RandomGenerator random) {
    List<Payload> all = keys();
    return new Action(
        all.get(random.nextInt(all.size())),
        Read.Get.ANY,
        0,
        false,
        Acknowledgement.DEFAULT,
        random.nextInt(4) == 0 ? ReadMode.ALL : ReadMode.ANY);
  }

  private String type(RandomGenerator random) {
    if (plan.profile() == Profile.LAGGING_VIEWS && random.nextInt(3) == 0) {
      return "mixed"; // two kinds at once need two replicas that have not heard of each other
    }
    if (plan.profile() == Profile.DELETES && random.nextInt(4) != 0) {
      return DELETED.get(random.nextInt(DELETED.size()));
    }
    if (plan.clientGrainMillis() > 1 && random.nextInt(4) == 0) {
      return "contested"; // where stamps are equal, equal stamps shall meet
    }
    if (plan.profile() == Profile.RESTARTS && random.nextInt(4) != 0) {
      return List.of("log", "log", "causal", "counter", "orset").get(random.nextInt(5));
    }
    if (plan.profile() == Profile.PLACEMENTS && random.nextInt(8) != 0) {
      return PLACED.get(random.nextInt(PLACED.size())); // few, so that each is placed often
    }
    if (plan.profile() == Profile.LARGE_VALUES && random.nextInt(4) != 0) {
      return List.of("gset", "oset").get(random.nextInt(2));
    }
    boolean counts = plan.profile() == Profile.CRASHES || plan.profile() == Profile.SUSPICION;
    if (counts && random.nextInt(3) == 0) {
      // Whose ids tell one life of a shard from another.
      return List.of("counter", "log", "causal", "causal", "tally", "post").get(random.nextInt(6));
    }
    int choice = random.nextInt(SHARED.size() + OWNED.size());
    return choice < SHARED.size() ? SHARED.get(choice) : OWNED.get(choice - SHARED.size());
  }

  private Mutation place(RandomGenerator random) {
    int all = plan.nodes();
    Placement drawn =
        switch (random.nextInt(6)) {
          case 0 -> new Placement(0, 2, 1); // borrows where there are not so many
          case 1 -> new Placement(2, 0, 2);
          case 2 -> new Placement(all, all, random.nextInt(1, 3));
          default -> {
            int memory = random.nextInt(4);
            int ssd = random.nextInt(memory == 0 ? 1 : 0, 3);
            yield new Placement(memory, ssd, random.nextInt(1, 3));
          }
        };
    if (plan.profile().losesPower() && drawn.ssdNodes() == 0) {
      // What is placed on no disk is not durable any more.
      drawn = new Placement(drawn.memoryNodes(), 1, drawn.shardsPerNode());
    }
    int backAmong = plan.profile() == Profile.PLACEMENTS ? 2 : 4;
    return new Mutation.Place(
        random.nextInt(backAmong) == 0 ? Optional.empty() : Optional.of(drawn));
  }

  private Action action(
      Payload key, Mutation mutation, long ttl, boolean pinned, RandomGenerator random) {
    int durableAmong = plan.profile().losesPower() ? 2 : 4;
    if (plan.ssdNodes() > 0 && random.nextInt(durableAmong) == 0) {
      return new Action(key, mutation, ttl, pinned, Acknowledgement.DURABLE, ReadMode.ANY);
    }
    Acknowledgement level =
        switch (random.nextInt(mutation instanceof Mutation.PutCausal ? 2 : 4)) {
          case 0 -> Acknowledgement.ONE;
          case 1 -> Acknowledgement.DEFAULT;
          default -> Acknowledgement.REPLICATED;
        };
    return new Action(key, mutation, ttl, pinned, level, ReadMode.ANY);
  }
}
