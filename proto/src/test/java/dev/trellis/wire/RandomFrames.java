package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.CausalRegister;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Commits;
import dev.trellis.lattice.Counter;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.Flag;
import dev.trellis.lattice.GrowSet;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.LatticeMap;
import dev.trellis.lattice.Log;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.MaxRegister;
import dev.trellis.lattice.MinRegister;
import dev.trellis.lattice.MultiCausalRegister;
import dev.trellis.lattice.ObservedRemoveSet;
import dev.trellis.lattice.OpaqueValue;
import dev.trellis.lattice.OrderedSet;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.PriorityRegister;
import dev.trellis.lattice.SortedSet;
import dev.trellis.lattice.Value;
import java.math.BigInteger;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.random.RandomGenerator;

/// Draws legal frames of every type, with values of every kind. Small numbers are common, so that
/// ids, dots and payloads collide; the extremes of every range appear too.
final class RandomFrames {
  private static final long[] EDGES = {
    0, 1, -1, 127, 128, 16_383, 16_384, Integer.MAX_VALUE, Long.MAX_VALUE, Long.MIN_VALUE
  };
  private static final double[] NUMBERS = {
    0.0, -0.0, 1.5, -1.5, Double.MIN_VALUE, Double.MAX_VALUE, Double.NEGATIVE_INFINITY
  };

  private final RandomGenerator random;

  RandomFrames(RandomGenerator random) {
    this.random = random;
  }

  // ---- Frames ----

  /// The number of types that [#frame(int)] knows.
  static final int FRAME_TYPES = 18;

  Frame frame() {
    return frame(random.nextInt(FRAME_TYPES));
  }

  /// A frame of a type, from 0.
  Frame frame(int type) {
    return switch (type) {
      case 0 ->
          new Frame.Hello(
              whole(),
              whole(),
              text(),
              number(),
              pick(Frame.Scope.values()),
              payload(),
              text(),
              maybe(() -> new Frame.Introduction(peer(), peer(), number())));
      case 1 ->
          new Frame.Welcome(
              whole(),
              text(),
              text(),
              whole(),
              number(),
              timestamp(),
              pick(Limits.DEFAULT, new Limits(1, 1, 64 << 10, 1)),
              number(),
              text());
      case 2 -> new Frame.Refused(pick(ErrorCode.values()), text());
      case 3 -> new Frame.Single(request());
      case 4 -> new Frame.Batch(list(this::request));
      case 5 -> new Frame.Answer(reply());
      case 6 -> new Frame.Answers(list(this::reply));
      case 7 -> watch();
      case 8 -> new Frame.Unwatch(number());
      case 9 -> new Frame.Changed(reply());
      case 10 ->
          new Frame.Scan(number(), payload(), maybe(this::payload), whole(), random.nextBoolean());
      case 11 ->
          new Frame.Scanned(
              number(),
              list(() -> new Frame.ScannedKey(key(), list(this::kind), view(1))),
              random.nextBoolean(),
              maybe(this::failed));
      case 12 -> new Frame.MapRequest(number());
      case 13 -> new Frame.ClusterMap(number(), number(), text(), whole(), list(this::node));
      case 14 -> new Frame.Ping(number(), random.nextBoolean());
      case 15 -> new Frame.Pong(number(), timestamp(), timestamp());
      case 16 -> new Frame.FromPeer(peerMessage(random.nextInt(PEER_MESSAGE_TYPES)));
      case 17 -> new Frame.PeerPiece(whole(), key());
      default -> throw new IllegalArgumentException("no frame type " + type);
    };
  }

  private Frame.Watch watch() {
    boolean state = random.nextBoolean();
    return new Frame.Watch(
        number(), key(), state ? Optional.empty() : maybe(this::kind), random.nextBoolean(), state);
  }

