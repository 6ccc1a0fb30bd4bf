package dev.trellis.client.session;

import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.causal.Tag;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Receipt;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/// A commit that just sends what has waited, all with one timestamp. What of it is refused keeps
/// waiting, so that the commit can be repeated, or aborted. What is written while it is under way
/// waits for the next one.
///
/// Records whose dots follow each other, as those of an invocation's messages to one mailbox do,
/// are for a reader who goes by that: a later one must not be kept where an earlier one is not.
/// They go in one append, or where that would be too large, in several, one after the other for as
/// long as none fails.
final class CommitTurn implements Turn {
  /// The most that is put into one append. Far below what a value and a frame may have, and large
  /// enough that few commits take a second round.
  private static final int APPEND_BYTES_MAX = 256 << 10;

  /// A mutation to send.
  private static final class Write {
    final Payload key;
    final List<SessionState.Buffered> parts; // that it is put together from
    final Mutation mutation;
    final HybridTimestamp stamp;
    @Nullable Write follower; // that may be sent once this is kept

    Write(Payload key, List<SessionState.Buffered> parts, HybridTimestamp stamp) {
      this.key = key;
      this.parts = parts;
      this.mutation = joined(parts);
      this.stamp = stamp;
    }

    CallOptions options() {
      return parts.get(0).options();
    }

    Set<Long> numbers() {
      return parts.stream().map(SessionState.Buffered::number).collect(Collectors.toSet());
    }
  }

  private final SessionState state;
  private final Supplier<HybridTimestamp> stamps;
  private final List<Answered> kept = new ArrayList<>(); // of what need not be sent again
  private final List<Answered> refused = new ArrayList<>(); // of what has to
  private final long transaction; // that it ends
  private final long before; // what is numbered so or higher was written since, and is not sent
  private List<Write> asked = List.of(); // in this round

  CommitTurn(SessionState state, Supplier<HybridTimestamp> stamps) {
    this.state = state;
    this.stamps = stamps;
    this.transaction = state.transactions();
    this.before = state.nextNumber();
  }

  @Override
  public Step begin() {
    refused.clear();
    Map<Payload, List<SessionState.Buffered>> all = state.waiting(before);
    if (all.isEmpty()) {
      state.endTransaction(transaction);
      return answer(Receipt.NONE);
    }
    HybridTimestamp stamp = stamps.get();
    List<Write> first = new ArrayList<>();
    all.forEach((key, waiting) -> first.addAll(writes(key, waiting, stamp)));
    return ask(first);
  }

  /// The mutations that can be sent at once, each with what must follow it.
  private List<Write> writes(
      Payload key, List<SessionState.Buffered> waiting, HybridTimestamp stamp) {
    List<Write> first = new ArrayList<>(waiting.size());
    // Several writes to one key come one after the other.
    HybridTimestamp own = stamp;
    @Nullable Write former = null;
    int from = 0;
    while (from < waiting.size()) {
      int to = endOfAppend(waiting, from);
      Write write = new Write(key, List.copyOf(waiting.subList(from, to)), own);
      state.observe(own);
      own = own.next();
      if (former != null && follows(waiting.get(from - 1), waiting.get(from))) {
        former.follower = write;
      } else {
        first.add(write);
      }
      former = write;
      from = to;
    }
    return first;
  }

  /// Where the appends end that can be one with that at `from`.
  private static int endOfAppend(List<SessionState.Buffered> waiting, int from) {
    SessionState.Buffered first = waiting.get(from);
    long bytes = weight(first.mutation());
    int to = from + 1;
    while (to < waiting.size()
        && follows(waiting.get(to - 1), waiting.get(to))
        && waiting.get(to).options().equals(first.options())
        && boundsEqual(first.mutation(), waiting.get(to).mutation())) {
      bytes += weight(waiting.get(to).mutation());
      if (bytes > APPEND_BYTES_MAX) {
        break;
      }
      to++;
    }
    return to;
  }

