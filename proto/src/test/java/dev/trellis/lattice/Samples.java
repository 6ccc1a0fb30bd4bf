package dev.trellis.lattice;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.random.RandomGenerator;

/// Draws states and their parts from few values each, so that they collide. Also states that no
/// correct run reaches, such as two values under one stamp or dot: merge is total.
final class Samples {
  static final int TIME_MAX = 8;

  /// How deep maps nest.
  static final int DEPTH_MAX = 4;

  /// A kind that only a newer version knows.
  static final int UNKNOWN_KIND = 99;

  private static final long[] LONGS = {
    Long.MIN_VALUE,
    Long.MIN_VALUE + 1,
    Integer.MIN_VALUE - 1L,
    -1,
    0,
    1,
    Integer.MAX_VALUE + 1L,
    Long.MAX_VALUE - 1,
    Long.MAX_VALUE
  };
  private static final double[] DOUBLES = {
    Double.NEGATIVE_INFINITY,
    -Double.MAX_VALUE,
    -1.5,
    -Double.MIN_VALUE,
    -0.0,
    0.0,
    Double.MIN_VALUE,
    1,
    1.0000000000000002,
    Double.MAX_VALUE,
    Double.POSITIVE_INFINITY
  };
  private static final List<Payload> PAYLOADS =
      List.of(
          Payload.EMPTY,
          Payload.ofText("a"),
          Payload.ofText("ab"),
          Payload.ofText("b"),
          Payload.of(new byte[] {(byte) 0x80}),
          Payload.of(new byte[] {(byte) 0xff, 0}));

  private Samples() {}

  static long whole(RandomGenerator random) {
    return LONGS[random.nextInt(LONGS.length)];
  }

  static double number(RandomGenerator random) {
    return DOUBLES[random.nextInt(DOUBLES.length)];
  }

  static Payload payload(RandomGenerator random) {
    return PAYLOADS.get(random.nextInt(PAYLOADS.size()));
  }

  /// At least one, repeats allowed.
  static List<Payload> payloads(RandomGenerator random) {
    List<Payload> drawn = new ArrayList<>();
    for (int left = random.nextInt(1, 4); left > 0; left--) {
      drawn.add(payload(random));
    }
    return drawn;
  }

  static HybridTimestamp timestamp(RandomGenerator random) {
    return HybridTimestamp.of(random.nextInt(3), random.nextInt(2));
  }

  static long writer(RandomGenerator random) {
    return random.nextInt(-1, 2);
  }

  /// Never, or one of the first milliseconds.
  static long expiresAt(RandomGenerator random) {
    return random.nextBoolean() ? Expiry.NEVER : random.nextInt(1, TIME_MAX);
  }

  static ReplicaId replica(RandomGenerator random) {
    return random.nextInt(4) == 0 ? invocation(random).replica() : Model.idOf(random.nextInt(3));
  }

  /// Born in one of the first milliseconds.
  static InvocationId invocation(RandomGenerator random) {
    return new InvocationId((long) random.nextInt(1, 4) << 16, random.nextInt(2));
  }

  static Tag tag(RandomGenerator random) {
    return new Tag(invocation(random), random.nextInt(1, 3));
  }

  static Dot dot(RandomGenerator random) {
    return new Dot(replica(random), random.nextInt(1, 5));
  }

  /// Up to a few dots, with gaps.
  static CausalContext context(RandomGenerator random) {
    List<CausalContext.Run> runs = new ArrayList<>();
    for (int left = random.nextInt(4); left > 0; left--) {
      Dot dot = dot(random);
      runs.add(
          new CausalContext.Run(dot.replica(), dot.counter(), dot.counter() + random.nextInt(2)));
    }
    return CausalContext.ofRuns(runs);
  }

  static LwwRegister lww(RandomGenerator random) {
    return random.nextInt(4) == 0
        ? LwwRegister.tombstone(timestamp(random), writer(random))
        : LwwRegister.of(timestamp(random), writer(random), expiresAt(random), payload(random));
  }

  static Counter counter(RandomGenerator random) {
    Map<ReplicaId, Counter.Sums> sums = new HashMap<>();
    for (int left = random.nextInt(4); left > 0; left--) {
      sums.put(replica(random), new Counter.Sums(sum(random), sum(random)));
    }
    Map<ReplicaId, Map<Tag, Long>> tagged = new HashMap<>();
    for (int left = random.nextInt(6); left > 0; left--) {
      tagged
          .computeIfAbsent(replica(random), taker -> new HashMap<>())
          .put(tag(random), random.nextInt(8) == 0 ? whole(random) : random.nextInt(-2, 3));
    }
    Map<ReplicaId, Counter.Fold> folds = new HashMap<>();
    for (int left = random.nextInt(3); left > 0; left--) {
      folds.put(
          replica(random),
          new Counter.Fold(random.nextInt(1, 4), foldedSum(random), foldedSum(random)));
    }
    return Counter.of(sums, folds, tagged);
  }

  private static BigInteger foldedSum(RandomGenerator random) {
    return random.nextInt(8) == 0 ? BigInteger.TWO.pow(100) : BigInteger.valueOf(random.nextInt(3));
  }

  private static long sum(RandomGenerator random) {
    return random.nextInt(8) == 0 ? Long.MAX_VALUE : random.nextInt(3);
  }

  static GrowSet growSet(RandomGenerator random) {
    return random.nextInt(5) == 0 ? GrowSet.EMPTY : GrowSet.of(payloads(random));
  }

