package dev.trellis.functions.mailbox;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.trellis.causal.Dot;
import dev.trellis.causal.ReplicaId;
import dev.trellis.lattice.Payload;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.Test;

class PacketTest {
  private static final List<Message> MESSAGES =
      List.of(
          Message.ofText("plain"),
          Message.of(Payload.EMPTY).withFrom("somebody").withHeaders(Map.of("a", "ä", "b", "")),
          Message.of(Payload.of(new byte[1_000]))
              .withPurpose(new Message.Purpose.Question("_reply/1", -7)),
          Message.ofText("42").withPurpose(new Message.Purpose.Answer(-7, false)),
          Message.ofText("no").withPurpose(new Message.Purpose.Answer(8, true)).withFrom("x"));

  private static Payload encoded(Optional<Dot> after) {
    return Packet.join(after, MESSAGES.stream().map(Packet::encode).toList());
  }

  @Test
  void whatIsEncodedIsDecoded() throws Packet.MalformedException {
    for (Optional<Dot> after :
        List.of(Optional.<Dot>empty(), Optional.of(new Dot(new ReplicaId(5, 6), 7)))) {
      assertEquals(new Packet(after, MESSAGES), Packet.decode(encoded(after)));
    }
  }

  /// What lies in stores must be read by later versions.
  @Test
  void theFormIsFixed() {
    Message message =
        Message.ofText("hi").withFrom("me").withPurpose(new Message.Purpose.Question("q", 3));
    assertEquals(
        Payload.of(new byte[] {1, 0, 16, 5, 1, 'q', 0, 0, 0, 0, 0, 0, 0, 3, 2, 'm', 'e', 'h', 'i'}),
        Packet.join(Optional.empty(), List.of(Packet.encode(message))));
  }

  @Test
  void brokenBytesAreRefusedWithTheReason() {
    byte[] whole = encoded(Optional.of(new Dot(new ReplicaId(5, 6), 7))).toBytes();
    Random random = new Random(3);
    for (int length = 0; length < whole.length; length++) {
      decodeOrRefuse(Arrays.copyOf(whole, length));
      byte[] changed = whole.clone();
      changed[length] = (byte) random.nextInt(256);
      decodeOrRefuse(changed);
    }
    Packet.MalformedException refused =
        assertThrows(
            Packet.MalformedException.class,
            () -> Packet.decode(Payload.of(new byte[] {9, 0, 1, 0})));
    assertTrue(refused.getMessage().contains("version 9"), refused.getMessage());
  }

  private static void decodeOrRefuse(byte[] bytes) {
    try {
      assertTrue(Packet.decode(Payload.of(bytes)).messages().size() > 0);
    } catch (Packet.MalformedException e) {
      assertTrue(!e.getMessage().isEmpty());
    }
  }

  @Test
  void whatIsTooLargeOrNoNameIsRefused() {
    assertThrows(
        IllegalArgumentException.class,
        () -> Message.of(Payload.of(new byte[Message.BODY_BYTES_MAX + 1])));
    assertThrows(
        IllegalArgumentException.class,
        () -> Packet.encode(Message.ofText("").withHeaders(Map.of("k", "v".repeat(70_000)))));
    for (String name : List.of("", "a\nb", "x".repeat(513))) {
      assertThrows(IllegalArgumentException.class, () -> Names.mailbox(name));
    }
  }
}
