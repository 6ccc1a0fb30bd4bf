package dev.trellis.simulation;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.Mutation;

/// One mutation that a client made, and what it knows of its end.
///
/// @param client who made it; a client's steps follow each other
/// @param invokedMillis true time at which it was first sent
/// @param ttlMillis 0 for none
record Step(
    int client, Payload key, Mutation mutation, long ttlMillis, long invokedMillis, Ending ending) {
  enum Ending {
    /// Acknowledged.
    OK,
    /// Refused for good: it did not happen and never will.
    FAILED,
    /// Nobody knows.
    UNKNOWN
  }
}
