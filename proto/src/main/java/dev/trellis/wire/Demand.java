package dev.trellis.wire;

import dev.trellis.causal.HybridTimestamp;

/// What a request asks for beyond its operation.
///
/// @param notBefore all that was first written to the key up to then, wherever that was, must be in
///   what the operation finds; zero for whatever the replica has. Where one replica does not have
///   it, it asks the others; where one of those is silent, the answer is `SESSION_UNAVAILABLE`
/// @param receipt whether to tell [Receipt#asOf] and [Receipt#served]
/// @param delta whether to tell [Reply#delta]
public record Demand(HybridTimestamp notBefore, boolean receipt, boolean delta) {
  public static final Demand NONE = new Demand(HybridTimestamp.ZERO, false, false);
}
