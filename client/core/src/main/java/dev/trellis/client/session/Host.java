package dev.trellis.client.session;

import dev.trellis.causal.HybridTimestamp;

/// As whom, and by which clock, a session writes: a client. Safe for any thread.
public interface Host {
  /// Under which it writes; random, one per client.
  long clientId();

  /// A stamp later than all that it has given or seen, and than another time.
  HybridTimestamp stampAfter(HybridTimestamp seen);

  /// By what session tokens are known as its own.
  TokenSeal tokenSeal();
}
