package dev.trellis.casestudy;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.client.Handles;
import dev.trellis.lattice.Payload;
import java.util.Optional;

/// How one function, in one run of it, gets at the store. For one thread.
interface Access {
  /// The values.
  Handles handles();

  /// What the next function of the transaction must be given, so that what is promised holds there
  /// too; empty for nothing.
  Payload token();

  /// Ends the transaction, in its last function: what it has written is for all to see from then
  /// on.
  ///
  /// @return the timestamp of all that it has written; empty for that of each write
  Optional<HybridTimestamp> commit();
}
