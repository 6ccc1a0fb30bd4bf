package dev.trellis.casestudy;

import dev.trellis.lattice.Payload;

/// A machine on which functions run, with a client of its own.
interface Host {
  /// Begins a transaction, or goes on with one.
  ///
  /// @param token of the function before; empty for the first one
  Access open(Payload token);
}
