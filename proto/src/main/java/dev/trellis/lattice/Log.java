package dev.trellis.lattice;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.InvocationId;
import dev.trellis.causal.ReplicaId;
import dev.trellis.causal.Tag;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/// `log`: records in the order of (timestamp, dot), from which observed ones can be trimmed.
/// Merging is union less what either side has trimmed. Unlike in the other kinds with dots, only
/// trimmed dots are in the context: a record that is merely unknown here is no reason to drop it.
public final class Log implements Value<Log> {
  /// Where a record stands: by timestamp, then dot.
  public record Position(HybridTimestamp timestamp, Dot dot) implements Comparable<Position> {
    @Override
    public int compareTo(Position other) {
      int order = timestamp.compareTo(other.timestamp);
      return order != 0 ? order : dot.compareTo(other.dot);
    }
  }

  private static final int WEIGHT_PER_RECORD = 32;
  private static final int WEIGHT_PER_RUN = 12;

  /// How many of the oldest records are looked at, at least, for some that are not seen.
  private static final int LOOKS_MIN = 64;

  public static final Log EMPTY =
      new Log(
          PersistentMap.empty((position, payload) -> WEIGHT_PER_RECORD + payload.size()),
          PersistentMap.empty((dot, timestamp) -> 0),
          CausalContext.EMPTY);

  private final PersistentMap<Position, Payload> records; // no dot of these is in `trimmed`
  private final PersistentMap<Dot, HybridTimestamp> places; // where a dot's record stands; derived
  private final CausalContext trimmed;

  private Log(
      PersistentMap<Position, Payload> records,
      PersistentMap<Dot, HybridTimestamp> places,
      CausalContext trimmed) {
    this.records = records;
    this.places = places;
    this.trimmed = trimmed;
  }

  /// A log of just these records, less those in `trimmed`.
  public static Log of(Map<Position, Payload> records, CausalContext trimmed) {
    Map<Dot, HybridTimestamp> latest = LinkedHashMap.newLinkedHashMap(records.size());
    for (Position position : records.keySet()) {
      if (!trimmed.contains(position.dot)) {
        latest.merge(position.dot, position.timestamp, HybridTimestamp::max);
      }
    }
    Map<Position, Payload> kept = LinkedHashMap.newLinkedHashMap(records.size());
    records.forEach(
        (position, payload) -> {
          if (position.timestamp.equals(latest.get(position.dot))) {
            kept.put(position, payload);
          }
        });
    return new Log(EMPTY.records.withAll(kept), EMPTY.places.withAll(latest), trimmed);
  }

  /// The delta by which `replica` appends records under dots of its own, in the order given.
  public Log append(ReplicaId replica, HybridTimestamp timestamp, List<Payload> appended) {
    Map<Position, Payload> minted = new HashMap<>();
    long counter = counterOf(replica);
    for (Payload payload : appended) {
      minted.put(new Position(timestamp, new Dot(replica, ++counter)), payload);
    }
    return of(minted, CausalContext.EMPTY);
  }

  /// The delta by which a mutation appends records under the dots of its tag. One that is here
  /// already comes again as it stands, one that was trimmed stays trimmed. Another record under the
  /// same tag takes the place of one that is less, by timestamp, then bytes.
  ///
  /// @param first the position of the first of them within the tag
  public Log append(Tag tag, int first, HybridTimestamp timestamp, List<Payload> appended) {
    Map<Position, Payload> named = new HashMap<>();
    List<Dot> gone = new ArrayList<>();
    for (int at = 0; at < appended.size(); at++) {
      Dot dot = tag.dot(first + at);
      Payload record = appended.get(at);
      if (trimmed.contains(dot)) {
        gone.add(dot);
        continue;
      }
      boolean again = recordOf(dot).filter(record::equals).isPresent();
      named.put(new Position(again ? placeOf(dot) : timestamp, dot), record);
    }
    return of(named, CausalContext.ofDots(gone));
  }

  /// The record under a dot; empty if there is none, or none any more.
  public Optional<Payload> recordOf(Dot dot) {
    @Nullable HybridTimestamp place = places.find(dot);
    return place == null
        ? Optional.empty()
        : Optional.ofNullable(records.find(new Position(place, dot)));
  }

  private HybridTimestamp placeOf(Dot dot) {
    @Nullable HybridTimestamp place = places.find(dot);
    if (place == null) {
      throw new IllegalStateException("no record under " + dot);
    }
    return place;
  }

  /// The dots of trimmed records that only invocations born before `bornBefore` could ask for, as a
  /// state of its own.
  Log tombstones(long bornBefore) {
    CausalContext gone = trimmed.ofInvocationsBefore(bornBefore);
    return gone.isEmpty() ? EMPTY : new Log(EMPTY.records, EMPTY.places, gone);
  }

