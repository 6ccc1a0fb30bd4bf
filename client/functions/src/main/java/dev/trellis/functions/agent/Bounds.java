package dev.trellis.functions.agent;

import dev.trellis.wire.Limits;

/// How much of an agent and its mail there may be, in bytes. An agent is one value, and so is a
/// mailbox; both must stay well below what the store takes for one.
///
/// @param mailbox where more than this waits in a mailbox, nothing is let in from outside; from
///   agents all that the store takes, as two who tell each other much would wait for each other
/// @param unsent as long as more than this waits in an agent's outbox, it handles nothing, or one
///   thing at a time where nothing moves
/// @param step a step ends once the entry is so large
/// @param entry no step is larger: a message that alone leads to one can't be handled
record Bounds(long mailbox, long unsent, long step, long entry) {
  /// What goes with a message in an outbox: its tag and three lengths.
  private static final int MESSAGE_EXTRA = 40;

  /// Those that go with a store's limits.
  static Bounds of(Limits limits) {
    long value = limits.valueBytesMax();
    return new Bounds(value / 4, value / 16, value / 4, value - value / 8);
  }

  /// What a message weighs in an outbox, about.
  static long weight(Outgoing one) {
    return one.mailbox().length() + one.body().size() + (long) MESSAGE_EXTRA;
  }
}