  private NodeDescriptor node() {
    List<Integer> ports = new ArrayList<>(list(this::whole));
    ports.add(random.nextInt(65_536));
    return new NodeDescriptor(
        "node-" + random.nextInt(10),
        pick(NodeDescriptor.Tier.values()),
        text(),
        ports,
        whole(),
        number(),
        1 + random.nextInt(1_000),
        pick(NodeDescriptor.State.values()),
        text(),
        whole(),
        whole());
  }

  // ---- Between replicas ----

  private Peer peer() {
    return new Peer("node-" + random.nextInt(10), number(), whole());
  }

  /// The number of messages that [#peerMessage(int)] knows.
  static final int PEER_MESSAGE_TYPES = 14;

  PeerMessage peerMessage(int type) {
    return switch (type) {
      case 0 -> new PeerMessage.Changes(number(), timestamp(), list(this::change), number());
      case 1 ->
          new PeerMessage.Received(
              number(), timestamp(), random.nextBoolean(), number(), number(), number());
      case 2 -> new PeerMessage.Fetch(number(), key());
      case 3 -> new PeerMessage.Fetched(number(), random.nextBoolean(), number(), change());
      case 4 -> new PeerMessage.DigestsAsked(number(), whole(), list(this::whole));
      case 5 -> new PeerMessage.Digests(number(), whole(), number(), list(this::rangeDigest));
      case 6 -> new PeerMessage.KeysAsked(number(), whole(), whole());
      case 7 ->
          new PeerMessage.Keys(
              number(),
              whole(),
              whole(),
              list(() -> new PeerMessage.KeyDigest(number(), number())));
      case 8 -> new PeerMessage.Wanted(number(), whole(), list(this::number));
      case 9 -> new PeerMessage.Sent(number(), whole(), number());
      case 10 -> new PeerMessage.CollectAsked(number(), list(this::change), millis());
      case 11 -> new PeerMessage.CollectVoted(number(), list(this::whole), millis());
      case 12 -> new PeerMessage.Collect(timestamp(), list(this::key), millis());
      case 13 -> new PeerMessage.FetchSent(number(), (PeerMessage.Fetched) peerMessage(3));
      default -> throw new IllegalArgumentException("no message type " + type);
    };
  }

  private PeerMessage.Change change() {
    return new PeerMessage.Change(
        key(),
        random.nextInt(4) == 0 ? Entry.BOTTOM : entry(2),
        maybe(
            () -> new PlacementSetting(timestamp(), number(), timestamp(), maybe(this::placement))),
        random.nextBoolean());
  }

  private PeerMessage.RangeDigest rangeDigest() {
    return new PeerMessage.RangeDigest(
        whole(),
        number(),
        number(),
        random.nextBoolean(),
        random.nextBoolean(),
        random.nextBoolean());
  }

  // ---- Requests ----

  Request request() {
    Operation operation = operation();
    RequestContext context = context();
    return new Request(
        number(),
        key(),
        operation,
        operation instanceof Mutation.UpdateField
            ? context.withFieldGenerations(fewTimestamps())
            : context);
  }

  private RequestContext context() {
    return new RequestContext(
        number(),
        random.nextBoolean(),
        timestamp(),
        maybe(this::timestamp),
        pick(Acknowledgement.values()),
        pick(ReadMode.values()),
        number(),
        number(),
        number(),
        List.of(),
        random.nextInt(4) > 0 ? 0 : number(),
        random.nextInt(3) > 0
            ? Demand.NONE
            : new Demand(timestamp(), random.nextBoolean(), random.nextBoolean()),
        random.nextInt(3) > 0 ? Optional.empty() : Optional.of(tag()));
  }

  private BigInteger foldedSum() {
    return switch (random.nextInt(3)) {
      case 0 -> BigInteger.valueOf(number() & Long.MAX_VALUE);
      case 1 -> Counter.Fold.MAX.shiftRight(random.nextInt(127));
      default -> BigInteger.ZERO;
    };
  }

  private Tag tag() {
    InvocationId invocation =
        random.nextBoolean()
            ? InvocationId.mint(random.nextLong(InvocationId.BORN_MILLIS_MAX + 1), random)
            : new InvocationId((long) random.nextInt(3) << 16, random.nextInt(2));
    return new Tag(
        invocation,
        random.nextBoolean() ? random.nextInt(1, 4) : random.nextLong(1, Tag.NUMBER_MAX + 1));
  }

