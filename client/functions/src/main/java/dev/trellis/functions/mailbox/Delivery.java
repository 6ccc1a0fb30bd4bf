package dev.trellis.functions.mailbox;

import dev.trellis.causal.Dot;
import dev.trellis.causal.HybridTimestamp;

/// A message in a mailbox.
///
/// @param mailbox the name of it
/// @param dot of the record that it came in: who sent it, and where it stands among what he sent
/// @param index within the record, from 0; small messages travel together
/// @param sent when its record was appended
/// @param tries how often it was handed over before, as far as is known
public record Delivery(
    String mailbox, Dot dot, int index, HybridTimestamp sent, Message message, int tries) {
  /// A name that no other message has, for whoever keeps a list of what was done.
  public String id() {
    return id(dot, index);
  }

  static String id(Dot dot, int index) {
    return dot + "/" + index;
  }
}
