package dev.trellis.functions.agent;

import dev.trellis.functions.Invocation;
import dev.trellis.lattice.Payload;
import java.time.Duration;

/// What an agent works with while it handles one message. Of no use afterwards, and not to be
/// shared between threads.
public interface AgentContext {
  /// Who it is.
  AgentName name();

  /// By what right it acts: rises from step to step and each time that a host takes the agent over,
  /// so that systems outside can refuse who was overtaken.
  FencingToken token();

  /// Its state, as the message before has left it; empty at first.
  Payload state();

  /// Replaces its state. Takes effect with the whole step.
  void setState(Payload state);

  /// Tells another agent something, once this step counts. It arrives once. What one agent tells
  /// another is usually, but not surely, handled in the order in which it was told.
  void tell(AgentName agent, Payload payload);

  /// Asks another agent. Its reply comes as [Message.Replied], or [Message.Unanswered] comes after
  /// `timeout`, one of the two, and also if another host goes on.
  ///
  /// @param name by which the reply is known, unique among what is not answered yet; asking again
  ///   under a name gives up the former question
  void ask(AgentName agent, Payload payload, String name, Duration timeout);

  /// Replies to the message that is handled.
  ///
  /// @throws IllegalStateException if nobody asked, or it was replied to already
  void reply(Payload payload);

  /// Has [Message.TimerDue] come after `delay`, or some time later; on whichever host. Replaces the
  /// timer of that name.
  void timer(String name, Duration delay);

  /// Gives a timer up, if it has not come yet.
  void cancelTimer(String name);

  /// The store for this message: what is changed through it is tagged by the message, so it counts
  /// once although the message may be handled again. All of it is done before the step counts.
  ///
  /// @throws IllegalStateException where there is no store, as in tests of handlers alone
  Invocation invocation();
}
