package dev.trellis.lattice;

import dev.trellis.causal.ReplicaId;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntSupplier;
import java.util.random.RandomGenerator;

/// What a kind of lattice means, told without lattices: a replica has seen a set of writes, and the
/// value follows from that set alone. Slow, and plain enough to be seen to be right.
interface Model<S> {
  /// A write as its author made it.
  ///
  /// @param number names the write within a run
  /// @param site of the author
  /// @param what the author said; the model's own record
  /// @param covers the numbers of earlier writes that this one replaces or removes
  record Event(int number, int site, Object what, Set<Integer> covers) {
    public Event {
      covers = Set.copyOf(covers);
    }
  }

  /// A write, and what the real lattice makes of it.
  ///
  /// @param delta as the author merges it into its own state and sends it to others
  /// @param events all writes that the delta speaks of: the new one, and where deltas are sums, the
  ///   author's earlier ones
  record Step<S>(S delta, Set<Event> events) {}

  /// What a reader knew of an entry: the writes a later write may cover.
  record Reading(Object context, Set<Integer> covers) {}

  /// One replica at the time of a write.
  ///
  /// @param state empty before the first write arrives
  /// @param seen the writes that state should consist of
  /// @param readings what was read at any replica so far; empty inside a map or an entry
  /// @param numbers gives each write its number
  record Site<S>(
      int index, Optional<S> state, Set<Event> seen, List<Reading> readings, IntSupplier numbers) {
    ReplicaId id() {
      return idOf(index);
    }

    /// The same replica, as seen by what is nested in its state.
    <T> Site<T> within(Optional<T> inner, Set<Event> innerSeen) {
      return new Site<>(index, inner, innerSeen, List.of(), numbers);
    }

    Event event(Object what, Set<Integer> covers) {
      return new Event(numbers.getAsInt(), index, what, covers);
    }
  }

  /// The name under which a site writes. Not in the order of sites, and partly negative.
  static ReplicaId idOf(int site) {
    return new ReplicaId(site % 2 == 0 ? -1 : 7, site);
  }

  /// Draws a write and makes its delta.
  Step<S> act(RandomGenerator random, Site<S> site);

  /// What a reader of the real state sees at a time.
  Object shown(S state, long nowMillis);

  /// What a reader should see of these writes.
  Object expected(Set<Event> seen, long nowMillis);

  /// What the model lets later writes refer to; for kinds with contexts.
  default Optional<Reading> read(S state, Set<Event> seen) {
    return Optional.empty();
  }

  S merge(S mine, S theirs);

  /// The model of a real lattice; broken ones bring a merge of their own.
  interface OfLattice<S extends Lattice<S>> extends Model<S> {
    @Override
    default S merge(S mine, S theirs) {
      return mine.merge(theirs);
    }
  }
}