  private List<HybridTimestamp> fewTimestamps() {
    return random.nextInt(3) > 0 ? List.of() : list(this::timestamp);
  }

  Operation operation() {
    return random.nextBoolean() ? read(3) : mutation(3);
  }

  /// The number of operations that [#read(int, int)] and [#mutation(int, int)] know.
  static final int READ_TYPES = 10;

  static final int MUTATION_TYPES = 20;

  private Read read(int depth) {
    return read(random.nextInt(READ_TYPES), depth);
  }

  Read read(int type, int depth) {
    return switch (type) {
      case 0 -> new Read.Get(maybe(this::kind));
      case 1 -> new Read.State();
      case 2 -> new Read.Contains(kind(), list(this::payload));
      case 3 -> new Read.Size(kind());
      case 4 ->
          new Read.Range(
              kind(), maybe(this::payload), maybe(this::payload), positive(), random.nextBoolean());
      case 5 -> new Read.Scores(score(), score(), positive(), random.nextBoolean());
      case 6 -> new Read.Since(causalContext(), positive());
      case 7 -> {
        Read inner = depth == 0 ? Read.Get.ANY : read(depth - 1);
        boolean isOfKey = inner instanceof Read.Placed || inner instanceof Read.Await;
        yield new Read.Field(payload(), isOfKey ? Read.Get.ANY : inner);
      }
      case 8 -> new Read.Placed();
      case 9 -> new Read.Await(threshold());
      default -> throw new IllegalArgumentException("no read type " + type);
    };
  }

  private Threshold threshold() {
    return switch (random.nextInt(6)) {
      case 0 -> new Threshold.AtLeast(kind(), number());
      case 1 -> new Threshold.AtMost(kind(), number());
      case 2 -> new Threshold.Contains(kind(), some(this::payload));
      case 3 -> new Threshold.Enabled(kind());
      case 4 ->
          new Threshold.Unseen(causalContext(), 1 + random.nextInt(9), 1 + random.nextInt(99));
      default -> new Threshold.Seen(maybe(this::kind), maybe(this::payload));
    };
  }

  private Mutation mutation(int depth) {
    return mutation(random.nextInt(MUTATION_TYPES), depth);
  }

  Mutation mutation(int type, int depth) {
    return switch (type) {
      case 0 -> new Mutation.Put(payload());
      case 1 -> new Mutation.Raise(number());
      case 2 -> new Mutation.Lower(number());
      case 3 -> new Mutation.Enable();
      case 4 -> new Mutation.Increment(number());
      case 5 -> new Mutation.Add(pick(Kind.GSET, Kind.OSET, Kind.ORSET), some(this::payload));
      case 6 -> new Mutation.Remove(some(this::payload));
      case 7 -> new Mutation.AddScored(some(this::scoredMember));
      case 8 -> new Mutation.RemoveMembers(some(this::payload));
      case 9 -> {
        Mutation inner = mutation(depth == 0 ? 0 : random.nextInt(MUTATION_TYPES), depth - 1);
        boolean isOfKeys = inner instanceof Mutation.Merge || inner instanceof Mutation.Place;
        yield new Mutation.UpdateField(payload(), isOfKeys ? new Mutation.Delete() : inner);
      }
      case 10 -> new Mutation.PutCausal(payload(), causalContext());
      case 11 ->
          new Mutation.PutMultiCausal(payload(), causalContext(), dependencies(), timestamp());
      case 12 -> new Mutation.PutPriority(score(), payload());
      case 13 ->
          random.nextBoolean()
              ? new Mutation.Append(some(this::payload))
              : new Mutation.Append(
                  some(this::payload),
                  random.nextInt(Tag.POSITIONS_MAX),
                  random.nextInt(3),
                  random.nextLong() >>> 1 >>> random.nextInt(63));
      case 14 -> new Mutation.Trim(causalContext());
      case 15 -> new Mutation.Delete();
      case 16 ->
          new Mutation.Expire(
              random.nextBoolean() ? OptionalLong.of(number()) : OptionalLong.empty());
      case 17 -> new Mutation.Merge(entry(3));
      case 18 ->
          new Mutation.Place(
              maybe(this::placement), random.nextInt(2) == 0 ? 0 : random.nextLong() >>> 1);
      case 19 ->
          new Mutation.Commit(
              some(this::key),
              List.of(
                  random.nextBoolean()
                      ? new Mutation.Put(payload())
                      : new Mutation.Add(Kind.GSET, some(this::payload)),
                  new Mutation.Delete()));
      default -> throw new IllegalArgumentException("no mutation type " + type);
    };
  }

