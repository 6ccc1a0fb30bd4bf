package dev.trellis.node.shard;

import dev.trellis.wire.Frame;

/// What a turn of a scan came to.
public sealed interface ScanTurn {
  /// The page is made.
  record Done(Frame.Scanned page) implements ScanTurn {}

  /// Many keys were passed by that are not shown, and none was found yet.
  ///
  /// @param rest the scan of those that are left, for another turn
  record Unfinished(Frame.Scan rest) implements ScanTurn {}
}
