package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.Optional;
import java.util.TreeSet;
import java.util.stream.Collectors;

/// What is waited for. The first four hold for good within a generation once they hold, since what
/// they ask of only grows: whoever is told that one was reached may rely on it, whatever replica
/// said so. [Seen] and [Unseen] were true once.
///
/// A threshold on a kind that does not only grow that way can be named, and is refused with the
/// reason where it is read: see `ThresholdReader`.
///
/// @see "Kuper and Newton, LVars: lattice-based data structures for deterministic parallelism, FHPC
///   2013, §3; Laddad et al., Keep CALM and CRDT On, VLDB 2022, §5"
public sealed interface Threshold {
  /// Most elements of a [Contains].
  int ELEMENTS_MAX = 1_000;

  /// The kind that the entry must have; empty if any will do.
  Optional<Kind> kind();

  /// The threshold as people read it: `max at least 10`.
  String describe();

  /// A `max` is at least `bound`; of a `counter`, the sum of all that was added, what was taken
  /// away left aside.
  record AtLeast(Kind of, long bound) implements Threshold {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(of);
    }

    @Override
    public String describe() {
      return (of == Kind.COUNTER ? "counter with increments of" : of.word()) + " at least " + bound;
    }
  }

  /// A `min` is at most `bound`.
  record AtMost(Kind of, long bound) implements Threshold {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(of);
    }

    @Override
    public String describe() {
      return of.word() + " at most " + bound;
    }
  }

  /// A `gset` or `oset` has all of these.
  ///
  /// @param elements 1 to [#ELEMENTS_MAX], ascending and distinct
  record Contains(Kind of, List<Payload> elements) implements Threshold {
    private static final int SHOWN_MAX = 3;

    public Contains {
      elements = List.copyOf(new TreeSet<>(elements));
      if (elements.isEmpty() || elements.size() > ELEMENTS_MAX) {
        throw new IllegalArgumentException(
            "a set is awaited to contain "
                + elements.size()
                + " elements; 1 to "
                + ELEMENTS_MAX
                + " can be waited for at once");
      }
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(of);
    }

    @Override
    public String describe() {
      String some =
          elements.stream()
              .limit(SHOWN_MAX)
              .map(Payload::toString)
              .collect(Collectors.joining(", "));
      return of.word()
          + " with "
          + some
          + (elements.size() > SHOWN_MAX
              ? " and " + (elements.size() - SHOWN_MAX) + " more elements"
              : "");
    }
  }

  /// A `flag` is set.
  record Enabled(Kind of) implements Threshold {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(of);
    }

    @Override
    public String describe() {
      return of.word() + " enabled";
    }
  }

  /// Something was there, and may be gone again by now.
  ///
  /// @param of the kind wanted; empty for any
  /// @param element of an `orset`; empty for the key itself
  record Seen(Optional<Kind> of, Optional<Payload> element) implements Threshold {
    @Override
    public Optional<Kind> kind() {
      return of;
    }

    @Override
    public String describe() {
      String what = of.map(Kind::word).orElse("value");
      return element.map(one -> what + " with " + one).orElse(what) + " seen";
    }
  }

  /// A `log` has records that are not in `seen`; they come with the answer, oldest first. Like
  /// [Seen] true once: others may trim them.
  ///
  /// @param limit at most this many records, 1 or more
  /// @param bytesMax no further record once those before it have so many bytes, 1 or more
  record Unseen(CausalContext seen, int limit, int bytesMax) implements Threshold {
    public Unseen {
      if (limit < 1 || bytesMax < 1) {
        throw new IllegalArgumentException(
            "at most " + limit + " records of " + bytesMax + " bytes; both are 1 or more");
      }
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.LOG);
    }

    @Override
    public String describe() {
      return "log with records not seen yet";
    }
  }
}
