package dev.trellis.access;

/// How much a principal may use, at each node; 0 stands for no limit.
///
/// @param operationsPerSecond requests, each of a batch counted
/// @param bytesPerSecond of keys and values that come in and go out
/// @param connections at a time, to all shards of a node together
/// @param bytesStored of entries whose keys start with a prefix that the principal may write
public record Allowance(
    long operationsPerSecond, long bytesPerSecond, long connections, long bytesStored) {
  public static final Allowance UNLIMITED = new Allowance(0, 0, 0, 0);

  /// Next to nothing.
  public static final Allowance LEAST = new Allowance(1, 1, 1, 1);

  public Allowance {
    requireLimit("operations a second", operationsPerSecond);
    requireLimit("bytes a second", bytesPerSecond);
    requireLimit("connections", connections);
    requireLimit("bytes stored", bytesStored);
  }

  private static void requireLimit(String what, long value) {
    if (value < 0) {
      throw new IllegalArgumentException(
          "the limit of " + what + " is " + value + ", but must be 0, for none, or more");
    }
  }
}
