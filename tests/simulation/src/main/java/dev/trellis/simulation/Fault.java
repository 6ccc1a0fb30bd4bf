package dev.trellis.simulation;

/// What can go wrong, or change, beside single messages.
enum Fault {
  /// A node dies and loses all it had; it may start again under its id, or never. All nodes lose
  /// power at once.
  BLACKOUT,
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
  /// A node dies and starts again at once, when some and not all have heard what it wrote last: its
  /// next life then learns from one or from the other what it said.
  RESTART_HALF_HEARD,
  /// A node acts upon its old view for a while, though it lives and hears all.
  LAG,
  /// A new node joins.
  JOIN,
  /// A node leaves gracefully.
  LEAVE,
  /// A node leaves, and another one dies meanwhile or right after it.
  LEAVE_AND_CRASH,
  /// An operator changes the number of lost nodes to survive.
  TOLERATE,
  /// An operator declares an absent node gone, which may be alive.
  DECLARE_GONE,
  /// A node's clock is set.
  CLOCK_JUMP
}
