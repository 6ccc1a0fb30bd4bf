package dev.trellis.functions.agent;

import dev.trellis.lattice.Payload;

/// What an agent is to handle.
public sealed interface Message {
  /// Somebody told it something.
  record Told(Payload payload) implements Message {}

  /// Somebody asked, and waits for [AgentContext#reply].
  record Asked(Payload payload) implements Message {}

  /// The reply to what it asked itself.
  ///
  /// @param name under which it has asked
  record Replied(String name, Payload payload) implements Message {}

  /// No reply came in time to what it asked; one that comes later is dropped. Whoever was asked may
  /// have done it all the same.
  ///
  /// @param name under which it has asked
  record Unanswered(String name) implements Message {}

  /// A timer is due.
  record TimerDue(String name) implements Message {}
}
