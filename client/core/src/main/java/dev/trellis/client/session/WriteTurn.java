package dev.trellis.client.session;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Call;
import dev.trellis.client.CallOptions;
import dev.trellis.client.IndefiniteException;
import dev.trellis.lattice.Entry;
import dev.trellis.lattice.Expiry;
import dev.trellis.lattice.LwwRegister;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Demand;
import dev.trellis.wire.ErrorCode;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Reply;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/// A mutation of a session: is carried out, and remembered as the delta that it was merged as; or
/// waits for the commit.
final class WriteTurn implements Turn {
  private final SessionState state;
  private final Payload key;
  private final Mutation mutation;
  private final CallOptions options;
  private final Supplier<HybridTimestamp> stamps;
  private @Nullable HybridTimestamp stamp; // of a put, which names the version

  /// @param stamps each later than all that the session has seen
  WriteTurn(
      SessionState state,
      Payload key,
      Mutation mutation,
      CallOptions options,
      Supplier<HybridTimestamp> stamps) {
    this.state = state;
    this.key = key;
    this.mutation = mutation;
    this.options = options;
    this.stamps = stamps;
  }

  @Override
  public Step begin() {
    if (mutation instanceof Mutation.Place || mutation instanceof Mutation.Merge) {
      return new Step.Ask(new Call(key, mutation, options)); // about no value of the session's
    }
    if (state.has(Guarantee.READ_ATOMIC) && !Mutation.isSelfStamped(mutation)) {
      return new Step.Refuse(
          ErrorCode.BAD_REQUEST,
          "key "
              + key
              + ": a session of read-atomic writes lww, max, min, flag, gset, oset, sortedset and"
              + " priority only; what else is written is named by the shard that carries it out, or"
              + " goes by what that finds, so nobody could read all or nothing of it");
    }
    if (state.isBuffering()) {
      state.buffer(key, mutation, options);
      return new Step.Answer(SessionState.replyAt(state.clock()));
    }
    stamp = mutation instanceof Mutation.Put ? options.stamp().orElseGet(stamps) : null;
    return new Step.Ask(call(state, key, mutation, options, Optional.ofNullable(stamp)));
  }

  /// The call that carries out a mutation now.
  static Call call(
      SessionState state,
      Payload key,
      Mutation mutation,
      CallOptions options,
      Optional<HybridTimestamp> stamp) {
    boolean ordered =
        state.has(Guarantee.MONOTONIC_WRITES) || state.has(Guarantee.WRITES_FOLLOW_READS);
    HybridTimestamp notBefore =
        ordered && goesByWhatIsThere(mutation) ? state.writtenBy(key) : HybridTimestamp.ZERO;
    boolean delta = state.has(Guarantee.READ_YOUR_WRITES) && !(mutation instanceof Mutation.Put);
    Demand demand = options.demand();
    CallOptions asked =
        options.withDemand(
            new Demand(
                demand.notBefore().max(notBefore), demand.receipt(), demand.delta() || delta));
    return new Call(
        key,
        withDependencies(state, key, mutation),
        stamp.isPresent() ? asked.withStamp(stamp.get()) : asked);
  }

  /// Whether what it does depends on what the replica has, so that a replica that lacks something
  /// would do too little.
  private static boolean goesByWhatIsThere(Mutation mutation) {
    return switch (mutation) {
      case Mutation.Remove remove -> true;
      case Mutation.RemoveMembers remove -> true;
      case Mutation.Trim trim -> true;
      case Mutation.Delete delete -> true;
      case Mutation.Expire expire -> true;
      case Mutation.UpdateField update -> goesByWhatIsThere(update.mutation());
      default -> false;
    };
  }

  /// A causal put depends on what the session goes by: what it has read and written, and all that
  /// this depends on.
  private static Mutation withDependencies(SessionState state, Payload key, Mutation mutation) {
    if (!state.has(Guarantee.CAUSAL) || !(mutation instanceof Mutation.PutMultiCausal put)) {
      return mutation;
    }
    Map<Payload, CausalContext> dependencies = new LinkedHashMap<>(put.dependencies());
    state
        .past()
        .forEach((cause, version) -> dependencies.merge(cause, version, CausalContext::merge));
    dependencies.remove(key);
    return new Mutation.PutMultiCausal(
        put.value(), put.context(), dependencies, put.horizon().max(state.horizon()));
  }

  @Override
  public Step told(List<Answered> answers) {
    Answered answer = answers.get(0);
    boolean ours = !(mutation instanceof Mutation.Place) && !(mutation instanceof Mutation.Merge);
    if (ours) {
      learn(state, key, mutation, options, Optional.ofNullable(stamp), answer);
    }
    return answer.failure() == null
        ? new Step.Answer(answer.done())
        : new Step.Fail(answer.failure());
  }

  /// Remembers a mutation that was carried out, or is kept by fewer replicas than asked for.
  ///
  /// @return whether it was
  static boolean learn(
      SessionState state,
      Payload key,
      Mutation mutation,
      CallOptions options,
      Optional<HybridTimestamp> stamp,
      Answered answer) {
    Reply reply = answer.reply();
    if (answer.failure() instanceof IndefiniteException.NotEnoughReplicas kept && kept.isKept()) {
      reply = kept.reply().orElse(null);
    }
    if (reply == null) {
      return false;
    }
    state.observe(reply.clock());
    Entry delta = deltaOf(state, mutation, options, stamp, reply);
    state.wroteInCut(key, delta);
    if (state.has(Guarantee.READ_YOUR_WRITES)) {
      state.remember(key, delta, reply.clock());
    } else if (state.has(Guarantee.MONOTONIC_WRITES)) {
      state.note(key, reply.clock());
    }
    if (state.has(Guarantee.CAUSAL) && mutation instanceof Mutation.PutMultiCausal put) {
      HybridTimestamp at = reply.clock();
      put.dependencies().forEach((cause, version) -> state.dependOn(cause, version, at));
      state.raiseHorizon(put.horizon());
      state.dependOn(key, reply.dots(), reply.clock());
    }
    return true;
  }

  /// What it was merged as; null if that is not known, as of a mutation that changed nothing, whose
  /// effect others may not have yet.
  private static @Nullable Entry deltaOf(
      SessionState state,
      Mutation mutation,
      CallOptions options,
      Optional<HybridTimestamp> stamp,
      Reply reply) {
    if (mutation instanceof Mutation.Put put && stamp.isPresent()) {
      long expiresAtMillis =
          options
              .ttl()
              .map(Duration::toMillis)
              .map(ttl -> stamp.get().millis() + ttl)
              .orElse(Expiry.NEVER);
      return Entry.of(
          reply.generation(),
          LwwRegister.of(stamp.get(), state.writer, expiresAtMillis, put.value()));
    }
    return reply.delta().orElse(null);
  }
}
