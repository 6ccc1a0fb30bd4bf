package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.WireReader.NumberList;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.SortedMap;
import java.util.SortedSet;
import java.util.TreeMap;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/// Dots, causal contexts, and what is written under dots. Replica ids, which are random and long,
/// stand once a message; the dots refer to them by index, or by order.
final class CausalCodec {
  private static final int RUN_HEAP_BYTES = 64;
  private static final int CONTEXT_HEAP_BYTES = 120;
  private static final int HISTORY_HEAP_BYTES = 96;
  private static final int DEPENDENCY_HEAP_BYTES = 120;
  private static final int RECORD_HEAP_BYTES = 120;
  private static final int REPLICA_HEAP_BYTES = 72;

  /// A record as it travels, in states and in views.
  record LogItem(HybridTimestamp timestamp, Dot dot, Payload value) {}

  /// The histories of a context as they came, so that what follows can refer to them by order.
  static final class Histories {
    private final List<ReplicaId> replicas = new ArrayList<>();
    private final List<CausalContext.Run> runs = new ArrayList<>();

    CausalContext context() {
      return CausalContext.ofRuns(runs);
    }
  }

  private CausalCodec() {}

  // ---- Timestamps ----

  /// Leaves out the empty list.
  static void writeTimestamps(WireWriter out, int field, List<HybridTimestamp> timestamps) {
    if (timestamps.isEmpty()) {
      return;
    }
    out.open(field, Long.BYTES * timestamps.size());
    for (HybridTimestamp timestamp : timestamps) {
      out.rawFixed64(timestamp.packed());
    }
    out.close();
  }

  /// The timestamps of a repeated field, after those that were read before; hardly any message has
  /// some, so there is no list until there are.
  static List<HybridTimestamp> readTimestamps(WireReader in, List<HybridTimestamp> before)
      throws WireException {
    List<HybridTimestamp> timestamps = before.isEmpty() ? new ArrayList<>() : before;
    in.fixed64s(packed -> timestamps.add(new HybridTimestamp(packed)));
    return timestamps;
  }

  // ---- Contexts ----

  /// Leaves out the empty context.
  static void writeContext(WireWriter out, int field, CausalContext context) {
    if (context.isEmpty()) {
      return;
    }
    out.open(field);
    List<CausalContext.Run> runs = context.runs();
    int at = 0;
    while (at < runs.size()) {
      ReplicaId replica = runs.get(at).replica();
      out.open(1);
      writeReplica(out, replica);
      out.open(3);
      at = writeRuns(out, runs, at, replica);
      out.close();
      out.close();
    }
    out.close();
  }

  static CausalContext readContext(WireReader in) throws WireException {
    return readHistories(in).context();
  }

  static Histories readHistories(WireReader in) throws WireException {
    in.spend(CONTEXT_HEAP_BYTES);
    Histories histories = new Histories();
    while (in.seek(1)) {
      in.spend(HISTORY_HEAP_BYTES);
      in.part(history -> readHistory(history, histories));
    }
    return histories;
  }