  Log withoutTombstones(long bornBefore) {
    CausalContext gone = trimmed.ofInvocationsBefore(bornBefore);
    return gone.isEmpty() ? this : new Log(records, places, trimmed.less(gone));
  }

  /// The delta that drops the records whose dots are in `observed`. What was not yet here stays, so
  /// that nobody drops what nobody has read: unless an invocation has named it, as that name is no
  /// other record's, wherever it was read.
  public Log trim(CausalContext observed) {
    List<CausalContext.Run> dropped = new ArrayList<>();
    List<CausalContext.Run> ofShards = new ArrayList<>();
    for (CausalContext.Run run : observed.runs()) {
      (InvocationId.isOne(run.replica()) ? dropped : ofShards).add(run);
    }
    for (Map.Entry<Dot, HybridTimestamp> place : within(CausalContext.ofRuns(ofShards))) {
      Dot dot = place.getKey();
      dropped.add(new CausalContext.Run(dot.replica(), dot.counter(), dot.counter()));
    }
    return of(Map.of(), CausalContext.ofRuns(dropped));
  }

  /// How many of the records here are in `observed`.
  public int countOf(CausalContext observed) {
    return within(observed).size();
  }

  /// Every record in order.
  public Iterable<Map.Entry<Position, Payload>> records() {
    return records;
  }

  /// The records whose dots are not in `seen`, in order, at most `limit` of them. O(limit log r)
  /// for r runs in `seen` where few of the oldest records are in it, else O((u + r) log n) for u
  /// records not seen.
  public List<Map.Entry<Position, Payload>> since(CausalContext seen, int limit) {
    long looks = 4L * limit + LOOKS_MIN;
    List<Map.Entry<Position, Payload>> oldest = new ArrayList<>();
    for (Map.Entry<Position, Payload> record : records) {
      if (oldest.size() == limit || looks-- == 0) {
        break;
      }
      if (!seen.contains(record.getKey().dot)) {
        oldest.add(record);
      }
    }
    return oldest.size() == limit ? oldest : allSince(seen, limit);
  }

  private List<Map.Entry<Position, Payload>> allSince(CausalContext seen, int limit) {
    List<Position> unseen = new ArrayList<>();
    Iterator<Map.Entry<Dot, HybridTimestamp>> walk = places.ascending(null);
    while (walk.hasNext()) {
      Map.Entry<Dot, HybridTimestamp> place = walk.next();
      long runEnd = seen.runEnd(place.getKey());
      if (runEnd == 0) {
        unseen.add(new Position(place.getValue(), place.getKey()));
      } else if (runEnd > place.getKey().counter()) {
        // To the end of the run rather than behind it, as nothing follows the greatest counter.
        walk = places.ascending(new Dot(place.getKey().replica(), runEnd));
      }
    }
    Collections.sort(unseen);
    List<Map.Entry<Position, Payload>> found = new ArrayList<>();
    for (Position position : unseen.subList(0, Math.min(limit, unseen.size()))) {
      @Nullable Payload payload = records.find(position);
      if (payload == null) {
        throw new IllegalStateException("no record at " + position + " though its dot is here");
      }
      found.add(Map.entry(position, payload));
    }
    return found;
  }

  public int size() {
    return records.size();
  }

  /// What the records weigh, without what was trimmed.
  public long recordsWeight() {
    return records.weight();
  }

  /// The dots that were trimmed.
  public CausalContext trimmed() {
    return trimmed;
  }

  /// The dots of the records here and of the trimmed ones. O(n).
  public CausalContext context() {
    List<Dot> dots = new ArrayList<>(places.size());
    for (Map.Entry<Dot, HybridTimestamp> place : places) {
      dots.add(place.getKey());
    }
    return trimmed.merge(CausalContext.ofDots(dots));
  }

  /// The greatest counter of the replica's dots here, trimmed ones included; 0 if there is none.
  public long counterOf(ReplicaId replica) {
    Iterator<Map.Entry<Dot, HybridTimestamp>> down =
        places.descending(new Dot(replica, Long.MAX_VALUE), false);
    long live = 0;
    if (down.hasNext()) {
      Dot last = down.next().getKey();
      live = last.replica().equals(replica) ? last.counter() : 0;
    }
    return Math.max(live, trimmed.counterOf(replica));
  }

