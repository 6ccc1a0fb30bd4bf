package dev.trellis.simulation;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;

/// One mutation that a client made, and what it knows of its end.
///
/// @param client who made it; a client's steps follow each other
/// @param ttlMillis 0 for none
/// @param stamp the last that it was sent with
/// @param ending what is known of it
/// @param replicated whether it was acknowledged by as many nodes as survive the tolerated faults
/// @param promised whether it asked for that, and not for one copy that happened to be enough: so
///   it is kept by as many as survive what is to be survived later, too
/// @param changed what the reply says of it; 0 unless it ended well, [#CHANGED_UNKNOWN] if the
///   first reply was lost
/// @param generation of the key when it was acknowledged; zero unless it ended well
record Step(
    int client,
    Payload key,
    Mutation mutation,
    long ttlMillis,
    HybridTimestamp stamp,
    Ending ending,
    boolean replicated,
    boolean promised,
    long changed,
    HybridTimestamp generation) {
  static final long CHANGED_UNKNOWN = -1;

  enum Ending {
    /// Acknowledged.
    OK,
    /// Refused for good: it did not happen and never will.
    FAILED,
    /// Nobody knows.
    UNKNOWN
  }
}