  private static void readHistory(WireReader in, Histories histories) throws WireException {
    long incarnation = 0;
    long birth = 0;
    NumberList numbers = new NumberList();
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> incarnation = in.fixed64();
        case 2 -> birth = in.uint64();
        case 3 -> in.varints(numbers);
        default -> in.skip();
      }
    }
    if (numbers.size() % 2 != 0) {
      throw WireReader.bad("a causal context with " + numbers.size() + " numbers, not pairs");
    }
    ReplicaId replica = new ReplicaId(incarnation, birth);
    histories.replicas.add(replica);
    in.spend((long) RUN_HEAP_BYTES * (numbers.size() / 2));
    readRuns(numbers, 0, numbers.size(), replica, histories.runs);
  }

  private static void writeReplica(WireWriter out, ReplicaId replica) {
    out.fixed64(1, replica.incarnation());
    out.uint64(2, replica.birth());
  }

  private static ReplicaId readReplica(WireReader in) throws WireException {
    long incarnation = 0;
    long birth = 0;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> incarnation = in.fixed64();
        case 2 -> birth = in.uint64();
        default -> in.skip();
      }
    }
    return new ReplicaId(incarnation, birth);
  }

  /// Writes the runs of one replica and returns the index of the first run after them.
  private static int writeRuns(
      WireWriter out, List<CausalContext.Run> runs, int first, ReplicaId replica) {
    long previous = 0;
    int at = first;
    while (at < runs.size() && runs.get(at).replica().equals(replica)) {
      CausalContext.Run run = runs.get(at++);
      out.varint(run.from() - previous - 1);
      out.varint(run.to() - run.from());
      previous = run.to();
    }
    return at;
  }

  private static void readRuns(
      NumberList numbers, int first, int end, ReplicaId replica, List<CausalContext.Run> runs)
      throws WireException {
    long previous = 0;
    for (int at = first; at < end; at += 2) {
      long from = previous + numbers.at(at) + 1;
      long to = from + numbers.at(at + 1);
      if (numbers.at(at) < 0 || numbers.at(at + 1) < 0 || from < 1 || to < from) {
        throw WireReader.bad("a run of " + replica + " exceeds the range of counters");
      }
      runs.add(new CausalContext.Run(replica, from, to));
      previous = to;
    }
  }

  // ---- Dots that stand ----

  /// Writes which dots of `context`, in its order, have an item.
  static void writeStanding(
      WireWriter out, int field, CausalContext context, Collection<Dot> standing) {
    if (standing.isEmpty()) {
      return;
    }
    List<CausalContext.Run> runs = CausalContext.ofDots(standing).runs();
    out.open(field);
    int at = 0;
    Iterator<CausalContext.Run> all = context.runs().iterator();
    @Nullable ReplicaId last = null;
    while (at < runs.size()) {
      ReplicaId replica = all.next().replica();
      if (replica.equals(last)) {
        continue;
      }
      last = replica;
      int end = at;
      while (end < runs.size() && runs.get(end).replica().equals(replica)) {
        end++;
      }
      out.varint(end - at);
      at = writeRuns(out, runs, at, replica);
    }
    out.close();
  }

  /// The dots that stand, in the order told.
  ///
  /// @param items how many items the message has: as many dots must stand, which bounds them
  static List<Dot> readStanding(WireReader in, Histories histories, NumberList numbers, int items)
      throws WireException {
    List<CausalContext.Run> runs = new ArrayList<>();
    int history = 0;
    int next = 0;
    while (next < numbers.size()) {
      long count = numbers.at(next++);
      if (count < 0 || count > (numbers.size() - next) / 2) {
        throw WireReader.bad("more standing runs are announced than follow");
      }
      if (history == histories.replicas.size()) {
        throw WireReader.bad(
            "dots stand of more replicas than the " + history + " that the context has");
      }
      int end = next + 2 * (int) count;
      in.spend(RUN_HEAP_BYTES * count);
      readRuns(numbers, next, end, histories.replicas.get(history++), runs);
      next = end;
    }
    long dots = 0;
    for (CausalContext.Run run : runs) {
      long length = run.to() - run.from() + 1;
      dots = length < 1 || length > items ? Long.MAX_VALUE : Math.min(dots + length, items + 1L);
      if (dots > items) {
        break;
      }
    }
    if (dots != items) {
      throw WireReader.bad(
          "there are " + items + " items, but " + (dots < items ? dots : "more") + " dots stand");
    }
    List<Dot> standing = new ArrayList<>(items);
    for (CausalContext.Run run : runs) {
      long length = run.to() - run.from() + 1;
      for (long at = 0; at < length; at++) {
        standing.add(new Dot(run.replica(), run.from() + at));
      }
    }
    return standing;
  }

  // ---- Dependencies ----

  static void writeDependencies(
      WireWriter out, int field, Map<Payload, CausalContext> dependencies) {
    SortedMap<Payload, CausalContext> sorted =
        dependencies instanceof SortedMap<Payload, CausalContext> already
            ? already
            : new TreeMap<>(dependencies);
    sorted.forEach(
        (key, version) -> {
          out.open(field);
          out.bytes(1, key);
          writeContext(out, 2, version);
          out.close();
        });
  }

  /// Reads one dependency into `dependencies`.
  static void readDependency(WireReader message, SortedMap<Payload, CausalContext> dependencies)
      throws WireException {
    message.spend(DEPENDENCY_HEAP_BYTES);
    message.part(in -> readFields(in, dependencies));
  }

  private static void readFields(WireReader in, SortedMap<Payload, CausalContext> dependencies)
      throws WireException {
    Payload key = Payload.EMPTY;
    CausalContext version = CausalContext.EMPTY;
    for (int field = in.next(); field != 0; field = in.next()) {
      switch (field) {
        case 1 -> key = in.bytes();
        case 2 -> version = in.message(CausalCodec::readContext);
        default -> in.skip();
      }
    }
    if (dependencies.put(key, version) != null) {
      throw WireReader.bad("two dependencies on key " + key);
    }
  }

  // ---- Records of logs ----

  /// Writes a table of replicas and the records that refer to it.
  static void writeRecords(
      WireWriter out, int replicasField, int recordsField, Collection<LogItem> records) {
    SortedSet<ReplicaId> replicas = new TreeSet<>();
    for (LogItem record : records) {
      replicas.add(record.dot().replica());
    }
    Map<ReplicaId, Integer> indexes = new HashMap<>();
    for (ReplicaId replica : replicas) {
      indexes.put(replica, indexes.size());
      out.open(replicasField);
      writeReplica(out, replica);
      out.close();
    }
    long[] counters = new long[replicas.size()];
    long timestamp = 0;
    for (LogItem record : records) {
      int index = indexes.getOrDefault(record.dot().replica(), 0);
      out.open(recordsField, record.value().size());
      out.sint64(1, record.timestamp().packed() - timestamp);
      out.uint32(2, index);
      out.sint64(3, record.dot().counter() - counters[index] - 1);
      out.bytes(4, record.value());
      out.close();
      timestamp = record.timestamp().packed();
      counters[index] = record.dot().counter();
    }
  }

  /// Collects a table of replicas and the records that refer to it.
  static final class RecordReader {
    private record Step(long timestamp, int replica, long counter, Payload value) {}

    private final List<ReplicaId> replicas = new ArrayList<>();
    private final List<Step> steps = new ArrayList<>();

    void readReplica(WireReader message) throws WireException {
      message.spend(REPLICA_HEAP_BYTES);
      replicas.add(message.message(CausalCodec::readReplica));
    }

    void readRecord(WireReader message) throws WireException {
      message.spend(RECORD_HEAP_BYTES);
      steps.add(message.message(RecordReader::readStep));
    }

    private static Step readStep(WireReader in) throws WireException {
      long timestamp = 0;
      int replica = 0;
      long counter = 0;
      Payload value = Payload.EMPTY;
      for (int field = in.next(); field != 0; field = in.next()) {
        switch (field) {
          case 1 -> timestamp = in.sint64();
          case 2 -> replica = in.uint32();
          case 3 -> counter = in.sint64();
          case 4 -> value = in.bytes();
          default -> in.skip();
        }
      }
      return new Step(timestamp, replica, counter, value);
    }

    /// The records, once the message was read to its end.
    List<LogItem> records() throws WireException {
      long[] counters = new long[replicas.size()];
      long timestamp = 0;
      List<LogItem> records = new ArrayList<>(steps.size());
      for (Step step : steps) {
        if (step.replica < 0 || step.replica >= counters.length) {
          throw WireReader.bad(
              "a record of replica "
                  + Integer.toUnsignedString(step.replica)
                  + " where "
                  + counters.length
                  + " are listed");
        }
        timestamp += step.timestamp;
        counters[step.replica] += step.counter + 1;
        Dot dot = new Dot(replicas.get(step.replica), counters[step.replica]);
        records.add(new LogItem(new HybridTimestamp(timestamp), dot, step.value));
      }
      return records;
    }
  }
}
