package dev.trellis.client;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.Reply;

/// What a threshold read has found.
///
/// @param generation the life of the key in which it was reached. It stays reached in that, at
///   every replica; a delete or an expiry ends it, and what comes then counts anew
/// @param value what was seen: a number, the elements waited for, or true
public record Reached<T>(HybridTimestamp generation, T value) {
  static Reached<Long> number(Reply reply) {
    return new Reached<>(reply.generation(), CounterHandle.whole(reply));
  }

  static Reached<Boolean> truth(Reply reply) {
    return new Reached<>(reply.generation(), FlagHandle.truth(reply));
  }
}
