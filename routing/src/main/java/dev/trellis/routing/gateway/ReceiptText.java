package dev.trellis.routing.gateway;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/// Receipts as text, for a header: a dictionary as of RFC 9651, such as `copies=2,
/// durable-copies=1, generation="0.0", as-of="1763935000123.0", staleness-millis=4, served=memory`.
/// What is not known is left out.
final class ReceiptText {
  private ReceiptText() {}

  /// What the reply to a write says.
  static String ofWrite(Reply reply) {
    return copies(reply.receipt()) + ", " + found(reply);
  }

  /// What is known of several writes together.
  static String copies(Receipt receipt) {
    return "copies=" + receipt.copies() + ", durable-copies=" + receipt.durableCopies();
  }

  /// What the reply to a read says: as it wrote nothing, it counts no copies.
  static String ofRead(Reply reply) {
    return found(reply);
  }

  private static String found(Reply reply) {
    Receipt receipt = reply.receipt();
    List<String> members = new ArrayList<>();
    members.add("generation=\"" + ContextText.of(receipt.generation()) + '"');
    HybridTimestamp asOf = receipt.asOf();
    if (!asOf.equals(HybridTimestamp.ZERO)) {
      members.add("as-of=\"" + ContextText.of(asOf) + '"');
      // By the clock of who answered, and not by the gateway's: so it holds even if that is wrong.
      members.add("staleness-millis=" + Math.max(0, reply.clock().millis() - asOf.millis()));
    }
    if (receipt.served() != Receipt.Served.UNKNOWN) {
      members.add("served=" + receipt.served().name().toLowerCase(Locale.ROOT));
    }
    return String.join(", ", members);
  }
}
