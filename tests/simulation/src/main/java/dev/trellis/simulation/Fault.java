package dev.trellis.simulation;

/// What can go wrong, or change, beside single messages.
enum Fault {
  /// A node dies and loses all it had; it may start again under its id, or never.
  CRASH,
  /// A new node dies while it is JOINING.
  CRASH_JOINING,
  /// A node dies while it is LEAVING.
  CRASH_LEAVING,
  /// A node does nothing for a while, as in a long garbage collection.
  PAUSE,
  /// Some do not hear others for a while, in one direction or both.
  PARTITION,
  /// Some nodes take a live one for dead, though messages get through.
  SUSPICION,
  /// While some take a live node for dead, and others stand in for it, another one dies and starts
  /// again at once.
  RELAPSE,
  /// A new node joins.
  JOIN,
  /// A node leaves gracefully.
  LEAVE,
  /// An operator declares an absent node gone, which may be alive.
  DECLARE_GONE,
  /// A node's clock is set.
  CLOCK_JUMP
}
