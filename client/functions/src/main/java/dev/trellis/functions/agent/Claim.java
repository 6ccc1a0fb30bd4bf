package dev.trellis.functions.agent;

import dev.trellis.lattice.Payload;
import dev.trellis.wire.View;

/// What a host writes under an agent's claim key before it looks at the agent's entry.
///
/// @param revision rises with each change of the same claim, from 1
/// @param released whether the host has given the agent up; then any host may claim the next epoch
record Claim(Ownership owner, long revision, boolean released) {
  Payload value() {
    Bytes.Out out = new Bytes.Out();
    out.host(owner.host());
    out.number(~revision); // the lowest bytes stay, so that the latest revision does
    out.flag(released);
    return out.payload();
  }

  double priority() {
    return owner.priority();
  }

  /// @throws IllegalArgumentException if it is no claim
  static Claim of(View.Prioritized stored) {
    Bytes.In in = new Bytes.In(stored.value());
    Ownership owner = Ownership.of(stored.priority(), in.host());
    return new Claim(owner, ~in.number(), in.flag());
  }

  /// The same, given up.
  Claim release() {
    return new Claim(owner, revision + 1, true);
  }

  /// Which of the two the store keeps.
  static Claim kept(Claim a, Claim b) {
    int order = a.owner.compareTo(b.owner);
    return (order != 0 ? order : Long.compare(a.revision, b.revision)) >= 0 ? a : b;
  }
}
