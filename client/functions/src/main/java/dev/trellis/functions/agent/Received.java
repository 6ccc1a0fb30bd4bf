package dev.trellis.functions.agent;

import dev.trellis.causal.Dot;
import dev.trellis.lattice.Payload;

/// A message as it is in a mailbox.
///
/// @param dot by which it is told from all others
/// @param sentMillis when it was first put there, in milliseconds since the epoch
record Received(Dot dot, long sentMillis, Payload body) {}
