package dev.trellis.monitor.simulation;

import dev.trellis.wire.NodeDescriptor.State;
import dev.trellis.wire.NodeDescriptor.Tier;

/// A node of the model.
final class ModelNode {
  final String id;
  final Tier tier;
  final double weight; // its share of the ring, 1 on average
  State state;
  long sinceMillis;
  boolean isDead; // and not yet known to be

  ModelNode(String id, Tier tier, double weight, State state, long sinceMillis) {
    this.id = id;
    this.tier = tier;
    this.weight = weight;
    this.state = state;
    this.sinceMillis = sinceMillis;
  }

  boolean isActive() {
    return state == State.ACTIVE;
  }

  /// Whether it holds its part of the data: those that leave do until they are gone.
  boolean isServing() {
    return state != State.JOINING && !isDead;
  }
}
