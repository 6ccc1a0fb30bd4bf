package dev.trellis.bench.peers;

import dev.trellis.client.Trellis;

/// A program that starts, gets one value, says so and ends: how long a function that starts cold
/// must wait for its first answer.
public final class FirstGet {
  private FirstGet() {}

  /// Prints `answered` when the value is there.
  ///
  /// @param arguments address and key
  public static void main(String[] arguments) {
    try (Trellis trellis = Trellis.connect(arguments[0])) {
      var _ = trellis.register(arguments[1]).get();
      System.out.println("answered");
      System.out.flush();
    }
  }
}