  private Placement placement() {
    int memoryNodes = whole();
    return new Placement(memoryNodes, memoryNodes == 0 ? positive() : whole(), positive());
  }

  private Mutation.ScoredMember scoredMember() {
    return new Mutation.ScoredMember(payload(), score());
  }

  // ---- Replies ----

  Reply reply() {
    int copies = random.nextInt(4);
    return new Reply(
        number(),
        random.nextBoolean() ? failed() : done(),
        timestamp(),
        maybe(this::kind),
        causalContext(),
        receipt(copies),
        timestamp(),
        number(),
        maybe(this::placement),
        fewTimestamps(),
        random.nextInt(4) > 0 ? Optional.empty() : Optional.of(entry(2)));
  }

  private Receipt receipt(int copies) {
    Receipt receipt = new Receipt(copies, random.nextInt(copies + 1));
    return random.nextInt(3) > 0
        ? receipt
        : receipt.told(
            timestamp(), pick(Receipt.Served.UNKNOWN, Receipt.Served.MEMORY, Receipt.Served.SSD));
  }

  private Outcome.Done done() {
    return new Outcome.Done(view(3), number(), random.nextBoolean());
  }

  private Outcome.Failed failed() {
    return new Outcome.Failed(
        pick(ErrorCode.values()),
        text(),
        maybe(() -> Duration.ofSeconds(random.nextInt(-5, 5), random.nextInt(1_000_000_000))));
  }

  /// The number of views that [#view(int, int)] knows.
  static final int VIEW_TYPES = 14;

  private View view(int depth) {
    return view(random.nextInt(VIEW_TYPES), depth);
  }

  View view(int type, int depth) {
    return switch (type) {
      case 0 -> new View.Missing();
      case 1 -> new View.Nothing();
      case 2 -> new View.Bytes(payload(), number());
      case 3 -> new View.Whole(number());
      case 4 -> new View.Truth(random.nextBoolean());
      case 5 -> new View.Elements(list(this::payload));
      case 6 -> new View.Scored(list(this::scoredMember));
      case 7 -> {
        TreeMap<Payload, View.Field> fields = new TreeMap<>();
        for (int count = depth == 0 ? 0 : random.nextInt(4); count > 0; count--) {
          fields.put(payload(), new View.Field(maybe(this::kind), view(depth - 1)));
        }
        yield new View.Fields(fields);
      }
      case 8 -> new View.Conflict(list(this::whole));
      case 9 ->
          new View.Siblings(
              list(() -> new View.Sibling(payload(), dependencies())), causalContext());
      case 10 -> new View.Prioritized(score(), payload());
      case 11 ->
          new View.Records(
              list(() -> new View.LogRecord(timestamp(), dot(), payload())), causalContext());
      case 12 -> new View.State(entry(depth));
      case 13 -> new View.Placed(placement(), random.nextBoolean());
      default -> throw new IllegalArgumentException("no view type " + type);
    };
  }

  // ---- Lattices ----

