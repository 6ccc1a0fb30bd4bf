package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.util.List;
import java.util.Objects;
import java.util.Optional;

/// An operation that changes nothing. What it answers with is told per operation; a key (or field)
/// that is missing, deleted or expired answers [View.Missing], whatever was asked of it but
/// [Placed].
public sealed interface Read extends Operation {
  /// The kind that the entry must have for this read to make sense; empty if any will do.
  Optional<Kind> kind();

  /// The whole value, as the [View] of its kind. Without a kind, an entry that concurrently got two
  /// kinds answers `KIND_MISMATCH` naming both.
  record Get(Optional<Kind> kind) implements Read {
    /// Any kind.
    public static final Get ANY = new Get(Optional.empty());
  }

  /// The whole entry as a lattice, for who merges: answers [View.State], tombstones included.
  record State() implements Read {
    @Override
    public Optional<Kind> kind() {
      return Optional.empty();
    }
  }

  /// Which of `elements` a `gset`, `oset` or `orset` holds, or a `sortedset` has as members:
  /// answers [View.Elements] with just those, ascending.
  record Contains(Kind of, List<Payload> elements) implements Read {
    public Contains {
      elements = List.copyOf(elements);
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(of);
    }
  }

  /// How many elements, members, fields or records the value of kind `of` has: answers
  /// [View.Whole].
  record Size(Kind of) implements Read {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(of);
    }
  }

  /// The elements of a `gset`, `oset` or `orset` in byte order: answers [View.Elements].
  ///
  /// @param from first element wanted, inclusive; empty for the start
  /// @param to end of the range, exclusive; empty for the end
  /// @param limit at most this many, 1 or more
  /// @param descending from the end towards the start
  record Range(Kind of, Optional<Payload> from, Optional<Payload> to, int limit, boolean descending)
      implements Read {
    public Range {
      requirePositive("limit", limit);
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(of);
    }
  }

  /// The members of a `sortedset` with scores from `min` to `max`, both inclusive, by score, then
  /// member: answers [View.Scored].
  ///
  /// @param limit at most this many, 1 or more
  /// @param descending greatest first; `limit` then takes the greatest
  record Scores(double min, double max, int limit, boolean descending) implements Read {
    public Scores {
      requirePositive("limit", limit);
      if (Double.isNaN(min) || Double.isNaN(max)) {
        throw new IllegalArgumentException("score range " + min + ".." + max + " contains NaN");
      }
    }

    /// The `n` members with the greatest scores, greatest first.
    public static Scores top(int n) {
      return new Scores(Double.NEGATIVE_INFINITY, Double.POSITIVE_INFINITY, n, true);
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.SORTEDSET);
    }
  }

  /// The records of a `log` that the reader has not seen, oldest first: answers [View.Records].
  ///
  /// @param seen the dots already read; those records are left out
  /// @param limit at most this many, 1 or more
  record Since(CausalContext seen, int limit) implements Read {
    public Since {
      Objects.requireNonNull(seen);
      requirePositive("limit", limit);
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.LOG);
    }
  }

  /// Where the key belongs, whether it was ever written or not: answers [View.Placed], never
  /// [View.Missing]. Known to the key's home, and to those that hold the key.
  record Placed() implements Read {
    @Override
    public Optional<Kind> kind() {
      return Optional.empty();
    }
  }

  /// A threshold read: answers once the threshold is reached, or with `NOT_REACHED` when
  /// [RequestContext#timeoutMillis] have passed, [Limits#AWAIT_MILLIS_MAX] at most. The view is
  /// small: [View.Whole] for a number, [View.Elements] with just those asked for, [View.Truth]
  /// otherwise. The reply's generation is the one in which it was reached; it need not be one of a
  /// complete replica, since what was seen there is true everywhere, or will be.
  record Await(Threshold threshold) implements Read {
    @Override
    public Optional<Kind> kind() {
      return threshold.kind();
    }
  }

  /// A read of one field of a `map`, answered as the field's own read would be.
  ///
  /// @param read any but [Placed] and [Await]
  record Field(Payload field, Read read) implements Read {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.MAP);
    }
  }

  private static void requirePositive(String what, int number) {
    if (number < 1) {
      throw new IllegalArgumentException(what + " " + number + " is below 1");
    }
  }
}