  /// Whether both append under names of one invocation, those of the latter right after the former.
  private static boolean follows(SessionState.Buffered former, SessionState.Buffered latter) {
    @Nullable Dot before = dotOf(former, true);
    @Nullable Dot after = dotOf(latter, false);
    return before != null
        && after != null
        && before.replica().equals(after.replica())
        && before.counter() + 1 == after.counter();
  }

  /// The name of the last record, or the first, that a tagged append brings; null if it is none.
  private static @Nullable Dot dotOf(SessionState.Buffered buffered, boolean last) {
    @Nullable Tag tag = buffered.options().tag().orElse(null);
    if (tag == null || !(buffered.mutation() instanceof Mutation.Append append)) {
      return null;
    }
    int position = append.position() + (last ? append.records().size() - 1 : 0);
    return position < Tag.POSITIONS_MAX ? tag.dot(position) : null; // which the shard refuses
  }

  private static boolean boundsEqual(Mutation one, Mutation other) {
    return one instanceof Mutation.Append first
        && other instanceof Mutation.Append second
        && first.recordsMax() == second.recordsMax()
        && first.bytesMax() == second.bytesMax();
  }

  private static long weight(Mutation mutation) {
    return mutation instanceof Mutation.Append append
        ? append.records().stream().mapToLong(Payload::size).sum()
        : 0;
  }

  private static Mutation joined(List<SessionState.Buffered> parts) {
    Mutation first = parts.get(0).mutation();
    if (parts.size() == 1 || !(first instanceof Mutation.Append append)) {
      return first;
    }
    List<Payload> records = new ArrayList<>();
    for (SessionState.Buffered part : parts) {
      records.addAll(((Mutation.Append) part.mutation()).records());
    }
    return new Mutation.Append(records, append.position(), append.recordsMax(), append.bytesMax());
  }

  private Step ask(List<Write> writes) {
    asked = writes;
    List<Call> calls = new ArrayList<>(writes.size());
    for (Write write : writes) {
      calls.add(
          WriteTurn.call(
              state, write.key, write.mutation, write.options(), Optional.of(write.stamp)));
    }
    return new Step.Ask(calls);
  }

  @Override
  public Step told(List<Answered> answers) {
    List<Write> next = new ArrayList<>();
    for (int i = 0; i < asked.size(); i++) {
      Write write = asked.get(i);
      Answered answer = answers.get(i);
      boolean done =
          WriteTurn.learn(
              state, write.key, write.mutation, write.options(), Optional.of(write.stamp), answer);
      (done ? kept : refused).add(answer);
      if (done) {
        state.committed(write.key, write.numbers());
        @Nullable Write follower = write.follower;
        if (follower != null && isWaiting(follower)) {
          next.add(follower);
        }
      }
    }
    if (!next.isEmpty()) {
      return ask(next);
    }
    // What may have happened goes first: a refusal of the stamp alone would be tried again, and all
    // with it.
    Optional<TrellisException> failure =
        Answered.firstFailure(refused.stream().filter(Answered::mayHaveHappened).toList())
            .or(() -> Answered.firstFailure(refused))
            .or(() -> Answered.firstFailure(kept));
    if (!refused.isEmpty()) {
      return new Step.Fail(failure.get());
    }
    state.endTransaction(transaction);
    return failure.isPresent()
        ? new Step.Fail(failure.get()) // all are kept, some by fewer than asked for
        : answer(Answered.leastReceipt(kept));
  }

  /// Whether nobody has aborted the commit meanwhile, or done the same.
  private boolean isWaiting(Write write) {
    Set<Long> numbers = write.numbers();
    return state.buffered.getOrDefault(write.key, List.of()).stream()
        .anyMatch(waiting -> numbers.contains(waiting.number()));
  }

  private Step answer(Receipt receipt) {
    return new Step.Answer(SessionState.replyAt(state.clock()).with(receipt));
  }
}
