package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation.ScoredMember;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/// What a user sees of a value: the answer to a read, and to the mutations that say so.
public sealed interface View {
  /// The key or field is missing, deleted or expired.
  record Missing() implements View {}

  /// There is nothing to see: most mutations answer this.
  record Nothing() implements View {}

  /// `lww`.
  ///
  /// @param expiresAtMillis when it will count as missing; 0 for never
  record Bytes(Payload value, long expiresAtMillis) implements View {}

  /// `max`, `min`, `counter` (saturating at the range of long), and sizes.
  record Whole(long value) implements View {}

  /// `flag`.
  record Truth(boolean value) implements View {}

  /// `gset`, `oset`, `orset`: elements, ascending unless asked for descending.
  record Elements(List<Payload> elements) implements View {
    public Elements {
      elements = List.copyOf(elements);
    }
  }

  /// `sortedset`: by score, then member, ascending unless asked for descending.
  record Scored(List<ScoredMember> members) implements View {
    public Scored {
      members = List.copyOf(members);
    }
  }

  /// One field of a `map`. Its kind is told because a view alone does not: a counter and a `max`
  /// both show as [Whole].
  ///
  /// @param kind of the field's value; empty where it concurrently got several, and the view is
  ///   then [Conflict]
  record Field(Optional<Kind> kind, View view) {}

  /// `map`: the fields that are there, by name.
  record Fields(SortedMap<Payload, Field> fields) implements View {
    public Fields {
      fields = Collections.unmodifiableSortedMap(new TreeMap<>(fields));
    }
  }

  /// A field of a `map` that got several kinds concurrently: the kinds' wire numbers, ascending.
  record Conflict(List<Integer> kindNumbers) implements View {
    public Conflict {
      kindNumbers = List.copyOf(kindNumbers);
    }
  }

  /// One of the concurrent values of `causal` or `multicausal`.
  ///
  /// @param dependencies for `multicausal`, key to version; empty for `causal`
  record Sibling(Payload value, Map<Payload, CausalContext> dependencies) {
    public Sibling {
      dependencies = Map.copyOf(dependencies);
    }
  }

  /// `causal`, `multicausal`: the concurrent values, ordered by bytes, and what a put must carry to
  /// replace all of them.
  record Siblings(List<Sibling> siblings, CausalContext context) implements View {
    public Siblings {
      siblings = List.copyOf(siblings);
    }
  }

  /// `priority`.
  record Prioritized(double priority, Payload value) implements View {}

  /// One record of a `log`.
  record LogRecord(HybridTimestamp timestamp, Dot dot, Payload value) {}

  /// `log`: records oldest first.
  ///
  /// @param seen what the reader has seen once it has read these: pass it to the next read. Of
  ///   records that were waited for ([Threshold.Unseen]), just what was trimmed of their writers
  record Records(List<LogRecord> records, CausalContext seen) implements View {
    public Records {
      records = List.copyOf(records);
    }
  }

  /// The whole entry as a lattice.
  record State(Entry entry) implements View {}

  /// Where a key belongs.
  ///
  /// @param explicit whether that was decided for the key; false for the default
  record Placed(Placement placement, boolean explicit) implements View {}
}
