package dev.trellis.wire;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.CodedOutputStream;
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
import dev.trellis.wire.CausalCodec.Histories;
import dev.trellis.wire.CausalCodec.LogItem;
import dev.trellis.wire.WireReader.NumberList;
import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Turns entries into bytes and back. The bytes are canonical: equal entries have equal bytes,
/// whatever order their updates arrived in, so digests of them can be compared.
public final class LatticeCodec {
  /// How many kinds an entry may have at once, unknown ones included.
  private static final int KINDS_MAX = 64;

  // About what a part takes in memory while it is read, beyond its payload's own bytes.
  private static final int SET_ELEMENT_HEAP_BYTES = 160;
  private static final int COMMIT_HEAP_BYTES = 280;
  private static final int ADD_HEAP_BYTES = 400;
  private static final int SUMS_HEAP_BYTES = 180;
  private static final int TAKEN_HEAP_BYTES = 500;
  private static final int ADDITION_HEAP_BYTES = 240;
  private static final int SETTING_HEAP_BYTES = 400;
  private static final int FIELD_HEAP_BYTES = 280;
  private static final int VALUE_HEAP_BYTES = 160;
  private static final int SIBLING_HEAP_BYTES = 400;
  private static final int RECORD_HEAP_BYTES = 300;

  private LatticeCodec() {}

  /// The canonical bytes of an entry. O(size).
  public static Payload encode(Entry entry) {
    WireWriter out = new WireWriter(expectedBytes(entry));
    writeEntry(out, entry);
    return out.toPayload();
  }

  /// The entry of bytes that [#encode] or any Protobuf encoder wrote. The buffer's position is left
  /// alone.
  ///
  /// @throws WireException if they are malformed or no legal entry
  public static Entry decode(ByteBuffer bytes) throws WireException {
    try {
      return readEntry(WireReader.ofOwn(bytes), 0);
    } catch (IllegalArgumentException e) {
      throw WireReader.refused(e);
    }
  }

  /// About how many bytes the entry will take.
  static int expectedBytes(Entry entry) {
    return (int) Math.min(entry.weight() + 32, Limits.FRAME_BYTES_MAX);
  }

  // ---- Entries ----

  static void writeEntry(WireWriter out, Entry entry) {
    out.fixed64(1, entry.generation().packed());
    entry
        .expiry()
        .ifPresent(
            expiry -> {
              out.open(2);
              out.fixed64(1, expiry.writtenAt().packed());
              out.fixed64(2, expiry.writer());
              out.uint64(3, expiry.atMillis());
              out.close();
            });
    writeValues(out, 3, entry.ownValues());
    if (!entry.commits().isEmpty()) {
      writeCommits(out, entry.commits());
    }
  }

  private static void writeValues(WireWriter out, int field, List<Value<?>> values) {
    for (Value<?> value : values) {
      if (value instanceof OpaqueValue opaque) {
        for (Payload state : opaque.states()) {
          out.open(field, state.size());
          out.uint32(1, opaque.kindNumber());
          out.bytes(2, state);
          out.close();
        }
      } else {
        writeValue(out, field, value);
      }
    }
  }

  private static void writeCommits(WireWriter out, Commits commits) {
    out.open(4);
    out.fixed64(1, commits.foldedUpTo().packed());
    commits
        .parts()
        .forEach(
            (id, part) -> {
              out.open(2);
              out.fixed64(1, id.timestamp().packed());
              out.fixed64(2, id.writer());
              part.keys().forEach(key -> out.alwaysBytes(3, key));
              writeValues(out, 4, part.values());
              out.close();
            });
    out.close();
  }

  private static void writeValue(WireWriter out, int field, Value<?> value) {
    int expected = (int) Math.min(value.weight(), Limits.FRAME_BYTES_MAX);
    out.open(field, expected);
    out.uint32(1, value.kindNumber());
    out.open(2, expected);
    writeState(out, value);
    out.closeUnlessEmpty();
    out.close();
  }

