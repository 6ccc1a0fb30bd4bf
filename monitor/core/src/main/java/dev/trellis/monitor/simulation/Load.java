package dev.trellis.monitor.simulation;

import java.util.List;

/// What clients do at one moment.
///
/// @param clients how many there are; each asks, waits for the answer, pauses and asks again
/// @param zipf by which power of its rank a key is asked for less often: 0 is all alike
/// @param weights which share of the requests goes to each part of the keys
/// @param growth how many times as large values are as at first
record Load(double clients, double zipf, List<Double> weights, double growth) {
  Load {
    weights = List.copyOf(weights);
  }

  static Load of(double clients, double zipf) {
    return new Load(clients, zipf, List.of(1.0), 1);
  }

  Load times(double factor) {
    return new Load(clients * factor, zipf, weights, growth);
  }

  /// The course of a load over time.
  @FunctionalInterface
  interface Course {
    Load at(double second, ModelConfig config);
  }
}
