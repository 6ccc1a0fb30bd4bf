package dev.trellis.monitor.policy;

import java.util.LinkedHashMap;
import java.util.Map;

/// Collects an [Explanation] while a decision is reached.
final class Reasons {
  private final String policy;
  private final Map<String, Double> inputs = new LinkedHashMap<>();
  private final Map<String, Double> expected = new LinkedHashMap<>();
  private String threshold = "";

  Reasons(String policy) {
    this.policy = policy;
  }

  Reasons input(String name, double value) {
    inputs.put(name, value);
    return this;
  }

  Reasons threshold(String setting, double value) {
    threshold = setting + " = " + Numbers.text(value);
    return this;
  }

  Reasons expect(String name, double value) {
    expected.put(name, value);
    return this;
  }

  Explanation because(String sentence) {
    return new Explanation(policy, sentence, inputs, threshold, expected);
  }
}
