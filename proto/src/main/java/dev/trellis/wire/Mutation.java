package dev.trellis.wire;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.Tag;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.TreeMap;

/// An operation that changes a value. The first replica turns it into a delta and merges that. A
/// mutation of a missing key creates it; of a key that holds another kind, it is refused with
/// `KIND_MISMATCH`. The reply tells in `changed` how many elements, members, fields or records were
/// new or went away (for one-valued kinds: 1 if the value differs from before), and answers as told
/// per operation.
public sealed interface Mutation extends Operation {
  /// The kind this operation needs or creates; empty where any kind will do.
  Optional<Kind> kind();

  /// Whether carrying it out twice, wherever, equals carrying it out once. What is not idempotent
  /// is repeated only to the shard incarnation that may have seen it.
  boolean isIdempotent();

  /// `lww`: replaces the value by one with the request's timestamp. The request's ttl becomes part
  /// of it; none means that it never expires.
  record Put(Payload value) implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.LWW);
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// `max`: raises the value to at least this. Answers [View.Whole], the value now.
  record Raise(long to) implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.MAX);
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// `min`: lowers the value to at most this. Answers [View.Whole], the value now.
  record Lower(long to) implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.MIN);
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// `flag`: sets it for good. Answers [View.Truth].
  record Enable() implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.FLAG);
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// `counter`: adds a number that may be negative. Answers [View.Whole], this replica's sum now.
  record Increment(long by) implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.COUNTER);
    }

    @Override
    public boolean isIdempotent() {
      return false;
    }
  }

  /// `gset`, `oset`, `orset`: adds elements, at least one.
  ///
  /// @param to one of the three kinds
  record Add(Kind to, List<Payload> elements) implements Mutation {
    public Add {
      elements = List.copyOf(elements);
      requireSome("elements", elements);
      if (to != Kind.GSET && to != Kind.OSET && to != Kind.ORSET) {
        throw new IllegalArgumentException(
            "elements are added to gset, oset or orset, not to " + to.word());
      }
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(to);
    }

    /// For `orset`, a late repeat would bring back what was removed in between.
    @Override
    public boolean isIdempotent() {
      return to != Kind.ORSET;
    }
  }

  /// `orset`: removes the elements as this replica observed them; concurrent adds win.
  record Remove(List<Payload> elements) implements Mutation {
    public Remove {
      elements = List.copyOf(elements);
      requireSome("elements", elements);
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.ORSET);
    }

    @Override
    public boolean isIdempotent() {
      return false;
    }
  }

  /// A member of a `sortedset` with its score.
  ///
  /// @param score any double but NaN; -0.0 counts as below 0.0, as `Double.compare` has it
  record ScoredMember(Payload member, double score) {
    public ScoredMember {
      if (Double.isNaN(score)) {
        throw new IllegalArgumentException(
            "the score of " + member + " is NaN, which has no order");
      }
    }
  }

  /// `sortedset`: adds members or gives them new scores, with the request's timestamp.
  record AddScored(List<ScoredMember> members) implements Mutation {
    public AddScored {
      members = List.copyOf(members);
      requireSome("members", members);
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.SORTEDSET);
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// `sortedset`: removes members, with the request's timestamp.
  record RemoveMembers(List<Payload> members) implements Mutation {
    public RemoveMembers {
      members = List.copyOf(members);
      requireSome("members", members);
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.SORTEDSET);
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// `map`: changes one field by a mutation of the field's own kind, which creates the field if it
  /// is missing. A ttl of the request applies to the field. Answers as the inner mutation does.
  ///
  /// @param mutation any but [Merge] and [Place]; a [Delete] removes the field; nested up to
  ///   [Limits#DEPTH_MAX] deep
  record UpdateField(Payload field, Mutation mutation) implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.MAP);
    }

    @Override
    public boolean isIdempotent() {
      return mutation.isIdempotent();
    }
  }

  /// `causal`: replaces the siblings that `context` includes and stands beside the others. Answers
  /// [View.Siblings] without payloads: the context that a next put needs to replace all of them.
  record PutCausal(Payload value, CausalContext context) implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.CAUSAL);
    }

    @Override
    public boolean isIdempotent() {
      return false;
    }
  }

  /// `multicausal`: as [PutCausal], with the versions of other keys that the value depends on.
  ///
  /// @param dependencies in the order of their keys
  /// @param horizon what else it depends on was first written by then; zero for nothing else
  record PutMultiCausal(
      Payload value,
      CausalContext context,
      Map<Payload, CausalContext> dependencies,
      HybridTimestamp horizon)
      implements Mutation {
    public PutMultiCausal {
      dependencies = Collections.unmodifiableSortedMap(new TreeMap<>(dependencies));
    }

    /// One that depends on nothing but what it names.
    public PutMultiCausal(
        Payload value, CausalContext context, Map<Payload, CausalContext> dependencies) {
      this(value, context, dependencies, HybridTimestamp.ZERO);
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.MULTICAUSAL);
    }

    @Override
    public boolean isIdempotent() {
      return false;
    }
  }

  /// `priority`: keeps the value with the lowest priority, of equal ones the lowest bytes. Answers
  /// [View.Prioritized], the value that is kept.
  ///
  /// @param priority any double but NaN
  record PutPriority(double priority, Payload value) implements Mutation {
    public PutPriority {
      if (Double.isNaN(priority)) {
        throw new IllegalArgumentException("priority NaN has no order; give a number");
      }
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.PRIORITY);
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// `log`: appends records, at least one, with the request's timestamp. The reply's dots name
  /// them.
  ///
  /// @param position of the first record within the request's tag, 0 to [Tag#POSITIONS_MAX] - 1, so
  ///   that a writer whose records have no gap between their dots appends them a few at a time; 0
  ///   where there is no tag
  /// @param recordsMax refused with `OVERLOADED` where the log would have more records here; 0 for
  ///   no bound
  /// @param bytesMax likewise, of what the records weigh; a log that is empty takes any. 0 for no
  ///   bound
  record Append(List<Payload> records, int position, long recordsMax, long bytesMax)
      implements Mutation {
    public Append {
      records = List.copyOf(records);
      requireSome("records", records);
      if (position < 0 || position >= Tag.POSITIONS_MAX) {
        throw new IllegalArgumentException(
            "position " + position + " is outside 0 to " + (Tag.POSITIONS_MAX - 1));
      }
      if (recordsMax < 0 || bytesMax < 0) {
        throw new IllegalArgumentException(
            "a log of at most "
                + recordsMax
                + " records and "
                + bytesMax
                + " bytes; a bound is 1 or more, or 0 for none");
      }
    }

    /// Into a log without bounds.
    public Append(List<Payload> records) {
      this(records, 0, 0, 0);
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.LOG);
    }

    @Override
    public boolean isIdempotent() {
      return false;
    }
  }

  /// `log`: drops the records that `observed` includes, for good and on all replicas.
  record Trim(CausalContext observed) implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.of(Kind.LOG);
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// What a commit of several keys writes to this one, under the request's timestamp: merged as a
  /// whole, and for a while told apart from what others have written, see
  /// [dev.trellis.lattice.Commits].
  ///
  /// @param keys all that the commit writes, this one among them
  /// @param mutations one at least, none of which may need a dot of the shard, see [#isSelfStamped]
  record Commit(List<Payload> keys, List<Mutation> mutations) implements Mutation {
    public Commit {
      keys = List.copyOf(keys);
      mutations = List.copyOf(mutations);
      requireSome("mutations", mutations);
      requireSome("keys", keys);
    }

    @Override
    public Optional<Kind> kind() {
      return mutations.get(0).kind();
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// Whether a mutation is merged as the same delta wherever it is carried out, as it needs no more
  /// than its timestamp and its writer. The others are named by the shard that carries them out, or
  /// go by what they find there.
  static boolean isSelfStamped(Mutation mutation) {
    return switch (mutation) {
      case Put put -> true;
      case Raise raise -> true;
      case Lower lower -> true;
      case Enable enable -> true;
      case Add add -> add.to() != Kind.ORSET;
      case AddScored add -> true;
      case RemoveMembers remove -> true;
      case PutPriority put -> true;
      case Delete delete -> true; // within a commit, of an lww
      case Increment increment -> false;
      case Remove remove -> false;
      case UpdateField update -> false;
      case PutCausal put -> false;
      case PutMultiCausal put -> false;
      case Append append -> false;
      case Trim trim -> false;
      case Expire expire -> false;
      case Merge merge -> false;
      case Place place -> false;
      case Commit commit -> false;
    };
  }

  /// Whether a mutation with a tag is merged as the same fact wherever and however often it is
  /// carried out, as what it writes is named by the tag. A removal is carried out by those who do
  /// not know yet that it was. The others are idempotent by themselves, or not at all.
  static boolean isNamedByTag(Mutation mutation) {
    return switch (mutation) {
      case Increment increment -> true;
      case Add add -> add.to() == Kind.ORSET;
      case Remove remove -> true;
      case PutCausal put -> true;
      case PutMultiCausal put -> true;
      case Append append -> true;
      case UpdateField update -> isNamedByTag(update.mutation());
      case Put put -> false;
      case Raise raise -> false;
      case Lower lower -> false;
      case Enable enable -> false;
      case AddScored add -> false;
      case RemoveMembers remove -> false;
      case PutPriority put -> false;
      case Trim trim -> false;
      case Delete delete -> false;
      case Expire expire -> false;
      case Merge merge -> false;
      case Place place -> false;
      case Commit commit -> false;
    };
  }

  /// Any kind: deletes the key (or, inside [UpdateField], the field). `lww` gets a tombstone with
  /// the request's timestamp, every other kind a new generation. Deleting what is missing changes
  /// nothing.
  record Delete() implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.empty();
    }

    /// A late repeat would delete what was written in between.
    @Override
    public boolean isIdempotent() {
      return false;
    }
  }

  /// Any kind but `lww`, `causal` and `multicausal`, whose expiry is part of each put: sets when
  /// the key expires, or that it never does. Of a missing key, changes nothing.
  ///
  /// @param ttlMillis from the request's timestamp on, 1 or more; empty for never
  record Expire(OptionalLong ttlMillis) implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.empty();
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// Any kind: merges an entry or a delta of one as it stands. What replicas send each other.
  record Merge(Entry entry) implements Mutation {
    @Override
    public Optional<Kind> kind() {
      return Optional.empty();
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  /// Any kind, of a key but not of a field: decides where the key belongs, from now on and whatever
  /// is written to it. Carried out by the key's home; of two decisions the later wins.
  ///
  /// @param placement empty to go back to the default
  /// @param epoch of the monitor that decided it: one that another has taken over from is refused;
  ///   0 for whoever is no monitor
  record Place(Optional<Placement> placement, long epoch) implements Mutation {
    public Place {
      if (epoch < 0) {
        throw new IllegalArgumentException("a placement of epoch " + epoch + ", which is below 0");
      }
    }

    /// As decided by a person or a program.
    public Place(Optional<Placement> placement) {
      this(placement, 0);
    }

    @Override
    public Optional<Kind> kind() {
      return Optional.empty();
    }

    @Override
    public boolean isIdempotent() {
      return true;
    }
  }

  private static void requireSome(String what, List<?> list) {
    if (list.isEmpty()) {
      throw new IllegalArgumentException("no " + what + " given; give at least one");
    }
  }
}