  Entry entry(int depth) {
    List<Value<?>> values = new ArrayList<>();
    for (int count = random.nextInt(8) / 3; count > 0; count--) {
      values.add(random.nextInt(10) == 0 ? opaque() : value(kind(), depth));
    }
    Optional<Expiry> expiry = maybe(() -> new Expiry(timestamp(), number(), millis()));
    Entry entry = Entry.of(timestamp(), expiry, values);
    return depth < 2 || random.nextInt(4) > 0 ? entry : entry.with(commits());
  }

  private Commits commits() {
    HybridTimestamp foldedUpTo = random.nextBoolean() ? HybridTimestamp.ZERO : timestamp();
    TreeMap<CommitId, Commits.Part> parts = new TreeMap<>();
    for (int count = random.nextInt(4); count > 0; count--) {
      CommitId id = new CommitId(timestamp(), random.nextLong());
      if (id.timestamp().isAfter(foldedUpTo)) {
        Value<?> value = random.nextBoolean() ? value(Kind.LWW, 0) : value(Kind.GSET, 0);
        parts.put(id, new Commits.Part(some(this::key), List.of(value)));
      }
    }
    return new Commits(foldedUpTo, parts);
  }

  OpaqueValue opaque() {
    return OpaqueValue.of(15 + random.nextInt(3), some(this::payload));
  }

  /// A state of a kind.
  ///
  /// @param depth how many maps may be in each other below it
  Value<?> value(Kind kind, int depth) {
    return switch (kind) {
      case LWW -> {
        Optional<Payload> payload = maybe(this::payload);
        yield new LwwRegister(
            timestamp(), number(), payload.isEmpty() ? Expiry.NEVER : millis(), payload);
      }
      case MAX -> new MaxRegister(number());
      case MIN -> new MinRegister(number());
      case FLAG -> new Flag(random.nextBoolean());
      case COUNTER -> {
        Map<ReplicaId, Counter.Sums> sums = new TreeMap<>();
        for (int count = random.nextInt(5); count > 0; count--) {
          sums.put(
              replica(), new Counter.Sums(number() & Long.MAX_VALUE, number() & Long.MAX_VALUE));
        }
        Map<ReplicaId, Counter.Fold> folds = new TreeMap<>();
        Map<ReplicaId, Map<Tag, Long>> tagged = new TreeMap<>();
        for (int takers = random.nextInt(3); takers > 0; takers--) {
          ReplicaId taker = replica();
          if (random.nextBoolean()) {
            folds.put(taker, new Counter.Fold(random.nextInt(1, 4), foldedSum(), foldedSum()));
          }
          Map<Tag, Long> additions = tagged.computeIfAbsent(taker, absent -> new TreeMap<>());
          for (int left = random.nextInt(4); left > 0; left--) {
            additions.put(tag(), number());
          }
        }
        yield Counter.of(sums, folds, tagged);
      }
      case GSET -> GrowSet.of(list(this::payload));
      case OSET -> OrderedSet.of(list(this::payload));
      case ORSET -> ObservedRemoveSet.of(byDot(this::payload), causalContext());
      case SORTEDSET -> {
        Map<Payload, SortedSet.Score> settings = new TreeMap<>();
        for (int count = random.nextInt(5); count > 0; count--) {
          settings.put(
              payload(),
              new SortedSet.Score(
                  timestamp(),
                  number(),
                  random.nextInt(3) == 0 ? OptionalDouble.empty() : OptionalDouble.of(score())));
        }
        yield SortedSet.of(settings);
      }
      case MAP -> {
        Map<Payload, Entry> fields = new TreeMap<>();
        for (int count = depth == 0 ? 0 : random.nextInt(4); count > 0; count--) {
          fields.put(payload(), entry(depth - 1));
        }
        yield LatticeMap.of(fields);
      }
      case CAUSAL -> causal();
      case MULTICAUSAL -> new MultiCausalRegister(causal());
      case PRIORITY -> new PriorityRegister(score(), payload());
      case LOG -> {
        Map<Log.Position, Payload> records = new TreeMap<>();
        for (int count = random.nextInt(6); count > 0; count--) {
          records.put(new Log.Position(timestamp(), dot()), payload());
        }
        yield Log.of(records, causalContext());
      }
    };
  }