  /// The id with the greatest birth among those of `incarnation` with at least `birthMin`, and less
  /// than `birthEnd`.
  public Optional<ReplicaId> latestOf(long incarnation, long birthMin, long birthEnd) {
    if (birthEnd <= birthMin) {
      return Optional.empty();
    }
    Optional<ReplicaId> dropped = trimmed.latestOf(incarnation, birthMin, birthEnd);
    Iterator<Map.Entry<Dot, HybridTimestamp>> down =
        places.descending(new Dot(new ReplicaId(incarnation, birthEnd - 1), Long.MAX_VALUE), false);
    if (!down.hasNext()) {
      return dropped;
    }
    ReplicaId live = down.next().getKey().replica();
    if (live.incarnation() != incarnation || live.birth() < birthMin) {
      return dropped;
    }
    return dropped.isPresent() && dropped.get().birth() > live.birth()
        ? dropped
        : Optional.of(live);
  }

  @Override
  public Log merge(Log other) {
    if (this == other) {
      return this;
    }
    boolean mineIsLarger = records.size() >= other.records.size();
    Log larger = mineIsLarger ? this : other;
    Log smaller = mineIsLarger ? other : this;
    Log merged = larger;
    for (Map.Entry<Position, Payload> one : smaller.records) {
      merged = merged.with(one.getKey(), one.getValue());
    }
    merged = merged.trimmedBy(smaller.trimmed);
    // Who has trimmed more holds fewer records, and may still know all that the other knows.
    return merged.equals(this) ? this : merged;
  }

  @Override
  public Stream<Log> split(long weightMax) {
    if (weight() <= weightMax) {
      return Stream.of(this);
    }
    return Stream.concat(
        records
            .ranges(weightMax, 0)
            .map(range -> new Log(range, placesOf(range), CausalContext.EMPTY)),
        trimmed
            .split(Math.max(1, weightMax / WEIGHT_PER_RUN))
            .map(dots -> new Log(EMPTY.records, EMPTY.places, dots)));
  }

  private static PersistentMap<Dot, HybridTimestamp> placesOf(
      PersistentMap<Position, Payload> records) {
    Map<Dot, HybridTimestamp> places = LinkedHashMap.newLinkedHashMap(records.size());
    for (Map.Entry<Position, Payload> one : records) {
      places.put(one.getKey().dot, one.getKey().timestamp);
    }
    return EMPTY.places.withAll(places);
  }

  @Override
  public int kindNumber() {
    return Kind.LOG.number();
  }

  @Override
  public long weight() {
    return records.weight() + (long) WEIGHT_PER_RUN * trimmed.runCount();
  }

  @Override
  public int parts() {
    return records.parts() + places.parts() + trimmed.replicaCount();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof Log log && records.equals(log.records) && trimmed.equals(log.trimmed);
  }

  @Override
  public int hashCode() {
    return 31 * records.hashCode() + trimmed.hashCode();
  }

  @Override
  public String toString() {
    return "Log[" + records + " trimmed " + trimmed + "]";
  }

  private Log with(Position position, Payload payload) {
    if (trimmed.contains(position.dot)) {
      return this;
    }
    @Nullable Payload before = records.find(position);
    // Two records at one position could only come from a reused replica id; the greater stays.
    if (before != null && before.compareTo(payload) >= 0) {
      return this;
    }
    @Nullable HybridTimestamp placed = places.find(position.dot);
    HybridTimestamp place = placed == null ? position.timestamp : placed.max(position.timestamp);
    PersistentMap<Position, Payload> kept = records;
    if (placed != null && !placed.equals(position.timestamp)) {
      if (placed.isAfter(position.timestamp)) {
        return this;
      }
      kept = kept.without(new Position(placed, position.dot));
    }
    return new Log(kept.with(position, payload), places.with(position.dot, place), trimmed);
  }

  private Log trimmedBy(CausalContext dots) {
    CausalContext all = trimmed.merge(dots);
    if (all == trimmed) {
      return this;
    }
    PersistentMap<Position, Payload> keptRecords = records;
    PersistentMap<Dot, HybridTimestamp> keptPlaces = places;
    for (Map.Entry<Dot, HybridTimestamp> place : within(dots)) {
      keptRecords = keptRecords.without(new Position(place.getValue(), place.getKey()));
      keptPlaces = keptPlaces.without(place.getKey());
    }
    return new Log(keptRecords, keptPlaces, all);
  }

  /// The places of the records here whose dots are in `dots`.
  private List<Map.Entry<Dot, HybridTimestamp>> within(CausalContext dots) {
    List<Map.Entry<Dot, HybridTimestamp>> found = new ArrayList<>();
    for (CausalContext.Run run : dots.runs()) {
      Iterator<Map.Entry<Dot, HybridTimestamp>> walk =
          places.ascending(new Dot(run.replica(), run.from()));
      while (walk.hasNext()) {
        Map.Entry<Dot, HybridTimestamp> place = walk.next();
        if (!place.getKey().replica().equals(run.replica())
            || place.getKey().counter() > run.to()) {
          break;
        }
        found.add(place);
      }
    }
    return found;
  }
}
