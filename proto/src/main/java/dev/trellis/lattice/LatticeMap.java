package dev.trellis.lattice;

import dev.trellis.causal.HybridTimestamp;
import java.util.Iterator;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/// `map`: fields that are entries of their own, with a generation and a value each, so a field is
/// written, deleted, expired and given another kind by the same rules as a key. Maps nest.
public final class LatticeMap implements Value<LatticeMap> {
  private static final int WEIGHT_PER_FIELD = 8;

  public static final LatticeMap EMPTY =
      new LatticeMap(
          PersistentMap.empty(
              new PersistentMap.Weigher<Payload, Entry>() {
                @Override
                public long weigh(Payload field, Entry entry) {
                  return WEIGHT_PER_FIELD + field.size() + entry.weight();
                }

                @Override
                public int parts(Payload field, Entry entry) {
                  return 1 + entry.parts();
                }
              }));

  private final PersistentMap<Payload, Entry> fields;

  private LatticeMap(PersistentMap<Payload, Entry> fields) {
    this.fields = fields;
  }

  /// A map of just these fields; of one field, the delta that changes it.
  public static LatticeMap of(Map<Payload, Entry> fields) {
    return new LatticeMap(EMPTY.fields.withAll(fields));
  }

  /// The entry of a field, dead ones included. O(log n).
  public Optional<Entry> field(Payload name) {
    return Optional.ofNullable(fields.find(name));
  }

  /// Every field by name, dead ones included.
  public Iterable<Map.Entry<Payload, Entry>> fields() {
    return fields;
  }

  /// The number of fields that a reader at `nowMillis` finds. O(n).
  public int liveCount(long nowMillis) {
    int count = 0;
    for (Map.Entry<Payload, Entry> field : fields) {
      count += field.getValue().isDead(nowMillis) ? 0 : 1;
    }
    return count;
  }

  LatticeMap withoutTombstones(HybridTimestamp cutoff, long bornBefore) {
    PersistentMap<Payload, Entry> kept = fields;
    for (Map.Entry<Payload, Entry> field : fields) {
      Entry entry = field.getValue();
      if (entry.isDead(cutoff.millis()) && !entry.endedAt().isAfter(cutoff)) {
        kept = kept.without(field.getKey());
      } else {
        Entry pruned = entry.withoutTombstones(cutoff, bornBefore);
        kept = pruned == entry ? kept : kept.with(field.getKey(), pruned);
      }
    }
    return kept == fields ? this : new LatticeMap(kept);
  }

  /// What ended at `cutoff` or before, in all fields, as a state of its own.
  LatticeMap tombstones(HybridTimestamp cutoff, long bornBefore) {
    PersistentMap<Payload, Entry> ended = EMPTY.fields;
    for (Map.Entry<Payload, Entry> field : fields) {
      Entry entry = field.getValue();
      if (entry.isDead(cutoff.millis()) && !entry.endedAt().isAfter(cutoff)) {
        ended = ended.with(field.getKey(), entry);
      } else {
        Entry inner = entry.tombstones(cutoff, bornBefore);
        ended = inner == Entry.BOTTOM ? ended : ended.with(field.getKey(), inner);
      }
    }
    return ended == EMPTY.fields ? EMPTY : new LatticeMap(ended);
  }

  long nextExpiry(long nowMillis) {
    long earliest = Long.MAX_VALUE;
    Iterator<Map.Entry<Payload, Entry>> all = fields.iterator();
    while (all.hasNext()) {
      earliest =
          Math.min(earliest, all.next().getValue().nextExpiry(nowMillis).orElse(Long.MAX_VALUE));
    }
    return earliest;
  }

  @Override
  public LatticeMap merge(LatticeMap other) {
    PersistentMap<Payload, Entry> merged = fields.merge(other.fields, Entry::merge);
    return merged == fields ? this : new LatticeMap(merged);
  }

  @Override
  public Stream<LatticeMap> split(long weightMax) {
    if (weight() <= weightMax) {
      return Stream.of(this);
    }
    return fields
        .ranges(weightMax, 0)
        .flatMap(
            range ->
                range.weight() <= weightMax
                    ? Stream.of(new LatticeMap(range))
                    : splitField(range.iterator().next(), weightMax));
  }

  private static Stream<LatticeMap> splitField(Map.Entry<Payload, Entry> field, long weightMax) {
    long left = weightMax - WEIGHT_PER_FIELD - field.getKey().size();
    return field
        .getValue()
        .split(Math.max(1, left))
        .map(part -> new LatticeMap(EMPTY.fields.with(field.getKey(), part)));
  }

  @Override
  public int kindNumber() {
    return Kind.MAP.number();
  }

  @Override
  public long weight() {
    return fields.weight();
  }

  @Override
  public int parts() {
    return fields.parts();
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof LatticeMap map && fields.equals(map.fields);
  }

  @Override
  public int hashCode() {
    return fields.hashCode();
  }

  @Override
  public String toString() {
    return "LatticeMap" + fields;
  }
}
