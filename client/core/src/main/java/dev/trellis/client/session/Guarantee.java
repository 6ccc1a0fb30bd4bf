package dev.trellis.client.session;

import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.stream.Collectors;

/// What a session may promise; any combination will do. What each means, and what it costs, is told
/// in `docs/consistency.md`.
///
/// @see "Terry et al., Session Guarantees for Weakly Consistent Replicated Data, PDIS 1994"
/// @see "Bailis et al., Highly Available Transactions: Virtues and Limitations, VLDB 2013"
public enum Guarantee {
  /// What the session wrote is in what it reads afterwards.
  READ_YOUR_WRITES(1),
  /// What the session has read is in what it reads afterwards.
  MONOTONIC_READS(2),
  /// The session's writes take effect in their order: a later one never loses to an earlier one,
  /// and one that goes by what is there, such as a removal, goes by all that were before.
  MONOTONIC_WRITES(3),
  /// A write comes after all that the session has read: it never loses to that, and if it goes by
  /// what is there, it goes by all of that.
  WRITES_FOLLOW_READS(4),
  /// Who reads a key twice between two commits reads the same, but for what the session wrote.
  ITEM_CUT(5),
  /// Writes are kept until [Session#commit], and then sent with one timestamp; what is aborted
  /// instead is never seen by anybody.
  READ_COMMITTED(6),
  /// Of what a session of this guarantee commits, another one reads all or nothing, whatever keys
  /// it reads between two commits of its own. Includes [#READ_COMMITTED] and [#ITEM_CUT].
  ///
  /// @see "Bailis et al., Scalable Atomic Visibility with RAMP Transactions, SIGMOD 2014"
  /// @see "Sreekanti et al., A Fault-Tolerance Shim for Serverless Computing, EuroSys 2020"
  READ_ATOMIC(7),
  /// Who reads a `multicausal` value has read, or can read, all that its writer had seen. Includes
  /// the first four.
  ///
  /// @see "Bailis et al., Bolt-on Causal Consistency, SIGMOD 2013"
  CAUSAL(8);

  /// Pipelined random access memory: a session's own operations take effect, and are seen by it, in
  /// their order.
  public static final Set<Guarantee> PRAM =
      Collections.unmodifiableSet(EnumSet.of(READ_YOUR_WRITES, MONOTONIC_READS, MONOTONIC_WRITES));

  /// Session causality: each key as if there were but one replica that only this session waits for.
  public static final Set<Guarantee> SESSION =
      Collections.unmodifiableSet(
          EnumSet.of(READ_YOUR_WRITES, MONOTONIC_READS, MONOTONIC_WRITES, WRITES_FOLLOW_READS));

  private final int number;

  Guarantee(int number) {
    this.number = number;
  }

  /// The number in a token.
  int number() {
    return number;
  }

  /// The name people type.
  public String word() {
    return name().toLowerCase(Locale.ROOT).replace('_', '-');
  }

  /// The guarantee of a name that people type.
  ///
  /// @throws IllegalArgumentException for an unknown word; the message lists the known ones
  public static Guarantee ofWord(String word) {
    return Arrays.stream(values())
        .filter(guarantee -> guarantee.word().equals(word))
        .findFirst()
        .orElseThrow(
            () ->
                new IllegalArgumentException(
                    "unknown guarantee '"
                        + word
                        + "'; known are "
                        + Arrays.stream(values())
                            .map(Guarantee::word)
                            .collect(Collectors.joining(", "))));
  }

  /// The guarantees of a text such as `session` or `read-atomic, read-your-writes`: words between
  /// commas or spaces, of which `session` and `pram` stand for [#SESSION] and [#PRAM].
  ///
  /// @throws IllegalArgumentException for an unknown word, and where there is none; the message
  ///   lists the known ones
  public static Set<Guarantee> ofWords(String words) {
    EnumSet<Guarantee> all = EnumSet.noneOf(Guarantee.class);
    for (String word : words.strip().split("\\s*,\\s*|\\s+", -1)) {
      switch (word) {
        case "session" -> all.addAll(SESSION);
        case "pram" -> all.addAll(PRAM);
        default -> {
          try {
            all.add(ofWord(word));
          } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                e.getMessage() + ", and session and pram for several of these", e);
          }
        }
      }
    }
    return Collections.unmodifiableSet(all);
  }

  /// These, and those that they include.
  static Set<Guarantee> closure(Set<Guarantee> asked) {
    EnumSet<Guarantee> all = EnumSet.noneOf(Guarantee.class);
    all.addAll(asked);
    if (all.contains(READ_ATOMIC)) {
      all.add(READ_COMMITTED);
      all.add(ITEM_CUT);
    }
    if (all.contains(CAUSAL)) {
      all.addAll(SESSION);
    }
    return Collections.unmodifiableSet(all);
  }
}
