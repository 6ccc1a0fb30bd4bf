package dev.trellis.client.session;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Call;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Receipt;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;

/// A commit that just sends what has waited, all with one timestamp. What of it is refused keeps
/// waiting, so that the commit can be repeated, or aborted.
final class CommitTurn implements Turn {
  private record Write(Payload key, SessionState.Buffered buffered, HybridTimestamp stamp) {}

  private final SessionState state;
  private final Supplier<HybridTimestamp> stamps;
  private final List<Write> writes = new ArrayList<>();

  CommitTurn(SessionState state, Supplier<HybridTimestamp> stamps) {
    this.state = state;
    this.stamps = stamps;
  }

  @Override
  public Step begin() {
    writes.clear();
    if (state.buffered.isEmpty()) {
      state.endTransaction();
      return answer(Receipt.NONE);
    }
    HybridTimestamp stamp = stamps.get();
    state.buffered.forEach(
        (key, waiting) -> {
          // Several writes to one key come one after the other.
          HybridTimestamp own = stamp;
          for (SessionState.Buffered each : waiting) {
            writes.add(new Write(key, each, own));
            state.observe(own);
            own = own.next();
          }
        });
    List<Call> calls = new ArrayList<>(writes.size());
    for (Write write : writes) {
      calls.add(
          WriteTurn.call(
              state,
              write.key,
              write.buffered.mutation(),
              write.buffered.options(),
              Optional.of(write.stamp)));
    }
    return new Step.Ask(calls);
  }

  @Override
  public Step told(List<Answered> answers) {
    for (int i = 0; i < writes.size(); i++) {
      Write write = writes.get(i);
      Answered answer = answers.get(i);
      boolean done =
          WriteTurn.learn(
              state,
              write.key,
              write.buffered.mutation(),
              write.buffered.options(),
              Optional.of(write.stamp),
              answer);
      if (done) {
        remove(write);
      }
    }
    Optional<TrellisException> failure = Answered.firstFailure(answers);
    if (failure.isPresent() && !state.buffered.isEmpty()) {
      return new Step.Fail(failure.get());
    }
    state.endTransaction();
    return failure.isPresent()
        ? new Step.Fail(failure.get()) // all are kept, some by fewer than asked for
        : answer(Answered.leastReceipt(answers));
  }

  private void remove(Write write) {
    List<SessionState.Buffered> waiting = state.buffered.getOrDefault(write.key, List.of());
    waiting.removeIf(each -> each == write.buffered);
    if (waiting.isEmpty()) {
      state.buffered.remove(write.key);
    }
  }

  private Step answer(Receipt receipt) {
    return new Step.Answer(SessionState.replyAt(state.clock()).with(receipt));
  }
}