  static OrderedSet orderedSet(RandomGenerator random) {
    return random.nextInt(5) == 0 ? OrderedSet.EMPTY : OrderedSet.of(payloads(random));
  }

  static ObservedRemoveSet observedRemoveSet(RandomGenerator random) {
    Map<Dot, Payload> adds = new HashMap<>();
    for (int left = random.nextInt(5); left > 0; left--) {
      adds.put(dot(random), payload(random));
    }
    return ObservedRemoveSet.of(adds, context(random));
  }

  static SortedSet.Score score(RandomGenerator random) {
    return new SortedSet.Score(
        timestamp(random),
        writer(random),
        random.nextInt(4) == 0 ? OptionalDouble.empty() : OptionalDouble.of(number(random)));
  }

  static SortedSet sortedSet(RandomGenerator random) {
    Map<Payload, SortedSet.Score> members = new HashMap<>();
    for (int left = random.nextInt(5); left > 0; left--) {
      members.put(payload(random), score(random));
    }
    return SortedSet.of(members);
  }

  static CausalRegister causal(RandomGenerator random, boolean withDependencies) {
    Map<Dot, CausalRegister.Sibling> siblings = new HashMap<>();
    for (int left = random.nextInt(4); left > 0; left--) {
      siblings.put(
          dot(random),
          new CausalRegister.Sibling(
              payload(random),
              expiresAt(random),
              withDependencies ? dependencies(random) : new TreeMap<>(),
              withDependencies
                  ? HybridTimestamp.ofMillis(random.nextInt(3))
                  : HybridTimestamp.ZERO));
    }
    return CausalRegister.of(siblings, context(random));
  }

  static SortedMap<Payload, CausalContext> dependencies(RandomGenerator random) {
    SortedMap<Payload, CausalContext> dependencies = new TreeMap<>();
    for (int left = random.nextInt(3); left > 0; left--) {
      dependencies.put(payload(random), context(random));
    }
    return dependencies;
  }

  static PriorityRegister priority(RandomGenerator random) {
    return new PriorityRegister(number(random), payload(random));
  }

  static Log log(RandomGenerator random) {
    Map<Log.Position, Payload> records = new HashMap<>();
    for (int left = random.nextInt(5); left > 0; left--) {
      records.put(new Log.Position(timestamp(random), dot(random)), payload(random));
    }
    return Log.of(records, random.nextBoolean() ? CausalContext.EMPTY : context(random));
  }

  static OpaqueValue opaque(RandomGenerator random) {
    return OpaqueValue.of(UNKNOWN_KIND, payloads(random));
  }

  /// A map whose fields may hold maps, `depth` deep.
  static LatticeMap map(RandomGenerator random, int depth) {
    Map<Payload, Entry> fields = new HashMap<>();
    for (int left = random.nextInt(4); left > 0; left--) {
      fields.put(payload(random), entry(random, depth - 1));
    }
    return LatticeMap.of(fields);
  }

  /// An entry in one of few generations, with up to three kinds at once.
  static Entry entry(RandomGenerator random, int depth) {
    List<Value<?>> values = new ArrayList<>();
    for (int left = random.nextInt(8) / 2; left > 0; left--) {
      values.add(value(random, depth));
    }
    Entry entry =
        Entry.of(
            timestamp(random),
            random.nextInt(3) == 0 ? Optional.of(expiry(random)) : Optional.empty(),
            values);
    // Only keys have commits, fields have none.
    return depth == DEPTH_MAX && random.nextInt(3) == 0 ? entry.with(commits(random)) : entry;
  }

  /// Few commits, of which every replica knows the same, as their clients say the same to all.
  static Commits commits(RandomGenerator random) {
    HybridTimestamp foldedUpTo = random.nextBoolean() ? HybridTimestamp.ZERO : timestamp(random);
    TreeMap<CommitId, Commits.Part> parts = new TreeMap<>();
    for (int left = random.nextInt(4); left > 0; left--) {
      CommitId id = new CommitId(timestamp(random), writer(random));
      if (id.timestamp().isAfter(foldedUpTo)) {
        parts.put(
            id,
            new Commits.Part(
                List.of(payload(random), payload(random)),
                List.of(lww(random), new MaxRegister(random.nextInt(3)))));
      }
    }
    return new Commits(foldedUpTo, parts);
  }

  static Expiry expiry(RandomGenerator random) {
    return new Expiry(timestamp(random), writer(random), expiresAt(random));
  }

  /// A value of any kind, an unknown one included.
  static Value<?> value(RandomGenerator random, int depth) {
    List<Kind> kinds = List.of(Kind.values());
    // A map as often as five other kinds, else deep nesting would be rare.
    int drawn = random.nextInt(kinds.size() + (depth > 0 ? 5 : 1));
    Kind kind = drawn > kinds.size() ? Kind.MAP : kinds.get(drawn % kinds.size());
    if (drawn == kinds.size() || (kind == Kind.MAP && depth <= 0)) {
      return opaque(random);
    }
    return switch (kind) {
      case LWW -> lww(random);
      case MAX -> new MaxRegister(whole(random));
      case MIN -> new MinRegister(whole(random));
      case FLAG -> new Flag(random.nextBoolean());
      case COUNTER -> counter(random);
      case GSET -> growSet(random);
      case ORSET -> observedRemoveSet(random);
      case OSET -> orderedSet(random);
      case SORTEDSET -> sortedSet(random);
      case MAP -> map(random, depth);
      case CAUSAL -> causal(random, false);
      case MULTICAUSAL -> new MultiCausalRegister(causal(random, true));
      case PRIORITY -> priority(random);
      case LOG -> log(random);
    };
  }
}
