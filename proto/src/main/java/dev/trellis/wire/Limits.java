package dev.trellis.wire;

/// Sizes that a node accepts. Checked before memory is taken; configurable downwards.
///
/// @param keyBytesMax longest key, 1 to [#KEY_BYTES_MAX]
/// @param valueBytesMax greatest weight of a value, 1 to [#VALUE_BYTES_MAX]
/// @param frameBytesMax longest frame without its length prefix, 64 KiB to [#FRAME_BYTES_MAX]
/// @param batchKeysMax most requests in a batch, 1 to [#BATCH_KEYS_MAX]
public record Limits(int keyBytesMax, int valueBytesMax, int frameBytesMax, int batchKeysMax) {
  public static final int KEY_BYTES_MAX = 1_024;
  public static final int VALUE_BYTES_MAX = 16 << 20;
  public static final int FRAME_BYTES_MAX = 32 << 20;
  public static final int BATCH_KEYS_MAX = 10_000;

  /// How deep maps nest: a map in a key is at depth 1.
  public static final int DEPTH_MAX = 16;

  /// Ten years. A longer life is no expiry; use none.
  public static final long TTL_MILLIS_MAX = 3_653L * 24 * 60 * 60 * 1_000;

  /// One day, which is the longest that a threshold is waited for.
  public static final long AWAIT_MILLIS_MAX = 24L * 60 * 60 * 1_000;

  /// The largest entry that goes with the answer to a threshold read, where that was asked for.
  public static final int AWAITED_ENTRY_BYTES_MAX = 64 << 10;

  /// Weight of what invocations have added to one counter while that is told apart.
  public static final int TAGGED_BYTES_MAX = 1 << 20;

  /// Most keys in one page of a scan.
  public static final int SCAN_KEYS_MAX = 10_000;

  /// The longest frame accepted before the handshake is over.
  public static final int HANDSHAKE_BYTES_MAX = 64 << 10;

  public static final Limits DEFAULT =
      new Limits(KEY_BYTES_MAX, VALUE_BYTES_MAX, FRAME_BYTES_MAX, BATCH_KEYS_MAX);

  public Limits {
    requireWithin("limits.key", keyBytesMax, 1, KEY_BYTES_MAX);
    requireWithin("limits.value", valueBytesMax, 1, VALUE_BYTES_MAX);
    requireWithin("limits.frame", frameBytesMax, 64 << 10, FRAME_BYTES_MAX);
    requireWithin("limits.batch", batchKeysMax, 1, BATCH_KEYS_MAX);
    if (frameBytesMax < valueBytesMax + (32 << 10)) {
      throw new IllegalArgumentException(
          "limits.frame "
              + frameBytesMax
              + " must exceed limits.value "
              + valueBytesMax
              + " by at least 32768, so that a value fits in a frame");
    }
  }

  private static void requireWithin(String key, int value, int min, int max) {
    if (value < min || value > max) {
      throw new IllegalArgumentException(
          key + " " + value + " is outside " + min + " to " + max + " bytes or keys");
    }
  }
}
