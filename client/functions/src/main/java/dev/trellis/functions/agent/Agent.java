package dev.trellis.functions.agent;

/// What agents of a type do: handles one message after the other. Its state is in the context, not
/// in this object, which is made anew at each activation.
///
/// Handling a message counts as a whole: state, timers and what it tells others are there together
/// or not at all. It may nevertheless be *run* more than once, here or on another host, where the
/// run before did not get to count. So what it does outside the store may be seen twice; what it
/// does in the store goes through [AgentContext#invocation], and counts once.
@FunctionalInterface
public interface Agent {
  /// Handles one message. May block: it runs on a virtual thread, one message of an agent at a
  /// time.
  ///
  /// @throws Exception if it could not; it is tried again twice, from the state before. Then the
  ///   message is appended to the log `_trellis/agent-mail/failed/` + name, and the agent goes on
  void handle(Message message, AgentContext context) throws Exception;
}
