package dev.trellis.client;

import dev.trellis.causal.HybridTimestamp;

/// What a shard has last confirmed to a connection on which it tells the states of keys: that all
/// it had to tell was told. Immutable.
///
/// The shard said so after it was asked, so whoever has been told the states had, when the asking
/// was sent, all that the shard had then. By when the asking was sent, and not by when the answer
/// came, is counted how old that is: a slow network makes copies look older than they are, never
/// newer.
///
/// @param live whether the connection still stands and tells more; else this is the last that is
///   known
/// @param sentNanos when the shard was asked, of [System#nanoTime]; means nothing in [#NONE]
/// @param sentMillis the same of the machine's clock: one that was stopped may have stopped its
///   nanoseconds too
/// @param clock of the shard when it answered
/// @param asOf all that was first written to the key up to then, wherever that was, had been told;
///   zero where the shard does not know
public record Confirmation(
    boolean live, long sentNanos, long sentMillis, HybridTimestamp clock, HybridTimestamp asOf) {
  /// Nothing was confirmed.
  public static final Confirmation NONE =
      new Confirmation(false, 0, 0, HybridTimestamp.ZERO, HybridTimestamp.ZERO);

  /// The same once nothing more is told.
  Confirmation ended() {
    return live ? new Confirmation(false, sentNanos, sentMillis, clock, asOf) : this;
  }

  /// The same of a key of which the shard does not know how new it is.
  Confirmation withoutAsOf() {
    return new Confirmation(live, sentNanos, sentMillis, clock, HybridTimestamp.ZERO);
  }
}
