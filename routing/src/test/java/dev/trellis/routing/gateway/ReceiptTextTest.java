package dev.trellis.routing.gateway;

import static org.junit.jupiter.api.Assertions.assertEquals;

import dev.trellis.causal.CausalContext;
import dev.trellis.causal.HybridTimestamp;
import dev.trellis.wire.Outcome;
import dev.trellis.wire.Receipt;
import dev.trellis.wire.Reply;
import dev.trellis.wire.View;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class ReceiptTextTest {
  private static Reply reply(Receipt receipt) {
    return new Reply(
        0,
        new Outcome.Done(new View.Nothing(), 0, false),
        HybridTimestamp.ofMillis(7),
        Optional.empty(),
        CausalContext.EMPTY,
        receipt,
        HybridTimestamp.ofMillis(1_000),
        0);
  }

  @Test
  void tellsAllThatIsKnown() {
    Receipt receipt = new Receipt(2, 1).told(HybridTimestamp.ofMillis(996), Receipt.Served.SSD);
    String found = "generation=\"7.0\", as-of=\"996.0\", staleness-millis=4, served=ssd";
    assertEquals("copies=2, durable-copies=1, " + found, ReceiptText.ofWrite(reply(receipt)));
    assertEquals(found, ReceiptText.ofRead(reply(receipt)));
  }

  @Test
  void leavesOutWhatIsNotKnown() {
    assertEquals("generation=\"7.0\"", ReceiptText.ofRead(reply(Receipt.NONE)));
    assertEquals(
        "generation=\"7.0\", served=memory",
        ReceiptText.ofRead(reply(Receipt.NONE.told(HybridTimestamp.ZERO, Receipt.Served.MEMORY))));
    assertEquals("copies=3, durable-copies=0", ReceiptText.copies(new Receipt(3, 0)));
  }

  @Test
  void anAnswerIsNeverNewerThanItsOwnTime() {
    Receipt receipt = Receipt.NONE.told(HybridTimestamp.ofMillis(1_001), Receipt.Served.MEMORY);
    assertEquals(
        "generation=\"7.0\", as-of=\"1001.0\", staleness-millis=0, served=memory",
        ReceiptText.ofRead(reply(receipt)));
  }
}
