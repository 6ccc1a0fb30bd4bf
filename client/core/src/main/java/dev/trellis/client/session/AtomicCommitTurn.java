package dev.trellis.client.session;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.DefiniteException;
import dev.trellis.client.TrellisException;
import dev.trellis.execution.EntryReader;
import dev.trellis.execution.Refusal;
import dev.trellis.lattice.CommitId;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.lattice.Value;
import dev.trellis.wire.Acknowledgement;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Read;
import dev.trellis.wire.Receipt;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.function.Supplier;

/// A commit that others see all of or nothing: first records of all that it writes, and a look at
/// whether each key takes it; then the keys. Whoever sees it in one of them finds the rest in their
/// records, so the first of them to be written is the point from which it has happened. What is
/// written while it is under way waits for the next one.
final class AtomicCommitTurn implements Turn {
  /// @param numbers of the mutations that it is put together from
  private record Part(Mutation.Commit commit, long ttlMillis, Set<Long> numbers) {}

  private final SessionState state;
  private final Supplier<HybridTimestamp> stamps;
  private final SortedMap<Payload, Part> parts = new TreeMap<>();
  private CallOptions options = CallOptions.DEFAULT;
  private HybridTimestamp stamp = HybridTimestamp.ZERO;
  private boolean prepared; // record and looks are done
  private final long transaction; // that it ends
  private final long before; // what is numbered so or higher was written since, and is not sent

  AtomicCommitTurn(SessionState state, Supplier<HybridTimestamp> stamps) {
    this.state = state;
    this.stamps = stamps;
    this.transaction = state.transactions();
    this.before = state.nextNumber();
  }

  @Override
  public Step begin() {
    parts.clear();
    prepared = false;
    Map<Payload, List<SessionState.Buffered>> own = state.waiting(before);
    if (own.isEmpty()) {
      state.endTransaction(transaction);
      return answer(Receipt.NONE);
    }
    List<Payload> keys = own.keySet().stream().sorted().toList();
    List<CallOptions> all = new ArrayList<>();
    own.forEach(
        (key, waiting) -> {
          parts.put(key, part(keys, waiting));
          waiting.forEach(each -> all.add(each.options()));
        });
    options = strongest(all);
    stamp = stamps.get();
    state.observe(stamp);
    CommitId id = new CommitId(stamp, state.writer);
    for (Map.Entry<Payload, Part> each : parts.entrySet()) {
      Part part = each.getValue();
      try {
        // What every shard would refuse is refused before anything is written.
        state.carriedOut(
            each.getKey(), Entry.BOTTOM, part.commit, id, part.ttlMillis, stamp.millis());
      } catch (Refusal refusal) {
        return new Step.Refuse(refusal.outcome().code(), refusal.outcome().message());
      }
    }
    List<Call> calls = new ArrayList<>();
    if (parts.size() > 1) {
      for (Map.Entry<Payload, Part> each : parts.entrySet()) {
        Payload key = each.getKey();
        Part part = each.getValue();
        if (key.size() > CommitRecord.keyBytesMax()) {
          return new Step.Refuse(
              ErrorCode.KEY_TOO_LONG,
              "a key of "
                  + key.size()
                  + " bytes; in a commit of several keys that others see all of or nothing, keys"
                  + " may have "
                  + CommitRecord.keyBytesMax());
        }
        calls.add(
            new Call(
                CommitRecord.key(id, key),
                new Mutation.Put(
                    CommitRecord.encode(
                        CommitRecord.part(key, part.commit, stamp, part.ttlMillis))),
                options.withTtl(CommitRecord.TTL)));
      }
    }
    for (Map.Entry<Payload, Part> each : parts.entrySet()) {
      Payload key = each.getKey();
      Kind kind = each.getValue().commit.kind().orElse(Kind.LWW);
      SessionState.Seen seen = state.cut.get(key);
      if (seen == null || seen.entry() == null) {
        calls.add(new Call(key, new Read.Get(Optional.of(kind)), CallOptions.DEFAULT));
        continue;
      }
      List<Value<?>> live = seen.entry().liveValues(seen.reply().clock().millis());
      try {
        if (!live.isEmpty()) {
          EntryReader.choose(live, Optional.of(kind), "key " + key);
        }
      } catch (Refusal refusal) {
        return new Step.Refuse(refusal.outcome().code(), refusal.outcome().message());
      }
    }
    return calls.isEmpty() ? write() : new Step.Ask(calls);
  }

