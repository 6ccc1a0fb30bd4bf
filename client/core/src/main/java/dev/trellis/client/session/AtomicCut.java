package dev.trellis.client.session;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.execution.EntryWriter;
import dev.trellis.execution.Refusal;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Commits;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.Reply;
import dev.trellis.wire.Request;
import dev.trellis.wire.View;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/// Which commits a read of one key shows, so that of each commit the session reads all or nothing,
/// whatever it has read since its last commit.
///
/// A commit that one of its keys was read with, is in all of them: where a replica does not have
/// its part yet, it is taken from the commit's record. A commit that one of its keys was read
/// without, is left out of the others. What is already folded into a key's value is in the others
/// too: it was written everywhere before the session began to read, which every read demands to
/// have.
final class AtomicCut {
  /// By how much earlier than it begins a session reads, so that mostly no replica has to ask
  /// another.
  static final long SLACK_MILLIS = 20;

  /// A commit reaches all its keys within this time of its stamp: a shard takes no older ones.
  private static final long SPREAD_MILLIS = EntryWriter.COMMIT_KEPT_MILLIS_MIN / 2;

  private static final Read RECORD = new Read.Get(Optional.of(Kind.LWW));

  private final SessionState state;
  private final Payload key;
  private final CallOptions options;
  private Entry entry;
  private final Set<CommitId> owed = new LinkedHashSet<>(); // whose records were asked for

  /// @param entry as it was read
  AtomicCut(SessionState state, Payload key, CallOptions options, Entry entry) {
    this.state = state;
    this.key = key;
    this.options = options;
    this.entry = entry;
  }

  /// Why the session can't read another key; empty if it can.
  static Optional<String> obstacle(SessionState state, Payload key) {
    return state.cut.values().stream().anyMatch(seen -> seen.entry() == null)
        ? Optional.of(
            "what the session has read did not fit into its token, so it can't tell what of key "
                + key
                + " belongs to that; commit or abort, and read again")
        : Optional.empty();
  }

  /// The records that are needed; none if [#shown] can tell.
  List<Call> records() {
    for (SessionState.Seen seen : state.cut.values()) {
      if (seen.entry() != null) {
        note(seen.entry().commits());
      }
    }
    for (Held held : state.held().values()) {
      if (held.entry() != null) {
        note(held.entry().commits());
      }
    }
    List<Call> calls = new ArrayList<>();
    for (CommitId id : owed) {
      // It was written before any of the keys, but the replica that answers may lag behind.
      calls.add(new Call(CommitRecord.key(id, key), RECORD, options.withReadMode(ReadMode.ALL)));
    }
    return calls;
  }

  private void note(Commits seen) {
    seen.parts()
        .forEach(
            (id, part) -> {
              boolean recorded =
                  state.clock().millis() - id.timestamp().millis() < CommitRecord.TTL.toMillis();
              if (recorded && !has(entry.commits(), id) && state.mayWrite(id, part, key)) {
                owed.add(id);
              }
            });
  }

  private static boolean has(Commits commits, CommitId id) {
    return commits.parts().containsKey(id) || !id.timestamp().isAfter(commits.foldedUpTo());
  }

  /// Takes the parts of this key from the records that were asked for.
  ///
  /// @return why that can't be done
  Optional<Step> told(List<Reply> replies) {
    int at = 0;
    for (CommitId id : owed) {
      Reply told = replies.get(at++);
      state.observe(told.clock());
      if (!(((Outcome.Done) told.outcome()).view() instanceof View.Bytes record)) {
        return Optional.of(
            new Step.Refuse(
                ErrorCode.SESSION_UNAVAILABLE,
                "the session has read another key of a commit of "
                    + id.timestamp()
                    + " that has not reached key "
                    + key
                    + ", and the record of that commit is gone"));
      }
      Request part = CommitRecord.decode(record.value());
      if (part.key().equals(key) && part.operation() instanceof Mutation mutation) {
        try {
          add(id, part, mutation);
        } catch (Refusal refusal) {
          return Optional.of(
              new Step.Refuse(refusal.outcome().code(), refusal.outcome().message()));
        }
      }
    }
    return Optional.empty();
  }

  private void add(CommitId id, Request part, Mutation mutation) throws Refusal {
    long ttlMillis = part.context().ttlMillis();
    long nowMillis = state.clock().millis();
    Entry delta = state.carriedOut(key, entry, mutation, id, ttlMillis, nowMillis).delta();
    entry = entry.merge(delta);
  }

  /// Whether so much has been folded into the key since the session began to read that a commit
  /// among it may not be in what was read before.
  boolean isBlurred() {
    HybridTimestamp folded = entry.commits().foldedUpTo();
    return folded.isAfter(HybridTimestamp.ZERO)
        && folded.millis() + SPREAD_MILLIS > state.begun().millis();
  }

  /// The entry as this session may see it.
  Entry shown() {
    List<CommitId> unwanted = new ArrayList<>();
    entry
        .commits()
        .parts()
        .forEach(
            (id, part) -> {
              for (Map.Entry<Payload, SessionState.Seen> other : state.cut.entrySet()) {
                if (wasReadWithout(other, id) && state.mayWrite(id, part, other.getKey())) {
                  unwanted.add(id);
                  break;
                }
              }
            });
    Entry seen = unwanted.isEmpty() ? entry : entry.without(unwanted);
    return seen.withCommitsNamed();
  }

  private boolean wasReadWithout(Map.Entry<Payload, SessionState.Seen> other, CommitId id) {
    Entry seen = other.getKey().equals(key) ? null : other.getValue().entry();
    return seen != null && !has(seen.commits(), id);
  }
}