  private CausalRegister causal() {
    return CausalRegister.of(
        byDot(
            () ->
                new CausalRegister.Sibling(
                    payload(), millis(), new TreeMap<>(dependencies()), timestamp())),
        causalContext());
  }

  private <T> Map<Dot, T> byDot(Supplier<T> items) {
    Map<Dot, T> all = new TreeMap<>();
    for (int count = random.nextInt(6); count > 0; count--) {
      all.put(dot(), items.get());
    }
    return all;
  }

  private Map<Payload, CausalContext> dependencies() {
    Map<Payload, CausalContext> all = new TreeMap<>();
    for (int count = random.nextInt(3); count > 0; count--) {
      all.put(key(), causalContext());
    }
    return all;
  }

  // ---- Causality ----

  private CausalContext causalContext() {
    return random.nextInt(3) == 0 ? CausalContext.EMPTY : CausalContext.ofRuns(list(this::run));
  }

  private CausalContext.Run run() {
    long from = dot().counter();
    long length = random.nextInt(4) == 0 ? number() & Long.MAX_VALUE : random.nextInt(5);
    long to = from + Math.min(length, Long.MAX_VALUE - from);
    return new CausalContext.Run(replica(), from, to);
  }

  private Dot dot() {
    long counter = random.nextInt(10) == 0 ? number() & Long.MAX_VALUE : 0;
    return new Dot(replica(), Math.max(counter, 1 + random.nextInt(12)));
  }

  private ReplicaId replica() {
    return new ReplicaId(
        random.nextBoolean() ? number() : random.nextInt(2),
        random.nextInt(4) == 0 ? number() & Long.MAX_VALUE : random.nextInt(2));
  }

  private HybridTimestamp timestamp() {
    return new HybridTimestamp(number() & Long.MAX_VALUE);
  }

  /// Milliseconds since the epoch, within what a timestamp can express.
  private long millis() {
    return timestamp().millis();
  }

  // ---- Scalars ----

  private Kind kind() {
    return pick(Kind.values());
  }

  Payload key() {
    Payload key = payload();
    return key.isEmpty() ? Payload.ofText("k") : key;
  }

  Payload payload() {
    int length = random.nextInt(20) == 0 ? random.nextInt(300) : random.nextInt(4);
    byte[] bytes = new byte[length];
    random.nextBytes(bytes);
    if (random.nextBoolean()) {
      for (int at = 0; at < length; at++) {
        bytes[at] &= 1;
      }
    }
    return Payload.of(bytes);
  }

  private String text() {
    return pick("", "a", "trellis/0.1", "grüße", "漢字", "\ud83c\udf3f", "line\nline");
  }

  private double score() {
    return random.nextBoolean() ? NUMBERS[random.nextInt(NUMBERS.length)] : random.nextGaussian();
  }

  private int positive() {
    return Math.max(1, (int) (number() & Integer.MAX_VALUE));
  }

  /// Not negative.
  private int whole() {
    return (int) (number() & Integer.MAX_VALUE);
  }

  private long number() {
    return switch (random.nextInt(4)) {
      case 0 -> EDGES[random.nextInt(EDGES.length)];
      case 1 -> random.nextLong() >>> random.nextInt(64);
      default -> random.nextInt(4);
    };
  }

  private <T> Optional<T> maybe(Supplier<T> supplier) {
    return random.nextBoolean() ? Optional.of(supplier.get()) : Optional.empty();
  }

  private <T> List<T> list(Supplier<T> supplier) {
    List<T> all = new ArrayList<>();
    for (int count = random.nextInt(5); count > 0; count--) {
      all.add(supplier.get());
    }
    return all;
  }

  private <T> List<T> some(Supplier<T> supplier) {
    List<T> all = list(supplier);
    all.add(supplier.get());
    return all;
  }

  @SafeVarargs
  private <T> T pick(T... choices) {
    return choices[random.nextInt(choices.length)];
  }
}
