package dev.trellis.functions.runtime;

/// What a cloud does to functions.
public enum Mischief {
  /// The invocation is run by two instances at the same time.
  DUPLICATE_BESIDE,
  /// The invocation is run once more after it was answered.
  DUPLICATE_AFTER,
  /// The instance dies before the function is called.
  CRASH_BEFORE,
  /// The instance dies in the middle; the last call to the store is carried out, and unanswered.
  CRASH_DURING,
  /// The instance dies when the function has returned: all is written, the answer is lost.
  CRASH_AFTER,
  /// The run is ended in the middle, as if its time were up.
  KILLED,
  /// As [#KILLED], but the run goes on when its invocation has been run again, and writes late.
  ZOMBIE,
  /// An idle instance is snapshotted and restored: its connections are gone, its client is another.
  FROZEN,
  /// An idle instance is gone, so that the next run starts cold.
  RECYCLED
}
