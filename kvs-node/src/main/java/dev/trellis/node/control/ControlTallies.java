package dev.trellis.node.control;

import java.util.concurrent.atomic.LongAdder;

/// What the control plane of a node counts. Any thread adds and reads.
final class ControlTallies {
  final LongAdder received = new LongAdder();
  final LongAdder sent = new LongAdder();
  final LongAdder dropped = new LongAdder(); // as nobody was connected, or a queue was full
  final LongAdder malformed = new LongAdder();
  final LongAdder refused = new LongAdder();
}
