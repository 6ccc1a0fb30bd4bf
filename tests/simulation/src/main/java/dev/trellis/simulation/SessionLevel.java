package dev.trellis.simulation;

import dev.trellis.client.session.Guarantee;
import dev.trellis.history.check.CausalOrder;
import dev.trellis.history.check.Checker;
import dev.trellis.history.check.EachKey;
import dev.trellis.history.check.FracturedReads;
import dev.trellis.history.check.ItemCut;
import dev.trellis.history.check.MonotonicReads;
import dev.trellis.history.check.MonotonicWrites;
import dev.trellis.history.check.ReadCommitted;
import dev.trellis.history.check.ReadYourWrites;
import dev.trellis.history.check.WritesFollowReads;
import java.util.List;
import java.util.Locale;
import java.util.Set;

/// What the sessions of a run are promised, how they are used, and what is checked.
public enum SessionLevel {
  READ_YOUR_WRITES(Use.SINGLE, Set.of(Guarantee.READ_YOUR_WRITES), new ReadYourWrites()),
  MONOTONIC_READS(Use.SINGLE, Set.of(Guarantee.MONOTONIC_READS), new MonotonicReads()),
  MONOTONIC_WRITES(Use.SINGLE, Set.of(Guarantee.MONOTONIC_WRITES), new MonotonicWrites()),
  WRITES_FOLLOW_READS(Use.SINGLE, Set.of(Guarantee.WRITES_FOLLOW_READS), new WritesFollowReads()),
  PRAM(
      Use.SINGLE,
      Guarantee.PRAM,
      new ReadYourWrites(),
      new MonotonicReads(),
      new MonotonicWrites()),
  SESSION(
      Use.SINGLE,
      Guarantee.SESSION,
      new ReadYourWrites(),
      new MonotonicReads(),
      new MonotonicWrites(),
      new WritesFollowReads()),
  ITEM_CUT(Use.TRANSACTIONS, Set.of(Guarantee.ITEM_CUT), new ItemCut()),
  READ_COMMITTED(Use.TRANSACTIONS, Set.of(Guarantee.READ_COMMITTED), new ReadCommitted()),
  READ_ATOMIC(
      Use.TRANSACTIONS,
      Set.of(Guarantee.READ_ATOMIC),
      new FracturedReads(),
      new ItemCut(),
      new ReadCommitted()),
  READ_ATOMIC_SESSION(
      Use.TRANSACTIONS,
      Set.of(Guarantee.READ_ATOMIC, Guarantee.READ_YOUR_WRITES, Guarantee.MONOTONIC_READS),
      new FracturedReads(),
      new ItemCut(),
      new ReadCommitted(),
      new ReadYourWrites()),
  CAUSAL(Use.CAUSAL, Set.of(Guarantee.CAUSAL), new CausalOrder());

  /// How sessions are used.
  enum Use {
    /// Single reads and writes of all kinds.
    SINGLE,
    /// Several reads and writes of registers, and a commit.
    TRANSACTIONS,
    /// Reads of causal values, and writes that follow them.
    CAUSAL
  }

  private final Use use;

  @SuppressWarnings("ImmutableEnumChecker") // the guarantees are, and checkers keep nothing
  private final Set<Guarantee> guarantees;

  @SuppressWarnings("ImmutableEnumChecker")
  private final List<Checker> checkers;

  SessionLevel(Use use, Set<Guarantee> guarantees, Checker... checkers) {
    this.use = use;
    this.guarantees = guarantees;
    this.checkers = List.of(checkers);
  }

  Use use() {
    return use;
  }

  Set<Guarantee> guarantees() {
    return guarantees;
  }

  boolean has(Guarantee guarantee) {
    return guarantees.contains(guarantee);
  }

  /// Whether writes wait for the commit.
  boolean isBuffering() {
    return has(Guarantee.READ_COMMITTED) || has(Guarantee.READ_ATOMIC);
  }

  /// What its histories must pass.
  List<Checker> checkers() {
    return use == Use.SINGLE ? checkers.stream().<Checker>map(EachKey::new).toList() : checkers;
  }

  /// As people type it.
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }
}
