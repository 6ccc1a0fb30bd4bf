package dev.trellis.cli;

import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/// What the receipt of a read tells, where one was asked for.
final class Receipts {
  private Receipts() {}

  /// The member `receipt` of an answer in JSON; none if no receipt was asked for.
  static void describe(Map<String, @Nullable Object> object, Reply reply) {
    Receipt receipt = reply.receipt();
    if (receipt.served() == Receipt.Served.UNKNOWN) {
      return;
    }
    Map<String, @Nullable Object> members = new LinkedHashMap<>();
    OptionalLong staleness = stalenessMillis(reply);
    if (staleness.isPresent()) {
      members.put("asOf", receipt.asOf().toString());
      members.put("stalenessMillis", staleness.getAsLong());
    }
    members.put("served", word(receipt));
    object.put("receipt", members);
  }

  /// The same as a line for people.
  static String line(Reply reply) {
    OptionalLong staleness = stalenessMillis(reply);
    return "from the "
        + word(reply.receipt())
        + " tier; "
        + (staleness.isPresent()
            ? "lacks nothing that was written until " + staleness.getAsLong() + " ms before"
            : "how new it is is not known");
  }

  private static String word(Receipt receipt) {
    return receipt.served().name().toLowerCase(Locale.ROOT);
  }

  /// By the clock of the shard that answered.
  private static OptionalLong stalenessMillis(Reply reply) {
    HybridTimestamp asOf = reply.receipt().asOf();
    return asOf.equals(HybridTimestamp.ZERO)
        ? OptionalLong.empty()
        : OptionalLong.of(Math.max(0, reply.clock().millis() - asOf.millis()));
  }
}
