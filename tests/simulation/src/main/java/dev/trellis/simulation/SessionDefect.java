package dev.trellis.simulation;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.CallOptions;
import dev.trellis.client.session.SessionToken;
import dev.trellis.lattice.Payload;
import dev.trellis.node.shard.Sabotage;
import dev.trellis.wire.Mutation;
import dev.trellis.wire.Operation;
import dev.trellis.wire.Read;
import dev.trellis.wire.ReadMode;
import dev.trellis.wire.SessionImage;
import dev.trellis.wire.WireException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/// A bug put into sessions on purpose, to show that the checks would see it.
public enum SessionDefect {
  NONE,
  /// The token carries nothing of what the session wrote and read.
  TOKEN_FORGETS_ALL(
      SessionLevel.READ_YOUR_WRITES,
      SessionLevel.MONOTONIC_READS,
      SessionLevel.MONOTONIC_WRITES,
      SessionLevel.WRITES_FOLLOW_READS,
      SessionLevel.PRAM,
      SessionLevel.SESSION,
      SessionLevel.READ_ATOMIC_SESSION,
      SessionLevel.CAUSAL),
  /// The token carries no times, so that what did not fit into it is forgotten.
  TOKEN_FORGETS_WHAT_DID_NOT_FIT(SessionLevel.READ_YOUR_WRITES),
  /// The token carries nothing of what was read since the last commit.
  TOKEN_FORGETS_THE_CUT(SessionLevel.ITEM_CUT, SessionLevel.READ_ATOMIC),
  /// The token carries no write that waits for the commit.
  TOKEN_FORGETS_WHAT_WAITS(SessionLevel.READ_ATOMIC_SESSION),
  /// The token carries no guarantee but those of single reads and writes.
  TOKEN_FORGETS_TO_WAIT(SessionLevel.READ_COMMITTED),
  /// An abort is a commit.
  ABORTS_COMMIT(SessionLevel.READ_COMMITTED, SessionLevel.READ_ATOMIC),
  /// Stamps follow the client's own clock, whatever the session has seen.
  STAMPS_OF_THE_CLIENT_ALONE(SessionLevel.MONOTONIC_WRITES, SessionLevel.WRITES_FOLLOW_READS),
  /// A replica answers with what it has, however new that is demanded to be.
  DEMANDS_IGNORED(
      SessionLevel.READ_YOUR_WRITES, SessionLevel.MONOTONIC_READS, SessionLevel.MONOTONIC_WRITES),
  /// A commit names in each key that key alone.
  COMMITS_TELL_NO_OTHER_KEYS(SessionLevel.READ_ATOMIC),
  /// A causal value is stored without what it depends on.
  CAUSES_LEFT_OUT(SessionLevel.CAUSAL),
  /// What one replica knows nothing of counts as what none knows anything of.
  CAUSES_OVER_BY_ONE_REPLICAS_WORD(SessionLevel.CAUSAL);

  private static final int HEAD_BYTES = 2;

  /// Bits of a token for the guarantees that come with commits.
  private static final int OF_COMMITS = 0b0111_0000;

  @SuppressWarnings("ImmutableEnumChecker") // nobody changes it
  private final Set<SessionLevel> levels;

  SessionDefect(SessionLevel... levels) {
    this.levels = EnumSet.noneOf(SessionLevel.class);
    this.levels.addAll(Arrays.asList(levels));
  }

  /// The levels whose checks must see it.
  Set<SessionLevel> levels() {
    return EnumSet.copyOf(levels);
  }

  /// What the shards do wrong.
  Set<Sabotage> sabotage() {
    return this == DEMANDS_IGNORED ? Set.of(Sabotage.DEMANDS_IGNORED) : Set.of();
  }

  /// What becomes of an operation of a session on its way.
  Operation changed(Payload key, Operation operation) {
    return switch (operation) {
      case Mutation.Commit commit when this == COMMITS_TELL_NO_OTHER_KEYS ->
          new Mutation.Commit(List.of(key), commit.mutations());
      case Mutation.PutMultiCausal put when this == CAUSES_LEFT_OUT ->
          new Mutation.PutMultiCausal(put.value(), put.context(), Map.of());
      default -> operation;
    };
  }

  /// What becomes of what an operation of a session asks for beside.
  CallOptions changed(Operation operation, CallOptions options) {
    return this == CAUSES_OVER_BY_ONE_REPLICAS_WORD && operation instanceof Read.State
        ? options.withReadMode(ReadMode.ANY)
        : options;
  }

  /// What becomes of a token on its way.
  SessionToken changed(SessionToken token) {
    byte[] bytes = token.bytes();
    SessionImage image;
    try {
      image =
          SessionImage.decode(
              ByteBuffer.wrap(bytes, HEAD_BYTES, bytes.length - HEAD_BYTES).slice());
    } catch (WireException e) {
      throw new IllegalStateException("a token that its session gave", e);
    }
    SessionImage changed =
        switch (this) {
          case TOKEN_FORGETS_ALL ->
              new SessionImage(
                  image.id(),
                  image.guarantees(),
                  HybridTimestamp.ZERO,
                  HybridTimestamp.ZERO,
                  List.of(),
                  image.seen(),
                  image.writeSets(),
                  image.waiting(),
                  Map.of(),
                  HybridTimestamp.ZERO,
                  image.begun(),
                  image.coarse(),
                  image.seenForgotten());
          case TOKEN_FORGETS_WHAT_DID_NOT_FIT ->
              new SessionImage(
                  image.id(),
                  image.guarantees(),
                  image.clock(),
                  HybridTimestamp.ZERO,
                  image.remembered().stream().filter(one -> one.entry().isPresent()).toList(),
                  image.seen(),
                  image.writeSets(),
                  image.waiting(),
                  image.past(),
                  image.horizon(),
                  image.begun(),
                  image.coarse(),
                  image.seenForgotten());
          case TOKEN_FORGETS_THE_CUT ->
              new SessionImage(
                  image.id(),
                  image.guarantees(),
                  image.clock(),
                  image.floor(),
                  image.remembered(),
                  List.of(),
                  image.writeSets(),
                  image.waiting(),
                  image.past(),
                  image.horizon(),
                  image.begun(),
                  image.coarse(),
                  false);
          case TOKEN_FORGETS_WHAT_WAITS ->
              new SessionImage(
                  image.id(),
                  image.guarantees(),
                  image.clock(),
                  image.floor(),
                  image.remembered(),
                  image.seen(),
                  image.writeSets(),
                  List.of(),
                  image.past(),
                  image.horizon(),
                  image.begun(),
                  image.coarse(),
                  image.seenForgotten());
          case TOKEN_FORGETS_TO_WAIT ->
              new SessionImage(
                  image.id(),
                  image.guarantees() & ~OF_COMMITS,
                  image.clock(),
                  image.floor(),
                  image.remembered(),
                  image.seen(),
                  image.writeSets(),
                  image.waiting(),
                  image.past(),
                  image.horizon(),
                  image.begun(),
                  image.coarse(),
                  image.seenForgotten());
          default -> image;
        };
    byte[] content = changed.encode();
    return SessionToken.ofBytes(
        ByteBuffer.allocate(HEAD_BYTES + content.length)
            .put(bytes, 0, HEAD_BYTES)
            .put(content)
            .array());
  }
}
