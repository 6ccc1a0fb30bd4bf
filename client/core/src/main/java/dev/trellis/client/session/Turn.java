package dev.trellis.client.session;

import java.util.List;

/// One operation of a session under way. A state machine without I/O: it says what it wants, and is
/// told what came of it. Turns of one session may be under way together; each step is taken while
/// nobody else touches the session's state.
interface Turn {
  /// The first step. Called again if the call was refused since its stamp was too far from the
  /// shard's time, and so nothing has happened.
  Step begin();

  /// What follows from what came of the last [Step.Ask].
  ///
  /// @param answers to the calls of the last [Step.Ask], in their order
  Step told(List<Answered> answers);
}
