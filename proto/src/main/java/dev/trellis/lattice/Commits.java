package dev.trellis.lattice;

import dev.trellis.causal.HybridTimestamp;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// What commits of several keys have written to one of them, each kept apart from the rest for a
/// while: so a reader may leave out the whole of a commit, or learn that it needs the rest of one.
/// Part of an [Entry], whose values are without them until they are folded in.
///
/// Old ones are folded: what is not after [#foldedUpTo] is among the values of the entry, on every
/// replica that knows of both. That is a join of three: the values, the parts, and the time.
///
/// Immutable.
///
/// @param foldedUpTo commits up to then are no more told apart; zero for none
/// @param parts by commit, all of them after `foldedUpTo`
/// @see "Bailis et al., Scalable Atomic Visibility with RAMP Transactions, SIGMOD 2014"
/// @see "Sreekanti et al., A Fault-Tolerance Shim for Serverless Computing, EuroSys 2020"
public record Commits(HybridTimestamp foldedUpTo, SortedMap<CommitId, Part> parts) {
  public static final Commits NONE =
      new Commits(HybridTimestamp.ZERO, Collections.emptySortedMap());

  private static final int FIXED_WEIGHT = 8;
  private static final int PART_WEIGHT = 20;
  private static final int KEY_WEIGHT = 4;

  /// What a commit has written to the key.
  ///
  /// @param keys all keys that the commit writes, this one among them, in byte order; none where a
  ///   session keeps them elsewhere
  /// @param values by kind, each kind once
  public record Part(List<Payload> keys, List<Value<?>> values) {
    public Part {
      keys = inOrder(keys);
      values = List.copyOf(values);
      for (int i = 1; i < values.size(); i++) {
        if (values.get(i - 1).kindNumber() >= values.get(i).kindNumber()) {
          throw new IllegalArgumentException("the values of a commit are not in order of kinds");
        }
      }
    }

    private static List<Payload> inOrder(List<Payload> keys) {
      boolean ordered = true;
      for (int i = 1; i < keys.size(); i++) {
        ordered &= keys.get(i - 1).compareTo(keys.get(i)) < 0;
      }
      return ordered ? List.copyOf(keys) : keys.stream().sorted().distinct().toList();
    }

    /// The same commit as another replica knows it: the same part, unless its client broke the
    /// rules.
    Part merge(Part other) {
      if (equals(other)) {
        return this;
      }
      List<Payload> all = new ArrayList<>(keys);
      all.addAll(other.keys);
      Entry merged = Entry.of(HybridTimestamp.ZERO, Optional.empty(), values);
      for (Value<?> value : other.values) {
        merged = merged.with(value);
      }
      return new Part(all, merged.values());
    }

    long weight() {
      long sum = PART_WEIGHT;
      for (Payload key : keys) {
        sum += KEY_WEIGHT + key.size();
      }
      for (Value<?> value : values) {
        sum += value.weight();
      }
      return sum;
    }
  }

  public Commits {
    parts = Collections.unmodifiableSortedMap(parts);
    if (!parts.isEmpty() && !parts.firstKey().timestamp().isAfter(foldedUpTo)) {
      throw new IllegalArgumentException(
          "commit " + parts.firstKey() + " is not after " + foldedUpTo + ", so it is folded");
    }
  }

  /// One commit.
  public static Commits of(CommitId id, Part part) {
    TreeMap<CommitId, Part> parts = new TreeMap<>();
    parts.put(id, part);
    return new Commits(HybridTimestamp.ZERO, parts);
  }

  public boolean isEmpty() {
    return parts.isEmpty() && foldedUpTo.equals(HybridTimestamp.ZERO);
  }

  /// These and others, and what of both is to be folded, which goes to `folded`.
  Commits merge(Commits other, Collection<Value<?>> folded) {
    if (other.isEmpty()) {
      return this;
    }
    HybridTimestamp upTo = foldedUpTo.max(other.foldedUpTo);
    TreeMap<CommitId, Part> merged = new TreeMap<>(parts);
    other.parts.forEach((id, part) -> merged.merge(id, part, Part::merge));
    while (!merged.isEmpty() && !merged.firstKey().timestamp().isAfter(upTo)) {
      folded.addAll(merged.pollFirstEntry().getValue().values());
    }
    return merged.equals(parts) && upTo.equals(foldedUpTo) ? this : new Commits(upTo, merged);
  }

  /// These without some of them: what a reader sees who leaves those out.
  public Commits without(Collection<CommitId> left) {
    TreeMap<CommitId, Part> kept = new TreeMap<>(parts);
    kept.keySet().removeAll(left);
    return new Commits(foldedUpTo, kept);
  }

  long weight() {
    if (isEmpty()) {
      return 0;
    }
    long sum = FIXED_WEIGHT;
    for (Part part : parts.values()) {
      sum += part.weight();
    }
    return sum;
  }

  int partCount() {
    int sum = 0;
    for (Map.Entry<CommitId, Part> part : parts.entrySet()) {
      sum += 1 + part.getValue().keys().size();
      for (Value<?> value : part.getValue().values()) {
        sum += value.parts();
      }
    }
    return sum;
  }
}
