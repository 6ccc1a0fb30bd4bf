package dev.trellis.client.session;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Entry;
import org.jspecify.annotations.Nullable;

/// What a session remembers of a key that it wrote or read.
///
/// @param entry what is merged into what is read; null where that was too much to keep
/// @param at all of it was first written by then: a replica that has everything up to then has it
record Held(@Nullable Entry entry, HybridTimestamp at) {
  private static final int FIXED_BYTES = 24;

  /// What it takes in a token, about.
  long weight() {
    return FIXED_BYTES + (entry == null ? 0 : entry.weight());
  }

  /// The same and more.
  Held with(@Nullable Entry more, HybridTimestamp by) {
    Entry merged = entry == null || more == null ? null : entry.merge(more);
    return new Held(merged, at.max(by));
  }

  /// The same, and nothing that would have to be merged into what is read.
  Held by(HybridTimestamp later) {
    return new Held(entry, at.max(later));
  }

  /// Just the time.
  Held coarse() {
    return new Held(null, at);
  }
}