  private static Part part(List<Payload> keys, List<SessionState.Buffered> waiting) {
    List<Mutation> mutations = new ArrayList<>();
    Set<Long> numbers = new HashSet<>();
    long ttlMillis = 0;
    for (SessionState.Buffered each : waiting) {
      if (replaces(each.mutation())) {
        // All have one timestamp, so the last must be the only one.
        mutations.removeIf(AtomicCommitTurn::replaces);
      }
      mutations.add(each.mutation());
      numbers.add(each.number());
      ttlMillis = each.options().ttl().map(Duration::toMillis).orElse(0L);
    }
    return new Part(new Mutation.Commit(keys, mutations), ttlMillis, numbers);
  }

  private static boolean replaces(Mutation mutation) {
    return mutation instanceof Mutation.Put || mutation instanceof Mutation.Delete;
  }

  /// Waits for as much as the most demanding write does. Without their tags: what is stamped by the
  /// commit needs none.
  private static CallOptions strongest(List<CallOptions> all) {
    Acknowledgement level = Acknowledgement.ONE;
    CallOptions strongest = CallOptions.DEFAULT;
    for (CallOptions each : all) {
      level = rank(each.acknowledgement()) > rank(level) ? each.acknowledgement() : level;
      if (each.timeout().isPresent()) {
        strongest = strongest.withTimeout(each.timeout().get());
      }
    }
    return strongest.withAcknowledgement(level);
  }

  private static int rank(Acknowledgement level) {
    return switch (level) {
      case ONE -> 0;
      case DEFAULT -> 1;
      case REPLICATED -> 2;
      case DURABLE -> 3;
    };
  }

  @Override
  public Step told(List<Answered> answers) {
    if (prepared) {
      return written(answers);
    }
    Optional<TrellisException> failure = Answered.firstFailure(answers);
    if (failure.isPresent()) {
      return new Step.Fail(failure.get()); // nobody can see anything of it
    }
    answers.forEach(answer -> state.observe(answer.done().clock()));
    return write();
  }

  private Step write() {
    prepared = true;
    boolean delta = state.has(Guarantee.READ_YOUR_WRITES);
    CallOptions asked =
        options.withStamp(stamp).withDemand(new Demand(HybridTimestamp.ZERO, false, delta));
    List<Call> calls = new ArrayList<>();
    parts.forEach(
        (key, part) ->
            calls.add(
                new Call(
                    key,
                    part.commit,
                    part.ttlMillis == 0
                        ? asked
                        : asked.withTtl(Duration.ofMillis(part.ttlMillis)))));
    return new Step.Ask(calls);
  }

  private Step written(List<Answered> answers) {
    int at = 0;
    int done = 0;
    for (Map.Entry<Payload, Part> part : parts.entrySet()) {
      Answered answer = answers.get(at++);
      Mutation.Commit commit = part.getValue().commit;
      boolean learned =
          WriteTurn.learn(state, part.getKey(), commit, options, Optional.of(stamp), answer);
      done += learned ? 1 : 0;
    }
    Optional<TrellisException> failure = Answered.firstFailure(answers);
    if (done == parts.size()) {
      parts.forEach((key, part) -> state.committed(key, part.numbers));
      state.endTransaction(transaction);
      return failure.isPresent()
          ? new Step.Fail(failure.get()) // all are kept, some by fewer than asked for
          : answer(Answered.leastReceipt(answers));
    }
    boolean again = failure.get() instanceof DefiniteException.ClockSkew;
    return again || (done == 0 && failure.get().isDefinite())
        ? new Step.Fail(failure.get())
        : new Step.Fail(
            TrellisException.of(
                ErrorCode.OUTCOME_UNKNOWN,
                "the commit was carried out for "
                    + done
                    + " of "
                    + parts.size()
                    + " keys, and sessions that read atomically see all of it; commit again for"
                    + " the others: "
                    + failure.get().getMessage()));
  }

  private Step answer(Receipt receipt) {
    return new Step.Answer(SessionState.replyAt(state.clock()).with(receipt));
  }
}
