package dev.trellis.client.session;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.TrellisException;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Kind;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Read;
import dev.trellis.wire.Reply;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// A threshold read of a session. What the session knows may have reached it already; else a
/// replica is asked, whichever, since what is reached there is true. What it saw counts as read.
///
/// In an item cut, a key that was read reads the same until the commit, so it is not waited for;
/// and one that is waited for is read when it has got there.
final class AwaitTurn implements Turn {
  private final SessionState state;
  private final Payload key;
  private final Read.Await await;
  private final CallOptions options;
  private final Supplier<HybridTimestamp> stamps;
  private @Nullable ReadTurn cut; // the read after the wait, where there is a cut

  /// @param stamps each later than all that the session has seen
  AwaitTurn(
      SessionState state,
      Payload key,
      Read.Await await,
      CallOptions options,
      Supplier<HybridTimestamp> stamps) {
    this.state = state;
    this.key = key;
    this.await = await;
    this.options = options;
    this.stamps = stamps;
  }

  private ReadTurn read() {
    return new ReadTurn(state, key, await, options, stamps);
  }

  @Override
  public Step begin() {
    if (state.has(Guarantee.READ_ATOMIC)) {
      return new Step.Refuse(
          ErrorCode.BAD_REQUEST,
          "await "
              + await.threshold().describe()
              + " of "
              + key
              + ": a read-atomic session reads what was committed when it began, and waits for"
              + " nothing; wait before, with the client or another session");
    }
    if (state.cut.containsKey(key) || state.hasForgottenCut()) {
      return read().begin();
    }
    Held held = state.held(key).orElse(null);
    Entry known = held == null || held.entry() == null ? Entry.BOTTOM : held.entry();
    Step shown = read().show(known, SessionState.replyAt(stamps.get()));
    if (shown instanceof Step.Answer) {
      return state.has(Guarantee.ITEM_CUT) ? readInCut(HybridTimestamp.ZERO) : shown;
    }
    Demand demand = options.demand();
    boolean remembers = state.has(Guarantee.MONOTONIC_READS);
    return new Step.Ask(
        new Call(
            key,
            await,
            options.withDemand(
                new Demand(demand.notBefore(), demand.receipt(), demand.delta() || remembers))));
  }

  /// @param notBefore all that was first written by then must be in it
  private Step readInCut(HybridTimestamp notBefore) {
    cut = new ReadTurn(state, key, await, ReadTurn.demanding(options, notBefore), stamps);
    return cut.begin();
  }

  @Override
  public Step told(List<Answered> answers) {
    if (cut != null) {
      return cut.told(answers);
    }
    Optional<TrellisException> failure = Answered.firstFailure(answers);
    if (failure.isPresent()) {
      return new Step.Fail(failure.get());
    }
    Reply told = answers.get(0).done();
    state.observe(told.clock());
    if (state.has(Guarantee.MONOTONIC_READS)) {
      // What a causal value depends on is looked for when it is read.
      Optional<Entry> shown =
          told.delta()
              .filter(
                  entry -> !state.has(Guarantee.CAUSAL) || entry.value(Kind.MULTICAUSAL).isEmpty());
      state.remember(key, shown.orElse(null), told.clock());
      if (state.has(Guarantee.CAUSAL) && shown.isEmpty()) {
        state.raiseHorizon(told.clock());
      }
    } else if (state.has(Guarantee.WRITES_FOLLOW_READS)) {
      state.note(key, told.clock());
    }
    return state.has(Guarantee.ITEM_CUT) ? readInCut(told.clock()) : new Step.Answer(told);
  }
}
