package dev.trellis.functions.agent;

import dev.trellis.causal.Tag;
import dev.trellis.lattice.Payload;

/// A message that an agent has sent and of which it is not known yet that the store has it.
///
/// @param mailbox its name
/// @param tag under which it is one message, however often it is sent
record Outgoing(String mailbox, Tag tag, Payload body) {
  /// The same message under another tag.
  Outgoing under(Tag other) {
    return other.equals(tag) ? this : new Outgoing(mailbox, other, body);
  }
}