  /// @param depth how many maps this entry is in
  static Entry readEntry(WireReader in, int depth) throws WireException {
    long generation = 0;
    Optional<Expiry> expiry = Optional.empty();
    Map<Integer, Value<?>> known = new HashMap<>();
    Map<Integer, List<Payload>> unknown = new HashMap<>();
    Commits commits = Commits.NONE;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> generation = in.fixed64();
        case 2 -> expiry = Optional.of(in.message(LatticeCodec::readExpiry));
        case 3 -> in.part(value -> readValue(value, depth, known, unknown));
        case 4 -> commits = in.message(inner -> readCommits(inner, depth));
        default -> in.skip();
      }
    }
    Entry entry = Entry.of(new HybridTimestamp(generation), expiry, valuesOf(known, unknown));
    return commits.isEmpty() ? entry : entry.with(commits);
  }

  private static List<Value<?>> valuesOf(
      Map<Integer, Value<?>> known, Map<Integer, List<Payload>> unknown) {
    List<Value<?>> values = new ArrayList<>(known.values());
    unknown.forEach((number, states) -> values.add(OpaqueValue.of(number, states)));
    return values;
  }

  private static Commits readCommits(WireReader in, int depth) throws WireException {
    long foldedUpTo = 0;
    TreeMap<CommitId, Commits.Part> parts = new TreeMap<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> foldedUpTo = in.fixed64();
        case 2 -> in.part(part -> readPart(part, depth, parts));
        default -> in.skip();
      }
    }
    return new Commits(new HybridTimestamp(foldedUpTo), parts);
  }

  private static void readPart(WireReader in, int depth, Map<CommitId, Commits.Part> parts)
      throws WireException {
    in.spend(COMMIT_HEAP_BYTES);
    long timestamp = 0;
    long writer = 0;
    List<Payload> keys = new ArrayList<>();
    Map<Integer, Value<?>> known = new HashMap<>();
    Map<Integer, List<Payload>> unknown = new HashMap<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> timestamp = in.fixed64();
        case 2 -> writer = in.fixed64();
        case 3 -> {
          in.spend(SET_ELEMENT_HEAP_BYTES);
          keys.add(in.bytes());
        }
        case 4 -> in.part(value -> readValue(value, depth, known, unknown));
        default -> in.skip();
      }
    }
    List<Value<?>> values = new ArrayList<>(valuesOf(known, unknown));
    values.sort(Comparator.comparingInt(Value::kindNumber));
    CommitId id = new CommitId(new HybridTimestamp(timestamp), writer);
    if (parts.put(id, new Commits.Part(keys, values)) != null) {
      throw WireReader.bad("an entry with commit " + id + " twice");
    }
  }

  private static Expiry readExpiry(WireReader in) throws WireException {
    long writtenAt = 0;
    long writer = 0;
    long atMillis = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> writtenAt = in.fixed64();
        case 2 -> writer = in.fixed64();
        case 3 -> atMillis = in.uint64();
        default -> in.skip();
      }
    }
    return new Expiry(new HybridTimestamp(writtenAt), writer, atMillis);
  }

  private static void readValue(
      WireReader in, int depth, Map<Integer, Value<?>> known, Map<Integer, List<Payload>> unknown)
      throws WireException {
    int number = 0;
    @Nullable WireReader state = null;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> number = in.uint32();
        case 2 -> state = in.postponed();
        default -> in.skip();
      }
    }
    if (number < 1) {
      throw WireReader.bad(
          "kind number " + Integer.toUnsignedString(number) + " of a value is outside 1 to 2^31-1");
    }
    in.spend(VALUE_HEAP_BYTES);
    WireReader content = state == null ? in.nothing() : state;
    Optional<Kind> kind = Kind.ofNumber(number);
    if (kind.isEmpty()) {
      in.spend(SET_ELEMENT_HEAP_BYTES);
      unknown.computeIfAbsent(number, ignored -> new ArrayList<>(1)).add(content.rest());
    } else if (known.put(number, readState(content, kind.get(), depth)) != null) {
      throw WireReader.bad("an entry with two values of kind " + kind.get().word());
    }
    // More would only come from someone who wants to keep the receiver busy.
    if (known.size() + unknown.size() > KINDS_MAX) {
      throw WireReader.bad("an entry with more than " + KINDS_MAX + " kinds at once");
    }
  }

  // ---- Kinds ----

  private static void writeState(WireWriter out, Value<?> value) {
    switch (value) {
      case LwwRegister register -> writeLww(out, register);
      case MaxRegister register -> out.sint64(1, register.value());
      case MinRegister register -> out.sint64(1, register.value());
      case Flag flag -> out.bool(1, flag.value());
      case Counter counter -> writeCounter(out, counter);
      case GrowSet set -> writeElements(out, 1, set.elements());
      case OrderedSet set -> writeElements(out, 1, set.elements());
      case ObservedRemoveSet set -> writeObservedRemoveSet(out, set);
      case SortedSet set -> writeSortedSet(out, set);
      case LatticeMap map -> writeMap(out, map);
      case CausalRegister register -> writeCausal(out, register);
      case MultiCausalRegister register -> writeCausal(out, register.register());
      case PriorityRegister register -> {
        out.float64(1, register.priority());
        out.bytes(2, register.payload());
      }
      case Log log -> writeLog(out, log);
      case OpaqueValue opaque ->
          throw new IllegalStateException("kind " + opaque.kindNumber() + " has no form of ours");
    }
  }

  private static Value<?> readState(WireReader in, Kind kind, int depth) throws WireException {
    return switch (kind) {
      case LWW -> readLww(in);
      case MAX -> new MaxRegister(readNumber(in));
      case MIN -> new MinRegister(readNumber(in));
      case FLAG -> readFlag(in);
      case COUNTER -> readCounter(in);
      case GSET -> GrowSet.of(readSet(in));
      case OSET -> OrderedSet.of(readSet(in));
      case ORSET -> readObservedRemoveSet(in);
      case SORTEDSET -> readSortedSet(in);
      case MAP -> readMap(in, depth + 1);
      case CAUSAL -> readCausal(in);
      case MULTICAUSAL -> new MultiCausalRegister(readCausal(in));
      case PRIORITY -> readPriority(in);
      case LOG -> readLog(in);
    };
  }

  private static void writeLww(WireWriter out, LwwRegister register) {
    out.fixed64(1, register.timestamp().packed());
    out.fixed64(2, register.writer());
    out.uint64(3, register.expiresAtMillis());
    register.payload().ifPresent(payload -> out.alwaysBytes(4, payload));
  }

  private static LwwRegister readLww(WireReader in) throws WireException {
    long timestamp = 0;
    long writer = 0;
    long expiresAtMillis = 0;
    Optional<Payload> payload = Optional.empty();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> timestamp = in.fixed64();
        case 2 -> writer = in.fixed64();
        case 3 -> expiresAtMillis = in.uint64();
        case 4 -> payload = Optional.of(in.bytes());
        default -> in.skip();
      }
    }
    return new LwwRegister(new HybridTimestamp(timestamp), writer, expiresAtMillis, payload);
  }

  private static long readNumber(WireReader in) throws WireException {
    long number = 0;
    while (in.seek(1)) {
      number = in.sint64();
    }
    return number;
  }

  private static Flag readFlag(WireReader in) throws WireException {
    boolean value = false;
    while (in.seek(1)) {
      value = in.bool();
    }
    return new Flag(value);
  }

  private static void writeCounter(WireWriter out, Counter counter) {
    for (Map.Entry<ReplicaId, Counter.Sums> one : counter.sums()) {
      out.open(1);
      out.fixed64(1, one.getKey().incarnation());
      out.uint64(2, one.getKey().birth());
      out.uint64(3, one.getValue().added());
      out.uint64(4, one.getValue().removed());
      out.close();
    }
    Map<ReplicaId, Map<Tag, Long>> tagged = counter.tagged();
    for (Map.Entry<ReplicaId, Counter.Fold> one : counter.folds()) {
      Counter.Fold fold = one.getValue();
      out.open(2);
      out.fixed64(1, one.getKey().incarnation());
      out.uint64(2, one.getKey().birth());
      out.uint64(3, fold.before());
      out.uint64(4, fold.added().longValue());
      out.uint64(5, fold.added().shiftRight(Long.SIZE).longValue());
      out.uint64(6, fold.removed().longValue());
      out.uint64(7, fold.removed().shiftRight(Long.SIZE).longValue());
      writeTagged(out, tagged.getOrDefault(one.getKey(), Map.of()));
      out.close();
    }
  }

  private static void writeTagged(WireWriter out, Map<Tag, Long> tagged) {
    List<Map.Entry<Tag, Long>> ofOne = new ArrayList<>(); // invocation
    for (Map.Entry<Tag, Long> each : tagged.entrySet()) {
      if (!ofOne.isEmpty()
          && !ofOne.get(0).getKey().invocation().equals(each.getKey().invocation())) {
        writeAdditions(out, ofOne);
        ofOne.clear();
      }
      ofOne.add(each);
    }
    if (!ofOne.isEmpty()) {
      writeAdditions(out, ofOne);
    }
  }

  private static void writeAdditions(WireWriter out, List<Map.Entry<Tag, Long>> ofOne) {
    InvocationId invocation = ofOne.get(0).getKey().invocation();
    out.open(8);
    out.fixed64(1, invocation.high());
    out.fixed64(2, invocation.low());
    out.open(3);
    ofOne.forEach(each -> out.varint(each.getKey().number()));
    out.close();
    out.open(4);
    ofOne.forEach(each -> out.varint(CodedOutputStream.encodeZigZag64(each.getValue())));
    out.close();
    out.close();
  }

  private static Counter readCounter(WireReader in) throws WireException {
    Map<ReplicaId, Counter.Sums> sums = new LinkedHashMap<>();
    Map<ReplicaId, Counter.Fold> folds = new LinkedHashMap<>();
    Map<ReplicaId, Map<Tag, Long>> tagged = new LinkedHashMap<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> {
          in.spend(SUMS_HEAP_BYTES);
          in.part(one -> readSums(one, sums));
        }
        case 2 -> {
          in.spend(TAKEN_HEAP_BYTES);
          in.part(one -> readTaken(one, folds, tagged));
        }
        default -> in.skip();
      }
    }
    return Counter.of(sums, folds, tagged);
  }

  private static void readTaken(
      WireReader in, Map<ReplicaId, Counter.Fold> folds, Map<ReplicaId, Map<Tag, Long>> tagged)
      throws WireException {
    long incarnation = 0;
    long birth = 0;
    long before = 0;
    long[] sums = new long[4]; // of what was added and removed, low halves and high ones
    Map<Tag, Long> additions = new LinkedHashMap<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> incarnation = in.fixed64();
        case 2 -> birth = in.uint64();
        case 3 -> before = in.uint64();
        case 4, 5, 6, 7 -> sums[field - 4] = in.uint64();
        case 8 -> {
          in.spend(ADDITION_HEAP_BYTES);
          in.part(one -> readAdditions(one, additions));
        }
        default -> in.skip();
      }
    }
    ReplicaId replica = new ReplicaId(incarnation, birth);
    Counter.Fold fold = new Counter.Fold(before, sum(sums[0], sums[1]), sum(sums[2], sums[3]));
    if (before == 0 && additions.isEmpty()) {
      throw WireReader.bad("a counter of which replica " + replica + " has taken nothing");
    }
    for (Tag tag : additions.keySet()) {
      if (tag.invocation().bornMillis() < before) {
        throw WireReader.bad(
            "a counter with an amount of tag "
                + tag
                + ", which is older than "
                + before
                + ", before which replica "
                + replica
                + " has folded all");
      }
    }
    if (folds.put(replica, fold) != null) {
      throw WireReader.bad("a counter with two times what replica " + replica + " has taken");
    }
    tagged.put(replica, additions);
  }

  private static BigInteger sum(long low, long high) {
    BigInteger upper = BigInteger.valueOf(high).shiftLeft(Long.SIZE);
    return upper.add(new BigInteger(Long.toUnsignedString(low)));
  }

  private static void readAdditions(WireReader in, Map<Tag, Long> tagged) throws WireException {
    long high = 0;
    long low = 0;
    NumberList numbers = new NumberList();
    NumberList amounts = new NumberList();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> high = in.fixed64();
        case 2 -> low = in.fixed64();
        case 3 -> in.varints(numbers);
        case 4 -> in.varints(amounts);
        default -> in.skip();
      }
    }
    if (numbers.size() != amounts.size()) {
      throw WireReader.bad(
          "a counter with " + numbers.size() + " tags and " + amounts.size() + " amounts");
    }
    InvocationId invocation = new InvocationId(high, low);
    in.spend((long) ADDITION_HEAP_BYTES * numbers.size());
    for (int at = 0; at < numbers.size(); at++) {
      Tag tag = new Tag(invocation, numbers.at(at));
      if (tagged.put(tag, CodedInputStream.decodeZigZag64(amounts.at(at))) != null) {
        throw WireReader.bad("a counter with two amounts of tag " + tag);
      }
    }
  }

  private static void readSums(WireReader in, Map<ReplicaId, Counter.Sums> sums)
      throws WireException {
    long incarnation = 0;
    long birth = 0;
    long added = 0;
    long removed = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> incarnation = in.fixed64();
        case 2 -> birth = in.uint64();
        case 3 -> added = in.uint64();
        case 4 -> removed = in.uint64();
        default -> in.skip();
      }
    }
    ReplicaId replica = new ReplicaId(incarnation, birth);
    if (sums.put(replica, new Counter.Sums(added, removed)) != null) {
      throw WireReader.bad("a counter with two sums of replica " + replica);
    }
  }

  private static void writeElements(WireWriter out, int field, Iterable<Payload> elements) {
    for (Payload element : elements) {
      out.alwaysBytes(field, element);
    }
  }

  private static List<Payload> readSet(WireReader in) throws WireException {
    List<Payload> elements = new ArrayList<>();
    while (in.seek(1)) {
      in.spend(SET_ELEMENT_HEAP_BYTES);
      elements.add(in.bytes());
    }
    return elements;
  }

  private static void writeObservedRemoveSet(WireWriter out, ObservedRemoveSet set) {
    CausalCodec.writeContext(out, 1, set.context());
    List<Dot> standing = new ArrayList<>();
    set.adds().forEach(add -> standing.add(add.getKey()));
    CausalCodec.writeStanding(out, 2, set.context(), standing);
    set.adds().forEach(add -> out.alwaysBytes(3, add.getValue()));
  }

  private static ObservedRemoveSet readObservedRemoveSet(WireReader in) throws WireException {
    Histories histories = new Histories();
    NumberList standing = new NumberList();
    List<Payload> elements = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> histories = in.message(CausalCodec::readHistories);
        case 2 -> in.varints(standing);
        case 3 -> {
          in.spend(ADD_HEAP_BYTES);
          elements.add(in.bytes());
        }
        default -> in.skip();
      }
    }
    List<Dot> dots = CausalCodec.readStanding(in, histories, standing, elements.size());
    return ObservedRemoveSet.of(paired(dots, elements), histories.context());
  }

  private static void writeSortedSet(WireWriter out, SortedSet set) {
    TreeSet<Long> writers = new TreeSet<>();
    set.settings().forEach(setting -> writers.add(setting.getValue().writer()));
    Map<Long, Integer> indexes = new HashMap<>();
    if (!writers.isEmpty()) {
      out.open(1, Long.BYTES * writers.size());
      for (long writer : writers) {
        indexes.put(writer, indexes.size());
        out.rawFixed64(writer);
      }
      out.close();
    }
    long timestamp = 0;
    for (Map.Entry<Payload, SortedSet.Score> setting : set.settings()) {
      SortedSet.Score score = setting.getValue();
      out.open(2);
      out.bytes(1, setting.getKey());
      out.sint64(2, score.timestamp().packed() - timestamp);
      out.uint32(3, indexes.getOrDefault(score.writer(), 0));
      score.score().ifPresent(number -> out.alwaysFloat64(4, number));
      out.close();
      timestamp = score.timestamp().packed();
    }
  }

  private record SettingStep(Payload member, long timestamp, int writer, OptionalDouble score) {}

  private static SortedSet readSortedSet(WireReader in) throws WireException {
    NumberList writers = new NumberList();
    List<SettingStep> steps = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> in.fixed64s(writers);
        case 2 -> {
          in.spend(SETTING_HEAP_BYTES);
          steps.add(in.message(LatticeCodec::readSetting));
        }
        default -> in.skip();
      }
    }
    Map<Payload, SortedSet.Score> settings = new TreeMap<>();
    long timestamp = 0;
    for (SettingStep step : steps) {
      if (step.writer < 0 || step.writer >= writers.size()) {
        throw WireReader.bad(
            "a setting of writer "
                + Integer.toUnsignedString(step.writer)
                + " where "
                + writers.size()
                + " are listed");
      }
      timestamp += step.timestamp;
      SortedSet.Score score =
          new SortedSet.Score(new HybridTimestamp(timestamp), writers.at(step.writer), step.score);
      if (settings.put(step.member, score) != null) {
        throw WireReader.bad("a sortedset with two settings of member " + step.member);
      }
    }
    return SortedSet.of(settings);
  }

  private static SettingStep readSetting(WireReader in) throws WireException {
    Payload member = Payload.EMPTY;
    long timestamp = 0;
    int writer = 0;
    OptionalDouble score = OptionalDouble.empty();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> member = in.bytes();
        case 2 -> timestamp = in.sint64();
        case 3 -> writer = in.uint32();
        case 4 -> score = OptionalDouble.of(in.float64());
        default -> in.skip();
      }
    }
    return new SettingStep(member, timestamp, writer, score);
  }

  private static void writeMap(WireWriter out, LatticeMap map) {
    for (Map.Entry<Payload, Entry> one : map.fields()) {
      int expected = expectedBytes(one.getValue());
      out.open(1, expected);
      out.bytes(1, one.getKey());
      out.open(2, expected);
      writeEntry(out, one.getValue());
      out.closeUnlessEmpty();
      out.close();
    }
  }

  private static LatticeMap readMap(WireReader in, int depth) throws WireException {
    WireReader.requireDepth(depth);
    Map<Payload, Entry> fields = new TreeMap<>();
    while (in.seek(1)) {
      in.spend(FIELD_HEAP_BYTES);
      in.part(one -> readMapField(one, depth, fields));
    }
    return LatticeMap.of(fields);
  }

  private static void readMapField(WireReader in, int depth, Map<Payload, Entry> fields)
      throws WireException {
    Payload name = Payload.EMPTY;
    Entry entry = Entry.BOTTOM;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> name = in.bytes();
        case 2 -> entry = in.message(inner -> readEntry(inner, depth));
        default -> in.skip();
      }
    }
    if (fields.put(name, entry) != null) {
      throw WireReader.bad("a map with two fields named " + name);
    }
  }

  private static void writeCausal(WireWriter out, CausalRegister register) {
    CausalCodec.writeContext(out, 1, register.context());
    List<Dot> standing = new ArrayList<>(register.size());
    register.siblings().forEach(sibling -> standing.add(sibling.getKey()));
    CausalCodec.writeStanding(out, 2, register.context(), standing);
    for (Map.Entry<Dot, CausalRegister.Sibling> one : register.siblings()) {
      CausalRegister.Sibling sibling = one.getValue();
      out.open(3, sibling.payload().size());
      out.bytes(1, sibling.payload());
      out.uint64(2, sibling.expiresAtMillis());
      CausalCodec.writeDependencies(out, 3, sibling.dependencies());
      out.fixed64(4, sibling.horizon().packed());
      out.close();
    }
  }

  private static CausalRegister readCausal(WireReader in) throws WireException {
    Histories histories = new Histories();
    NumberList standing = new NumberList();
    List<CausalRegister.Sibling> siblings = new ArrayList<>();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> histories = in.message(CausalCodec::readHistories);
        case 2 -> in.varints(standing);
        case 3 -> {
          in.spend(SIBLING_HEAP_BYTES);
          siblings.add(in.message(LatticeCodec::readSibling));
        }
        default -> in.skip();
      }
    }
    List<Dot> dots = CausalCodec.readStanding(in, histories, standing, siblings.size());
    return CausalRegister.of(paired(dots, siblings), histories.context());
  }

  private static CausalRegister.Sibling readSibling(WireReader in) throws WireException {
    Payload payload = Payload.EMPTY;
    long expiresAtMillis = 0;
    SortedMap<Payload, CausalContext> dependencies = new TreeMap<>();
    long horizon = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> payload = in.bytes();
        case 2 -> expiresAtMillis = in.uint64();
        case 3 -> CausalCodec.readDependency(in, dependencies);
        case 4 -> horizon = in.fixed64();
        default -> in.skip();
      }
    }
    return new CausalRegister.Sibling(
        payload, expiresAtMillis, dependencies, new HybridTimestamp(horizon));
  }

  private static PriorityRegister readPriority(WireReader in) throws WireException {
    double priority = 0;
    Payload payload = Payload.EMPTY;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> priority = in.float64();
        case 2 -> payload = in.bytes();
        default -> in.skip();
      }
    }
    return new PriorityRegister(priority, payload);
  }

  private static void writeLog(WireWriter out, Log log) {
    CausalCodec.writeContext(out, 1, log.trimmed());
    List<LogItem> items = new ArrayList<>(log.size());
    for (Map.Entry<Log.Position, Payload> one : log.records()) {
      items.add(new LogItem(one.getKey().timestamp(), one.getKey().dot(), one.getValue()));
    }
    CausalCodec.writeRecords(out, 2, 3, items);
  }

  private static Log readLog(WireReader in) throws WireException {
    CausalContext trimmed = CausalContext.EMPTY;
    CausalCodec.RecordReader reader = new CausalCodec.RecordReader();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> trimmed = in.message(CausalCodec::readContext);
        case 2 -> reader.readReplica(in);
        case 3 -> {
          in.spend(RECORD_HEAP_BYTES);
          reader.readRecord(in);
        }
        default -> in.skip();
      }
    }
    List<LogItem> items = reader.records();
    Map<Log.Position, Payload> records = LinkedHashMap.newLinkedHashMap(items.size());
    for (LogItem item : items) {
      records.put(new Log.Position(item.timestamp(), item.dot()), item.value());
    }
    return Log.of(records, trimmed);
  }

  private static <T> Map<Dot, T> paired(List<Dot> dots, List<T> items) throws WireException {
    Map<Dot, T> paired = LinkedHashMap.newLinkedHashMap(dots.size());
    for (int at = 0; at < dots.size(); at++) {
      if (paired.put(dots.get(at), items.get(at)) != null) {
        throw WireReader.bad("two items under the dot " + dots.get(at));
      }
    }
    return paired;
  }
}
